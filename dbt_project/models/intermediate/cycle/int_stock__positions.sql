-- Grain: one row per (period_start_date, item_id, location_id) with stock or open orders known before the cut-off

{{ config(materialized="incremental") }}

with snapshots as (
    select
        item_id,
        location_id,
        stock_date,
        {{ exact_sum("case when coalesce(stock_status_code, 'available') = 'available' then on_hand_qty else 0 end") }}
            as on_hand_qty,
        coalesce({{ exact_sum("allocated_qty") }}, 0) as allocated_qty,
        coalesce({{ exact_sum("in_transit_qty") }}, 0) as in_transit_qty
    from {{ ref("stg_stock") }}
    where stock_date < {{ cut_off_date() }} and {{ known_at_cut_off() }}
    group by item_id, location_id, stock_date
),

newest as (
    select * from snapshots
    qualify row_number() over (partition by item_id, location_id order by stock_date desc) = 1
),

open_orders as (
    select * from {{ ref("int_purchase_orders__open") }}
),

final as (
    select
        {{ period_start_date() }} as period_start_date,
        item_id,
        location_id,
        newest.stock_date,
        coalesce(newest.on_hand_qty, 0) as on_hand_qty,
        coalesce(newest.allocated_qty, 0) as allocated_qty,
        coalesce(newest.in_transit_qty, 0) as in_transit_qty,
        coalesce(open_orders.on_order_qty, 0) as on_order_qty,
        newest.stock_date is not null as has_stock_feed
    from newest
    full outer join open_orders using (item_id, location_id)
)

select * from final
