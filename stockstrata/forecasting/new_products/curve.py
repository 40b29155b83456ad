"""Launch curves: demand of each bucket of age over the settled level, from launches that are behind us.

A curve is a step function over bands of age that double in length, because single buckets of a few launches are noise.
It is estimated as a ratio of sums and shrunk: that of all launches towards no curve at all, that of the analogs towards
that of all launches. Each launch is divided by the root of its own mean. Undivided, the largest would be all that
counts; divided by the mean, one that died after its first sale would count as much as any, and the first bucket would
come out far too high.
"""

from dataclasses import dataclass

import numpy as np

from stockstrata.forecasting.metrics import safe_ratio
from stockstrata.forecasting.new_products.launches import KnownDemand

_LEAST_SHARE = 0.05
"""A curve never falls below this share of the settled level: a level cannot be told from buckets that say nothing."""


@dataclass(frozen=True)
class Profiles:
    """Completed launches, scaled.

    Attributes:
        rows: their rows in the panel, (l,).
        band_qty: demand of a bucket in each band over the root of the launch's mean, (l, B).
        settled_qty: demand of a bucket in the later half of the curve, likewise, (l,).
        bands: first bucket of each band and the end of the last, (B + 1,).
    """

    rows: np.ndarray
    band_qty: np.ndarray
    settled_qty: np.ndarray
    bands: np.ndarray


def age_bands(length: int) -> np.ndarray:
    """Edges of bands that double in length. Example: 26 buckets give 0, 1, 2, 4, 8, 16, 26."""
    edges = [0, 1]
    while edges[-1] * 2 < length:
        edges.append(edges[-1] * 2)
    return np.array([*edges, length] if length > 1 else [0, 1], dtype=np.int64)


def completed_profiles(demand: KnownDemand, end: int, length: int) -> Profiles:
    """Launches whose first `length` buckets lie before bucket `end`, and sold something in them."""
    begun = demand.begun
    rows = np.flatnonzero(begun.is_seen & (begun.start + length <= end))
    first = demand.first_buckets(rows, length)
    mean = first.mean(axis=1) if length else np.zeros(0)
    rows, first, mean = rows[mean > 0], first[mean > 0], mean[mean > 0]
    bands = age_bands(length)
    scaled = first / np.sqrt(mean)[:, None]
    band = np.add.reduceat(scaled, bands[:-1], axis=1) / np.diff(bands)
    return Profiles(rows, band, scaled[:, length // 2 :].mean(axis=1), bands)


def common_curve(profiles: Profiles, shrinkage_launches: float) -> np.ndarray:
    """Curve of all completed launches, shrunk towards 1, (A,).

    Example: without launches all ones.
    """
    raw = safe_ratio(profiles.band_qty.sum(axis=0), np.full(len(profiles.bands) - 1, profiles.settled_qty.sum()))
    count = float(len(profiles.rows)) * np.isfinite(raw)
    band = (count * np.nan_to_num(raw) + shrinkage_launches) / (count + shrinkage_launches)
    return _by_bucket(band, profiles.bands)


def analog_curves(
    profiles: Profiles, place: np.ndarray, weight: np.ndarray, common: np.ndarray, shrinkage_launches: float
) -> np.ndarray:
    """Curve of each new item-location: that of its analogs, shrunk towards the common one, (m, A).

    Args:
        profiles: completed launches.
        place: rows of the analogs in the panel, (m, K).
        weight: their weights, (m, K).
        common: curve of all launches, (A,).
        shrinkage_launches: launches that the common curve is worth.
    """
    spot = np.searchsorted(profiles.rows, place)
    inside = spot < len(profiles.rows)
    held = inside & (profiles.rows[np.where(inside, spot, 0)] == place) if len(profiles.rows) else inside & False
    share = np.where(held, weight, 0.0)
    spot = np.where(held, spot, 0)
    wide = np.zeros((len(place), len(profiles.bands) - 1))
    settled = np.zeros(len(place))
    if len(profiles.rows):
        wide = np.einsum("mk,mkb->mb", share, profiles.band_qty[spot])
        settled = (share * profiles.settled_qty[spot]).sum(axis=1)
    raw = safe_ratio(wide, np.broadcast_to(settled[:, None], wide.shape))
    # What unequal weights are worth as equal ones (Kish 1965).
    count = np.nan_to_num(safe_ratio(share.sum(axis=1) ** 2, (share**2).sum(axis=1)))[:, None] * np.isfinite(raw)
    base = common[profiles.bands[:-1]][None, :]
    band = (count * np.nan_to_num(raw) + shrinkage_launches * base) / (count + shrinkage_launches)
    return _by_bucket(band, profiles.bands)


def _by_bucket(band: np.ndarray, bands: np.ndarray) -> np.ndarray:
    return np.repeat(np.maximum(band, _LEAST_SHARE), np.diff(bands), axis=-1)
