-- Grain: one row per (item_id, location_id, stock_date, lot, stock_status_code, known_from_at): each version of a row of the feed `stock`

with source as (
    select * from {{ source('raw', 'stock') }}
),

final as (
    select
        {{ clean_text("item_id") }} as item_id,
        {{ location_or_all() }} as location_id,
        stock_date,
        on_hand_qty,
        allocated_qty,
        in_transit_qty,
        {{ clean_text("lot") }} as lot,
        expiry_date,
        receipt_date,
        {{ clean_text("status") }} as stock_status_code,
        known_at,
        {{ lineage_columns() | indent(4) }}
    from source
)

select * from final
