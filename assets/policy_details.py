"""Table `policy.policy_detail`: what families have besides the figures of all policies. No levels, no proposals."""

import dagster as dg

from assets.output import Events, asset_key, border_check, code_counts, hand_over
from assets.planned import planned_item_locations
from orchestration.automation import OWNERS, WRITER_POOL
from orchestration.partitions import PERIODS, cut_off, period_of
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.warehouse import Warehouse
from stockstrata.families.detail import policy_details
from stockstrata.tables import POLICY_DETAIL, SEGMENT_ASSIGNMENT, STOCK_POLICY


@dg.asset(
    key=asset_key(POLICY_DETAIL),
    group_name="policy",
    deps=[
        asset_key(STOCK_POLICY),
        asset_key(SEGMENT_ASSIGNMENT),
        dg.AssetKey(["intermediate", "int_item_locations__planned"]),
        dg.AssetKey(["intermediate", "int_stock__positions"]),
        dg.AssetKey(["parameters", "segment_strategies"]),
        dg.AssetKey(["parameters", "policy_rules"]),
    ],
    partitions_def=PERIODS,
    owners=OWNERS,
    kinds={"python", "duckdb"},
    code_version="1",
    pool=WRITER_POOL,
    check_specs=[border_check(POLICY_DETAIL)],
)
def policy_detail(context: dg.AssetExecutionContext, warehouse: Warehouse, parameter_store: ParameterStore) -> Events:
    """One row per period, item and location: who chose the policy family and why, its cards or zones."""
    period = period_of(context)
    details = policy_details(
        warehouse.read_period(STOCK_POLICY.name, period),
        planned_item_locations(warehouse, period),
        warehouse.read_period(SEGMENT_ASSIGNMENT.name, period),
        warehouse.read_period("intermediate.int_stock__positions", period, may_be_empty=True),
        parameters=parameter_store.in_force(cut_off(period)),
    )
    yield from hand_over(
        warehouse, POLICY_DETAIL, details, period, {"sources": code_counts(details["family_source_code"])}
    )
