"""How wrong a forecast may be: variance of demand over an interval, and of single buckets, from rolling-origin errors.

The variance of cumulative demand is measured on cumulative errors: the square root rule on one-step errors falls short
wherever the level itself is uncertain (formulas 1.4). A series has few origins, so its own figure is shrunk towards
what its segment shows.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.forecasting.metrics import masked_mean, ordered_sum, safe_ratio

LEAST_POOLED_SERIES = 10
"""A segment with fewer validated series borrows the figure of its pool, then of all series."""

LARGEST_OUTLIER = 10.0
"""Multiple of its group's median up to which a single series counts in the group's mean."""

LEAST_FREEDOM = 4.0
"""Below four degrees of freedom the variance of Student's t runs away; twice the estimate is wide enough."""

LEAST_OPTIMISM_RATIO = 0.25
"""Choosing among models never flatters by more than half the standard deviation in earnest."""

UNKNOWN_DISPERSION = 1.0
"""Standard deviation over mean of a bucket where not one series could be validated."""


@dataclass(frozen=True)
class ErrorSums:
    """What is kept of the errors of n series from K origins at D lags: each row comes from its series alone.

    Attributes:
        interval_variance: mean squared cumulative error over the protection interval, units squared, NaN where no
            origin was judged, (n,).
        square_sum: sum of all squared errors, (n,).
        square_count: how many they are, (n,).
        lag_square_sum: sum of the squared errors at each lag, (n, D).
        lag_square_count: how many they are, (n, D).
        origin_square_sum: sum of the squared errors of each origin, (n, K).
        origin_square_count: how many they are, (n, K).
    """

    interval_variance: np.ndarray
    square_sum: np.ndarray
    square_count: np.ndarray
    lag_square_sum: np.ndarray
    lag_square_count: np.ndarray
    origin_square_sum: np.ndarray
    origin_square_count: np.ndarray


@dataclass(frozen=True)
class ForecastErrors:
    """Back-test of the champions of n series.

    Attributes:
        sums: their errors, summed up.
        fold_count: origins, (n,).
        independent_folds: what overlapping origins are worth, (n,).
        optimism_ratio: squared error of the champion over that of choosing without looking, (n,), NaN where unknown.
        horizon: buckets that the champion was judged at, (n,).
        length: history, buckets, (n,).
        mean_qty: mean demand of a bucket, (n,).
        groups: columns of codes to pool over, narrowest first, n rows.
    """

    sums: ErrorSums
    fold_count: np.ndarray
    independent_folds: np.ndarray
    optimism_ratio: np.ndarray
    horizon: np.ndarray
    length: np.ndarray
    mean_qty: np.ndarray
    groups: pd.DataFrame


def interval_growth(buckets: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Variance of cumulative error over that of one bucket, for independent demand with an estimated mean.

    `x + x^2 / n` for x buckets and n buckets of history: noise of the interval plus error of the mean, carried along.

    Example: 4 buckets from 16 of history: 5.0.
    """
    return buckets + buckets**2 / np.maximum(length, 1)


def error_sums(error_qty: np.ndarray, *, buckets: np.ndarray, horizon: np.ndarray, length: np.ndarray) -> ErrorSums:
    """Sum up what pooling needs of the errors of each series.

    Args:
        error_qty: forecast minus actual, (n, K, D), NaN where nothing was judged.
        buckets: protection interval, may be fractional, (n,).
        horizon: buckets that the champion was judged at, (n,).
        length: history, buckets, (n,).
    """
    squares = error_qty**2
    found = np.isfinite(squares)
    filled = np.where(found, squares, 0.0)
    by_origin = ordered_sum(filled)
    return ErrorSums(
        interval_variance=_own_variance(error_qty, buckets, horizon, length),
        square_sum=ordered_sum(by_origin),
        square_count=found.sum(axis=(1, 2)),
        lag_square_sum=ordered_sum(np.moveaxis(filled, 1, 2)),
        lag_square_count=found.sum(axis=1),
        origin_square_sum=by_origin,
        origin_square_count=found.sum(axis=2),
    )


@dataclass(frozen=True)
class IntervalSpread:
    """Spread of demand over the protection interval.

    Attributes:
        variance: of demand over the interval, to be used with a distribution, units squared, (n,).
        scale_qty: root of the shrunk mean squared error, without what widens it for a distribution, units, (n,).
        known_scale_qty: the same over the judged horizon as it looked at each origin, (n, K).
        known_sd_qty: the root of `variance` over that horizon, likewise, units, (n, K).
    """

    variance: np.ndarray
    scale_qty: np.ndarray
    known_scale_qty: np.ndarray
    known_sd_qty: np.ndarray


def interval_variance(errors: ForecastErrors, buckets: np.ndarray, *, shrinkage_origins: float) -> np.ndarray:
    """Variance of demand over the next `buckets` buckets (may be fractional), units squared, (n,).

    Own is the mean squared cumulative error about zero at the whole horizons around `buckets`, joined by a straight
    line; where history only allowed a shorter horizon, extrapolated by `interval_growth`. Then

        (K own + w pooled) / (K + w)  /  optimism  x  (K + w) / (K + w - 2)

    K: independent origins; w: `shrinkage_origins`; pooled: the segment's mean of own / (growth x step variance), times
    the series' own growth and step variance. Optimism: the champion was chosen on the same errors, so they flatter it;
    the segment's mean ratio of champion to held-out error takes that back. The last factor is the variance of Student's
    t with K + w degrees of freedom: the variance is itself an estimate, and a quantile of it must carry that.

    Args:
        errors: back-test of the champions.
        buckets: length of the interval, (n,).
        shrinkage_origins: weight of the segment, in origins.
    """
    growth = interval_growth(buckets, errors.length)
    own = errors.sums.interval_variance
    step = step_variance(errors, shrinkage_origins=shrinkage_origins)
    prior = _pooled(safe_ratio(own, growth * step), errors, unknown=1.0) * growth * step
    blend = _shrunk(own, prior, errors.independent_folds, shrinkage_origins)
    return blend / _optimism(errors) * _student(errors.independent_folds, shrinkage_origins)


def interval_spread(
    errors: ForecastErrors,
    buckets: np.ndarray,
    origin_error_qty: np.ndarray,
    origin_reach: np.ndarray,
    origin_mean_qty: np.ndarray,
    origin_sd_qty: np.ndarray,
    *,
    shrinkage_origins: float,
) -> IntervalSpread:
    """Spread of demand over the next `buckets` buckets, and as it looked at each of the origins.

    `scale_qty` squared is the first fraction of `interval_variance`, with the segment's mean of own / (growth x squared
    mean demand) as what is pooled: what an error is divided by must not know it, and the step variance does. For the
    same reason an origin is judged by the errors of older origins alone, and only by those whose horizon was over:
    neighbours share the demand that they are judged at, and a spread that knows it flatters every quantile.

    Args:
        errors: back-test of the champions.
        buckets: length of the interval, (n,).
        origin_error_qty: cumulative error at the judged horizon from each origin, newest first, (n, K), NaN where
            there is none.
        origin_reach: how many places older an origin must be for its horizon to be over, (n,).
        origin_mean_qty: mean demand of a bucket as known at the newest origins, (n, J).
        origin_sd_qty: standard deviation of demand over the horizon in the runs known there, (n, J).
        shrinkage_origins: weight of the segment, in origins.
    """
    weight = shrinkage_origins
    growth = interval_growth(buckets, errors.length)
    own = errors.sums.interval_variance
    level = errors.mean_qty**2 * growth
    prior = _pooled(safe_ratio(own, level), errors, unknown=UNKNOWN_DISPERSION) * level
    known, count = _known_square(origin_error_qty, origin_reach)
    share = safe_ratio(errors.independent_folds, errors.fold_count)
    independent = np.nan_to_num(share)[:, None] * count
    judged_prior = (prior * safe_ratio(interval_growth(errors.horizon, errors.length), growth))[:, None]
    judged_prior = np.repeat(judged_prior, known.shape[1], axis=1)
    for slot in range(min(origin_mean_qty.shape[1], known.shape[1])):
        judged_prior[:, slot] = _known_prior(
            errors, known[:, slot], origin_mean_qty[:, slot], origin_sd_qty[:, slot], judged_prior[:, slot]
        )
    blend = _shrunk(known, judged_prior, independent, weight)
    return IntervalSpread(
        variance=interval_variance(errors, buckets, shrinkage_origins=weight),
        scale_qty=np.sqrt(_shrunk(own, prior, errors.independent_folds, weight)),
        known_scale_qty=np.sqrt(blend),
        known_sd_qty=np.sqrt(blend / _optimism(errors)[:, None] * _student(independent, weight)),
    )


def _known_prior(
    errors: ForecastErrors, square: np.ndarray, mean_qty: np.ndarray, sd_qty: np.ndarray, unknown: np.ndarray
) -> np.ndarray:
    """Squared error over the judged horizon that an origin could expect of its segment, (n,).

    Where no horizon was over yet, the runs of the history stand in for errors; what the origin cannot know, such as a
    fall in demand that all series share, must not make its spread.
    """
    level = mean_qty**2 * interval_growth(errors.horizon, errors.length)
    seen = np.where(np.isfinite(square), square, sd_qty**2)
    pooled = _pooled(safe_ratio(seen, level), errors, unknown=UNKNOWN_DISPERSION) * level
    # What had not sold yet has no level to go by.
    return np.where(level > 0, pooled, unknown)


def _optimism(errors: ForecastErrors) -> np.ndarray:
    # The ratio is pooled the way round that is bounded: a champion without error must not make its segment infinite.
    return np.clip(_pooled(errors.optimism_ratio, errors, unknown=1.0), LEAST_OPTIMISM_RATIO, 1.0)


def _student(folds: np.ndarray, shrinkage_origins: float) -> np.ndarray:
    freedom = np.maximum(folds + shrinkage_origins, LEAST_FREEDOM)
    return freedom / (freedom - 2.0)


def _known_square(error_qty: np.ndarray, reach: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean squared error of the origins whose horizon was over at each origin, and how many they are, (n, K)."""
    squares = error_qty**2
    found = np.isfinite(squares)
    # Summed from the oldest on: what stands at a place is it and all that is older.
    older = np.cumsum(np.where(found, squares, 0.0)[:, ::-1], axis=1)[:, ::-1]
    counted = np.cumsum(found[:, ::-1], axis=1)[:, ::-1]
    place = np.arange(error_qty.shape[1])[None, :] + np.maximum(reach, 1)[:, None]
    inside = place < error_qty.shape[1]
    place = np.minimum(place, error_qty.shape[1] - 1)
    count = np.where(inside, np.take_along_axis(counted, place, axis=1), 0)
    return safe_ratio(np.take_along_axis(older, place, axis=1), count), count


def bounded_by_lumps(variance: np.ndarray, mean_qty: np.ndarray, largest_qty: np.ndarray) -> np.ndarray:
    """Variance no larger than demand of that mean could have if it came in lumps as large as any seen.

    A quantity between 0 and M with mean m varies by at most m (M - m) (Bhatia & Davis, Amer. Math. Monthly 107
    (2000) 353); m max(M, m) leaves room for growth. Without the bound the errors made while an item still sold would
    stand beside a forecast of almost nothing, and the buffer would be without limit.

    Args:
        variance: of demand over an interval, units squared, (n,).
        mean_qty: its forecast, (n,).
        largest_qty: largest demand of any such interval in the history, (n,).

    Example: a forecast of 0.001 units after lumps of 300 has a variance of at most 0.3.
    """
    return np.minimum(variance, mean_qty * np.maximum(largest_qty, mean_qty))


def largest_windows(demand_qty: np.ndarray, buckets: np.ndarray) -> np.ndarray:
    """Largest demand of any run of ceil(`buckets`) buckets in each history, units, (n,).

    Args:
        demand_qty: (n, T), NaN before a series begins.
        buckets: length of the run, (n,); a run longer than the history is the whole history.
    """
    run = np.clip(np.ceil(buckets - 1e-9).astype(np.int64), 1, demand_qty.shape[1])
    totals = np.concatenate([np.zeros((len(demand_qty), 1)), np.nancumsum(demand_qty, axis=1)], axis=1)
    largest = np.zeros(len(demand_qty))
    for length in np.unique(run):
        rows = run == length
        largest[rows] = (totals[rows, length:] - totals[rows, :-length]).max(axis=1)
    return largest


def step_variance(errors: ForecastErrors, *, shrinkage_origins: float) -> np.ndarray:
    """Variance of one bucket's error over all lags, shrunk towards the segment's squared variation, (n,)."""
    own = _step(errors.sums)
    prior = _pooled(safe_ratio(own, errors.mean_qty**2), errors, unknown=UNKNOWN_DISPERSION) * errors.mean_qty**2
    # A series whose champion never erred, from as many origins as the segment weighs, is certain demand.
    is_certain = (own == 0) & (errors.fold_count >= shrinkage_origins)
    return np.where(is_certain, 0.0, _shrunk(own, prior, errors.fold_count, shrinkage_origins))


def held_out_step_variance(errors: ForecastErrors, *, shrinkage_origins: float) -> np.ndarray:
    """`step_variance` as it looks without the errors of one origin: what may judge that origin, (n, K)."""
    sums = errors.sums
    own = safe_ratio(
        sums.square_sum[:, None] - sums.origin_square_sum, sums.square_count[:, None] - sums.origin_square_count
    )
    scaled = safe_ratio(_step(sums), errors.mean_qty**2)
    prior = (_pooled(scaled, errors, unknown=UNKNOWN_DISPERSION) * errors.mean_qty**2)[:, None]
    others = np.maximum(errors.fold_count - 1, 0)[:, None]
    return _shrunk(np.maximum(own, 0.0), np.broadcast_to(prior, own.shape), others, shrinkage_origins)


def lag_profile(sums: ErrorSums, rows: np.ndarray, depth: int) -> np.ndarray:
    """Pooled variance at each lag over the mean of all lags, never falling with the lag, (depth,).

    Lags beyond the back-test keep the last value.

    Args:
        sums: summed errors of all series.
        rows: the series to pool, whether or where they are.
        depth: lags wanted.
    """
    step = _step(sums)[rows, None]
    scaled = safe_ratio(sums.lag_square_sum[rows], np.broadcast_to(step, sums.lag_square_sum[rows].shape))
    found = np.where(np.isfinite(scaled), sums.lag_square_count[rows], 0)
    by_lag = safe_ratio(np.where(found > 0, scaled, 0.0).sum(axis=0), found.sum(axis=0))
    by_lag = np.where(np.isfinite(by_lag), by_lag, 0.0)
    profile = np.maximum.accumulate(by_lag) if by_lag.max(initial=0.0) > 0 else np.ones(len(by_lag))
    return np.append(profile, np.full(max(depth - len(profile), 0), profile[-1]))[:depth]


def _shrunk(own: np.ndarray, prior: np.ndarray, fold_count: np.ndarray, shrinkage_origins: float) -> np.ndarray:
    weight = np.where(np.isfinite(own), np.broadcast_to(fold_count, own.shape), 0).astype(float)
    total = weight + shrinkage_origins
    blend = (weight * np.where(weight > 0, own, 0.0) + shrinkage_origins * prior) / np.where(total > 0, total, 1.0)
    return np.where(weight > 0, blend, prior)


def _step(sums: ErrorSums) -> np.ndarray:
    return safe_ratio(sums.square_sum, sums.square_count)


def _own_variance(error_qty: np.ndarray, buckets: np.ndarray, horizon: np.ndarray, length: np.ndarray) -> np.ndarray:
    squares = np.cumsum(error_qty, axis=2) ** 2
    # All horizons of a series are judged from the same origins; older origins reach further than the horizon.
    reached = (np.arange(error_qty.shape[2])[None, :] < horizon[:, None])[:, None, :]
    by_horizon = masked_mean(np.moveaxis(np.where(reached, squares, np.nan), 1, 2))
    by_horizon = np.concatenate([np.zeros((len(squares), 1)), by_horizon], axis=1)
    rows, last = np.arange(len(squares)), by_horizon.shape[1] - 1
    low = np.minimum(np.floor(buckets).astype(np.int64), last)
    high = np.minimum(low + 1, last)
    share = np.where(high > low, buckets - low, 0.0)
    at_low, at_high = by_horizon[rows, low], by_horizon[rows, high]
    between = np.where(share > 0, at_low + share * (at_high - at_low), at_low)
    judged = by_horizon[rows, horizon]
    stretched = judged * safe_ratio(interval_growth(buckets, length), interval_growth(horizon, length))
    return np.where(horizon >= buckets, between, stretched)


def _pooled(scaled: np.ndarray, errors: ForecastErrors, *, unknown: float) -> np.ndarray:
    """Mean of the scaled figures weighted by origins, of the narrowest group with enough series, (n,).

    A figure counts for at most `LARGEST_OUTLIER` times its group's median: a series with next to no demand has no scale
    and would carry the whole group away.
    """
    found = np.isfinite(scaled) & (errors.fold_count > 0)
    weight = np.where(found, errors.fold_count, 0).astype(float)
    values = pd.Series(np.where(found, scaled, np.nan))
    out = np.full(len(scaled), unknown)
    everything = pd.DataFrame({"all": np.zeros(len(scaled))})
    for groups in (everything["all"], *(errors.groups[name] for name in reversed(errors.groups.columns))):
        code = groups.to_numpy()
        median = np.asarray(values.groupby(code).transform("median"), dtype=float)
        capped = np.where(found, np.minimum(values.to_numpy(), LARGEST_OUTLIER * median), 0.0) * weight
        frame = pd.DataFrame({"found": found.astype(float), "sum": capped, "weight": weight})
        sums = frame.groupby(code).transform("sum")
        mean = safe_ratio(sums["sum"].to_numpy(), sums["weight"].to_numpy())
        enough = np.isfinite(mean) & ((sums["found"].to_numpy() >= LEAST_POOLED_SERIES) | (groups.name == "all"))
        out = np.where(enough, mean, out)
    return out
