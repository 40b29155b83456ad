"""Forecasts of item-locations and of the sums above them from common origins, before they are made to agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stockstrata.forecasting.choice import ChoiceRule, choose_champions
from stockstrata.forecasting.engine import POOLED_CODES
from stockstrata.forecasting.fixed_origins import OriginTask, known_means, paths_from_origins
from stockstrata.forecasting.hierarchy import Hierarchy, summed_history
from stockstrata.forecasting.members import ENSEMBLE, ensemble_members
from stockstrata.forecasting.origins import LEAST_TRAINING_BUCKETS
from stockstrata.forecasting.outcome import SeriesOutcome
from stockstrata.forecasting.reconciliation import Base
from stockstrata.forecasting.workers import TaskMap
from stockstrata.panel import DemandPanel
from stockstrata.parameters import PoolModel, PoolSettings

FALLBACK = "historic_average"
"""Model of a sum that no model of its pool could forecast."""


@dataclass(frozen=True)
class LevelForecasts:
    """Forecasts at K origins, each as many buckets before the one after it as are forecast, newest first.

    The first origin is the end of the history; what comes behind it nobody knows yet. Forecasts and demand are those
    that models learn: without promotions, which `factor` holds, and with what was lost while stock was out.

    Attributes:
        bottom_qty: item-locations, at the first origin as they are published, (n, K, D).
        sum_qty: distinct sums, (m, K, D).
        sum_model: model of each sum at the newest origin, (m,).
        bottom_actual_qty: demand that came behind each origin but the first, (n, K - 1, D).
        sum_actual_qty: likewise, (m, K - 1, D).
        judged_qty: demand that was seen there, promotions included, NaN where stock was out, (n, K - 1, D).
        factor: demand with promotions over demand without, (n, K, D).
        is_known: whether an item-location knew enough to be judged at each origin but the first, (n, K - 1).
        proportion: demand of each item-location in the year before each origin, (n, K).
    """

    bottom_qty: np.ndarray
    sum_qty: np.ndarray
    sum_model: np.ndarray
    bottom_actual_qty: np.ndarray
    sum_actual_qty: np.ndarray
    judged_qty: np.ndarray
    factor: np.ndarray
    is_known: np.ndarray
    proportion: np.ndarray

    def base(self, origin: int) -> Base:
        """What was known at an origin: its forecasts, and the errors of those whose buckets had come by then."""
        older = slice(origin, None)
        return Base(
            bottom_qty=self.bottom_qty[:, origin],
            sum_qty=self.sum_qty[:, origin],
            proportion=self.proportion[:, origin],
            bottom_error_qty=_flat(self.bottom_qty[:, 1:][:, older] - self.bottom_actual_qty[:, older]),
            sum_error_qty=_flat(self.sum_qty[:, 1:][:, older] - self.sum_actual_qty[:, older]),
        )


@dataclass(frozen=True)
class Published:
    """What a cycle publishes of n item-locations, and what its forecasts are judged by.

    Attributes:
        forecast_qty: forecasts without promotions, those of new item-locations among them, (n, F).
        model_code: model of each, (n,).
        is_fixed: whether a forecast stands whatever the levels say, as that of a new item-location does, (n,).
        judged_qty: demand after returns, NaN where stock was out, (n, T).
        factor: demand with promotions over demand without, of the T past buckets and those ahead, (n, T + F).
    """

    forecast_qty: np.ndarray
    model_code: np.ndarray
    is_fixed: np.ndarray
    judged_qty: np.ndarray
    factor: np.ndarray

    @classmethod
    def plain(cls, panel: DemandPanel, series: SeriesOutcome) -> "Published":
        """Outcomes as they are, of demand that was seen throughout and without promotions."""
        count = panel.demand_qty.shape[1] + series.forecast_qty.shape[1]
        rows = len(panel.demand_qty)
        return cls(
            series.forecast_qty, series.champion_code, np.zeros(rows, dtype=bool), panel.demand_qty,
            np.ones((rows, count)),
        )  # fmt: skip


@dataclass(frozen=True)
class LevelMethod:
    """How item-locations and sums are forecast from common origins.

    Attributes:
        pool_code: forecast pool of each item-location, (n,).
        pool_models: models of each pool, simplest first.
        pool_settings: settings of each pool.
        sum_pool: pool that forecasts the sums.
        origin_count: origins to look back at, fewer where the history is short.
        depth: buckets to forecast.
    """

    pool_code: np.ndarray
    pool_models: Mapping[str, tuple[PoolModel, ...]]
    pool_settings: Mapping[str, PoolSettings]
    sum_pool: str
    origin_count: int
    depth: int


def level_forecasts(
    panel: DemandPanel,
    hierarchy: Hierarchy,
    series: SeriesOutcome,
    published: Published,
    method: LevelMethod,
    *,
    task_map: TaskMap,
) -> LevelForecasts:
    """Forecast item-locations with their champions and sums with the best model of their pool so far.

    The champion of an item-location was chosen at the end of the history, so earlier origins flatter it a little. The
    model of a sum is chosen at each origin by what came before: the median of the pool unless another is better by the
    pool's margin.

    Args:
        panel: demand history.
        hierarchy: the levels, item-locations in the order of the panel.
        series: outcomes of the pools of the item-locations, at least `depth` buckets deep.
        published: what is made of them, promotions aside.
        method: models and origins.
        task_map: where models are fitted; no number depends on it.
    """
    total, depth = panel.demand_qty.shape[1], method.depth
    count = int(np.clip(total // depth - 1, 0, method.origin_count))
    offsets = tuple(depth * step for step in range(count + 1))
    sums = summed_history(hierarchy, panel.demand_qty)
    tasks, rows = _champion_tasks(panel, series, method, offsets[1:])
    tasks.append(_sum_task(panel, sums, method, offsets))
    found = paths_from_origins(tasks, task_map)
    bottom = np.full((hierarchy.series_count, count, depth), np.nan)
    for held, paths in zip(rows, found[:-1], strict=True):
        bottom[held] = paths[:, 0]
    if count:
        means = known_means(panel.demand_qty, offsets[1:])
        bottom = np.where(np.isfinite(bottom), bottom, means[:, :, None])
    # What never sold is forecast zero, whatever a mean of earlier years says.
    bottom[series.champion_code == "zero"] = 0.0
    bottom = np.concatenate([published.forecast_qty[:, None, :depth], bottom], axis=1)
    came, sums_came = _behind(panel.demand_qty, offsets[1:], depth), _behind(sums, offsets[1:], depth)
    chosen, codes = _chosen_paths(found[-1], sums_came, tasks[-1].kept_codes, _rule(tasks[-1], method))
    fallback = known_means(sums, offsets)[:, :, None]
    length = panel.length_buckets
    return LevelForecasts(
        bottom_qty=bottom,
        sum_qty=np.where(np.isfinite(chosen), chosen, fallback),
        sum_model=np.where(np.isfinite(chosen[:, 0]).all(axis=1), codes, FALLBACK).astype(object),
        bottom_actual_qty=came,
        sum_actual_qty=sums_came,
        judged_qty=_buckets_behind(published.judged_qty, offsets[1:], depth),
        factor=_buckets_behind(published.factor[:, : total + depth], offsets, depth, total),
        is_known=length[:, None] - np.array(offsets[1:], dtype=np.int64)[None, :] >= LEAST_TRAINING_BUCKETS,
        proportion=_year_before(panel, offsets),
    )


def _champion_tasks(
    panel: DemandPanel, series: SeriesOutcome, method: LevelMethod, offsets: tuple[int, ...]
) -> tuple[list[OriginTask], list[np.ndarray]]:
    """One task for each pool, champion and block length, and the rows of their series.

    A model that learns from a whole pool has no forecast at these origins; the median of the others stands in.
    """
    tasks, rows = [], []
    if not offsets:
        return tasks, rows
    kinds = sorted(set(zip(method.pool_code, series.champion_code, series.block_buckets.tolist(), strict=True)))
    for pool, champion, block in kinds:
        if champion == "zero":
            continue
        held = (method.pool_code == pool) & (series.champion_code == champion) & (series.block_buckets == block)
        members = [code for code in ensemble_members(method.pool_models[pool]) if code not in POOLED_CODES]
        judged = ENSEMBLE if champion in POOLED_CODES else champion
        rows.append(np.flatnonzero(held))
        tasks.append(
            OriginTask(
                model_codes=tuple(members) if judged == ENSEMBLE else (judged,),
                kept_codes=(judged,),
                demand_qty=panel.demand_qty[rows[-1]],
                offsets=offsets,
                depth=method.depth,
                season_length=panel.season_length,
                max_history=method.pool_settings[pool].max_history_buckets,
                block_buckets=block,
            )
        )
    return tasks, rows


def _sum_task(panel: DemandPanel, sums: np.ndarray, method: LevelMethod, offsets: tuple[int, ...]) -> OriginTask:
    codes = [model.model_code for model in method.pool_models[method.sum_pool] if model.model_code not in POOLED_CODES]
    return OriginTask(
        model_codes=tuple(code for code in codes if code != ENSEMBLE),
        kept_codes=tuple(codes),
        demand_qty=sums,
        offsets=offsets,
        depth=method.depth,
        season_length=panel.season_length,
        max_history=method.pool_settings[method.sum_pool].max_history_buckets,
        block_buckets=1,
    )


def _rule(task: OriginTask, method: LevelMethod) -> ChoiceRule:
    settings = method.pool_settings[method.sum_pool]
    incumbent = task.kept_codes.index(ENSEMBLE) if ENSEMBLE in task.kept_codes else None
    return ChoiceRule(settings.tie_tolerance_rate, incumbent, settings.champion_margin_rate)


def _chosen_paths(
    paths: np.ndarray, came: np.ndarray, codes: Sequence[str], rule: ChoiceRule
) -> tuple[np.ndarray, np.ndarray]:
    """Path of the model chosen at each origin by the origins before it, (m, K, D), and the newest choice, (m,)."""
    count, origins = len(paths), paths.shape[2]
    squares = (paths[:, :, 1:].sum(axis=3) - came.sum(axis=2)[:, None, :]) ** 2
    default = rule.incumbent if rule.incumbent is not None else 0
    out = np.full((count, origins, paths.shape[3]), np.nan)
    newest = np.full(count, default)
    for origin in reversed(range(origins)):
        before = squares[:, :, origin:]
        # A model is scored on all earlier origins or on none; a mean of NaN is NaN.
        score = np.sqrt(before.mean(axis=2)) if before.shape[2] else np.full(squares.shape[:2], np.nan)
        score = np.where(np.isfinite(paths[:, :, origin]).all(axis=2), score, np.nan)
        picked = choose_champions(score, rule, equal=np.zeros(count))
        picked = np.where(picked >= 0, picked, default)
        out[:, origin] = paths[np.arange(count), picked, origin]
        newest = picked
    return out, np.array(codes, dtype=object)[newest]


def _behind(demand_qty: np.ndarray, offsets: tuple[int, ...], depth: int) -> np.ndarray:
    found = _buckets_behind(demand_qty, offsets, depth)
    return np.where(np.isfinite(found), found, 0.0)


def _buckets_behind(values: np.ndarray, offsets: tuple[int, ...], depth: int, total: int | None = None) -> np.ndarray:
    """Values of the buckets behind each origin, (n, K, D); `total` buckets are past, all where not given."""
    end = values.shape[1] if total is None else total
    parts = [values[:, end - offset : end - offset + depth] for offset in offsets]
    return np.stack(parts, axis=1) if parts else np.zeros((len(values), 0, depth))


def _year_before(panel: DemandPanel, offsets: tuple[int, ...]) -> np.ndarray:
    total, season = panel.demand_qty.shape[1], panel.season_length
    filled = np.where(np.isfinite(panel.demand_qty), panel.demand_qty, 0.0)
    return np.stack(
        [filled[:, max(total - offset - season, 0) : total - offset].sum(axis=1) for offset in offsets], axis=1
    )


def _flat(errors: np.ndarray) -> np.ndarray:
    return errors.reshape(len(errors), errors.shape[1] * errors.shape[2])
