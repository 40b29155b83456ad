-- Grain: one row per (period_start_date, item_id, location_id)

with source as (
    select * from {{ source('engine', 'demand_signal') }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        segment_code,
        signal_code,
        signal_reason_code,
        applied_reasons,
        last_bucket_start_date,
        raw_qty,
        signal_qty,
        censored_bucket_count,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
