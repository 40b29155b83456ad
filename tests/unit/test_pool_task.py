"""Parts of a pool's task, and series whose champion is lost between tournaments."""

from dataclasses import fields, replace

import numpy as np

from stockstrata.forecasting.outcome import PoolTask
from stockstrata.forecasting.pool import forecast_pool


def _task(parameters, demand: np.ndarray, pool: str = "decline") -> PoolTask:
    count = len(demand)
    return PoolTask(
        models=tuple(row for row in parameters.forecast_pools if row.pool_code == pool),
        settings=next(row for row in parameters.forecast_settings if row.pool_code == pool),
        season_length=52,
        demand_qty=demand,
        interval_buckets=np.full(count, 4.0),
        least_depth=13,
        sitting_code=np.full(count, "", dtype=object),
        judged_qty=demand,
        is_observed=np.ones(demand.shape),
        event_factor=np.ones(demand.shape),
    )


def test_a_part_holds_the_rows_of_every_array(module_parameters):
    task = _task(module_parameters, np.arange(300.0).reshape(3, 100))
    part = task.select(np.array([2, 0]))
    for field in fields(PoolTask):
        whole, held = getattr(task, field.name), getattr(part, field.name)
        if isinstance(whole, np.ndarray) and len(whole) == 3:
            assert held.tolist() == whole[[2, 0]].tolist(), field.name


def test_a_series_that_ended_between_tournaments_is_forecast_zero_and_the_others_as_before(module_parameters):
    rng = np.random.default_rng(2)
    demand = rng.poisson(4.0, (3, 200)).astype(float)
    first = forecast_pool(_task(module_parameters, demand))
    # The second one sold nothing in all that its pool learns from.
    silent = demand.copy()
    silent[1, -104:] = 0
    again = _task(module_parameters, silent)
    refit = forecast_pool(replace(again, carried=first))
    assert refit.champion_code[1] == "zero"
    assert np.nan_to_num(refit.forecast_qty[1]).sum() == 0
    assert refit.champion_code[[0, 2]].tolist() == first.champion_code[[0, 2]].tolist()
    assert (refit.forecast_qty[[0, 2], :13] > 0).all()


def test_origins_sense_what_models_learnt_and_nothing_of_an_empty_shelf(module_parameters):
    rng = np.random.default_rng(4)
    demand = rng.poisson(20.0, (1, 200)).astype(float)
    plain = forecast_pool(_task(module_parameters, demand))
    # Origins of the pool `decline` lie at 196, 192, 188 ... buckets.
    assert plain.before_qty[0, :3].tolist() == demand[0, [195, 191, 187]].tolist()
    task = _task(module_parameters, demand)
    sold, lift = demand.copy(), np.ones(demand.shape)
    sold[0, 195], lift[0, 192] = np.nan, 1.5
    found = forecast_pool(replace(task, judged_qty=sold, event_factor=lift)).before_qty[0]
    assert np.isnan(found[0])
    assert found[1] == 1.5 * demand[0, 191]
    assert found[2] == demand[0, 187]


def _hindsight(parameters, *, newest: float, old: float) -> PoolTask:
    """A series whose newest bucket and one long ago were out of stock, with what was made of them later."""
    rng = np.random.default_rng(5)
    told = rng.poisson(20.0, (1, 200)).astype(float)
    seen = np.ones(told.shape)
    seen[0, [100, 199]] = 0.0
    learnt = told.copy()
    learnt[0, 100], learnt[0, 199] = old, newest
    judged = np.where(seen > 0, told, np.nan)
    task = _task(parameters, learnt)
    return replace(task, judged_qty=judged, is_observed=seen, origin_qty=told)


def test_models_are_judged_by_demand_that_was_seen_alone(module_parameters):
    """The newest bucket is behind every origin: what was estimated for it may move forecasts, and no judgement."""
    low, high = (forecast_pool(_hindsight(module_parameters, newest=qty, old=20.0)) for qty in (0.0, 60.0))
    judged = (
        "model_score_qty", "model_rmse_qty", "rmse_qty", "naive_rmse_qty", "held_out_rmse_qty", "interval_variance",
        "square_sum", "origin_demand_qty", "span_demand_qty", "champion_code",
    )  # fmt: skip
    for name in judged:
        np.testing.assert_array_equal(getattr(low, name), getattr(high, name), err_msg=name)
    assert np.isfinite(low.model_score_qty).all()
    assert (high.forecast_qty > low.forecast_qty * 1.01).all()
    # The newest origin saw three of four buckets of its horizon, so its sum is not one over the interval.
    assert np.isnan(low.origin_demand_qty[0, 0])
    assert np.isfinite(low.origin_demand_qty[0, 1:]).all()


def test_origins_learn_what_was_told_when_a_bucket_closed(module_parameters):
    """What later buckets made of an old one reaches the forecast and no origin."""
    plain, later = (forecast_pool(_hindsight(module_parameters, newest=20.0, old=qty)) for qty in (20.0, 300.0))
    np.testing.assert_array_equal(plain.model_score_qty, later.model_score_qty)
    np.testing.assert_array_equal(plain.window_mean_qty[:, 1:], later.window_mean_qty[:, 1:])
    # Nothing tells of such demand at the origins; the runs of the whole history hold it.
    assert later.window_mean_qty[0, 0] > plain.window_mean_qty[0, 0] + 4.0
    assert not np.array_equal(plain.forecast_qty, later.forecast_qty)


def test_a_series_that_was_never_in_stock_still_gets_a_champion(module_parameters):
    task = _hindsight(module_parameters, newest=20.0, old=20.0)
    blind = forecast_pool(replace(task, is_observed=np.zeros((1, 200)), judged_qty=np.full((1, 200), np.nan)))
    assert np.isfinite(blind.model_score_qty).all()
    assert np.isfinite(blind.forecast_qty[:, :13]).all()
    # Estimates tell nothing of how far demand strays.
    assert np.isnan(blind.interval_variance).all()
    assert blind.square_count.tolist() == [0]
