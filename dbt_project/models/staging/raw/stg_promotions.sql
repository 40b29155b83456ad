-- Grain: one row per (promotion_id, item_id, location_id, known_from_at): each version of a row of the feed `promotions`

with source as (
    select * from {{ source('raw', 'promotions') }}
),

final as (
    select
        {{ clean_text("promotion_id") }} as promotion_id,
        {{ clean_text("item_id") }} as item_id,
        {{ location_or_all() }} as location_id,
        start_date,
        end_date,
        expected_uplift_rate,
        price as price_amount,
        known_at,
        {{ lineage_columns() | indent(4) }}
    from source
)

select * from final
