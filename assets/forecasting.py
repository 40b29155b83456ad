"""Tables of the schema `forecast`: scores, champions, forecasts, lead-time demand, accuracy. No models live here."""

import datetime as dt

import dagster as dg
import pandas as pd

from assets.day_reads import days_to_learn
from assets.earlier_champions import earlier_champions
from assets.forecast_figures import told_of_faults, told_of_lessons, told_of_origins, told_of_tournaments
from assets.history import censored_buckets, demand_history, history_to_learn, item_location_groups
from assets.history_reads import known_demand
from assets.output import Events, Output, asset_key, border_check, code_counts, hand_over_all
from assets.planned import planned_item_locations
from assets.planner_input import planner_input
from orchestration.automation import OWNERS, WRITER_POOL
from orchestration.partitions import CYCLE_BEFORE, PERIODS, SETTINGS, cut_off, period_of
from orchestration.resources.forecast_code import code_version
from orchestration.resources.forecast_engine import task_map
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.series_store import SeriesStore
from orchestration.resources.warehouse import Warehouse
from stockstrata.forecasting.accuracy import naive_scales, snapshot_accuracy
from stockstrata.forecasting.run import ForecastResult, buckets_ahead, forecast_segments
from stockstrata.panel import DemandPanel
from stockstrata.service_targets import PERIOD_DAYS, review_periods
from stockstrata.tables import (
    CHAMPION,
    CHAMPION_BACKTEST,
    CHAMPION_BACKTEST_LAG,
    CHAMPION_REGISTER,
    DAILY_FORECAST,
    DEMAND_FORECAST,
    DEMAND_SIGNAL,
    FINAL_FORECAST,
    FORECAST_ACCURACY,
    FORECAST_STREAM,
    HIERARCHY_CHOICE,
    HIERARCHY_FORECAST,
    INTERVAL_METHOD,
    LEAD_TIME,
    LEAD_TIME_DEMAND,
    MODEL_SCORE,
    NEW_PRODUCT_ANALOG,
    NEW_PRODUCT_FORECAST,
    OVERRIDE_EFFECT,
    PROMOTION_EFFECT,
    SEGMENT_ASSIGNMENT,
    SENSING_CHOICE,
    STREAM_WEIGHT,
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
_PARAMETERS = (
    "segment_strategies", "service_targets", "cost_rates", "forecast_pools", "forecast_settings", "interval_methods",
    "new_product_settings", "forecast_rules", "hierarchy_settings", "short_term_settings",
)  # fmt: skip
_INPUTS = [
    dg.AssetKey(["intermediate", "int_demand__bucketed"]),
    dg.AssetKey(["intermediate", "int_item_locations__planned"]),
    asset_key(SEGMENT_ASSIGNMENT),
    asset_key(LEAD_TIME),
    asset_key(DEMAND_SIGNAL),
    asset_key(PROMOTION_EFFECT),
    dg.AssetKey(["intermediate", "int_forecast_overrides__known"]),
    dg.AssetKey(["intermediate", "int_forecast_streams__known"]),
    dg.AssetKey(["staging", "stg_demand"]),
    dg.AssetKey(["staging", "stg_locations"]),
    *(dg.AssetKey(["parameters", name]) for name in _PARAMETERS),
]
_TABLES = {
    MODEL_SCORE: "One row per period, item, location with a tournament and model: its error at rolling origins.",
    CHAMPION: "One row per period, item and location: the model chosen, and why.",
    CHAMPION_REGISTER: "One row per period, item and location: champion, challenger, and what was decided why.",
    CHAMPION_BACKTEST: "One row per period, item and location with a tournament: what the champion's back-test found.",
    CHAMPION_BACKTEST_LAG: "One row per period, item, location with a tournament and lag: the champion's errors.",
    DEMAND_FORECAST: "One row per period, item, location and future bucket: expected demand and its quantiles, frozen.",
    DAILY_FORECAST: "One row per period, item, location planned by the day and future day: expected demand.",
    FINAL_FORECAST: "One row per period, item, location and future bucket: every step from naive to final forecast.",
    OVERRIDE_EFFECT: "One row per period and override: what it would change, and whether it is in force.",
    FORECAST_STREAM: "One row per period, item, location, future bucket and stream: what it expects, and its weight.",
    STREAM_WEIGHT: "One row per period, segment and stream: how good it was, and the weight that this gives it.",
    LEAD_TIME_DEMAND: "One row per period, item and location: demand over the protection interval as a distribution.",
    INTERVAL_METHOD: "One row per period, segment and way to a distribution: how it fared, and which one is taken.",
    HIERARCHY_FORECAST: "One row per period, level, node and near bucket: forecasts of all levels that agree.",
    HIERARCHY_CHOICE: "One row per period, level, segment and method: its error, and which one makes the levels agree.",
    SENSING_CHOICE: "One row per period and segment: how far the newest demand revises the first buckets ahead.",
    FORECAST_ACCURACY: "One row per period, segment, lag and evaluation: how good forecasts were.",
    NEW_PRODUCT_FORECAST: "One row per period, item and location that is new: level by its analogs and by own sales.",
    NEW_PRODUCT_ANALOG: "One row per period, new item and location, and analog: its weight, and what they share.",
}
# Accuracy judges the forecasts that earlier cycles froze, weights of streams rest on what was frozen, a limit on
# plan-to-plan change starts from the plan before, and a champion is that of the cycle before until a challenger beats
# it. So cycles are planned in their order.
_EARLIER = {
    FORECAST_ACCURACY: [DEMAND_FORECAST],
    CHAMPION_REGISTER: [CHAMPION_REGISTER, CHAMPION_BACKTEST, CHAMPION_BACKTEST_LAG],
    INTERVAL_METHOD: [INTERVAL_METHOD],
    FINAL_FORECAST: [DEMAND_FORECAST],
    FORECAST_STREAM: [DEMAND_FORECAST],
    STREAM_WEIGHT: [DEMAND_FORECAST],
    SENSING_CHOICE: [SENSING_CHOICE],
    HIERARCHY_CHOICE: [HIERARCHY_CHOICE],
    NEW_PRODUCT_FORECAST: [NEW_PRODUCT_FORECAST],
}


def _spec(table: Table) -> dg.AssetSpec:
    return dg.AssetSpec(
        asset_key(table),
        deps=[
            *_INPUTS,
            *(dg.AssetDep(asset_key(read), partition_mapping=CYCLE_BEFORE) for read in _EARLIER.get(table, [])),
        ],
        group_name="forecast",
        owners=OWNERS,
        kinds={"python", "duckdb"},
        code_version="4",
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
    assignment = warehouse.read_period(SEGMENT_ASSIGNMENT.name, period)
    parameters = parameter_store.in_force(cut_off(period))
    lead_times = warehouse.read_period(LEAD_TIME.name, period)
    cycle_days = PERIOD_DAYS[SETTINGS.company.period_type]
    ahead = buckets_ahead(panel, lead_times, parameters, cycle_days=cycle_days)
    planner = planner_input(
        warehouse, period, item_locations, assignment, panel.bucket_start_dates, parameters=parameters
    )
    found = forecast_segments(
        panel,
        assignment,
        lead_times,
        parameters=parameters,
        workers=SETTINGS.worker_count,
        code_version=code_version(),
        earlier=series_store.read(period),
        history=history_to_learn(warehouse, item_locations, period, parameters, ahead=ahead),
        champions=earlier_champions(warehouse, period),
        as_of=cut_off(period),
        review_periods=review_periods(item_locations, assignment, parameters=parameters, cycle_days=cycle_days),
        item_locations=item_locations,
        planner=planner,
        groups=item_location_groups(warehouse, item_locations, cut_off(period)),
        task_map=task_map(SETTINGS.company.forecast_engine),
        days=days_to_learn(warehouse, panel, assignment, period, parameters),
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
            # Dagster wants what the next cycle's register reads before the register.
            Output(CHAMPION_BACKTEST, found.backtests),
            Output(CHAMPION_BACKTEST_LAG, found.backtest_lags),
            Output(CHAMPION_REGISTER, found.register, told_of_tournaments(found.register)),
            Output(DEMAND_FORECAST, found.forecasts),
            Output(DAILY_FORECAST, found.daily),
            *_decided(found),
            Output(
                LEAD_TIME_DEMAND,
                found.lead_time_demand,
                {"methods": code_counts(found.lead_time_demand["method_code"])},
            ),
            Output(INTERVAL_METHOD, found.interval_methods),
            *_coherent(found),
            Output(SENSING_CHOICE, found.sensing),
            Output(FORECAST_ACCURACY, accuracy),
            Output(
                NEW_PRODUCT_FORECAST, found.new_products, {"statuses": code_counts(found.new_products["status_code"])}
            ),
            Output(NEW_PRODUCT_ANALOG, found.new_product_analogs),
        ],
        period,
    )


def _coherent(found: ForecastResult) -> list[Output]:
    """The tables of the hierarchy."""
    if found.coherent is None:
        return []
    choices = found.coherent.choices
    return [
        Output(HIERARCHY_FORECAST, found.coherent.forecasts),
        Output(
            HIERARCHY_CHOICE,
            choices,
            {"methods": code_counts(choices.loc[choices["is_chosen"].astype(bool), "method_code"])},
        ),
    ]


def _judged_snapshots(warehouse: Warehouse, panel: DemandPanel, period: dt.date) -> pd.DataFrame:
    """Accuracy of earlier cycles' forecasts for the buckets that this period completed."""
    last = panel.bucket_start_dates[-1]
    window = {"period": period, "last": last}
    return snapshot_accuracy(
        warehouse.read(_FROZEN, window),
        known_demand(warehouse, cut_off(period)),
        naive_scales(panel),
        last_bucket_date=last.date(),
        unjudged=censored_buckets(warehouse, period),
    )


def _decided(found: ForecastResult) -> list[Output]:
    """What people and streams made of the forecasts."""
    decided = found.decided
    if decided is None:
        return []
    return [
        Output(FINAL_FORECAST, decided.final, {"steps": code_counts(decided.final["step_code"])}),
        Output(OVERRIDE_EFFECT, decided.effects, {"statuses": code_counts(decided.effects["status_code"])}),
        Output(FORECAST_STREAM, decided.streams),
        Output(STREAM_WEIGHT, decided.weights),
    ]
