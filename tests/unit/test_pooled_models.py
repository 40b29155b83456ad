"""Models that learn from a whole pool: planted truth is found, the future is not seen, nothing depends on chance."""

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest

from stockstrata.forecasting import run, workers
from stockstrata.forecasting.global_model import GlobalTask, global_forecasts
from stockstrata.forecasting.origins import validation_plan
from stockstrata.forecasting.outcome import serving_cut
from stockstrata.forecasting.run import ForecastResult, forecast_segments
from stockstrata.panel import DemandPanel
from stockstrata.parameters import PlanningParameters, PoolModel

SEASON = np.array([0.4, 0.5, 0.6, 0.8, 1.0, 1.2, 1.6, 2.0, 1.6, 1.1, 0.7, 0.5])
SEASON = SEASON / SEASON.mean()
TABLES = ("scores", "champions", "forecasts", "lead_time_demand", "accuracy", "faults")


@pytest.fixture
def pool_of(make_parameters):
    """Shipped parameters with only the given models in every pool."""

    def build(*codes: str, least_series: int = 20) -> PlanningParameters:
        parameters = make_parameters()
        models = tuple(
            PoolModel(
                pool_code=row.pool_code,
                model_code=code,
                complexity_rank=rank,
                min_history_seasons=0,
                min_series_count=least_series if code in ("pooled_seasonal", "global_gbm") else 0,
                valid_from_date=dt.date(1900, 1, 1),
                approved_by="test",
                reason="test",
            )
            for row in parameters.forecast_settings
            for rank, code in enumerate(codes)
        )
        return parameters.model_copy(update={"forecast_pools": models})

    return build


def _inputs(demand: np.ndarray, segment: str = "AX", days: float = 335.0) -> tuple:
    keys = pd.DataFrame({"item_id": [f"I{i:04d}" for i in range(len(demand))], "location_id": "ALL"})
    panel = DemandPanel(keys, pd.date_range("2020-01-01", periods=demand.shape[1], freq="MS"), demand, "MS")
    supply = keys.assign(lead_time_days=days, lead_time_sd_days=0.0, evidence_grade="full")
    return panel, keys.assign(segment_code=segment), supply


def _run(parameters: PlanningParameters, inputs: tuple, **options) -> ForecastResult:
    return forecast_segments(*inputs, parameters=parameters, **{"workers": 1} | options)


def _faint_season(count: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Four years of a few pieces a month with one season, and the level of each series."""
    rng = np.random.default_rng(seed)
    level = rng.uniform(0.5, 4.0, count)
    return rng.poisson(level[:, None] * np.tile(SEASON, 4)).astype(float), level


def _error(parameters: PlanningParameters, demand: np.ndarray, level: np.ndarray) -> float:
    """Root of the mean squared gap between forecast and planted mean, in levels of the series."""
    found = _run(parameters, _inputs(demand)).forecasts
    assert (found.groupby("item_id").size() >= 12).all()
    ahead = found[found["horizon_bucket"] <= 12]["mean_qty"].to_numpy().reshape(len(demand), 12)
    return float(np.sqrt(np.mean((ahead / level[:, None] - SEASON) ** 2)))


def test_a_season_too_faint_for_one_series_is_found_in_the_pool(pool_of):
    demand, level = _faint_season(120, seed=1)
    pooled = _error(pool_of("pooled_seasonal"), demand, level)
    single = {code: _error(pool_of(code), demand, level) for code in ("seasonal_naive", "ses_optimized", "ses")}
    assert pooled < 0.7 * min(single.values()), (pooled, single)
    both = _error(pool_of("global_gbm"), demand, level)
    assert both < 0.9 * min(single.values()), (both, single)


def test_without_a_season_the_pool_adds_little_noise(pool_of):
    rng = np.random.default_rng(2)
    demand = rng.poisson(rng.uniform(0.5, 4.0, (120, 1)), (120, 48)).astype(float)
    ours, plain = (_run(pool_of(code), _inputs(demand)).champions for code in ("pooled_seasonal", "ses_optimized"))
    assert ours["score_ratio"].mean() < 1.03 * plain["score_ratio"].mean()


def test_scores_of_the_pool_models_are_honest(pool_of):
    # Errors at the rolling origins are those that come true later: nothing leaks from behind an origin.
    demand, _ = _faint_season(150, seed=3)
    rng = np.random.default_rng(4)
    shocks = np.exp(rng.normal(0.0, 0.5, 48))  # What a month brings to all series cannot be known before it.
    shaken = rng.poisson(3.0 * demand * shocks).astype(float)
    for code in ("global_gbm", "pooled_seasonal"):
        cut = shaken[:, :44]
        found = _run(pool_of(code), _inputs(cut, days=30.0))
        scores = found.scores["cumulative_rmse_qty"].to_numpy()
        simple = _run(pool_of("year_average"), _inputs(cut, days=30.0)).scores["cumulative_rmse_qty"].to_numpy()
        # Who saw the shocks would do far better than the yearly mean; nobody did.
        assert np.median(scores / simple) > 0.7


@pytest.mark.parametrize("code", ["pooled_seasonal", "global_gbm"])
def test_the_future_of_an_origin_does_not_touch_its_forecast(code, pool_of):
    demand, _ = _faint_season(60, seed=5)
    changed = demand.copy()
    changed[:, 40:] = 977.0
    before, after = (_run(pool_of(code), _inputs(data, days=30.0)).states.outcome for data in (demand, changed))
    settings = pool_of(code).forecast_settings
    smooth = next(row for row in settings if row.pool_code == "smooth")
    origins = validation_plan(np.array([48]), np.array([2]), settings=smooth, season_length=12).train_ends[0, :6]
    assert (origins <= 40).sum() >= 2
    assert (origins > 40).sum() >= 2
    same = ((before.predicted_qty == after.predicted_qty) | np.isnan(before.predicted_qty)).all(axis=2)
    assert same[:, origins <= 40].all()
    assert not same[:, origins > 40].any()


def test_a_cut_off_serves_only_origins_that_lie_after_it():
    cuts, offset = np.array([0, 5, 20]), np.array([[0, 1, 5, 6, 20, -1]])
    assert serving_cut(cuts, offset).tolist() == [[0, 1, 1, 2, 2, 0]]


def test_workers_chunks_and_order_change_no_byte(pool_of, monkeypatch):
    demand, _ = _faint_season(50, seed=6)
    demand[::7, :20] = np.nan
    inputs = _inputs(demand, days=60.0)
    parameters = pool_of("pooled_seasonal", "global_gbm", "ses", "ensemble_median")
    alone = _run(parameters, inputs)
    monkeypatch.setattr(workers, "DEAR_WORK_MILLISECONDS", 0.0)
    monkeypatch.setattr(run, "CHUNK_SERIES", 16)
    for other in (_run(parameters, inputs, workers=2), _run(parameters, inputs)):
        for name in TABLES:
            pd.testing.assert_frame_equal(getattr(alone, name), getattr(other, name), check_exact=True)


def test_too_few_series_or_too_short_a_history_leave_the_models_out_with_a_reason(pool_of):
    parameters = pool_of("ses", "pooled_seasonal", "global_gbm", least_series=100)
    demand, _ = _faint_season(40, seed=7)
    found = _run(parameters, _inputs(demand))
    assert set(found.scores["model_code"]) == {"ses"}
    assert {lesson.reason_text for lesson in found.lessons} == {"the pool has 40 series, the model takes 100 or more"}
    short = _run(pool_of("ses", "pooled_seasonal", "global_gbm"), _inputs(demand[:, :16]))
    assert set(short.scores["model_code"]) == {"ses"}
    assert {lesson.model_code: lesson.reason_text for lesson in short.lessons} == {
        "pooled_seasonal": "the pool knows fewer than two whole years",
        "global_gbm": "the pool has too little history to learn from",
    }
    only = _run(pool_of("global_gbm", least_series=100), _inputs(demand))
    assert (only.champions["reason_code"] == "no_finite_model").all()
    assert np.isfinite(only.forecasts["mean_qty"]).all()


def test_odd_series_in_the_pool_are_never_lost_and_spoil_nobody(pool_of):
    demand, _ = _faint_season(60, seed=8)
    odd = np.zeros((6, 48))
    odd[1] = 1e12
    odd[2] = np.nan
    odd[2, -1:] = 3.0
    odd[3, 10] = 1e9
    odd[4, -1] = 5.0
    odd[5] = np.linspace(0.0, 1e-9, 48)
    parameters = pool_of("pooled_seasonal", "global_gbm", "ses", "ensemble_median")
    for days in (10.0, 2_000.0):
        found = _run(parameters, _inputs(np.vstack([demand, odd]), days=days))
        assert len(found.champions) == 66
        for frame in (found.forecasts, found.lead_time_demand):
            quantities = frame.filter(like="_qty").to_numpy()
            assert np.isfinite(quantities).all()
            assert (quantities >= 0).all()
    alone = _run(pool_of("pooled_seasonal"), _inputs(demand, days=60.0)).champions["score_ratio"]
    crowd = _run(pool_of("pooled_seasonal"), _inputs(np.vstack([demand, odd]), days=60.0)).champions["score_ratio"]
    assert crowd[:60].mean() < 1.1 * alone.mean()


def test_a_changed_series_computes_its_pool_again_and_an_unchanged_pool_learns_nothing_anew(pool_of):
    demand, _ = _faint_season(40, seed=9)
    parameters = pool_of("pooled_seasonal", "ses", "ensemble_median")
    panel, assignment, supply = _inputs(demand)
    assignment["segment_code"] = ["AX"] * 30 + ["NEW"] * 10
    first = _run(parameters, (panel, assignment, supply))
    again = _run(parameters, (panel, assignment, supply), earlier=first.states)
    assert set(again.origins["origin_code"]) == {"reused"}
    assert again.lessons == []
    changed = demand.copy()
    changed[3, -2] += 5.0
    inputs = (dataclasses.replace(panel, demand_qty=changed), assignment, supply)
    third = _run(parameters, inputs, earlier=first.states)
    assert third.origins["origin_code"].tolist() == ["pool"] * 3 + ["history"] + ["pool"] * 26 + ["reused"] * 10
    full = _run(parameters, inputs)
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(full, name), getattr(third, name), check_exact=True)


def test_families_teach_their_own_season(pool_of, make_item_locations):
    rng = np.random.default_rng(10)
    is_winter = np.arange(80) % 2 == 1
    season = np.where(is_winter[:, None], np.roll(SEASON, 6), SEASON)
    demand = rng.poisson(np.tile(2.0 * season, 4)).astype(float)
    inputs = _inputs(demand, days=335.0)
    keys = inputs[0].keys
    known = make_item_locations(80, **{name: keys[name] for name in keys}, family=np.where(is_winter, "skis", "tents"))

    def error(**options) -> float:
        found = _run(pool_of("pooled_seasonal"), inputs, **options).forecasts
        ahead = found[found["horizon_bucket"] <= 12]["mean_qty"].to_numpy().reshape(80, 12)
        return float(np.sqrt(np.mean((ahead / 2.0 - season) ** 2)))

    assert error(item_locations=known) < 0.7 * error()


def test_a_model_outside_the_ensemble_does_not_move_it(pool_of):
    demand, _ = _faint_season(40, seed=11)
    parameters = pool_of("ses", "year_average", "ensemble_median", "pooled_seasonal")
    outside = parameters.model_copy(
        update={
            "forecast_pools": tuple(
                row.model_copy(update={"is_ensemble_member": row.model_code != "pooled_seasonal"})
                for row in parameters.forecast_pools
            )
        }
    )

    def scores(found: ForecastResult) -> np.ndarray:
        return found.scores.set_index("model_code").loc["ensemble_median", "cumulative_rmse_qty"].to_numpy()

    without = scores(_run(pool_of("ses", "year_average", "ensemble_median"), _inputs(demand)))
    np.testing.assert_array_equal(scores(_run(outside, _inputs(demand))), without)
    assert (scores(_run(parameters, _inputs(demand))) != without).any()


def test_the_global_model_finds_what_only_many_series_show():
    # Demand halves for good three buckets after a bucket of nothing: each series shows it once, the pool 250 times.
    rng = np.random.default_rng(12)
    demand = rng.poisson(20.0, (300, 60)).astype(float)
    breaks = rng.integers(10, 50, 300)
    for row, at in enumerate(breaks):
        demand[row, at] = 0.0
        demand[row, at + 3 :] = rng.poisson(10.0, 57 - at)
    demand[:50, 58:] = 20.0
    demand[:50] = rng.poisson(20.0, (50, 60))
    demand[:25, 59] = 0.0
    rows = np.arange(50)
    task = GlobalTask(
        demand, np.zeros(300, dtype=np.int64), 12, 60, 60, rows, np.full(50, 60), np.full(50, 6)
    )  # fmt: skip
    ahead = global_forecasts(task)[:, 3:].mean(axis=1)
    assert ahead[:25].mean() == pytest.approx(10.0, abs=2.5)
    assert ahead[25:].mean() == pytest.approx(20.0, abs=2.5)
