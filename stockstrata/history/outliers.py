"""Buckets with far more demand than the series lets expect, tagged and never deleted.

Series that sell in most buckets are judged against the median of the buckets around (Hampel's filter: Pearson, IEEE
Trans. Control Systems Technology 10 (2002) 55) on a scale where a count varies evenly; those that sell now and then on
the logarithm of their sizes. A peak that stands in every other year too is season, and no outlier.
"""

from dataclasses import dataclass

import numpy as np

from stockstrata.parameters import PlanningSettings

SMOOTH_SHARE = 0.75
"""Share of buckets with demand from which a series is judged bucket by bucket: an average interval of 1.33 buckets."""

_MAD_TO_SD = 1.4826  # of the normal distribution
_LEAST_SPREAD = 0.5
"""Least deviation on the scale where counts vary by about 1: a series that never varied may vary a little."""

_FINE = 1e4
"""Units that a typical bucket is counted in where quantities are no whole numbers, so counting adds no noise."""

_REACH_BUCKETS = {52: 6, 12: 3}
_ROWS = 1_024
"""Series whose windows are laid out at a time."""

_SEASON_SHARE = 0.5
"""Share of a peak that must come back a year apart for it to be season."""


@dataclass(frozen=True)
class Outliers:
    """Spikes of n series.

    Attributes:
        is_outlier: (n, T).
        expected_qty: what the series let expect instead, units, (n, T).
        robust_z: distance from it in robust standard deviations, (n, T).
    """

    is_outlier: np.ndarray
    expected_qty: np.ndarray
    robust_z: np.ndarray


def find_outliers(
    demand_qty: np.ndarray, is_judged: np.ndarray, *, season_length: int, settings: PlanningSettings
) -> Outliers:
    """Tag spikes: at least `outlier_z` robust deviations and `outlier_min_ratio` times above what was to be expected.

    Args:
        demand_qty: demand after returns, units, (n, T); NaN before a series starts.
        is_judged: buckets that may be judged and learnt from: in stock throughout and without a promotion, (n, T).
        season_length: buckets of a year: 52 or 12.
        settings: `outlier_z, outlier_min_ratio, outlier_min_nonzero_count`.

    Example: twenty weeks of about 10 units and one of 90: the one is tagged, with an expected demand of about 10.
    """
    known = is_judged & np.isfinite(demand_qty)
    parts = [
        _some_rows(demand_qty[at], known[at], season_length, settings)
        for at in (slice(start, start + _ROWS) for start in range(0, len(demand_qty), _ROWS))
    ]
    if not parts:
        return Outliers(known, np.zeros(known.shape), np.zeros(known.shape))
    return Outliers(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _some_rows(
    demand: np.ndarray, known: np.ndarray, season_length: int, settings: PlanningSettings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    qty = np.where(known, demand, np.nan)
    sells = known & (qty > 0)
    count = sells.sum(axis=1)
    is_smooth = count >= SMOOTH_SHARE * np.maximum(known.sum(axis=1), 1)
    # Sizes alone are compared where a bucket without demand is the rule.
    qty = np.where(is_smooth[:, None] | sells, qty, np.nan)
    middle = _row_median(qty)
    is_whole = (np.nan_to_num(qty) == np.floor(np.nan_to_num(qty))).all(axis=1)
    unit = np.where(is_whole | (middle <= 0), 1.0, _FINE / np.where(middle > 0, middle, 1.0))
    k = _shape(qty * unit[:, None], middle * unit)
    y = _even(qty * unit[:, None], k)
    window = _window_median(y, _REACH_BUCKETS.get(season_length, season_length // 4))
    level = np.where(is_smooth[:, None], window, _row_median(y)[:, None])
    residual = y - level
    spread = np.maximum(_MAD_TO_SD * _row_median(np.abs(residual)), _LEAST_SPREAD)[:, None]
    robust_z = np.nan_to_num(residual / spread)
    expected = np.nan_to_num(_back(level, k)) / unit[:, None]
    is_far = np.nan_to_num(qty) >= np.maximum(settings.outlier_min_ratio * expected, 0.0)
    found = known & (robust_z >= settings.outlier_z) & is_far & (expected > 0)
    found &= (count >= settings.outlier_min_nonzero_count)[:, None]
    found &= ~_comes_back(np.nan_to_num(residual), season_length)
    return found, expected, robust_z


def _row_median(values: np.ndarray) -> np.ndarray:
    """Median of the values present in each row; zero where none is."""
    ranked = np.sort(values, axis=1)  # NaN last
    n = np.isfinite(values).sum(axis=1)
    rows = np.arange(len(values))
    low, high = ranked[rows, np.maximum(n - 1, 0) // 2], ranked[rows, np.minimum(n // 2, values.shape[1] - 1)]
    return np.where(n > 0, (np.nan_to_num(low) + np.nan_to_num(high)) / 2, 0.0)


def _window_median(values: np.ndarray, reach: int) -> np.ndarray:
    padded = np.pad(values, ((0, 0), (reach, reach)), constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=1)
    flat = _row_median(windows.reshape(-1, 2 * reach + 1)).reshape(values.shape)
    # Half an empty window says less than the whole series.
    enough = np.isfinite(windows).sum(axis=2) > reach
    return np.where(enough, flat, _row_median(values)[:, None])


def _shape(qty: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Shape k of `variance = mean + mean^2 / k`, by robust figures; huge where counts vary like Poisson, (n, 1)."""
    spread = _MAD_TO_SD * _row_median(np.abs(qty - middle[:, None]))
    more = spread**2 - middle
    return np.where(more > 0, middle**2 / np.where(more > 0, more, 1.0), np.inf).clip(1e-3, 1e9)[:, None]


def _even(qty: np.ndarray, k: np.ndarray) -> np.ndarray:
    """`2 sqrt(k) asinh(sqrt(x / k))`: the scale on which such counts vary by about 1 whatever their mean.

    Anscombe, Biometrika 35 (1948) 246: rises like the root of a small and the logarithm of a large count.
    """
    return 2.0 * np.sqrt(k) * np.arcsinh(np.sqrt(np.maximum(qty, 0.0) / k))


def _back(level: np.ndarray, k: np.ndarray) -> np.ndarray:
    return k * np.sinh(level / (2.0 * np.sqrt(k))) ** 2


def _comes_back(residual: np.ndarray, season_length: int) -> np.ndarray:
    """Whether in every other year known, one bucket to either side, stands a peak of half the height."""
    buckets = residual.shape[1]
    largest = np.maximum(residual, np.maximum(_shifted(residual, 1), _shifted(residual, -1)))
    least = np.full(residual.shape, np.inf)
    years = [years for years in range(-(buckets // season_length), buckets // season_length + 1) if years]
    for year in years:
        other = _shifted(largest, year * season_length)
        least = np.where(np.isfinite(other), np.minimum(least, other), least)
    return np.isfinite(least) & (least >= _SEASON_SHARE * residual)


def _shifted(values: np.ndarray, by: int) -> np.ndarray:
    out = np.full(values.shape, -np.inf)
    if abs(by) < values.shape[1]:
        if by > 0:
            out[:, by:] = values[:, :-by]
        else:
            out[:, :by] = values[:, -by:]
    return out
