-- Grain: one row per (period_start_date, segment_code)

{{ config(materialized="incremental") }}

with figures as (
    select * from {{ ref("stg_engine__replay_segment") }}
    where {{ in_window("period_start_date") }}
),

certificates as (
    select * from {{ ref("stg_engine__certificate") }}
),

final as (
    select
        figures.period_start_date,
        figures.segment_code,
        figures.rules_hash,
        figures.mode_code,
        figures.verdict_code,
        figures.verdict_reason,
        figures.override_approved_by,
        figures.override_expires_date,
        figures.judged_segment_code,
        figures.evidence_grade,
        figures.item_location_count,
        figures.compared_count,
        figures.least_item_locations,
        figures.replayed_from_date,
        figures.cut_off_count,
        figures.frozen_cut_off_count,
        figures.least_cut_offs,
        figures.demand_qty,
        figures.candidate_fill_rate,
        figures.in_force_fill_rate,
        figures.baseline_fill_rate,
        figures.fill_change_rate,
        figures.service_margin_rate,
        figures.candidate_short_qty,
        figures.in_force_short_qty,
        figures.baseline_short_qty,
        figures.candidate_stock_value_amount,
        figures.in_force_stock_value_amount,
        figures.baseline_stock_value_amount,
        figures.stock_change_rate,
        figures.stock_margin_rate,
        figures.churn_rate,
        figures.churn_limit_rate,
        figures.actual_item_location_count,
        figures.actual_fill_rate,
        figures.actual_stock_value_amount,
        figures.in_force_at_actual_stock_value_amount,
        figures.twin_stock_gap_rate,
        figures.twin_stock_limit_rate,
        figures.hidden_lost_rate,
        figures.hidden_lost_limit_rate,
        figures.is_twin_credible,
        figures.twin_reason,
        certificates.certified_count,
        certificates.policies_hash,
        certificates.certificate_hash,
        {{ currency_code() }} as currency_code,
        figures.parameters_version,
        figures.run_id,
        figures.computed_at
    from figures
    left join certificates
        on
            figures.period_start_date = certificates.period_start_date
            and figures.segment_code = certificates.segment_code
)

select * from final
