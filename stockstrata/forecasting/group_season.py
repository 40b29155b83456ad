"""Seasonal indices that the series of a pool share: a single noisy series shows no season, all of them together do.

Indices are multiplicative, with a mean of one. Each level leans on the one above by how little it knows itself
(empirical Bayes): the pool on one, a family on its pool, a series on its family. Group seasonal indices: Dekker, van
Donselaar & Ouwehand, Int. J. Production Economics 90 (2004) 151; shrinkage: Miller & Williams, Int. J. Forecasting 19
(2003) 669.
"""

from dataclasses import dataclass

import numpy as np

from stockstrata.forecasting.metrics import safe_ratio

LEAST_INDEX = 0.05
"""History is divided by its index: what sells next to nothing in its low season must not be blown up beyond reason."""

LEAST_VARIANCE = 0.05
"""Squared variation of a bucket about the year's mean below which a series weighs no more in its group."""

LARGEST_YEARLY_GROWTH = 2.0
"""Growth of a group from one year to the next, or its inverse, above which history says nothing of its slope."""


@dataclass(frozen=True)
class _Years:
    """Whole years of n series before a cut-off, newest last.

    Attributes:
        ratio: demand over the mean of its year, growth of the group taken out, (n, Y, S); zero where not known.
        is_known: years that a series knows whole and sold in, (n, Y).
    """

    ratio: np.ndarray
    is_known: np.ndarray


@dataclass(frozen=True)
class _Profile:
    """Indices of G groups.

    Attributes:
        index: mean ratio at each position, (G, S).
        noise: variance of such a mean, from how the years differ, (G,); NaN where fewer than two years are known.
    """

    index: np.ndarray
    noise: np.ndarray


def seasonal_indices(demand_qty: np.ndarray, family: np.ndarray, season_length: int) -> np.ndarray:
    """Seasonal indices of the series of a pool, as far as all of them together can tell.

    With Y years, position k: a group's index g(k) is the mean of demand over the mean of its year, over its series and
    years, each series weighed by the inverse of its squared variation. The noise of g is the variance between years
    over Y. Then

        pool = 1 + B(g - 1),  family = pool + B(g - pool),  series = family + t / (t + v / Y) (own - family)

    B: positive part of 1 - noise / mean square of what is shrunk (James & Stein); v: variance of the series' ratios
    between years; t: mean over the pool of (own - family)^2 - v / Y, the variance that series really have of their own.

    Args:
        demand_qty: demand of n series up to a cut-off, NaN before the start of a series only, (n, T).
        family: group of each series inside the pool, whole numbers from 0, (n,).
        season_length: buckets of a year, S.

    Returns:
        Indices (n, S); column k belongs to the bucket k after the cut-off, and to those whole years before and after.
        NaN throughout where the pool knows fewer than two whole years.

    Example: twenty noisy series whose every fourth bucket is twice as large get indices near [0.8, 0.8, 0.8, 1.6].
    """
    years = demand_qty.shape[1] // season_length
    nothing = np.full((len(demand_qty), season_length), np.nan)
    if years < 2:
        return nothing
    known = _whole_years(demand_qty[:, demand_qty.shape[1] - years * season_length :], season_length)
    weight = _weights(known)
    pool = _profile(known, weight, np.zeros(len(family), dtype=np.int64))
    if not np.isfinite(pool.noise[0]):
        return nothing
    of_pool = 1.0 + _kept(pool.index - 1.0, pool.noise) * (pool.index - 1.0)
    families = _profile(known, weight, family)
    away = families.index - of_pool
    of_family = (of_pool + _kept(away, families.noise) * away)[family]
    indices = np.maximum(of_family + _own_part(known, of_family), LEAST_INDEX)
    return indices / indices.mean(axis=1, keepdims=True)


def _whole_years(demand_qty: np.ndarray, season_length: int) -> _Years:
    years = demand_qty.reshape(len(demand_qty), -1, season_length)
    mean = years.mean(axis=2)
    is_known = np.isfinite(mean) & (mean > 0)
    ratio = np.where(is_known[:, :, None], years / np.where(is_known, mean, 1.0)[:, :, None], 0.0)
    # A group that grows by a tenth a year ends its years above their mean, which is no season.
    both = is_known[:, 1:] & is_known[:, :-1]
    change = np.log(np.where(both, mean[:, 1:], 1.0) / np.where(both, mean[:, :-1], 1.0))
    pooled = np.median(change[both]) if both.any() else 0.0
    slope = np.clip(pooled, -np.log(LARGEST_YEARLY_GROWTH), np.log(LARGEST_YEARLY_GROWTH)) / season_length
    place = np.arange(season_length) - (season_length - 1) / 2
    return _Years(ratio / np.exp(slope * place), is_known)


def _weights(known: _Years) -> np.ndarray:
    """Weight of each series: the inverse of its squared variation about the means of its years, (n,)."""
    squares = ((known.ratio - 1.0) ** 2).mean(axis=2) * known.is_known
    variance = safe_ratio(squares.sum(axis=1), known.is_known.sum(axis=1))
    return np.where(np.isfinite(variance), 1.0 / np.maximum(np.nan_to_num(variance), LEAST_VARIANCE), 0.0)


def _profile(known: _Years, weight: np.ndarray, group: np.ndarray) -> _Profile:
    count, (_, years, season) = int(group.max()) + 1, known.ratio.shape
    held = weight[:, None] * known.is_known
    sums, weights = np.zeros((count, years, season)), np.zeros((count, years))
    np.add.at(sums, group, known.ratio * held[:, :, None])
    np.add.at(weights, group, held)
    index = safe_ratio(sums.sum(axis=1), np.broadcast_to(weights.sum(axis=1)[:, None], (count, season)))
    index = np.where(np.isfinite(index), index, 1.0)
    by_year = safe_ratio(sums, np.broadcast_to(weights[:, :, None], sums.shape))
    apart = np.nansum(((by_year - index[:, None]) ** 2).mean(axis=2), axis=1)
    found = (weights > 0).sum(axis=1)
    return _Profile(index, np.where(found > 1, apart / np.maximum(found * (found - 1), 1), np.nan))


def _kept(away: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Share of a deviation that is no noise, (G, 1); none where the noise is not known."""
    square = (away**2).mean(axis=1)
    share = np.maximum(1.0 - safe_ratio(np.nan_to_num(noise), square), 0.0)
    return np.where(np.isfinite(noise) & np.isfinite(share), share, 0.0)[:, None]


def _own_part(known: _Years, of_family: np.ndarray) -> np.ndarray:
    """What each series adds to the index of its family, (n, S)."""
    count = known.is_known.sum(axis=1)
    mean = known.ratio.sum(axis=1) / np.maximum(count, 1)[:, None]
    apart = (((known.ratio - mean[:, None]) ** 2).mean(axis=2) * known.is_known).sum(axis=1)
    is_judged = count > 1
    noise = np.where(is_judged, apart / np.maximum(count * (count - 1), 1), 0.0)
    away = np.where(is_judged[:, None], mean - of_family, 0.0)
    trust = is_judged / np.maximum(noise, LEAST_VARIANCE) ** 2
    excess = (away**2).mean(axis=1) - noise
    real = max(float(safe_ratio((trust * excess).sum(), trust.sum())), 0.0) if is_judged.any() else 0.0
    share = safe_ratio(np.full(len(noise), real), real + noise)
    return np.where(np.isfinite(share), share, 0.0)[:, None] * away
