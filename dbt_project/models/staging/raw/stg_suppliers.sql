-- Grain: one row per (supplier_id, known_from_at): each version of a row of the feed `suppliers`

with source as (
    select * from {{ source('raw', 'suppliers') }}
),

final as (
    select
        {{ clean_text("supplier_id") }} as supplier_id,
        {{ clean_text("name") }} as supplier_name,
        lead_time_days,
        lead_time_sd_days,
        min_order_amount,
        {{ clean_text("order_days") }} as order_days,
        payment_terms_days,
        known_at,
        {{ lineage_columns() | indent(4) }}
    from source
)

select * from final
