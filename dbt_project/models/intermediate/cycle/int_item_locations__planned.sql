-- Grain: one row per (period_start_date, item_id, location_id) that the cycle plans

{{ config(materialized="incremental") }}

with isolated as (
    select * from {{ ref("int_item_locations__isolated") }}
    where period_start_date = {{ period_start_date() }}
),

item_locations as (
    select known.*
    from {{ ref("int_item_locations__known") }} as known
    anti join isolated using (item_id, location_id)
),

demand as (
    select * from {{ ref("int_item_locations__demand") }}
    where period_start_date = {{ period_start_date() }}
),

items as (
    select * from {{ ref("stg_items") }} where {{ known_at_cut_off() }}
),

locations as (
    select * from {{ ref("stg_locations") }} where {{ known_at_cut_off() }}
),

sourced as (
    select * from {{ ref("int_item_locations__sourced") }}
),

price_list as (
    select
        item_locations.item_id,
        item_locations.location_id,
        prices.price_amount
    from item_locations
    inner join {{ ref("stg_prices") }} as prices
        on item_locations.item_id = prices.item_id
        and prices.location_id in (item_locations.location_id, 'ALL')
    where prices.price_date < {{ cut_off_date() }} and {{ known_at_cut_off("prices") }}
    qualify row_number() over (
        partition by item_locations.item_id, item_locations.location_id
        order by prices.location_id = item_locations.location_id desc, prices.price_date desc
    ) = 1
),

final as (
    select
        {{ period_start_date() }} as period_start_date,
        item_locations.item_id,
        item_locations.location_id,
        items.item_name,
        items.category,
        items.family,
        items.uom,
        -- A cost or price of zero says that nobody knows it.
        coalesce(nullif(sourced.unit_cost_amount, 0), nullif(items.unit_cost_amount, 0)) as unit_cost_amount,
        coalesce(
            nullif(price_list.price_amount, 0),
            nullif(items.unit_price_amount, 0),
            case
                when demand.abc_priced_demand_qty > 0 and demand.abc_revenue_amount > 0
                    then demand.abc_revenue_amount / demand.abc_priced_demand_qty
            end
        ) as unit_price_amount,
        items.holding_cost_per_unit_year_amount,
        items.launch_date,
        items.phase_out_date,
        items.shelf_life_days,
        items.successor_item_id,
        items.abc_override_code,
        items.criticality_code,
        sourced.supplier_id,
        sourced.moq_qty,
        sourced.order_multiple_qty,
        sourced.order_cost_amount,
        sourced.price_breaks,
        sourced.order_days,
        sourced.supplier_min_order_amount,
        sourced.contract_lead_time_days,
        sourced.contract_lead_time_sd_days,
        locations.holding_cost_rate as location_holding_cost_rate,
        demand.first_demand_date,
        demand.last_demand_date,
        least(demand.first_demand_date, items.launch_date) as start_date,
        coalesce(demand.abc_demand_qty, 0) as abc_demand_qty,
        coalesce(demand.abc_line_count, 0) as abc_line_count,
        demand.abc_revenue_amount
    from item_locations
    left join demand using (item_id, location_id)
    left join items on item_locations.item_id = items.item_id
    left join locations on item_locations.location_id = locations.location_id
    left join sourced using (item_id, location_id)
    left join price_list using (item_id, location_id)
)

select * from final
