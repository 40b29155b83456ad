"""One gradient-boosted model over all series of a pool (LightGBM): what many series show, no series can show alone.

A row is a series at an origin with a number of buckets ahead; it learns demand of that bucket over the level of the
series at the origin, so that a bolt and an engine teach each other. Forecasts are direct: no forecast feeds another.
Trees, learning on scaled series and direct horizons: Makridakis, Spiliotis & Assimakopoulos (the M5 accuracy
competition), Int. J. Forecasting 38 (2022) 1346; Montero-Manso & Hyndman, Int. J. Forecasting 37 (2021) 1632.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

MOST_ROWS = 400_000
"""Rows that are learnt from: more cost time and add next to nothing (docs/decisions/0087)."""

LEAST_ROWS = 2_000
"""Fewer rows than this cannot fill the leaves of a few trees."""

LEAST_KNOWN_BUCKETS = 4
"""Buckets of a series before it teaches or is forecast."""

MOST_STEPS_PER_ORIGIN = 4
"""Numbers of buckets ahead that a small pool learns from at each origin."""

_PREDICTED_ROWS = 200_000
_SEED = 20_250_101
_ROUNDS = 150
# One thread, one order of rows, one seed: the same trees on any machine with the same library.
_SETTINGS = {
    "objective": "tweedie",
    "tweedie_variance_power": 1.5,
    "learning_rate": 0.05,
    "num_leaves": 31,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "seed": _SEED,
    "verbosity": -1,
}
_FAMILY_COLUMN = 0


@dataclass(frozen=True)
class GlobalTask:
    """One fit of a pool, and the forecasts that rest on it.

    Attributes:
        demand_qty: demand of n series, NaN before the start of a series only, (n, T).
        family: group of each series, whole numbers from 0, (n,).
        season_length: buckets of a year.
        max_history: newest buckets before the cut that may be learnt from.
        cut: buckets known when the model was fitted.
        rows: series of each forecast, (m,).
        ends: buckets known at its origin, at least `cut`, (m,).
        depth: buckets to forecast, (m,).
    """

    demand_qty: np.ndarray
    family: np.ndarray
    season_length: int
    max_history: int
    cut: int
    rows: np.ndarray
    ends: np.ndarray
    depth: np.ndarray


def global_forecasts(task: GlobalTask) -> np.ndarray:
    """Fit on what was known at the cut, forecast from each origin with what was known there.

    Returns:
        Forecasts (m, D), never negative; NaN beyond a forecast's own depth, where a series is too short, and throughout
        where the pool has too few rows to learn from.

    Example: `global_forecasts(GlobalTask(demand, family, 12, 156, 40, rows, ends, depth))[0, 0]` is the bucket after
    the first origin.
    """
    widest = int(task.depth.max(initial=1))
    out = np.full((len(task.rows), widest), np.nan)
    learnt = _learnt_rows(task, widest)
    if len(learnt.rows) < LEAST_ROWS:
        return out
    known = _History(task)
    model = _fitted(known, learnt)
    able = (task.ends - known.start[task.rows]) >= LEAST_KNOWN_BUCKETS
    place, ahead = np.nonzero((np.arange(widest)[None, :] < task.depth[:, None]) & able[:, None])
    for first in range(0, len(place), _PREDICTED_ROWS):
        held, step = place[first : first + _PREDICTED_ROWS], ahead[first : first + _PREDICTED_ROWS] + 1
        rows, ends = task.rows[held], task.ends[held]
        level = known.level(rows, ends)
        # A number of buckets that nobody has learnt from is taken as the largest that somebody has.
        table = known.features(rows, ends, step, np.minimum(step, learnt.widest))
        found = np.asarray(model.predict(table, num_threads=1), dtype=float)
        out[held, step - 1] = np.maximum(found, 0.0) * level
    return out


@dataclass(frozen=True)
class _Learnt:
    """Rows to learn from: series, buckets known, buckets ahead, each (r,); and the most buckets ahead."""

    rows: np.ndarray
    ends: np.ndarray
    steps: np.ndarray
    widest: int


def _learnt_rows(task: GlobalTask, widest: int) -> _Learnt:
    demand = task.demand_qty[:, : task.cut]
    start = np.where(np.isfinite(demand).any(axis=1), np.isfinite(demand).argmax(axis=1), task.cut)
    ends = np.arange(task.cut)
    has_sold = np.nancumsum(demand, axis=1) > 0
    usable = (ends[None, :] >= start[:, None] + LEAST_KNOWN_BUCKETS) & (ends >= task.cut - task.max_history)[None, :]
    usable[:, 1:] &= has_sold[:, :-1]
    rows, ends = np.nonzero(usable)
    rng = np.random.default_rng(_SEED)
    if len(rows) > MOST_ROWS:
        drawn = np.sort(rng.choice(len(rows), MOST_ROWS, replace=False))
        rows, ends = rows[drawn], ends[drawn]
    times = int(np.clip(MOST_ROWS // max(len(rows), 1), 1, MOST_STEPS_PER_ORIGIN))
    rows, ends = np.repeat(rows, times), np.repeat(ends, times)
    steps = 1 + np.floor(rng.random(len(rows)) * np.minimum(widest, task.cut - ends)).astype(np.int64)
    return _Learnt(rows, ends, steps, int(steps.max(initial=1)))


class _History:
    """Sums of the histories of a pool, from which features of any series at any origin are read."""

    def __init__(self, task: GlobalTask) -> None:
        present = np.isfinite(task.demand_qty)
        filled = np.where(present, task.demand_qty, 0.0)
        self.task, self.demand = task, filled
        total = filled.shape[1]
        self.start = np.where(present.any(axis=1), present.argmax(axis=1), total)
        self._sum, self._square, self._sold = _running(filled), _running(filled**2), _running(filled > 0)
        last = np.where(filled > 0, np.arange(total)[None, :], -1)
        self._last = np.maximum.accumulate(np.concatenate([np.full((len(filled), 1), -1), last], axis=1), axis=1)

    def level(self, rows: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Mean demand of the last year with a fifth of that of all history, which is above zero once it has sold."""
        return 0.8 * self._mean(self._sum, rows, ends, self.task.season_length) + 0.2 * self._mean(
            self._sum, rows, ends, ends.max(initial=1)
        )

    def features(self, rows: np.ndarray, ends: np.ndarray, steps: np.ndarray, told: np.ndarray) -> np.ndarray:
        """What is known of series `rows` when `ends` buckets are, about the bucket `steps` ahead, (r, features)."""
        season, level = self.task.season_length, self.level(rows, ends)
        scale = np.where(level > 0, level, 1.0)
        windows = sorted({1, 2, max(season // 12, 3), season // 4, season // 2, season, 2 * season})
        means = [self._mean(self._sum, rows, ends, window) / scale for window in windows]
        year = self._mean(self._sum, rows, ends, season)
        spread = np.sqrt(np.maximum(self._mean(self._square, rows, ends, season) - year**2, 0.0)) / scale
        target = ends + steps - 1
        columns = [
            self.task.family[rows],
            told,
            target % season,
            *means,
            spread,
            self._mean(self._sold, rows, ends, season),
            self._mean(self._sold, rows, ends, season // 4),
            np.minimum(ends - self._last[rows, ends], season),
            np.minimum(ends - self.start[rows], 3 * season),
            np.log1p(level),
            *(self._around(rows, ends, target - years * season) / scale for years in (1, 2)),
        ]
        return np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])

    def _mean(self, sums: np.ndarray, rows: np.ndarray, ends: np.ndarray, window: int) -> np.ndarray:
        first = np.maximum(ends - window, self.start[rows])
        return (sums[rows, ends] - sums[rows, first]) / np.maximum(ends - first, 1)

    def _around(self, rows: np.ndarray, ends: np.ndarray, middle: np.ndarray) -> np.ndarray:
        """Mean of three buckets around one of an earlier year; NaN where it is not known whole."""
        # Longer horizons than a year look further back than the last year: to what is not known there is no way.
        is_known = (middle - 1 >= self.start[rows]) & (middle + 2 <= ends)
        safe = np.where(is_known, middle, 1)
        last = np.minimum(safe + 2, self._sum.shape[1] - 1)
        return np.where(is_known, (self._sum[rows, last] - self._sum[rows, safe - 1]) / 3.0, np.nan)


def _fitted(known: _History, learnt: _Learnt) -> Any:
    # Imported here because the import costs a second, which only a pool with such a model should pay.
    import lightgbm

    level = known.level(learnt.rows, learnt.ends)
    target = known.demand[learnt.rows, learnt.ends + learnt.steps - 1] / level
    table = known.features(learnt.rows, learnt.ends, learnt.steps, learnt.steps)
    data = lightgbm.Dataset(table, target, categorical_feature=[_FAMILY_COLUMN], params=_SETTINGS, free_raw_data=True)
    return lightgbm.train(_SETTINGS, data, num_boost_round=_ROUNDS)


def _running(values: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1, dtype=np.float64)], axis=1)
