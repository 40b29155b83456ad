-- Grain: one row per (parent_item_id, component_item_id, valid_from_date, known_from_at): each version of a row of the feed `bom`

with source as (
    select * from {{ source('raw', 'bom') }}
),

final as (
    select
        {{ clean_text("parent_item_id") }} as parent_item_id,
        {{ clean_text("component_item_id") }} as component_item_id,
        qty_per as component_qty,
        valid_from_date,
        valid_to_date,
        known_at,
        {{ lineage_columns() | indent(4) }}
    from source
)

select * from final
