"""The time of a replay: which past cut-offs are planned again, and the periods that orders and demand move in."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stockstrata.periods import Grain, PeriodType
from stockstrata.service_targets import PERIOD_DAYS

_PERIOD_DAYS = {"day": 1.0, **PERIOD_DAYS}


def past_cut_offs(cut_off_date: dt.date, period_type: PeriodType, months: int) -> list[dt.date]:
    """Cut-offs before a cut-off, the first of each of so many months, oldest first.

    Where periods are weeks, more of them would cost time and tell the same.

    Args:
        cut_off_date: cut-off of the cycle that looks back.
        period_type: month or week.
        months: how many.

    Example: two before 2026-01-01 are 2025-11-01 and 2025-12-01; with weeks 2025-11-03 and 2025-12-01.
    """
    found: list[dt.date] = []
    first = cut_off_date.replace(day=1)
    while len(found) < months:
        start = first if period_type == "month" else first + dt.timedelta(days=-first.weekday() % 7)
        if start < cut_off_date:
            found.append(start)
        first = (first - dt.timedelta(days=1)).replace(day=1)
    return found[::-1]


def cut_offs_before_cycles(cut_offs: Sequence[dt.date], first_cycle: dt.date, step_months: int) -> list[dt.date]:
    """Of some cut-offs those before the first cycle that stand whole steps of months before it, oldest first.

    Counted from the first cycle, they stay the same ones as time goes on.

    Example: before a first cycle at 2026-01-01, of the six months before it, by 3: 2025-07-01 and 2025-10-01.
    """
    month = first_cycle.year * 12 + first_cycle.month
    return [day for day in cut_offs if day < first_cycle and (month - day.year * 12 - day.month) % step_months == 0]


@dataclass(frozen=True)
class ReplayGrid:
    """Periods of a replay.

    Attributes:
        edges: first day of each period, and the day after the last, rising, (T + 1,).
        period_days: days in a period.
    """

    edges: np.ndarray
    period_days: float

    @property
    def period_count(self) -> int:
        """Number of periods T, 0 where not one is whole."""
        return max(len(self.edges) - 1, 0)

    def first_period(self, cut_off_date: dt.date) -> int:
        """First period that begins at or after a cut-off."""
        return int(np.searchsorted(self.edges, np.datetime64(cut_off_date, "D")))

    def period_of(self, days: np.ndarray) -> np.ndarray:
        """Period of each day, -1 before the first and T after the last, (m,)."""
        return np.searchsorted(self.edges, days.astype("datetime64[D]"), side="right") - 1


def replay_grid(first: dt.date, end: dt.date, grain: Grain) -> ReplayGrid:
    """Days, weeks or months between two days, as fine as demand is known; parts of periods at the ends are left out.

    Args:
        first: first cut-off of the replay.
        end: cut-off up to which demand is known.
        grain: of the facts.

    Example: weeks from 2025-11-01 to 2026-01-01 go from Monday 2025-11-03 to Monday 2025-12-29.
    """
    begin, last = np.datetime64(first, "D"), np.datetime64(end, "D")
    if grain == "month":
        months = np.arange(begin.astype("datetime64[M]"), last.astype("datetime64[M]") + 1).astype("datetime64[D]")
        edges = months[(months >= begin) & (months <= last)]
    else:
        step = 7 if grain == "week" else 1
        # Day 4 after 1970-01-01 was a Monday.
        start = begin + (-(begin.astype(int) - 4) % step)
        edges = np.arange(start, last + 1, step)
    return ReplayGrid(edges, _PERIOD_DAYS[grain])
