"""Segments in coarser buckets: blocks closed at the cut-off, split back without loss, honest back-tests."""

import numpy as np
import pandas as pd
import pytest

from stockstrata.forecasting import engine
from stockstrata.forecasting.coarse import block_length, forecast_paths, usable_blocks
from stockstrata.forecasting.run import forecast_segments
from stockstrata.panel import DemandPanel
from stockstrata.parameters import SegmentStrategy

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
def test_a_bucket_is_never_finer_than_the_cycles(bucket, season, buckets):
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


def _cycle(demand, parameters, bucket, segment="C-INT", freq="W-MON"):
    keys = pd.DataFrame({"item_id": [f"I{k:03d}" for k in range(len(demand))], "location_id": "ALL"})
    panel = DemandPanel(keys, pd.date_range("2022-01-03" if freq == "W-MON" else "2012-01-01",
                                            periods=demand.shape[1], freq=freq), demand, freq)  # fmt: skip
    supply = keys.assign(lead_time_days=21.0, lead_time_sd_days=0.0, evidence_grade="full")
    rows = tuple(row.model_copy(update={"bucket_type": bucket}) for row in parameters.segment_strategies)
    changed = parameters.model_copy(update={"segment_strategies": rows})
    return forecast_segments(panel, keys.assign(segment_code=segment), supply, parameters=changed, workers=1)


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
    # A bucket finer than the cycle's is the cycle's, to the last digit.
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
    assert SegmentStrategy.model_fields["bucket_type"].default == "day"
