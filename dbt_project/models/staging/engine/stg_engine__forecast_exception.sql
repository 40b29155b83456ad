-- Grain: one row per (period_start_date, item_id, location_id, rule_code)

with source as (
    select * from {{ source('engine', 'forecast_exception') }}
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
        is_listed,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
