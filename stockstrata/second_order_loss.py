"""Area under the expected shortage beyond a stock: what a stock position that is spread evenly falls short on average.

Continuous demand: `L2(x) = integral of E(X - y)+ over y > x = E((X - x)+)^2 / 2`. Whole units: the sum over the whole
y > x, `E((X - x)+ (X - x - 1)+) / 2`. Closed forms (Zipkin, Foundations of Inventory Management, C.2): gamma with shape
k, scale t and tails `T_k = P(X > x)`: `(k (k+1) t^2 T_{k+2} - 2 x k t T_{k+1} + x^2 T_k) / 2`; Poisson
`(m^2 P(X > x-2) - 2 x m P(X > x-1) + x (x+1) P(X > x)) / 2`; negative binomial likewise with r + 2 and r + 1.
"""

import numpy as np
import scipy  # loads its parts when they are first used: the code location does without

from stockstrata import shaped
from stockstrata.distributions import DISCRETE, OVERDISPERSION_MAX, OVERDISPERSION_MIN, SHAPED, Method

Real = np.ndarray | float


def second_order_loss(method: Method, x: Real, mean: Real, sd: Real, shape: np.ndarray | None = None) -> np.ndarray:
    """Units times units short beyond stock x; straight lines between whole units for discrete distributions.

    Args:
        method: distribution.
        x: stock, units.
        mean: units.
        sd: units.
        shape: standard quantiles of methods whose shape comes from data, (..., G).

    Raises:
        ValueError: a method whose shape comes from data without one.

    Example: demand that is certainly 3 leaves 4.5 beyond an empty shelf; standard normal demand 0.25.
    """
    x, m, s = (np.array(value, dtype=float) for value in np.broadcast_arrays(x, mean, sd))
    if method in SHAPED:
        if shape is None:
            raise ValueError("a distribution with a shape was asked for without one")
        rows = np.broadcast_to(shape, (*x.shape, len(shaped.PROBABILITIES)))
        # Whole units of a shape are rounded down: see `distributions.loss`.
        return shaped.second_order_loss(x + 1.0 if method in DISCRETE else x, m, s, rows)
    short = np.maximum(np.where(m > 0, m, 0.0) - x, 0.0)
    out = np.array(short * np.maximum(short - 1.0, 0.0) / 2 if method in DISCRETE else short**2 / 2)
    uncertain = np.asarray(s > 0 if method == "normal" else (m > 0) & (s > 0))
    if method == "degenerate" or not uncertain.any():
        return out
    x, m, s = x[uncertain], m[uncertain], s[uncertain]
    if method == "normal":
        out[uncertain] = _normal(x, m, s)
    elif method == "gamma":
        out[uncertain] = _gamma(x, m, s)
    else:
        low = np.floor(x)
        share, at = x - low, _poisson if method == "poisson" else _negative_binomial
        out[uncertain] = (1 - share) * at(low, m, s) + share * at(low + 1.0, m, s)
    return np.maximum(out, 0.0)


def _normal(x: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    k = (x - mean) / sd
    return sd**2 / 2 * ((k**2 + 1) * scipy.special.ndtr(-k) - k * np.exp(-(k**2) / 2) / np.sqrt(2 * np.pi))


def _gamma(x: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    shape, z = (mean / sd) ** 2, np.maximum(x, 0.0) * mean / sd**2
    squared = (mean**2 + sd**2) * scipy.special.gammaincc(shape + 2, z)
    inside = -2 * x * mean * scipy.special.gammaincc(shape + 1, z) + x**2 * scipy.special.gammaincc(shape, z)
    return (squared + inside) / 2


def _poisson(x: np.ndarray, mean: np.ndarray, _sd: np.ndarray) -> np.ndarray:
    def tail(at: np.ndarray) -> np.ndarray:
        return np.where(at < 0, 1.0, scipy.special.gammainc(np.maximum(at, 0.0) + 1, mean))

    return (mean**2 * tail(x - 2) - 2 * x * mean * tail(x - 1) + x * (x + 1) * tail(x)) / 2


def _negative_binomial(x: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    variance = sd**2
    extreme, narrow = variance > OVERDISPERSION_MAX * mean, variance <= OVERDISPERSION_MIN * mean
    out = np.where(extreme, _gamma(x, mean, sd), 0.0)
    out[narrow] = _poisson(x[narrow], mean[narrow], sd[narrow])
    wide = ~(extreme | narrow)
    y, m, v = x[wide], mean[wide], variance[wide]
    r, short = m**2 / (v - m), 1 - m / v

    def tail(at: np.ndarray, size: np.ndarray) -> np.ndarray:
        return np.where(at < 0, 1.0, scipy.special.betainc(np.maximum(at, 0.0) + 1, size, short))

    pairs = m**2 + v - m
    out[wide] = (pairs * tail(y - 2, r + 2) - 2 * y * m * tail(y - 1, r + 1) + y * (y + 1) * tail(y, r)) / 2
    return out
