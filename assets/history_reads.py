"""What a cycle reads of its past, as it was known at the cut-off: demand, returns, stock, promotions, big orders.

Queries with the cut-off as their parameter, and no models: a model with rows of every bucket for every cycle would
hold the history again each month, and a view of the newest cut-off would let an older cycle look ahead.
"""

import datetime as dt
from collections.abc import Callable

import pandas as pd

from orchestration.partitions import SETTINGS
from orchestration.resources.warehouse import Warehouse
from stockstrata.history.projects import ORDER_COLUMNS

_BUCKET = SETTINGS.company.bucket_type
_BUCKET_START = f"date_trunc('{_BUCKET}', {{day}})::date"
# Between snapshots further apart than a bucket and a day nobody knows what happened.
_LONGEST_GAP_DAYS = {"week": 8, "month": 32}[_BUCKET]
_KNOWN = "known_from_at < $cut_off and known_to_at >= $cut_off"
_KEY = "item_id, location_id"


def _exact_sum(expression: str) -> str:
    """A sum that does not depend on the order of rows, as in the macro of the same name."""
    return f"cast(sum(cast({expression} as decimal(38, 9))) as double)"


_DEMAND = f"""
    select
        {_KEY}, bucket_start_date,
        sum(demand_qty) as demand_qty,
        {_exact_sum("gross_demand_qty")} as gross_demand_qty
    from intermediate.int_demand__bucketed
    where {_KNOWN} and period_start_date < $cut_off
    group by {_KEY}, bucket_start_date
    order by {_KEY}, bucket_start_date
"""
_NEWEST_FACT = f"""
    select max(demand_date) as demand_date from staging.stg_demand
    where {_KNOWN} and demand_date < $cut_off
"""
_RETURNS = f"""
    select
        {_KEY}, {_BUCKET_START.format(day="demand_date")} as bucket_start_date,
        coalesce(reason, 'not stated') as return_reason, {_exact_sum("-demand_qty")} as returned_qty
    from staging.stg_demand
    where {_KNOWN} and demand_date < $cut_off and demand_qty < 0
    group by all
    order by all
"""
# One flag may speak of a day or of a whole bucket. Where a bucket has one flag only and sold all the same, stock ran
# out at a moment that nobody knows.
_FLAGS = f"""
    select
        {_KEY}, {_BUCKET_START.format(day="demand_date")} as bucket_start_date,
        avg(case when is_in_stock then 1.0 when sold_qty > 0 then 0.5 else 0.0 end) as in_stock_rate,
        count(*) = 1 and any_value(sold_qty) > 0 as is_dry,
        0 as run_out_count,
        'flag' as source_code
    from (
        select {_KEY}, demand_date, bool_and(is_in_stock) as is_in_stock, sum(greatest(demand_qty, 0)) as sold_qty
        from staging.stg_demand
        where {_KNOWN} and demand_date < $cut_off and is_in_stock is not null
        group by all
    )
    group by all
    having not bool_and(is_in_stock)
    order by all
"""
# Stock at the ends of the span between two snapshots tells of the days between: out at both ends, out throughout; out
# at one end, out half of the time. Stock that is reserved cannot be sold.
_STOCK = f"""
    with snapshots as (
        select
            {_KEY}, stock_date,
            {
    _exact_sum(
        "case when coalesce(stock_status_code, 'available') = 'available' "
        "then on_hand_qty - coalesce(allocated_qty, 0) else 0 end"
    )
} > 0 as is_there
        from staging.stg_stock
        where {_KNOWN} and stock_date < $cut_off
        group by {_KEY}, stock_date
    ),
    spans as (
        select
            *,
            lag(stock_date) over by_date as before_date,
            lag(is_there) over by_date as was_there
        from snapshots
        window by_date as (partition by {_KEY} order by stock_date)
    ),
    -- A snapshot far from the one before speaks of its own day.
    short as (
        select
            {_KEY}, stock_date, is_there,
            case when stock_date - before_date <= {_LONGEST_GAP_DAYS} then before_date else stock_date - 1 end
                as before_date,
            case when stock_date - before_date <= {_LONGEST_GAP_DAYS} then was_there else is_there end as was_there
        from spans
    ),
    gaps as (
        select * from short where not (is_there and was_there)
    ),
    days as (
        select
            {_KEY},
            unnest(range(before_date + 1, stock_date + 1, interval 1 day))::date as day,
            (is_there::int + was_there::int) / 2.0 as in_stock_rate,
            stock_date,
            was_there and not is_there as is_run_out
        from gaps
    ),
    buckets as (
        select
            {_KEY}, {_BUCKET_START.format(day="day")} as bucket_start_date,
            sum(1 - in_stock_rate) as out_days,
            count(distinct stock_date) filter (where is_run_out) as run_out_count
        from days
        group by all
    ),
    counted as (
        select {_KEY}, {_BUCKET_START.format(day="stock_date")} as bucket_start_date, count(*) as snapshot_count
        from snapshots
        semi join gaps using ({_KEY})
        group by all
    ),
    sized as (
        select *, (bucket_start_date + interval 1 {_BUCKET})::date - bucket_start_date as bucket_days
        from buckets
        left join counted using ({_KEY}, bucket_start_date)
    )
    select
        {_KEY}, bucket_start_date,
        greatest(1 - out_days / bucket_days, 0) as in_stock_rate,
        -- With few snapshots nobody knows when in the bucket stock ran out.
        run_out_count > 0 and coalesce(snapshot_count, 0) * 2 < bucket_days as is_dry,
        run_out_count,
        'stock' as source_code
    from sized
    anti join (
        select {_KEY} from staging.stg_demand
        where {_KNOWN} and demand_date < $cut_off and is_in_stock is not null
    ) as flagged using ({_KEY})
    order by all
"""
_PROMOTIONS = f"""
    select
        planned.item_id, planned.location_id, promotions.promotion_id,
        min(promotions.start_date) as start_date, max(promotions.end_date) as end_date,
        max(promotions.expected_uplift_rate) as expected_uplift_rate
    from staging.stg_promotions as promotions
    inner join intermediate.int_item_locations__planned as planned
        on planned.item_id = coalesce(promotions.item_id, planned.item_id)
        and promotions.location_id in (planned.location_id, 'ALL')
    where {_KNOWN} and planned.period_start_date = $period
    group by all
    order by all
"""
_ORDERS = f"""
    with orders as (
        select
            {_KEY}, {_BUCKET_START.format(day="demand_date")} as bucket_start_date,
            coalesce(order_id, customer_id) as order_code,
            min(coalesce(customer_id, 'unknown')) as customer_code,
            {_exact_sum("demand_qty")} as order_qty
        from staging.stg_demand
        semi join asked using ({_KEY})
        where {_KNOWN} and demand_date < $cut_off and demand_qty > 0 and coalesce(order_id, customer_id) is not null
        group by all
    ),
    largest as (
        select * from orders
        qualify
            row_number() over (partition by {_KEY}, bucket_start_date order by order_qty desc, order_code) = 1
    ),
    compared as (
        select
            *,
            max(order_qty) over (
                partition by {_KEY} rows between unbounded preceding and unbounded following exclude current row
            ) as next_largest_qty
        from largest
    ),
    counted as (select {_KEY}, count(*) as order_count from orders group by all)
    select {", ".join(ORDER_COLUMNS)}
    from compared
    inner join counted using ({_KEY})
    semi join asked using ({_KEY}, bucket_start_date)
    order by all
"""


def known_demand(warehouse: Warehouse, cut_off_date: dt.date) -> pd.DataFrame:
    """Demand by item, location and bucket, as it was known at the cut-off: after returns, and before them."""
    return warehouse.read(_DEMAND, {"cut_off": cut_off_date})


def newest_demand_date(warehouse: Warehouse, cut_off_date: dt.date) -> dt.date | None:
    """Day of the newest demand row known at the cut-off; None where there is none."""
    newest = warehouse.read(_NEWEST_FACT, {"cut_off": cut_off_date})["demand_date"].iloc[0]
    return None if pd.isna(newest) else newest.date()


def known_returns(warehouse: Warehouse, cut_off_date: dt.date) -> pd.DataFrame:
    """Returned quantity by item, location, bucket and stated reason."""
    return warehouse.read(_RETURNS, {"cut_off": cut_off_date})


def known_availability(warehouse: Warehouse, cut_off_date: dt.date) -> pd.DataFrame:
    """Buckets that were not in stock throughout, by the flags of demand rows, or else by the stock ledger."""
    found = [warehouse.read(query, {"cut_off": cut_off_date}) for query in (_FLAGS, _STOCK)]
    return pd.concat(found, ignore_index=True)


def known_promotions(warehouse: Warehouse, cut_off_date: dt.date, period: dt.date) -> pd.DataFrame:
    """Promotions of the planned item-locations, past and to come."""
    return warehouse.read(_PROMOTIONS, {"cut_off": cut_off_date, "period": period})


def largest_orders(warehouse: Warehouse, cut_off_date: dt.date) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """A function that gives the largest order of each bucket asked for; see `projects.ORDER_COLUMNS`."""

    def read(asked: pd.DataFrame) -> pd.DataFrame:
        with warehouse.connect(read_only=True) as connection:
            connection.register("asked", asked.assign(bucket_start_date=asked["bucket_start_date"].dt.date))
            return connection.execute(_ORDERS, {"cut_off": cut_off_date}).df()

    return read
