"""Checks about time and volume: what a look at one table's rows cannot tell."""

import datetime as dt

import dagster as dg
import pandas as pd

from orchestration.partitions import PERIODS
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.warehouse import Warehouse

_ROWS_BY_PERIOD = """
    select landing_period_start_date as period_start_date, count(*) as row_count
    from raw.demand where known_to_at = timestamp '9999-12-31' and landing_period_start_date <= $newest_closed
    group by all order by all
"""
_MEDIAN_PERIODS = 12


@dg.asset_check(
    asset=dg.AssetKey(["raw", "demand"]),
    name="demand_rows_have_not_dropped",
    description="The newest closed period's demand rows are not far below the median of the periods before.",
)
def demand_rows_have_not_dropped(warehouse: Warehouse, parameter_store: ParameterStore) -> dg.AssetCheckResult:
    """Warns when a feed has shrunk: the usual sign of a half-delivered extract."""
    closed = PERIODS.get_partition_keys()
    newest_closed = dt.date.fromisoformat(closed[-1])
    threshold = parameter_store.in_force(newest_closed).settings.abnormal_row_drop_rate
    found = warehouse.read(_ROWS_BY_PERIOD, {"newest_closed": newest_closed})
    rows = found.set_index("period_start_date")["row_count"].reindex(pd.DatetimeIndex(list(closed)), fill_value=0)
    now = int(rows.iloc[-1])
    before = rows.iloc[:-1].tail(_MEDIAN_PERIODS)
    usual = float(before.median()) if len(before) else float(now)
    drop = 1.0 - now / usual if usual else 0.0
    return dg.AssetCheckResult(
        passed=now > 0 and drop <= threshold,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "period": closed[-1],
            "rows": now,
            "median_of_periods_before": usual,
            "drop_rate": drop,
            "threshold_rate": threshold,
        },
    )


CHECKS = [demand_rows_have_not_dropped]
