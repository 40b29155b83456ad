"""Service of reorder points that are looked at once a review period: the undershoot taken exactly, not bounded.

A position that is only looked at every R days is found *below* the reorder point s, by the undershoot U. What an order
must last for is demand over the lead time plus U, not plus a whole review period. The position after a review is spread
evenly between s and s + Q where whole lots Q are ordered (`s_Q`), and as `review_positions` tells where an order lifts
it to S = s + Q (`s_S`, `R_s_S`). With D(t) demand over t, G(y; t) = E(D(t) - y)+, m_R expected demand of a review
period, Y the position after a review and V the reviews between two orders:

- fill rate: `1 - E[G(Y; L+R) - G(Y; L)] / m_R` (Hadley & Whitin, Analysis of Inventory Systems, 5.2-5.4). For an even
  spread the mean over Y is a difference of second-order losses.
- ready rate: the mean of `P(D(L+u) < Y)` over u from 0 to R and over Y.
- cycle service level: `P(U + D(L) <= s)`, from the balance of orders and stock-outs at reviews: one less
  `V E[P(D(L+R) > Y) - P(D(L) > Y)]` less the chance that an order is short from the start. As Q grows it becomes
  `1 - [G(s; L+R) - G(s; L)] / m_R`: the undershoot of renewal theory, `E[U] = (m_R^2 + s_R^2) / (2 m_R)` (Silver, Pyke
  & Thomas, 7.5 and 7.9; Tijms & Groenevelt, EJOR 17 (1984) 175). As Q shrinks it becomes `P(D(L+R) <= s)`.

The fitted distributions of D(L) and D(L+R) may disagree far out; whatever the undershoot, at least `P(D(L) > s)` of the
cycles end badly.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from stockstrata.distributions import DISCRETE, SHAPED, Method, cdf, loss
from stockstrata.review_positions import ReviewPositions, positions_below_top
from stockstrata.safety_stock import CYCLE_SHARES, CYCLE_WEIGHTS, falling_root
from stockstrata.second_order_loss import second_order_loss


@dataclass(frozen=True)
class ReviewedDemand:
    """Demand that a reviewed reorder point meets, rows of one distribution, units.

    Attributes:
        method: distribution of demand over lead time and protection interval.
        order_qty: Q > 0, lot, or order-up-to level less reorder point.
        is_order_up: whether an order lifts the position to s + Q instead of by whole Q.
        mean: mean demand over lead time and review period, > 0.
        sd: its standard deviation.
        lead_time_mean: mean demand over the lead time alone.
        lead_time_sd: its standard deviation.
        review_mean: mean demand over the review period, > 0.
        undershoot_mean: E[U], units below the reorder point at which an order is placed.
        positions: where the position stands at the reviews between two orders.
        shape: standard quantiles, (n, G), of methods whose shape comes from data.
    """

    method: Method
    order_qty: np.ndarray
    is_order_up: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    lead_time_mean: np.ndarray
    lead_time_sd: np.ndarray
    review_mean: np.ndarray
    undershoot_mean: np.ndarray
    positions: ReviewPositions
    shape: np.ndarray | None = None

    def rows(self, row: np.ndarray) -> "ReviewedDemand":
        """The rows of an index."""
        arrays = {name: getattr(self, name)[row] for name in _ARRAYS}
        held = self.positions
        positions = ReviewPositions(held.depth_qty[row], held.depth_reviews[row], held.spread_reviews[row])
        shape = None if self.shape is None else self.shape[row]
        return ReviewedDemand(method=self.method, positions=positions, shape=shape, **arrays)

    @property
    def unit(self) -> float:
        """One unit where demand is whole: the position is then spread over s + 1 to s + Q, and short from one above."""
        return 1.0 if self.method in DISCRETE else 0.0

    def _sum_over_reviews(
        self, top: np.ndarray, at: Callable[["ReviewedDemand", np.ndarray], np.ndarray], spread: np.ndarray
    ) -> np.ndarray:
        """Sum of a figure over the reviews between two orders: at single positions, and its mean over a spread."""
        held = self.positions
        out = held.spread_reviews * spread
        for depth, reviews in zip(held.depth_qty.T, held.depth_reviews.T, strict=True):
            row = np.flatnonzero(reviews > 0)
            if len(row):
                out[row] += reviews[row] * at(self.rows(row), top[row] - depth[row])
        return out

    def fill_rate(self, reorder_point_qty: np.ndarray) -> np.ndarray:
        """Share of demand served from the shelf, 0 to 1."""
        s, top = reorder_point_qty, reorder_point_qty + self.order_qty
        long, short = (self.mean, self.sd), self._lead_time
        # At least demand of the review period fails where the lead time alone takes all there is.
        sure = self.review_mean * (self._loss(s, *short) - self._loss(top, *short))
        spread = np.maximum(self._area(s, top, *long) - self._area(s, top, *short), sure) / self.order_qty
        short_qty = self._sum_over_reviews(top, ReviewedDemand._short_in_review, spread)
        return np.clip(1 - short_qty / (self.review_mean * self.positions.reviews), 0.0, 1.0)

    def ready_rate(self, reorder_point_qty: np.ndarray) -> np.ndarray:
        """Share of time with stock on the shelf, 0 to 1."""
        s, top = reorder_point_qty, reorder_point_qty + self.order_qty
        spread = np.zeros(len(s))
        for (mean, sd), weight in self._moments_in_review():
            spread += weight * (self._loss(s, mean, sd) - self._loss(top, mean, sd)) / self.order_qty
        empty = self._sum_over_reviews(top, ReviewedDemand._empty_in_review, spread)
        return np.clip(1 - empty / self.positions.reviews, 0.0, 1.0)

    def cycle_service_level(self, reorder_point_qty: np.ndarray) -> np.ndarray:
        """Share of orders that arrive before stock runs out, 0 to 1."""
        first, last = reorder_point_qty + self.unit, reorder_point_qty + self.order_qty + self.unit
        top, short = reorder_point_qty + self.order_qty, self._lead_time
        spread_short = (self._loss(first, *short) - self._loss(last, *short)) / self.order_qty
        spread = (self._loss(first, self.mean, self.sd) - self._loss(last, self.mean, self.sd)) / self.order_qty
        fails = self._sum_over_reviews(top, ReviewedDemand._fails_in_review, spread - spread_short)
        # Orders that do not suffice for their own lead time: lots end anywhere, order-up-to orders at the top.
        fails += np.where(self.is_order_up, self._tail(top, *short), spread_short)
        return np.clip(1 - np.maximum(fails, self._tail(reorder_point_qty, *short)), 0.0, 1.0)

    def _short_in_review(self, position: np.ndarray) -> np.ndarray:
        more = self._loss(position, self.mean, self.sd) - self._loss(position, *self._lead_time)
        return np.maximum(more, self.review_mean * self._tail(position, *self._lead_time))

    def _empty_in_review(self, position: np.ndarray) -> np.ndarray:
        # Nothing is left on the shelf where demand reaches the position: one unit less for whole units.
        tails = [weight * self._tail(position - self.unit, *moments) for moments, weight in self._moments_in_review()]
        return np.sum(tails, axis=0)

    def _fails_in_review(self, position: np.ndarray) -> np.ndarray:
        more = self._tail(position, self.mean, self.sd) - self._tail(position, *self._lead_time)
        return np.maximum(more, 0.0)

    def _moments_in_review(self) -> Iterator[tuple[tuple[np.ndarray, np.ndarray], float]]:
        """Moments of demand from an order to points of the review period after its arrival, with their weights."""
        for share, weight in zip(CYCLE_SHARES, CYCLE_WEIGHTS, strict=True):
            mean = self.lead_time_mean + share * (self.mean - self.lead_time_mean)
            variance = self.lead_time_sd**2 + share * np.maximum(self.sd**2 - self.lead_time_sd**2, 0.0)
            yield (mean, np.sqrt(variance)), float(weight)

    def reorder_point(self, measure: str, target: np.ndarray) -> np.ndarray:
        """Least s that meets a target of `cycle_service_level`, `fill_rate` or `ready_rate`, before rounding; units."""

        def excess(stock: np.ndarray, wanted: np.ndarray, row: np.ndarray) -> np.ndarray:
            return wanted - getattr(self.rows(row.astype(np.int64)), measure)(stock)

        # A unit lower for straight lines between whole units: demand that is hardly ever above zero ends in them.
        low = np.minimum(self.mean - 12 * self.sd, 0.0) - self.order_qty - self.review_mean - self.unit
        high = self.mean + 4 * self.sd + 1
        return falling_root(excess, low, high, (target, np.arange(len(target), dtype=float)))

    @property
    def _lead_time(self) -> tuple[np.ndarray, np.ndarray]:
        return self.lead_time_mean, self.lead_time_sd

    def _loss(self, x: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
        return loss(self.method, x, mean, sd, self.shape)

    def _tail(self, x: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
        """P(demand > x); straight lines between whole units, so that a search meets no steps."""
        if self.method in _COUNTS:
            low = np.floor(x)
            below, above = (1 - cdf(self.method, at, mean, sd) for at in (low, low + 1.0))
            return below + (x - low) * (above - below)
        if self.unit:
            return self._loss(x, mean, sd) - self._loss(x + 1.0, mean, sd)
        return 1 - cdf(self.method, x, mean, sd, self.shape)

    def _area(self, low: np.ndarray, high: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
        return second_order_loss(self.method, low, mean, sd, self.shape) - second_order_loss(
            self.method, high, mean, sd, self.shape
        )


def reviewed_demand(
    method: Method,
    *,
    order_qty: np.ndarray,
    is_order_up: np.ndarray,
    lead_time: tuple[np.ndarray, np.ndarray],
    review: tuple[np.ndarray, np.ndarray],
    protection: tuple[np.ndarray, np.ndarray],
    shape: np.ndarray | None = None,
) -> ReviewedDemand:
    """What a reviewed reorder point meets, with the undershoot that it follows from.

    `E[U] = [E D_R^2 - E((D_R - Q)+)^2] / (2 E min(D_R, Q))`, exact for lots Q; from Q well above m_R on it is
    `(m_R^2 + s_R^2) / (2 m_R)`. Lots are ordered at the share `E min(D_R, Q) / Q` of the reviews. Where orders go up to
    S, `E[U] = m_R V - Q` (Wald's identity).

    Args:
        method: distribution of demand over lead time and protection interval.
        order_qty: Q > 0, units.
        is_order_up: whether an order lifts the position to s + Q.
        lead_time: mean and standard deviation of demand over the lead time, units.
        review: the same over the review period, mean > 0.
        protection: the same over both.
        shape: standard quantiles, (n, G), of methods whose shape comes from data.

    Example: certain demand of 70 a review period is found 35 below a reorder point of large lots on average.
    """
    mean, sd = review
    # A shape tells of whole intervals; cut off at zero, that of a short review period would have another mean.
    by_review = _OF_REVIEW.get(method, method)
    ordered = np.maximum(mean - loss(by_review, order_qty, mean, sd), 0.0)
    below = second_order_loss(by_review, np.zeros_like(mean), mean, sd)
    below = np.maximum(below - second_order_loss(by_review, order_qty, mean, sd), 0.0)
    undershoot = np.divide(below, ordered, out=np.array(mean, dtype=float), where=ordered > 0)
    reviews = np.divide(order_qty, ordered, out=np.full(len(mean), 1e12), where=ordered > 1e-12 * order_qty)
    none = np.zeros((len(mean), 1))
    positions = ReviewPositions(none, none, reviews)
    up = np.flatnonzero(is_order_up)
    if len(up):
        held = positions_below_top(by_review, order_qty[up], mean[up], sd[up])
        depth, count = (np.zeros((len(mean), held.depth_qty.shape[1])) for _ in range(2))
        depth[up], count[up], reviews[up] = held.depth_qty, held.depth_reviews, held.spread_reviews
        positions = ReviewPositions(depth, count, reviews)
        undershoot[up] = np.maximum(mean[up] * held.reviews - order_qty[up], 0.0)
    return ReviewedDemand(
        *(method, order_qty, is_order_up, *protection, *lead_time, mean, undershoot, positions), shape=shape
    )


_OF_REVIEW: dict[Method, Method] = {code: "negative_binomial" if code in DISCRETE else "gamma" for code in SHAPED}
_COUNTS: tuple[Method, ...] = ("negative_binomial", "poisson")
"""Whole units by moments: their losses differ by their distribution function, which costs a fourth of these."""

_ARRAYS = (
    *("order_qty", "is_order_up", "mean", "sd", "lead_time_mean", "lead_time_sd", "review_mean", "undershoot_mean"),
)
