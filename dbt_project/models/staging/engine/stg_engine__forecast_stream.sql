-- Grain: one row per (period_start_date, item_id, location_id, bucket_start_date, stream_code)

with source as (
    select * from {{ source('engine', 'forecast_stream') }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        bucket_start_date,
        stream_code,
        segment_code,
        stream_qty,
        weight_rate,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
