-- Grain: one row per (period_start_date, item_id, location_id)

with source as (
    select * from {{ source('engine', 'stock_policy') }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        segment_code,
        policy_family,
        service_measure,
        service_target,
        service_target_source_code,
        lead_time_days,
        lead_time_sd_days,
        review_period_days,
        protection_interval_days,
        lead_time_demand_qty,
        lead_time_demand_sd_qty,
        method_code,
        protected_demand_qty,
        safety_stock_qty,
        safety_stock_demand_qty,
        safety_stock_supply_qty,
        safety_stock_review_qty,
        safety_stock_service_qty,
        safety_stock_rounding_qty,
        reorder_point_qty,
        order_qty,
        economic_order_qty,
        order_up_to_qty,
        expected_service_rate,
        expected_cycle_service_rate,
        expected_fill_rate,
        expected_ready_rate,
        annual_demand_qty,
        unit_cost_amount,
        order_cost_amount,
        holding_cost_rate,
        holding_cost_per_unit_week_amount,
        shortage_cost_per_unit_amount,
        unmet_demand_code,
        evidence_grade,
        grade_reason,
        policy_status_code,
        policy_period_start_date,
        isolation_reason,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
