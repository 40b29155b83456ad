-- Grain: one row per (period_start_date, item_id, location_id) with lines ordered or due in the period

{{ config(materialized="incremental") }}

with lines as (
    select
        item_id,
        location_id,
        demand_date,
        demand_qty as ordered_qty,
        greatest(shipped_qty, 0) as shipped_qty,
        coalesce(promised_date, requested_date) as due_date,
        coalesce(delivered_date, shipped_date) as served_date
    from {{ ref("stg_demand") }}
    where
        demand_qty > 0
        and shipped_qty is not null
        and ({{ in_window("demand_date") }} or {{ in_window("coalesce(promised_date, requested_date)") }})
        and demand_date < {{ cut_off_date() }}
        and {{ known_at_cut_off() }}
),

-- Fill is judged in the period of the order, punctuality in the period that the line was due. A line that never left
-- is late; a line that left on no stated day is not judged.
judged as (
    select
        *,
        {{ in_window("demand_date") }} as is_ordered,
        coalesce({{ in_window("due_date") }} and (served_date is not null or shipped_qty = 0), false) as is_due,
        coalesce(shipped_qty >= ordered_qty and served_date <= due_date, false) as is_on_time_in_full
    from lines
),

final as (
    select
        {{ period_start_date() }} as period_start_date,
        item_id,
        location_id,
        {{ exact_sum("case when is_ordered then ordered_qty end") }} as judged_ordered_qty,
        {{ exact_sum("case when is_ordered then least(shipped_qty, ordered_qty) end") }} as judged_shipped_qty,
        count(*) filter (where is_due) as due_line_count,
        count(*) filter (where is_due and is_on_time_in_full) as on_time_in_full_line_count
    from judged
    group by item_id, location_id
)

select * from final
