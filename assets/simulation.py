"""Tables of the schema `simulation`: replays of policies on what really came, verdicts of the gate, certificates."""

from collections.abc import Sequence

import dagster as dg

from assets.output import Events, Output, asset_key, border_check, code_counts, hand_over, hand_over_all
from assets.past_plans import PastPlans
from orchestration.automation import OWNERS, WRITER_POOL
from orchestration.partitions import CYCLE_BEFORE, PERIODS, cut_off, period_of
from orchestration.resources.code import RUNNING_CODE_HASH
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.warehouse import Warehouse
from stockstrata.gate.rules import rules_hash
from stockstrata.gate.seals import certificates
from stockstrata.tables import (
    CANDIDATE_POLICY,
    CERTIFICATE,
    DEMAND_ADJUSTMENT,
    LEAD_TIME,
    LEAD_TIME_DEMAND,
    REPLAY_ITEM_LOCATION,
    REPLAY_SEGMENT,
    REPLAYED_POLICY,
    SEGMENT_ASSIGNMENT,
    STOCK_POLICY,
    Table,
)

_READ = [
    asset_key(CANDIDATE_POLICY),
    asset_key(DEMAND_ADJUSTMENT),
    *(
        dg.AssetKey(["intermediate", name])
        for name in ("int_item_locations__planned", "int_demand__bucketed", "int_receipts__lead_times")
    ),
    *(
        dg.AssetKey(["staging", name])
        for name in ("stg_demand", "stg_stock", "stg_purchase_orders", "stg_stock_movements")
    ),
    *(dg.AssetKey(["parameters", name]) for name in ("gate_limits", "gate_overrides", "planning_settings")),
    *(
        dg.AssetDep(asset_key(table), partition_mapping=CYCLE_BEFORE)
        for table in (SEGMENT_ASSIGNMENT, LEAD_TIME, LEAD_TIME_DEMAND)
    ),
]
# Policies that earlier cycles put in force are read too; the graph cannot tell it, for this cycle's follow from here.
_TABLES = {
    REPLAYED_POLICY: "One row per period, item, location and past cut-off: what today's rules give there.",
    REPLAY_ITEM_LOCATION: "One row per period, item and location: candidate, rules in force, uniform policy and fact.",
    REPLAY_SEGMENT: "One row per period and segment, and for all: what the replay found, and the gate's verdict.",
}


def _spec(table: Table, description: str, deps: Sequence[dg.AssetKey | dg.AssetDep]) -> dg.AssetSpec:
    return dg.AssetSpec(
        asset_key(table),
        deps=deps,
        group_name="simulation",
        owners=OWNERS,
        kinds={"python", "duckdb"},
        code_version="1",
        description=description,
        partitions_def=PERIODS,
    )


@dg.multi_asset(
    # The job that computes a cycle again is called `replay`.
    name="policy_replay",
    specs=[_spec(table, told, _READ) for table, told in _TABLES.items()],
    check_specs=[border_check(table) for table in _TABLES],
    pool=WRITER_POOL,
)
def policy_replay(context: dg.AssetExecutionContext, warehouse: Warehouse, parameter_store: ParameterStore) -> Events:
    """The candidate's rules at past cut-offs, their orders on what really came, and what the gate makes of it."""
    # The compiled simulator takes a moment to load, and only this step needs it.
    from stockstrata.gate.evidence import gate_evidence

    period = period_of(context)
    parameters = parameter_store.in_force(cut_off(period))
    rules = rules_hash(parameters, RUNNING_CODE_HASH)
    past = PastPlans(warehouse, period, parameters)
    plans = past.plans(rules)
    evidence = gate_evidence(
        plans,
        past.what_came(plans),
        past.realised(plans),
        past.uniform_rule(plans),
        parameters=parameters,
        cut_off_date=cut_off(period),
        rules_hash=rules,
    )
    yield from hand_over_all(
        warehouse,
        [
            Output(REPLAYED_POLICY, plans.candidate),
            Output(REPLAY_ITEM_LOCATION, evidence.items),
            Output(REPLAY_SEGMENT, evidence.segments, {"verdicts": code_counts(evidence.segments["verdict_code"])}),
        ],
        period,
    )


@dg.multi_asset(
    specs=[
        _spec(
            CERTIFICATE,
            "One row per period and segment: hash over what is put in force and over what that rests on.",
            [asset_key(STOCK_POLICY), asset_key(REPLAY_SEGMENT)],
        )
    ],
    check_specs=[border_check(CERTIFICATE)],
    pool=WRITER_POOL,
)
def certificate(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Events:
    """What publication holds the marts against."""
    period = period_of(context)
    sealed = certificates(
        warehouse.read_period(STOCK_POLICY.name, period),
        warehouse.read_period(REPLAY_SEGMENT.name, period),
        warehouse.parameters_version,
    )
    yield from hand_over(warehouse, CERTIFICATE, sealed, period)
