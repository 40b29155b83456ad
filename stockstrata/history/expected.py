"""Demand that the buckets around one let expect: local level, season, and whole units out of fractions.

All arrays are (n series, T buckets). A weight says which share of a bucket tells of demand: 1 for a bucket that was
observed throughout, 0 for one that says nothing, and the in-stock share between.
"""

import numpy as np

LEAST_SEASONAL_GAIN = 0.05
"""Share of the squared error that a season must take away in years it was not read from before it is believed."""

_DUST = 1e-9  # what subtraction leaves of nothing

_SMOOTHING = {52: np.array([1.0, 2.0, 3.0, 2.0, 1.0]), 12: np.array([1.0])}


def expected_demand(
    demand_qty: np.ndarray,
    weight: np.ndarray,
    *,
    span_buckets: float,
    season: np.ndarray | None = None,
    with_own: bool = True,
    with_later: bool = True,
) -> np.ndarray:
    """Demand of a bucket observed throughout, by the buckets before and after it, units per bucket, (n, T).

    A ratio of exponentially weighted sums over both sides, `sum(d^|t-j| x_j) / sum(d^|t-j| w_j s_j) x s_t` with
    `d = exp(-1 / span)`: sales over time in stock, so that a bucket in stock half the time counts half (the ratio
    estimator of Nahmias, Naval Research Logistics 41 (1994) 739, made local). Zero where nothing was ever observed.

    Args:
        demand_qty: demand seen, units; ignored where the weight is zero.
        weight: share of the bucket that tells of demand, 0 to 1.
        span_buckets: buckets in which the weight of a neighbour falls to 1/e.
        season: seasonal factors around 1; None where there is no season.
        with_own: whether a bucket's own demand counts; without, it is foretold by the others alone.
        with_later: whether later buckets count; without, it is what could be told when the bucket closed.

    Example: demand [10, 5, 10] with weights [1, 0.5, 1] gives 10 for each bucket.
    """
    factor = np.ones(demand_qty.shape) if season is None else season
    decay = float(np.exp(-1.0 / span_buckets))
    own, own_exposure = np.where(weight > 0, demand_qty, 0.0), weight * factor
    seen, exposure = _faded(own, decay, with_later), _faded(own_exposure, decay, with_later)
    if not with_own:
        seen, exposure = seen - own, exposure - own_exposure
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.where(exposure > _DUST, seen / np.where(exposure > _DUST, exposure, 1.0), 0.0)
    return np.maximum(level, 0.0) * factor


def season_factors(demand_qty: np.ndarray, weight: np.ndarray, *, season_length: int) -> np.ndarray:
    """Seasonal factors of each bucket around 1, exactly 1 where two years do not show the same season, (n, T).

    Demand over the mean of its own year, by place in the year, smoothed over neighbouring weeks. A season is believed
    where leaving out one year at a time it foretells that year better than the year's mean by `LEAST_SEASONAL_GAIN`.

    Args:
        demand_qty: demand, units.
        weight: share of the bucket that tells of demand, 0 to 1.
        season_length: buckets of a year: 52 or 12.
    """
    count, buckets = demand_qty.shape
    years = buckets // season_length
    out = np.ones((count, buckets))
    if years < 2:
        return out
    shape = (count, years, season_length)
    seen = np.where(weight > 0, demand_qty, 0.0)[:, -years * season_length :].reshape(shape)
    share = weight[:, -years * season_length :].reshape(shape)
    level = _ratio(seen.sum(axis=2), share.sum(axis=2))[:, :, None]
    exposure = share * level
    whole = _profile(seen.sum(axis=1), exposure.sum(axis=1), season_length)
    flat_error, seasonal_error = np.zeros(count), np.zeros(count)
    for year in range(years):
        others = _profile(seen.sum(axis=1) - seen[:, year], exposure.sum(axis=1) - exposure[:, year], season_length)
        flat_error += ((seen[:, year] - exposure[:, year]) ** 2).sum(axis=1)
        seasonal_error += ((seen[:, year] - exposure[:, year] * others) ** 2).sum(axis=1)
    is_seasonal = seasonal_error < (1.0 - LEAST_SEASONAL_GAIN) * flat_error
    place = np.arange(buckets - 1, -1, -1) % season_length
    return np.where(is_seasonal[:, None], whole[:, season_length - 1 - place], out)


def in_whole_units(qty: np.ndarray, unit_qty: np.ndarray) -> np.ndarray:
    """Fractions of a series carried along until they make a whole unit: totals stay within half a unit, (n, T).

    Estimates of 0.2 a week would turn an intermittent history into a steady one; one sale of the usual size every
    so often keeps its pattern and its total.

    Args:
        qty: amounts, at least zero.
        unit_qty: size of the unit of each series, (n,); zero leaves the amounts as they are.

    Example: five amounts of 0.4 in units of 1 become 0, 1, 0, 1, 0.
    """
    unit = np.where(unit_qty > 0, unit_qty, 1.0)[:, None]
    steps = np.floor(np.cumsum(qty, axis=1) / unit + 0.5 + 1e-9)
    whole = np.diff(steps, axis=1, prepend=0.0) * unit
    return np.where(unit_qty[:, None] > 0, whole, qty)


def _faded(values: np.ndarray, decay: float, with_later: bool) -> np.ndarray:
    before, after = np.array(values, dtype=float), np.array(values, dtype=float)
    for bucket in range(1, values.shape[1]):
        before[:, bucket] += decay * before[:, bucket - 1]
        after[:, -1 - bucket] += decay * after[:, -bucket]
    return before + after - values if with_later else before


def _profile(seen: np.ndarray, exposure: np.ndarray, season_length: int) -> np.ndarray:
    """Factors by place in the year, mean 1, (n, S)."""
    kernel = _SMOOTHING.get(season_length, np.array([1.0]))
    reach = len(kernel) // 2
    top = sum(kernel[reach + shift] * np.roll(seen, shift, axis=1) for shift in range(-reach, reach + 1))
    bottom = sum(kernel[reach + shift] * np.roll(exposure, shift, axis=1) for shift in range(-reach, reach + 1))
    # A place that was hardly ever observed leans on 1, with the weight of one average place.
    prior = np.asarray(bottom).mean(axis=1, keepdims=True)
    factors = np.where(prior > 0, (top + 0.1 * prior) / np.where(prior > 0, bottom + 0.1 * prior, 1.0), 1.0)
    return factors / np.maximum(factors.mean(axis=1, keepdims=True), 1e-12)


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    return np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), 0.0)
