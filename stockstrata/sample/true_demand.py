"""True demand a week of every item-location, before any stockout hides part of it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.sample.sizes import Scale

RAMP_WEEKS = 8
FADE_WEEKS = 10
_NOISE_CAP = 10.0


@dataclass(frozen=True)
class WeeklyDemand:
    """Demand of n item-locations in W Monday weeks.

    Attributes:
        qty: whole units asked for, int64 (n, W).
        expected_qty: expectation that `qty` was drawn with, (n, W).
        is_active: whether the item was on sale in the week, (n, W).
    """

    qty: np.ndarray
    expected_qty: np.ndarray
    is_active: np.ndarray


def draw_demand(
    items: pd.DataFrame, series: pd.DataFrame, effects: np.ndarray, scale: Scale, rng: np.random.Generator
) -> WeeklyDemand:
    """Draw demand: occurrence is Bernoulli, sizes are gamma (smooth, intermittent) or lognormal (erratic, lumpy).

    Trend, season, life cycle and promotions scale the size of items with demand every week and the chance of demand
    of the others, so that the planted interval and size variation stay what they are.

    Args:
        items: frame of `plan_items`.
        series: frame of `plan_series`.
        effects: promotion multipliers (n, W).
        scale: extent of the company.
        rng: source of randomness.

    Returns:
        Demand with its expectation.
    """
    item = series["item"].to_numpy()
    level, active_by_item = _levels(items, scale)
    is_active = active_by_item[item]
    multiplier = level[item] * effects
    adi = items["adi"].fillna(1.0).to_numpy()[item][:, None]
    is_sparse = items["pattern"].isin(["intermittent", "lumpy"]).to_numpy()[item][:, None]
    chance = np.where(is_sparse, np.minimum(multiplier / adi, 0.95), 1.0) * is_active
    size = series["size_mean"].to_numpy()[:, None] * np.where(is_sparse, 1.0, multiplier)
    noise = _noise(items, item, chance.shape, rng)
    drawn = np.maximum(np.rint(size * noise), 1.0)
    qty = np.where(rng.random(chance.shape) < chance, drawn, 0.0).astype(np.int64)
    planted = items["pattern"].eq("insufficient").to_numpy()[item]
    qty[planted] = 0
    once = np.flatnonzero(items["role"] == "single_sale") * scale.location_count
    qty[once, scale.week_count * 2 // 3] = 3
    expected = np.where(planted[:, None], 0.0, chance * size)
    return WeeklyDemand(qty, expected, is_active)


def _levels(items: pd.DataFrame, scale: Scale) -> tuple[np.ndarray, np.ndarray]:
    """Relative level and on-sale flag, (items, W)."""
    middle = scale.week_starts + 3
    years = (middle - scale.first_date).astype(float) / 365.25
    year_starts = middle.astype("datetime64[Y]").astype("datetime64[D]")
    day_of_year = (middle - year_starts).astype(float)
    trend = np.exp(items["trend"].to_numpy()[:, None] * years)
    angle = 2 * np.pi * (day_of_year - items["season_peak_day"].to_numpy()[:, None]) / 365.25
    season = 1.0 + items["season_amplitude"].to_numpy()[:, None] * np.cos(angle)
    start = items["start_date"].fillna(pd.Timestamp("1900-01-01")).to_numpy().astype("datetime64[D]")[:, None]
    end = items["end_date"].fillna(pd.Timestamp("2200-01-01")).to_numpy().astype("datetime64[D]")[:, None]
    age = (middle - start).astype(float) / 7
    left = (end - middle).astype(float) / 7
    is_active = (age >= 0) & (left >= 0)
    ramp = np.clip(0.3 + 0.7 * age / RAMP_WEEKS, 0.3, 1.0)
    fade = np.clip(0.2 + 0.8 * left / FADE_WEEKS, 0.2, 1.0)
    return trend * season * ramp * fade, is_active


def _noise(items: pd.DataFrame, item: np.ndarray, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Multiplicative noise with mean 1 and the planted squared variation."""
    cv2 = items["cv2"].fillna(1.0).to_numpy()[item][:, None]
    is_wild = items["pattern"].isin(["erratic", "lumpy"]).to_numpy()[item]
    noise = np.empty(shape)
    mild = ~is_wild
    noise[mild] = rng.gamma(1 / cv2[mild], cv2[mild], (int(mild.sum()), shape[1]))
    sigma2 = np.log1p(cv2[is_wild])
    noise[is_wild] = rng.lognormal(-sigma2 / 2, np.sqrt(sigma2), (int(is_wild.sum()), shape[1]))
    return np.minimum(noise, _NOISE_CAP)
