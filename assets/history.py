"""Tables of the schema `history`: adjustments of demand, effects of promotions, the series that forecasts learn from.

The history of a cycle is read here for all steps that need it. No statistics live here.
"""

import datetime as dt

import dagster as dg
import pandas as pd

from assets.history_reads import (
    known_availability,
    known_demand,
    known_promotions,
    known_returns,
    largest_orders,
    newest_demand_date,
)
from assets.output import Events, Output, asset_key, border_check, code_counts, hand_over, hand_over_all
from assets.planned import planned_item_locations
from orchestration.automation import OWNERS, WRITER_POOL
from orchestration.partitions import PERIODS, SETTINGS, cut_off, period_of
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.warehouse import Warehouse
from stockstrata.columns import aligned, texts
from stockstrata.errors import PlanningError
from stockstrata.history.explain import HistoryFacts, explain_history
from stockstrata.history.signal import LearntHistory, learnt_history, signal_table
from stockstrata.panel import DemandPanel, demand_panel
from stockstrata.parameters import PlanningParameters
from stockstrata.periods import BUCKET_FREQUENCY, fact_end, last_complete_bucket
from stockstrata.tables import (
    DEMAND_ADJUSTMENT,
    DEMAND_SIGNAL,
    PROMOTION_EFFECT,
    SEGMENT_ASSIGNMENT,
    Table,
)

_ITEM_LOCATIONS = dg.AssetKey(["intermediate", "int_item_locations__planned"])
_EXPLAINED = {
    DEMAND_ADJUSTMENT: "One row per period, item, location, bucket and reason: what is added to or taken from demand.",
    PROMOTION_EFFECT: "One row per period, item and location with promotions: expected uplift and dip.",
}


def _spec(table: Table) -> dg.AssetSpec:
    return dg.AssetSpec(
        asset_key(table),
        deps=[
            dg.AssetKey(["intermediate", "int_demand__bucketed"]),
            _ITEM_LOCATIONS,
            *(dg.AssetKey(["staging", name]) for name in ("stg_demand", "stg_stock", "stg_promotions")),
            dg.AssetKey(["parameters", "planning_settings"]),
        ],
        group_name="history",
        owners=OWNERS,
        kinds={"python", "duckdb"},
        code_version="1",
        description=_EXPLAINED[table],
        partitions_def=PERIODS,
    )


@dg.multi_asset(
    name="history",
    specs=[_spec(table) for table in _EXPLAINED],
    check_specs=[border_check(table) for table in _EXPLAINED],
    pool=WRITER_POOL,
)
def history(context: dg.AssetExecutionContext, warehouse: Warehouse, parameter_store: ParameterStore) -> Events:
    """Explain the demand history of every item-location before anything is planned on it."""
    period = period_of(context)
    known_at = cut_off(period)
    item_locations = planned_item_locations(warehouse, period)
    panel = gross_history(warehouse, item_locations, known_at)
    planned = aligned(item_locations, panel.keys, table=_ITEM_LOCATIONS.path[-1])
    found = explain_history(
        HistoryFacts(
            panel=panel,
            families=texts(planned, "family"),
            returns=known_returns(warehouse, known_at),
            availability=known_availability(warehouse, known_at),
            promotions=known_promotions(warehouse, known_at, period),
            orders_of=largest_orders(warehouse, known_at),
        ),
        settings=parameter_store.in_force(known_at).settings,
    )
    figures = {
        "reasons": code_counts(found.adjustments["reason_code"]),
        "methods": code_counts(found.adjustments["method_code"]),
        "is_demand_recorded_while_out_of_stock": found.is_recorded_while_out,
    }
    outputs = [
        Output(DEMAND_ADJUSTMENT, found.adjustments, figures),
        Output(PROMOTION_EFFECT, found.effects, {"pools": code_counts(found.effects["pool_code"])}),
    ]
    yield from hand_over_all(warehouse, outputs, period)


@dg.asset(
    key=asset_key(DEMAND_SIGNAL),
    group_name="history",
    deps=[
        asset_key(DEMAND_ADJUSTMENT),
        asset_key(SEGMENT_ASSIGNMENT),
        _ITEM_LOCATIONS,
        dg.AssetKey(["parameters", "demand_signals"]),
    ],
    partitions_def=PERIODS,
    owners=OWNERS,
    kinds={"python", "duckdb"},
    code_version="1",
    pool=WRITER_POOL,
    check_specs=[border_check(DEMAND_SIGNAL)],
)
def demand_signal(context: dg.AssetExecutionContext, warehouse: Warehouse, parameter_store: ParameterStore) -> Events:
    """One row per period, item and location: the series that its forecast learns from, as its segment asks for."""
    period = period_of(context)
    panel = gross_history(warehouse, planned_item_locations(warehouse, period), cut_off(period))
    segments = aligned(
        warehouse.read_period(SEGMENT_ASSIGNMENT.name, period), panel.keys, table=SEGMENT_ASSIGNMENT.name
    )
    signals = signal_table(
        panel,
        warehouse.read_period(DEMAND_ADJUSTMENT.name, period),
        texts(segments, "segment_code"),
        parameters=parameter_store.in_force(cut_off(period)),
    )
    yield from hand_over(warehouse, DEMAND_SIGNAL, signals, period, {"signals": code_counts(signals["signal_code"])})


def gross_history(warehouse: Warehouse, item_locations: pd.DataFrame, cut_off_date: dt.date) -> DemandPanel:
    """`demand_history` before returns."""
    return _panel(warehouse, item_locations, cut_off_date, "gross_demand_qty")


def demand_history(warehouse: Warehouse, item_locations: pd.DataFrame, cut_off_date: dt.date) -> DemandPanel:
    """The complete buckets of all planned item-locations after returns, as known at the cut-off.

    A feed that ends before the cut-off says nothing of the days after: they are left out, not read as zero demand.

    Raises:
        PlanningError: if no complete bucket of demand lies before the cut-off.
    """
    return _panel(warehouse, item_locations, cut_off_date, "demand_qty")


def default_history(
    warehouse: Warehouse, item_locations: pd.DataFrame, period: dt.date, parameters: PlanningParameters
) -> DemandPanel:
    """The history by the company's default signal: what segments are told by, before anybody knows the segment."""
    panel = gross_history(warehouse, item_locations, cut_off(period))
    adjustments = warehouse.read_period(DEMAND_ADJUSTMENT.name, period)
    everyone = pd.Series("*", index=panel.keys.index)
    return learnt_history(panel, adjustments, signal_table(panel, adjustments, everyone, parameters=parameters)).panel


def history_to_learn(
    warehouse: Warehouse, item_locations: pd.DataFrame, period: dt.date, parameters: PlanningParameters, *, ahead: int
) -> LearntHistory:
    """The history that forecasts learn from, with promotions past and `ahead` buckets to come."""
    return learnt_history(
        gross_history(warehouse, item_locations, cut_off(period)),
        warehouse.read_period(DEMAND_ADJUSTMENT.name, period),
        warehouse.read_period(DEMAND_SIGNAL.name, period),
        promotions=known_promotions(warehouse, cut_off(period), period),
        effects=warehouse.read_period(PROMOTION_EFFECT.name, period),
        dip_days=parameters.settings.promotion_dip_days,
        ahead=ahead,
    )


def censored_buckets(warehouse: Warehouse, period: dt.date) -> pd.DataFrame:
    """Buckets whose demand nobody saw because stock ran out: `item_id, location_id, bucket_start_date`."""
    adjustments = warehouse.read_period(DEMAND_ADJUSTMENT.name, period)
    is_censored = adjustments["reason_code"] == "stockout_lost_sales"
    return adjustments.loc[is_censored, ["item_id", "location_id", "bucket_start_date"]]


def _panel(warehouse: Warehouse, item_locations: pd.DataFrame, cut_off_date: dt.date, measure: str) -> DemandPanel:
    bucket_type = SETTINGS.company.bucket_type
    demand = known_demand(warehouse, cut_off_date)
    newest = newest_demand_date(warehouse, cut_off_date)
    covered = cut_off_date if newest is None else min(cut_off_date, fact_end(newest, SETTINGS.company.grain))
    last = last_complete_bucket(covered, bucket_type)
    demand = demand[demand["bucket_start_date"] <= last]
    if demand.empty:
        raise PlanningError(
            f"No complete {bucket_type} of demand is known before {cut_off_date}; plan a later period, or bring "
            "earlier demand."
        )
    return demand_panel(
        demand.assign(demand_qty=demand[measure]),
        item_locations=item_locations[["item_id", "location_id", "start_date"]],
        first_bucket_date=demand["bucket_start_date"].min(),
        last_bucket_date=last,
        bucket_days=BUCKET_FREQUENCY[bucket_type],
    )
