"""Table `policy.order_exception`: orders of the period outside policy, and messages on open orders. No proposals."""

import dagster as dg

from assets.output import Events, asset_key, border_check, code_counts, hand_over
from orchestration.automation import OWNERS, WRITER_POOL
from orchestration.partitions import CYCLE_BEFORE, PERIODS, cut_off, period_of
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.warehouse import Warehouse
from stockstrata.ordering.exceptions import order_exceptions
from stockstrata.tables import ORDER_EXCEPTION, ORDER_PROPOSAL, STOCK_POLICY

# What was in force when the orders of the period were placed.
_EARLIER_CYCLE = f"(select max(period_start_date) from {STOCK_POLICY.name} where period_start_date < $period)"
_EARLIER_POLICIES = f"""
    select policy.* exclude (period_start_date), planned.moq_qty, planned.order_multiple_qty
    from {STOCK_POLICY.name} as policy
    left join intermediate.int_item_locations__planned as planned
        on planned.item_id = policy.item_id and planned.location_id = policy.location_id
        and planned.period_start_date = policy.policy_period_start_date
    where policy.period_start_date = {_EARLIER_CYCLE}
    order by policy.item_id, policy.location_id
"""
_EARLIER_PROPOSALS = f"""
    select item_id, location_id, order_qty, order_date from {ORDER_PROPOSAL.name}
    where period_start_date = {_EARLIER_CYCLE} order by item_id, location_id
"""
_EARLIER_EXCEPTIONS = f"""
    select judged_code, order_id, line, item_id, location_id, exception_code from {ORDER_EXCEPTION.name}
    where period_start_date = {_EARLIER_CYCLE} and is_exception order by all
"""


@dg.asset(
    key=asset_key(ORDER_EXCEPTION),
    group_name="policy",
    deps=[
        asset_key(STOCK_POLICY),
        dg.AssetDep(asset_key(ORDER_PROPOSAL), partition_mapping=CYCLE_BEFORE),
        dg.AssetKey(["intermediate", "int_purchase_orders__placed"]),
        dg.AssetKey(["intermediate", "int_purchase_orders__open_lines"]),
        dg.AssetKey(["intermediate", "int_item_locations__planned"]),
        dg.AssetKey(["intermediate", "int_stock__positions"]),
        dg.AssetKey(["parameters", "order_exception_rules"]),
        dg.AssetKey(["parameters", "segment_strategies"]),
    ],
    partitions_def=PERIODS,
    owners=OWNERS,
    kinds={"python", "duckdb"},
    code_version="1",
    pool=WRITER_POOL,
    check_specs=[border_check(ORDER_EXCEPTION)],
)
def order_exception(context: dg.AssetExecutionContext, warehouse: Warehouse, parameter_store: ParameterStore) -> Events:
    """One row per period, order line and judgement: orders placed in the period, and open ones with a message."""
    period = period_of(context)
    window = {"period": period}
    found = order_exceptions(
        warehouse.read_period("intermediate.int_purchase_orders__placed", period, may_be_empty=True),
        {
            "policies": warehouse.read(_EARLIER_POLICIES, window),
            "proposals": warehouse.read(_EARLIER_PROPOSALS, window),
        },
        warehouse.read_period("intermediate.int_purchase_orders__open_lines", period, may_be_empty=True),
        {
            "policies": warehouse.read_period(STOCK_POLICY.name, period),
            "positions": warehouse.read_period("intermediate.int_stock__positions", period, may_be_empty=True),
        },
        warehouse.read(_EARLIER_EXCEPTIONS, window),
        parameters=parameter_store.in_force(cut_off(period)),
        cut_off_date=cut_off(period),
    )
    emergencies = found.loc[found["exception_code"] == "emergency", "cost_amount"]
    figures = {"codes": code_counts(found["exception_code"]), "emergency_cost_amount": float(emergencies.sum())}
    yield from hand_over(warehouse, ORDER_EXCEPTION, found, period, figures)
