"""What promotions do to demand: uplift while they run and the dip after, kept apart from the baseline.

Each past promotion of an item-location is one observation: demand over baseline. Observations are noisy, so they are
shrunk towards what promotions do in the family, or in the company, by their random-effects variances.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.panel import KEY

LARGEST_UPLIFT = 20.0
LARGEST_DIP = 0.9
LEAST_POOLED_EVENTS = 3
"""Promotions that a family must have had for its own mean; with fewer the company's is taken."""


ONE_IN_TWENTY = 1.645
"""Quantile of the normal distribution that chance alone exceeds once in twenty times."""

NOISE_POWER = 2.0
"""Power of its mean with which the variance of demand rises: 1 for independent customers, 2 where all buy more at once.
The larger keeps chance from passing for an effect."""


@dataclass(frozen=True)
class PromotionCover:
    """Which share of each bucket promotions and the days after them cover, n series and T buckets.

    Attributes:
        running_rate: share of the bucket's days with a promotion, (n, T).
        after_rate: share of its days in the dip after one, none of them with a promotion, (n, T).
        event: row of `events` that covers most of the bucket, or whose dip it is in; -1 where none, (n, T).
        events: one row a promotion and item-location: `row` (series), `promotion_id`, `expected_uplift_rate`.
    """

    running_rate: np.ndarray
    after_rate: np.ndarray
    event: np.ndarray
    events: pd.DataFrame

    def before(self, buckets: int) -> "PromotionCover":
        """The cover of the first `buckets` buckets."""
        return PromotionCover(
            self.running_rate[:, :buckets], self.after_rate[:, :buckets], self.event[:, :buckets], self.events
        )


@dataclass(frozen=True)
class PromotionEffects:
    """Effects of promotions on n series and of each past promotion.

    Attributes:
        uplift_rate: expected uplift of the next promotion, (n,).
        dip_rate: expected dip after it, (n,).
        own_uplift_rate: mean of the series' own promotions, NaN where it had none, (n,).
        own_event_count: promotions of the series that could be measured, (n,).
        pool_code: what the expectation leans on: `family`, `all`, `stated` (nothing measured anywhere) or `none`, (n,).
        pooled_uplift_rate: the mean it leans on, (n,).
        event_uplift_rate: uplift of each event, shrunk, (events,).
        event_dip_rate: dip of each event, shrunk, (events,).
    """

    uplift_rate: np.ndarray
    dip_rate: np.ndarray
    own_uplift_rate: np.ndarray
    own_event_count: np.ndarray
    pool_code: np.ndarray
    pooled_uplift_rate: np.ndarray
    event_uplift_rate: np.ndarray
    event_dip_rate: np.ndarray


def promotion_cover(
    promotions: pd.DataFrame, keys: pd.DataFrame, bucket_edges: pd.DatetimeIndex, *, dip_days: float
) -> PromotionCover:
    """Lay promotions out over series and buckets.

    Args:
        promotions: `item_id, location_id, promotion_id, start_date, end_date, expected_uplift_rate`, one row a
            promotion and item-location; both days belong to it.
        keys: `item_id, location_id` of n series.
        bucket_edges: starts of T buckets and the end of the last, T + 1 days.
        dip_days: days after a promotion in which demand may fall short.
    """
    count, buckets = len(keys), len(bucket_edges) - 1
    index = pd.MultiIndex.from_frame(keys[KEY])
    ordered = promotions.sort_values([*KEY, "start_date", "promotion_id"], ignore_index=True)
    row = index.get_indexer(pd.MultiIndex.from_frame(ordered[KEY])) if len(ordered) else np.zeros(0, dtype=np.int64)
    held = ordered.loc[row >= 0].reset_index(drop=True)
    row = row[row >= 0]
    edges = bucket_edges.to_numpy(dtype="datetime64[D]").astype(np.int64)
    start = held["start_date"].to_numpy(dtype="datetime64[D]").astype(np.int64)
    end = held["end_date"].to_numpy(dtype="datetime64[D]").astype(np.int64) + 1
    running, event, _ = _laid_out(row, start, end, edges, count)
    after, dip_event, _ = _laid_out(row, end, end + round(dip_days), edges, count)
    running = np.minimum(running, 1.0)
    after = np.minimum(after, 1.0 - running)
    event = np.where(running > 0, event, np.where(after > 0, dip_event, -1))
    events = pd.DataFrame(
        {
            "row": row,
            "promotion_id": held["promotion_id"].astype(str).to_numpy(dtype=object),
            "expected_uplift_rate": pd.to_numeric(held["expected_uplift_rate"], errors="coerce").to_numpy(dtype=float),
        }
    )
    return PromotionCover(running.reshape(count, buckets), after.reshape(count, buckets), event, events)


def promotion_effects(
    demand_qty: np.ndarray, baseline_qty: np.ndarray, in_stock_rate: np.ndarray, cover: PromotionCover,
    *, families: Sequence[str],
) -> PromotionEffects:  # fmt: skip
    """Measure promotions and shrink what was measured.

    An event's ratio is `sum(demand) / sum(baseline x in-stock share x cover)`; its variance that of the noise around
    the baseline. The mean of a family and the variance between its events are those of DerSimonian and Laird
    (Controlled Clinical Trials 7 (1986) 177); an event and the mean of a series are drawn towards it by
    `between / (between + own variance)` (Efron and Morris, J. Amer. Statist. Assoc. 70 (1975) 311).

    Args:
        demand_qty: demand of the past buckets without spikes, units, (n, T).
        baseline_qty: demand to be expected without promotions and with stock, units, (n, T).
        in_stock_rate: share of the bucket in stock, (n, T); what sold out tells nothing and has a share of 0.
        cover: past promotions.
        families: family of each series, empty where unknown, (n,).
    """
    exposure = baseline_qty * in_stock_rate
    calm = (cover.running_rate <= 0) & (cover.after_rate <= 0) & (in_stock_rate >= 1)
    noise = _ratio(((demand_qty - exposure) ** 2 * calm).sum(axis=1), (exposure * calm).sum(axis=1) ** 2)
    noise = noise * calm.sum(axis=1)  # squared variation of one bucket around its baseline
    row = cover.events["row"].to_numpy(dtype=np.int64)
    family = np.array([str(name) for name in families], dtype=object)
    up = _measured(demand_qty, exposure, cover.running_rate, cover, noise)
    down = _measured(demand_qty, exposure, cover.after_rate, cover, noise)
    uplift, dip = _pooled(up, family[row]), _pooled(down, family[row])
    stated = cover.events["expected_uplift_rate"].to_numpy(dtype=float)
    means = _series_means(up, uplift, row, family)
    has_any = bool(up.is_measured.any())
    rate, pool, pooled = means.rate, means.pool_code, means.pooled_rate
    if not has_any:
        # Nobody measured a promotion yet: what the promotion itself promises is all there is.
        promised = _mean_by(np.nan_to_num(stated), np.isfinite(stated), row, len(family))
        rate = pooled = np.nan_to_num(promised)
        pool = np.where(np.isfinite(promised), "stated", "none").astype(object)
    return PromotionEffects(
        uplift_rate=np.clip(rate, 0.0, LARGEST_UPLIFT),
        dip_rate=np.clip(-_series_means(down, dip, row, family).rate, 0.0, LARGEST_DIP),
        own_uplift_rate=_mean_by(up.rate, up.is_measured, row, len(family)),
        own_event_count=np.bincount(row[up.is_measured], minlength=len(family)),
        pool_code=pool,
        pooled_uplift_rate=np.clip(pooled, 0.0, LARGEST_UPLIFT),
        event_uplift_rate=np.clip(uplift.shrunk_rate, 0.0, LARGEST_UPLIFT),
        event_dip_rate=np.clip(-dip.shrunk_rate, 0.0, LARGEST_DIP),
    )


def demand_factor(cover: PromotionCover, uplift_rate: np.ndarray, dip_rate: np.ndarray) -> np.ndarray:
    """Demand with promotions over demand without, (n, T): exactly 1 where none is near.

    Args:
        cover: promotions by bucket.
        uplift_rate: uplift of a bucket with a promotion throughout, (n,) or (n, T).
        dip_rate: dip of a bucket after one, likewise.

    Example: an uplift of 0.6 over half a bucket gives 1.3.
    """
    up = uplift_rate[:, None] if uplift_rate.ndim == 1 else uplift_rate
    down = dip_rate[:, None] if dip_rate.ndim == 1 else dip_rate
    return (1.0 + up * cover.running_rate) * (1.0 - down * cover.after_rate)


def past_factor(cover: PromotionCover, effects: PromotionEffects) -> np.ndarray:
    """`demand_factor` of past buckets, each with the effect that its own promotion was measured to have, (n, T)."""
    at = np.maximum(cover.event, 0)
    has = cover.event >= 0
    if not len(effects.event_uplift_rate):
        return np.ones(cover.event.shape)
    return demand_factor(
        cover,
        np.where(has, effects.event_uplift_rate[at], 0.0),
        np.where(has, effects.event_dip_rate[at], 0.0),
    )


@dataclass(frozen=True)
class _Measured:
    rate: np.ndarray
    variance: np.ndarray
    is_measured: np.ndarray


@dataclass(frozen=True)
class _Pooled:
    """Mean and variance between events by family and for all, and each event drawn towards its mean."""

    mean: dict[str, float]
    between: dict[str, float]
    shrunk_rate: np.ndarray


@dataclass(frozen=True)
class _SeriesMeans:
    rate: np.ndarray
    pool_code: np.ndarray
    pooled_rate: np.ndarray


_ALL = "\0all"


def _measured(
    demand: np.ndarray, exposure: np.ndarray, rate: np.ndarray, cover: PromotionCover, noise: np.ndarray
) -> _Measured:
    count = len(cover.events)
    inside = (rate > 0) & (cover.event >= 0)
    series, bucket = np.nonzero(inside)
    event = cover.event[series, bucket]
    base, share = exposure[series, bucket], rate[series, bucket]
    got = demand[series, bucket] * (base > 0)
    # sum(x) = sum(b) + u sum(b c): the part of a bucket outside the promotion sells as ever.
    covered = np.bincount(event, weights=base * share, minlength=count)
    excess = np.bincount(event, weights=got - base, minlength=count)
    spread = np.bincount(event, weights=base**2, minlength=count) * noise[cover.events["row"].to_numpy(dtype=np.int64)]
    found = covered > 0
    safe = np.where(found, covered, 1.0)
    value = np.where(found, np.maximum(excess / safe, -1.0), 0.0)
    # Noise grows with demand. By the mean of all events: by its own, an event that fell short would count for more.
    typical = 1.0 + (excess[found].sum() / covered[found].sum() if found.any() else 0.0)
    variance = np.where(found, spread / safe**2 * max(typical, 0.25) ** NOISE_POWER, 0.0)
    return _Measured(value, np.maximum(variance, 1e-6), found)


def _pooled(measured: _Measured, family: np.ndarray) -> _Pooled:
    mean: dict[str, float] = {}
    between: dict[str, float] = {}
    groups = [_ALL, *sorted({str(name) for name in family} - {""})]
    for name in groups:
        held = measured.is_measured & ((family == name) | (name == _ALL))
        if held.sum() >= (1 if name == _ALL else LEAST_POOLED_EVENTS):
            mean[name], between[name] = _random_effects(measured.rate[held], measured.variance[held])
    code = np.array([name if name in mean else _ALL for name in family], dtype=object)
    centre = np.array([mean.get(name, 0.0) for name in code])
    spread = np.array([between.get(name, 0.0) for name in code])
    weight = np.where(measured.is_measured, spread / (spread + measured.variance), 0.0)
    return _Pooled(mean, between, centre + weight * (measured.rate - centre))


def _random_effects(rate: np.ndarray, variance: np.ndarray) -> tuple[float, float]:
    """Mean and variance between, by DerSimonian and Laird.

    Events count as different only where they differ by more than noise does once in twenty times (Cochran's Q).
    """
    weight = 1.0 / variance
    fixed = float((weight * rate).sum() / weight.sum())
    freedom = len(rate) - 1
    surplus = float((weight * (rate - fixed) ** 2).sum()) - freedom
    is_certain = surplus > ONE_IN_TWENTY * np.sqrt(2.0 * freedom)
    scale = float(weight.sum() - (weight**2).sum() / weight.sum())
    between = surplus / scale if scale > 0 and is_certain else 0.0
    both = 1.0 / (variance + between)
    mean = float((both * rate).sum() / both.sum())
    # A mean that is no larger than its own error is none (positive part of James and Stein's estimator).
    error = 1.0 / float(both.sum())
    return mean * max(1.0 - error / mean**2, 0.0) if mean else 0.0, between


def _series_means(measured: _Measured, pooled: _Pooled, row: np.ndarray, family: np.ndarray) -> _SeriesMeans:
    count = len(family)
    held = measured.is_measured
    own = _mean_by(measured.rate, held, row, count)
    events = np.bincount(row[held], minlength=count)
    noise = np.nan_to_num(_mean_by(measured.variance, held, row, count)) / np.maximum(events, 1)
    code = np.array([name if name in pooled.mean else _ALL for name in family], dtype=object)
    centre = np.array([pooled.mean.get(name, 0.0) for name in code])
    between = np.array([pooled.between.get(name, 0.0) for name in code])
    # Events of one item differ as well, so few of them do not stand for the next one.
    variance = noise + between / np.maximum(events, 1)
    total = between + variance
    weight = np.where((events > 0) & (total > 0), between / np.where(total > 0, total, 1.0), 0.0)
    rate = centre + weight * (np.nan_to_num(own) - centre)
    pool = np.where(code == _ALL, "all" if _ALL in pooled.mean else "none", "family").astype(object)
    return _SeriesMeans(rate, pool, centre)


def _mean_by(values: np.ndarray, held: np.ndarray, row: np.ndarray, count: int) -> np.ndarray:
    number = np.bincount(row[held], minlength=count)
    total = np.bincount(row[held], weights=values[held], minlength=count)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _laid_out(
    row: np.ndarray, start: np.ndarray, end: np.ndarray, edges: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share of each bucket that spans [start, end) cover, and the span that covers most of it, (count, T)."""
    buckets = len(edges) - 1
    first = np.clip(np.searchsorted(edges, start, side="right") - 1, 0, buckets)
    last = np.clip(np.searchsorted(edges, end, side="left"), 0, buckets)
    length = np.maximum(last - first, 0)
    span = np.repeat(np.arange(len(row)), length)
    bucket = first[span] + np.arange(len(span)) - np.repeat(np.cumsum(length) - length, length)
    overlap = np.minimum(end[span], edges[bucket + 1]) - np.maximum(start[span], edges[bucket])
    share = np.maximum(overlap, 0) / (edges[bucket + 1] - edges[bucket])
    cell = row[span] * buckets + bucket
    cover = np.bincount(cell, weights=share, minlength=count * buckets).reshape(count, buckets)
    owner = np.full(count * buckets, -1)
    order = np.argsort(share, kind="stable")
    kept = order[share[order] > 0]
    owner[cell[kept]] = span[kept]
    return cover, owner.reshape(count, buckets), share


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    return np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), 0.0)
