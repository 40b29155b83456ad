"""Forecast a whole planning cycle: validate, choose, forecast, and demand over each protection interval."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from multiprocessing import get_context

import numpy as np
import pandas as pd

from stockstrata.columns import aligned, numbers, texts
from stockstrata.errors import PlanningError
from stockstrata.forecasting import engine, report
from stockstrata.forecasting.outcome import PoolOutcome, PoolTask, SeriesOutcome
from stockstrata.forecasting.pool import forecast_pool
from stockstrata.panel import DemandPanel
from stockstrata.parameters import PlanningParameters, PoolSettings, SegmentStrategy

CHUNK_SERIES = 128
"""Series in a task: fixed, so that results do not depend on the number of workers."""

LEAST_FORECAST_BUCKETS = {52: 13, 12: 6}
"""A quarter of weeks or half a year of months is always forecast, so that later cycles can judge these lags."""

DEAR_WORK_MILLISECONDS = 20_000.0
"""Work from which processes pay: each costs two to three seconds of imports."""


@dataclass(frozen=True)
class ForecastResult:
    """Frames of one cycle, columns as in `stockstrata.tables` without period and stamps.

    Attributes:
        scores: MODEL_SCORE.
        champions: CHAMPION.
        forecasts: DEMAND_FORECAST.
        lead_time_demand: LEAD_TIME_DEMAND.
        accuracy: FORECAST_ACCURACY, evaluation_code `rolling_origin`.
    """

    scores: pd.DataFrame
    champions: pd.DataFrame
    forecasts: pd.DataFrame
    lead_time_demand: pd.DataFrame
    accuracy: pd.DataFrame


def forecast_segments(
    panel: DemandPanel,
    assignment: pd.DataFrame,
    lead_times: pd.DataFrame,
    *,
    parameters: PlanningParameters,
    workers: int,
) -> ForecastResult:
    """Forecast every item-location by the pool of its segment, with demand over lead time plus review period.

    Args:
        panel: demand history up to the cut-off; its newest bucket is the last known one.
        assignment: `item_id, location_id, segment_code`, one row for each series of the panel.
        lead_times: LEAD_TIME rows: `lead_time_days, lead_time_sd_days, evidence_grade`, one for each series.
        parameters: strategies, pools and settings in force.
        workers: processes that may be used; the result does not depend on it.

    Raises:
        PlanningError: a series of the panel has no segment, or no lead time.
        ParameterError: a pool names an unknown model.

    Example: `forecast_segments(panel, assignment, lead_times, parameters=parameters, workers=2).lead_time_demand`.
    """
    if panel.keys.empty:
        raise PlanningError("forecast: the demand panel has no series; bring demand or widen the planning window.")
    segments = aligned(assignment, panel.keys, table="segmentation.segment_assignment")
    supply = aligned(lead_times, panel.keys, table="policy.lead_time")
    segment = texts(segments, "segment_code").to_numpy(dtype=object)
    strategies = _strategies(segment, parameters)
    pool = np.array([strategies[code].forecast_pool for code in segment], dtype=object)
    review = np.array([strategies[code].review_period_days for code in segment], dtype=float)
    days = numbers(supply, "lead_time_days") + review
    if not np.isfinite(days).all():
        first = panel.keys.loc[~np.isfinite(days)].iloc[0]
        raise PlanningError(
            f"policy.lead_time: item {first.item_id} at {first.location_id} has no lead_time_days; "
            "expected a number of days. Run the lead time step again."
        )
    buckets = days / panel.mean_bucket_days
    # The small amount keeps 35 days of weeks at five buckets whatever the division leaves over.
    horizon = np.maximum(np.ceil(buckets - 1e-9), 1).astype(np.int64)
    tasks, rows = _tasks(panel, pool, horizon, parameters)
    outcomes = _run(tasks, workers)
    facts = report.CycleFacts(
        panel=panel,
        segment_code=segment,
        pool_code=pool,
        buckets=buckets,
        protection_days=days,
        lead_time_sd_days=np.nan_to_num(numbers(supply, "lead_time_sd_days")),
        lead_time_grade=texts(supply, "evidence_grade").to_numpy(dtype=object),
        wanted_horizon=horizon,
        wanted_folds=_wanted_folds(pool, parameters),
        shrinkage_origins=parameters.settings.variance_shrinkage_origins,
    )
    joined = _joined(outcomes, rows, len(segment))
    uncertainty = report.cycle_uncertainty(facts, joined)
    return ForecastResult(
        scores=report.score_table(facts, joined, [outcome.scores for outcome in outcomes], rows),
        champions=report.champion_table(facts, joined),
        forecasts=report.forecast_table(facts, joined, uncertainty),
        lead_time_demand=report.lead_time_demand_table(facts, joined, uncertainty),
        accuracy=report.backtest_accuracy(facts, joined, uncertainty),
    )


def _strategies(segment: np.ndarray, parameters: PlanningParameters) -> dict[str, SegmentStrategy]:
    found = {row.segment_code: row for row in parameters.segment_strategies}
    unknown = sorted(set(segment) - set(found))
    if unknown:
        raise PlanningError(
            f"segmentation.segment_assignment: segment {unknown[0]!r} has no row in segment_strategies.csv; add one."
        )
    return found


def _settings(parameters: PlanningParameters) -> dict[str, PoolSettings]:
    return {row.pool_code: row for row in parameters.forecast_settings}


def _wanted_folds(pool: np.ndarray, parameters: PlanningParameters) -> np.ndarray:
    settings = _settings(parameters)
    return np.array([settings[code].fold_count for code in pool], dtype=np.int64)


def _tasks(
    panel: DemandPanel, pool: np.ndarray, horizon: np.ndarray, parameters: PlanningParameters
) -> tuple[list[PoolTask], list[np.ndarray]]:
    settings = _settings(parameters)
    least = LEAST_FORECAST_BUCKETS.get(panel.season_length, panel.season_length // 4)
    tasks, rows = [], []
    for code in sorted(set(pool)):
        models = tuple(model for model in parameters.forecast_pools if model.pool_code == code)
        members = np.flatnonzero(pool == code)
        # Only what the earliest origin may learn from is copied.
        needed = settings[code].max_history_buckets + settings[code].fold_count * settings[code].fold_step_buckets
        for start in range(0, len(members), CHUNK_SERIES):
            held = members[start : start + CHUNK_SERIES]
            tasks.append(
                PoolTask(
                    models=models,
                    settings=settings[code],
                    season_length=panel.season_length,
                    demand_qty=panel.demand_qty[held, -(needed + int(horizon[held].max())) :],
                    horizon=horizon[held],
                    forecast_buckets=np.maximum(horizon[held], least),
                    least_depth=least,
                )
            )
            rows.append(held)
    return tasks, rows


def _run(tasks: Sequence[PoolTask], workers: int) -> list[PoolOutcome]:
    work = sum(len(task.horizon) * engine.milliseconds([model.model_code for model in task.models]) for task in tasks)
    if workers <= 1 or len(tasks) < 2 or work < DEAR_WORK_MILLISECONDS:
        return [forecast_pool(task) for task in tasks]
    with ProcessPoolExecutor(min(workers, len(tasks)), mp_context=get_context("spawn")) as executor:
        return list(executor.map(forecast_pool, tasks))


def _joined(outcomes: Iterable[PoolOutcome], rows: Sequence[np.ndarray], count: int) -> SeriesOutcome:
    """All outcomes in the order of the panel; shorter horizons and fewer origins are padded with NaN."""
    parts = [outcome.series for outcome in outcomes]
    joined: dict[str, np.ndarray] = {}
    for field in fields(SeriesOutcome):
        arrays = [np.asarray(getattr(part, field.name)) for part in parts]
        shape = tuple(max(array.shape[axis] for array in arrays) for axis in range(1, arrays[0].ndim))
        whole = np.full((count, *shape), np.nan if arrays[0].dtype.kind == "f" else 0, dtype=arrays[0].dtype)
        for held, array in zip(rows, arrays, strict=True):
            whole[(held, *(slice(0, size) for size in array.shape[1:]))] = array
        joined[field.name] = whole
    return SeriesOutcome(**joined)
