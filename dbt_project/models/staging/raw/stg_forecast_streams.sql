-- Grain: one row per (stream_code, item_id, location_id, bucket_start_date, published_at, known_from_at): each version of a row of the feed `forecast_streams`

with source as (
    select * from {{ source('raw', 'forecast_streams') }}
),

final as (
    select
        {{ clean_text("stream_code") }} as stream_code,
        {{ clean_text("item_id") }} as item_id,
        {{ location_or_all() }} as location_id,
        bucket_start_date,
        qty as stream_qty,
        published_at,
        known_at,
        {{ lineage_columns() | indent(4) }}
    from source
)

select * from final
