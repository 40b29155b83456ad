-- Grain: one row per (period_start_date, stream_code, item_id, location_id, bucket_start_date): the newest publication known at the cut-off

{{ config(materialized="incremental") }}

-- The bucket that the cut-off falls into is still ahead in part.
with published as (
    select
        stream_code,
        item_id,
        location_id,
        {{ bucket_of("bucket_start_date") }} as bucket_start_date,
        published_at,
        stream_qty
    from {{ ref("stg_forecast_streams") }}
    where
        {{ known_at_cut_off() }}
        and published_at < {{ cut_off_date() }}
        and bucket_start_date >= {{ bucket_of(cut_off_date()) }}
),

summed as (
    select
        stream_code,
        item_id,
        location_id,
        bucket_start_date,
        published_at,
        {{ exact_sum("stream_qty") }} as stream_qty
    from published
    group by stream_code, item_id, location_id, bucket_start_date, published_at
),

final as (
    select
        {{ period_start_date() }} as period_start_date,
        stream_code,
        item_id,
        location_id,
        bucket_start_date,
        published_at,
        stream_qty
    from summed
    qualify row_number() over (
        partition by stream_code, item_id, location_id, bucket_start_date order by published_at desc
    ) = 1
)

select * from final
