"""Safety stock, reorder points and what service they give: the textbook formulas, for any demand distribution.

X is demand over the protection interval with the given mean and standard deviation, units. The cycle service level is
P(X <= s): the chance that a replenishment cycle ends without a stock-out. The fill rate is the share of demand served
from the shelf, the ready rate the share of time with stock on the shelf. They are never the same target. All functions
work element by element on arrays.

References: Chopra & Meindl, Supply Chain Management, ch. 11-12; Silver, Pyke & Thomas, Inventory and Production
Management in Supply Chains, ch. 6-7.
"""

from collections.abc import Callable

import numpy as np
import scipy  # loads its parts when they are first used: the code location does without

from stockstrata.distributions import DISCRETE, Method, cdf, loss, smooth_quantile, unit_normal_loss

Real = np.ndarray | float


def lead_time_demand_sd(lead_time: Real, demand_sd: Real, demand_mean: Real = 0.0, lead_time_sd: Real = 0.0) -> Real:
    """Standard deviation of demand over a random lead time: `sqrt(L s^2 + m^2 sL^2)`.

    Args:
        lead_time: mean lead time L, periods.
        demand_sd: standard deviation s of a period's demand, units.
        demand_mean: mean m of a period's demand, units.
        lead_time_sd: standard deviation sL of the lead time, periods.

    Example:
        Chopra & Meindl, table 12-2: m = 2500, s = 500, L = 7, sL = 7 gives 17,549.9.
    """
    return np.sqrt(np.asarray(lead_time) * np.square(demand_sd) + np.square(demand_mean) * np.square(lead_time_sd))


def safety_stock_cycle_service(target: Real, sd: Real) -> Real:
    """Buffer for a cycle service level under normal demand: `z(target) sd`, units.

    Example:
        Chopra & Meindl, ex. 12-4: target 0.90, sd = 500 sqrt(2) gives 906.2.
    """
    return scipy.special.ndtri(target) * sd


def reorder_point(lead_time: Real, demand_mean: Real, safety_stock: Real) -> Real:
    """Expected demand over the lead time plus the buffer: `L m + ss`; the mean grows with L, never with its root.

    Example:
        L = 4, m = 100, s = 30, z = 1.65: 400 + 99 = 499.
    """
    return np.asarray(lead_time) * demand_mean + safety_stock


def cycle_service_level(safety_stock: Real, sd: Real) -> Real:
    """Chance of no stock-out in a cycle under normal demand: `Phi(ss / sd)`.

    Example:
        Chopra & Meindl, ex. 12-2: ss = 1000, sd = 707.1 gives 0.9214.
    """
    return scipy.special.ndtr(np.asarray(safety_stock) / sd)


def expected_shortage(safety_stock: Real, sd: Real) -> Real:
    """Units short in a cycle under normal demand: `sd G(ss / sd)`.

    Example:
        Chopra & Meindl, ex. 12-3: ss = 1000, sd = 707.1 gives 25.13.
    """
    return sd * unit_normal_loss(np.asarray(safety_stock) / sd)


def fill_rate(
    reorder_point_qty: Real,
    order_qty: Real,
    mean: Real,
    sd: Real,
    *,
    method: Method = "normal",
    shape: np.ndarray | None = None,
) -> Real:
    """Share of demand served from the shelf under (s, Q): `1 - [E(X-s)+ - E(X-s-Q)+] / Q`.

    Args:
        reorder_point_qty: s, units.
        order_qty: Q > 0, units.
        mean: mean of demand over the protection interval, units.
        sd: its standard deviation, units.
        method: its distribution.
        shape: standard quantiles of it, (n, G), for methods whose shape comes from data.

    Example:
        Chopra & Meindl, ex. 12-3: s = 6000, Q = 10,000, mean 5000, sd 707.1 gives 0.9975.
    """
    top = np.asarray(reorder_point_qty) + order_qty
    short = loss(method, reorder_point_qty, mean, sd, shape) - loss(method, top, mean, sd, shape)
    return np.clip(1 - short / order_qty, 0.0, 1.0)


def order_up_to_fill_rate(
    order_up_to_qty: Real,
    review_demand: Real,
    mean: Real,
    sd: Real,
    lead_time_mean: Real,
    lead_time_sd: Real,
    *,
    method: Method = "normal",
    shape: np.ndarray | None = None,
) -> Real:
    """Share of demand served under (R, S): `1 - [E(D_{L+R}-S)+ - E(D_L-S)+] / (m R)`.

    Args:
        order_up_to_qty: S, units.
        review_demand: expected demand m R between two reviews, > 0, units.
        mean: mean of demand over lead time and review period, units.
        sd: its standard deviation, units.
        lead_time_mean: mean of demand over the lead time alone, units.
        lead_time_sd: its standard deviation, units.
        method: distribution of both.
        shape: standard quantiles of both, (n, G), for methods whose shape comes from data.
    """
    in_lead_time = loss(method, order_up_to_qty, lead_time_mean, lead_time_sd, shape)
    short = loss(method, order_up_to_qty, mean, sd, shape) - in_lead_time
    return np.clip(1 - short / review_demand, 0.0, 1.0)


def order_up_to_ready_rate(
    order_up_to_qty: Real,
    mean: Real,
    sd: Real,
    lead_time_mean: Real,
    lead_time_sd: Real,
    *,
    method: Method = "normal",
    shape: np.ndarray | None = None,
) -> np.ndarray:
    """Share of time with stock on the shelf under (R, S): the mean of P(D_{L+u} < S) over u from 0 to R.

    Silver, Pyke & Thomas, ch. 6, measure P3. Mean and variance grow linearly from those of the lead time to those of
    the protection interval. Under (s, Q) the inventory position is spread evenly between s and s + Q, and P3 is
    `1 - [E(X-s)+ - E(X-s-Q)+] / Q`, the same expression as `fill_rate`.

    Args:
        order_up_to_qty: S, units.
        mean: mean of demand over lead time and review period, units.
        sd: its standard deviation, units.
        lead_time_mean: mean of demand over the lead time alone, units.
        lead_time_sd: its standard deviation, units.
        method: distribution of demand.
        shape: as in `fill_rate`.

    Example:
        Poisson demand of 1 a day, no lead time, R = 1 day and S = 1: the mean of exp(-u) over a day, 0.6321.
    """
    stock, mean, sd, short_mean, short_sd = (
        np.asarray(value, dtype=float) for value in (order_up_to_qty, mean, sd, lead_time_mean, lead_time_sd)
    )
    total = np.zeros(np.broadcast_shapes(stock.shape, mean.shape, sd.shape))
    for share, weight in zip(CYCLE_SHARES, CYCLE_WEIGHTS, strict=True):
        mean_then = short_mean + share * (mean - short_mean)
        sd_then = np.sqrt(short_sd**2 + share * (sd**2 - short_sd**2))
        total += weight * _less_than(method, stock, mean_then, sd_then, shape)
    return np.clip(total, 0.0, 1.0)


_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)
CYCLE_SHARES, CYCLE_WEIGHTS = (1 + _NODES) / 2, _WEIGHTS / 2  # of a review cycle, Gauss-Legendre


def _less_than(
    method: Method, stock: np.ndarray, mean: np.ndarray, sd: np.ndarray, shape: np.ndarray | None
) -> np.ndarray:
    """P(X < stock); straight lines between whole units for discrete distributions."""
    if method not in DISCRETE:
        return cdf(method, stock, mean, sd, shape)
    return 1 - (loss(method, stock - 1, mean, sd, shape) - loss(method, stock, mean, sd, shape))


def reorder_point_for_cycle_service(
    target: Real, mean: Real, sd: Real, *, method: Method = "normal", shape: np.ndarray | None = None
) -> Real:
    """Least s with P(X <= s) >= target, before rounding up to whole units; `shape` as in `fill_rate`."""
    return smooth_quantile(method, target, mean, sd, shape)


def reorder_point_for_fill_rate(
    target: Real,
    order_qty: Real,
    mean: Real,
    sd: Real,
    *,
    method: Method = "normal",
    shape: np.ndarray | None = None,
) -> np.ndarray:
    """Least s that meets a fill rate under (s, Q), before rounding up to whole units; below the mean is legal.

    Solves `E(X-s)+ - E(X-s-Q)+ = (1 - target) Q` exactly. Without variation it is `mean - (1 - target) Q`, where the
    order arrives with the last units that the target lets fail.

    Args:
        target: fill rate, between 0 and 1.
        order_qty: Q > 0, units.
        mean: mean of demand over the protection interval, units.
        sd: its standard deviation, units.
        method: its distribution.
        shape: as in `fill_rate`.

    Example:
        Chopra & Meindl, table 12-1: target 0.99, Q = 10,000, sd = 707.1 gives the mean plus 499.3.
    """
    target, order_qty, mean, sd = _flat(target, order_qty, mean, sd)

    def excess(
        stock: np.ndarray, b: np.ndarray, q: np.ndarray, m: np.ndarray, s: np.ndarray, row: np.ndarray
    ) -> np.ndarray:
        z = _shape_of(shape, row)
        return loss(method, stock, m, s, z) - loss(method, stock + q, m, s, z) - (1 - b) * q

    low = np.minimum(mean - 12 * sd, 0.0) - order_qty
    row = np.arange(len(mean), dtype=float)
    return falling_root(excess, low, mean + 4 * sd + order_qty, (target, order_qty, mean, sd, row))


def order_up_to_for_fill_rate(
    target: Real,
    review_demand: Real,
    mean: Real,
    sd: Real,
    lead_time_mean: Real,
    lead_time_sd: Real,
    *,
    method: Method = "normal",
    shape: np.ndarray | None = None,
) -> np.ndarray:
    """Least S that meets a fill rate under (R, S), before rounding up; arguments as in `order_up_to_fill_rate`."""
    arrays = _flat(target, review_demand, mean, sd, lead_time_mean, lead_time_sd)
    target, review_demand, mean, sd, *_ = arrays

    def excess(
        stock: np.ndarray,
        b: np.ndarray,
        mr: np.ndarray,
        m: np.ndarray,
        s: np.ndarray,
        ml: np.ndarray,
        sl: np.ndarray,
        row: np.ndarray,
    ) -> np.ndarray:
        z = _shape_of(shape, row)
        return loss(method, stock, m, s, z) - loss(method, stock, ml, sl, z) - (1 - b) * mr

    low = np.minimum(mean - 12 * sd, 0.0) - review_demand
    row = np.arange(len(mean), dtype=float)
    return falling_root(excess, low, mean + 4 * sd + review_demand, (*arrays, row))


def order_up_to_for_ready_rate(
    target: Real,
    mean: Real,
    sd: Real,
    lead_time_mean: Real,
    lead_time_sd: Real,
    *,
    method: Method = "normal",
    shape: np.ndarray | None = None,
) -> np.ndarray:
    """Least S that meets a ready rate under (R, S), before rounding up; arguments as in `order_up_to_ready_rate`."""
    arrays = _flat(target, mean, sd, lead_time_mean, lead_time_sd)
    target, mean, sd, *_ = arrays

    def excess(
        stock: np.ndarray,
        b: np.ndarray,
        m: np.ndarray,
        s: np.ndarray,
        ml: np.ndarray,
        sl: np.ndarray,
        row: np.ndarray,
    ) -> np.ndarray:
        return b - order_up_to_ready_rate(stock, m, s, ml, sl, method=method, shape=_shape_of(shape, row))

    row = np.arange(len(mean), dtype=float)
    return falling_root(excess, np.minimum(mean - 12 * sd, 0.0) - 1, mean + 4 * sd + 1, (*arrays, row))


def lost_sales_fill_rate(back_order_fill_rate: Real) -> np.ndarray:
    """Fill rate where unmet demand is lost, of a policy that has the given one with back-orders: `1 / (2 - fill)`.

    Each unit lost makes the cycle longer instead of waiting: `Q / (Q + ES)` in place of `1 - ES / Q` (Silver, Pyke &
    Thomas, 6.7.2).

    Example: 0.95 becomes 0.9524.
    """
    return 1 / (2 - np.asarray(back_order_fill_rate, dtype=float))


def back_order_fill_rate(lost_sales_target: Real) -> np.ndarray:
    """Inverse of `lost_sales_fill_rate`, at least zero: `2 - 1 / fill`."""
    return np.maximum(2 - 1 / np.asarray(lost_sales_target, dtype=float), 0.0)


def fill_rate_of_cycle_service(target: Real, order_qty: Real, sd: Real) -> Real:
    """Fill rate that a cycle service level gives under normal demand with order quantity Q."""
    return fill_rate(safety_stock_cycle_service(target, sd), order_qty, 0.0, sd)


def cycle_service_of_fill_rate(target: Real, order_qty: Real, sd: Real) -> Real:
    """Cycle service level that a fill rate gives under normal demand with order quantity Q."""
    return cycle_service_level(reorder_point_for_fill_rate(target, order_qty, 0.0, sd), sd)


def _flat(*values: Real) -> list[np.ndarray]:
    return [np.atleast_1d(np.array(value, dtype=float)) for value in np.broadcast_arrays(*values)]


def _shape_of(shape: np.ndarray | None, row: np.ndarray) -> np.ndarray | None:
    # The search drops elements that are found, and hands figures on one by one: a shape is found by its row.
    return None if shape is None else shape[row.astype(np.int64)]


def falling_root(
    function: Callable[..., np.ndarray], low: np.ndarray, high: np.ndarray, arguments: tuple
) -> np.ndarray:
    """Root of a function that falls in its first argument, element by element; `high` is raised until it brackets.

    Args:
        function: of stock and one value of each argument a row; elements that are found are left out of later calls.
        low: where the function is above zero.
        high: a guess of where it is below zero.
        arguments: arrays that are handed on.
    """
    for _ in range(60):
        short = function(high, *arguments) > 0
        if not short.any():
            break
        high = np.where(short, high + 2 * (high - low), high)
    from scipy.optimize import elementwise  # slow to import, and only this search needs it

    found = elementwise.find_root(function, (low, high), args=arguments, tolerances={"xatol": 1e-11, "xrtol": 1e-13})
    return np.asarray(found.x, dtype=float)
