-- Grain: one row per (item_id, supplier_id, location_id, known_from_at): each version of a row of the feed `item_suppliers`

with source as (
    select * from {{ source('raw', 'item_suppliers') }}
),

final as (
    select
        {{ clean_text("item_id") }} as item_id,
        {{ clean_text("supplier_id") }} as supplier_id,
        {{ location_or_all() }} as location_id,
        lead_time_days,
        lead_time_sd_days,
        moq as moq_qty,
        order_multiple as order_multiple_qty,
        {{ clean_text("price_breaks") }} as price_breaks,
        unit_cost as unit_cost_amount,
        order_cost as order_cost_amount,
        {{ clean_text("order_days") }} as order_days,
        payment_terms_days,
        share as share_rate,
        known_at,
        {{ lineage_columns() | indent(4) }}
    from source
)

select * from final
