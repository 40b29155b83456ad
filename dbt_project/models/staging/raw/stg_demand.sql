-- Grain: one row per (row_key, known_from_at): each version of a row of the feed `demand`

with source as (
    select * from {{ source('raw', 'demand') }}
),

final as (
    select
        {{ clean_text("item_id") }} as item_id,
        demand_date,
        case when is_return then -abs(demand_qty) else demand_qty end as demand_qty,
        {{ clean_text("order_id") }} as order_id,
        {{ clean_text("line") }} as line,
        {{ location_or_all() }} as location_id,
        {{ clean_text("customer_id") }} as customer_id,
        {{ clean_text("channel") }} as channel,
        requested_date,
        promised_date,
        shipped_date,
        delivered_date,
        shipped_qty,
        unit_price as unit_price_amount,
        coalesce(is_return, demand_qty < 0) as is_return,
        {{ clean_text("reason") }} as reason,
        {{ clean_text("promotion_id") }} as promotion_id,
        in_stock as is_in_stock,
        known_at,
        {{ lineage_columns() | indent(4) }}
    from source
)

select * from final
