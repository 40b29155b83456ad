"""Demand of runs of buckets in a series' own history: what an interval of that length has held so far.

The errors of a forecast say how wrong it was; the windows say what there was to be wrong about. On short and lumpy
histories, where a dozen origins hold two or three demands, they know more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stockstrata.forecasting.metrics import safe_ratio

WINDOW_LEVELS = (0.50, 0.90, 0.95, 0.98)
"""Levels that ways to a distribution are compared at."""

LEAST_RUNS = 4
"""Fewer runs than these say nothing of how demand varies."""


@dataclass(frozen=True)
class Windows:
    """Runs of buckets of n series.

    Attributes:
        total_qty: demand of the run that begins at each bucket, (n, W), NaN beyond the last run.
        run_buckets: length of the runs, (n,).
    """

    total_qty: np.ndarray
    run_buckets: np.ndarray

    @classmethod
    def of(cls, series: Sequence[np.ndarray], run_buckets: np.ndarray) -> "Windows":
        """Runs of each series; those of a series that is shorter than its run are the whole series.

        Args:
            series: histories without gaps.
            run_buckets: length wanted, whole buckets, (n,).

        Example: `Windows.of([np.array([1.0, 2, 3])], np.array([2])).total_qty` is `[[3, 5]]`.
        """
        length = np.array([len(one) for one in series], dtype=np.int64)
        run = np.clip(run_buckets, 1, np.maximum(length, 1))
        total = np.full((len(series), int(length.max(initial=0)) + 1), np.nan)
        for row, one in enumerate(series):
            summed = np.concatenate([[0.0], np.cumsum(one)])
            held = max(len(one) - run[row] + 1, 0)
            total[row, :held] = summed[run[row] : run[row] + held] - summed[:held]
        return cls(total, run)

    def count(self, ends: np.ndarray) -> np.ndarray:
        """Runs that are over at each end, (n, K); none where there is no end (0)."""
        return np.clip(ends - self.run_buckets[:, None] + 1, 0, self.total_qty.shape[1])

    def moments(self, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the runs that are over at each end, (n, K); NaN where they are too few.

        Args:
            ends: buckets of history, (n, K).
        """
        count = self.count(ends)
        found = np.isfinite(self.total_qty)
        # Taken from the middle of all runs, so that squares of large demand do not drown small differences.
        middle = safe_ratio(np.where(found, self.total_qty, 0.0).sum(axis=1), found.sum(axis=1))[:, None]
        off = np.where(found, self.total_qty - middle, 0.0)
        sums = np.concatenate([np.zeros((len(off), 1)), np.cumsum(off, axis=1)], axis=1)
        squares = np.concatenate([np.zeros((len(off), 1)), np.cumsum(off**2, axis=1)], axis=1)
        mean = safe_ratio(np.take_along_axis(sums, count, axis=1), count)
        square = safe_ratio(np.take_along_axis(squares, count, axis=1), count)
        enough = count >= LEAST_RUNS
        sd = np.sqrt(np.maximum(square - mean**2, 0.0))
        return np.where(enough, np.maximum(mean + middle, 0.0), np.nan), np.where(enough, sd, np.nan)

    def quantiles(self, ends: np.ndarray, levels: Sequence[float]) -> np.ndarray:
        """Quantiles of the runs that are over at each end, (n, K, L); NaN where they are too few.

        That of n runs at p is the value of rank (n + 1) p, between two ranks on the straight line (Hyndman & Fan,
        Amer. Statistician 50 (1996) 361, type 6).
        """
        count = self.count(ends)
        out = np.full((*count.shape, len(levels)), np.nan)
        places = np.arange(self.total_qty.shape[1])
        for end in range(count.shape[1]):
            known = places[None, :] < count[:, end][:, None]
            ranked = np.sort(np.where(known, self.total_qty, np.inf), axis=1)
            for position, level in enumerate(levels):
                rank = np.clip((count[:, end] + 1) * level, 1, np.maximum(count[:, end], 1))
                low = np.floor(rank).astype(np.int64)
                at_low = np.take_along_axis(ranked, low[:, None] - 1, axis=1)[:, 0]
                high = np.minimum(low, np.maximum(count[:, end] - 1, 0))
                at_high = np.take_along_axis(ranked, high[:, None], axis=1)[:, 0]
                has = count[:, end] >= LEAST_RUNS
                at_low, at_high = np.where(has, at_low, 0.0), np.where(has, at_high, 0.0)
                out[:, end, position] = np.where(has, at_low + (rank - low) * (at_high - at_low), np.nan)
        return out


def runs_to_come(series: Sequence[np.ndarray], interval_buckets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the runs of each history, stretched to its protection interval, (n, 1).

    Args:
        series: histories without gaps.
        interval_buckets: protection interval, buckets, fractional, (n,).
    """
    now = Windows.of(series, np.ceil(interval_buckets - 1e-9).astype(np.int64))
    mean, sd = now.moments(np.array([len(one) for one in series], dtype=np.int64).reshape(-1, 1))
    wider = safe_ratio(interval_buckets, now.run_buckets)[:, None]
    return mean * wider, sd * np.sqrt(wider)
