-- Grain: one row per (customer_id, known_from_at): each version of a row of the feed `customers`

with source as (
    select * from {{ source('raw', 'customers') }}
),

final as (
    select
        {{ clean_text("customer_id") }} as customer_id,
        {{ clean_text("name") }} as customer_name,
        {{ clean_text("tier") }} as tier_code,
        {{ clean_text("region") }} as region,
        {{ clean_text("channel") }} as channel,
        sla as sla_rate,
        known_at,
        {{ lineage_columns() | indent(4) }}
    from source
)

select * from final
