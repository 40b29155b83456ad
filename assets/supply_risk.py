"""Table `policy.supply_risk`: what each item-location would lose if its supplier failed, and what would lower it."""

import dagster as dg

from assets.output import Events, asset_key, border_check, code_counts, hand_over
from assets.planned import planned_item_locations
from orchestration.automation import OWNERS, WRITER_POOL
from orchestration.partitions import PERIODS, cut_off, period_of
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.warehouse import Warehouse
from stockstrata.supply.risk import supply_risks
from stockstrata.tables import STOCK_POLICY, SUPPLY_RISK

_ITEM_LOCATIONS = dg.AssetKey(["intermediate", "int_item_locations__planned"])
# Another supplier is one with terms for the item at the location, or everywhere.
_ALTERNATIVES = """
    with known_items as (
        select * from staging.stg_items where known_from_at < $cut_off and known_to_at >= $cut_off
    ),

    terms as (
        select planned.item_id, planned.location_id, planned.supplier_id as own_supplier_id,
            terms.supplier_id, min(terms.lead_time_days) as lead_time_days
        from intermediate.int_item_locations__planned as planned
        inner join staging.stg_item_suppliers as terms
            on planned.item_id = terms.item_id and terms.location_id in (planned.location_id, 'ALL')
        where planned.period_start_date = $period
            and terms.known_from_at < $cut_off and terms.known_to_at >= $cut_off
        group by all
    ),

    others as (
        select item_id, location_id, supplier_id, lead_time_days
        from terms
        where supplier_id <> own_supplier_id
        qualify row_number() over (
            partition by item_id, location_id order by lead_time_days nulls last, supplier_id
        ) = 1
    ),

    counts as (
        select item_id, location_id, count(*) as supplier_count from terms group by item_id, location_id
    )

    select
        planned.item_id,
        planned.location_id,
        known_items.line_down_cost_per_day_amount,
        greatest(coalesce(counts.supplier_count, 0), 1) as supplier_count,
        others.supplier_id as alternative_supplier_id,
        others.lead_time_days as alternative_lead_time_days
    from intermediate.int_item_locations__planned as planned
    left join known_items on planned.item_id = known_items.item_id
    left join counts on planned.item_id = counts.item_id and planned.location_id = counts.location_id
    left join others on planned.item_id = others.item_id and planned.location_id = others.location_id
    where planned.period_start_date = $period
    order by planned.item_id, planned.location_id
"""


@dg.asset(
    key=asset_key(SUPPLY_RISK),
    group_name="policy",
    deps=[
        asset_key(STOCK_POLICY),
        _ITEM_LOCATIONS,
        dg.AssetKey(["intermediate", "int_stock__positions"]),
        dg.AssetKey(["staging", "stg_items"]),
        dg.AssetKey(["staging", "stg_item_suppliers"]),
        dg.AssetKey(["parameters", "planning_settings"]),
        dg.AssetKey(["parameters", "disruption_scenarios"]),
    ],
    partitions_def=PERIODS,
    owners=OWNERS,
    kinds={"python", "duckdb"},
    code_version="1",
    pool=WRITER_POOL,
    check_specs=[border_check(SUPPLY_RISK)],
)
def supply_risk(context: dg.AssetExecutionContext, warehouse: Warehouse, parameter_store: ParameterStore) -> Events:
    """One row per period, item and location with a supplier: expected loss if it fails, and the cheapest answer."""
    period = period_of(context)
    risks = supply_risks(
        planned_item_locations(warehouse, period),
        warehouse.read_period(STOCK_POLICY.name, period),
        warehouse.read_period("intermediate.int_stock__positions", period, may_be_empty=True),
        warehouse.read(_ALTERNATIVES, {"period": period, "cut_off": cut_off(period)}),
        parameters=parameter_store.in_force(cut_off(period)),
    )
    figures = {
        "mitigations": code_counts(risks["mitigation_code"]),
        "expected_loss_amount": float(risks["expected_loss_amount"].sum()),
    }
    yield from hand_over(warehouse, SUPPLY_RISK, risks, period, figures)
