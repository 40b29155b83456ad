"""Calendar arithmetic of periods and buckets."""

import datetime as dt

import pandas as pd
import pytest

from stockstrata.periods import (
    fact_end,
    history_start,
    last_complete_bucket,
    period_end,
    period_start,
    periods_between,
)


@pytest.mark.parametrize(
    ("day", "period_type", "start", "end"),
    [
        ("2024-02-29", "month", "2024-02-01", "2024-03-01"),
        ("2025-12-31", "month", "2025-12-01", "2026-01-01"),
        ("2020-12-31", "week", "2020-12-28", "2021-01-04"),
        ("2021-01-04", "week", "2021-01-04", "2021-01-11"),
    ],
)
def test_a_period_holds_its_days(day, period_type, start, end):
    found = period_start(dt.date.fromisoformat(day), period_type)
    assert (found.isoformat(), period_end(found, period_type).isoformat()) == (start, end)


def test_periods_between_are_consecutive():
    found = periods_between(dt.date(2024, 11, 15), dt.date(2025, 2, 1), "month")
    assert [start.isoformat() for start in found] == ["2024-11-01", "2024-12-01", "2025-01-01", "2025-02-01"]


def test_half_a_week_is_no_bucket():
    assert last_complete_bucket(dt.date(2025, 1, 2), "week") == pd.Timestamp("2024-12-23")
    assert last_complete_bucket(dt.date(2024, 12, 30), "week") == pd.Timestamp("2024-12-23")
    assert last_complete_bucket(dt.date(2025, 1, 1), "month") == pd.Timestamp("2024-12-01")


@pytest.mark.parametrize(("grain", "end"), [("day", "2014-11-11"), ("week", "2014-11-17"), ("month", "2014-12-01")])
def test_a_fact_speaks_of_its_grain(grain, end):
    assert fact_end(dt.date(2014, 11, 10), grain).isoformat() == end


def months(**rows):
    return {dt.date(int(name[1:5]), int(name[6:]), 1): count for name, count in rows.items()}


@pytest.mark.parametrize(
    ("rows", "start"),
    [
        (months(m1985_03=1, m2023_01=60, m2023_02=60), "2023-01-01"),
        (months(m1985_03=1, m1999_03=1, m2023_01=60, m2023_02=60), "2023-01-01"),
        # Few rows, but no gap: history begins slowly.
        (months(m2022_01=1, m2023_01=60, m2023_02=60), "2022-01-01"),
        # A gap, but too many rows before it for slips.
        (months(m1998_01=4, m2023_01=60, m2023_02=60), "1998-01-01"),
        (months(m1998_01=1, m2023_01=1), "1998-01-01"),
        # One in a thousand is a slip; dates far ahead are none of a beginning.
        (months(m1998_01=50, m2023_01=50_000), "2023-01-01"),
        (months(m2023_01=60, m2062_01=1), "2023-01-01"),
        (months(m2023_01=1), "2023-01-01"),
    ],
)
def test_history_starts_after_stray_rows_long_before_it(rows, start):
    assert history_start(rows).isoformat() == start
