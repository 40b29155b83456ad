"""Reading what a cycle plans: its item-locations without those left out, and the last good rows of the latter."""

import datetime as dt
from collections.abc import Sequence

import pandas as pd

from orchestration.resources.warehouse import Warehouse
from stockstrata.tables import STAMP, STOCK_POLICY

PLANNED = "intermediate.int_item_locations__planned"
_KEY = "item_id, location_id"
_NO_ROWS = f"""
    select {_KEY}, reason from intermediate.int_item_locations__isolated where period_start_date = $period
    union all
    select {_KEY}, reason from quality.isolated_result where period_start_date = $period
"""
_ISOLATED = f"select {_KEY}, min(reason) as reason from ({_NO_ROWS}) group by all order by all"
_LAST_GOOD = f"""
    select policy.*
    from {STOCK_POLICY.name} as policy
    semi join wanted using ({_KEY})
    where period_start_date < $period
    qualify row_number() over (partition by {_KEY} order by period_start_date desc) = 1
    order by {_KEY}
"""

_LAST = f"""
    select {_KEY}, segment_code, policy_family, safety_stock_qty, order_up_to_qty
    from {STOCK_POLICY.name}
    where period_start_date < ?
    qualify row_number() over (partition by {_KEY} order by period_start_date desc) = 1
    order by {_KEY}
"""


def planned_item_locations(warehouse: Warehouse, period: dt.date) -> pd.DataFrame:
    """The item-locations of the cycle, without those whose results a step of it found implausible.

    Raises:
        PlanningError: if the period has none.
    """
    planned = warehouse.read_period(PLANNED, period)
    gone = warehouse.read(f"select {_KEY} from quality.isolated_result where period_start_date = ?", [period])
    if gone.empty:
        return planned
    names = _KEY.split(", ")
    is_gone = pd.MultiIndex.from_frame(planned[names]).isin(pd.MultiIndex.from_frame(gone[names]))
    return planned.loc[~is_gone].reset_index(drop=True)


def isolated_result_count(warehouse: Warehouse, period: dt.date) -> int:
    """How many item-locations the steps of the cycle found implausible results for."""
    counted = f"select count(distinct ({_KEY})) as n from quality.isolated_result where period_start_date = ?"
    return int(warehouse.read(counted, [period])["n"].iloc[0])


def isolated_item_locations(warehouse: Warehouse, period: dt.date) -> pd.DataFrame:
    """Item-locations that the cycle leaves out: `item_id, location_id, reason`, sorted."""
    return warehouse.read(_ISOLATED, {"period": period})


def last_good_policies(warehouse: Warehouse, wanted: pd.DataFrame, period: dt.date) -> pd.DataFrame:
    """The newest policy before the period of each wanted item-location that ever had one.

    Returns:
        The columns of `policy.stock_policy` without period and stamps.
    """
    with warehouse.connect(read_only=True) as connection:
        connection.register("wanted", wanted.astype(str))
        found = connection.execute(_LAST_GOOD, {"period": period}).df()
    return found.drop(columns=["period_start_date", *(column.name for column in STAMP)])


def last_policies(warehouse: Warehouse, period: dt.date) -> pd.DataFrame:
    """The newest policy before the period of each item-location: key, segment, family, buffer and level."""
    return warehouse.read(_LAST, [period])


def with_rows_of_stale_policies(
    warehouse: Warehouse,
    table: str,
    rows: pd.DataFrame,
    policies: pd.DataFrame,
    *,
    status_codes: Sequence[str] = ("stale",),
) -> pd.DataFrame:
    """Rows of a table, for stale policies those that they were once computed from.

    Args:
        warehouse: where the earlier cycles stand.
        table: table with a row per period, item and location.
        rows: its rows of this period.
        policies: frame of `policy.stock_policy` of this period.
        status_codes: of the policies that take earlier rows; those held by the gate may, too.
    """
    names = _KEY.split(", ")
    stale = policies.loc[policies["policy_status_code"].isin(status_codes), [*names, "policy_period_start_date"]]
    if stale.empty:
        return rows
    # What a later step left out has rows of this period too, which its policy does not rest on.
    is_stale = pd.MultiIndex.from_frame(rows[names]).isin(pd.MultiIndex.from_frame(stale[names]))
    with warehouse.connect(read_only=True) as connection:
        connection.register("stale", stale)
        earlier = connection.execute(
            f"select rows.* from {table} as rows inner join stale on rows.item_id = stale.item_id "
            "and rows.location_id = stale.location_id "
            f"and rows.period_start_date = stale.policy_period_start_date order by rows.item_id, rows.location_id"
        ).df()
    return pd.concat([rows.loc[~is_stale], earlier.reindex(columns=rows.columns)], ignore_index=True)
