"""Calendar arithmetic of periods and buckets."""

import datetime as dt

import pandas as pd
import pytest

from stockstrata.periods import fact_end, last_complete_bucket, period_end, period_start, periods_between


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
