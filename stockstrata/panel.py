"""Demand history as one dense panel: the common input of segmentation and forecasting."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.errors import PlanningError

KEY = ["item_id", "location_id"]


@dataclass(frozen=True)
class DemandPanel:
    """Demand of n item-locations in T consecutive buckets.

    Attributes:
        keys: n rows, `item_id, location_id`, sorted by both.
        bucket_start_dates: T consecutive bucket starts, ascending.
        demand_qty: float64 array (n, T), units of the item per bucket; NaN before the series starts, never after.
        bucket_days: days in a bucket as `pandas` frequency code: `W-MON` (7 days) or `MS` (calendar month).
    """

    keys: pd.DataFrame
    bucket_start_dates: pd.DatetimeIndex
    demand_qty: np.ndarray
    bucket_days: str

    @property
    def season_length(self) -> int:
        """Buckets in a year: 52 weeks or 12 months."""
        return 12 if self.bucket_days == "MS" else 52

    @property
    def mean_bucket_days(self) -> float:
        """Average days in a bucket: 7 for weeks, 365.25 / 12 for months."""
        return 365.25 / 12 if self.bucket_days == "MS" else 7.0

    @property
    def length_buckets(self) -> np.ndarray:
        """History of each series, buckets, shape (n,)."""
        return np.isfinite(self.demand_qty).sum(axis=1)

    def select(self, rows: np.ndarray) -> "DemandPanel":
        """The panel of the given rows (boolean mask or positions), keys re-indexed from 0."""
        return DemandPanel(
            self.keys.loc[rows].reset_index(drop=True), self.bucket_start_dates, self.demand_qty[rows], self.bucket_days
        )

    def last(self, buckets: int) -> "DemandPanel":
        """The panel cut to its newest `buckets` buckets."""
        keep = max(len(self.bucket_start_dates) - buckets, 0)
        return DemandPanel(self.keys, self.bucket_start_dates[keep:], self.demand_qty[:, keep:], self.bucket_days)


def demand_panel(
    bucket_sums: pd.DataFrame,
    *,
    item_locations: pd.DataFrame,
    first_bucket_date: pd.Timestamp,
    last_bucket_date: pd.Timestamp,
    bucket_days: str,
) -> DemandPanel:
    """Lay sparse bucket sums out as a dense panel: absent buckets are zero, buckets before the start are NaN.

    Args:
        bucket_sums: `item_id, location_id, bucket_start_date, demand_qty`, one row a bucket with demand; sums that
            are negative (more returns than sales) count as zero demand.
        item_locations: the series wanted, `item_id, location_id, start_date`; `start_date` is the launch or the first
            demand, NaT for a series that never sold, which then starts at the first bucket.
        first_bucket_date: first bucket of the panel.
        last_bucket_date: last complete bucket.
        bucket_days: `W-MON` or `MS`.

    Returns:
        A panel with one row for each row of `item_locations`.

    Raises:
        PlanningError: if a key is doubled or a bucket does not start where the panel's buckets start.
    """
    buckets = pd.date_range(first_bucket_date, last_bucket_date, freq=bucket_days)
    keys = item_locations[KEY].sort_values(KEY, ignore_index=True)
    if keys.duplicated().any():
        first = keys[keys.duplicated()].iloc[0]
        raise PlanningError(f"demand panel: item {first.item_id} at {first.location_id} stands twice in item_locations")
    starts = keys.merge(item_locations, on=KEY, how="left")["start_date"]
    index = pd.MultiIndex.from_frame(keys)
    inside = bucket_sums[bucket_sums["bucket_start_date"].between(buckets[0], buckets[-1])]
    rows = index.get_indexer(pd.MultiIndex.from_frame(inside[KEY]))
    columns = buckets.get_indexer(pd.DatetimeIndex(inside["bucket_start_date"]))
    if (columns < 0).any():
        odd = inside.loc[columns < 0, "bucket_start_date"].iloc[0]
        raise PlanningError(f"demand panel: bucket {odd:%Y-%m-%d} does not start a {bucket_days} bucket")
    qty = np.zeros((len(keys), len(buckets)))
    known = rows >= 0
    np.add.at(qty, (rows[known], columns[known]), inside["demand_qty"].to_numpy(dtype=float)[known])
    np.maximum(qty, 0.0, out=qty)
    first_days = pd.date_range(buckets[0], periods=len(buckets) + 1, freq=bucket_days).to_numpy()
    ends = first_days[1:]
    start = np.minimum(starts.fillna(buckets[0]).to_numpy(dtype="datetime64[ns]"), first_days[-2])
    qty[ends[None, :] <= start[:, None]] = np.nan
    return DemandPanel(keys, buckets, qty, bucket_days)
