"""Tables of the schema `forecast`: scores, champions, forecasts, lead-time demand, accuracy. No models live here."""

import datetime as dt

import dagster as dg
import pandas as pd

from assets.forecast_figures import told_of_faults, told_of_lessons, told_of_origins
from assets.history import demand_history, known_demand
from assets.output import Events, Output, asset_key, border_check, code_counts, hand_over_all
from assets.planned import planned_item_locations
from orchestration.automation import OWNERS, WRITER_POOL
from orchestration.partitions import PERIODS, SETTINGS, cut_off, period_of
from orchestration.resources.forecast_code import code_version
from orchestration.resources.forecast_engine import task_map
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.series_store import SeriesStore
from orchestration.resources.warehouse import Warehouse
from stockstrata.forecasting.accuracy import naive_scales, snapshot_accuracy
from stockstrata.forecasting.run import forecast_segments
from stockstrata.panel import DemandPanel
from stockstrata.tables import (
    CHAMPION,
    DEMAND_FORECAST,
    FORECAST_ACCURACY,
    LEAD_TIME,
    LEAD_TIME_DEMAND,
    MODEL_SCORE,
    SEGMENT_ASSIGNMENT,
    Table,
)

_FROZEN = """
    select forecast.*, segment_assignment.segment_code
    from forecast.demand_forecast as forecast
    inner join segmentation.segment_assignment
        on segment_assignment.period_start_date = forecast.period_start_date
        and segment_assignment.item_id = forecast.item_id and segment_assignment.location_id = forecast.location_id
    anti join (
        select item_id, location_id from intermediate.int_item_locations__isolated where period_start_date = $period
    ) as isolated
        on forecast.item_id = isolated.item_id and forecast.location_id = isolated.location_id
    where forecast.period_start_date < $period and forecast.bucket_start_date <= $last
        -- The newest cycle's forecasts begin with the first bucket that nobody has judged yet.
        and forecast.bucket_start_date >= (
            select min(bucket_start_date) from forecast.demand_forecast
            where period_start_date = (
                select max(period_start_date) from forecast.demand_forecast where period_start_date < $period
            )
        )
    order by all
"""
_INPUTS = [
    dg.AssetKey(["intermediate", "int_demand__bucketed"]),
    dg.AssetKey(["intermediate", "int_item_locations__planned"]),
    asset_key(SEGMENT_ASSIGNMENT),
    asset_key(LEAD_TIME),
    *(dg.AssetKey(["parameters", name]) for name in ("segment_strategies", "forecast_pools", "forecast_settings")),
]
_TABLES = {
    MODEL_SCORE: "One row per period, item, location and model: its error at rolling origins.",
    CHAMPION: "One row per period, item and location: the model chosen, and why.",
    DEMAND_FORECAST: "One row per period, item, location and future bucket: expected demand and its quantiles, frozen.",
    LEAD_TIME_DEMAND: "One row per period, item and location: demand over the protection interval as a distribution.",
    FORECAST_ACCURACY: "One row per period, segment, lag and evaluation: how good forecasts were.",
}
# Accuracy judges the forecasts that earlier cycles froze, so cycles are planned in their order.
_EARLIER_FORECASTS = dg.AssetDep(
    asset_key(DEMAND_FORECAST),
    partition_mapping=dg.TimeWindowPartitionMapping(
        start_offset=-1, end_offset=-1, allow_nonexistent_upstream_partitions=True
    ),
)


def _spec(table: Table) -> dg.AssetSpec:
    return dg.AssetSpec(
        asset_key(table),
        deps=[*_INPUTS, *([_EARLIER_FORECASTS] if table is FORECAST_ACCURACY else [])],
        group_name="forecast",
        owners=OWNERS,
        kinds={"python", "duckdb"},
        code_version="3",
        description=_TABLES[table],
        partitions_def=PERIODS,
    )


@dg.multi_asset(
    name="forecast",
    specs=[_spec(table) for table in _TABLES],
    check_specs=[border_check(table) for table in _TABLES],
    pool=WRITER_POOL,
)
def forecast(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    parameter_store: ParameterStore,
    series_store: SeriesStore,
) -> Events:
    """Forecast every item-location by the pool of its segment, and judge what earlier cycles forecast."""
    period = period_of(context)
    item_locations = planned_item_locations(warehouse, period)
    panel = demand_history(warehouse, item_locations, cut_off(period))
    found = forecast_segments(
        panel,
        warehouse.read_period(SEGMENT_ASSIGNMENT.name, period),
        warehouse.read_period(LEAD_TIME.name, period),
        parameters=parameter_store.in_force(cut_off(period)),
        workers=SETTINGS.worker_count,
        code_version=code_version(),
        earlier=series_store.read(period),
        task_map=task_map(SETTINGS.company.forecast_engine),
        families=item_locations,
    )
    series_store.write(period, found.states)
    accuracy = pd.concat([found.accuracy, _judged_snapshots(warehouse, panel, period)], ignore_index=True)
    yield from hand_over_all(
        warehouse,
        [
            Output(MODEL_SCORE, found.scores, told_of_faults(found.faults) | told_of_lessons(found.lessons)),
            Output(
                CHAMPION,
                found.champions,
                {
                    "models": code_counts(found.champions["model_code"]),
                    "recomputed": told_of_origins(found.origins["origin_code"]),
                },
            ),
            Output(DEMAND_FORECAST, found.forecasts),
            Output(
                LEAD_TIME_DEMAND,
                found.lead_time_demand,
                {"methods": code_counts(found.lead_time_demand["method_code"])},
            ),
            Output(FORECAST_ACCURACY, accuracy),
        ],
        period,
    )


def _judged_snapshots(warehouse: Warehouse, panel: DemandPanel, period: dt.date) -> pd.DataFrame:
    """Accuracy of earlier cycles' forecasts for the buckets that this period completed."""
    last = panel.bucket_start_dates[-1]
    window = {"period": period, "last": last}
    return snapshot_accuracy(
        warehouse.read(_FROZEN, window),
        known_demand(warehouse, cut_off(period)),
        naive_scales(panel),
        last_bucket_date=last.date(),
    )
