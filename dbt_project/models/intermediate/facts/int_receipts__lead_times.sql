-- Grain: one row per (order_id, line, receipt_date, known_from_at): each version of a receipt

{{ config(materialized="view") }}

with receipts as (
    select * from {{ ref("stg_purchase_orders") }}
    where receipt_date is not null
),

final as (
    select
        order_id,
        line,
        item_id,
        location_id,
        supplier_id,
        transport_mode_code,
        order_date,
        receipt_date,
        cast(date_diff('day', order_date, receipt_date) as double) as lead_time_days,
        received_qty,
        known_from_at,
        known_to_at
    from receipts
)

select * from final
