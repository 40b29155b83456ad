-- Grain: one row per (period_start_date, item_id, location_id) that the stock feed shows

{{ config(materialized="incremental") }}

with stock as (
    select * from {{ ref("int_stock__valued") }}
),

final as (
    select
        {{ period_start_date() }} as period_start_date,
        item_id,
        location_id,
        stock_date,
        is_stock_current,
        on_hand_qty,
        allocated_qty,
        in_transit_qty,
        on_order_qty,
        unit_cost_amount,
        stock_value_amount,
        {{ currency_code() }} as currency_code,
        daily_demand_qty,
        supply_days
    from stock
)

select * from final
