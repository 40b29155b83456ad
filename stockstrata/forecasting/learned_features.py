"""What is known of a series at an origin, free of its scale: the columns that learned quantiles are read from.

A window is a series, an origin (buckets known) and a length (buckets ahead). Every column comes from cumulative sums,
for many windows at a time, and from the buckets before the origin alone. Columns are free of scale but for the last
one, which tells how large demand is: counts of few units vary more.
"""

from dataclasses import dataclass, fields

import numpy as np

from stockstrata.forecasting.metrics import safe_ratio

LEAST_KNOWN_BUCKETS = 8
"""Buckets that a series has shown before anything can be said of it."""

MOST_RUNS = 104
"""Newest runs of a history that its own quantiles are taken from."""

RUN_LEVELS = (0.5, 0.75, 0.9, 1.0)
"""Levels of the runs in the history that are told."""

LEAST_SPREAD_RATE = 0.2
"""Share of the scale below which the spread never falls: a series that hardly ever changed is not without risk."""

_ROWS_AT_A_TIME = 8_192
_LONGEST_GAP = 20.0


@dataclass(frozen=True)
class WindowFeatures:
    """Features of m windows.

    Attributes:
        columns: what is known, free of scale, (m, F); NaN where a history is too short to tell.
        center_qty: mean demand of the newest quarter, half year, year and of all history in equal parts, carried on
            over the window, units, (m,).
        spread_qty: mean absolute change from one bucket to the next, units, above zero where anything was sold, (m,).
    """

    columns: np.ndarray
    center_qty: np.ndarray
    spread_qty: np.ndarray


class DemandHistory:
    """Cumulative sums of n histories, from which any window is read.

    Args:
        demand_qty: demand, NaN before the start of a series only, (n, T).
        season_length: buckets of a year.

    Example: `DemandHistory(demand, 12).features(rows, ends, lengths).columns`.
    """

    def __init__(self, demand_qty: np.ndarray, season_length: int) -> None:
        present = np.isfinite(demand_qty)
        filled = np.where(present, demand_qty, 0.0)
        self.season_length = season_length
        self.start = np.where(present.any(axis=1), present.argmax(axis=1), demand_qty.shape[1])
        self._sum, self._square, self._sold = _running(filled), _running(filled**2), _running(filled > 0)
        change = np.where(present[:, :-1], np.abs(np.diff(filled, axis=1)), 0.0)
        self._change = np.concatenate([np.zeros((len(filled), 1)), _running(change)], axis=1)
        places = np.where(filled > 0, np.arange(filled.shape[1])[None, :], -1)
        before = np.full((len(filled), 1), -1)
        self._last = np.maximum.accumulate(np.concatenate([before, places], axis=1), axis=1)

    def is_known(self, rows: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Whether a series has been seen long enough and has sold at an origin, (m,)."""
        return (ends - self.start[rows] >= LEAST_KNOWN_BUCKETS) & (self._sold[rows, ends] > 0)

    def demand(self, rows: np.ndarray, ends: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Demand of the windows, which must lie inside the history, units, (m,)."""
        return self._sum[rows, ends + lengths] - self._sum[rows, ends]

    def features(self, rows: np.ndarray, ends: np.ndarray, lengths: np.ndarray) -> WindowFeatures:
        """What is known of the windows at their origins.

        Args:
            rows: series, (m,).
            ends: buckets of the panel known at the origin, (m,).
            lengths: buckets ahead, at least 1, (m,).
        """
        parts = [
            self._part(rows[first : first + _ROWS_AT_A_TIME], ends[first : first + _ROWS_AT_A_TIME],
                       lengths[first : first + _ROWS_AT_A_TIME])
            for first in range(0, max(len(rows), 1), _ROWS_AT_A_TIME)
        ]  # fmt: skip
        return WindowFeatures(
            *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(WindowFeatures))
        )

    def _part(self, rows: np.ndarray, ends: np.ndarray, lengths: np.ndarray) -> WindowFeatures:
        known = np.maximum(ends - self.start[rows], 1).astype(float)
        mean = self._total(rows, self.start[rows], ends) / known
        runs = self._runs(rows, ends, lengths)
        found = np.isfinite(runs)
        count = found.sum(axis=1)
        run_mean = safe_ratio(np.where(found, runs, 0.0).sum(axis=1), count)
        off = np.where(found, runs - run_mean[:, None], 0.0)
        run_sd = np.sqrt(safe_ratio((off**2).sum(axis=1), count))
        # A history shorter than the window has no run: its mean carried on stands in.
        run_mean, run_sd = np.where(count > 0, run_mean, mean * lengths), np.where(count > 0, run_sd, 0.0)
        scale = run_mean + run_sd / 2
        unit = np.where(scale > 0, scale, 1.0)
        sold = self._sold[rows, ends]
        rate = sold / known
        square = self._square[rows, ends] - self._square[rows, np.minimum(self.start[rows], ends)]
        sd = np.sqrt(np.maximum(square / known - mean**2, 0.0))
        gap = np.where(sold > 0, ends - 1 - self._last[rows, ends], known)
        season = self.season_length
        newest = sum(self._recent_mean(rows, ends, span) for span in (season // 4, season // 2, season))
        center = (newest + mean) / 4 * lengths
        change = self._change[rows, ends] / np.maximum(known - 1, 1)
        spread = np.maximum(change, LEAST_SPREAD_RATE * scale)
        spread = np.where(spread > 0, spread, 1.0)
        spans = sorted({1, max(season // 12, 3), season // 4, season // 2, season, 2 * season})
        recent = [self._recent_mean(rows, ends, span) * lengths / unit for span in spans]
        columns = [
            *recent,
            mean * lengths / unit,
            self._recent_mean(rows, ends, lengths) * lengths / unit,
            run_sd / unit,
            *_ranked(runs, count) / unit,
            self._last_year(rows, ends, lengths) / unit,
            self._year_on_year(rows, ends),
            rate,
            self._recent_rate(rows, ends, season // 2),
            np.minimum(gap * rate, _LONGEST_GAP),
            safe_ratio(sd, mean),
            safe_ratio(mean, rate) / unit,
            sold,
            known,
            lengths.astype(float),
            lengths / known,
            safe_ratio(center, spread),
            safe_ratio(scale, spread),
            center / unit,
            np.log(unit),
        ]
        return WindowFeatures(np.column_stack(columns), center, spread)

    def _total(self, rows: np.ndarray, first: np.ndarray, ends: np.ndarray) -> np.ndarray:
        return self._sum[rows, ends] - self._sum[rows, np.minimum(first, ends)]

    def _recent_mean(self, rows: np.ndarray, ends: np.ndarray, span: np.ndarray | int) -> np.ndarray:
        first = np.clip(ends - span, self.start[rows], ends)
        return self._total(rows, first, ends) / np.maximum(ends - first, 1)

    def _recent_rate(self, rows: np.ndarray, ends: np.ndarray, span: int) -> np.ndarray:
        first = np.clip(ends - span, self.start[rows], ends)
        return (self._sold[rows, ends] - self._sold[rows, first]) / np.maximum(ends - first, 1)

    def _runs(self, rows: np.ndarray, ends: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Demand of the newest runs before the origin, newest first, NaN where there is none, (m, R)."""
        deepest = int(np.clip((ends - lengths - self.start[rows]).max(initial=0) + 1, 1, MOST_RUNS))
        last = (ends - np.arange(deepest)[:, None]).T
        first = last - lengths[:, None]
        is_inside = first >= self.start[rows][:, None]
        series = rows[:, None]
        total = self._sum[series, np.maximum(last, 0)] - self._sum[series, np.maximum(first, 0)]
        return np.where(is_inside, total, np.nan)

    def _last_year(self, rows: np.ndarray, ends: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Demand of the same span a year before, as far as it is over; NaN where it is not known."""
        first = ends - self.season_length
        last = np.minimum(first + lengths, ends)
        is_told = first >= self.start[rows]
        total = self._sum[rows, np.where(is_told, last, 0)] - self._sum[rows, np.where(is_told, first, 0)]
        return np.where(is_told, total * lengths / (last - first), np.nan)

    def _year_on_year(self, rows: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Share of the last quarter in it and the same quarter of the year before; NaN where that is not known."""
        span, year = max(self.season_length // 4, 1), self.season_length
        is_told = ends - year - span >= self.start[rows]
        new = self._sum[rows, ends] - self._sum[rows, np.maximum(ends - span, 0)]
        safe = np.where(is_told, ends - year, span)
        old = self._sum[rows, safe] - self._sum[rows, safe - span]
        return np.where(is_told, safe_ratio(new, new + old), np.nan)


def _ranked(runs: np.ndarray, count: np.ndarray) -> np.ndarray:
    """The runs of rank ceil(level x count) at `RUN_LEVELS`, (L, m); NaN where there is none."""
    place = np.clip(np.ceil(np.outer(RUN_LEVELS, count)).astype(np.int64) - 1, 0, runs.shape[1] - 1)
    return np.take_along_axis(np.sort(runs, axis=1).T, place, axis=0)


def _running(values: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1, dtype=np.float64)], axis=1)
