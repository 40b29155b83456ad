"""Forecast a whole planning cycle: validate, choose, forecast, and demand over each protection interval."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from stockstrata.columns import aligned, numbers, texts
from stockstrata.errors import PlanningError
from stockstrata.forecasting import report
from stockstrata.forecasting.outcome import PoolTask, join_outcomes, needed_buckets, whole_buckets
from stockstrata.forecasting.pooled import Lesson, PoolHistory, learnt_tasks
from stockstrata.forecasting.reuse import REUSED, SeriesInputs, SeriesStates, reusable, task_inputs
from stockstrata.forecasting.workers import LocalMap, TaskMap, forecast_tasks
from stockstrata.panel import DemandPanel
from stockstrata.parameters import PlanningParameters, PoolModel, PoolSettings, SegmentStrategy

CHUNK_SERIES = 128
"""Series in a task: few enough to share the work out, enough to outweigh handing it over."""

LEAST_FORECAST_BUCKETS = {52: 13, 12: 6}
"""A quarter of weeks or half a year of months is always forecast, so that later cycles can judge these lags."""


@dataclass(frozen=True)
class ForecastResult:
    """Frames of one cycle, columns as in `stockstrata.tables` without period and stamps.

    Attributes:
        scores: MODEL_SCORE.
        champions: CHAMPION.
        forecasts: DEMAND_FORECAST.
        lead_time_demand: LEAD_TIME_DEMAND.
        accuracy: FORECAST_ACCURACY, evaluation_code `rolling_origin`.
        faults: models that could not be used on a series, which the others then stood in for: `item_id, location_id,
            model_code, fault_text`.
        lessons: what became of the models that learn from whole pools, for pools with a series that was computed.
        origins: where the outcome of each series comes from: `item_id, location_id, origin_code` as in `reuse.Reuse`.
        states: the outcomes, for a later run of the same cycle to take over.
    """

    scores: pd.DataFrame
    champions: pd.DataFrame
    forecasts: pd.DataFrame
    lead_time_demand: pd.DataFrame
    accuracy: pd.DataFrame
    faults: pd.DataFrame
    lessons: list[Lesson]
    origins: pd.DataFrame
    states: SeriesStates


def forecast_segments(
    panel: DemandPanel,
    assignment: pd.DataFrame,
    lead_times: pd.DataFrame,
    *,
    parameters: PlanningParameters,
    workers: int,
    code_version: str = "",
    earlier: SeriesStates | None = None,
    task_map: TaskMap | None = None,
    families: pd.DataFrame | None = None,
) -> ForecastResult:
    """Forecast every item-location by the pool of its segment, with demand over lead time plus review period.

    Args:
        panel: demand history up to the cut-off; its newest bucket is the last known one.
        assignment: `item_id, location_id, segment_code`, one row for each series of the panel.
        lead_times: LEAD_TIME rows: `lead_time_days, lead_time_sd_days, evidence_grade`, one for each series.
        parameters: strategies, pools and settings in force.
        workers: processes that may be used; the result does not depend on it.
        code_version: changes with everything else that results depend on.
        earlier: outcomes of an earlier run, taken over for series whose inputs are the same; the result does not
            depend on it.
        task_map: where models are fitted; None for processes on this machine. The result does not depend on it.
        families: `item_id, location_id, family`, a row for each series: groups inside a pool, for the models that learn
            from all its series; None where nobody knows any.

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
    facts = report.CycleFacts(
        panel=panel,
        segment_code=segment,
        pool_code=pool,
        pool_models=_pool_models(parameters),
        buckets=buckets,
        protection_days=days,
        lead_time_sd_days=np.nan_to_num(numbers(supply, "lead_time_sd_days")),
        lead_time_grade=texts(supply, "evidence_grade").to_numpy(dtype=object),
        wanted_horizon=whole_buckets(buckets),
        wanted_folds=_wanted_folds(pool, parameters),
        shrinkage_origins=parameters.settings.variance_shrinkage_origins,
    )
    tasks, rows = _tasks(panel, pool, buckets, parameters, np.arange(len(segment)))
    pools = _pools(panel, pool, buckets, parameters, families)
    learnt = {code: found.content_hash for code, found in pools.items()}
    inputs = [task_inputs(task, code_version, learnt.get(task.models[0].pool_code, "")) for task in tasks]
    inputs = _joined_inputs(inputs, rows, len(segment))
    reuse = reusable(earlier, panel.keys, inputs)
    outcomes = []
    if earlier is not None and len(reuse.rows):
        tasks, rows = _tasks(panel, pool, buckets, parameters, np.flatnonzero(reuse.origin != REUSED))
        outcomes = [earlier.outcome.select(reuse.held)]
    tasks, lessons = learnt_tasks(tasks, rows, pools, task_map or LocalMap(workers))
    rows = [reuse.rows, *rows] if outcomes else rows
    series = join_outcomes([*outcomes, *forecast_tasks(tasks, workers, task_map)], rows, len(segment))
    uncertainty = report.cycle_uncertainty(facts, series)
    return ForecastResult(
        scores=report.score_table(facts, series),
        champions=report.champion_table(facts, series),
        forecasts=report.forecast_table(facts, series, uncertainty, workers=workers),
        lead_time_demand=report.lead_time_demand_table(facts, series, uncertainty),
        accuracy=report.backtest_accuracy(facts, series, uncertainty, workers=workers),
        faults=report.fault_table(facts, series),
        lessons=lessons,
        origins=panel.keys.assign(origin_code=reuse.origin),
        states=SeriesStates(panel.keys, inputs, series),
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


def _pool_models(parameters: PlanningParameters) -> dict[str, tuple[PoolModel, ...]]:
    """Models of each pool, simplest first."""
    found: dict[str, tuple[PoolModel, ...]] = {}
    for model in sorted(parameters.forecast_pools, key=lambda model: (model.complexity_rank, model.model_code)):
        found[model.pool_code] = (*found.get(model.pool_code, ()), model)
    return found


def _tasks(
    panel: DemandPanel, pool: np.ndarray, buckets: np.ndarray, parameters: PlanningParameters, wanted: np.ndarray
) -> tuple[list[PoolTask], list[np.ndarray]]:
    """Chunks of the wanted series, each of one pool, and the rows of their series."""
    settings, models, least = _settings(parameters), _pool_models(parameters), _least_depth(panel)
    tasks, rows = [], []
    for code in sorted(set(pool[wanted])):
        members = wanted[pool[wanted] == code]
        for start in range(0, len(members), CHUNK_SERIES):
            held = members[start : start + CHUNK_SERIES]
            # Only what the earliest origins may learn from is handed over.
            needed = int(needed_buckets(settings[code], whole_buckets(buckets[held])).max())
            tasks.append(
                PoolTask(
                    models=models[code],
                    settings=settings[code],
                    season_length=panel.season_length,
                    demand_qty=panel.demand_qty[held, -needed:],
                    interval_buckets=buckets[held],
                    least_depth=least,
                )
            )
            rows.append(held)
    return tasks, rows


def _least_depth(panel: DemandPanel) -> int:
    return LEAST_FORECAST_BUCKETS.get(panel.season_length, panel.season_length // 4)


def _pools(
    panel: DemandPanel, pool: np.ndarray, buckets: np.ndarray, parameters: PlanningParameters,
    families: pd.DataFrame | None,
) -> dict[str, PoolHistory]:  # fmt: skip
    """All series of each pool that lists a model for them."""
    settings, models = _settings(parameters), _pool_models(parameters)
    family = np.full(len(pool), "", dtype=object)
    if families is not None:
        held = aligned(families, panel.keys, table="intermediate.int_item_locations__planned")
        family = texts(held, "family").to_numpy(dtype=object)
    found = {}
    for code in sorted(set(pool)):
        rows = np.flatnonzero(pool == code)
        needed = int(needed_buckets(settings[code], whole_buckets(buckets[rows])).max())
        history = PoolHistory(
            models=models[code],
            settings=settings[code],
            season_length=panel.season_length,
            rows=rows,
            demand_qty=panel.demand_qty[rows, -needed:],
            interval_buckets=buckets[rows],
            family=family[rows],
            least_depth=_least_depth(panel),
        )
        if history.named:
            found[code] = history
    return found


def _joined_inputs(parts: Sequence[SeriesInputs], rows: Sequence[np.ndarray], count: int) -> SeriesInputs:
    joined: dict[str, np.ndarray] = {}
    for field in fields(SeriesInputs):
        arrays = [getattr(part, field.name) for part in parts]
        joined[field.name] = np.empty(count, dtype=arrays[0].dtype)
        for held, array in zip(rows, arrays, strict=True):
            joined[field.name][held] = array
    return SeriesInputs(**joined)
