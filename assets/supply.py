"""Tables of the schema `policy` that say what suppliers do: lead times with yields, and changes of lead times."""

import datetime as dt

import dagster as dg

from assets.output import Events, Output, asset_key, border_check, code_counts, hand_over_all
from assets.planned import planned_item_locations
from orchestration.automation import OWNERS, WRITER_POOL
from orchestration.partitions import PERIODS, cut_off, period_of
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.warehouse import Warehouse
from stockstrata.parameters import PlanningSettings
from stockstrata.supply.cycle import supply_figures
from stockstrata.tables import LEAD_TIME, LEAD_TIME_CHANGE, Table

# Receipts of what is left out say nothing of its supplier either.
_RECEIPTS = """
    select receipts.*
    from intermediate.int_receipts__lead_times as receipts
    anti join (
        select item_id, location_id from intermediate.int_item_locations__isolated where period_start_date = ?
    ) using (item_id, location_id)
    order by all
"""
# Several receipts of a line are several rows with the same ordered quantity. History that was landed at once also shows
# receipts from after the cut-off: nobody could know them then. Sums are decimal, so they do not depend on the order.
_ORDER_LINES = """
    select
        order_id,
        line,
        item_id,
        location_id,
        min(supplier_id) as supplier_id,
        min(transport_mode_code) as transport_mode_code,
        min(order_date) as order_date,
        max(ordered_qty) as ordered_qty,
        cast(sum(cast(received_qty as decimal(38, 9))) filter (receipt_date < $cut_off) as double) as received_qty,
        cast(sum(cast(rejected_qty as decimal(38, 9))) filter (receipt_date < $cut_off) as double) as rejected_qty,
        max(receipt_date) filter (receipt_date < $cut_off) as last_receipt_date,
    from staging.stg_purchase_orders
    anti join (
        select item_id, location_id from intermediate.int_item_locations__isolated where period_start_date = $period
    ) using (item_id, location_id)
    where order_date >= $first and order_date < $cut_off and known_from_at < $cut_off and known_to_at >= $cut_off
    group by order_id, line, item_id, location_id
    order by order_id, line, item_id, location_id
"""


def _spec(table: Table, description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        asset_key(table),
        deps=[
            *(
                dg.AssetKey(["intermediate", name])
                for name in ("int_item_locations__planned", "int_item_locations__isolated", "int_receipts__lead_times")
            ),
            dg.AssetKey(["staging", "stg_purchase_orders"]),
            dg.AssetKey(["parameters", "lead_time_assumptions"]),
            dg.AssetKey(["parameters", "planning_settings"]),
        ],
        group_name="policy",
        owners=OWNERS,
        kinds={"python", "duckdb"},
        code_version="1",
        description=description,
        partitions_def=PERIODS,
    )


@dg.multi_asset(
    name="supply",
    specs=[
        _spec(LEAD_TIME, "One row per period, item and location: lead time and yield, and what they rest on."),
        _spec(
            LEAD_TIME_CHANGE, "One row per period, supplier, location and change of the lead time that receipts show."
        ),
    ],
    check_specs=[border_check(LEAD_TIME), border_check(LEAD_TIME_CHANGE)],
    pool=WRITER_POOL,
)
def supply(context: dg.AssetExecutionContext, warehouse: Warehouse, parameter_store: ParameterStore) -> Events:
    """Measure lead times and yields on what was known at the cut-off, and find changes of lead times."""
    period = period_of(context)
    parameters = parameter_store.in_force(cut_off(period))
    found = supply_figures(
        planned_item_locations(warehouse, period),
        warehouse.read(_RECEIPTS, [period]),
        warehouse.read(_ORDER_LINES, _span(period, parameters.settings)),
        parameters=parameters,
        cut_off_date=cut_off(period),
    )
    sources = {"sources": code_counts(found.lead_time["lead_time_source_code"])}
    changes = {"statuses": code_counts(found.lead_time_change["status_code"])}
    yield from hand_over_all(
        warehouse,
        [Output(LEAD_TIME, found.lead_time, sources), Output(LEAD_TIME_CHANGE, found.lead_time_change, changes)],
        period,
    )


def _span(period: dt.date, settings: PlanningSettings) -> dict[str, dt.date]:
    end = cut_off(period)
    return {
        "period": period,
        "cut_off": end,
        "first": end - dt.timedelta(days=round(settings.lead_time_lookback_days)),
    }
