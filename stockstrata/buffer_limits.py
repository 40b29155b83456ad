"""Limits on buffers: days of cover, shelf life, a tolerance band and a largest step a cycle; each clip with its reason.

In this order, each on what the one before left, all by the row of the segment in `buffer_limits.csv` (or of `*`):

1. `tolerance`: a buffer closer to that of the last policy than `tolerance_rate` of the latter stays as it was.
2. `step`: it moves by no more than `max_step_rate` of the larger of the two, so a shock arrives in a few cycles.
3. `min_cover`, `max_cover`: between so many days of expected demand.
4. `shelf_life`: buffer and order together last no longer than `shelf_life_rate` of the shelf life.
5. `criticality_floor`: never below what the floor of the item's criticality needs.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.columns import numbers, texts
from stockstrata.parameters import BufferLimit


@dataclass(frozen=True)
class LimitedBuffers:
    """Buffers within their limits, units, and the codes of the limits that moved each, `; ` between them."""

    safety_stock_qty: np.ndarray
    limit_codes: np.ndarray


def limited_buffers(
    wanted: np.ndarray,
    item_locations: pd.DataFrame,
    *,
    last_qty: np.ndarray,
    floor_qty: np.ndarray,
    rows: tuple[BufferLimit, ...],
) -> LimitedBuffers:
    """Bring buffers within their limits.

    Args:
        wanted: buffers that meet the targets, units.
        item_locations: `segment_code`, `daily_demand_qty`, `order_qty`, `shelf_life_days` (NaN where unknown).
        last_qty: buffers of the last policies, NaN where there is none, units.
        floor_qty: least buffers that criticality asks for, units.
        rows: limits in force.

    Example: wanted 30, last 10, `max_step_rate` 0.5: 25 now and 30 in the next cycle.
    """
    limit = _Limits(rows, texts(item_locations, "segment_code"))
    daily, order = numbers(item_locations, "daily_demand_qty"), numbers(item_locations, "order_qty")
    codes = np.full(len(wanted), "", dtype=object)
    out = np.asarray(wanted, dtype=float)
    has_last = np.isfinite(last_qty)

    def moved(code: str, value: np.ndarray, where: np.ndarray) -> None:
        nonlocal out
        changes = where & (np.abs(value - out) > 1e-9 * np.maximum(out, 1.0))
        codes[changes] = np.where(codes[changes] == "", code, codes[changes] + "; " + code)
        out = np.where(changes, value, out)

    near = np.abs(out - last_qty) <= limit.of("tolerance_rate") * last_qty
    moved("tolerance", np.where(has_last, last_qty, 0.0), has_last & near)
    step = limit.of("max_step_rate") * np.fmax(out, last_qty)
    stepped = np.clip(out, last_qty - step, last_qty + step)
    moved("step", np.where(np.isfinite(stepped), stepped, out), has_last & np.isfinite(step))
    least, most = limit.of("min_cover_days") * daily, limit.of("max_cover_days") * daily
    moved("min_cover", np.fmax(out, least), np.isfinite(least))
    moved("max_cover", np.fmin(out, most), np.isfinite(most))
    usable = limit.of("shelf_life_rate") * numbers(item_locations, "shelf_life_days") * daily
    moved("shelf_life", np.fmin(out, np.maximum(usable - order, 0.0)), np.isfinite(usable))
    moved("criticality_floor", np.maximum(out, floor_qty), out < np.minimum(floor_qty, wanted))
    return LimitedBuffers(out, codes)


def longest_cover_days(item_locations: pd.DataFrame, rows: tuple[BufferLimit, ...]) -> np.ndarray:
    """Days of demand that one order may cover before it spoils; infinite where no shelf life is known.

    Example: a shelf life of 60 days and `shelf_life_rate` 0.9 give 54.
    """
    limit = _Limits(rows, texts(item_locations, "segment_code"))
    days = limit.of("shelf_life_rate") * numbers(item_locations, "shelf_life_days")
    return np.where(days > 0, days, np.inf)


class _Limits:
    """Limits of each row's segment, else of all (`*`); NaN where there is none."""

    def __init__(self, rows: tuple[BufferLimit, ...], segment_code: pd.Series) -> None:
        held = {row.segment_code: row for row in rows}
        self._kinds, codes = np.unique(segment_code.to_numpy(dtype=str), return_inverse=True)
        self._codes = codes
        self._rows = [held.get(str(code), held["*"]) for code in self._kinds]

    def of(self, name: str) -> np.ndarray:
        values = [getattr(row, name) for row in self._rows]
        by_kind = np.array([np.nan if value is None else value for value in values], dtype=float)
        return by_kind[self._codes] if len(by_kind) else np.zeros(0)


def rounded_level(level: np.ndarray, solved: np.ndarray, is_whole: np.ndarray) -> np.ndarray:
    """Whole units for a level that limits moved: down where they lowered it, up where they raised it."""
    exact = np.round(level, 9)
    return np.where(is_whole, np.where(level < solved, np.floor(exact), np.ceil(exact)), level)
