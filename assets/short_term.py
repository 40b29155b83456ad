"""Table `forecast.short_term_forecast`: the first buckets ahead, sensed and netted against the order book."""

import datetime as dt

import dagster as dg
import pandas as pd

from assets.history import history_to_learn
from assets.output import Events, asset_key, border_check, hand_over
from assets.planned import planned_item_locations
from orchestration.automation import OWNERS, WRITER_POOL
from orchestration.partitions import PERIODS, SETTINGS, cut_off, period_of
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.warehouse import Warehouse
from stockstrata.forecasting.run import LEAST_FORECAST_BUCKETS
from stockstrata.forecasting.short_term import short_term_forecast
from stockstrata.tables import DEMAND_FORECAST, DEMAND_SIGNAL, SEGMENT_ASSIGNMENT, SENSING_CHOICE, SHORT_TERM_FORECAST

# A line is due when the customer wants it. What was shipped before the cut-off is no longer open; a line that says
# neither when it is due nor when it left is closed once its day is past.
_ORDERS = """
    with lines as (
        select
            item_id,
            location_id,
            coalesce(requested_date, promised_date, demand_date) as due_date,
            demand_qty,
            (shipped_date is null or shipped_date >= $cut_off)
            and (coalesce(requested_date, promised_date) is not null or demand_date >= $cut_off) as is_open
        from staging.stg_demand
        where known_from_at < $cut_off and known_to_at >= $cut_off and demand_qty > 0
    )
    select
        item_id,
        location_id,
        cast(date_trunc('{bucket}', due_date) as date) as bucket_start_date,
        cast(sum(cast(demand_qty as decimal(38, 9))) as double) as order_qty,
        cast(coalesce(sum(cast(demand_qty as decimal(38, 9))) filter (where is_open), 0) as double) as open_order_qty
    from lines
    where due_date >= $first
    group by all
    order by all
"""


@dg.asset(
    key=asset_key(SHORT_TERM_FORECAST),
    group_name="forecast",
    deps=[
        asset_key(DEMAND_FORECAST),
        asset_key(SENSING_CHOICE),
        asset_key(SEGMENT_ASSIGNMENT),
        asset_key(DEMAND_SIGNAL),
        dg.AssetKey(["staging", "stg_demand"]),
        dg.AssetKey(["intermediate", "int_demand__bucketed"]),
        dg.AssetKey(["intermediate", "int_item_locations__planned"]),
        dg.AssetKey(["parameters", "short_term_settings"]),
    ],
    partitions_def=PERIODS,
    owners=OWNERS,
    kinds={"python", "duckdb"},
    code_version="2",
    pool=WRITER_POOL,
    check_specs=[border_check(SHORT_TERM_FORECAST)],
)
def short_term(context: dg.AssetExecutionContext, warehouse: Warehouse, parameter_store: ParameterStore) -> Events:
    """One row per period, item, location and near bucket: forecast sensed, consumed by orders, and what is left."""
    period = period_of(context)
    forecasts = warehouse.read_period(DEMAND_FORECAST.name, period)
    parameters = parameter_store.in_force(cut_off(period))
    # Sensed is what the forecast learnt from: sales of an empty shelf are no news of demand.
    learnt = history_to_learn(warehouse, planned_item_locations(warehouse, period), period, parameters, ahead=1)
    frame = short_term_forecast(
        forecasts,
        _known_orders(warehouse, forecasts["bucket_start_date"].min(), cut_off(period)),
        learnt.newest_demand,
        warehouse.read_period(SEGMENT_ASSIGNMENT.name, period),
        warehouse.read_period(SENSING_CHOICE.name, period),
        parameters=parameters,
        bucket_count=LEAST_FORECAST_BUCKETS[12 if SETTINGS.company.bucket_type == "month" else 52],
    )
    figures = {
        "open_order_qty": float(frame["open_order_qty"].sum()),
        "consumed_qty": float(frame["consumed_qty"].sum()),
        "sensed_rows": int(frame["is_sensing_on"].sum()),
    }
    yield from hand_over(warehouse, SHORT_TERM_FORECAST, frame, period, figures)


def _known_orders(warehouse: Warehouse, first_bucket: dt.date, cut_off_date: dt.date) -> pd.DataFrame:
    """Orders due from the first forecast bucket on, as known at the cut-off."""
    window = {"cut_off": cut_off_date, "first": pd.Timestamp(first_bucket).date()}
    return warehouse.read(_ORDERS.format(bucket=SETTINGS.company.bucket_type), window)
