-- Grain: one row per (period_start_date, item_id, location_id) with demand known before the cut-off

{{ config(materialized="incremental") }}

with look_back as (
    select {{ cut_off_date() }} - cast(setting_value as integer) as first_date
    from {{ ref("planning_settings") }}
    where setting_code = 'abc_lookback_days' and {{ in_force_at(cut_off_date(), ["setting_code"]) }}
),

lines as (
    select
        item_id,
        location_id,
        demand_date,
        demand_qty,
        unit_price_amount,
        demand_date >= look_back.first_date as is_in_look_back
    from {{ ref("stg_demand") }}
    cross join look_back
    where demand_date < {{ cut_off_date() }} and {{ known_at_cut_off() }}
),

final as (
    select
        {{ period_start_date() }} as period_start_date,
        item_id,
        location_id,
        min(demand_date) filter (where demand_qty > 0) as first_demand_date,
        max(demand_date) filter (where demand_qty > 0) as last_demand_date,
        {{ exact_sum("case when is_in_look_back then demand_qty end") }} as abc_demand_qty,
        count(*) filter (where is_in_look_back and demand_qty > 0) as abc_line_count,
        {{ exact_sum("case when is_in_look_back then demand_qty * unit_price_amount end") }} as abc_revenue_amount,
        {{ exact_sum("case when is_in_look_back and unit_price_amount > 0 then demand_qty end") }}
            as abc_priced_demand_qty
    from lines
    group by item_id, location_id
)

select * from final
