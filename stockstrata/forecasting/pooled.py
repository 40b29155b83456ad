"""What the series of a pool learn from each other, before each of them is validated and forecast by itself.

Both models are fitted at a few cut-offs only. A rolling origin is served by the newest fit that lies at or before it,
so no origin sees what came after it; the forecast itself rests on a fit with all that is known.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stockstrata.forecasting.engine import GLOBAL, POOLED_CODES, SEASONAL
from stockstrata.forecasting.global_model import MOST_ROWS, GlobalTask, global_forecasts
from stockstrata.forecasting.group_season import seasonal_indices
from stockstrata.forecasting.origins import validation_plan
from stockstrata.forecasting.outcome import PooledInputs, PoolTask, needed_buckets, serving_cut, whole_buckets
from stockstrata.forecasting.workers import TaskMap
from stockstrata.parameters import PoolModel, PoolSettings

BACKTEST_FITS = 3
"""Fits that serve the rolling origins: what a whole pool teaches ages slowly (docs/decisions/0087)."""

_ROW_MILLISECONDS = 0.01
"""A row that a global model learns from or forecasts, on one core."""


@dataclass(frozen=True)
class PoolHistory:
    """All series of a pool.

    Attributes:
        models: models of the pool.
        settings: folds and history of the pool.
        season_length: buckets of a year.
        rows: where the series stand in the panel, ascending, (n,).
        demand_qty: demand (n, T), NaN before the start of a series only.
        interval_buckets: protection interval, buckets, fractional, (n,).
        family: group of each series inside the pool, (n,).
        least_depth: buckets to forecast at least.
    """

    models: tuple[PoolModel, ...]
    settings: PoolSettings
    season_length: int
    rows: np.ndarray
    demand_qty: np.ndarray
    interval_buckets: np.ndarray
    family: np.ndarray
    least_depth: int

    @property
    def named(self) -> tuple[PoolModel, ...]:
        """Models of the pool that learn from all its series."""
        return tuple(model for model in self.models if model.model_code in POOLED_CODES)

    @property
    def allowed(self) -> frozenset[str]:
        """Codes of those that may be tried with so many series."""
        return frozenset(model.model_code for model in self.named if len(self.rows) >= model.min_series_count)

    @property
    def content_hash(self) -> str:
        """Hash of all that one series may learn from the others; empty where it learns nothing."""
        if not self.allowed:
            return ""
        digest = hashlib.blake2b("\n".join(map(str, self.family)).encode(), digest_size=16)
        for part in (self.demand_qty, self.interval_buckets):
            digest.update(f"{part.shape}".encode() + np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Lesson:
    """What became of a model that learns from a whole pool; `reason_text` says why it could not, or is empty."""

    pool_code: str
    model_code: str
    series_count: int
    reason_text: str


def learnt_tasks(
    tasks: Sequence[PoolTask], rows: Sequence[np.ndarray], pools: Mapping[str, PoolHistory], task_map: TaskMap
) -> tuple[list[PoolTask], list[Lesson]]:
    """Fit the models that learn from whole pools, and give each task what its series have learnt.

    Args:
        tasks: chunks of series, each of one pool.
        rows: where their series stand in the panel.
        pools: the pools that have such models, by code.
        task_map: where global models are fitted; each fit is a task of its own.
    """
    wanted = {code: pools[code] for code in dict.fromkeys(task.models[0].pool_code for task in tasks) if code in pools}
    plans = {code: _Plan(pool) for code, pool in wanted.items() if pool.allowed}
    fits = [(code, fit) for code, plan in plans.items() if GLOBAL in plan.pool.allowed for fit in plan.global_tasks()]
    row_count = sum(min(fit.demand_qty.size, MOST_ROWS) + int(fit.depth.sum()) for _, fit in fits)
    work = _ROW_MILLISECONDS * row_count
    forecasts = task_map(global_forecasts, [fit for _, fit in fits], milliseconds=work)
    inputs = {
        code: plan.inputs([(fit, qty) for (held, fit), qty in zip(fits, forecasts, strict=True) if held == code])
        for code, plan in plans.items()
    }
    given = []
    for task, held in zip(tasks, rows, strict=True):
        code = task.models[0].pool_code
        if code in inputs:
            given.append(replace(task, pooled=inputs[code].select(np.searchsorted(pools[code].rows, held))))
        else:
            given.append(task)
    lessons = [
        Lesson(code, model.model_code, len(pool.rows), _reason(pool, model, inputs.get(code)))
        for code, pool in wanted.items()
        for model in pool.named
    ]
    return given, lessons


class _Plan:
    """Origins of all series of a pool, and the cut-offs that models of the pool are fitted at.

    Attributes:
        pool: the pool.
        offset: how many buckets before the end each origin lies, the end itself last, -1 for none, (n, K + 1).
        depth: buckets to forecast from there, (n, K + 1).
        cuts: how many buckets before the end models are fitted, ascending from 0, (P,).
    """

    def __init__(self, pool: PoolHistory) -> None:
        horizon = whole_buckets(pool.interval_buckets)
        length = np.minimum(np.isfinite(pool.demand_qty).sum(axis=1), needed_buckets(pool.settings, horizon))
        plan = validation_plan(length, horizon, settings=pool.settings, season_length=pool.season_length)
        back = np.where(plan.train_ends > 0, length[:, None] - plan.train_ends, -1)
        own = np.maximum(plan.horizon, pool.least_depth)
        self.pool = pool
        self.offset = np.append(back, np.zeros((len(back), 1), dtype=back.dtype), axis=1)
        self.depth = np.where(self.offset > 0, own[:, None], np.maximum(horizon, pool.least_depth)[:, None])
        found = back[back > 0]
        shares = np.arange(1, BACKTEST_FITS + 1) / BACKTEST_FITS
        oldest = np.quantile(found, shares, method="higher") if len(found) else np.zeros(0)
        self.cuts = np.unique(np.append(0, oldest)).astype(np.int64)

    def global_tasks(self) -> list[GlobalTask]:
        """One fit for each cut-off, with the origins that it serves."""
        pool, total = self.pool, self.pool.demand_qty.shape[1]
        serving = serving_cut(self.cuts, self.offset)
        _, family = np.unique(pool.family.astype(str), return_inverse=True)
        tasks = []
        for number, cut in enumerate(self.cuts):
            rows, slots = np.nonzero((serving == number) & (self.offset >= 0))
            tasks.append(
                GlobalTask(
                    demand_qty=pool.demand_qty,
                    family=family,
                    season_length=pool.season_length,
                    max_history=pool.settings.max_history_buckets,
                    cut=total - int(cut),
                    rows=rows,
                    ends=total - self.offset[rows, slots],
                    depth=self.depth[rows, slots],
                )
            )
        return tasks

    def inputs(self, fits: Sequence[tuple[GlobalTask, np.ndarray]]) -> PooledInputs:
        """What the series have learnt, given the forecasts of the global fits."""
        count, slots = self.offset.shape
        widest = max((qty.shape[1] for _, qty in fits), default=0)
        global_qty = np.full((count, slots, widest), np.nan)
        serving = serving_cut(self.cuts, self.offset)
        for number, (_, qty) in enumerate(fits):
            rows, places = np.nonzero((serving == number) & (self.offset >= 0))
            global_qty[rows, places, : qty.shape[1]] = qty
        return PooledInputs(self.cuts, self._seasonal_index(), self.offset, global_qty)

    def _seasonal_index(self) -> np.ndarray:
        pool, total = self.pool, self.pool.demand_qty.shape[1]
        if SEASONAL not in pool.allowed:
            return np.zeros((len(pool.rows), len(self.cuts), 0))
        _, family = np.unique(pool.family.astype(str), return_inverse=True)
        history = pool.settings.max_history_buckets
        found = []
        for cut in self.cuts:
            known = pool.demand_qty[:, max(total - cut - history, 0) : total - cut]
            # Counted from the end of the panel, whichever cut-off they were learnt at.
            found.append(np.roll(seasonal_indices(known, family, pool.season_length), -cut, axis=1))
        return np.stack(found, axis=1)


def _reason(pool: PoolHistory, model: PoolModel, inputs: PooledInputs | None) -> str:
    if model.model_code not in pool.allowed or inputs is None:
        return f"the pool has {len(pool.rows)} series, the model takes {model.min_series_count} or more"
    if model.model_code == SEASONAL and not np.isfinite(inputs.seasonal_index[:, 0]).any():
        return "the pool knows fewer than two whole years"
    if model.model_code == GLOBAL and not np.isfinite(inputs.global_qty[:, -1]).any():
        return "the pool has too little history to learn from"
    return ""
