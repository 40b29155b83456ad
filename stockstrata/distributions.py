"""Distributions of demand by mean and standard deviation: quantile, distribution function and expected shortage.

Continuous: `normal`, `gamma`. Whole units: `negative_binomial`, `poisson`. `degenerate` stands for certain demand, and
every distribution becomes it where mean or standard deviation is zero. A negative binomial needs a variance above its
mean; from a ratio of 1.05 down the Poisson distribution of the same mean takes its place, from 1e8 up the gamma
distribution of the same mean and standard deviation, its limit, rounded down to whole units.

`conformal`, `empirical` and `learned` (whole units: with `_count`) take their shape from data: a row of standard
quantiles z at `PROBABILITIES`, joined by straight lines; X = max(0, mean + sd z(U)), U uniform. Their functions need
that row beside mean and sd (`stockstrata.shaped`). Errors of whole demand around a fractional forecast
are fractional: demand at most 3.4 is demand at most 3, so whole units are X rounded down.

Quantiles never fall as the standard deviation grows. Left alone, those of a gamma or negative binomial do from some
width on: almost all of such demand is nothing at all. Beyond the width at which a quantile is largest
(`widest_variation`), that largest one is taken (docs/decisions/0081).

Closed forms of the loss (X demand, s stock, F distribution function): gamma with shape k and scale t
`kt (1 - F(s; k+1, t)) - s (1 - F(s; k, t))`; negative binomial (r, p) `m P(X_{r+1} > s-1) - s P(X_r > s)`; Poisson
`m P(X >= s) - s P(X > s)`; normal `sd G((s-m)/sd)` with `G(k) = phi(k) - k (1 - Phi(k))`.
"""

from collections.abc import Callable
from functools import cache
from typing import Literal, get_args

import numpy as np
import scipy  # loads its parts when they are first used: the code location does without

from stockstrata import shaped

Method = Literal[
    "normal", "gamma", "negative_binomial", "poisson", "degenerate",
    "conformal", "conformal_count", "empirical", "empirical_count", "learned", "learned_count",
]  # fmt: skip
DISCRETE: tuple[Method, ...] = (
    "negative_binomial", "poisson", "conformal_count", "empirical_count", "learned_count"
)  # fmt: skip
SHAPED: tuple[Method, ...] = (
    "conformal", "conformal_count", "empirical", "empirical_count", "learned", "learned_count"
)  # fmt: skip
METHODS: tuple[Method, ...] = get_args(Method)
OVERDISPERSION_MIN = 1.05  # variance over mean from which a negative binomial differs from a Poisson distribution
# Its success probability mean/variance is used as 1 - p, which keeps half of its digits here and none from 1e16 on.
OVERDISPERSION_MAX = 1e8
_LEAST_SHORT = 1e-4  # the largest probability told apart is 0.9999


def choose_method(mean: np.ndarray, sd: np.ndarray, *, is_whole: np.ndarray) -> np.ndarray:
    """Distribution for each mean and standard deviation (units).

    Args:
        mean: expected demand.
        sd: its standard deviation.
        is_whole: whether the item is counted in whole units.

    Returns:
        `degenerate` without variation, `gamma` for fractional units, else `negative_binomial` or `poisson`.
    """
    mean, sd = np.asarray(mean, dtype=float), np.asarray(sd, dtype=float)
    whole = np.where(sd**2 > OVERDISPERSION_MIN * mean, "negative_binomial", "poisson")
    return np.where((mean <= 0) | (sd <= 0), "degenerate", np.where(is_whole, whole, "gamma"))


def unit_normal_loss(k: np.ndarray | float) -> np.ndarray:
    """G(k) = E(Z - k)+ of a standard normal Z; `G(0) = 0.398942`."""
    k = np.asarray(k, dtype=float)
    return np.exp(-(k**2) / 2) / np.sqrt(2 * np.pi) - k * scipy.special.ndtr(-k)


def quantile(
    method: Method,
    probability: np.ndarray | float,
    mean: np.ndarray | float,
    sd: np.ndarray | float,
    shape: np.ndarray | None = None,
) -> np.ndarray:
    """Least stock x with P(X <= x) >= probability; whole for discrete distributions.

    For demand wider than `widest_variation` the largest that any narrower demand of the same mean needs.

    Args:
        method: distribution.
        probability: between 0 and 1.
        mean: units.
        sd: units.
        shape: standard quantiles at `shaped.PROBABILITIES`, (..., G), of methods in `SHAPED`.

    Raises:
        ValueError: a method of `SHAPED` without a shape.
    """
    p, m, s = _arrays(probability, mean, sd)
    if method in SHAPED:
        x = shaped.quantile(p, m, s, _rows_of(shape, m))
        return np.floor(np.round(x, 9)) if method in DISCRETE else x
    return _quantile(method, p, m, narrowed_sd(method, p, m, s))


def _quantile(method: Method, p: np.ndarray, m: np.ndarray, s: np.ndarray) -> np.ndarray:
    return _degenerate_or(_QUANTILE[method], p, m, s, np.where(m > 0, m, 0.0))


def smooth_quantile(
    method: Method,
    probability: np.ndarray | float,
    mean: np.ndarray | float,
    sd: np.ndarray | float,
    shape: np.ndarray | None = None,
) -> np.ndarray:
    """The quantile before rounding up to whole units: P(X <= x) joined by straight lines; at least zero.

    For continuous distributions the same as `quantile`; arguments as there.
    """
    p, m, s = _arrays(probability, mean, sd)
    if method in SHAPED:
        x = shaped.quantile(p, m, s, _rows_of(shape, m))
        # X rounded down is at most x - 1 wherever X is below x: what is rounded up later must come out as `quantile`.
        return np.maximum(x - 1.0, 0.0) if method in DISCRETE else x
    s = narrowed_sd(method, p, m, s)
    x = _quantile(method, p, m, s)
    if method not in DISCRETE:
        return x
    below, at = cdf(method, x - 1, m, s), cdf(method, x, m, s)
    step = at - below
    share = np.clip(np.divide(p - below, step, out=np.ones_like(x), where=step > 0), 0.0, 1.0)
    certain = (m <= 0) | (s <= 0)
    return np.where(certain, x, np.maximum(x - 1 + share, 0.0))


def widest_variation(probability: np.ndarray | float) -> np.ndarray:
    """Standard deviation over mean at which the quantile of a gamma distribution of given mean is largest.

    Below 0.9 that of 0.9: the median of ever wider demand falls to nothing, which is right, but an average width of
    2.2 is as much as it can say.

    Example: about 2.2 at 0.9, 3.4 at 0.95, 5.6 at 0.98.
    """
    log_short, widest = _widest()
    short = np.log(1.0 - np.clip(np.asarray(probability, dtype=float), 0.9, 1 - _LEAST_SHORT))
    return np.interp(short, log_short, widest)


@cache
def _widest() -> tuple[np.ndarray, np.ndarray]:
    short = np.geomspace(_LEAST_SHORT, 0.1, 500)
    step = np.log(1000.0) / 600
    variation = np.exp(step * np.arange(601))
    found = []
    for q in short:
        height = scipy.special.gammaincinv(variation**-2, 1 - q) * variation**2
        # The top lies between grid points: that of the parabola through the three highest.
        top = int(np.clip(np.argmax(height), 1, len(height) - 2))
        left, middle, right = height[top - 1 : top + 2]
        found.append(variation[top] * np.exp(step * (left - right) / (2 * (left - 2 * middle + right))))
    return np.log(short), np.array(found)


def narrowed_sd(method: Method, p: np.ndarray, m: np.ndarray, s: np.ndarray) -> np.ndarray:
    """The standard deviation that a quantile is taken at, units; arguments as in `quantile`, as arrays."""
    if method not in ("gamma", "negative_binomial"):
        return s
    # A negative binomial is never narrower than the Poisson distribution of its mean.
    least = np.sqrt(OVERDISPERSION_MIN * np.maximum(m, 0.0)) if method == "negative_binomial" else 0.0
    return np.minimum(s, np.maximum(widest_variation(p) * m, least))


def cdf(
    method: Method,
    x: np.ndarray | float,
    mean: np.ndarray | float,
    sd: np.ndarray | float,
    shape: np.ndarray | None = None,
) -> np.ndarray:
    """P(X <= x); `shape` as in `quantile`."""
    x, m, s = _arrays(x, mean, sd)
    if method in SHAPED:
        return shaped.cdf(np.floor(x) + 1.0 if method in DISCRETE else x, m, s, _rows_of(shape, x))
    return _degenerate_or(_CDF[method], x, m, s, (x >= np.where(m > 0, m, 0.0)).astype(float))


def loss(
    method: Method,
    x: np.ndarray | float,
    mean: np.ndarray | float,
    sd: np.ndarray | float,
    shape: np.ndarray | None = None,
) -> np.ndarray:
    """E(X - x)+, units expected short with stock x; straight lines between whole units for discrete distributions.

    `shape` as in `quantile`. Whole units of a shape are rounded down, which takes half a unit off on average.
    """
    x, m, s = _arrays(x, mean, sd)
    if method in SHAPED:
        return shaped.loss(x + 0.5 if method in DISCRETE else x, m, s, _rows_of(shape, x))
    certain = np.maximum(np.where(m > 0, m, 0.0) - x, 0.0)
    return np.maximum(_degenerate_or(_LOSS[method], x, m, s, certain), 0.0)


def _rows_of(shape: np.ndarray | None, x: np.ndarray) -> np.ndarray:
    if shape is None:
        raise ValueError("a distribution with a shape was asked for without one")
    return np.broadcast_to(shape, (*x.shape, len(shaped.PROBABILITIES)))


def _arrays(*values: np.ndarray | float) -> list[np.ndarray]:
    return [np.array(value, dtype=float) for value in np.broadcast_arrays(*values)]


_Function = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def _degenerate_or(
    function: _Function, x: np.ndarray, mean: np.ndarray, sd: np.ndarray, certain: np.ndarray
) -> np.ndarray:
    uncertain = (mean > 0) & (sd > 0) if function not in _NORMAL else sd > 0
    out = np.array(certain, dtype=float)
    out[uncertain] = function(x[uncertain], mean[uncertain], sd[uncertain])
    return out


def _normal_quantile(p: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    return mean + sd * scipy.special.ndtri(p)


def _normal_cdf(x: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    return scipy.special.ndtr((x - mean) / sd)


def _normal_loss(x: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    return sd * unit_normal_loss((x - mean) / sd)


_NORMAL = (_normal_quantile, _normal_cdf, _normal_loss)


def _gamma_quantile(p: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    return scipy.special.gammaincinv((mean / sd) ** 2, p) * sd**2 / mean


def _gamma_cdf(x: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    return scipy.special.gammainc((mean / sd) ** 2, np.maximum(x, 0.0) * mean / sd**2)


def _gamma_loss(x: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    shape, y = (mean / sd) ** 2, np.maximum(x, 0.0)
    z = y * mean / sd**2
    inside = mean * scipy.special.gammaincc(shape + 1, z) - y * scipy.special.gammaincc(shape, z)
    return np.where(x < 0, mean - x, inside)


def _poisson_tail(x: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """P(X > x) for whole x."""
    return np.where(x < 0, 1.0, scipy.special.gammainc(np.maximum(x, 0.0) + 1, mean))


def _nb_tail(x: np.ndarray, r: np.ndarray, p: np.ndarray) -> np.ndarray:
    """P(X > x) for whole x: I_{1-p}(x+1, r)."""
    return np.where(x < 0, 1.0, scipy.special.betainc(np.maximum(x, 0.0) + 1, r, 1 - p))


def _nb_parameters(mean: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    variance = sd**2
    return mean**2 / (variance - mean), mean / variance


def _split(mean: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the negative binomial stands for itself, and where the gamma distribution takes its place."""
    wide, extreme = sd**2 > OVERDISPERSION_MIN * mean, sd**2 > OVERDISPERSION_MAX * mean
    return wide & ~extreme, extreme


def _poisson_cdf(x: np.ndarray, mean: np.ndarray, _sd: np.ndarray) -> np.ndarray:
    return 1 - _poisson_tail(np.floor(x), mean)


def _nb_cdf(x: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    out, (wide, extreme) = np.empty(x.shape), _split(mean, sd)
    narrow = ~(wide | extreme)
    out[narrow] = _poisson_cdf(x[narrow], mean[narrow], sd[narrow])
    r, p = _nb_parameters(mean[wide], sd[wide])
    out[wide] = 1 - _nb_tail(np.floor(x[wide]), r, p)
    out[extreme] = _gamma_cdf(np.floor(x[extreme]) + 1, mean[extreme], sd[extreme])
    return out


def _poisson_loss_at(x: np.ndarray, mean: np.ndarray, _sd: np.ndarray) -> np.ndarray:
    return mean * _poisson_tail(x - 1, mean) - x * _poisson_tail(x, mean)


def _nb_loss_at(x: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    out, (wide, extreme) = np.empty(x.shape), _split(mean, sd)
    narrow = ~(wide | extreme)
    out[narrow] = _poisson_loss_at(x[narrow], mean[narrow], sd[narrow])
    r, p = _nb_parameters(mean[wide], sd[wide])
    y = x[wide]
    out[wide] = mean[wide] * _nb_tail(y - 1, r + 1, p) - y * _nb_tail(y, r, p)
    out[extreme] = _gamma_loss(x[extreme], mean[extreme], sd[extreme])
    return out


def _between_whole(at: _Function) -> _Function:
    def lines(x: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
        low = np.floor(np.maximum(x, 0.0))
        share = np.maximum(x, 0.0) - low
        inside = at(low, mean, sd)
        broken = share > 0
        above = at(low[broken] + 1, mean[broken], sd[broken])
        inside[broken] = (1 - share[broken]) * inside[broken] + share[broken] * above
        return np.where(x < 0, mean - x, inside)

    return lines


def _whole_quantile(cdf_at: _Function) -> _Function:
    """Least whole x with F(x) >= p, sought outwards from a good guess: no table of the distribution is built."""

    def search(p: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
        low, high = np.full(mean.shape, -1.0), np.full(mean.shape, np.inf)
        middle, stride = _near_quantile(p, mean, sd), np.maximum(np.floor(sd / 8), 1.0)
        rows = np.arange(mean.size)
        while rows.size:
            enough = cdf_at(middle, mean[rows], sd[rows]) >= p[rows]
            high[rows[enough]], low[rows[~enough]] = middle[enough], middle[~enough]
            # Until there is a bound on either side, ever longer strides; then the middle between the two.
            below, above = low[rows], high[rows]
            middle = np.floor((below + above) / 2)
            middle = np.where(below < 0, np.maximum(np.minimum(above - stride, middle), 0.0), middle)
            middle = np.where(np.isinf(above), below + stride, middle)
            # Compared with the middle, not by distance: above 2**53 neighbouring floats lie more than one unit apart.
            is_open = (middle > below) & (middle < above)
            rows, middle, stride = rows[is_open], middle[is_open], 2 * stride[is_open]
        return high

    return search


def _near_quantile(p: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """A whole number near the quantile (Cornish-Fisher expansion to the skewness of a negative binomial)."""
    z = scipy.special.ndtri(np.clip(p, 1e-12, 1 - 1e-12))
    skewness = (2.0 - np.minimum(mean / sd**2, 1.0)) * sd / mean
    return np.maximum(np.floor(mean + sd * (z + (z**2 - 1.0) * np.minimum(skewness, 2.0) / 6.0)), 0.0)


def _certain_loss(x: np.ndarray, mean: np.ndarray, _sd: np.ndarray) -> np.ndarray:
    return np.maximum(mean - x, 0.0)


def _certain_quantile(_p: np.ndarray, mean: np.ndarray, _sd: np.ndarray) -> np.ndarray:
    return mean


def _certain_cdf(x: np.ndarray, mean: np.ndarray, _sd: np.ndarray) -> np.ndarray:
    return (x >= mean).astype(float)


_QUANTILE: dict[Method, _Function] = {
    "normal": _normal_quantile,
    "gamma": _gamma_quantile,
    "negative_binomial": _whole_quantile(_nb_cdf),
    "poisson": _whole_quantile(_poisson_cdf),
    "degenerate": _certain_quantile,
}
_CDF: dict[Method, _Function] = {
    "normal": _normal_cdf,
    "gamma": _gamma_cdf,
    "negative_binomial": _nb_cdf,
    "poisson": _poisson_cdf,
    "degenerate": _certain_cdf,
}
_LOSS: dict[Method, _Function] = {
    "normal": _normal_loss,
    "gamma": _gamma_loss,
    "negative_binomial": _between_whole(_nb_loss_at),
    "poisson": _between_whole(_poisson_loss_at),
    "degenerate": _certain_loss,
}
