"""Tables of the schema `policy`, per period, item and location: candidate and stock policies, order proposals."""

from typing import Any

import dagster as dg
import pandas as pd

from assets.output import KEY, Events, asset_key, border_check, code_counts, hand_over, without
from assets.planned import (
    PLANNED,
    isolated_item_locations,
    last_good_policies,
    last_policies,
    planned_item_locations,
    with_rows_of_stale_policies,
)
from orchestration.automation import OWNERS, WRITER_POOL
from orchestration.partitions import PERIODS, SETTINGS, cut_off, period_of
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.warehouse import Warehouse
from stockstrata.gate.in_force import kept_policies, with_held_policies
from stockstrata.gate.verdicts import held_segments
from stockstrata.policy import stock_policies
from stockstrata.projections import Supply
from stockstrata.proposals import order_proposals
from stockstrata.service_targets import PERIOD_DAYS
from stockstrata.tables import (
    CANDIDATE_POLICY,
    DEMAND_FORECAST,
    LEAD_TIME,
    LEAD_TIME_DEMAND,
    ORDER_PROPOSAL,
    REPLAY_SEGMENT,
    SEGMENT_ASSIGNMENT,
    STOCK_POLICY,
)

_ITEM_LOCATIONS = dg.AssetKey(["intermediate", "int_item_locations__planned"])
# What is left out and never had a policy orders nothing.
_POSITIONS = f"""
    select * exclude (period_start_date)
    from intermediate.int_stock__positions
    semi join {STOCK_POLICY.name} using (period_start_date, item_id, location_id)
    where period_start_date = ?
    order by item_id, location_id
"""
_LOST_SALE_FORECASTS, _LOST_SALE_LINES = (
    f"""
    select * exclude (period_start_date)
    from {table}
    semi join (select * from {STOCK_POLICY.name} where unmet_demand_code = 'lost_sale')
        using (period_start_date, item_id, location_id)
    where period_start_date = ?
    order by item_id, location_id, {order}
"""
    for table, order in (
        (DEMAND_FORECAST.name, "horizon_bucket"),
        ("intermediate.int_purchase_orders__open_lines", "order_id, line"),
    )
)
_ISOLATED = dg.AssetKey(["intermediate", "int_item_locations__isolated"])


@dg.asset(
    key=asset_key(CANDIDATE_POLICY),
    group_name="policy",
    deps=[
        _ITEM_LOCATIONS,
        asset_key(SEGMENT_ASSIGNMENT),
        asset_key(LEAD_TIME),
        asset_key(LEAD_TIME_DEMAND),
        *(
            dg.AssetKey(["parameters", name])
            for name in (
                "segment_strategies",
                "service_targets",
                "criticality_floors",
                "cost_rates",
                "policy_rules",
                "buffer_profiles",
                "buffer_limits",
                "service_mix",
                "planning_settings",
            )
        ),
    ],
    partitions_def=PERIODS,
    owners=OWNERS,
    kinds={"python", "duckdb"},
    code_version="1",
    pool=WRITER_POOL,
    check_specs=[border_check(CANDIDATE_POLICY)],
)
def candidate_policy(
    context: dg.AssetExecutionContext, warehouse: Warehouse, parameter_store: ParameterStore
) -> Events:
    """One row per period, item and location: the policy that the cycle computes, before the gate."""
    period = period_of(context)
    policies = stock_policies(
        planned_item_locations(warehouse, period),
        warehouse.read_period(SEGMENT_ASSIGNMENT.name, period),
        warehouse.read_period(LEAD_TIME.name, period),
        warehouse.read_period(LEAD_TIME_DEMAND.name, period),
        parameters=parameter_store.in_force(cut_off(period)),
        period_start_date=period,
        cut_off_date=cut_off(period),
        last_policies=last_policies(warehouse, period),
    )
    yield from hand_over(warehouse, CANDIDATE_POLICY, policies, period, _told(policies))


@dg.asset(
    key=asset_key(STOCK_POLICY),
    group_name="policy",
    deps=[asset_key(CANDIDATE_POLICY), asset_key(REPLAY_SEGMENT), _ISOLATED],
    partitions_def=PERIODS,
    owners=OWNERS,
    kinds={"python", "duckdb"},
    code_version="4",
    pool=WRITER_POOL,
    check_specs=[border_check(STOCK_POLICY)],
)
def stock_policy(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Events:
    """One row per period, item and location in force: the candidate, or an earlier policy where that is kept."""
    period = period_of(context)
    candidate = warehouse.read_period(CANDIDATE_POLICY.name, period)
    held = held_segments(warehouse.read_period(REPLAY_SEGMENT.name, period))
    isolated = isolated_item_locations(warehouse, period)
    wanted = pd.concat([candidate.loc[candidate["segment_code"].isin(held.index), KEY], isolated[KEY]])
    earlier = last_good_policies(warehouse, wanted, period)
    in_force = pd.concat(
        [
            with_held_policies(candidate, earlier, held),
            kept_policies(without(earlier, candidate), isolated, status_code="stale"),
        ],
        ignore_index=True,
    )
    yield from hand_over(warehouse, STOCK_POLICY, in_force, period, _told(in_force))


@dg.asset(
    key=asset_key(ORDER_PROPOSAL),
    group_name="policy",
    deps=[
        asset_key(STOCK_POLICY),
        asset_key(LEAD_TIME_DEMAND),
        asset_key(DEMAND_FORECAST),
        _ITEM_LOCATIONS,
        dg.AssetKey(["intermediate", "int_stock__positions"]),
        dg.AssetKey(["intermediate", "int_purchase_orders__open_lines"]),
        dg.AssetKey(["parameters", "planning_settings"]),
    ],
    partitions_def=PERIODS,
    owners=OWNERS,
    kinds={"python", "duckdb"},
    code_version="2",
    pool=WRITER_POOL,
    check_specs=[border_check(ORDER_PROPOSAL)],
)
def order_proposal(context: dg.AssetExecutionContext, warehouse: Warehouse, parameter_store: ParameterStore) -> Events:
    """One row per period, item and location that should order, by inventory position or by projected stock."""
    period = period_of(context)
    policies = warehouse.read_period(STOCK_POLICY.name, period)
    item_locations = planned_item_locations(warehouse, period)
    demand = warehouse.read_period(LEAD_TIME_DEMAND.name, period)
    proposals = order_proposals(
        policies,
        warehouse.read(_POSITIONS, [period]),
        with_rows_of_stale_policies(warehouse, PLANNED, item_locations, policies),
        with_rows_of_stale_policies(warehouse, LEAD_TIME_DEMAND.name, demand, policies),
        parameters=parameter_store.in_force(cut_off(period)),
        cut_off_date=cut_off(period),
        supply=Supply(
            warehouse.read(_LOST_SALE_FORECASTS, [period]),
            warehouse.read(_LOST_SALE_LINES, [period]),
            PERIOD_DAYS[SETTINGS.company.bucket_type],
        ),
    )
    yield from hand_over(
        warehouse,
        ORDER_PROPOSAL,
        proposals,
        period,
        {"order_value_amount": float(proposals["order_value_amount"].sum())},
    )


def _told(policies: pd.DataFrame) -> dict[str, Any]:
    return {
        "families": code_counts(policies["policy_family"]),
        "evidence_grades": code_counts(policies["evidence_grade"]),
        "statuses": code_counts(policies["policy_status_code"]),
        "safety_stock_value_amount": float((policies["safety_stock_qty"] * policies["unit_cost_amount"]).sum()),
    }
