"""One order for one season: the newsvendor."""

import numpy as np

from stockstrata.distributions import Method, loss, quantile

Real = np.ndarray | float


def newsvendor_quantity(
    method: Method, mean: Real, sd: Real, underage: Real, overage: Real, shape: np.ndarray | None = None
) -> np.ndarray:
    """The least S with `P(D <= S) >= p / (p + h)`, units.

    Args:
        method: distribution of the season's demand.
        mean: of it, units.
        sd: of it, units.
        underage: p, cost of a unit too few, currency.
        overage: h, cost of a unit too many, currency.
        shape: as in `distributions.quantile`.

    Example: Snyder & Shen, ex. 4.3: normal demand of 50 with sd 8, p = 0.70 and h = 0.18 give 56.604.
    """
    return quantile(method, np.asarray(underage) / (np.asarray(underage) + overage), mean, sd, shape)


def season_cost(
    method: Method, order_up_to: Real, mean: Real, sd: Real, underage: Real, overage: Real,
    shape: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """Expected cost of a season, `h (S - m) + (p + h) E(D - S)+`, currency.

    Args:
        method: distribution of the season's demand.
        order_up_to: S, units.
        mean: of demand, units.
        sd: of demand, units.
        underage: p, cost of a unit too few, currency.
        overage: h, cost of a unit too many, currency.
        shape: as in `distributions.loss`.

    Example: Snyder & Shen, ex. 4.3: 56.604 units cost 1.9976.
    """
    short = loss(method, order_up_to, mean, sd, shape)
    return overage * (np.asarray(order_up_to) - mean) + (np.asarray(underage) + overage) * short
