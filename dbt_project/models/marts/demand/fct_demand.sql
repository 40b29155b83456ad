-- Grain: one row per (item_id, location_id, bucket_start_date, period_start_date)

{{ config(materialized="table") }}

with demand as (
    select * from {{ ref("int_demand__bucketed") }}
    where period_start_date < {{ newest_cut_off() }} and {{ known_at(newest_cut_off()) }}
),

final as (
    select
        item_id,
        location_id,
        bucket_start_date,
        period_start_date,
        demand_qty,
        gross_demand_qty,
        returned_qty,
        shipped_qty,
        line_count,
        demand_amount,
        {{ currency_code() }} as currency_code,
        {{ newest_cut_off() }} as as_of_date
    from demand
)

select * from final
