-- Grain: one row per (period_start_date, supplier_id, lever_code)

{{ config(materialized="incremental") }}

with settings as (
    select max(try_cast(setting_value as double)) filter (where setting_code = 'cost_of_capital_rate') as capital_rate
    from (
        select * from {{ ref("planning_settings") }}
        where {{ in_force_at(cut_off_date(), ["setting_code"]) }}
    )
),

suppliers as (
    select * from {{ ref("stg_suppliers") }}
    where {{ known_at_cut_off() }}
),

policies as (
    select
        policies.period_start_date,
        risks.supplier_id,
        policies.unit_cost_amount,
        policies.annual_demand_qty,
        policies.order_qty,
        policies.economic_order_qty,
        coalesce(planned.moq_qty, 0) as moq_qty,
        coalesce(policies.holding_cost_per_unit_week_amount, 0) * 365.25 / 7 as holding_cost_per_unit_year_amount
    from {{ ref("stg_engine__stock_policy") }} as policies
    inner join {{ ref("stg_engine__supply_risk") }} as risks using (period_start_date, item_id, location_id)
    inner join {{ ref("int_item_locations__planned") }} as planned using (period_start_date, item_id, location_id)
    where {{ in_window("policies.period_start_date") }}
        and policies.policy_family not in ('make_to_order', 'do_not_stock')
),

-- A minimum that is no more than what pays anyway ties nothing up. Average cycle stock is half an order.
levers as (
    select
        period_start_date,
        supplier_id,
        'halve_minimum_order' as lever_code,
        count(*) filter (where moq_qty > economic_order_qty) as item_location_count,
        {{ exact_sum("case when moq_qty > economic_order_qty then (moq_qty - greatest(moq_qty / 2, economic_order_qty)) / 2 * unit_cost_amount else 0 end") }}
            as released_cash_amount,
        {{ exact_sum("case when moq_qty > economic_order_qty then (moq_qty - greatest(moq_qty / 2, economic_order_qty)) / 2 * holding_cost_per_unit_year_amount else 0 end") }}
            as yearly_saving_amount
    from policies
    group by period_start_date, supplier_id
    union all
    select
        policies.period_start_date,
        policies.supplier_id,
        'thirty_more_days_to_pay' as lever_code,
        count(*) as item_location_count,
        {{ exact_sum("30 / 365.25 * policies.annual_demand_qty * policies.unit_cost_amount") }} as released_cash_amount,
        {{ exact_sum("30 / 365.25 * policies.annual_demand_qty * policies.unit_cost_amount * settings.capital_rate") }}
            as yearly_saving_amount
    from policies
    cross join settings
    group by policies.period_start_date, policies.supplier_id
),

final as (
    select
        levers.period_start_date,
        levers.supplier_id,
        levers.lever_code,
        levers.item_location_count,
        suppliers.payment_terms_days,
        coalesce(levers.released_cash_amount, 0) as released_cash_amount,
        coalesce(levers.yearly_saving_amount, 0) as yearly_saving_amount,
        row_number() over (
            partition by levers.period_start_date
            order by coalesce(levers.yearly_saving_amount, 0) desc, levers.supplier_id, levers.lever_code
        ) as value_rank,
        {{ currency_code() }} as currency_code
    from levers
    left join suppliers on levers.supplier_id = suppliers.supplier_id
)

select * from final
