"""Customer order lines: weekly demand split over days and customers, then served from what stock allows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.sample.sizes import Scale

_EXTRA_LINES = {"smooth": 1.5, "erratic": 1.2, "intermittent": 0.15, "lumpy": 0.3, "insufficient": 0.0}
# Monday to Sunday; the first location serves trade customers, the others are open at weekends.
_DEPOT_WEEK = np.array([0.22, 0.2, 0.2, 0.19, 0.17, 0.02, 0.0])
_STORE_WEEK = np.array([0.14, 0.13, 0.14, 0.15, 0.18, 0.2, 0.06])


@dataclass(frozen=True)
class OrderLines:
    """Order lines sorted by item-location, day and place in the queue of the day.

    Attributes:
        series: row of the item-location.
        day: day of the history, from 0.
        customer: position of the customer.
        qty: whole units asked for.
    """

    series: np.ndarray
    day: np.ndarray
    customer: np.ndarray
    qty: np.ndarray

    def per_day(self, scale: Scale) -> np.ndarray:
        """Demand (item-locations, days)."""
        cell = self.series * scale.day_count + self.day
        sums = np.bincount(cell, weights=self.qty, minlength=scale.series_count * scale.day_count)
        return sums.reshape(scale.series_count, scale.day_count)

    def first_of_day(self, scale: Scale) -> np.ndarray:
        """Quantity of the line that is served first, (item-locations, days); zero where none."""
        first = np.zeros((scale.series_count, scale.day_count))
        heads = _heads(self.series * scale.day_count + self.day)
        first[self.series[heads], self.day[heads]] = self.qty[heads]
        return first

    def serve(self, sold: np.ndarray) -> np.ndarray:
        """Units each line got when its day's sales are dealt out in queue order.

        Args:
            sold: units sold (item-locations, days), never above the day's demand.

        Returns:
            Units sold on each line, from 0 to what the line asked for.
        """
        cell = self.series * sold.shape[1] + self.day
        before = np.cumsum(self.qty) - self.qty
        heads = _heads(cell)
        group = np.cumsum(heads) - 1
        ahead = before - before[heads][group]
        return np.clip(sold[self.series, self.day] - ahead, 0, self.qty).astype(np.int64)


def _heads(cell: np.ndarray) -> np.ndarray:
    return np.append(True, cell[1:] != cell[:-1]) if len(cell) else np.zeros(0, dtype=bool)


def split_into_lines(
    weekly_qty: np.ndarray,
    *,
    items: pd.DataFrame,
    series: pd.DataFrame,
    is_closed: np.ndarray,
    scale: Scale,
    rng: np.random.Generator,
) -> OrderLines:
    """Split whole units a week into order lines on open days; one line a customer, day and item-location.

    Args:
        weekly_qty: units (item-locations, weeks).
        items: frame of `plan_items`.
        series: frame of `plan_series`.
        is_closed: whether the company is closed, one value a day.
        scale: extent of the company.
        rng: source of randomness.

    Returns:
        The lines inside the history; what falls on the cut days of its first and last week is dropped.
    """
    row, week = np.nonzero(weekly_qty)
    units = weekly_qty[row, week]
    extra = items["pattern"].map(_EXTRA_LINES.__getitem__).to_numpy(dtype=float)[series["item"].to_numpy()[row]]
    counts = np.minimum(1 + rng.poisson(extra), units)
    cell = np.repeat(np.arange(len(row)), counts)
    qty = _portions(units, counts, cell, rng)
    day = (scale.week_starts[week][cell] - scale.first_date).astype(int) + _weekdays(series, row[cell], rng)
    day = _move_to_open_days(day, is_closed)
    weights = 1.0 / np.arange(1, scale.customer_count + 1) ** 0.6
    customer = rng.choice(scale.customer_count, len(day), p=weights / weights.sum())
    inside = (day >= 0) & (day < scale.day_count)
    return _merge(row[cell][inside], day[inside], customer[inside], qty[inside], scale, rng)


def _portions(units: np.ndarray, counts: np.ndarray, cell: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Whole portions of at least 1 that add up to the units of their cell."""
    weight = rng.gamma(2.0, 1.0, len(cell))
    running = np.cumsum(weight)
    ends = np.cumsum(counts) - 1
    total_before = np.append(0.0, running[ends])[:-1]
    total = running[ends] - total_before
    reached = (running - total_before[cell]) / total[cell]
    reached[ends] = 1.0
    steps = np.rint(reached * (units - counts)[cell]).astype(np.int64)
    previous = np.append(0, steps[:-1])
    starts = np.append(0, ends[:-1] + 1)
    previous[starts] = 0
    return steps - previous + 1


def _weekdays(series: pd.DataFrame, row: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    draw = rng.random(len(row))
    depot = np.searchsorted(np.cumsum(_DEPOT_WEEK)[:-1], draw, side="right")
    store = np.searchsorted(np.cumsum(_STORE_WEEK)[:-1], draw, side="right")
    return np.where(series["location"].to_numpy()[row] == 0, depot, store)


def _move_to_open_days(day: np.ndarray, is_closed: np.ndarray) -> np.ndarray:
    """Demand of a closed day comes on the next open one."""
    open_days = np.flatnonzero(~is_closed)
    inside = (day >= 0) & (day <= open_days[-1])
    moved = day.copy()
    moved[inside] = open_days[np.searchsorted(open_days, day[inside])]
    return moved


def _merge(
    row: np.ndarray,
    day: np.ndarray,
    customer: np.ndarray,
    qty: np.ndarray,
    scale: Scale,
    rng: np.random.Generator,
) -> OrderLines:
    key = (row * scale.day_count + day) * scale.customer_count + customer
    unique, inverse = np.unique(key, return_inverse=True)
    total = np.bincount(inverse, weights=qty, minlength=len(unique)).astype(np.int64)
    cell, who = np.divmod(unique, scale.customer_count)
    queue = np.lexsort((rng.random(len(unique)), cell))
    return OrderLines(cell[queue] // scale.day_count, cell[queue] % scale.day_count, who[queue], total[queue])
