"""Tables of the schema `forecast`: scores, champions, forecasts, lead-time demand, accuracy. No models live here."""

import os

import dagster as dg

from assets.history import demand_history, known_demand
from assets.output import Events, asset_key, border_check, code_counts, hand_over
from orchestration.automation import OWNERS, WRITER_POOL
from orchestration.partitions import PERIODS, cut_off, period_of
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.warehouse import Warehouse
from stockstrata.forecasting.run import forecast_segments
from stockstrata.tables import (
    CHAMPION,
    DEMAND_FORECAST,
    FORECAST_ACCURACY,
    LEAD_TIME,
    LEAD_TIME_DEMAND,
    MODEL_SCORE,
    SEGMENT_ASSIGNMENT,
)

_FROZEN = """
    select forecast.period_start_date, forecast.item_id, forecast.location_id, segment_assignment.segment_code,
        forecast.bucket_start_date, forecast.horizon_bucket, forecast.mean_qty, forecast.p50_qty, forecast.p90_qty,
        forecast.p95_qty
    from forecast.demand_forecast as forecast
    inner join segmentation.segment_assignment
        on segment_assignment.period_start_date = forecast.period_start_date
        and segment_assignment.item_id = forecast.item_id and segment_assignment.location_id = forecast.location_id
    where forecast.period_start_date < $period and forecast.bucket_start_date > $before
        and forecast.bucket_start_date <= $last
    order by all
"""


def _spec(table: Table, deps: list[dg.AssetKey], description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        asset_key(table),
        deps=deps,
        group_name="forecast",
        owners=OWNERS,
        kinds={"python", "duckdb"},
        code_version="1",
        description=description,
        partitions_def=PERIODS,
    )
