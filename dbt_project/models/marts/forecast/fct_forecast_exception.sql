-- Grain: one row per (period_start_date, item_id, location_id, rule_code)

{{ config(materialized="incremental") }}

with exceptions as (
    select * from {{ ref("stg_engine__forecast_exception") }}
    where {{ in_window("period_start_date") }}
        and is_listed
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        rule_code,
        segment_code,
        owner,
        measured_value,
        threshold_value,
        value_at_stake_amount,
        reason,
        action,
        is_new,
        worklist_rank,
        capacity_count,
        {{ currency_code() }} as currency_code,
        parameters_version,
        run_id,
        computed_at
    from exceptions
)

select * from final
