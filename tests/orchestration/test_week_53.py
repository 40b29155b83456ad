"""Years of 53 weeks: a company that plans weeks goes on from 2020-W53 to 2021-W01 without a gap or a double."""

import datetime as dt

import duckdb

from orchestration.partitions import period_partitions
from stockstrata.periods import period_start, periods_between

DAYS = [dt.date(2020, 12, 14) + dt.timedelta(days=number) for number in range(42)]
MONDAYS = ["2020-12-14", "2020-12-21", "2020-12-28", "2021-01-04", "2021-01-11", "2021-01-18"]


def test_partitions_are_the_weeks():
    partitions = period_partitions("week", DAYS[0])
    keys = partitions.get_partition_keys(current_time=dt.datetime(2021, 1, 25, 1, tzinfo=dt.UTC))
    assert list(keys) == MONDAYS
    assert [str(start) for start in periods_between(DAYS[0], DAYS[-1], "week")] == MONDAYS
    assert partitions.time_window_for_partition_key("2020-12-28").end.date() == dt.date(2021, 1, 4)


def test_landing_files_a_day_under_the_week_that_plans_it():
    with duckdb.connect() as connection:
        found = connection.execute("select date_trunc('week', unnest(?))::date", [DAYS]).fetchall()
    assert [day for (day,) in found] == [period_start(day, "week") for day in DAYS]
