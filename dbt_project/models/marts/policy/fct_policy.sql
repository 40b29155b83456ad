-- Grain: one row per (period_start_date, item_id, location_id)

{{ config(materialized="incremental") }}

with policies as (
    select * from {{ ref("stg_engine__stock_policy") }}
    where {{ in_window("period_start_date") }}
),

lead_times as (
    select * from {{ ref("stg_engine__lead_time") }}
),

final as (
    select
        policies.period_start_date,
        policies.item_id,
        policies.location_id,
        policies.segment_code,
        policies.policy_family,
        policies.service_measure,
        policies.service_target,
        policies.service_target_source_code,
        policies.expected_service_rate,
        policies.expected_cycle_service_rate,
        policies.expected_fill_rate,
        policies.expected_ready_rate,
        lead_times.supplier_id,
        policies.lead_time_days,
        policies.lead_time_sd_days,
        lead_times.lead_time_source_code,
        lead_times.receipt_count,
        policies.review_period_days,
        policies.protection_interval_days,
        policies.lead_time_demand_qty,
        policies.lead_time_demand_sd_qty,
        policies.method_code,
        policies.protected_demand_qty,
        policies.safety_stock_qty,
        policies.safety_stock_demand_qty,
        policies.safety_stock_supply_qty,
        policies.safety_stock_review_qty,
        policies.safety_stock_service_qty,
        policies.safety_stock_rounding_qty,
        policies.safety_stock_cap_qty,
        policies.unlimited_safety_stock_qty,
        policies.limit_codes,
        policies.service_lost_rate,
        policies.residual_demand_qty,
        policies.reorder_point_qty,
        policies.order_qty,
        policies.order_inflation_ratio,
        policies.economic_order_qty,
        policies.order_up_to_qty,
        policies.stocked_cost_amount,
        policies.unstocked_cost_amount,
        policies.stocking_decision_code,
        policies.annual_demand_qty,
        policies.unit_cost_amount,
        policies.order_cost_amount,
        policies.holding_cost_rate,
        policies.holding_cost_per_unit_week_amount,
        policies.shortage_cost_per_unit_amount,
        policies.unmet_demand_code,
        {{ currency_code() }} as currency_code,
        policies.evidence_grade,
        policies.grade_reason,
        policies.policy_status_code,
        policies.policy_period_start_date,
        policies.isolation_reason,
        policies.parameters_version,
        policies.run_id,
        policies.computed_at
    from policies
    -- A stale policy rests on the lead time that it was computed with.
    left join lead_times
        on
            policies.policy_period_start_date = lead_times.period_start_date
            and policies.item_id = lead_times.item_id
            and policies.location_id = lead_times.location_id
)

select * from final
