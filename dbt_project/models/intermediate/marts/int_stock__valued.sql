-- Grain: one row per (item_id, location_id) of the cycle that the stock feed shows

{{ config(materialized="ephemeral") }}

with positions as (
    select * from {{ ref("int_stock__positions") }}
    where period_start_date = {{ period_start_date() }} and has_stock_feed
),

item_locations as (
    select * from {{ ref("int_item_locations__planned") }}
    where period_start_date = {{ period_start_date() }}
),

expected_demand as (
    select * from {{ ref("stg_engine__lead_time_demand") }}
    where period_start_date = {{ period_start_date() }}
),

final as (
    select
        positions.item_id,
        positions.location_id,
        positions.stock_date,
        positions.stock_date >= {{ period_start_date() }} as is_stock_current,
        positions.on_hand_qty,
        positions.allocated_qty,
        positions.in_transit_qty,
        positions.on_order_qty,
        item_locations.unit_cost_amount,
        positions.on_hand_qty * item_locations.unit_cost_amount as stock_value_amount,
        expected_demand.daily_mean_qty as daily_demand_qty,
        expected_demand.daily_mean_qty * item_locations.unit_cost_amount as daily_demand_cost_amount,
        positions.on_hand_qty / nullif(expected_demand.daily_mean_qty, 0) as supply_days
    from positions
    left join item_locations using (item_id, location_id)
    left join expected_demand using (item_id, location_id)
)

select * from final
