-- Grain: one row per (period_start_date, item_id, location_id)

{{ config(materialized="incremental") }}

with source as (
    select * from {{ ref("stg_engine__mix_target") }}
    where {{ in_window("period_start_date") }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        segment_code,
        objective_code,
        is_applied,
        current_fill_rate,
        current_stock_value_amount,
        mix_fill_rate,
        mix_level_qty,
        mix_safety_stock_qty,
        mix_stock_value_amount,
        mix_short_qty,
        marginal_saved_qty,
        shadow_price_qty,
        is_feasible,
        shortfall_rate,
        shortfall_amount,
        cost_optimal_fill_rate,
        cost_optimal_level_qty,
        low_cost_optimal_fill_rate,
        high_cost_optimal_fill_rate,
        cost_regret_amount,
        evidence_grade,
        {{ currency_code() }} as currency_code,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
