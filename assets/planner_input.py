"""Reading what people, streams and the cycle before say about the forecasts of a cycle."""

import datetime as dt

import pandas as pd

from orchestration.partitions import cut_off
from orchestration.resources.warehouse import Warehouse
from stockstrata.costs import item_costs
from stockstrata.parameters import PlanningParameters
from stockstrata.tracking.decisions import PlannerInput

_OVERRIDES = """
    select * exclude (period_start_date) from intermediate.int_forecast_overrides__known
    where period_start_date = $period order by override_id
"""
_PUBLISHED = """
    select * exclude (period_start_date, published_at) from intermediate.int_forecast_streams__known
    where period_start_date = $period order by all
"""
# Each bucket counts once a stream: as the newest cycle before it was told.
_JUDGED_STREAMS = """
    with actuals as (
        select item_id, location_id, bucket_start_date, sum(demand_qty) as demand_qty
        from intermediate.int_demand__bucketed
        where known_from_at < $cut_off and known_to_at >= $cut_off and period_start_date < $cut_off
        group by all
    ),
    streams as (
        select * from forecast.forecast_stream
        where period_start_date < $period and bucket_start_date <= $last and bucket_start_date > $first
        qualify row_number() over (
            partition by item_id, location_id, bucket_start_date, stream_code order by period_start_date desc
        ) = 1
    )
    select
        streams.segment_code,
        streams.stream_code,
        streams.stream_qty,
        statistical.stream_qty as statistical_qty,
        greatest(coalesce(actuals.demand_qty, 0), 0) as actual_qty
    from streams
    inner join forecast.forecast_stream as statistical
        using (period_start_date, item_id, location_id, bucket_start_date)
    left join actuals using (item_id, location_id, bucket_start_date)
    where
        statistical.stream_code = 'statistical'
        and not exists (
            -- A bucket whose stock ran out shows sales, not demand: it judges nobody.
            select 1 from history.demand_adjustment as adjustments
            where
                adjustments.period_start_date = $period
                and adjustments.reason_code = 'stockout_lost_sales'
                and adjustments.item_id = streams.item_id
                and adjustments.location_id = streams.location_id
                and adjustments.bucket_start_date = streams.bucket_start_date
        )
    order by all
"""
EARLIER_CYCLE = "(select max(period_start_date) from forecast.final_forecast where period_start_date < $period)"
_EARLIER_PLAN = f"""
    select item_id, location_id, bucket_start_date, smoothed_qty from forecast.final_forecast
    where period_start_date = {EARLIER_CYCLE} order by all
"""


def planner_input(
    warehouse: Warehouse,
    period: dt.date,
    item_locations: pd.DataFrame,
    segments: pd.DataFrame,
    buckets: pd.DatetimeIndex,
    *,
    parameters: PlanningParameters,
) -> PlannerInput:
    """What is said about the forecasts of a cycle, as known at its cut-off.

    Args:
        warehouse: where it stands.
        period: first day of the period.
        item_locations: what the cycle plans.
        segments: SEGMENT_ASSIGNMENT of the period.
        buckets: buckets of the demand history; streams are judged over the newest of them.
        parameters: parameters in force.
    """
    window = {
        "period": period,
        "cut_off": cut_off(period),
        "last": buckets[-1],
        "first": buckets[-1] - parameters.settings.tracking_window_buckets * (buckets.freq or pd.Timedelta(days=7)),
    }
    return PlannerInput(
        cut_off_date=cut_off(period),
        overrides=warehouse.read(_OVERRIDES, {"period": period}),
        published=warehouse.read(_PUBLISHED, {"period": period}),
        judged_streams=warehouse.read(_JUDGED_STREAMS, window),
        earlier_plan=warehouse.read(_EARLIER_PLAN, {"period": period}),
        unit_costs=unit_costs(item_locations, segments, parameters=parameters),
    )


def unit_costs(item_locations: pd.DataFrame, segments: pd.DataFrame, *, parameters: PlanningParameters) -> pd.DataFrame:
    """Unit cost of what is planned: `item_id, location_id, unit_cost_amount`, currency per unit."""
    keys = ["item_id", "location_id"]
    codes = item_locations[keys].merge(segments[[*keys, "segment_code"]], on=keys, how="left")["segment_code"]
    costs = item_costs(item_locations, parameters=parameters, segment_code=codes)
    return item_locations[keys].reset_index(drop=True).assign(unit_cost_amount=costs["unit_cost_amount"])
