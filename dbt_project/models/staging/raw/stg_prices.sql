-- Grain: one row per (item_id, location_id, price_date, known_from_at): each version of a row of the feed `prices`

with source as (
    select * from {{ source('raw', 'prices') }}
),

final as (
    select
        {{ clean_text("item_id") }} as item_id,
        {{ location_or_all() }} as location_id,
        price_date,
        price as price_amount,
        known_at,
        {{ lineage_columns() | indent(4) }}
    from source
)

select * from final
