"""Tables of the schema `policy`, per period, item and location: lead times, stock policies, order proposals."""

import dagster as dg

from assets.output import Events, asset_key, border_check, code_counts, hand_over
from orchestration.automation import OWNERS, WRITER_POOL
from orchestration.partitions import PERIODS, cut_off, period_of
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.warehouse import Warehouse
from stockstrata.lead_time import lead_times
from stockstrata.policy import stock_policies
from stockstrata.proposals import order_proposals
from stockstrata.tables import (
    LEAD_TIME,
    LEAD_TIME_DEMAND,
    ORDER_PROPOSAL,
    SEGMENT_ASSIGNMENT,
    STOCK_POLICY,
)

_ITEM_LOCATIONS = dg.AssetKey(["intermediate", "int_item_locations__planned"])
_RECEIPTS = "select * from intermediate.int_receipts__lead_times order by all"


@dg.asset(
    key=asset_key(LEAD_TIME),
    group_name="policy",
    deps=[
        _ITEM_LOCATIONS,
        dg.AssetKey(["intermediate", "int_receipts__lead_times"]),
        dg.AssetKey(["parameters", "lead_time_assumptions"]),
        dg.AssetKey(["parameters", "planning_settings"]),
    ],
    partitions_def=PERIODS,
    owners=OWNERS,
    kinds={"python", "duckdb"},
    code_version="1",
    pool=WRITER_POOL,
    check_specs=[border_check(LEAD_TIME)],
)
def lead_time(context: dg.AssetExecutionContext, warehouse: Warehouse, parameter_store: ParameterStore) -> Events:
    """One row per period, item and location: mean and spread of the lead time, and what they rest on."""
    period = period_of(context)
    measured = lead_times(
        warehouse.read_period("intermediate.int_item_locations__planned", period),
        warehouse.read(_RECEIPTS),
        parameters=parameter_store.in_force(cut_off(period)),
        cut_off_date=cut_off(period),
    )
    yield from hand_over(
        warehouse, LEAD_TIME, measured, period, {"sources": code_counts(measured["lead_time_source_code"])}
    )


@dg.asset(
    key=asset_key(STOCK_POLICY),
    group_name="policy",
    deps=[
        _ITEM_LOCATIONS,
        asset_key(SEGMENT_ASSIGNMENT),
        asset_key(LEAD_TIME),
        asset_key(LEAD_TIME_DEMAND),
        dg.AssetKey(["parameters", "segment_strategies"]),
        dg.AssetKey(["parameters", "cost_rates"]),
    ],
    partitions_def=PERIODS,
    owners=OWNERS,
    kinds={"python", "duckdb"},
    code_version="1",
    pool=WRITER_POOL,
    check_specs=[border_check(STOCK_POLICY)],
)
def stock_policy(context: dg.AssetExecutionContext, warehouse: Warehouse, parameter_store: ParameterStore) -> Events:
    """One row per period, item and location: safety stock, reorder point, order quantity, order-up-to level."""
    period = period_of(context)
    policies = stock_policies(
        warehouse.read_period("intermediate.int_item_locations__planned", period),
        warehouse.read_period(SEGMENT_ASSIGNMENT.name, period),
        warehouse.read_period(LEAD_TIME.name, period),
        warehouse.read_period(LEAD_TIME_DEMAND.name, period),
        parameters=parameter_store.in_force(cut_off(period)),
    )
    value = float((policies["safety_stock_qty"] * policies["unit_cost_amount"]).sum())
    yield from hand_over(
        warehouse,
        STOCK_POLICY,
        policies,
        period,
        {
            "families": code_counts(policies["policy_family"]),
            "evidence_grades": code_counts(policies["evidence_grade"]),
            "safety_stock_value_amount": value,
        },
    )


@dg.asset(
    key=asset_key(ORDER_PROPOSAL),
    group_name="policy",
    deps=[
        asset_key(STOCK_POLICY),
        asset_key(LEAD_TIME_DEMAND),
        _ITEM_LOCATIONS,
        dg.AssetKey(["intermediate", "int_stock__positions"]),
        dg.AssetKey(["parameters", "planning_settings"]),
    ],
    partitions_def=PERIODS,
    owners=OWNERS,
    kinds={"python", "duckdb"},
    code_version="1",
    pool=WRITER_POOL,
    check_specs=[border_check(ORDER_PROPOSAL)],
)
def order_proposal(context: dg.AssetExecutionContext, warehouse: Warehouse, parameter_store: ParameterStore) -> Events:
    """One row per period, item and location whose inventory position is at or below its reorder point."""
    period = period_of(context)
    proposals = order_proposals(
        warehouse.read_period(STOCK_POLICY.name, period),
        warehouse.read(
            "select * exclude (period_start_date) from intermediate.int_stock__positions "
            "where period_start_date = ? order by item_id, location_id",
            [period],
        ),
        warehouse.read_period("intermediate.int_item_locations__planned", period),
        warehouse.read_period(LEAD_TIME_DEMAND.name, period),
        parameters=parameter_store.in_force(cut_off(period)),
        cut_off_date=cut_off(period),
    )
    yield from hand_over(
        warehouse,
        ORDER_PROPOSAL,
        proposals,
        period,
        {"order_value_amount": float(proposals["order_value_amount"].sum())},
    )
