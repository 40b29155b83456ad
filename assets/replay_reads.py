"""What a replay reads: what was known at past cut-offs, the plans in force, and what really came, as known today."""

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from assets.planned import PLANNED, last_policies
from orchestration.partitions import SETTINGS
from orchestration.resources.warehouse import Warehouse
from stockstrata.gate.facts import Realised
from stockstrata.gate.moments import moments_of_sums
from stockstrata.gate.replanning import COLUMNS, StoredCycle
from stockstrata.periods import BUCKET_FREQUENCY, last_complete_bucket
from stockstrata.tables import (
    CANDIDATE_POLICY,
    DEMAND_ADJUSTMENT,
    LEAD_TIME,
    LEAD_TIME_DEMAND,
    REPLAY_SEGMENT,
    REPLAYED_POLICY,
    SEGMENT_ASSIGNMENT,
    STOCK_POLICY,
)

_KEY = "item_id, location_id"
_KNOWN = "known_from_at < $cut_off and known_to_at >= $cut_off"
_BUCKET = SETTINGS.company.bucket_type


def _exact_sum(expression: str) -> str:
    """A sum that does not depend on the order of rows, as in the macro of the same name."""
    return f"cast(sum(cast({expression} as decimal(38, 9))) as double)"


# A square that is too large for the exact sum leaves the sum of squares unknown.
_SUMS = f"""
    with buckets as (
        select
            cut_off_date, {_KEY}, bucket_start_date, greatest(sum(demand_qty), 0) as demand_qty
        from intermediate.int_demand__bucketed
        inner join cut_offs
            on bucket_start_date >= first_bucket_date and bucket_start_date <= last_bucket_date
            and period_start_date < cut_off_date and known_from_at < cut_off_date and known_to_at >= cut_off_date
        group by all
    )
    select
        cut_off_date, {_KEY},
        {_exact_sum("demand_qty")} as demand_qty,
        case when count(try_cast(demand_qty * demand_qty as decimal(38, 6))) = count(*)
            then cast(sum(try_cast(demand_qty * demand_qty as decimal(38, 6))) as double) end as square_qty,
        bool_and(demand_qty = floor(demand_qty)) as is_whole
    from buckets
    group by all
    order by all
"""
_CYCLES = f"select distinct period_start_date from {STOCK_POLICY.name} where period_start_date < ? order by all"
# What the newest cycle whose own policy went in force gave for the cut-offs before it, and what was published since.
_IN_FORCE = f"""
    with spans as (
        select period_start_date::date as period_start_date, cut_off_date::date as cut_off_date from cut_offs
    ),
    newest as (
        select {_KEY}, max(period_start_date) as rules_date
        from {STOCK_POLICY.name}
        where period_start_date < $period and policy_status_code = 'current'
        group by all
    ),
    replayed as (
        select replayed.* exclude (period_start_date, parameters_version, run_id, computed_at)
        from {REPLAYED_POLICY.name} as replayed
        inner join newest
            on replayed.item_id = newest.item_id and replayed.location_id = newest.location_id
            and replayed.period_start_date = newest.rules_date
        where list_contains($cut_offs, replayed.cut_off_date)
    ),
    published as (
        select policy.*, spans.cut_off_date, 'frozen' as source_code
        from {STOCK_POLICY.name} as policy
        inner join spans using (period_start_date)
        anti join replayed
            on policy.item_id = replayed.item_id and policy.location_id = replayed.location_id
            and spans.cut_off_date = replayed.cut_off_date
    )
    select {", ".join(COLUMNS)} from replayed
    union all
    select {", ".join(COLUMNS)} from published
    order by all
"""
_RULES = f"""
    select distinct rules_hash
    from {REPLAY_SEGMENT.name}
    semi join (
        select max(period_start_date) as period_start_date
        from {STOCK_POLICY.name}
        semi join (select * from {CANDIDATE_POLICY.name} where period_start_date = $period) using ({_KEY})
        where period_start_date < $period and policy_status_code = 'current'
        group by {_KEY}
    ) using (period_start_date)
    order by all
"""
_CAME = f"""
    select {_KEY}, {{day}} as demand_date, {{quantity}} as demand_qty
    from {{table}}
    where {_KNOWN} and {{day}} >= $first and {{day}} < $cut_off and {{positive}} > 0
    group by all
    order by all
"""
# Of coarser facts nobody knows more than their bucket.
_DEMAND = (
    _CAME.format(
        day="demand_date", positive="demand_qty", quantity=_exact_sum("demand_qty"), table="staging.stg_demand"
    )
    if SETTINGS.company.grain == "day"
    else _CAME.format(
        day="bucket_start_date",
        positive="gross_demand_qty",
        quantity=_exact_sum("gross_demand_qty"),
        table="intermediate.int_demand__bucketed",
    )
)
_RECEIPTS = f"""
    select {_KEY}, order_date, lead_time_days
    from intermediate.int_receipts__lead_times
    where {_KNOWN} and order_date >= $first and receipt_date < $cut_off
    order by all
"""
_SNAPSHOTS = f"""
    select
        {_KEY}, stock_date,
        {
    _exact_sum(
        "case when coalesce(stock_status_code, 'available') = 'available' "
        "then on_hand_qty - coalesce(allocated_qty, 0) else 0 end"
    )
} as free_qty
    from staging.stg_stock
    where {_KNOWN} and stock_date >= $first and stock_date < $cut_off
    group by all
    order by all
"""
# Movements of other kinds stand among orders and demand already.
_FLOWS = f"""
    with flows as (
        select {_KEY}, receipt_date as flow_date,
            greatest(coalesce(received_qty, 0) - coalesce(rejected_qty, 0), 0) as flow_qty
        from staging.stg_purchase_orders
        where {_KNOWN} and receipt_date >= $first and receipt_date < $cut_off
        union all
        select {_KEY}, demand_date, -demand_qty
        from staging.stg_demand
        where {_KNOWN} and demand_date >= $first and demand_date < $cut_off
        union all
        select {_KEY}, movement_date, movement_qty
        from staging.stg_stock_movements
        where {_KNOWN} and movement_date >= $first and movement_date < $cut_off
            and movement_type_code in ('adjustment', 'transfer', 'scrap')
    )
    select
        {_KEY}, flow_date,
        {_exact_sum("greatest(flow_qty, 0)")} as in_qty,
        {_exact_sum("greatest(-flow_qty, 0)")} as out_qty
    from flows
    group by all
    order by all
"""
_SERVED = f"""
    select
        {_KEY},
        {_exact_sum("demand_qty")} as demand_qty,
        {_exact_sum("greatest(demand_qty - shipped_qty, 0)")} as short_qty,
        cast(bool_or(shipped_qty is not null) as double) as is_service_known
    from staging.stg_demand
    where {_KNOWN} and demand_date >= $first and demand_date < $cut_off and demand_qty > 0
    group by all
    order by all
"""
_LOST = f"""
    select {_KEY}, {_exact_sum("greatest(adjustment_qty, 0)")} as hidden_lost_qty
    from {DEMAND_ADJUSTMENT.name}
    where period_start_date = $period and reason_code = 'stockout_lost_sales' and bucket_start_date >= $first
    group by all
    order by all
"""


def earlier_periods(warehouse: Warehouse, period: dt.date) -> list[dt.date]:
    """First days of the periods before one that were planned, oldest first."""
    return [day.date() for day in warehouse.read(_CYCLES, [period])["period_start_date"]]


def stored_cycle(warehouse: Warehouse, period: dt.date) -> StoredCycle:
    """What the cycle of an earlier period knew."""
    return StoredCycle(
        warehouse.read_period(PLANNED, period),
        warehouse.read_period(SEGMENT_ASSIGNMENT.name, period),
        warehouse.read_period(LEAD_TIME.name, period),
        warehouse.read_period(LEAD_TIME_DEMAND.name, period),
        last_policies(warehouse, period),
        period,
    )


def known_moments(
    warehouse: Warehouse, item_locations: pd.DataFrame, cut_offs: Sequence[dt.date], history_days: float
) -> dict[dt.date, pd.DataFrame]:
    """Mean and spread of the demand of a bucket by cut-off, as it was known then.

    Args:
        warehouse: where demand stands.
        item_locations: frame of `int_item_locations__planned`: the buckets of each count from `first_demand_date` on.
        cut_offs: past cut-offs.
        history_days: days before a cut-off that count.

    Returns:
        By cut-off `item_id, location_id, mean_qty, sd_qty, is_whole` of what had demand before it.
    """
    last = [last_complete_bucket(day, _BUCKET) for day in cut_offs]
    first = [
        last_complete_bucket(day - dt.timedelta(days=history_days), _BUCKET) + pd.tseries.frequencies.to_offset(
            BUCKET_FREQUENCY[_BUCKET]
        )
        for day in cut_offs
    ]  # fmt: skip
    spans = pd.DataFrame({"cut_off_date": cut_offs, "first_bucket_date": first, "last_bucket_date": last})
    spans = spans.astype("datetime64[s]")
    with warehouse.connect(read_only=True) as connection:
        connection.register("cut_offs", spans)
        sums = connection.execute(_SUMS).df()
    begun = item_locations.loc[item_locations["first_demand_date"].notna(), ["item_id", "location_id"]].assign(
        begun=item_locations["first_demand_date"].astype("datetime64[s]")
    )
    rows = sums.merge(begun, on=["item_id", "location_id"]).merge(
        spans.rename(columns=str), on="cut_off_date", validate="many_to_one"
    )
    count = _buckets(rows["begun"].where(rows["begun"] > rows["first_bucket_date"], rows["first_bucket_date"]),
                     rows["last_bucket_date"])  # fmt: skip
    mean, sd = moments_of_sums(
        np.maximum(count, 1), rows["demand_qty"].to_numpy(dtype=float), rows["square_qty"].to_numpy(dtype=float)
    )
    rows = rows.assign(mean_qty=mean, sd_qty=sd)
    names = ["item_id", "location_id", "mean_qty", "sd_qty", "is_whole"]
    return {day: rows.loc[rows["cut_off_date"] == pd.Timestamp(day), names].reset_index(drop=True) for day in cut_offs}


def _buckets(first: pd.Series, last: pd.Series) -> np.ndarray:
    """Buckets from the one that holds a day to a later one, both counted."""
    if _BUCKET == "month":
        return ((last.dt.year - first.dt.year) * 12 + last.dt.month - first.dt.month + 1).to_numpy()
    monday = first - pd.to_timedelta(first.dt.weekday, unit="D")
    return ((last - monday).dt.days // 7 + 1).to_numpy()


def plans_in_force(
    warehouse: Warehouse, period: dt.date, cut_offs: Sequence[dt.date], periods: Mapping[dt.date, dt.date]
) -> pd.DataFrame:
    """What the rules in force give at past cut-offs, in the form of `simulation.replayed_policy`.

    Args:
        warehouse: where they stand.
        period: first day of the period that is planned.
        cut_offs: past cut-offs.
        periods: of the cut-offs of cycles the first day of their period.
    """
    held = {day: start for day, start in periods.items() if day in set(cut_offs)}
    known = pd.DataFrame({"period_start_date": list(held.values()), "cut_off_date": list(held)})
    with warehouse.connect(read_only=True) as connection:
        connection.register("cut_offs", known.astype("datetime64[s]"))
        return connection.execute(_IN_FORCE, {"period": period, "cut_offs": list(cut_offs)}).df()


def rules_in_force(warehouse: Warehouse, period: dt.date) -> set[str]:
    """Hashes of the rules that what is in force of a period's candidates was planned with."""
    return set(warehouse.read(_RULES, {"period": period})["rules_hash"])


def demand_that_came(warehouse: Warehouse, first: dt.date, cut_off_date: dt.date) -> pd.DataFrame:
    """Demand by item, location and day (or bucket) from a day to the cut-off, before returns."""
    return warehouse.read(_DEMAND, {"first": first, "cut_off": cut_off_date})


def receipts_that_came(warehouse: Warehouse, first: dt.date, cut_off_date: dt.date) -> pd.DataFrame:
    """Lead times of orders placed from a day on that had arrived at the cut-off."""
    return warehouse.read(_RECEIPTS, {"first": first, "cut_off": cut_off_date})


def realised(warehouse: Warehouse, period: dt.date, first: dt.date, cut_off_date: dt.date) -> Realised:
    """Stock, flows, service and estimated lost sales from a day to the cut-off."""
    window = {"first": first, "cut_off": cut_off_date}
    return Realised(
        snapshots=warehouse.read(_SNAPSHOTS, window),
        flows=warehouse.read(_FLOWS, window),
        served=warehouse.read(_SERVED, window),
        lost=warehouse.read(_LOST, {"period": period, "first": first}),
    )
