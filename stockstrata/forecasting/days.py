"""Segments that are forecast by the day: histories of days, models fitted to them, and forecasts of days.

A bucket of days is the mirror of a block (`coarse`): models see what each day of the cycle's buckets sold and forecast
days, which are summed up to buckets. Everything downstream keeps one bucket, and scores and spreads are measured on the
sums.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.forecasting import engine
from stockstrata.forecasting.coarse import bucket_profile
from stockstrata.forecasting.engine import ForecastPaths
from stockstrata.panel import KEY, DemandPanel
from stockstrata.parameters import BucketType

WEEK_DAYS = 7
"""Days of a week: the season of days."""

WEEKS = 52
"""Season length of a panel of weeks, the only one whose buckets hold a whole number of days."""


def day_parts(bucket_type: BucketType, season_length: int) -> int:
    """Parts that a segment's bucket cuts the cycle's bucket into: 7 for days in a panel of weeks, else 1.

    Example: `day_parts("day", 52)` is 7, `day_parts("day", 12)` is 1: months hold no whole number of anything.
    """
    return WEEK_DAYS if bucket_type == "day" and season_length == WEEKS else 1


@dataclass(frozen=True)
class DayHistory:
    """Demand of some item-locations by day.

    Attributes:
        keys: `item_id, location_id`, m rows without doubles.
        demand_qty: what was sold on each day of T weeks, the weeks of the panel, not negative, (m, T, 7).
    """

    keys: pd.DataFrame
    demand_qty: np.ndarray

    @property
    def share(self) -> np.ndarray:
        """Share of each day in its bucket, (m, T, 7).

        A bucket that sold nothing is spread evenly: what was lost in it nobody saw a day of.
        """
        whole = self.demand_qty.sum(axis=2, keepdims=True)
        return np.where(whole > 0, self.demand_qty / np.where(whole > 0, whole, 1.0), 1.0 / WEEK_DAYS)

    def places(self, keys: pd.DataFrame) -> np.ndarray:
        """Row of each of n series, -1 for those that are not known by day, (n,)."""
        known = pd.MultiIndex.from_frame(self.keys[KEY])
        return known.get_indexer(pd.MultiIndex.from_frame(keys[KEY]))


def day_history(daily: pd.DataFrame, panel: DemandPanel, rows: np.ndarray) -> DayHistory:
    """Lay out demand of days over the weeks of a panel.

    Args:
        daily: `item_id, location_id, demand_date, demand_qty`, one row a day with demand.
        panel: weeks, n series.
        rows: the series wanted, positions.

    Example: a week of 14 units, all on its Tuesday, has the shares 0, 1, 0, 0, 0, 0, 0.
    """
    keys = panel.keys[KEY].iloc[rows].reset_index(drop=True)
    place = pd.MultiIndex.from_frame(keys).get_indexer(pd.MultiIndex.from_frame(daily[KEY]))
    days = pd.to_datetime(daily["demand_date"]).to_numpy(dtype="datetime64[D]")
    first = panel.bucket_start_dates[0].to_datetime64().astype("datetime64[D]")
    day = (days - first).astype(np.int64)
    length = WEEK_DAYS * len(panel.bucket_start_dates)
    held = (place >= 0) & (day >= 0) & (day < length)
    sold = np.zeros((len(keys), length))
    np.add.at(sold, (place[held], day[held]), np.maximum(daily["demand_qty"].to_numpy(dtype=float)[held], 0.0))
    return DayHistory(keys, sold.reshape(len(keys), -1, WEEK_DAYS))


def forecast_paths(
    model_code: str,
    series: Sequence[np.ndarray],
    shares: Sequence[np.ndarray],
    train_ends: np.ndarray,
    *,
    depth: np.ndarray,
    max_history: int,
) -> ForecastPaths:
    """`engine.forecast_paths` in days, summed up to buckets; the season is the week.

    Args:
        model_code: as in `engine.forecast_paths`, like all arguments but the third.
        series: n arrays of demand by bucket, oldest first.
        shares: of each array the share of every day in its bucket, (len, 7).
        train_ends: buckets known at each origin, (n, K), -1 where there is none.
        depth: buckets to forecast, (n,).
        max_history: newest buckets that a model may learn from.

    Example: the seasonal naive model on buckets of which all is sold on Mondays gives the newest bucket again.
    """
    fine = [(one[:, None] * share).ravel() for one, share in zip(series, shares, strict=True)]
    found = engine.forecast_paths(
        model_code,
        fine,
        np.where(train_ends > 0, WEEK_DAYS * train_ends, -1),
        depth=WEEK_DAYS * depth,
        season_length=WEEK_DAYS,
        is_seasonal=np.ones(len(series), dtype=bool),
        max_history=WEEK_DAYS * max_history,
    )
    wide = found.qty.reshape(*train_ends.shape, -1, WEEK_DAYS)
    return ForecastPaths(wide.sum(axis=3), found.faults)


def day_profile(demand_qty: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Share of a bucket that each of its days is to be expected to have, (n, 7), each row summing to 1.

    Those of the newest year as far as they are to be believed; see `coarse.bucket_profile`.

    Args:
        demand_qty: demand by bucket, NaN before the start, (n, T).
        shares: share of every day in its bucket, (n, T, 7).
    """
    fine = np.nan_to_num(demand_qty)[:, :, None] * shares
    started = np.isfinite(demand_qty)
    profiles = [bucket_profile(one[begun].ravel(), WEEK_DAYS, WEEKS) for one, begun in zip(fine, started, strict=True)]
    return np.array(profiles).reshape(-1, WEEK_DAYS)


def with_part_days(buckets: np.ndarray, profile: np.ndarray) -> np.ndarray:
    """Intervals in buckets whose last part counts what its days are to be expected to sell, (n,).

    Args:
        buckets: intervals in buckets by the calendar, fractional, (n,).
        profile: share of each day of a bucket, (n, 7).

    Example: 1.5 weeks of which nothing is sold from the fourth day on are 2 weeks' demand.
    """
    whole = np.floor(buckets + 1e-9)
    days = np.clip((buckets - whole) * WEEK_DAYS, 0.0, WEEK_DAYS)
    sums = np.concatenate([np.zeros((len(profile), 1)), np.cumsum(profile, axis=1)], axis=1)
    low = np.minimum(np.floor(days + 1e-9).astype(np.int64), WEEK_DAYS - 1)
    rows = np.arange(len(profile))
    part = sums[rows, low] + (days - low) * (sums[rows, low + 1] - sums[rows, low])
    return whole + np.maximum(part, 0.0)
