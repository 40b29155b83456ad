-- Grain: one row per (item_id, location_id, valid_from_date, known_from_at): each version of a row of the feed `erp_parameters`

with source as (
    select * from {{ source('raw', 'erp_parameters') }}
),

final as (
    select
        {{ clean_text("item_id") }} as item_id,
        {{ location_or_all() }} as location_id,
        valid_from_date,
        safety_stock_qty,
        reorder_point_qty,
        order_qty,
        order_up_to_qty,
        lead_time_days,
        known_at,
        {{ lineage_columns() | indent(4) }}
    from source
)

select * from final
