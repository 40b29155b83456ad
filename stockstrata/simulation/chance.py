# ruff: noqa: ANN001, ANN202 - compiled helpers take arrays and numbers, whose types the compiler infers
"""Compiled draws: numbers that depend on seed, purpose, item, path and period, and on nothing else.

Each (seed, purpose, item, path) starts a SplitMix64 sequence (Steele, Lea and Flood, OOPSLA 2014) at a mixed place, and
each period takes the number of its own position, so any part can be drawn alone, in any order, by any thread. A draw
that needs several numbers goes on with a sequence of its own.

Counts are drawn by inversion of their cumulative probabilities, one number each; negative binomial counts of
distributions too wide for a table as Poisson counts of gamma means (that is what they are). Gamma: Marsaglia and Tsang,
ACM TOMS 26 (2000) 363. Large Poisson means: Hoermann, Insurance: Mathematics and Economics 12 (1993) 39 (PTRS).
Normal quantile: Wichura, Applied Statistics 37 (1988) 477 (AS 241).
"""

import math

import numpy as np

from stockstrata.simulation.compiling import compiled, part

DEGENERATE, NORMAL, GAMMA, POISSON, NEGATIVE_BINOMIAL = range(5)

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_27, _30, _31, _12, _1 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(12), np.uint64(1)
_UNIT = 2.0**-52
_NEGLIGIBLE = 1e-18  # share of the most likely count's probability at which a table ends


@part
def _mixed(number):
    number = (number ^ (number >> _30)) * _MIX_1
    number = (number ^ (number >> _27)) * _MIX_2
    return number ^ (number >> _31)


@part
def _row(seed, key, path):
    """Where the sequence of an item and path starts."""
    return _mixed(_mixed(_mixed(seed + _GOLDEN) ^ key) + _GOLDEN * (np.uint64(path) + _1))


@part
def _start(starts, seed, key, first_path):
    for p in range(starts.size):
        starts[p] = _row(seed, key, first_path + p)


@part
def _at(start, t):
    return _mixed(start + _GOLDEN * (np.uint64(t) + _1))


@part
def _unit(number):
    """A float between 0 and 1, neither of them; 52 bits, so that adding a half is exact."""
    return (float(number >> _12) + 0.5) * _UNIT


@part
def _ratio(x, a, b):
    above, below = a[7], b[7]
    for k in range(6, -1, -1):
        above, below = above * x + a[k], below * x + b[k]
    return above / below


_A = (
    3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
    4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3,
)  # fmt: skip
_B = (
    1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4,
    3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3,
)  # fmt: skip
_C = (
    1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
    1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4,
)  # fmt: skip
_D = (
    1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1, 1.48103976427480074590e-1,
    1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9,
)  # fmt: skip
_E = (
    6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
    2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
)  # fmt: skip
_F = (
    1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2, 7.86869131145613259100e-4,
    1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15,
)  # fmt: skip


@part
def _normal(u):
    """Quantile of the standard normal distribution."""
    q = u - 0.5
    if abs(q) <= 0.425:
        return q * _ratio(0.180625 - q * q, _A, _B)
    r = math.sqrt(-math.log(u if q < 0.0 else 1.0 - u))
    x = _ratio(r - 1.6, _C, _D) if r <= 5.0 else _ratio(r - 5.0, _E, _F)
    return -x if q < 0.0 else x


@part
def _gamma(shape, number):
    """A gamma variate of scale 1, and where its sequence stands."""
    boost = 1.0
    if shape < 1.0:
        number = number + _GOLDEN
        boost = _unit(_mixed(number)) ** (1.0 / shape)
        shape = shape + 1.0
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        number = number + _GOLDEN
        x = _normal(_unit(_mixed(number)))
        v = 1.0 + c * x
        if v > 0.0:
            v = v * v * v
            number = number + _GOLDEN
            u = _unit(_mixed(number))
            if u < 1.0 - 0.0331 * x * x * x * x or math.log(u) < 0.5 * x * x + d * (1.0 - v + math.log(v)):
                return d * v * boost, number


@part
def _poisson(mean, number):
    """A Poisson variate: sums of waiting times below 10, else transformed rejection."""
    if mean < 10.0:
        limit, count, product = math.exp(-mean), -1.0, 1.0
        while product > limit or count < 0.0:
            number = number + _GOLDEN
            product *= _unit(_mixed(number))
            count += 1.0
        return count
    b = 0.931 + 2.53 * math.sqrt(mean)
    a = -0.059 + 0.02483 * b
    v_r, alpha = 0.9277 - 3.6224 / (b - 2.0), 1.1239 + 1.1328 / (b - 3.4)
    while True:
        number = number + _GOLDEN
        u = _unit(_mixed(number)) - 0.5
        number = number + _GOLDEN
        v = _unit(_mixed(number))
        us = 0.5 - abs(u)
        k = math.floor((2.0 * a / us + b) * u + mean + 0.43)
        if us >= 0.07 and v <= v_r:
            return k
        if k < 0.0 or (us < 0.013 and v > us):
            continue
        bound = k * math.log(mean) - mean - math.lgamma(k + 1.0)
        if math.log(v * alpha / (a / (us * us) + b)) <= bound:
            return k


@part
def _table(mean, r, q, cumulative):
    """Cumulative probabilities of counts: least count and number of entries, none where they are too many.

    Ratios of neighbours, from the most likely count outwards: negative binomial `(k + r) q / (k + 1)`, Poisson (r is 0)
    `mean / (k + 1)`.
    """
    mode = math.floor(mean)
    if r > 0.0:
        mode = math.floor((r - 1.0) * q / (1.0 - q)) if r > 1.0 else 0.0
    low, weight = mode, 1.0
    while low > 0.0 and weight > _NEGLIGIBLE:
        weight *= low / ((low - 1.0 + r) * q) if r > 0.0 else low / mean
        low -= 1.0
        if mode - low >= cumulative.size:
            return 0.0, 0
    k, total, size = low, 0.0, 0
    while size < cumulative.size:
        total += weight
        cumulative[size] = total
        size += 1
        weight *= (k + r) * q / (k + 1.0) if r > 0.0 else mean / (k + 1.0)
        k += 1.0
        if k > mode and weight < _NEGLIGIBLE * total:
            for place in range(size):
                cumulative[place] /= total
            cumulative[size - 1] = 1.0
            return low, size
    return 0.0, 0


@part
def _guide(cumulative, size, guide):
    """First place at which to look for each of the guide's equal parts of the unit interval."""
    place = 0
    for slot in range(guide.size):
        while place < size - 1 and cumulative[place] < slot / guide.size:
            place += 1
        guide[slot] = place


@part
def _one(method, mean, sd, is_whole, number):
    """One draw without a table."""
    if method == NEGATIVE_BINOMIAL:
        shape = mean * mean / (sd * sd - mean)
        rate, number = _gamma(shape, number)
        return _poisson(rate * mean / shape, number + _GOLDEN)
    if method == POISSON:
        return _poisson(mean, number)
    if method == DEGENERATE:
        return math.floor(mean + _unit(number)) if is_whole else mean
    if method == GAMMA:
        shape = (mean / sd) ** 2
        value, number = _gamma(shape, number)
        value *= mean / shape
    else:
        value = max(mean + sd * _normal(_unit(number)), 0.0)
    return math.floor(value + 0.5) if is_whole else value


@compiled
def fill_demand(
    out: np.ndarray,
    method: np.ndarray,
    mean: np.ndarray,
    sd: np.ndarray,
    is_whole: np.ndarray,
    keys: np.ndarray,
    seed: np.uint64,
    first_path: int,
) -> None:
    """Fill demand of each item, path and period from its mean and standard deviation.

    Args:
        out: (items, periods, paths), units.
        method: code of the distribution of each item.
        mean: (items, 1 or periods), units.
        sd: shaped like `mean`.
        is_whole: whether draws of continuous distributions are rounded.
        keys: number of each item, from which its draws come.
        seed: seed of the purpose.
        first_path: number of the first path of `out`.
    """
    items, periods, paths = out.shape
    starts = np.empty(paths, np.uint64)
    widths, guide = mean.shape[1], np.empty(1024 if mean.shape[1] == 1 else 128, np.int64)
    # Tables that serve one period only must be cheap to make.
    cumulative = np.empty(65_536 if widths == 1 else 4_096)
    for i in range(items):
        _start(starts, seed, keys[i], first_path)
        counted = method[i] == NEGATIVE_BINOMIAL or method[i] == POISSON
        for width in range(widths):
            m, s, low, size = mean[i, width], sd[i, width], 0.0, 0
            kind = method[i] if m > 0.0 and s > 0.0 else DEGENERATE
            if kind == NEGATIVE_BINOMIAL and s * s <= 1.05 * m:
                kind = POISSON
            if counted and kind != DEGENERATE:
                is_wide = kind == NEGATIVE_BINOMIAL
                r = m * m / (s * s - m) if is_wide else 0.0
                low, size = _table(m, r, 1.0 - m / (s * s) if is_wide else 0.0, cumulative)
                _guide(cumulative, size, guide)
            first, last = (0, periods) if widths == 1 else (width, width + 1)
            for t in range(first, last):
                for p in range(paths):
                    number = _at(starts[p], t)
                    if size > 0:
                        u = _unit(number)
                        place = guide[int(u * guide.size)]
                        while cumulative[place] < u:
                            place += 1
                        out[i, t, p] = low + place
                    else:
                        out[i, t, p] = _one(kind, m, s, is_whole[i], number)


@compiled
def fill_uniform(out: np.ndarray, keys: np.ndarray, seed: np.uint64, first_path: int) -> None:
    """Fill (items, periods, paths) with numbers between 0 and 1; arguments as in `fill_demand`."""
    items, periods, paths = out.shape
    starts = np.empty(paths, np.uint64)
    for i in range(items):
        _start(starts, seed, keys[i], first_path)
        for t in range(periods):
            for p in range(paths):
                out[i, t, p] = _unit(_at(starts[p], t))


@compiled
def fill_outcomes(
    out: np.ndarray,
    values: np.ndarray,
    cumulative: np.ndarray,
    keys: np.ndarray,
    seed: np.uint64,
    first_path: int,
) -> None:
    """Fill (items, periods, paths) from finite distributions.

    Args:
        out: of the type of `values`.
        values: (items, outcomes).
        cumulative: (items, outcomes), the last 1.
        keys: as in `fill_demand`.
        seed: as in `fill_demand`.
        first_path: as in `fill_demand`.
    """
    items, periods, paths = out.shape
    starts = np.empty(paths, np.uint64)
    for i in range(items):
        _start(starts, seed, keys[i], first_path)
        for t in range(periods):
            for p in range(paths):
                u, place = _unit(_at(starts[p], t)), 0
                while cumulative[i, place] < u:
                    place += 1
                out[i, t, p] = values[i, place]


@compiled
def fill_quantiles(
    out: np.ndarray,
    levels: np.ndarray,
    values: np.ndarray,
    is_whole: np.ndarray,
    keys: np.ndarray,
    seed: np.uint64,
    first_path: int,
) -> None:
    """Fill demand from quantiles joined by straight lines.

    Args:
        out: (items, periods, paths), units.
        levels: rising, from 0 to 1.
        values: (items, 1 or periods, levels), units.
        is_whole: whether draws are rounded to whole units.
        keys: as in `fill_demand`.
        seed: as in `fill_demand`.
        first_path: as in `fill_demand`.
    """
    items, periods, paths = out.shape
    starts = np.empty(paths, np.uint64)
    for i in range(items):
        _start(starts, seed, keys[i], first_path)
        for t in range(periods):
            column = values[i, t if values.shape[1] > 1 else 0]
            for p in range(paths):
                u, above = _unit(_at(starts[p], t)), 1
                while levels[above] < u:
                    above += 1
                share = (u - levels[above - 1]) / (levels[above] - levels[above - 1])
                value = column[above - 1] + share * (column[above] - column[above - 1])
                out[i, t, p] = math.floor(value + 0.5) if is_whole[i] else value
