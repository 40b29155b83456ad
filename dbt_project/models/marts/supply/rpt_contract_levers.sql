-- Grain: one row per (period_start_date, supplier_id, lever_code)

{{ config(materialized="incremental") }}

with settings as (
    select
        max(try_cast(setting_value as double)) filter (where setting_code = 'cost_of_capital_rate') as capital_rate,
        max(try_cast(setting_value as integer)) filter (where setting_code = 'supplier_score_days') as score_days
    from (select * from {{ ref("planning_settings") }} where {{ in_force_at(cut_off_date(), ["setting_code"]) }})
),

failures as (
    select
        supplier_id,
        count(*) filter (where not is_otif) / count(is_otif) as failed_rate
    from {{ ref("fct_supplier_line") }}
    cross join settings
    where period_start_date < {{ cut_off_date() }} and period_start_date >= {{ cut_off_date() }} - settings.score_days
    group by supplier_id
    having count(is_otif) > 0
),

-- A minimum that is no more than what pays anyway ties nothing up. Average cycle stock is half an order. Orders twice as
-- often may cost more than the stock saved: a negative saving.
policies as (
    select
        policies.period_start_date,
        risks.supplier_id,
        policies.unit_cost_amount,
        policies.order_qty,
        coalesce(policies.holding_cost_per_unit_week_amount, 0) * 365.25 / 7 as holding_cost_amount,
        greatest(planned.moq_qty - greatest(planned.moq_qty / 2, policies.economic_order_qty), 0) / 2 as less_qty,
        policies.unit_cost_amount * policies.annual_demand_qty as yearly_cost_amount,
        policies.annual_demand_qty / policies.order_qty * policies.order_cost_amount as yearly_order_cost_amount,
        coalesce(failures.failed_rate, 0) as failed_rate, settings.capital_rate
    from {{ ref("stg_engine__stock_policy") }} as policies
    inner join {{ ref("stg_engine__supply_risk") }} as risks using (period_start_date, item_id, location_id)
    inner join {{ ref("int_item_locations__planned") }} as planned using (period_start_date, item_id, location_id)
    cross join settings
    left join failures on risks.supplier_id = failures.supplier_id
    where {{ in_window("policies.period_start_date") }}
        and policies.policy_family not in ('make_to_order', 'do_not_stock')
        and policies.order_qty > 0
),

levered as (
    select
        policies.period_start_date, policies.supplier_id, kinds.lever_code,
        case kinds.lever_code
            when 'halve_minimum_order' then less_qty * unit_cost_amount
            when 'order_twice_as_often' then order_qty / 4 * unit_cost_amount
            when 'thirty_more_days_to_pay' then 30 / 365.25 * yearly_cost_amount
            else 0
        end as cash,
        case kinds.lever_code
            when 'halve_minimum_order' then less_qty * holding_cost_amount
            when 'order_twice_as_often' then order_qty / 4 * holding_cost_amount - yearly_order_cost_amount
            when 'thirty_more_days_to_pay' then 30 / 365.25 * yearly_cost_amount * capital_rate
            else 0.01 * failed_rate * yearly_cost_amount
        end as saving,
        (kinds.lever_code <> 'halve_minimum_order' or less_qty > 0)
        and (kinds.lever_code <> 'one_percent_penalty' or failed_rate > 0) as works
    from policies
    cross join (values
        ('halve_minimum_order'), ('order_twice_as_often'), ('thirty_more_days_to_pay'), ('one_percent_penalty')
    ) as kinds (lever_code)
),

levers as (
    select
        period_start_date,
        supplier_id,
        lever_code,
        count(*) filter (where works) as item_location_count,
        {{ exact_sum("cash") }} as released_cash_amount,
        {{ exact_sum("saving") }} as yearly_saving_amount
    from levered
    group by period_start_date, supplier_id, lever_code
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
    left join {{ ref("stg_suppliers") }} as suppliers
        on levers.supplier_id = suppliers.supplier_id and {{ known_at_cut_off("suppliers") }}
)

select * from final
