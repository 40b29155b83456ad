"""The one partitions definition: a planning period, closed when the calendar has passed its end."""

import datetime as dt

import dagster as dg

from orchestration.resources.settings import Settings, read_settings
from stockstrata.periods import PeriodType, period_end

DATE_FORMAT = "%Y-%m-%d"


def period_partitions(period_type: PeriodType, first_period: dt.date) -> dg.TimeWindowPartitionsDefinition:
    """Months or Monday weeks from the first period of the company's history to the newest closed one."""
    if period_type == "month":
        return dg.MonthlyPartitionsDefinition(start_date=first_period.strftime(DATE_FORMAT))
    return dg.WeeklyPartitionsDefinition(start_date=first_period.strftime(DATE_FORMAT), day_offset=1)


SETTINGS: Settings = read_settings()
CYCLE_BEFORE = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1, allow_nonexistent_upstream_partitions=True)
"""For what a cycle reads of the cycle before it, where there is one."""
PERIODS = period_partitions(SETTINGS.company.period_type, SETTINGS.company.first_period_date)


def cut_off(period: dt.date) -> dt.date:
    """Cut-off of the cycle that plans at the close of a period."""
    return period_end(period, SETTINGS.company.period_type)


def period_of(context: dg.AssetExecutionContext) -> dt.date:
    """First day of the period that a run plans."""
    return dt.date.fromisoformat(context.partition_key)
