"""Level of a new item-location: a gamma prior from its analogs, and what its own sales make of it.

Demand of a bucket of age a has mean `level x c(a)` and variance `f x level x c(a)`; `y / f` is then taken as a Poisson
count, whose conjugate prior is the gamma distribution (Gelman et al., Bayesian Data Analysis, 3rd ed., section 2.6):

    level ~ Gamma(m^2 / v, m / v)     after sales y:     Gamma(m^2 / v + sum y / f, m / v + sum c / f)

The posterior mean is the credibility formula of Buehlmann and Straub: prior and own mean, weighted by precision. Older
knowledge fades by `discount_rate` a bucket (West and Harrison, Bayesian Forecasting, section 6.3), since the level of a
young item moves.
"""

from dataclasses import dataclass, fields

import numpy as np

from stockstrata.forecasting.metrics import ordered_sum, safe_ratio
from stockstrata.forecasting.uncertainty import LEAST_FREEDOM

_ROUNDS = 4
"""Rounds in which level and dispersion are found in turn; they settle within a few percent after three."""

LEAST_TAYLOR = 10
"""Item-locations from which the power of Taylor's law is read off."""


@dataclass(frozen=True)
class LevelPrior:
    """What analogs say of m new item-locations.

    Attributes:
        mean_qty: expected demand of a settled bucket, units, (m,).
        variance: of that level between launches, units squared, (m,).
        dispersion_qty: variance over mean of a bucket's demand, units, (m,).
        taylor_exponent: power of the level that the dispersion grows with: lots of a large item are large, (m,).
    """

    mean_qty: np.ndarray
    variance: np.ndarray
    dispersion_qty: np.ndarray
    taylor_exponent: np.ndarray

    def select(self, rows: np.ndarray) -> "LevelPrior":
        """The prior of some of them."""
        return LevelPrior(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class LevelPosterior:
    """What analogs and own sales say together.

    Attributes:
        mean_qty: expected demand of a settled bucket, units, (m,).
        variance: of that level, units squared, (m,).
        dispersion_qty: variance over mean of a bucket's demand, units, (m,).
        credibility_rate: weight of the own sales in the mean, 0 to 1, (m,).
        widening_ratio: what the variance of demand grows by because it is itself an estimate, (m,).
    """

    mean_qty: np.ndarray
    variance: np.ndarray
    dispersion_qty: np.ndarray
    credibility_rate: np.ndarray
    widening_ratio: np.ndarray

    def select(self, rows: np.ndarray) -> "LevelPosterior":
        """The posterior of some of them."""
        return LevelPosterior(*(getattr(self, field.name)[rows] for field in fields(self)))


def level_prior(
    level: np.ndarray,
    dispersion: np.ndarray,
    count: np.ndarray,
    weight: np.ndarray,
    *,
    taylor_exponent: float,
    least_cv: float,
    most_cv: float,
) -> LevelPrior:
    """Prior from the levels of the analogs: their weighted mean, and the variance between launches.

    Variance between: `sum w (l - m)^2 / (1 - sum w^2)`, less what the levels owe to the chance of their own few
    buckets, `sum w f l / n`.

    Args:
        level: settled level of each analog, units a bucket, above zero where it weighs, (m, K).
        dispersion: variance over mean of its demand, units, (m, K).
        count: buckets behind it, (m, K).
        weight: weights, each row sums to 1, or to 0 without an analog, (m, K).
        taylor_exponent: see `LevelPrior`.
        least_cv: least standard deviation of the level over its mean.
        most_cv: largest; also that of a single analog, which shows no variation between launches.

    Example: analogs of 8 and 12 units, equal weights, no chance: mean 10, variance 8.
    """
    used = weight > 0
    held, lumps = np.where(used, level, 0.0), np.where(used, np.nan_to_num(dispersion), 0.0)
    mean = (weight * held).sum(axis=1)
    spread = (weight * (held - mean[:, None]) ** 2).sum(axis=1)
    spread = np.nan_to_num(safe_ratio(spread, 1.0 - (weight**2).sum(axis=1)))
    chance = (weight * np.nan_to_num(safe_ratio(lumps * held, count))).sum(axis=1)
    least, most = (least_cv * mean) ** 2, (most_cv * mean) ** 2
    variance = np.where(used.sum(axis=1) < 2, most, np.clip(spread - chance, least, most))
    return LevelPrior(mean, variance, (weight * lumps).sum(axis=1), np.full(len(mean), taylor_exponent))


def level_posterior(
    prior: LevelPrior, demand: np.ndarray, curve: np.ndarray, *, discount_rate: float, dispersion_buckets: float
) -> LevelPosterior:
    """Update the prior with what was sold since the launch.

    The dispersion is `(w f' + n own) / (w + n)`: f' that of the analogs, carried to the level by Taylor's law; own that
    of the n buckets around their own level; w `dispersion_buckets`. f' and the level rest on each other and are found
    in turn.

    Args:
        prior: of m item-locations.
        demand: units by bucket of age, NaN where not sold yet, (m, A).
        curve: share of the settled level by bucket of age, (m, A).
        discount_rate: share of what was known that still counts one bucket later.
        dispersion_buckets: weight of the analogs in the dispersion, buckets.

    Example: prior mean 10, variance 50, and 4 buckets that sold 80 at curve 1, dispersion held at 1, no discount: mean
    (2 + 80) / (0.2 + 4) = 19.52.
    """
    known = np.isfinite(demand)
    sold, exposure = np.where(known, demand, 0.0), np.where(known, curve, 0.0)
    buckets = known.sum(axis=1)
    back = np.where(known, discount_rate ** np.maximum(buckets[:, None] - 1 - np.arange(demand.shape[1]), 0), 0.0)
    fade = discount_rate**buckets
    shape, rate = safe_ratio(prior.mean_qty**2, prior.variance), safe_ratio(prior.mean_qty, prior.variance)
    seen_exposure, seen_qty = ordered_sum(back * exposure), ordered_sum(back * sold)
    own = _own_dispersion(sold, exposure)
    told = np.where(np.isfinite(own), buckets, 0)
    mean = prior.mean_qty
    dispersion, own_rate = prior.dispersion_qty, np.zeros(len(buckets))
    for _ in range(_ROUNDS):
        carried = prior.dispersion_qty * np.nan_to_num(safe_ratio(mean, prior.mean_qty)) ** prior.taylor_exponent
        dispersion = (dispersion_buckets * carried + told * np.nan_to_num(own)) / (dispersion_buckets + told)
        own_rate = np.nan_to_num(safe_ratio(seen_exposure, dispersion))
        mean = safe_ratio(fade * shape + np.nan_to_num(safe_ratio(seen_qty, dispersion)), fade * rate + own_rate)
    # All this is estimated, from as many buckets as still count: the variance of Student's t carries that.
    freedom = np.maximum(dispersion_buckets + ordered_sum(back), LEAST_FREEDOM)
    return LevelPosterior(
        mean_qty=mean,
        variance=safe_ratio(mean, fade * rate + own_rate),
        dispersion_qty=dispersion,
        credibility_rate=np.nan_to_num(safe_ratio(own_rate, fade * rate + own_rate)),
        widening_ratio=freedom / (freedom - 2.0),
    )


def _own_dispersion(sold: np.ndarray, exposure: np.ndarray) -> np.ndarray:
    """Variance over mean of own sales around the curve at their own level; NaN where nothing was sold, (m,).

    Not around the posterior: sales that contradict the analogs would look wild and be believed the less for it.
    """
    level = safe_ratio(ordered_sum(sold), ordered_sum(exposure))
    square = ordered_sum((sold - level[:, None] * exposure) ** 2)
    return safe_ratio(square, np.where(ordered_sum(sold) > 0, ordered_sum(sold), np.nan))


def taylor_exponent(level: np.ndarray, dispersion: np.ndarray) -> float:
    """How the dispersion grows with the level from one item-location to another: `f = a level^b` (Taylor 1961).

    Args:
        level: units a bucket, (n,).
        dispersion: variance over mean of demand, units, (n,).

    Returns:
        The slope of a straight line through the logarithms, held between 0 (single units) and 1 (lots as large as the
        level); one half where fewer than `LEAST_TAYLOR` tell.
    """
    told = (level > 0) & (dispersion > 0)
    if told.sum() < LEAST_TAYLOR:
        return 0.5
    x, y = np.log(level[told]), np.log(dispersion[told])
    spread = float(((x - x.mean()) ** 2).sum())
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread if spread > 0 else 0.5
    return min(max(slope, 0.0), 1.0)


def interval_moments(level: LevelPosterior, exposure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of demand to come over spans of the curve: noise of the buckets plus doubt about the level.

    Args:
        level: what is known of the level, (m,).
        exposure: sum of the curve over each span, (m, ...).
    """
    shape = (len(level.mean_qty), *(1,) * (exposure.ndim - 1))
    mean = level.mean_qty.reshape(shape) * exposure
    noise = level.dispersion_qty.reshape(shape) * mean
    variance = noise + level.variance.reshape(shape) * exposure**2
    return mean, level.widening_ratio.reshape(shape) * variance
