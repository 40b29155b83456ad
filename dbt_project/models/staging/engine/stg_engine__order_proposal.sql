-- Grain: one row per (period_start_date, item_id, location_id)

with source as (
    select * from {{ source('engine', 'order_proposal') }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        supplier_id,
        order_qty,
        policy_qty,
        rounding_qty,
        basket_qty,
        order_date,
        order_wait_days,
        protection_interval_days,
        need_date,
        buffer_date,
        expected_receipt_date,
        inventory_position_qty,
        on_hand_qty,
        on_order_qty,
        in_transit_qty,
        allocated_qty,
        expected_shortfall_qty,
        reorder_point_qty,
        expected_arrival_stock_qty,
        window_demand_qty,
        no_stock_out_rate,
        stock_date,
        urgency_code,
        order_value_amount,
        rounding_cost_amount,
        basket_cost_amount,
        wait_cost_amount,
        supplier_order_value_amount,
        supplier_min_order_amount,
        reason,
        evidence_grade,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
