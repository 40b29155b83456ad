"""Forecasts of many series from the same origins: what levels of a hierarchy can be compared and reconciled at.

The back-test of a pool looks back from where the protection interval of each series allows, so its origins differ from
series to series. Parents and children must be forecast on the same day.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from stockstrata.forecasting import coarse, engine
from stockstrata.forecasting.members import ENSEMBLE, ensemble_median
from stockstrata.forecasting.origins import LEAST_TRAINING_BUCKETS
from stockstrata.forecasting.workers import TaskMap

CHUNK_SERIES = 128
"""Series in a task, as in `run`."""


@dataclass(frozen=True)
class OriginTask:
    """Series that the same models forecast from the same origins.

    Attributes:
        model_codes: models to forecast with, without the ensemble.
        kept_codes: models whose forecasts are wanted, the ensemble among them or not.
        demand_qty: demand (n, T), NaN before the start only.
        offsets: buckets between each origin and the end of the history, newest origin first; 0 is the end, (K,).
        depth: buckets to forecast.
        season_length: buckets of a year.
        max_history: newest buckets that a model may learn from.
        block_buckets: buckets that are forecast as one, as in `outcome.PoolTask`.
    """

    model_codes: tuple[str, ...]
    kept_codes: tuple[str, ...]
    demand_qty: np.ndarray
    offsets: tuple[int, ...]
    depth: int
    season_length: int
    max_history: int
    block_buckets: int = 1


def origin_paths(task: OriginTask) -> np.ndarray:
    """Forecasts (n, M, K, D) of the kept models; NaN where a series is too young or a model gave nothing.

    A series has an origin only where it knows `LEAST_TRAINING_BUCKETS` then. Models that are fitted once are fitted at
    the earliest origin and carried forward, so the back-test costs about one fit.

    Example: `origin_paths(OriginTask(("naive",), ("naive",), np.array([[1.0, 2, 3, 4, 5]]), (1, 0), 1, 52, 156))` is
    `[[[[4.0], [5.0]]]]`.
    """
    series = [row[np.isfinite(row)] for row in task.demand_qty]
    length = np.array([len(one) for one in series], dtype=np.int64)
    ends = length[:, None] - np.asarray(task.offsets, dtype=np.int64)[None, :]
    ends = np.where(ends >= LEAST_TRAINING_BUCKETS, ends, -1)
    learnt = np.minimum(np.where(ends > 0, ends, np.iinfo(np.int64).max).min(axis=1), task.max_history)
    learnt = np.where((ends > 0).any(axis=1), learnt, 0)
    paths: dict[str, np.ndarray] = {}
    for code in task.model_codes:
        able = np.flatnonzero((learnt >= engine.needs_seasons(code) * task.season_length) & (learnt > 0))
        paths[code] = np.full((len(series), len(task.offsets), task.depth), np.nan)
        if len(able):
            paths[code][able] = coarse.forecast_paths(
                code,
                [series[row] for row in able],
                ends[able],
                depth=np.full(len(able), task.depth),
                season_length=task.season_length,
                is_seasonal=learnt[able] >= 2 * task.season_length,
                max_history=task.max_history,
                block_buckets=coarse.usable_blocks(learnt[able], task.block_buckets),
            ).qty
    if ENSEMBLE in task.kept_codes:
        paths[ENSEMBLE] = ensemble_median({code: paths[code] for code in task.model_codes})
    return np.stack([paths[code] for code in task.kept_codes], axis=1)


def paths_from_origins(tasks: Sequence[OriginTask], task_map: TaskMap) -> list[np.ndarray]:
    """`origin_paths` of each task, in their order, in chunks wherever the map works on them."""
    chunks = [
        replace(task, demand_qty=task.demand_qty[start : start + CHUNK_SERIES])
        for task in tasks
        for start in range(0, len(task.demand_qty), CHUNK_SERIES)
    ]
    work = sum(len(task.demand_qty) * engine.milliseconds(task.model_codes) for task in tasks)
    found = iter(task_map(origin_paths, chunks, milliseconds=work))
    return [
        np.concatenate([next(found) for _ in range(0, len(task.demand_qty), CHUNK_SERIES)])
        if len(task.demand_qty)
        else np.full((0, len(task.kept_codes), len(task.offsets), task.depth), np.nan)
        for task in tasks
    ]


def known_means(demand_qty: np.ndarray, offsets: Sequence[int]) -> np.ndarray:
    """Mean demand of a bucket as known at each origin, 0 for a series that had not begun, (n, K)."""
    filled = np.where(np.isfinite(demand_qty), demand_qty, 0.0)
    total = demand_qty.shape[1]
    means = []
    for offset in offsets:
        known = max(total - offset, 0)
        count = np.isfinite(demand_qty[:, :known]).sum(axis=1)
        means.append(filled[:, :known].sum(axis=1) / np.maximum(count, 1))
    return np.stack(means, axis=1)
