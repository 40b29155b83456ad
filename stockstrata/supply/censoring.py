"""Lead times of orders that are still open: what can be expected of them, given how long they are open already.

Leaving open orders out makes a mean lean low, because what takes long is what is still open. The orders of a group are
taken as log-normal, `ln L ~ N(mu_g, sigma_s^2)`, with the centre of the group drawn to that of its supplier and one
spread a supplier. An open order adds the survival term `ln(1 - Phi((ln c - mu) / sigma))` to the likelihood; it is
maximised by expectation and maximisation (Dempster, Laird & Rubin, 1977, JRSS B 39, section 4.3 on censored data).
"""

from dataclasses import dataclass

import numpy as np
import scipy  # loads its parts when they are first used: the code location does without

_ROUNDS = 500
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Moments:
    """First and second moment of every lead time, days and days squared; those of closed ones are what was seen."""

    first: np.ndarray
    second: np.ndarray


def expected_moments(
    days: np.ndarray,
    is_open: np.ndarray,
    weight: np.ndarray,
    group: np.ndarray,
    supplier: np.ndarray,
    *,
    prior_count: float,
    prior_cv: float,
    longest_days: float,
) -> Moments:
    """Moments of lead times of which some are only known to be longer than they are so far.

    Args:
        days: lead time of a closed order, age of an open one, above 0, (n,).
        is_open: whether the order is open, (n,).
        weight: weight of the order in its group, mean 1 over the group, (n,).
        group: number of the group of each order, from 0, (n,).
        supplier: number of the supplier of each order, from 0, (n,); groups lie inside suppliers.
        prior_count: orders that the supplier's centre counts as in a group's, and the prior spread in a supplier's.
        prior_cv: ratio of standard deviation to mean that the prior spread stands for.
        longest_days: no open order is expected to take longer, unless it does so already.

    Returns:
        For closed orders `L` and `L^2`, for open ones `E[L | L > c]` and `E[L^2 | L > c]`.

    Example: one closed order of 10 days and one open since 10 days are expected to have taken more than 10 on average.
    """
    if not is_open.any():
        return Moments(days, days**2)
    log_days = np.log(days)
    groups, suppliers = int(group.max()) + 1, int(supplier.max()) + 1
    supplier_of = np.zeros(groups, dtype=np.int64)
    supplier_of[group] = supplier
    prior = np.log1p(prior_cv**2)
    in_group = np.bincount(group, weights=weight, minlength=groups)
    in_supplier = np.bincount(supplier, weights=weight, minlength=suppliers)
    centre, spread = np.bincount(supplier, weights=weight * log_days, minlength=suppliers) / in_supplier, prior
    mu, sigma2 = centre[supplier_of], np.full(suppliers, spread)
    for _ in range(_ROUNDS):
        sigma = np.sqrt(sigma2)[supplier]
        excess = _hazard((log_days - mu[group]) / sigma)
        first = np.where(is_open, mu[group] + sigma * excess, log_days)
        spread_left = sigma**2 + sigma * (log_days - mu[group]) * excess - (sigma * excess) ** 2
        total = np.bincount(group, weights=weight * first, minlength=groups)
        centre = np.bincount(supplier, weights=weight * first, minlength=suppliers) / in_supplier
        moved = (total + prior_count * centre[supplier_of]) / (in_group + prior_count)
        squares = (first - moved[group]) ** 2 + np.where(is_open, np.maximum(spread_left, 0.0), 0.0)
        sum_squares = np.bincount(supplier, weights=weight * squares, minlength=suppliers)
        sigma2_moved = (sum_squares + prior_count * prior) / (in_supplier + prior_count)
        step = max(float(np.abs(moved - mu).max()), float(np.abs(sigma2_moved - sigma2).max()))
        mu, sigma2 = moved, np.maximum(sigma2_moved, 1e-6)
        if step < _TOLERANCE:
            break
    expected = _truncated_moments(log_days, mu[group], np.sqrt(sigma2)[supplier])
    first = np.clip(expected.first, days, np.maximum(longest_days, days))
    second = np.clip(expected.second, first**2, np.maximum(longest_days, days) ** 2)
    return Moments(np.where(is_open, first, days), np.where(is_open, second, days**2))


def _hazard(z: np.ndarray) -> np.ndarray:
    """`phi(z) / (1 - Phi(z))`, without 0 over 0 far out."""
    return np.exp(-0.5 * z**2 - 0.5 * np.log(2 * np.pi) - scipy.special.log_ndtr(-z))


def _truncated_moments(log_from: np.ndarray, mu: np.ndarray, sigma: np.ndarray) -> Moments:
    """Moments of a log-normal above a point: `E[L^k | L > c] = e^(k mu + k^2 s^2/2) Phi(d + k s) / Phi(d)`."""
    d = (mu - log_from) / sigma
    first = np.exp(mu + sigma**2 / 2 + scipy.special.log_ndtr(d + sigma) - scipy.special.log_ndtr(d))
    second = np.exp(2 * mu + 2 * sigma**2 + scipy.special.log_ndtr(d + 2 * sigma) - scipy.special.log_ndtr(d))
    return Moments(first, second)
