"""Where a position stands after each review until the next order, for policies that order up to a level.

After an order the position is S. At every review it has fallen by the demand since, until that demand reaches
Q = S - s and an order lifts it again. The expected number of reviews at each depth below S solves the renewal equation
`v = 1(depth 0) + f * v` with f the demand of a review period, up to depth Q (Sahin, Regenerative Inventory Systems,
ch. 2). For short lots it is solved on a grid and kept as a few depths. For long ones it is that of the
limit: an even spread of 1 / m_R a unit of depth, and `(1 + s_R^2 / m_R^2) / 2` reviews at S.
"""

from dataclasses import dataclass

import numpy as np

from stockstrata.distributions import DISCRETE, Method, cdf

_LONG_LOT = 6.0  # review periods' demand from which positions are those of the limit
_GRID = 40
# Shares of the reviews below S that a depth stands for, denser near the reorder point, where orders fall short.
_SHARES = np.array([0.3, 0.5, 0.65, 0.77, 0.87, 0.94])
_DEPTHS = len(_SHARES) + 1


@dataclass(frozen=True)
class ReviewPositions:
    """Expected reviews between two orders: at single depths below S, and spread evenly over all depths.

    Attributes:
        depth_qty: depths below S, (n, P), units.
        depth_reviews: reviews at each, (n, P).
        spread_reviews: reviews spread evenly between s and S, (n,).
    """

    depth_qty: np.ndarray
    depth_reviews: np.ndarray
    spread_reviews: np.ndarray

    @property
    def reviews(self) -> np.ndarray:
        """Reviews between two orders in all."""
        return self.depth_reviews.sum(axis=1) + self.spread_reviews


def positions_below_top(method: Method, order_qty: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> ReviewPositions:
    """Positions of policies that order up to S.

    Args:
        method: distribution of demand of a review period, by mean and standard deviation.
        order_qty: Q = S - s > 0, units.
        mean: mean of that demand, > 0, units.
        sd: its standard deviation, units.

    Example: certain demand of 10 a review period with Q = 25 has one review each at depths 0, 10 and 20.
    """
    depth = np.zeros((len(mean), 1 + _DEPTHS))
    reviews = np.zeros_like(depth)
    reviews[:, 0] = (1 + (sd / mean) ** 2) / 2
    unit = 1.0 if method in DISCRETE else 0.0
    # Whole units: one review at S, and depths 1 to Q - 1 below it.
    reviews[:, 0] -= unit / (2 * mean)
    spread = order_qty / mean
    near = np.flatnonzero(order_qty < _LONG_LOT * mean)
    if len(near):
        at, count = _renewals(method, order_qty[near], mean[near], sd[near])
        depth[near], reviews[near] = _gathered(at, count)
        spread[near] = 0.0
    return ReviewPositions(depth, np.maximum(reviews, 0.0), spread)


def _renewals(method: Method, order_qty: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Grid of depths and expected reviews at each, (n, G) both."""
    is_whole = method in DISCRETE
    step = order_qty / _GRID
    step = np.where(is_whole & (step < 1), 1.0, step)
    edges = [cdf(method, (j + 0.5) * step, mean, sd) for j in range(_GRID + 1)]
    mass = np.diff(np.column_stack([np.zeros(len(mean)), *edges]), axis=1)
    count = np.zeros_like(mass)
    stays = np.maximum(1 - mass[:, 0], 1e-12)
    count[:, 0] = 1 / stays
    for j in range(1, _GRID + 1):
        count[:, j] = (mass[:, j:0:-1] * count[:, :j]).sum(axis=1) / stays
    at = np.arange(_GRID + 1) * step[:, None]
    ends = order_qty[:, None] - (0.5 if is_whole else 0.0)
    # Half of what the grid puts exactly at Q has not reached it yet.
    inside = np.clip((ends - at) / step[:, None] + 0.5, 0.0, 1.0)
    return at, count * inside


def _gathered(at: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Depth 0 by itself and the others as a few depths, each the mean of what it stands for."""
    depth, reviews = np.zeros((len(at), 1 + _DEPTHS)), np.zeros((len(at), 1 + _DEPTHS))
    reviews[:, 0] = count[:, 0]
    below, total = count[:, 1:], count[:, 1:].sum(axis=1)
    middle = np.cumsum(below, axis=1) - below / 2
    share = np.divide(middle, total[:, None], out=np.zeros_like(middle), where=total[:, None] > 0)
    group = np.searchsorted(_SHARES, share)
    for p in range(_DEPTHS):
        held = np.where(group == p, below, 0.0)
        weight = held.sum(axis=1)
        reviews[:, 1 + p] = weight
        depth[:, 1 + p] = np.divide((held * at[:, 1:]).sum(axis=1), weight, out=np.zeros(len(at)), where=weight > 0)
    return depth, reviews
