"""A whole forecast cycle: no series lost, no future seen, honest fallbacks, calibrated quantiles."""

import dataclasses
import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stockstrata.errors import PlanningError
from stockstrata.forecasting import engine, report, run, workers
from stockstrata.forecasting.choice import ChoiceRule, choose_champions
from stockstrata.forecasting.pool import forecast_pool
from stockstrata.forecasting.run import ForecastResult, forecast_segments
from stockstrata.panel import DemandPanel
from stockstrata.parameters import PARAMETER_TABLES, PlanningParameters, planning_parameters
from stockstrata.tables import CHAMPION, DEMAND_FORECAST, FORECAST_ACCURACY, LEAD_TIME_DEMAND, MODEL_SCORE

SEEDS = Path(__file__).parents[2] / "dbt_project" / "seeds" / "parameters"
WEEKS = np.arange(156)


@pytest.fixture(scope="module")
def parameters() -> PlanningParameters:
    tables = {name: pd.read_csv(SEEDS / f"{name}.csv", dtype=str, keep_default_na=False) for name in PARAMETER_TABLES}
    return planning_parameters(tables, as_of=dt.date(2025, 1, 1), version="test")


def _inputs(
    demand: np.ndarray, segments: list[str] | str, lead_time_days: float | np.ndarray, *, sd: float = 0.0,
    grade: str = "full", freq: str = "W-MON",
) -> tuple[DemandPanel, pd.DataFrame, pd.DataFrame]:  # fmt: skip
    keys = pd.DataFrame({"item_id": [f"I{i:04d}" for i in range(len(demand))], "location_id": "ALL"})
    start = "2022-01-03" if freq == "W-MON" else "2022-01-01"
    panel = DemandPanel(keys, pd.date_range(start, periods=demand.shape[1], freq=freq), demand, freq)
    assignment = keys.assign(segment_code=segments, evidence_grade="full")
    supply = keys.assign(lead_time_days=lead_time_days, lead_time_sd_days=sd, evidence_grade=grade)
    return panel, assignment, supply


def _run(parameters: PlanningParameters, *inputs, workers: int = 1) -> ForecastResult:
    return forecast_segments(*inputs, parameters=parameters, workers=workers)


def _nasty() -> dict[str, np.ndarray]:
    gone = np.where(WEEKS < 52, 10.0 * (WEEKS % 2), 0.0)
    one_sale = np.zeros(156)
    one_sale[60] = 4.0
    last_sale = np.zeros(156)
    last_sale[155] = 4.0
    new = np.full(156, np.nan)
    new[-1] = 5.0
    zero_new = np.full(156, np.nan)
    zero_new[-2:] = 0.0
    young = np.full(156, np.nan)
    young[-9:] = [4, 6, 5, 7, 3, 6, 5, 4, 8]
    return {
        "all_zero": np.zeros(156),
        "one_point": new,
        "two_zero_points": zero_new,
        "nine_points": young,
        "constant": np.full(156, 7.0),
        "linear": np.linspace(1, 100, 156),
        "huge": 1e12 * (1 + 0.1 * np.sin(WEEKS)),
        "tiny": 1e-9 * (1 + WEEKS % 3),
        "clipped_returns": np.maximum(5 * np.sin(WEEKS), 0.0),
        "ended_two_years_ago": gone,
        "one_sale": one_sale,
        "sold_last_week_only": last_sale,
        "step": np.where(WEEKS < 150, 1.0, 500.0),
        "spike": np.where(WEEKS == 80, 1e6, 1.0),
    }


@pytest.mark.parametrize("segment", ["AX", "A-INT", "NEW", "EOL"])
@pytest.mark.parametrize("lead_time_days", [0.0, 21.0, 700.0])
def test_nasty_series_are_never_lost_never_nan_never_negative(parameters, segment, lead_time_days):
    series = _nasty()
    result = _run(parameters, *_inputs(np.array(list(series.values())), segment, lead_time_days))
    assert len(result.champions) == len(result.lead_time_demand) == len(series)
    assert result.forecasts["item_id"].nunique() == len(series)
    for frame in (result.forecasts, result.lead_time_demand):
        quantities = frame.filter(like="_qty").to_numpy()
        assert np.isfinite(quantities).all()
        assert (quantities >= 0).all()
    levels = result.lead_time_demand[["p50_qty", "p80_qty", "p90_qty", "p95_qty", "p98_qty", "p99_qty"]].to_numpy()
    assert (np.diff(levels, axis=1) >= 0).all()
    buckets = result.forecasts[["p10_qty", "p50_qty", "p80_qty", "p90_qty", "p95_qty", "p98_qty"]].to_numpy()
    assert (np.diff(buckets, axis=1) >= 0).all()
    assert not np.isinf(result.champions[["score_ratio", "naive_score_ratio"]].to_numpy(dtype=float)).any()
    assert not np.isinf(result.accuracy.filter(regex="_rate|_ratio").to_numpy(dtype=float)).any()


def test_fallbacks_say_why(parameters):
    series = _nasty()
    found = _run(parameters, *_inputs(np.array(list(series.values())), "AX", 21.0))
    champions = found.champions.assign(name=list(series)).set_index("name")
    assert champions.loc["all_zero", ["model_code", "reason_code"]].tolist() == ["zero", "all_zero"]
    assert champions.loc["two_zero_points", "reason_code"] == "all_zero"
    assert champions.loc["one_point", ["model_code", "reason_code"]].tolist() == ["historic_average", "too_short"]
    assert champions.loc[["all_zero", "one_point", "nine_points"], "evidence_grade"].tolist() == ["degraded"] * 3
    assert champions.loc["linear", "evidence_grade"] == "full"
    assert champions.loc["one_point", "is_better_than_naive"] is pd.NA
    demand = found.lead_time_demand.assign(name=list(series)).set_index("name")
    assert demand.loc["one_point", "mean_qty"] == pytest.approx(5.0 * 4)
    assert demand.loc["one_point", "sd_qty"] > 0
    assert demand.loc["constant", ["mean_qty", "p99_qty"]].tolist() == [28.0, 28.0]
    assert demand.loc["all_zero", "method_code"] == "degenerate"


def test_frames_have_the_columns_of_their_tables(parameters):
    result = _run(parameters, *_inputs(np.array(list(_nasty().values())), "AX", 21.0))
    for frame, table in (
        (result.scores, MODEL_SCORE),
        (result.champions, CHAMPION),
        (result.forecasts, DEMAND_FORECAST),
        (result.lead_time_demand, LEAD_TIME_DEMAND),
        (result.accuracy, FORECAST_ACCURACY),
    ):
        assert list(frame.columns) == [column.name for column in table.columns if column.name != "period_start_date"]
        grain = [name for name in table.grain if name != "period_start_date"]
        assert not frame.duplicated(grain).any()
        if "item_id" in frame:
            assert frame["item_id"].is_monotonic_increasing
    assert set(result.accuracy["segment_code"]) == {"AX", "ALL"}
    scored = result.scores.groupby("item_id")["is_champion"].sum()
    assert (scored == 1).all()


def _company(n: int, *, seed: int, buckets: int) -> tuple[np.ndarray, list[str]]:
    """Half seasonal and smooth, half intermittent, all whole numbers from known processes."""
    rng = np.random.default_rng(seed)
    time = np.arange(buckets)
    demand, segments = np.empty((n, buckets)), []
    for row in range(n):
        if row % 2:
            sold = rng.random(buckets) < rng.uniform(0.1, 0.5)
            demand[row] = sold * (1 + rng.negative_binomial(2, 0.4, buckets))
        else:
            season = 1 + rng.uniform(0, 0.5) * np.sin(2 * np.pi * time / 52 + rng.uniform(0, 6))
            mean, size = rng.lognormal(3, 0.8) * season, rng.uniform(3, 30)
            demand[row] = rng.negative_binomial(size, size / (size + mean))
        segments.append("A-INT" if row % 2 else "AX")
    return demand, segments


def test_nasty_neighbours_do_not_spoil_the_others(parameters):
    demand, _ = _company(40, seed=12, buckets=156)
    smooth = demand[::2]
    alone = _run(parameters, *_inputs(smooth, "AX", 21.0)).lead_time_demand
    crowd = _run(parameters, *_inputs(np.vstack([smooth, *_nasty().values()]), "AX", 21.0)).lead_time_demand.iloc[:20]
    assert (crowd["sd_qty"].to_numpy() / alone["sd_qty"].to_numpy()).max() < 2.5


def test_nothing_after_the_cut_off_is_seen(parameters):
    demand, segments = _company(12, seed=1, buckets=160)
    changed = demand.copy()
    changed[:, 150:] = 1e9
    results = []
    for data in (demand, changed):
        panel, assignment, supply = _inputs(data, segments, 21.0)
        cut = DemandPanel(panel.keys, panel.bucket_start_dates[:150], panel.demand_qty[:, :150], panel.bucket_days)
        results.append(_run(parameters, cut, assignment, supply))
    _assert_same(*results)


TABLES = ("scores", "champions", "forecasts", "lead_time_demand", "accuracy", "faults")


def _assert_same(one: ForecastResult, other: ForecastResult) -> None:
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)


def _mixed_company() -> tuple[DemandPanel, pd.DataFrame, pd.DataFrame]:
    """Short and long histories and lead times side by side."""
    demand, segments = _company(24, seed=2, buckets=260)
    demand[::5, :200] = np.nan
    return _inputs(demand, segments, np.where(np.arange(24) % 7 == 3, 300.0, 21.0))


def test_workers_chunks_and_repetition_change_no_byte(parameters, monkeypatch):
    inputs = _mixed_company()
    alone = _run(parameters, *inputs)
    monkeypatch.setattr(workers, "DEAR_WORK_MILLISECONDS", 0.0)
    monkeypatch.setattr(run, "CHUNK_SERIES", 8)
    _assert_same(alone, _run(parameters, *inputs, workers=2))
    monkeypatch.setattr(run, "CHUNK_SERIES", 1)
    monkeypatch.setattr(report, "WIDE_ROWS", 5)
    _assert_same(alone, _run(parameters, *inputs))


def test_scores_and_champions_of_a_series_do_not_depend_on_the_others(parameters):
    panel, assignment, supply = _mixed_company()
    whole = _run(parameters, panel, assignment, supply)
    rows = np.arange(0, 24, 2)
    part = _run(parameters, panel.select(rows), assignment, supply)
    for name in ("scores", "champions"):
        held = getattr(whole, name)
        held = held[held["item_id"].isin(panel.keys["item_id"].iloc[rows])].reset_index(drop=True)
        pd.testing.assert_frame_equal(held, getattr(part, name), check_exact=True)


def test_an_incremental_run_equals_a_full_one_and_computes_what_changed(parameters, monkeypatch):
    panel, assignment, supply = _mixed_company()
    first = _run(parameters, panel, assignment, supply)
    assert set(first.origins["origin_code"]) == {"new"}
    demand = panel.demand_qty.copy()
    demand[4, -3] += 9.0
    lead_time = supply["lead_time_days"].to_numpy().copy()
    lead_time[6] += 14.0
    changed = (
        dataclasses.replace(panel, demand_qty=demand),
        assignment.assign(segment_code=assignment["segment_code"].where(assignment.index != 8, "EOL")),
        supply.assign(lead_time_days=lead_time),
    )
    computed = []
    monkeypatch.setattr(
        workers, "forecast_pool", lambda task: computed.append(len(task.demand_qty)) or forecast_pool(task)
    )
    again = forecast_segments(*changed, parameters=parameters, workers=1, earlier=first.states)
    origin = again.origins["origin_code"]
    assert origin[[4, 6, 8]].tolist() == ["history", "interval", "method"]
    assert (origin.drop([4, 6, 8]) == "reused").all()
    assert sum(computed) == 3
    _assert_same(again, _run(parameters, *changed))
    # What it hands on serves the next run as well as that of a full run.
    third = forecast_segments(*changed, parameters=parameters, workers=1, earlier=again.states)
    assert set(third.origins["origin_code"]) == {"reused"}
    _assert_same(third, again)


def test_other_code_reuses_nothing(parameters):
    panel, assignment, supply = _mixed_company()
    rows = np.arange(4)
    first = _run(parameters, panel.select(rows), assignment, supply)
    again = forecast_segments(
        panel.select(rows), assignment, supply, parameters=parameters, workers=1, code_version="2", earlier=first.states
    )
    assert set(again.origins["origin_code"]) == {"method"}


def test_a_series_that_is_gone_or_new_is_no_obstacle(parameters):
    panel, assignment, supply = _mixed_company()
    first = _run(parameters, panel.select(np.arange(20)), assignment, supply)
    kept = panel.select(np.arange(2, 24))
    again = forecast_segments(kept, assignment, supply, parameters=parameters, workers=1, earlier=first.states)
    assert again.origins["origin_code"].tolist() == ["reused"] * 18 + ["new"] * 4
    _assert_same(again, _run(parameters, kept, assignment, supply))


def test_a_model_that_fails_is_named_and_the_others_stand_in(parameters, monkeypatch):
    made = engine._factories()

    class Broken:
        def fit(self, y: np.ndarray) -> None:
            raise ValueError("singular matrix")

    monkeypatch.setattr(engine, "_factories", lambda: made | {"ets_level": lambda _: Broken()})
    demand, _ = _company(4, seed=3, buckets=156)
    result = _run(parameters, *_inputs(demand, "AX", 21.0))
    assert result.faults["model_code"].tolist() == ["ets_level"] * 4
    assert result.faults["fault_text"].tolist() == ["ValueError: singular matrix"] * 4
    assert result.faults["item_id"].tolist() == result.champions["item_id"].tolist()
    assert "ets_level" not in set(result.scores["model_code"])
    assert (result.champions["reason_code"] != "no_finite_model").all()


def test_less_than_two_seasons_never_get_a_seasonal_model(parameters):
    demand, _ = _company(8, seed=3, buckets=100)
    result = _run(parameters, *_inputs(demand, "AX", 21.0))
    assert "stl_ets" not in set(result.scores["model_code"])
    # Theta without a season is a straight line; clipped at zero at most.
    theta = result.scores[result.scores["model_code"] == "dynamic_optimized_theta"]
    assert len(theta) == 8
    longer = _run(parameters, *_inputs(_company(8, seed=3, buckets=156)[0], "AX", 21.0))
    assert "stl_ets" in set(longer.scores["model_code"])


def test_the_simpler_model_wins_a_tie_and_the_better_one_otherwise():
    score = np.array([[1.01, 1.0], [1.5, 1.0], [np.nan, 2.0], [np.nan, np.nan], [1e-12, 0.0]])
    assert choose_champions(score, ChoiceRule(0.02), equal=np.full(5, 1e-9)).tolist() == [0, 1, 1, -1, 0]


def test_the_incumbent_stays_unless_another_model_is_better_by_the_margin():
    score = np.array([[0.9, 1.0], [0.69, 1.0], [0.5, np.nan], [np.nan, 2.0], [np.nan, np.nan], [0.0, 0.0]])
    rule = ChoiceRule(0.02, incumbent=1, margin_rate=0.3)
    assert choose_champions(score, rule, equal=np.full(6, 1e-9)).tolist() == [1, 0, 0, 1, -1, 1]


def test_the_ensemble_is_the_median_of_the_other_models(parameters):
    demand, segments = _company(12, seed=8, buckets=156)
    result = _run(parameters, *_inputs(demand, segments, 21.0))
    kept = result.champions[result.champions["model_code"] == "ensemble_median"]
    assert len(kept) >= 6
    assert set(kept["reason_code"]) <= {"validated", "incumbent_kept"}
    # The median of forecasts lies between any two of them, so its error is never the largest of all.
    scores = result.scores.set_index(["item_id", "model_code"])["cumulative_rmse_qty"].unstack()
    others = scores.drop(columns="ensemble_median")
    assert (scores["ensemble_median"] <= others.max(axis=1) + 1e-9).all()


def test_champion_is_scored_against_naive_on_the_same_origins(parameters):
    demand, segments = _company(40, seed=4, buckets=156)
    champions = _run(parameters, *_inputs(demand, segments, 21.0)).champions
    assert (champions["is_better_than_naive"] == (champions["score_ratio"] < champions["naive_score_ratio"])).all()
    assert champions["is_better_than_naive"].mean() > 0.75
    assert (champions["horizon_buckets"] == 4).all()


def test_interval_is_lead_time_plus_review_and_forecasts_cover_a_quarter_and_the_interval(parameters):
    demand, segments = _company(6, seed=5, buckets=156)
    lead_time = np.array([10.0, 10.0, 200.0, 21.0, 21.0, 21.0])
    result = _run(parameters, *_inputs(demand, segments, lead_time))
    assert result.lead_time_demand["protection_interval_days"].tolist() == [17.0, 17.0, 207.0, 28.0, 28.0, 28.0]
    assert result.forecasts.groupby("item_id")["horizon_bucket"].max().tolist() == [13, 13, 30, 13, 13, 13]
    first = result.forecasts[result.forecasts["item_id"] == "I0000"]
    expected = first["mean_qty"].iloc[:2].sum() + 3 / 7 * first["mean_qty"].iloc[2]
    assert result.lead_time_demand["mean_qty"].iloc[0] == pytest.approx(expected)
    assert first["bucket_start_date"].iloc[0] == pd.Timestamp("2022-01-03") + pd.Timedelta(weeks=156)


def test_months_work_like_weeks(parameters):
    demand, _ = _company(10, seed=6, buckets=48)
    result = _run(parameters, *_inputs(demand, "AX", 40.0, freq="MS"))
    assert (result.champions["horizon_buckets"] == 2).all()
    assert result.forecasts["horizon_bucket"].max() == 6
    assert result.forecasts["bucket_start_date"].dt.day.unique().tolist() == [1]


def test_an_assumed_lead_time_makes_lead_time_demand_assumed_and_not_the_forecast(parameters):
    demand, segments = _company(4, seed=7, buckets=156)
    result = _run(parameters, *_inputs(demand, segments, 21.0, sd=7.0, grade="assumed"))
    assert (result.champions["evidence_grade"] == "full").all()
    assert (result.lead_time_demand["evidence_grade"] == "assumed").all()
    row = result.lead_time_demand.iloc[0]
    assert row.lead_time_sd_qty == pytest.approx(row.daily_mean_qty * 7)
    assert row.sd_qty == pytest.approx(np.hypot(row.demand_sd_qty, row.lead_time_sd_qty))


def test_dead_items_fade_in_the_decline_pool(parameters):
    result = _run(parameters, *_inputs(_nasty()["ended_two_years_ago"][None, :], "EOL", 21.0))
    assert result.lead_time_demand["mean_qty"].iloc[0] < 0.01


def test_the_quantile_of_the_sum_is_far_below_the_sum_of_quantiles(parameters):
    # Trap FC-03: over 14 independent buckets the summed P90 buffers come to about sqrt(14) = 3.7 times the right one.
    rng = np.random.default_rng(8)
    demand = rng.gamma(2.0, 50.0, (20, 156))
    result = _run(parameters, *_inputs(demand, "AX", 91.0))
    mean = result.lead_time_demand.set_index("item_id")["mean_qty"]
    ahead = result.forecasts[result.forecasts["horizon_bucket"] <= 14]
    summed = ahead.groupby("item_id")["p90_qty"].sum() - mean
    ours = result.lead_time_demand.set_index("item_id")["p90_qty"] - mean
    assert summed.sum() > 2.2 * ours.sum()


def test_seasonal_demand_is_buffered_for_its_error_and_not_for_its_season(parameters):
    # Trap SS-02: demand varies by 43.8, the forecast errs by 10.
    rng = np.random.default_rng(9)
    season = 120 + 60 * np.sin(2 * np.pi * WEEKS / 52)
    demand = np.maximum(season + rng.normal(0, 10, (30, 156)), 0.0)
    assert demand.std(axis=1).mean() == pytest.approx(43.6, abs=1)
    result = _run(parameters, *_inputs(demand, "AX", 0.0))
    sd = result.lead_time_demand["sd_qty"]
    assert sd.median() == pytest.approx(10, rel=0.45)
    assert sd.max() < 22


def test_coverage_of_the_interval_quantiles_holds_out_of_sample(parameters):
    demand, segments = _company(360, seed=10, buckets=156 + 14)
    rng = np.random.default_rng(11)
    lead_time = rng.choice([7.0, 14.0, 28.0, 45.0], 360)
    result = _run(parameters, *_inputs(demand[:, :156], segments, lead_time))
    found = result.lead_time_demand
    buckets = found["protection_interval_days"].to_numpy() / 7
    share = np.clip(buckets[:, None] - np.arange(14)[None, :], 0, 1)
    sold = (demand[:, 156:] * share).sum(axis=1)
    coverage = {
        level: (sold <= found[level]).mean() for level in ("p50_qty", "p80_qty", "p90_qty", "p95_qty", "p99_qty")
    }
    assert coverage["p50_qty"] == pytest.approx(0.5, abs=0.07)
    assert coverage["p80_qty"] == pytest.approx(0.8, abs=0.05)
    assert coverage["p90_qty"] == pytest.approx(0.9, abs=0.035)
    assert coverage["p95_qty"] == pytest.approx(0.95, abs=0.03)
    assert coverage["p99_qty"] == pytest.approx(0.99, abs=0.02)
    backtest = result.accuracy[(result.accuracy["segment_code"] == "ALL") & (result.accuracy["lag_buckets"] <= 8)]
    assert backtest["coverage_p90_rate"].between(0.87, 0.94).all()


def test_a_missing_lead_time_or_segment_is_named(parameters):
    panel, assignment, supply = _inputs(np.ones((2, 60)), "AX", 21.0)
    with pytest.raises(PlanningError, match="I0001"):
        _run(parameters, panel, assignment, supply.iloc[:1])
    with pytest.raises(PlanningError, match="NO-SUCH"):
        _run(parameters, panel, assignment.assign(segment_code="NO-SUCH"), supply)
    with pytest.raises(PlanningError, match="lead_time_days"):
        _run(parameters, panel, assignment, supply.assign(lead_time_days=np.nan))


@pytest.mark.parametrize("peak", [0, 13, 26, 39])
def test_a_season_that_rises_is_followed_from_two_years_on(make_parameters, peak):
    """Half as much again each year, a season of 60 percent, any place in it, two years of history."""
    rng, weeks, ahead = np.random.default_rng(peak), np.arange(104 + 8), 8
    expected = 100.0 * 1.5 ** (weeks / 52) * (1.0 + 0.6 * np.cos(2 * np.pi * (weeks - peak) / 52))
    demand = expected[None, :104] * rng.normal(1.0, 0.1, (6, 104))
    keys = pd.DataFrame({"item_id": [f"I{row}" for row in range(6)], "location_id": "ALL"})
    panel = DemandPanel(keys, pd.date_range("2023-01-02", periods=104, freq="W-MON"), demand, "W-MON")
    supply = keys.assign(lead_time_days=7.0 * ahead - 7, lead_time_sd_days=0.0, evidence_grade="full")
    found = forecast_segments(
        panel, keys.assign(segment_code="AX"), supply, parameters=make_parameters(), workers=1
    ).lead_time_demand["mean_qty"]
    assert (np.abs(found / expected[104:].sum() - 1.0) < 0.15).all()
