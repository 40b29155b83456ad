"""Forecast of new item-locations: analogs as known on the launch day, and own sales since."""

from dataclasses import dataclass

import numpy as np

from stockstrata.forecasting.new_products.curve import analog_curves, common_curve, completed_profiles
from stockstrata.forecasting.new_products.launches import KnownDemand, Launches
from stockstrata.forecasting.new_products.posterior import (
    LevelPosterior,
    LevelPrior,
    level_posterior,
    level_prior,
    taylor_exponent,
)
from stockstrata.forecasting.new_products.similarity import Analogs, Attributes, nearest
from stockstrata.panel import DemandPanel
from stockstrata.parameters import NewProductSettings


@dataclass(frozen=True)
class LaunchPriors:
    """What was known of m new item-locations on their launch day.

    Attributes:
        rows: their rows in the panel, (m,).
        analogs: whom they are like.
        analog_level_qty: settled demand of a bucket of each analog, units, NaN where there is none, (m, K).
        is_launch: whether the analog's own launch was compared; otherwise its newest year was, (m, K).
        curve: share of the settled level by bucket of age; 1 from the end of the launch curve on, (m, A).
        level: prior of the settled level, NaN where there is no analog.
        bucket_days: days in a bucket.
    """

    rows: np.ndarray
    analogs: Analogs
    analog_level_qty: np.ndarray
    is_launch: np.ndarray
    curve: np.ndarray
    level: LevelPrior
    bucket_days: float

    @property
    def has_analog(self) -> np.ndarray:
        """Whether there is anything to go by, (m,)."""
        return np.asarray((self.analogs.place >= 0).any(axis=1))

    def select(self, held: np.ndarray) -> "LaunchPriors":
        """The priors of some of them."""
        analogs = Analogs(self.analogs.place[held], self.analogs.similarity_rate[held], self.analogs.weight_rate[held])
        return LaunchPriors(
            self.rows[held], analogs, self.analog_level_qty[held], self.is_launch[held], self.curve[held],
            self.level.select(held), self.bucket_days,
        )  # fmt: skip


def launch_priors(
    panel: DemandPanel,
    compared: Attributes,
    begun: Launches,
    rows: np.ndarray,
    *,
    depth: int,
    settings: NewProductSettings,
) -> LaunchPriors:
    """Analogs, curve and level of new item-locations from demand before each one's own launch.

    Nothing at or after the bucket of a launch enters its prior: own sales speak in the update alone, and a back-test at
    any age of the item-location sees exactly the prior that was to be had then.

    Args:
        panel: demand history up to the cut-off.
        compared: what item-locations are compared by, rows as in `panel.keys`.
        begun: beginnings of all item-locations.
        rows: the new ones, (m,).
        depth: buckets of age that a curve is wanted for.
        settings: analogs, curve and level.
    """
    known = KnownDemand(panel, begun)
    length = max(int(np.ceil(settings.curve_days / panel.mean_bucket_days)), 1)
    wide = (len(rows), settings.analog_count)
    place, is_launch = np.full(wide, -1, dtype=np.int64), np.zeros(wide, dtype=bool)
    rate, weight, level = np.zeros(wide), np.zeros(wide), np.full(wide, np.nan)
    curve = np.ones((len(rows), max(depth, length)))
    prior = np.full((4, len(rows)), np.nan)
    ends = np.minimum(begun.start[rows], len(panel.bucket_start_dates))
    for end in np.unique(ends):
        held = np.flatnonzero(ends == end)
        profiles = completed_profiles(known, int(end), length)
        common = common_curve(profiles, settings.curve_shrinkage_launches)
        levels = known.levels(int(end), common, settings)
        candidates = np.flatnonzero(levels.is_known)
        age = np.maximum(end - begun.start, 0)
        analogs = nearest(compared, rows[held], candidates, levels.is_launch, age, settings)
        found = analogs.place
        place[held], rate[held], weight[held] = found, analogs.similarity_rate, analogs.weight_rate
        is_launch[held] = levels.is_launch[found] & (found >= 0)
        level[held] = np.where(found >= 0, levels.level_qty[found], np.nan)
        curve[held, :length] = analog_curves(
            profiles, found, analogs.weight_rate, common, settings.curve_shrinkage_launches
        )
        told = level_prior(
            levels.level_qty[found],
            levels.dispersion_qty[found],
            levels.bucket_count[found],
            analogs.weight_rate,
            taylor_exponent=taylor_exponent(levels.level_qty[candidates], levels.dispersion_qty[candidates]),
            least_cv=settings.least_level_cv,
            most_cv=settings.most_level_cv,
        )
        prior[:, held] = told.mean_qty, told.variance, told.dispersion_qty, told.taylor_exponent
    prior[:, (place < 0).all(axis=1)] = np.nan
    analogs = Analogs(place, rate, weight)
    return LaunchPriors(rows, analogs, level, is_launch, curve, LevelPrior(*prior), panel.mean_bucket_days)


def update(priors: LaunchPriors, demand: np.ndarray, settings: NewProductSettings) -> LevelPosterior:
    """Posterior of the level after the given demand by bucket of age, NaN where not sold yet, (m, A)."""
    return level_posterior(
        priors.level,
        demand,
        priors.curve[:, : demand.shape[1]],
        discount_rate=settings.level_discount_rate(priors.bucket_days),
        dispersion_buckets=settings.dispersion_prior_buckets(priors.bucket_days),
    )


def spans(priors: LaunchPriors, age: np.ndarray, buckets: np.ndarray) -> np.ndarray:
    """Sum of the curve over the next `buckets` buckets (may be fractional) from an age on, (m,).

    Args:
        priors: of m item-locations.
        age: buckets since the launch; below zero for a launch still to come, (m,).
        buckets: length of the span, (m,).
    """
    sums = np.concatenate([np.zeros((len(age), 1)), np.cumsum(priors.curve, axis=1)], axis=1)
    return _at(sums, age + buckets) - _at(sums, age.astype(float))


def by_bucket(priors: LaunchPriors, age: np.ndarray, depth: int) -> np.ndarray:
    """The curve in each of the next `depth` buckets from an age on, zero before the launch, (m, depth)."""
    ages = age[:, None] + np.arange(depth)[None, :]
    last = priors.curve.shape[1] - 1
    within = np.take_along_axis(priors.curve, np.clip(ages, 0, last), axis=1)
    return np.where(ages < 0, 0.0, np.where(ages > last, 1.0, within))


def _at(sums: np.ndarray, age: np.ndarray) -> np.ndarray:
    """Cumulative curve at a fractional age: nothing before the launch, one a bucket beyond the curve."""
    last = sums.shape[1] - 1
    inside = np.clip(age, 0.0, last)
    low = np.minimum(np.floor(inside).astype(np.int64), last - 1)
    rows = np.arange(len(sums))
    at = sums[rows, low] + (inside - low) * (sums[rows, low + 1] - sums[rows, low])
    return at + np.maximum(age - last, 0.0)
