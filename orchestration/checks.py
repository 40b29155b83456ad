"""Checks about time and volume: what a look at one table's rows cannot tell."""

import dagster as dg

from orchestration.partitions import PERIODS, SETTINGS, cut_off
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.warehouse import Warehouse

_DEMAND_ROWS = """
    select landing_period_start_date as period_start_date, count(*) as row_count
    from raw.demand where demand_date < $cut_off and known_from_at < $cut_off group by all order by all
"""
_MEDIAN_PERIODS = 12


@dg.asset_check(
    asset=dg.AssetKey(["intermediate", "int_demand__bucketed"]),
    name="demand_rows_have_not_dropped",
    description="The period's demand rows are not far below the median of the periods before.",
    partitions_def=PERIODS,
)
def demand_rows_have_not_dropped(
    context: dg.AssetCheckExecutionContext, warehouse: Warehouse, parameter_store: ParameterStore
) -> dg.AssetCheckResult:
    """Warns when a feed has shrunk: the usual sign of a half-delivered extract."""
    period = context.partition_time_window.start.date()
    threshold = parameter_store.in_force(cut_off(period)).settings.abnormal_row_drop_rate
    rows = warehouse.read(_DEMAND_ROWS, {"cut_off": cut_off(period)}).set_index("period_start_date")["row_count"]
    rows.index = [start.date() for start in rows.index]
    now = int(rows.get(period, 0))
    before = rows[[start for start in rows.index if start < period]].tail(_MEDIAN_PERIODS)
    usual = float(before.median()) if len(before) else float(now)
    drop = 1.0 - now / usual if usual else 0.0
    return dg.AssetCheckResult(
        passed=now > 0 and drop <= threshold,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "rows": now,
            "median_of_periods_before": usual,
            "drop_rate": drop,
            "threshold_rate": threshold,
            "source": SETTINGS.company.source_name,
        },
    )


CHECKS = [demand_rows_have_not_dropped]
