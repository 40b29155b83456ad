"""Champions fitted to what was sold since and forecast, without a tournament: each with its own model alone.

The back-test of the champion's last tournament is carried along: its errors still say how wrong the model may be, until
they no longer do, which `drift` watches. So a cycle between tournaments costs one fit a series.
"""

from dataclasses import dataclass, replace

import numpy as np

from stockstrata.errors import PlanningError
from stockstrata.forecasting.members import PoolSeries, histories
from stockstrata.forecasting.outcome import PoolTask, SeriesOutcome
from stockstrata.forecasting.windows import runs_to_come


@dataclass(frozen=True)
class Refitted:
    """Champions of n series refitted.

    Attributes:
        outcome: their outcomes.
        is_lost: whether the champion has no forecast for the series any more: a tournament must be held, (n,).
    """

    outcome: SeriesOutcome
    is_lost: np.ndarray


def refit_champions(task: PoolTask) -> Refitted:
    """Fit each series' champion to its newest history and forecast with it.

    Args:
        task: series with the back-tests to carry along. Whether a champion may have a season is what it was when it was
            validated.

    Raises:
        PlanningError: the task carries no back-tests.

    Example: `refit_champions(replace(task, carried=outcome)).outcome.forecast_qty`.
    """
    carried = task.carried
    if carried is None:
        raise PlanningError("forecast: champions were to be refitted without their back-tests; hold a tournament.")
    series = histories(task)
    used = [one[-task.settings.max_history_buckets :] for one in series]
    pool, depth = PoolSeries(task, series, carried.learnt, np.arange(len(series))), task.forecast_buckets
    forecast = np.full((len(series), int(depth.max(initial=1))), np.nan)
    for code in sorted(set(carried.champion_code) & {model.model_code for model in task.models}):
        rows = np.flatnonzero(carried.champion_code == code)
        own = pool.final(code, rows, depth[rows])
        forecast[rows, : own.shape[1]] = own
    beyond = np.arange(forecast.shape[1])[None, :] >= depth[:, None]
    run_mean, run_sd = runs_to_come(used, task.interval_buckets)
    has_sold = np.array([bool(one.any()) for one in used])
    return Refitted(
        replace(
            carried,
            length=np.array([len(one) for one in used], dtype=np.int64),
            mean_qty=np.array([one.mean() if len(one) else 0.0 for one in used]),
            is_whole=np.array([bool((one == np.floor(one)).all()) for one in used]),
            fault_text=np.array(pool.fault_texts(), dtype=object),
            forecast_qty=np.where(beyond, np.nan, forecast),
            block_buckets=pool.block_buckets,
            window_mean_qty=run_mean,
            window_sd_qty=run_sd,
        ),
        ~has_sold | ~(np.isfinite(forecast) | beyond).all(axis=1),
    )
