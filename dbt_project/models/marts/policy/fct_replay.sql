-- Grain: one row per (period_start_date, item_id, location_id)

{{ config(materialized="incremental") }}

with source as (
    select * from {{ ref("stg_engine__replay_item_location") }}
    where {{ in_window("period_start_date") }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        segment_code,
        replayed_from_date,
        cut_off_count,
        frozen_cut_off_count,
        candidate_reorder_point_qty,
        candidate_order_qty,
        candidate_order_up_to_qty,
        demand_qty,
        candidate_short_qty,
        in_force_short_qty,
        baseline_short_qty,
        candidate_mean_stock_qty,
        in_force_mean_stock_qty,
        baseline_mean_stock_qty,
        candidate_stock_value_amount,
        in_force_stock_value_amount,
        baseline_stock_value_amount,
        candidate_order_count,
        in_force_order_count,
        baseline_order_count,
        actual_short_qty,
        actual_mean_stock_qty,
        actual_stock_value_amount,
        hidden_lost_qty,
        twin_stock_gap_qty,
        unit_cost_amount,
        {{ currency_code() }} as currency_code,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
