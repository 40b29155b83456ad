"""Forecast a whole planning cycle: validate, choose, forecast, and demand over each protection interval."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from stockstrata.columns import aligned, numbers, texts
from stockstrata.errors import PlanningError
from stockstrata.forecasting import register, report
from stockstrata.forecasting.coarse import block_length
from stockstrata.forecasting.coherence import CoherentForecasts, coherent_forecasts
from stockstrata.forecasting.days import WEEK_DAYS, DayHistory, day_parts, day_profile
from stockstrata.forecasting.earlier import EarlierChampions
from stockstrata.forecasting.fallbacks import filled_history
from stockstrata.forecasting.interval_methods import LEAST_JUDGED_SHARE
from stockstrata.forecasting.learned_cycle import LearnedQuantiles
from stockstrata.forecasting.level_forecasts import LevelMethod, Published
from stockstrata.forecasting.new_products.cycle import MODEL as LAUNCH_MODEL
from stockstrata.forecasting.new_products.cycle import with_launches
from stockstrata.forecasting.outcome import PoolTask, SeriesOutcome, join_outcomes, needed_buckets, whole_buckets
from stockstrata.forecasting.pooled import Lesson, PoolHistory, learnt_tasks
from stockstrata.forecasting.reuse import REUSED, SeriesInputs, SeriesStates, reusable, task_inputs
from stockstrata.forecasting.segment_loss import selection_losses
from stockstrata.forecasting.selection import SelectionPlan, selection_plan
from stockstrata.forecasting.sensing import sensing_choices
from stockstrata.forecasting.workers import LocalMap, TaskMap, forecast_tasks
from stockstrata.history.signal import LearntHistory
from stockstrata.panel import DemandPanel
from stockstrata.parameters import PlanningParameters, PoolModel, PoolSettings, SegmentStrategy
from stockstrata.tracking.decisions import DecidedForecast, PlannerInput, decide_forecast

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
        daily: DAILY_FORECAST of the series that are forecast by the day.
        decided: what the cycle plans with, after overrides and consensus; None where nobody was asked.
        lead_time_demand: LEAD_TIME_DEMAND; its mean follows the decided forecast.
        interval_methods: INTERVAL_METHOD.
        accuracy: FORECAST_ACCURACY, evaluation_code `rolling_origin`.
        register: CHAMPION_REGISTER.
        backtests: CHAMPION_BACKTEST of the series that had a tournament.
        backtest_lags: CHAMPION_BACKTEST_LAG of these.
        new_products: NEW_PRODUCT_FORECAST.
        new_product_analogs: NEW_PRODUCT_ANALOG.
        faults: models that could not be used on a series, which the others then stood in for: `item_id, location_id,
            model_code, fault_text`.
        lessons: what became of the models that learn from whole pools, for pools with a series that was computed.
        origins: where the outcome of each series comes from: `item_id, location_id, origin_code` as in `reuse.Reuse`.
        states: the outcomes, for a later run of the same cycle to take over.
    """

    scores: pd.DataFrame
    champions: pd.DataFrame
    forecasts: pd.DataFrame
    daily: pd.DataFrame
    decided: DecidedForecast | None
    lead_time_demand: pd.DataFrame
    interval_methods: pd.DataFrame
    accuracy: pd.DataFrame
    register: pd.DataFrame
    backtests: pd.DataFrame
    backtest_lags: pd.DataFrame
    new_products: pd.DataFrame
    new_product_analogs: pd.DataFrame
    faults: pd.DataFrame
    lessons: list[Lesson]
    origins: pd.DataFrame
    states: SeriesStates
    sensing: pd.DataFrame
    coherent: CoherentForecasts | None


def forecast_segments(
    panel: DemandPanel,
    assignment: pd.DataFrame,
    lead_times: pd.DataFrame,
    *,
    parameters: PlanningParameters,
    workers: int,
    code_version: str = "",
    earlier: SeriesStates | None = None,
    champions: EarlierChampions | None = None,
    as_of: dt.date | None = None,
    history: LearntHistory | None = None,
    review_periods: pd.DataFrame | None = None,
    item_locations: pd.DataFrame | None = None,
    planner: PlannerInput | None = None,
    groups: pd.DataFrame | None = None,
    task_map: TaskMap | None = None,
    days: DayHistory | None = None,
) -> ForecastResult:
    """Forecast every item-location by the pool of its segment, with demand over lead time plus review period.

    Args:
        panel: demand history up to the cut-off; its newest bucket is the last known one. Buckets without a number after
            a series' start are filled, and the rows of it say so.
        assignment: `item_id, location_id, segment_code`, one row for each series of the panel.
        lead_times: LEAD_TIME rows: `lead_time_days, lead_time_sd_days, evidence_grade`, one for each series.
        parameters: strategies, pools and settings in force.
        workers: processes that may be used; the result does not depend on it.
        code_version: changes with everything else that results depend on.
        earlier: outcomes of an earlier run, taken over for series whose inputs are the same; the result does not
            depend on it.
        champions: champions of the cycles before; without them every series gets a tournament, with them only those
            that `selection_plan` names, and the others a refit.
        as_of: cut-off of the cycle, for the cadence of tournaments; the day after the newest bucket where not given.
        history: the adjusted history of the same series, which is learnt from in place of `panel`, what accuracy is
            judged by, and promotions past and to come; None where demand is taken as it is.
        review_periods: `item_id, location_id, review_period_days` where it is not that of the strategy for all.
        item_locations: frame of `int_item_locations__planned`: what new item-locations are compared by, when they were
            launched, and the families inside a pool, for the models that learn from all its series; without it none is
            taken for new.
        planner: what people say about the forecasts; left out, the cycle plans with the statistical ones.
        groups: `item_id, location_id, family, region`, one row for each series: the levels above them; None leaves
            them out.
        task_map: where models are fitted; None for processes on this machine. The result does not depend on it.
        days: demand by day of the series whose segment asks for it; a series without keeps the cycle's bucket.

    Raises:
        PlanningError: a series of the panel has no segment, or no lead time.
        ParameterError: a pool names an unknown model.

    Example: `forecast_segments(panel, assignment, lead_times, parameters=parameters, workers=2).lead_time_demand`.
    """
    if panel.keys.empty:
        raise PlanningError("forecast: the demand panel has no series; bring demand or widen the planning window.")
    panel = panel if history is None else history.panel
    filled = filled_history(panel.demand_qty)
    panel = replace(panel, demand_qty=filled.demand_qty)
    segments = aligned(assignment, panel.keys, table="segmentation.segment_assignment")
    supply = aligned(lead_times, panel.keys, table="policy.lead_time")
    segment = texts(segments, "segment_code").to_numpy(dtype=object)
    strategies = _strategies(segment, parameters)
    pool = np.array([strategies[code].forecast_pool for code in segment], dtype=object)
    review = np.array([strategies[code].review_period_days for code in segment], dtype=float)
    if review_periods is not None:
        review = numbers(aligned(review_periods, panel.keys, table="review periods"), "review_period_days")
    interval = numbers(supply, "lead_time_days") + review
    if not np.isfinite(interval).all():
        first = panel.keys.loc[~np.isfinite(interval)].iloc[0]
        raise PlanningError(
            f"policy.lead_time: item {first.item_id} at {first.location_id} has no lead_time_days; "
            "expected a number of days. Run the lead time step again."
        )
    buckets = interval / panel.mean_bucket_days
    bucket_type = np.array([strategies[code].bucket_type for code in segment], dtype=object)
    facts = report.CycleFacts(
        panel=panel,
        segment_code=segment,
        pool_code=pool,
        pool_models=_pool_models(parameters),
        buckets=buckets,
        protection_days=interval,
        lead_time_sd_days=np.nan_to_num(numbers(supply, "lead_time_sd_days")),
        lead_time_grade=texts(supply, "evidence_grade").to_numpy(dtype=object),
        wanted_folds=_of_pool(pool, parameters, "fold_count"),
        history_buckets=_of_pool(pool, parameters, "max_history_buckets"),
        shrinkage_origins=parameters.settings.variance_shrinkage_origins,
        gap_buckets=filled.gap_buckets,
        block_buckets=np.array([block_length(code, panel.season_length) for code in bucket_type]),
        loss=selection_losses(segment, parameters),
        bucket_type=bucket_type,
        days=_day_series(panel, bucket_type, days),
        future_factor=None if history is None else history.event_factor[:, panel.demand_qty.shape[1] :],
    )
    settings = _settings(parameters)
    plan = selection_plan(
        panel,
        pool,
        buckets,
        # A day is the seventh part of a bucket.
        np.where(facts.days.place >= 0, 1.0 / WEEK_DAYS, facts.block_buckets),
        facts.loss,
        settings=settings,
        models=facts.pool_models,
        as_of=as_of or _day_after(panel),
        earlier=champions,
    )
    tasks, rows = _tasks(facts, plan, history, parameters, np.arange(len(segment)))
    pools = _pools(panel, pool, buckets, parameters, item_locations)
    learnt = {code: found.content_hash for code, found in pools.items()}
    inputs = [task_inputs(task, code_version, learnt.get(task.models[0].pool_code, "")) for task in tasks]
    inputs = _joined_inputs(inputs, rows, len(segment))
    reuse = reusable(earlier, panel.keys, inputs)
    outcomes = []
    if earlier is not None and len(reuse.rows):
        tasks, rows = _tasks(facts, plan, history, parameters, np.flatnonzero(reuse.origin != REUSED))
        outcomes = [earlier.outcome.select(reuse.held)]
    tasks, lessons = learnt_tasks(tasks, rows, pools, task_map or LocalMap(workers))
    rows = [reuse.rows, *rows] if outcomes else rows
    series = join_outcomes([*outcomes, *forecast_tasks(tasks, workers, task_map)], rows, len(segment))
    states = SeriesStates(panel.keys, inputs, series)
    uncertainty = report.cycle_uncertainty(facts, series)
    learned = LearnedQuantiles(panel, pool, buckets, parameters, workers)
    choice = report.interval_choice(
        facts,
        series,
        uncertainty,
        parameters.interval_methods,
        earlier=None if champions is None else champions.methods,
        learned=learned,
    )
    launched = with_launches(
        facts,
        series,
        uncertainty,
        item_locations,
        parameters=parameters,
        lifecycle_code=_lifecycle(segments),
        earlier=None if champions is None else champions.launches,
    )
    told, spread = launched.series, launched.uncertainty
    coherent = None
    if groups is not None:
        coherent = coherent_forecasts(
            panel,
            groups,
            segment,
            series,
            published=_published(panel, told, history),
            method=_level_method(panel, pool, parameters),
            settings=parameters.hierarchy_settings,
            task_map=task_map or LocalMap(workers),
            earlier=None if champions is None else champions.hierarchy,
            # Methods are judged with the champions that they build on.
            is_judged=champions is None or bool(plan.is_due.mean() >= LEAST_JUDGED_SHARE),
        )
        # Means follow the hierarchy where a segment asks for it; how wrong they may be stays as it was measured.
        told = replace(told, forecast_qty=coherent.forecast_qty)
    forecasts = report.forecast_table(facts, told, spread, workers=workers)
    decided = decide_forecast(forecasts, panel, segment, planner, parameters=parameters) if planner else None
    planned_qty = decided.quantities(told.forecast_qty) if decided else facts.lifted(told.forecast_qty)
    return ForecastResult(
        scores=report.score_table(facts, told),
        champions=report.champion_table(facts, told),
        forecasts=forecasts,
        daily=report.daily_table(facts, facts.lifted(told.forecast_qty), planned_qty, depth=_least_depth(panel)),
        decided=decided,
        lead_time_demand=report.lead_time_demand_table(facts, told, spread, choice, planned_qty, learned),
        interval_methods=choice.table,
        new_products=launched.forecasts,
        new_product_analogs=launched.analogs,
        accuracy=report.backtest_accuracy(facts, series, uncertainty, workers=workers),
        register=register.register_table(facts, series, plan),
        backtests=register.backtest_table(facts, series, uncertainty, plan, settings),
        backtest_lags=register.backtest_lag_table(facts, series),
        faults=report.fault_table(facts, series),
        lessons=lessons,
        origins=panel.keys.assign(origin_code=reuse.origin),
        states=states,
        sensing=sensing_choices(
            segment, series, parameters.short_term_settings, None if champions is None else champions.sensing
        ),
        coherent=None if coherent is None else coherent.with_decisions(planned_qty),
    )


def _day_series(panel: DemandPanel, bucket_type: np.ndarray, days: DayHistory | None) -> report.DaySeries:
    """The series whose segment asks for days and whose days are known."""
    none = np.zeros((0, panel.demand_qty.shape[1], WEEK_DAYS))
    if days is None or not len(days.keys):
        return report.DaySeries(np.full(len(bucket_type), -1), none, np.zeros((0, WEEK_DAYS)))
    asked = np.array([day_parts(code, panel.season_length) > 1 for code in bucket_type])
    known = days.places(panel.keys)
    rows = np.flatnonzero(asked & (known >= 0))
    place, share = np.full(len(bucket_type), -1), days.share[known[rows]]
    place[rows] = np.arange(len(rows))
    return report.DaySeries(place, share, day_profile(panel.demand_qty[rows], share))


def _published(panel: DemandPanel, told: SeriesOutcome, history: LearntHistory | None) -> Published:
    plain = Published.plain(panel, told)
    plain = replace(plain, is_fixed=told.champion_code == LAUNCH_MODEL)
    if history is None:
        return plain
    factor = plain.factor.copy()
    known = min(factor.shape[1], history.event_factor.shape[1])
    factor[:, :known] = history.event_factor[:, :known]
    return replace(plain, judged_qty=history.judged_qty, factor=factor)


def _level_method(panel: DemandPanel, pool: np.ndarray, parameters: PlanningParameters) -> LevelMethod:
    shared = next(row for row in parameters.hierarchy_settings if row.segment_code == "*")
    return LevelMethod(
        pool_code=pool,
        pool_models=_pool_models(parameters),
        pool_settings=_settings(parameters),
        sum_pool=shared.forecast_pool,
        origin_count=shared.origin_count,
        depth=_least_depth(panel),
    )


def _least_depth(panel: DemandPanel) -> int:
    return LEAST_FORECAST_BUCKETS.get(panel.season_length, panel.season_length // 4)


def _strategies(segment: np.ndarray, parameters: PlanningParameters) -> dict[str, SegmentStrategy]:
    found = {row.segment_code: row for row in parameters.segment_strategies}
    unknown = sorted(set(segment) - set(found))
    if unknown:
        raise PlanningError(
            f"segmentation.segment_assignment: segment {unknown[0]!r} has no row in segment_strategies.csv; add one."
        )
    return found


def _lifecycle(segments: pd.DataFrame) -> np.ndarray:
    """Lifecycle stage of each series; empty where the assignment does not tell."""
    if "lifecycle_code" not in segments:
        return np.full(len(segments), "", dtype=object)
    return texts(segments, "lifecycle_code").to_numpy(dtype=object)


def _settings(parameters: PlanningParameters) -> dict[str, PoolSettings]:
    return {row.pool_code: row for row in parameters.forecast_settings}


def _of_pool(pool: np.ndarray, parameters: PlanningParameters, name: str) -> np.ndarray:
    settings = _settings(parameters)
    return np.array([getattr(settings[code], name) for code in pool], dtype=np.int64)


def _pool_models(parameters: PlanningParameters) -> dict[str, tuple[PoolModel, ...]]:
    """Models of each pool, simplest first."""
    found: dict[str, tuple[PoolModel, ...]] = {}
    for model in sorted(parameters.forecast_pools, key=lambda model: (model.complexity_rank, model.model_code)):
        found[model.pool_code] = (*found.get(model.pool_code, ()), model)
    return found


def buckets_ahead(
    panel: DemandPanel, lead_times: pd.DataFrame, parameters: PlanningParameters, *, cycle_days: float
) -> int:
    """Buckets that a cycle forecasts at most: the longest protection interval, or what is always forecast.

    Without an order cost a review takes a whole cycle, of `cycle_days` days.
    """
    review = max(cycle_days, *(row.review_period_days for row in parameters.segment_strategies))
    days = float(np.nan_to_num(numbers(lead_times, "lead_time_days")).max(initial=0.0)) + review
    least = _least_depth(panel)
    return max(int(whole_buckets(np.array([days / panel.mean_bucket_days]))[0]), least)


def _day_after(panel: DemandPanel) -> dt.date:
    return pd.date_range(panel.bucket_start_dates[-1], periods=2, freq=panel.bucket_days)[1].date()


def _tasks(
    facts: report.CycleFacts,
    plan: SelectionPlan,
    history: LearntHistory | None,
    parameters: PlanningParameters,
    wanted: np.ndarray,
) -> tuple[list[PoolTask], list[np.ndarray]]:
    """Chunks of the wanted series and their rows: each of one pool and block length, tournaments or refits alone."""
    settings, panel = _settings(parameters), facts.panel
    least = _least_depth(panel)
    tasks, rows = [], []
    kinds = list(
        zip(
            facts.pool_code.tolist(), plan.is_due.tolist(), facts.block_buckets.tolist(), facts.loss.code.tolist(),
            facts.loss.level.tolist(), (facts.days.place >= 0).tolist(), strict=True,
        )
    )  # fmt: skip
    of_kind: dict[tuple[str, bool, int, str, float, bool], list[int]] = {}
    for row in wanted.tolist():
        of_kind.setdefault(kinds[row], []).append(row)
    for (code, is_due, block, loss, level, by_day), rows_of_kind in sorted(of_kind.items()):
        members = np.array(rows_of_kind, dtype=np.int64)
        for start in range(0, len(members), CHUNK_SERIES):
            held = members[start : start + CHUNK_SERIES]
            # Only what the earliest origins may learn from is handed over.
            needed = int(needed_buckets(settings[code], whole_buckets(facts.buckets[held])).max())
            tasks.append(
                PoolTask(
                    models=facts.pool_models[code],
                    settings=settings[code].model_copy(update={"selection_loss": loss}),
                    season_length=panel.season_length,
                    demand_qty=panel.demand_qty[held, -needed:],
                    interval_buckets=facts.buckets[held],
                    least_depth=least,
                    sitting_code=plan.sitting_code[held],
                    carried=None if is_due or plan.backtest is None else plan.backtest.select(held),
                    block_buckets=block,
                    loss_level=level,
                    day_share=facts.days.share[facts.days.place[held], -needed:] if by_day else None,
                    **_told(history, panel.demand_qty.shape[1], held, needed),
                )
            )
            rows.append(held)
    return tasks, rows


def _told(history: LearntHistory | None, length: int, held: np.ndarray, needed: int) -> dict[str, Any]:
    """What an adjusted history tells of the buckets that a task may look at."""
    if history is None:
        return {}
    past = {
        "judged_qty": history.judged_qty,
        "is_observed": history.is_observed,
        "origin_qty": history.origin_qty,
        "event_factor": history.event_factor[:, :length],
    }
    return {name: values[held, -needed:] for name, values in past.items()}


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
