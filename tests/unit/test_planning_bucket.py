"""Segments in coarser buckets: blocks closed at the cut-off, split back without loss, honest back-tests."""

import numpy as np
import pandas as pd
import pytest

from stockstrata.forecasting import engine
from stockstrata.forecasting.coarse import block_length, forecast_paths, usable_blocks
from stockstrata.forecasting.days import DayHistory, day_history, with_part_days
from stockstrata.forecasting.days import forecast_paths as day_paths
from stockstrata.forecasting.earlier import EarlierChampions
from stockstrata.forecasting.run import forecast_segments
from stockstrata.panel import DemandPanel
from stockstrata.parameters import SegmentStrategy
from stockstrata.tables import DAILY_FORECAST

WEEKS = 156


def _paths(code, series, ends, block, depth=8, season=52):
    count = len(series)
    return forecast_paths(
        code,
        series,
        np.asarray(ends),
        depth=np.full(count, depth),
        season_length=season,
        is_seasonal=np.zeros(count, dtype=bool),
        max_history=156,
        block_buckets=np.full(count, block),
    ).qty


@pytest.mark.parametrize(
    ("bucket", "season", "buckets"),
    [("day", 52, 1), ("week", 52, 1), ("month", 52, 4), ("quarter", 52, 13), ("month", 12, 1), ("quarter", 12, 3)],
)
def test_a_block_is_never_finer_than_the_cycles_bucket(bucket, season, buckets):
    assert block_length(bucket, season) == buckets


def test_blocks_are_split_back_by_the_profile_of_the_series():
    paths = _paths("naive", [np.tile([1.0, 3.0], 4)], [[8]], 2, depth=3)
    np.testing.assert_allclose(paths[0, 0], [1.0, 3.0, 1.0])


def test_a_profile_that_is_only_noise_is_split_evenly():
    series = np.random.default_rng(0).poisson(10, WEEKS).astype(float)
    found = _paths("historic_average", [series], [[WEEKS]], 4, depth=4)[0, 0]
    observed = series.reshape(-1, 4)[-13:].sum(axis=0) / series.reshape(-1, 4)[-13:].sum()
    assert np.abs(found / found.sum() - 0.25).max() <= np.abs(observed - 0.25).max()
    assert found.sum() == pytest.approx(series.mean() * 4)


@pytest.mark.parametrize("code", ["naive", "ses", "tsb", "croston_sba", "window_average", "year_average"])
def test_the_split_adds_up_to_the_forecast_of_the_blocks(code):
    series = np.random.default_rng(1).poisson(0.6, WEEKS).astype(float)
    found = _paths(code, [series], [[WEEKS]], 4)[0, 0]
    whole = engine.forecast_paths(
        code, [series.reshape(-1, 4).sum(axis=1)], np.array([[39]]), depth=np.array([2]), season_length=13,
        is_seasonal=np.array([False]), max_history=39,
    ).qty[0, 0]  # fmt: skip
    np.testing.assert_allclose(found.reshape(2, 4).sum(axis=1), whole, rtol=1e-12)


def test_only_closed_blocks_before_each_origin_count():
    """What comes behind an origin changes nothing, wherever the origin cuts the blocks."""
    rng = np.random.default_rng(2)
    series = rng.poisson(5, WEEKS).astype(float)
    for end in (WEEKS - 5, WEEKS - 6, WEEKS - 7, WEEKS - 8):
        poisoned = series.copy()
        poisoned[end:] = 1e9
        np.testing.assert_array_equal(_paths("ses", [series], [[end]], 4), _paths("ses", [poisoned], [[end]], 4))
        # The newest block ends at the origin: the naive forecast of the next is its sum.
        assert _paths("naive", [series], [[end]], 4)[0, 0, :4].sum() == pytest.approx(series[end - 4 : end].sum())


def test_origins_of_one_series_do_not_depend_on_each_other():
    series = np.random.default_rng(3).poisson(5, WEEKS).astype(float)
    together = _paths("ses", [series], [[150, 147, 144, -1]], 4)[0]
    for slot, end in enumerate((150, 147, 144)):
        np.testing.assert_array_equal(together[slot], _paths("ses", [series], [[end]], 4)[0, 0])
    assert np.isnan(together[3]).all()


def test_a_series_too_short_for_blocks_keeps_the_cycles_buckets():
    assert usable_blocks(np.array([16, 15]), 4).tolist() == [4, 1]


def _cycle(demand, parameters, bucket, segment="C-INT", freq="W-MON", lead=21.0, **more):
    keys = pd.DataFrame({"item_id": [f"I{k:03d}" for k in range(len(demand))], "location_id": "ALL"})
    panel = DemandPanel(keys, pd.date_range("2022-01-03" if freq == "W-MON" else "2012-01-01",
                                            periods=demand.shape[1], freq=freq), demand, freq)  # fmt: skip
    supply = keys.assign(lead_time_days=lead, lead_time_sd_days=0.0, evidence_grade="full")
    rows = tuple(row.model_copy(update={"bucket_type": bucket}) for row in parameters.segment_strategies)
    changed = parameters.model_copy(update={"segment_strategies": rows})
    return forecast_segments(panel, keys.assign(segment_code=segment), supply, parameters=changed, workers=1, **more)


def test_a_segment_in_months_publishes_weeks_and_says_so(make_parameters):
    demand = np.random.default_rng(5).poisson(0.4, (12, WEEKS)).astype(float)
    demand[0] = 0.0
    demand[1, :-9] = np.nan
    weeks = _cycle(demand, make_parameters(), "day")
    months = _cycle(demand, make_parameters(), "month")
    assert list(months.forecasts["bucket_start_date"]) == list(weeks.forecasts["bucket_start_date"])
    assert months.champions["block_buckets"].tolist() == [1, 1, *[4] * 10]
    assert (weeks.champions["block_buckets"] == 1).all()
    for result in (weeks, months):
        assert (result.forecasts["mean_qty"] >= 0).all()
        assert np.isfinite(result.lead_time_demand[["mean_qty", "sd_qty", "p95_qty"]].to_numpy()).all()
    # Without demand by day, days are the cycle's buckets, to the last digit.
    pd.testing.assert_frame_equal(_cycle(demand, make_parameters(), "week").forecasts, weeks.forecasts)


def test_another_bucket_is_computed_anew(make_parameters):
    demand = np.random.default_rng(6).poisson(2, (3, WEEKS)).astype(float)
    first = _cycle(demand, make_parameters(), "month")
    assert (first.states.inputs.method_hash != _cycle(demand, make_parameters(), "day").states.inputs.method_hash).all()
    again = _cycle(demand, make_parameters(), "month")
    pd.testing.assert_frame_equal(first.forecasts, again.forecasts)


def test_weeks_that_cancel_inside_a_month_are_better_forecast_by_the_month(make_parameters):
    """Planted truth: one order every fourth week of a steady size. Blocks of four see it as certain."""
    demand = np.zeros((6, WEEKS))
    demand[:, 3::4] = 40.0 + np.random.default_rng(7).integers(-2, 3, (6, WEEKS // 4))
    months = _cycle(demand, make_parameters(), "month").forecasts
    ahead = months.pivot(index="item_id", columns="horizon_bucket", values="mean_qty").to_numpy()
    np.testing.assert_allclose(ahead[:, 3], 40.0, atol=3.0)
    np.testing.assert_allclose(ahead[:, :3], 0.0, atol=1.0)


def test_quarters_of_months(make_parameters):
    demand = np.random.default_rng(8).poisson(20, (4, 96)).astype(float)
    result = _cycle(demand, make_parameters(), "quarter", segment="AX", freq="MS")
    assert (result.champions["block_buckets"] == 3).all()
    assert result.forecasts.groupby("item_id").size().tolist() == [6] * 4


def test_parameter_files_without_the_column_mean_the_cycles_bucket():
    assert SegmentStrategy.model_fields["bucket_type"].default == "week"


# --- days ---------------------------------------------------------------------------------------------------------


def _days(demand_by_day):
    """Demand (n, T, 7) as a panel of weeks and as its days."""
    count = len(demand_by_day)
    keys = pd.DataFrame({"item_id": [f"I{k:03d}" for k in range(count)], "location_id": "ALL"})
    return demand_by_day.sum(axis=2), DayHistory(keys, demand_by_day.astype(float))


def test_days_are_laid_out_over_the_weeks_of_the_panel():
    keys = pd.DataFrame({"item_id": ["A", "B"], "location_id": "ALL"})
    panel = DemandPanel(keys, pd.date_range("2024-01-01", periods=2, freq="W-MON"), np.ones((2, 2)), "W-MON")
    daily = pd.DataFrame(
        {
            "item_id": ["A", "A", "A", "B", "A"], "location_id": "ALL",
            "demand_date": ["2024-01-02", "2024-01-14", "2024-01-15", "2024-01-01", "2023-12-31"],
            "demand_qty": [3.0, 4.0, 9.0, 5.0, 9.0],
        }
    )  # fmt: skip
    found = day_history(daily, panel, np.array([0]))
    assert found.keys["item_id"].tolist() == ["A"]
    expected = np.zeros((1, 2, 7))
    expected[0, 0, 1], expected[0, 1, 6] = 3.0, 4.0
    np.testing.assert_array_equal(found.demand_qty, expected)
    assert found.places(keys).tolist() == [0, -1]
    np.testing.assert_allclose(found.share.sum(axis=2), 1.0)
    empty = day_history(daily.iloc[:0], panel, np.array([1]))
    np.testing.assert_allclose(empty.share, 1 / 7)


@pytest.mark.parametrize("code", ["naive", "ses", "tsb", "croston_sba", "window_average", "year_average", "adida"])
def test_buckets_are_sums_of_forecasts_of_days(code):
    rng = np.random.default_rng(11)
    days = rng.poisson(2.0, (60, 7)).astype(float)
    days[:, 0] += 1.0
    series, share = days.sum(axis=1), days / days.sum(axis=1, keepdims=True)
    found = day_paths(code, [series], [share], np.array([[60, 50]]), depth=np.array([3]), max_history=156).qty[0]
    for slot, end in enumerate((60, 50)):
        own = engine.forecast_paths(
            code, [days[:end].ravel()], np.array([[7 * end]]), depth=np.array([21]), season_length=7,
            is_seasonal=np.array([True]), max_history=7 * 156,
        ).qty[0, 0]  # fmt: skip
        np.testing.assert_allclose(found[slot], own.reshape(3, 7).sum(axis=1), rtol=1e-9)


def test_window_models_of_days_look_back_as_far_as_those_of_weeks():
    days = np.random.default_rng(12).poisson(2.0, (100, 7)).astype(float) + 1.0
    series, share = days.sum(axis=1), days / days.sum(axis=1, keepdims=True)
    for code in ("window_average", "year_average"):
        found = day_paths(code, [series], [share], np.array([[100]]), depth=np.array([1]), max_history=156).qty
        weeks = _paths(code, [series], [[100]], 1, depth=1)
        np.testing.assert_allclose(found, weeks, rtol=1e-9)


def test_a_part_of_a_week_is_what_its_days_sell():
    profile = np.array([[0.5, 0.5, 0, 0, 0, 0, 0], [1 / 7] * 7])
    for buckets, expected in (
        (1 + 2 / 7, [2.0, 1 + 2 / 7]),
        (1.5, [2.0, 1.5]),
        (1 / 14, [0.25, 1 / 14]),
        (3.0, [3, 3]),
    ):
        np.testing.assert_allclose(with_part_days(np.full(2, buckets), profile), expected)


def test_a_segment_in_days_publishes_weeks_and_days_that_add_up(make_parameters):
    rng = np.random.default_rng(13)
    by_day = rng.poisson(np.array([6, 5, 4, 3, 2, 0, 0]) * np.ones((8, WEEKS, 1))).astype(float)
    by_day[0] = 0.0
    demand, days = _days(by_day)
    demand[1, :-6] = np.nan
    # Three days: a part of a week, in which more than the calendar's share is sold.
    found = _cycle(demand, make_parameters(), "day", segment="AX", lead=-4.0, days=days)
    weeks = _cycle(demand, make_parameters(), "week", segment="AX", lead=-4.0)
    assert (found.champions["bucket_type"] == "day").all()
    assert (weeks.champions["bucket_type"] == "week").all()
    assert weeks.daily.empty
    assert list(found.forecasts.columns) == list(weeks.forecasts.columns)
    assert list(found.forecasts["bucket_start_date"]) == list(weeks.forecasts["bucket_start_date"])
    daily = found.daily
    assert list(daily.columns) == [c.name for c in DAILY_FORECAST.columns if c.name != "period_start_date"]
    assert len(daily) == 8 * 91
    assert not daily.duplicated(["item_id", "day_date"]).any()
    sums = daily.groupby(["item_id", "bucket_start_date"])["mean_qty"].sum()
    published = found.forecasts.set_index(["item_id", "bucket_start_date"])["mean_qty"].reindex(sums.index)
    np.testing.assert_allclose(sums, published, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(daily["final_qty"], daily["mean_qty"])
    weekend = pd.to_datetime(daily["day_date"]).dt.dayofweek >= 5
    steady = ~daily["item_id"].isin(["I000", "I001"])
    assert daily.loc[weekend & steady, "mean_qty"].max() < 0.01 * daily.loc[~weekend & steady, "mean_qty"].mean()
    # Monday to Wednesday sell three quarters of a week, and three sevenths by the calendar.
    own = (found.lead_time_demand["mean_qty"] / weeks.lead_time_demand["mean_qty"]).to_numpy()[2:]
    np.testing.assert_allclose(own, 0.75 * 7 / 3, rtol=0.1)
    for result in (found, weeks):
        assert np.isfinite(result.lead_time_demand[["mean_qty", "sd_qty", "p95_qty"]].to_numpy()).all()


def test_days_reach_the_fit_and_no_origin_sees_later_ones(make_parameters):
    """The newest days of a week tell more than its sum: a level that doubled on Thursday is half learnt by Sunday."""
    by_day = np.full((6, WEEKS, 7), 10.0) + np.random.default_rng(14).integers(-1, 2, (6, WEEKS, 7))
    by_day[:, -1, 3:] *= 2
    demand, days = _days(by_day)
    names = ("scores", "register", "forecasts")
    found = _cycle(demand, make_parameters(), "day", days=days)
    # The same weeks with other days: fits differ, so the days were learnt from.
    turned = DayHistory(days.keys, days.demand_qty[:, :, ::-1])
    other = _cycle(demand, make_parameters(), "day", days=turned)
    assert not np.allclose(found.forecasts["mean_qty"], other.forecasts["mean_qty"])
    assert set(other.origins["origin_code"]) == {"new"}
    # What lies behind every origin moves no score.
    poisoned = days.demand_qty.copy()
    poisoned[:, -1] = poisoned[:, -1, ::-1]
    late = _cycle(demand, make_parameters(), "day", days=DayHistory(days.keys, poisoned))
    pd.testing.assert_frame_equal(late.scores, found.scores)
    again = _cycle(demand, make_parameters(), "day", days=days, earlier=found.states)
    assert set(again.origins["origin_code"]) == {"reused"}
    for name in names:
        pd.testing.assert_frame_equal(getattr(again, name), getattr(found, name))
    changed = _cycle(demand, make_parameters(), "day", days=turned, earlier=found.states)
    assert set(changed.origins["origin_code"]) == {"history"}


def test_a_champion_of_weeks_has_no_claim_on_days(make_parameters):
    demand, days = _days(np.random.default_rng(15).poisson(3.0, (5, WEEKS, 7)))
    weeks = _cycle(demand[:, :-4], make_parameters(), "week")
    before = EarlierChampions(weeks.register, weeks.backtests, weeks.backtest_lags)
    found = _cycle(demand, make_parameters(), "day", days=days, champions=before)
    assert set(found.register["trigger_code"]) == {"method_changed"}
    refit = _cycle(demand, make_parameters(), "week", champions=before)
    assert set(refit.register["trigger_code"]) == {"none"}


def test_champions_of_days_are_refitted_by_the_day(make_parameters):
    demand, days = _days(np.random.default_rng(16).poisson(3.0, (5, WEEKS, 7)))
    early = DayHistory(days.keys, days.demand_qty[:, :-4])
    first = _cycle(demand[:, :-4], make_parameters(), "day", days=early)
    before = EarlierChampions(first.register, first.backtests, first.backtest_lags)
    found = _cycle(demand, make_parameters(), "day", days=days, champions=before)
    assert set(found.register["decision_code"]) == {"refitted"}
    turned = DayHistory(days.keys, days.demand_qty[:, :, ::-1])
    other = _cycle(demand, make_parameters(), "day", days=turned, champions=before)
    assert not np.allclose(found.forecasts["mean_qty"], other.forecasts["mean_qty"])
