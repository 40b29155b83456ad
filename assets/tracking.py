"""Tables of the schema `forecast` about what became of forecasts: judged buckets, tracking, exceptions. No measures."""

import dagster as dg
import pandas as pd

from assets.history import censored_buckets, demand_history, known_demand
from assets.output import Events, asset_key, border_check, code_counts, hand_over
from assets.planned import planned_item_locations
from assets.planner_input import EARLIER_CYCLE, unit_costs
from orchestration.automation import OWNERS, WRITER_POOL
from orchestration.partitions import CYCLE_BEFORE, PERIODS, SETTINGS, cut_off, period_of
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.warehouse import Warehouse
from stockstrata.tables import (
    CHAMPION,
    FINAL_FORECAST,
    FORECAST_EXCEPTION,
    FORECAST_TRACKING,
    JUDGED_FORECAST,
    LEAD_TIME_DEMAND,
    OVERRIDE_EFFECT,
    SEGMENT_ASSIGNMENT,
)
from stockstrata.tracking.exceptions import forecast_exceptions
from stockstrata.tracking.judged import judged_forecasts
from stockstrata.tracking.measures import Findings
from stockstrata.tracking.signals import forecast_tracking

# What an earlier cycle forecast for the buckets from the first that nobody has judged yet.
_FROZEN = f"""
    select final.* exclude (period_start_date), final.period_start_date as made_period_start_date,
        quantiles.p10_qty, quantiles.p50_qty, quantiles.p90_qty, quantiles.p95_qty
    from forecast.final_forecast as final
    inner join forecast.demand_forecast as quantiles
        using (period_start_date, item_id, location_id, bucket_start_date)
    where final.period_start_date < $period and final.bucket_start_date <= $last
        and final.bucket_start_date >= (
            select min(bucket_start_date) from forecast.final_forecast where period_start_date = {EARLIER_CYCLE}
        )
    order by all
"""
# The newest forecast made before each bucket, as it was judged when the bucket was complete.
_NEWEST = f"""
    select * exclude (parameters_version, run_id, computed_at) from forecast.judged_forecast
    where period_start_date <= $period and bucket_start_date > (
        select max(bucket_start_date) from forecast.judged_forecast where period_start_date <= $period
    ) - to_{"months" if SETTINGS.company.bucket_type == "month" else "weeks"}($buckets)
    qualify row_number() over (
        partition by item_id, location_id, bucket_start_date order by made_period_start_date desc
    ) = 1
    order by item_id, location_id, bucket_start_date
"""
_COMPLETED = """
    select item_id, location_id, actual_qty, final_qty, p10_qty, p50_qty, p90_qty, p95_qty from forecast.judged_forecast
    where period_start_date = $period
    qualify row_number() over (
        partition by item_id, location_id, bucket_start_date order by made_period_start_date desc
    ) = 1
    order by item_id, location_id, bucket_start_date
"""
_PLANS = f"""
    select item_id, location_id, final.final_qty as plan_qty, earlier.final_qty as previous_plan_qty
    from forecast.final_forecast as final
    inner join forecast.final_forecast as earlier using (item_id, location_id, bucket_start_date)
    where final.period_start_date = $period and earlier.period_start_date = {EARLIER_CYCLE}
    order by item_id, location_id, bucket_start_date
"""
_EARLIER_EXCEPTIONS = f"""
    select item_id, location_id, rule_code from forecast.forecast_exception
    where period_start_date = {EARLIER_CYCLE} order by all
"""


@dg.asset(
    key=asset_key(JUDGED_FORECAST),
    group_name="forecast",
    deps=[
        dg.AssetKey(["intermediate", "int_demand__bucketed"]),
        dg.AssetKey(["intermediate", "int_item_locations__planned"]),
        dg.AssetKey(["history", "demand_adjustment"]),
        dg.AssetDep(asset_key(FINAL_FORECAST), partition_mapping=CYCLE_BEFORE),
    ],
    partitions_def=PERIODS,
    owners=OWNERS,
    kinds={"python", "duckdb"},
    code_version="1",
    pool=WRITER_POOL,
    check_specs=[border_check(JUDGED_FORECAST)],
)
def judged_forecast(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Events:
    """One row per period, earlier cycle, item, location and bucket completed: each step's forecast, and what came."""
    period = period_of(context)
    panel = demand_history(warehouse, planned_item_locations(warehouse, period), cut_off(period))
    last = panel.bucket_start_dates[-1].date()
    judged = judged_forecasts(
        warehouse.read(_FROZEN, {"period": period, "last": last}),
        known_demand(warehouse, cut_off(period)),
        panel,
        last_bucket_date=last,
        unjudged=censored_buckets(warehouse, period),
    )
    yield from hand_over(warehouse, JUDGED_FORECAST, judged, period)


@dg.asset(
    key=asset_key(FORECAST_TRACKING),
    group_name="forecast",
    deps=[
        asset_key(JUDGED_FORECAST),
        asset_key(FINAL_FORECAST),
        asset_key(SEGMENT_ASSIGNMENT),
        dg.AssetKey(["parameters", "planning_settings"]),
        dg.AssetKey(["parameters", "segment_strategies"]),
    ],
    partitions_def=PERIODS,
    owners=OWNERS,
    kinds={"python", "duckdb"},
    code_version="1",
    pool=WRITER_POOL,
    check_specs=[border_check(FORECAST_TRACKING)],
)
def tracking(context: dg.AssetExecutionContext, warehouse: Warehouse, parameter_store: ParameterStore) -> Events:
    """One row per period, item and location: error and bias of its forecasts, and how far the plan has moved."""
    period = period_of(context)
    parameters = parameter_store.in_force(cut_off(period))
    settings = parameters.settings
    tracked = forecast_tracking(
        warehouse.read(_NEWEST, {"period": period, "buckets": settings.tracking_window_buckets}),
        warehouse.read(_PLANS, {"period": period}),
        _of_planned(warehouse.read_period(SEGMENT_ASSIGNMENT.name, period), planned_item_locations(warehouse, period)),
        owners={row.segment_code: row.owner for row in parameters.segment_strategies},
        settings=settings,
    )
    yield from hand_over(
        warehouse, FORECAST_TRACKING, tracked, period, {"biased_item_locations": int(tracked["is_biased"].sum())}
    )


@dg.asset(
    key=asset_key(FORECAST_EXCEPTION),
    group_name="forecast",
    deps=[
        *map(asset_key, (FORECAST_TRACKING, CHAMPION, LEAD_TIME_DEMAND, FINAL_FORECAST, OVERRIDE_EFFECT)),
        dg.AssetKey(["intermediate", "int_item_locations__planned"]),
        *(
            dg.AssetKey(["parameters", name])
            for name in ("exception_rules", "exception_capacity", "segment_strategies", "cost_rates")
        ),
    ],
    partitions_def=PERIODS,
    owners=OWNERS,
    kinds={"python", "duckdb"},
    code_version="1",
    pool=WRITER_POOL,
    check_specs=[border_check(FORECAST_EXCEPTION)],
)
def exceptions(context: dg.AssetExecutionContext, warehouse: Warehouse, parameter_store: ParameterStore) -> Events:
    """One row per period, item, location and rule: what stands out, the money at stake, and whether it is listed."""
    period = period_of(context)
    parameters = parameter_store.in_force(cut_off(period))
    planned = planned_item_locations(warehouse, period)
    found = Findings(
        tracking=_of_planned(warehouse.read_period(FORECAST_TRACKING.name, period), planned),
        unit_costs=unit_costs(planned, warehouse.read_period(SEGMENT_ASSIGNMENT.name, period), parameters=parameters),
        newest=warehouse.read(_COMPLETED, {"period": period}),
        champions=warehouse.read_period(CHAMPION.name, period),
        lead_time_demand=warehouse.read_period(LEAD_TIME_DEMAND.name, period),
        final=warehouse.read_period(FINAL_FORECAST.name, period),
        effects=warehouse.read_period(OVERRIDE_EFFECT.name, period),
    )
    raised = forecast_exceptions(found, warehouse.read(_EARLIER_EXCEPTIONS, {"period": period}), parameters=parameters)
    figures = {
        "rules": code_counts(raised["rule_code"]),
        "listed": int(raised["is_listed"].sum()),
        "new": int(raised["is_new"].sum()),
    }
    yield from hand_over(warehouse, FORECAST_EXCEPTION, raised, period, figures)


def _of_planned(rows: pd.DataFrame, planned: pd.DataFrame) -> pd.DataFrame:
    """Without what a step of the cycle left out since."""
    return rows.merge(planned[["item_id", "location_id"]], on=["item_id", "location_id"])
