-- Grain: one row per (row_key, known_from_at): each version of a row of the feed `stock_movements`

with source as (
    select * from {{ source('raw', 'stock_movements') }}
),

final as (
    select
        {{ clean_text("movement_id") }} as movement_id,
        {{ clean_text("item_id") }} as item_id,
        {{ location_or_all() }} as location_id,
        movement_date,
        qty as movement_qty,
        {{ clean_text("movement_type") }} as movement_type_code,
        {{ clean_text("reason") }} as reason,
        {{ clean_text("approver") }} as approver,
        known_at,
        {{ lineage_columns() | indent(4) }}
    from source
)

select * from final
