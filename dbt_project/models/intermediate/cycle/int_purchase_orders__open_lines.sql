-- Grain: one row per (period_start_date, order_id, line, item_id, location_id): an order line open at the cut-off

{{ config(materialized="incremental") }}

with known_rows as (
    select * from {{ ref("stg_purchase_orders") }}
    where order_date < {{ cut_off_date() }} and {{ known_at_cut_off() }}
),

-- Several receipts of a line are several rows with the same ordered quantity. History that was landed at once also
-- shows receipts from after the cut-off: nobody could know them then.
order_lines as (
    select
        order_id,
        line,
        item_id,
        location_id,
        min(supplier_id) as supplier_id,
        min(order_date) as order_date,
        max(promised_date) as due_date,
        max(ordered_qty) as ordered_qty,
        coalesce({{ exact_sum("case when receipt_date < " ~ cut_off_date() ~ " then received_qty end") }}, 0)
            as received_qty
    from known_rows
    group by order_id, line, item_id, location_id
),

final as (
    select
        {{ period_start_date() }} as period_start_date,
        order_id,
        line,
        item_id,
        location_id,
        supplier_id,
        order_date,
        due_date,
        greatest(ordered_qty - received_qty, 0) as open_qty
    from order_lines
    where ordered_qty > received_qty
)

select * from final
