"""Planning periods and demand buckets: calendar arithmetic without a clock."""

import datetime as dt
import itertools
from collections.abc import Mapping
from typing import Literal

import pandas as pd

PeriodType = Literal["month", "week"]
Grain = Literal["day", "week", "month"]

BUCKET_FREQUENCY = {"month": "MS", "week": "W-MON"}

# Before a gap of this many months, so few rows are typing errors in the year rather than history.
_GAP_MONTHS = 24
_STRAY_SHARE, _STRAY_ROWS = 1 / 1000, 3
_FEW_SHARE = 1 / 10


def period_start(day: dt.date, period_type: PeriodType) -> dt.date:
    """First day of the calendar month, or the Monday of the week, that holds `day`."""
    return day.replace(day=1) if period_type == "month" else day - dt.timedelta(days=day.weekday())


def period_end(start: dt.date, period_type: PeriodType) -> dt.date:
    """First day after the period that begins on `start`: its cut-off."""
    if period_type == "week":
        return start + dt.timedelta(days=7)
    return (start.replace(day=28) + dt.timedelta(days=4)).replace(day=1)


def periods_between(first: dt.date, last: dt.date, period_type: PeriodType) -> list[dt.date]:
    """Starts of all periods from the one that holds `first` to the one that holds `last`."""
    starts, current = [], period_start(first, period_type)
    while current <= last:
        starts.append(current)
        current = period_end(current, period_type)
    return starts


def fact_end(day: dt.date, grain: Grain) -> dt.date:
    """First day after the span that a fact dated `day` speaks of: a day, seven days, or its calendar month."""
    if grain == "month":
        return period_end(period_start(day, "month"), "month")
    return day + dt.timedelta(days=7 if grain == "week" else 1)


def last_complete_bucket(cut_off: dt.date, bucket_type: PeriodType) -> pd.Timestamp:
    """Start of the newest bucket that ends at or before the cut-off.

    Example: with weeks and a cut-off on Thursday 2025-01-02, the bucket of Monday 2024-12-23.
    """
    return pd.Timestamp(period_start(period_start(cut_off, bucket_type) - dt.timedelta(days=1), bucket_type))


def history_start(row_counts: Mapping[dt.date, int]) -> dt.date:
    """The first period of a history, stray rows long before it left out.

    Rows are stray when at least two years without a row lie between them and the next, when they are at most three or
    one in a thousand of all rows, and at most one in ten of those after them.

    Args:
        row_counts: rows by period, keyed by the period's first day; at least one.

    Example: 5,000 rows from 2023-01 on and one of 1985-03 give 2023-01.
    """
    periods = sorted(row_counts)
    most = max(_STRAY_ROWS, sum(row_counts.values()) * _STRAY_SHARE)
    before, after, start = 0, sum(row_counts.values()), periods[0]
    for period, following in itertools.pairwise(periods):
        before, after = before + row_counts[period], after - row_counts[period]
        gap = (following.year - period.year) * 12 + following.month - period.month - 1
        if gap >= _GAP_MONTHS and before <= most and before <= after * _FEW_SHARE:
            start = following
    return start
