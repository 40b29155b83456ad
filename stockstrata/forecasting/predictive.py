"""From mean and variance to the published tables: quantiles by bucket and of demand over the protection interval."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.distributions import OVERDISPERSION_MIN, choose_method, quantile

BUCKET_LEVELS = {"p10_qty": 0.10, "p50_qty": 0.50, "p80_qty": 0.80, "p90_qty": 0.90, "p95_qty": 0.95, "p98_qty": 0.98}
INTERVAL_LEVELS = {
    "p50_qty": 0.50, "p80_qty": 0.80, "p90_qty": 0.90, "p95_qty": 0.95, "p98_qty": 0.98, "p99_qty": 0.99
}  # fmt: skip

LARGEST_COUNT = 1e5
"""Above this mean whole units no longer matter and the gamma distribution answers faster and more exactly."""

ROUNDING_RATE = 1e-9
"""A standard deviation below this share of the mean is what rounding leaves of certain demand, and a mean below this
share of the standard deviation what a dying forecast leaves of none: every published quantile of it is zero."""

LARGEST_DISPERSION = 1e12
"""Variance over mean above which a negative binomial cannot be evaluated: its success probability rounds to zero."""


def interval_mean(forecast_qty: np.ndarray, buckets: np.ndarray) -> np.ndarray:
    """Expected demand of the next `buckets` buckets: whole buckets plus a part of the next, (n,).

    Example: forecasts 10, 20 and 1.5 buckets give 20.
    """
    part = np.clip(buckets[:, None] - np.arange(forecast_qty.shape[1])[None, :], 0.0, 1.0)
    return np.where(part > 0, forecast_qty * part, 0.0).sum(axis=1)


def demand_method(mean: np.ndarray, sd: np.ndarray, *, is_whole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distribution of demand and the standard deviation it is used with.

    Whole units never vary less than a Poisson distribution of the same mean, unless demand is certain.

    Returns:
        Method codes of `stockstrata.distributions` and standard deviations, shaped like `mean`.
    """
    counted = is_whole & (mean <= LARGEST_COUNT) & (sd**2 <= LARGEST_DISPERSION * mean)
    certain = (mean <= 0) | (sd <= ROUNDING_RATE * mean) | (mean <= ROUNDING_RATE * sd)
    used = np.where(certain, 0.0, np.where(counted, np.maximum(sd, np.sqrt(np.maximum(mean, 0.0))), sd))
    return choose_method(mean, used, is_whole=counted), used


def lifted_method(method: np.ndarray, sd: np.ndarray, *, baseline_mean: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Distribution of demand with promotions: that of the baseline, moved to another mean, as wide as before.

    What a promotion adds is foretold, so it makes demand larger, not less certain. A count whose new mean is above its
    variance can be no negative binomial; the gamma distribution takes its place.
    """
    is_moved = (mean != baseline_mean) & np.isin(method, ("negative_binomial", "poisson"))
    is_wide = sd**2 > OVERDISPERSION_MIN * mean
    return np.where(is_moved, np.where(is_wide, "negative_binomial", "gamma"), method)


def quantiles(
    mean: np.ndarray, sd: np.ndarray, method: np.ndarray, levels: dict[str, float], shape: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Quantiles of each mean and standard deviation by its own method, and shape; never falling with the level."""
    found: dict[str, np.ndarray] = {}
    below = np.zeros(mean.shape)
    for name, level in sorted(levels.items(), key=lambda pair: pair[1]):
        values = np.zeros(mean.shape)
        for code in np.unique(method):
            rows = method == code
            values[rows] = quantile(code, level, mean[rows], sd[rows], None if shape is None else shape[rows])
        below = np.maximum(below, values)
        found[name] = below
    return found


@dataclass(frozen=True)
class IntervalDemand:
    """Demand over the protection interval of n series before the lead time is uncertain.

    Attributes:
        mean_qty: expected demand without promotions, (n,).
        added_qty: what promotions ahead add to it: they move the mean and its quantiles, and leave the spread and the
            daily mean as they are, (n,).
        sd_qty: standard deviation, (n,).
        shape: standard quantiles at `shaped.PROBABILITIES` where the shape comes from data, else NaN, (n, G).
        method_code: `conformal` or `empirical` where it does, else anything, (n,).
        is_whole: whether the history is whole numbers, (n,).
    """

    mean_qty: np.ndarray
    added_qty: np.ndarray
    sd_qty: np.ndarray
    shape: np.ndarray
    method_code: np.ndarray
    is_whole: np.ndarray


def interval_table(demand: IntervalDemand, *, days: np.ndarray, lead_time_sd_days: np.ndarray) -> pd.DataFrame:
    """Columns of LEAD_TIME_DEMAND without keys and grade: moments and quantiles of demand over the interval.

    `sd^2 = demand variance + daily mean^2 x lead time sd^2` (Silver, Pyke and Thomas; Chopra and Meindl, ch. 12).

    Args:
        demand: demand over the interval.
        days: protection interval, days, (n,).
        lead_time_sd_days: standard deviation of the lead time, (n,).
    """
    mean, is_whole, is_shaped = demand.mean_qty, demand.is_whole, np.isfinite(demand.shape[:, 0])
    daily = mean / days
    _, by_moments = demand_method(mean, demand.sd_qty, is_whole=is_whole)
    demand_sd = np.where(is_shaped, demand.sd_qty, by_moments)
    lead_time_sd = daily * lead_time_sd_days
    both = np.hypot(demand_sd, lead_time_sd)
    method, sd = demand_method(mean, both, is_whole=is_whole)
    counted = np.char.add(demand.method_code.astype(str), "_count")
    method = np.where(is_shaped, np.where(is_whole, counted, demand.method_code), method)
    sd = np.where(is_shaped, both, sd)
    total = np.maximum(mean + demand.added_qty, 0.0)
    method = lifted_method(method, sd, baseline_mean=mean, mean=total)
    rows = list(demand.shape)
    return pd.DataFrame(
        {
            "protection_interval_days": days,
            "method_code": method.astype(object),
            "mean_qty": total,
            "sd_qty": sd,
            "demand_sd_qty": demand_sd,
            "lead_time_sd_qty": np.where(mean > 0, lead_time_sd, 0.0),
            "daily_mean_qty": daily,
            **quantiles(total, sd, method, INTERVAL_LEVELS, demand.shape),
            "standard_quantiles": pd.Series(
                [row.tolist() if held else None for row, held in zip(rows, is_shaped, strict=True)], dtype=object
            ),
        }
    )
