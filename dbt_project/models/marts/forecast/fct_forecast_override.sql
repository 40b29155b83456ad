-- Grain: one row per (period_start_date, override_id)

{{ config(materialized="incremental") }}

with effects as (
    select * from {{ ref("stg_engine__override_effect") }}
    where {{ in_window("period_start_date") }}
),

final as (
    select
        period_start_date,
        override_id,
        item_id,
        location_id,
        segment_code,
        override_type_code,
        override_value,
        from_date,
        to_date,
        expires_date,
        person,
        reason_code,
        evidence,
        entered_at,
        approval_state_code,
        approved_by,
        bucket_count,
        baseline_qty,
        change_qty,
        change_rate,
        change_amount,
        is_approval_needed,
        status_code,
        applied_bucket_count,
        reason,
        {{ currency_code() }} as currency_code,
        parameters_version,
        run_id,
        computed_at
    from effects
)

select * from final
