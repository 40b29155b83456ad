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
