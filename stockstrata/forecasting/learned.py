"""Quantiles of demand over the protection interval, learnt by one model a level over all series together (LightGBM).

A row is a series at a past origin whose interval is over by now; it learns how far demand over the interval strayed
from the level at the origin, in units of the series' own spread, from what was known there: what many series have shown
at some time helps each of them.
Gradient-boosted quantile regression over scaled series, direct over the horizon: Makridakis et al. (the M5 uncertainty
competition), Int. J. Forecasting 38 (2022) 1365; pinball loss: Koenker & Bassett, Econometrica 46 (1978) 33.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from stockstrata.forecasting.learned_features import DemandHistory

LEVELS = (0.10, 0.30, 0.50, 0.70, 0.80, 0.90, 0.95, 0.98)
"""Levels that are learnt; those between lie on straight lines over -log(1 - level)."""

LARGEST_TARGET = 50.0
"""Multiple of a series' spread up to which its demand counts: one order must not bend the trees of a whole company."""

_SEED = 20_250_101
_ROUNDS = 120
# One thread a model, one order of rows, one seed: the same trees on any number of workers.
_SETTINGS = {
    "objective": "quantile",
    "learning_rate": 0.05,
    "num_leaves": 8,
    "max_bin": 63,
    "min_data_in_leaf": 50,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "seed": _SEED,
    "verbosity": -1,
}


@dataclass(frozen=True)
class LearningLimits:
    """How much is learnt from.

    Attributes:
        most_windows: windows that are learnt from, a seeded sample of all.
        least_windows: windows without which nothing is learnt.
        least_series: series that they must come from.
    """

    most_windows: int
    least_windows: int
    least_series: int


@dataclass(frozen=True)
class LearnedModel:
    """A model a level, fitted on what was known at a cut-off.

    Attributes:
        boosters: by level.
        window_count: windows that they learnt from.
    """

    boosters: Mapping[float, Any]
    window_count: int

    def quantiles(self, history: DemandHistory, rows: np.ndarray, ends: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Quantiles of demand of windows at `LEVELS`, units, never falling with the level, (m, L).

        NaN where a series is too short or has never sold at the origin.

        Args:
            history: of all series.
            rows: series, (m,).
            ends: buckets known at the origin, (m,).
            lengths: buckets ahead, whole, at least 1, (m,).
        """
        out = np.full((len(rows), len(LEVELS)), np.nan)
        able = np.flatnonzero(history.is_known(rows, ends))
        if not len(able):
            return out
        told = history.features(rows[able], ends[able], lengths[able])
        found = [np.asarray(self.boosters[level].predict(told.columns, num_threads=1)) for level in LEVELS]
        qty = told.center_qty[:, None] + told.spread_qty[:, None] * np.column_stack(found)
        out[able] = np.maximum.accumulate(np.maximum(qty, 0.0), axis=1)
        return out


def fit_quantiles(
    history: DemandHistory,
    lengths: np.ndarray,
    cut: int,
    *,
    most_origins: int,
    limits: LearningLimits,
    workers: int,
) -> LearnedModel | None:
    """Learn from all windows of all series that are over at the cut-off.

    Args:
        history: of n series; what lies behind the cut-off is not looked at.
        lengths: protection interval of each series, buckets, fractional, (n,): windows are as long as the whole number
            below it and above it in turn.
        cut: buckets of the panel known.
        most_origins: newest buckets before the cut-off that windows may begin in.
        limits: how much is learnt from.
        workers: models that are fitted at a time; the result does not depend on it.

    Returns:
        None where there is too little to learn from.

    Example: `fit_quantiles(history, buckets, 60, most_origins=156, limits=limits, workers=2)`.
    """
    rows, ends, ahead = _past_windows(history, lengths, cut, most_origins)
    if len(rows) < limits.least_windows or len(np.unique(rows)) < limits.least_series:
        return None
    if len(rows) > limits.most_windows:
        drawn = np.sort(np.random.default_rng(_SEED).choice(len(rows), limits.most_windows, replace=False))
        rows, ends, ahead = rows[drawn], ends[drawn], ahead[drawn]
    told = history.features(rows, ends, ahead)
    strayed = (history.demand(rows, ends, ahead) - told.center_qty) / told.spread_qty
    target = np.clip(strayed, -LARGEST_TARGET, LARGEST_TARGET)
    # Imported here because the import costs a second, which only a cycle that learns should pay.
    import lightgbm

    data = lightgbm.Dataset(told.columns, target, params=_SETTINGS, free_raw_data=False).construct()

    def fit(level: float) -> Any:
        return lightgbm.train({**_SETTINGS, "alpha": level}, data, num_boost_round=_ROUNDS)

    with ThreadPoolExecutor(max(workers, 1)) as executor:
        boosters = dict(zip(LEVELS, executor.map(fit, LEVELS), strict=True))
    return LearnedModel(boosters, len(rows))


def _past_windows(
    history: DemandHistory, lengths: np.ndarray, cut: int, most_origins: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Series, buckets known and buckets ahead of every window that is over at the cut-off."""
    low, high = whole_neighbours(lengths)
    ends = np.arange(max(cut - most_origins, 0), cut)
    rows, place = (part.ravel() for part in np.indices((len(lengths), len(ends))))
    known = ends[place]
    ahead = np.where((rows + known) % 2 == 0, low[rows], high[rows])
    usable = (known + ahead <= cut) & history.is_known(rows, known)
    return rows[usable], known[usable], ahead[usable]


def whole_neighbours(buckets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers of buckets at or below and above an interval, at least 1, (n,) each.

    Example: 5.25 buckets lie between 5 and 6.
    """
    low = np.maximum(np.floor(buckets + 1e-9), 1).astype(np.int64)
    return low, np.maximum(np.ceil(buckets - 1e-9), 1).astype(np.int64)
