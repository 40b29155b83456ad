-- Grain: one row per (period_start_date, segment_code)

with source as (
    select * from {{ source('engine', 'replay_segment') }}
),

final as (
    select
        period_start_date,
        segment_code,
        rules_hash,
        mode_code,
        verdict_code,
        verdict_reason,
        override_approved_by,
        override_expires_date,
        judged_segment_code,
        evidence_grade,
        item_location_count,
        compared_count,
        least_item_locations,
        replayed_from_date,
        cut_off_count,
        frozen_cut_off_count,
        least_cut_offs,
        demand_qty,
        candidate_fill_rate,
        in_force_fill_rate,
        baseline_fill_rate,
        fill_change_rate,
        service_margin_rate,
        candidate_short_qty,
        in_force_short_qty,
        baseline_short_qty,
        candidate_stock_value_amount,
        in_force_stock_value_amount,
        baseline_stock_value_amount,
        stock_change_rate,
        stock_margin_rate,
        churn_rate,
        churn_limit_rate,
        actual_item_location_count,
        actual_fill_rate,
        actual_stock_value_amount,
        in_force_at_actual_stock_value_amount,
        twin_stock_gap_rate,
        twin_stock_limit_rate,
        hidden_lost_rate,
        hidden_lost_limit_rate,
        is_twin_credible,
        twin_reason,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
