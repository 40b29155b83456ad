"""Table `segmentation.segment_assignment`: one row per period, item and location. No statistics live here."""

import dagster as dg

from assets.history import default_history
from assets.output import Events, asset_key, border_check, code_counts, hand_over
from assets.planned import planned_item_locations
from orchestration.automation import OWNERS, WRITER_POOL
from orchestration.partitions import PERIODS, cut_off, period_of
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.warehouse import Warehouse
from stockstrata.segmentation.assignment import segment_item_locations
from stockstrata.tables import DEMAND_ADJUSTMENT, SEGMENT_ASSIGNMENT


@dg.asset(
    key=asset_key(SEGMENT_ASSIGNMENT),
    group_name="segmentation",
    deps=[
        dg.AssetKey(["intermediate", "int_demand__bucketed"]),
        dg.AssetKey(["intermediate", "int_item_locations__planned"]),
        asset_key(DEMAND_ADJUSTMENT),
        dg.AssetKey(["parameters", "demand_signals"]),
        dg.AssetKey(["parameters", "planning_settings"]),
        dg.AssetKey(["parameters", "segment_rules"]),
    ],
    partitions_def=PERIODS,
    owners=OWNERS,
    kinds={"python", "duckdb"},
    code_version="2",
    pool=WRITER_POOL,
    check_specs=[border_check(SEGMENT_ASSIGNMENT)],
)
def segment_assignment(
    context: dg.AssetExecutionContext, warehouse: Warehouse, parameter_store: ParameterStore
) -> Events:
    """One row per period, item and location: its classes, the figures behind them and its segment."""
    period = period_of(context)
    item_locations = planned_item_locations(warehouse, period)
    parameters = parameter_store.in_force(cut_off(period))
    assigned = segment_item_locations(
        default_history(warehouse, item_locations, period, parameters),
        item_locations,
        parameters=parameters,
        cut_off_date=cut_off(period),
    )
    yield from hand_over(
        warehouse,
        SEGMENT_ASSIGNMENT,
        assigned,
        period,
        {"segments": code_counts(assigned["segment_code"]), "patterns": code_counts(assigned["pattern_code"])},
    )
