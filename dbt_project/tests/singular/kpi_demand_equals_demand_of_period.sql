-- Demand over all segments is the demand of the period, as known at its cut-off, without what the cycle left out.
{{ config(meta={"dagster": {"ref": {"name": "kpi_segment_period"}}}) }}

with kpi as (
    select coalesce(sum(kpi_value), 0) as demand_qty
    from {{ ref("kpi_segment_period") }}
    where period_start_date = {{ period_start_date() }} and kpi_code = 'demand_qty' and segment_code = 'ALL'
),

facts as (
    select coalesce({{ exact_sum("demand_qty") }}, 0) as demand_qty
    from {{ ref("int_demand__bucketed") }}
    anti join (select * from {{ ref("fct_isolation") }} where period_start_date = {{ period_start_date() }}) as isolated
        using (item_id, location_id)
    where period_start_date = {{ period_start_date() }} and {{ known_at_cut_off() }}
)

select kpi.demand_qty, facts.demand_qty as facts_demand_qty
from kpi
cross join facts
where abs(kpi.demand_qty - facts.demand_qty) > 1e-6 * (1 + abs(facts.demand_qty))
