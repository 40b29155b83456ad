-- Grain: one row per (item_id, location_id) with order lines open at the cut-off

{{ config(materialized="ephemeral") }}

with open_lines as (
    select * from {{ ref("int_purchase_orders__open_lines") }}
    where period_start_date = {{ period_start_date() }}
),

final as (
    select
        item_id,
        location_id,
        {{ exact_sum("open_qty") }} as on_order_qty
    from open_lines
    group by item_id, location_id
)

select * from final
