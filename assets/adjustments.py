"""Tables of the schema `history`: adjustments of demand, effects of promotions, the series that forecasts learn from.

No statistics live here.
"""

import dagster as dg

from assets.history import gross_history
from assets.history_reads import known_availability, known_promotions, known_returns, largest_orders
from assets.output import Events, Output, asset_key, border_check, code_counts, hand_over, hand_over_all
from assets.planned import planned_item_locations
from orchestration.automation import OWNERS, WRITER_POOL
from orchestration.partitions import PERIODS, cut_off, period_of
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.warehouse import Warehouse
from stockstrata.columns import aligned, texts
from stockstrata.history.explain import HistoryFacts, explain_history
from stockstrata.history.signal import signal_table
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
