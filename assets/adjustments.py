"""Tables of the schema `history`: adjustments of demand, effects of promotions, the series that forecasts learn from.

No statistics live here.
"""

import dagster as dg

from assets.history import candidate_histories, gross_history
from assets.history_reads import known_availability, known_promotions, known_returns, largest_orders
from assets.output import Events, Output, asset_key, border_check, code_counts, hand_over_all
from assets.planned import planned_item_locations
from orchestration.automation import OWNERS, WRITER_POOL
from orchestration.partitions import CYCLE_BEFORE, PERIODS, cut_off, period_of
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.warehouse import Warehouse
from stockstrata.columns import aligned, texts
from stockstrata.forecasting.signal_choice import chosen_signals, signal_choices
from stockstrata.history.explain import HistoryFacts, explain_history
from stockstrata.history.reasons import signals_of
from stockstrata.history.signal import signal_table
from stockstrata.tables import (
    DEMAND_ADJUSTMENT,
    DEMAND_SIGNAL,
    DEMAND_SIGNAL_CHOICE,
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


_CHOSEN = {
    DEMAND_SIGNAL: "One row per period, item and location: the series that its forecast learns from, and why.",
    DEMAND_SIGNAL_CHOICE: "One row per period, segment and signal: how well it foretells demand that was seen.",
}
# A segment keeps the signal of the cycle before unless it is beaten.
_EARLIER = dg.AssetDep(asset_key(DEMAND_SIGNAL_CHOICE), partition_mapping=CYCLE_BEFORE)
_EARLIER_CHOICES = f"""
    select * from {DEMAND_SIGNAL_CHOICE.name}
    where period_start_date = (
        select max(period_start_date) from {DEMAND_SIGNAL_CHOICE.name} where period_start_date < $period
    )
    order by all
"""


def _signal_spec(table: Table) -> dg.AssetSpec:
    return dg.AssetSpec(
        asset_key(table),
        deps=[
            asset_key(DEMAND_ADJUSTMENT),
            asset_key(PROMOTION_EFFECT),
            asset_key(SEGMENT_ASSIGNMENT),
            _ITEM_LOCATIONS,
            dg.AssetKey(["staging", "stg_promotions"]),
            dg.AssetKey(["parameters", "demand_signals"]),
            _EARLIER,
        ],
        group_name="history",
        owners=OWNERS,
        kinds={"python", "duckdb"},
        code_version="2",
        description=_CHOSEN[table],
        partitions_def=PERIODS,
    )


@dg.multi_asset(
    name="history__demand_signal",
    specs=[_signal_spec(table) for table in _CHOSEN],
    check_specs=[border_check(table) for table in _CHOSEN],
    pool=WRITER_POOL,
)
def demand_signal(context: dg.AssetExecutionContext, warehouse: Warehouse, parameter_store: ParameterStore) -> Events:
    """Choose the history that the forecasts of each segment learn from."""
    period = period_of(context)
    item_locations = planned_item_locations(warehouse, period)
    parameters = parameter_store.in_force(cut_off(period))
    panel = gross_history(warehouse, item_locations, cut_off(period))
    segments = aligned(
        warehouse.read_period(SEGMENT_ASSIGNMENT.name, period), panel.keys, table=SEGMENT_ASSIGNMENT.name
    )
    adjustments = warehouse.read_period(DEMAND_ADJUSTMENT.name, period)
    segment_code = texts(segments, "segment_code")
    histories = candidate_histories(warehouse, item_locations, period, segment_code, parameters)
    choices = signal_choices(
        histories,
        segment_code.to_numpy(dtype=object),
        signals_of(segment_code.tolist(), parameters),
        earlier=warehouse.read(_EARLIER_CHOICES, {"period": period}),
    )
    chosen, reasons = chosen_signals(choices)
    signals = signal_table(panel, adjustments, segment_code, parameters=parameters, chosen=chosen, reasons=reasons)
    outputs = [
        # Dagster wants what the next cycle reads before the rest.
        Output(DEMAND_SIGNAL_CHOICE, choices, {"reasons": code_counts(choices["reason_code"])}),
        Output(DEMAND_SIGNAL, signals, {"signals": code_counts(signals["signal_code"])}),
    ]
    yield from hand_over_all(warehouse, outputs, period)
