-- Grain: one row per (period_start_date, item_id, location_id, day_date)

with source as (
    select * from {{ source('engine', 'daily_forecast') }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        day_date,
        bucket_start_date,
        mean_qty,
        final_qty,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
