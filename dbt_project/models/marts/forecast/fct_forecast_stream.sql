-- Grain: one row per (period_start_date, item_id, location_id, bucket_start_date, stream_code)

{{ config(materialized="incremental") }}

with streams as (
    select * from {{ ref("stg_engine__forecast_stream") }}
    where {{ in_window("period_start_date") }}
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
    from streams
)

select * from final
