-- Grain: one row per (period_start_date, order_id, line, item_id, location_id): an order line placed in the period

{{ config(materialized="incremental") }}

with known_rows as (
    select * from {{ ref("stg_purchase_orders") }} where order_date < {{ cut_off_date() }} and {{ known_at_cut_off() }}
),

-- What a supplier promises as a rule, from its orders up to the period.
usual as (
    select supplier_id, median(date_diff('day', order_date, promised_date)) as usual_wait_days
    from known_rows
    where promised_date is not null and order_date < {{ period_start_date() }}
    group by supplier_id
),

placed as (
    select
        order_id,
        line,
        item_id,
        location_id,
        min(supplier_id) as supplier_id,
        min(order_date) as order_date,
        max(promised_date) as due_date,
        max(ordered_qty) as ordered_qty,
        max(unit_cost_amount) as unit_cost_amount
    from known_rows
    where {{ in_window("order_date") }}
    group by order_id, line, item_id, location_id
),

snapshots as (
    select
        item_id,
        location_id,
        stock_date,
        {{ exact_sum("case when coalesce(stock_status_code, 'available') = 'available' then on_hand_qty else 0 end") }}
            + coalesce({{ exact_sum("in_transit_qty") }}, 0) - coalesce({{ exact_sum("allocated_qty") }}, 0) as stock_qty
    from {{ ref("stg_stock") }}
    semi join placed using (item_id, location_id)
    where stock_date < {{ cut_off_date() }} and {{ known_at_cut_off() }}
    group by item_id, location_id, stock_date
),

with_stock as (
    select placed.*, snapshots.stock_date, snapshots.stock_qty
    from placed
    asof left join snapshots
        on placed.item_id = snapshots.item_id
        and placed.location_id = snapshots.location_id
        and placed.order_date >= snapshots.stock_date
),

-- What came in since the snapshot is still counted as on order, so it counts once.
earlier_lines as (
    select
        now.order_id, now.line, now.item_id, now.location_id,
        greatest(max(known_rows.ordered_qty) - coalesce(
            {{ exact_sum("case when known_rows.receipt_date <= now.stock_date then known_rows.received_qty end") }}, 0
        ), 0) as open_qty
    from with_stock as now
    inner join known_rows
        on known_rows.item_id = now.item_id
        and known_rows.location_id = now.location_id
        and (known_rows.order_date, known_rows.order_id, known_rows.line) < (now.order_date, now.order_id, now.line)
    group by all
),

on_order as (
    select order_id, line, item_id, location_id, {{ exact_sum("open_qty") }} as on_order_qty
    from earlier_lines
    group by order_id, line, item_id, location_id
),

demand_since as (
    select now.order_id, now.line, now.item_id, now.location_id, {{ exact_sum("demand.demand_qty") }} as demand_qty
    from with_stock as now
    inner join {{ ref("stg_demand") }} as demand
        on demand.item_id = now.item_id
        and demand.location_id = now.location_id
        and demand.demand_date > now.stock_date
        and demand.demand_date <= now.order_date
    where {{ known_at_cut_off("demand") }}
    group by all
),

final as (
    select
        {{ period_start_date() }} as period_start_date,
        with_stock.* exclude (stock_qty),
        usual.usual_wait_days,
        stock_qty + coalesce(on_order_qty, 0) - coalesce(demand_since.demand_qty, 0) as inventory_position_qty
    from with_stock
    left join on_order using (order_id, line, item_id, location_id)
    left join demand_since using (order_id, line, item_id, location_id)
    left join usual using (supplier_id)
)

select * from final
