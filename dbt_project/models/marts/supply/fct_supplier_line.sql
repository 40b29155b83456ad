-- Grain: one row per (period_start_date, order_id, line, item_id, location_id): an order line due in the period

{{ config(materialized="incremental") }}

with settings as (
    select
        max(try_cast(setting_value as double)) filter (where setting_code = 'otif_late_days') as late_days,
        max(try_cast(setting_value as double)) filter (where setting_code = 'otif_early_days') as early_days,
        max(try_cast(setting_value as double)) filter (where setting_code = 'otif_short_rate') as short_rate
    from (
        select * from {{ ref("planning_settings") }}
        where {{ in_force_at(cut_off_date(), ["setting_code"]) }}
    )
),

-- History that was landed at once also shows receipts from after the cut-off: nobody could know them then.
receipts as (
    select
        orders.* replace (case when receipt_date < {{ cut_off_date() }} then receipt_date end as receipt_date),
        settings.*,
        cast(promised_date + cast(settings.late_days as integer) as date) as due_date
    from {{ ref("stg_purchase_orders") }} as orders
    cross join settings
    where order_date < {{ cut_off_date() }} and {{ known_at_cut_off("orders") }}
),

order_lines as (
    select
        order_id,
        line,
        item_id,
        location_id,
        coalesce(min(supplier_id), 'NONE') as supplier_id,
        min(order_date) as order_date,
        max(promised_date) as promised_date,
        min(receipt_date) as first_receipt_date,
        max(receipt_date) as last_receipt_date,
        max(ordered_qty) as ordered_qty,
        coalesce({{ exact_sum("case when receipt_date is not null then received_qty end") }}, 0) as received_qty,
        coalesce({{ exact_sum("case when receipt_date <= due_date then received_qty end") }}, 0) as received_in_time_qty,
        coalesce({{ exact_sum("case when receipt_date is not null then rejected_qty end") }}, 0) as rejected_qty,
        max(unit_cost_amount) as unit_cost_amount,
        coalesce(max(due_date), max(receipt_date)) as judged_date,
        max(early_days) as early_days,
        max(short_rate) as short_rate
    from receipts
    group by order_id, line, item_id, location_id
),

contracts as (
    select * from {{ ref("stg_item_suppliers") }}
    where {{ known_at_cut_off() }}
    qualify row_number() over (partition by item_id, supplier_id order by location_id = 'ALL' desc, location_id) = 1
),

items as (
    select * from {{ ref("stg_items") }}
    where {{ known_at_cut_off() }}
),

final as (
    select
        {{ period_start_date() }} as period_start_date,
        lines.order_id,
        lines.line,
        lines.item_id,
        lines.location_id,
        lines.supplier_id,
        coalesce(items.category, 'NONE') as category,
        coalesce(segments.segment_code, 'NONE') as segment_code,
        lines.order_date,
        lines.promised_date,
        lines.first_receipt_date,
        lines.last_receipt_date,
        cast(date_diff('day', lines.order_date, lines.first_receipt_date) as double) as lead_time_days,
        lines.ordered_qty,
        lines.received_qty,
        lines.received_in_time_qty,
        lines.rejected_qty,
        {{ on_time("lines") }} as is_on_time,
        lines.received_qty >= lines.ordered_qty * (1 - lines.short_rate) as is_in_full,
        case
            when lines.promised_date is not null
                then {{ on_time("lines") }} and lines.received_in_time_qty >= lines.ordered_qty * (1 - lines.short_rate)
        end as is_otif,
        lines.unit_cost_amount,
        contracts.unit_cost_amount as contract_unit_cost_amount,
        {{ currency_code() }} as currency_code
    from order_lines as lines
    left join items on lines.item_id = items.item_id
    left join contracts on lines.item_id = contracts.item_id and lines.supplier_id = contracts.supplier_id
    left join {{ ref("stg_engine__segment_assignment") }} as segments
        on segments.period_start_date = {{ period_start_date() }}
        and lines.item_id = segments.item_id and lines.location_id = segments.location_id
    where {{ in_window("lines.judged_date") }} and lines.ordered_qty > 0
)

select * from final
