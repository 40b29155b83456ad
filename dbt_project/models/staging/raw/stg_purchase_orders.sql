-- Grain: one row per (order_id, line, receipt_date, known_from_at): each version of a row of the feed `purchase_orders`

with source as (
    select * from {{ source('raw', 'purchase_orders') }}
),

final as (
    select
        {{ clean_text("order_id") }} as order_id,
        {{ clean_text("line") }} as line,
        {{ clean_text("item_id") }} as item_id,
        {{ clean_text("supplier_id") }} as supplier_id,
        order_date,
        ordered_qty,
        promised_date,
        receipt_date,
        received_qty,
        rejected_qty,
        unit_cost as unit_cost_amount,
        {{ location_or_all() }} as location_id,
        {{ clean_text("mode") }} as transport_mode_code,
        known_at,
        {{ lineage_columns() | indent(4) }}
    from source
)

select * from final
