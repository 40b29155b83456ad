"""Rolling origins: from where, how far and how often each series is validated."""

from dataclasses import dataclass

import numpy as np

from stockstrata.parameters import PoolSettings

LEAST_TRAINING_BUCKETS = 4
"""Theta and exponential smoothing with trend estimate three figures; with fewer than four points nothing is learnt."""

LEAST_SEASONAL_FOLDS = 4
"""A seasonal model is only let in where it can be judged from at least so many origins (or the pool's, if fewer)."""


@dataclass(frozen=True)
class ValidationPlan:
    """Rolling origins of n series.

    Attributes:
        horizon: buckets that demand is cumulated over when scoring, shorter than wanted where history is short, (n,).
        fold_count: origins of each series, 0 where the series is too short to validate, (n,).
        train_ends: buckets known at each origin, newest origin first, -1 where there is none, (n, K).
    """

    horizon: np.ndarray
    fold_count: np.ndarray
    train_ends: np.ndarray

    @property
    def first_training(self) -> np.ndarray:
        """Buckets known at the earliest origin, 0 where there is none, (n,)."""
        return np.where(self.train_ends > 0, self.train_ends, np.iinfo(np.int64).max).min(axis=1) * (
            self.fold_count > 0
        )

    @property
    def independent_folds(self) -> np.ndarray:
        """Origins that do not share buckets of their horizons: the evidence in overlapping ones, (n,).

        Example: 10 origins 4 weeks apart with a horizon of 8 weeks are worth 5.5.
        """
        newest = self.train_ends.max(axis=1)
        span = np.where(self.fold_count > 0, newest - self.first_training, 0)
        return np.minimum(self.fold_count, 1.0 + span / self.horizon) * (self.fold_count > 0)

    @property
    def reach(self) -> np.ndarray:
        """How many places older an origin must be for its horizon to be over, (n,); 1 where there is one origin.

        Example: origins 3 buckets apart with a horizon of 5: 2.
        """
        if self.train_ends.shape[1] < 2:
            return np.ones(len(self.train_ends), dtype=np.int64)
        step = np.where(self.train_ends[:, 1] > 0, self.train_ends[:, 0] - self.train_ends[:, 1], self.horizon)
        return -(-self.horizon // np.maximum(step, 1))


def validation_plan(
    length: np.ndarray, horizon: np.ndarray, *, settings: PoolSettings, season_length: int
) -> ValidationPlan:
    """Lay out rolling origins so that seasonal models stay possible wherever history allows.

    The newest origin lies `horizon` buckets before the end, older ones `fold_step_buckets` apart, or closer where
    that keeps two seasons (else one) of training before the earliest. A series too short for its horizon is judged
    at half of what it has beyond the least training.

    Args:
        length: history of each series, buckets, (n,).
        horizon: buckets wanted, at least 1, (n,).
        settings: folds and largest step of the pool.
        season_length: buckets of a year.

    Example: 156 weeks, horizon 5, 10 folds of step 4, season 52: origins at 151, 147 ... 115.
    """
    judged = np.clip((length - LEAST_TRAINING_BUCKETS) // 2, 1, np.maximum(horizon, 1))
    wanted = settings.fold_count
    enough = min(wanted, LEAST_SEASONAL_FOLDS)
    step = np.ones(len(length), dtype=np.int64)
    count = np.zeros(len(length), dtype=np.int64)
    for training in (LEAST_TRAINING_BUCKETS, season_length, 2 * season_length):
        slack = length - judged - training
        here = np.clip(slack // max(wanted - 1, 1), 1, settings.fold_step_buckets)
        folds = np.clip(slack // here + 1, 0, wanted)
        better = folds >= (enough if training > LEAST_TRAINING_BUCKETS else 1)
        step, count = np.where(better, here, step), np.where(better, folds, count)
    slots = np.arange(wanted)
    ends = (length - judged)[:, None] - slots[None, :] * step[:, None]
    return ValidationPlan(judged, count, np.where(slots[None, :] < count[:, None], ends, -1))
