"""Lead-time demand from moments alone: the cheap way to plan a past cut-off that no cycle has planned.

Demand of the buckets known then counts with equal weight; its mean and variance over the protection interval grow in
proportion to its length, as for demand without season and memory. The product's own forecasts are better. What is
planned so is evidence of grade `degraded`: it tells how policy rules compare, not how well they would do.
"""

import numpy as np
import pandas as pd

from stockstrata.columns import aligned, numbers
from stockstrata.forecasting.predictive import demand_method

KEY = ["item_id", "location_id"]
_LEAST_VARIANCE = 1e-12
"""A variance below this share of the squared mean is what rounding leaves of constant demand."""


def moments_of_sums(count: np.ndarray, total: np.ndarray, squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (n - 1) of values by their count, sum and sum of squares, (n,) each.

    Squares that are not known (too large) give a standard deviation as large as the mean.

    Example: 8 and 12, of sum 20 and squares 208: mean 10, standard deviation 2.83.
    """
    held = np.maximum(count, 1)
    mean = np.maximum(total, 0.0) / held
    variance = (squares - held * mean**2) / np.maximum(held - 1, 1)
    variance = np.where(np.isfinite(variance), variance, mean**2)
    return mean, np.sqrt(np.where(variance > _LEAST_VARIANCE * mean**2, variance, 0.0))


def lead_time_demand_of_moments(known: pd.DataFrame, lead_times: pd.DataFrame, review_days: np.ndarray,
                                *, bucket_days: float) -> pd.DataFrame:  # fmt: skip
    """Columns of `forecast.lead_time_demand` that policies rest on, one row for each row of `known`.

    Args:
        known: `item_id, location_id`, and of the demand of a bucket `mean_qty`, `sd_qty` (units), `is_whole`.
        lead_times: frame of `policy.lead_time`.
        review_days: review period, days, (n,).
        bucket_days: days in a bucket.

    Raises:
        PlanningError: an item-location without lead time.

    Example: mean 10 and standard deviation 4 of a week, lead time and review of 28 days in all: mean 40, standard
        deviation 8.
    """
    lead = aligned(lead_times, known, table="policy.lead_time")
    days = numbers(lead, "lead_time_days") + review_days
    buckets = days / bucket_days
    mean = numbers(known, "mean_qty") * buckets
    is_whole = known["is_whole"].to_numpy(dtype=bool)
    _, demand_sd = demand_method(mean, numbers(known, "sd_qty") * np.sqrt(buckets), is_whole=is_whole)
    daily = np.divide(mean, days, out=np.zeros_like(mean), where=days > 0)
    lead_time_sd = np.where(mean > 0, daily * numbers(lead, "lead_time_sd_days"), 0.0)
    method, sd = demand_method(mean, np.hypot(demand_sd, lead_time_sd), is_whole=is_whole)
    return (
        known.loc[:, KEY]
        .reset_index(drop=True)
        .assign(
            protection_interval_days=days,
            method_code=method.astype(object),
            mean_qty=mean,
            sd_qty=sd,
            demand_sd_qty=demand_sd,
            lead_time_sd_qty=lead_time_sd,
            daily_mean_qty=daily,
            standard_quantiles=pd.Series([None] * len(known), dtype=object),
            fallback_reason="",
            evidence_grade="degraded",
        )
    )
