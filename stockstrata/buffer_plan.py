"""Buffers ahead: the policy's levels for each future bucket, by the demand expected from that bucket on.

The protection interval is laid from the start of each bucket over the forecast. Mean demand over it moves with the
season; its spread moves in proportion, as errors of a multiplicative season do. A flat forecast gives the policy's own
figures for every bucket. Where the interval rises ahead of a peak the levels rise before it, a lead time early, and
fall before the season ends. Limits on buffers (`buffer_limits`) hold when the bucket comes; they are left out here.
"""

import numpy as np
import pandas as pd

from stockstrata.buffers import ServiceCase, protected_demand, service_level_stock
from stockstrata.columns import numbers, texts
from stockstrata.policy_case import case_of_policies, level_of
from stockstrata.tables import BUFFER_PLAN

KEY = ["item_id", "location_id"]


def buffer_plan(
    policies: pd.DataFrame,
    lead_time_demand: pd.DataFrame,
    forecasts: pd.DataFrame,
    *,
    bucket_days: float,
    most_buckets: int,
) -> pd.DataFrame:
    """One row for each stocked item-location and future bucket whose protection interval the forecast covers.

    Args:
        policies: frame of `policy.stock_policy`.
        lead_time_demand: frame of `forecast.lead_time_demand`.
        forecasts: frame of `forecast.demand_forecast`.
        bucket_days: days in a bucket.
        most_buckets: buckets planned ahead at most; the first is always planned.

    Returns:
        The columns of `policy.buffer_plan` without period and stamp.
    """
    keep = (texts(policies, "policy_status_code") == "current").to_numpy()
    keep &= ~texts(policies, "policy_family").isin(("make_to_order", "do_not_stock")).to_numpy()
    held = policies.loc[keep].sort_values(KEY, ignore_index=True)
    case = case_of_policies(held, lead_time_demand)
    mean, first_day = _by_bucket(held, forecasts)
    length = numbers(held, "protection_interval_days") / bucket_days
    known = np.isfinite(mean).sum(axis=1)
    ahead = np.clip(np.floor(known - length + 1 + 1e-9), 1, most_buckets).astype(np.int64)
    ahead = np.where(known > 0, ahead, 0)
    row = np.repeat(np.arange(len(held)), ahead)
    bucket = np.arange(len(row)) - np.repeat(np.cumsum(ahead) - ahead, ahead)
    expected = interval_demand(mean, length, row, bucket)
    now = interval_demand(mean, length, row, np.zeros_like(bucket))
    ratio = np.divide(expected, now, out=np.ones(len(row)), where=now > 0)
    level, buffer, protected = _levels(case, held, row, ratio)
    gap = numbers(held, "order_up_to_qty") - numbers(held, "reorder_point_qty")
    # `R_S` orders at one unit (or a smallest order) below its level; other families at the level.
    point = level - (level_of(held) - numbers(held, "reorder_point_qty"))[row]
    out = held.loc[row, [*KEY, "segment_code"]].reset_index(drop=True)
    out = out.assign(
        bucket_start_date=first_day[bucket],
        horizon_bucket=bucket + 1,
        lead_time_demand_qty=case.mean[row] * ratio,
        protected_demand_qty=protected,
        safety_stock_qty=buffer,
        reorder_point_qty=np.maximum(point, 0.0),
        order_up_to_qty=np.maximum(point, 0.0) + gap[row],
        season_ratio=ratio,
        evidence_grade=texts(held, "evidence_grade").to_numpy()[row],
    )
    return out.loc[:, [column.name for column in BUFFER_PLAN.columns if column.name != "period_start_date"]]


def interval_demand(mean: np.ndarray, length: np.ndarray, row: np.ndarray, bucket: np.ndarray) -> np.ndarray:
    """Demand expected over the interval from the start of a bucket; the last known bucket goes on, units.

    Args:
        mean: expected demand of each bucket, (n, F), NaN where not forecast.
        length: interval, buckets, (n,).
        row: row of `mean`, (m,).
        bucket: first bucket, from 0, (m,).

    Example: buckets of 10, 20 and 30 and an interval of 1.5 from the second: 35.
    """
    filled = pd.DataFrame(mean).ffill(axis=1).fillna(0.0).to_numpy(dtype=float)
    count = filled.shape[1]
    total = np.column_stack([np.zeros(len(filled)), np.cumsum(filled, axis=1)])

    def until(at: np.ndarray) -> np.ndarray:
        low = np.minimum(np.floor(at).astype(np.int64), count)
        return total[row, low] + (at - low) * filled[row, np.minimum(low, count - 1)]

    return until(bucket + length[row]) - until(bucket.astype(float))


def _levels(
    case: ServiceCase, held: pd.DataFrame, row: np.ndarray, ratio: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Level, buffer and protected demand of each row of the plan; the policy's own where the season is flat."""
    level, buffer = level_of(held)[row], numbers(held, "safety_stock_qty")[row]
    protected = numbers(held, "protected_demand_qty")[row]
    changed = np.flatnonzero((np.abs(ratio - 1) > 1e-9) & (case.mean[row] > 0))
    if not len(changed):
        return level, buffer, protected
    then = case.rows(row[changed]).scaled(ratio[changed])
    solved, needed = service_level_stock(then), protected_demand(then)
    least = np.where(then.is_whole, np.floor(needed), needed)
    is_economic = (texts(held, "service_measure") == "economic").to_numpy()[row[changed]]
    whole = np.where(then.is_whole, np.ceil(np.round(solved, 9)), solved)
    found = np.maximum(whole, np.where(is_economic, 0.0, least))
    level[changed], protected[changed] = found, needed
    buffer[changed] = np.maximum(found - needed, 0.0)
    return level, buffer, protected


def _by_bucket(held: pd.DataFrame, forecasts: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Mean of each bucket from the first ahead, (n, F), NaN where none, and the first day of each, (F,)."""
    horizon = numbers(forecasts, "horizon_bucket").astype(np.int64)
    row = pd.MultiIndex.from_frame(held[KEY]).get_indexer(pd.MultiIndex.from_frame(forecasts[KEY]))
    count = int(horizon.max(initial=1))
    mean = np.full((len(held), count), np.nan)
    kept = row >= 0
    mean[row[kept], horizon[kept] - 1] = numbers(forecasts, "mean_qty")[kept]
    first_day = np.full(count, np.datetime64("NaT", "s"))
    first_day[horizon - 1] = forecasts["bucket_start_date"].astype("datetime64[s]").to_numpy()
    return mean, first_day
