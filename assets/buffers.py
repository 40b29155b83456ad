"""Tables of the schema `policy` that look beyond a policy: buffers ahead, what service costs, what to buy first."""

import dagster as dg

from assets.output import Events, Output, asset_key, border_check, hand_over, hand_over_all
from assets.planned import planned_item_locations, with_rows_of_stale_policies
from orchestration.automation import OWNERS, WRITER_POOL
from orchestration.partitions import PERIODS, SETTINGS, cut_off, period_of
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.warehouse import Warehouse
from stockstrata.buffer_plan import buffer_plan as planned_buffers
from stockstrata.exchange import exchange
from stockstrata.purchase_ranking import purchase_ranking as ranked_purchases
from stockstrata.service_targets import PERIOD_DAYS
from stockstrata.tables import (
    BUFFER_PLAN,
    DEMAND_FORECAST,
    EXCHANGE_CURVE,
    LEAD_TIME_DEMAND,
    MIX_TARGET,
    ORDER_PROPOSAL,
    PURCHASE_RANKING,
    STOCK_POLICY,
)

_PLANNED = dg.AssetKey(["intermediate", "int_item_locations__planned"])


@dg.asset(
    key=asset_key(BUFFER_PLAN),
    group_name="policy",
    deps=[
        asset_key(STOCK_POLICY),
        asset_key(LEAD_TIME_DEMAND),
        asset_key(DEMAND_FORECAST),
        dg.AssetKey(["parameters", "planning_settings"]),
    ],
    partitions_def=PERIODS,
    owners=OWNERS,
    kinds={"python", "duckdb"},
    code_version="1",
    pool=WRITER_POOL,
    check_specs=[border_check(BUFFER_PLAN)],
)
def buffer_plan(context: dg.AssetExecutionContext, warehouse: Warehouse, parameter_store: ParameterStore) -> Events:
    """One row per period, item, location and future bucket: buffer and levels by the demand expected from there on."""
    period = period_of(context)
    plan = planned_buffers(
        warehouse.read_period(STOCK_POLICY.name, period),
        warehouse.read_period(LEAD_TIME_DEMAND.name, period),
        warehouse.read_period(DEMAND_FORECAST.name, period),
        bucket_days=PERIOD_DAYS[SETTINGS.company.bucket_type],
        most_buckets=parameter_store.in_force(cut_off(period)).settings.buffer_plan_buckets,
    )
    yield from hand_over(warehouse, BUFFER_PLAN, plan, period)


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            asset_key(table),
            deps=[
                asset_key(STOCK_POLICY),
                asset_key(LEAD_TIME_DEMAND),
                dg.AssetKey(["parameters", "service_mix"]),
            ],
            group_name="policy",
            owners=OWNERS,
            kinds={"python", "duckdb"},
            code_version="1",
            description=description,
            partitions_def=PERIODS,
        )
        for table, description in (
            (EXCHANGE_CURVE, "One row per period, segment, curve and point: stock value against units short."),
            (MIX_TARGET, "One row per period, item and location: the fill rate that its segment's mix gives it."),
        )
    ],
    check_specs=[border_check(EXCHANGE_CURVE), border_check(MIX_TARGET)],
    pool=WRITER_POOL,
)
def service_mix(context: dg.AssetExecutionContext, warehouse: Warehouse, parameter_store: ParameterStore) -> Events:
    """What service costs by segment, and the mix of item targets of least stock value."""
    period = period_of(context)
    found = exchange(
        warehouse.read_period(STOCK_POLICY.name, period),
        warehouse.read_period(LEAD_TIME_DEMAND.name, period),
        parameters=parameter_store.in_force(cut_off(period)),
    )
    yield from hand_over_all(
        warehouse, [Output(EXCHANGE_CURVE, found.curve), Output(MIX_TARGET, found.targets)], period
    )


@dg.asset(
    key=asset_key(PURCHASE_RANKING),
    group_name="policy",
    deps=[
        asset_key(ORDER_PROPOSAL),
        asset_key(STOCK_POLICY),
        asset_key(LEAD_TIME_DEMAND),
        _PLANNED,
        dg.AssetKey(["parameters", "service_mix"]),
    ],
    partitions_def=PERIODS,
    owners=OWNERS,
    kinds={"python", "duckdb"},
    code_version="1",
    pool=WRITER_POOL,
    check_specs=[border_check(PURCHASE_RANKING)],
)
def purchase_ranking(
    context: dg.AssetExecutionContext, warehouse: Warehouse, parameter_store: ParameterStore
) -> Events:
    """One row per period, item, location and lot of a proposed order, ranked by what it returns for its money."""
    period = period_of(context)
    policies = warehouse.read_period(STOCK_POLICY.name, period)
    planned = planned_item_locations(warehouse, period)
    demand = warehouse.read_period(LEAD_TIME_DEMAND.name, period)
    ranked = ranked_purchases(
        warehouse.read_period(ORDER_PROPOSAL.name, period),
        policies,
        with_rows_of_stale_policies(warehouse, LEAD_TIME_DEMAND.name, demand, policies, status_codes=("stale", "held")),
        with_rows_of_stale_policies(warehouse, ".".join(_PLANNED.path), planned, policies),
        parameters=parameter_store.in_force(cut_off(period)),
    )
    yield from hand_over(warehouse, PURCHASE_RANKING, ranked, period)
