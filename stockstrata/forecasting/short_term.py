"""The short-term forecast of a cycle: sensed, and netted against the order book."""

import numpy as np
import pandas as pd

from stockstrata.columns import aligned, numbers, texts
from stockstrata.errors import PlanningError
from stockstrata.forecasting.consumption import consumed_forecast
from stockstrata.forecasting.metrics import safe_ratio
from stockstrata.forecasting.sensing import sensed_forecast, short_term_settings
from stockstrata.panel import KEY
from stockstrata.parameters import PlanningParameters
from stockstrata.tables import SHORT_TERM_FORECAST

_BY = [*KEY, "bucket_start_date"]


def short_term_forecast(
    forecasts: pd.DataFrame,
    orders: pd.DataFrame,
    newest_demand: pd.DataFrame,
    assignment: pd.DataFrame,
    sensing: pd.DataFrame,
    *,
    parameters: PlanningParameters,
    bucket_count: int,
) -> pd.DataFrame:
    """Sense the first buckets, then let orders consume the forecast of their bucket and its neighbours.

    `requirement = open orders + net`, `net = sensed - consumed`. Where windows are 0, `orders + net = sensed` unless
    orders exceed it, and then net is 0. Orders due before the first bucket consume nothing: they stood for a forecast
    that is past.

    Args:
        forecasts: DEMAND_FORECAST rows: `item_id, location_id, bucket_start_date, horizon_bucket, mean_qty,
            baseline_qty`, the latter without promotions.
        orders: `item_id, location_id, bucket_start_date, order_qty, open_order_qty`, one row a bucket with orders; the
            bucket is the one that they are due in.
        newest_demand: `item_id, location_id, demand_qty` of the newest complete bucket as models learnt it, as
            `LearntHistory.newest_demand` gives; without a row, or with NaN, it tells nothing and nothing is revised.
        assignment: `item_id, location_id, segment_code`.
        sensing: SENSING_CHOICE rows.
        parameters: settings in force.
        bucket_count: buckets wanted; each series must have them.

    Returns:
        SHORT_TERM_FORECAST rows.

    Raises:
        PlanningError: a series lacks a bucket, or has no segment.
    """
    kept = forecasts[forecasts["horizon_bucket"] <= bucket_count].sort_values([*KEY, "horizon_bucket"])
    kept = kept.reset_index(drop=True)
    keys = kept[KEY].iloc[::bucket_count].reset_index(drop=True)
    if len(kept) != bucket_count * len(kept[KEY].drop_duplicates()):
        raise PlanningError(
            f"forecast.demand_forecast: expected {bucket_count} buckets of every item-location; run the step again."
        )
    shape = (len(keys), bucket_count)
    gross = kept["mean_qty"].to_numpy(dtype=float).reshape(shape)
    first = kept["baseline_qty"].to_numpy(dtype=float).reshape(shape)[:, 0]
    # Models learn demand without promotions; the deviation is from a forecast with them.
    lift = np.where(first > 0, safe_ratio(gross[:, 0], first), 1.0)
    segment = texts(aligned(assignment, keys, table="segmentation.segment_assignment"), "segment_code")
    rules = short_term_settings(sorted(set(segment)), parameters.short_term_settings)
    on = sensing[sensing["is_sensing_on"].astype(bool)]
    weights = segment.map(dict(zip(on["segment_code"], numbers(on, "weight_rate"), strict=True)))
    weight = weights.fillna(0.0).to_numpy(dtype=float)
    newest = _matched(keys, newest_demand) * lift
    sensed = sensed_forecast(gross, newest, weight, _windows(segment, rules, "sensed_buckets"))
    booked, still_open = _orders(kept, orders)
    consumed = consumed_forecast(
        sensed,
        booked.reshape(shape),
        backward=_windows(segment, rules, "backward_buckets"),
        forward=_windows(segment, rules, "forward_buckets"),
    )
    net = sensed - consumed
    table = kept[[*_BY, "horizon_bucket"]].assign(
        gross_qty=gross.ravel(),
        sensed_qty=sensed.ravel(),
        order_qty=booked,
        open_order_qty=still_open,
        consumed_qty=consumed.ravel(),
        net_qty=net.ravel(),
        requirement_qty=still_open + net.ravel(),
        is_sensing_on=(sensed != gross).ravel(),
    )
    return table.loc[:, [column.name for column in SHORT_TERM_FORECAST.columns if column.name != "period_start_date"]]


def _windows(segment: pd.Series, rules: dict, name: str) -> np.ndarray:
    return segment.map({code: getattr(rule, name) for code, rule in rules.items()}).to_numpy(dtype=np.int64)


def _matched(keys: pd.DataFrame, newest_demand: pd.DataFrame) -> np.ndarray:
    """Demand of the newest bucket, never negative, NaN where it tells nothing, (n,)."""
    place = pd.MultiIndex.from_frame(keys).get_indexer(pd.MultiIndex.from_frame(newest_demand[KEY]))
    found = np.full(len(keys), np.nan)
    known = place >= 0
    found[place[known]] = numbers(newest_demand, "demand_qty")[known]
    return np.maximum(found, 0.0)


def _orders(kept: pd.DataFrame, orders: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Orders due in each row's bucket, all and open ones."""
    dated = orders.assign(bucket_start_date=pd.to_datetime(orders["bucket_start_date"]).astype("datetime64[ns]"))
    wanted = kept[_BY].assign(bucket_start_date=pd.to_datetime(kept["bucket_start_date"]).astype("datetime64[ns]"))
    found = wanted.merge(dated, on=_BY, how="left", validate="one_to_one")
    booked = np.maximum(np.nan_to_num(numbers(found, "order_qty")), 0.0)
    return booked, np.minimum(np.maximum(np.nan_to_num(numbers(found, "open_order_qty")), 0.0), booked)
