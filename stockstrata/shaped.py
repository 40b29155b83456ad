"""Distributions whose shape comes from data: quantile, distribution function and expected shortage.

A shape is a row of standard quantiles z at `PROBABILITIES`, joined by straight lines. Demand is
X = max(0, mean + sd z(U)) with U uniform between 0 and 1. All functions work on rows: figures (n,), shapes (n, G).
"""

from collections.abc import Sequence

import numpy as np

PROBABILITIES = np.concatenate(
    [np.linspace(0.0, 0.88, 45), np.linspace(0.885, 0.99, 22), [0.992, 0.994, 0.996, 0.998, 1.0]]
)
"""Where a shape holds its quantiles, denser where stock is planned."""


def shape_of(sample: np.ndarray) -> np.ndarray:
    """Quantiles of n values at `PROBABILITIES`, (G,).

    The quantile at p is the value of rank ceil((n + 1) p), so that the next value exceeds it with at most the
    probability 1 - p (split conformal prediction: Lei et al., JASA 113 (2018) 1094).
    """
    rank = np.clip(np.ceil((len(sample) + 1) * PROBABILITIES), 1, len(sample)).astype(np.int64)
    return np.sort(sample)[rank - 1]


def shapes_of(lists: Sequence[Sequence[float] | None]) -> np.ndarray:
    """Shapes from a column of lists, (n, G); NaN where there is none."""
    out = np.full((len(lists), len(PROBABILITIES)), np.nan)
    for row, held in enumerate(lists):
        if isinstance(held, Sequence | np.ndarray):
            out[row] = held
    return out


def quantile(probability: np.ndarray, mean: np.ndarray, sd: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """max(0, mean + sd z(p)), units.

    Args:
        probability: between 0 and 1, (n,).
        mean: units, (n,).
        sd: units, (n,).
        shape: standard quantiles, (n, G).
    """
    high = np.clip(np.searchsorted(PROBABILITIES, probability, side="left"), 1, len(PROBABILITIES) - 1)
    low = high - 1
    share = (probability - PROBABILITIES[low]) / (PROBABILITIES[high] - PROBABILITIES[low])
    at_low = np.take_along_axis(shape, low[..., None], axis=-1)[..., 0]
    at_high = np.take_along_axis(shape, high[..., None], axis=-1)[..., 0]
    return np.maximum(mean + sd * (at_low + share * (at_high - at_low)), 0.0)


def cdf(x: np.ndarray, mean: np.ndarray, sd: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """P(X <= x), 0 below zero; arguments as in `quantile`."""
    values = mean[..., None] + sd[..., None] * shape
    high = np.clip((values <= x[..., None]).sum(axis=-1), 0, len(PROBABILITIES))
    low = np.maximum(high - 1, 0)
    top = np.minimum(high, len(PROBABILITIES) - 1)
    at_low = np.take_along_axis(values, low[..., None], axis=-1)[..., 0]
    at_top = np.take_along_axis(values, top[..., None], axis=-1)[..., 0]
    step = at_top - at_low
    share = np.clip(np.divide(x - at_low, step, out=np.zeros_like(x), where=step > 0), 0.0, 1.0)
    inside = PROBABILITIES[low] + share * (PROBABILITIES[top] - PROBABILITIES[low])
    return np.where((x < 0) | (high == 0), 0.0, inside)


def loss(x: np.ndarray, mean: np.ndarray, sd: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """E(X - x)+, units short with stock x: the area above x under the quantiles; arguments as in `quantile`."""
    return _area_above(np.maximum(x, 0.0), mean, sd, shape, 1) + np.maximum(-x, 0.0)


def second_order_loss(x: np.ndarray, mean: np.ndarray, sd: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """E((X - x)+)^2 / 2, the area under `loss` beyond x, units times units; arguments as in `quantile`."""
    stock = np.maximum(x, 0.0)
    squares = _area_above(stock, mean, sd, shape, 2)
    below = np.maximum(-x, 0.0)
    return np.where(below > 0, squares / 2 + below * loss(stock, mean, sd, shape) + below**2 / 2, squares / 2)


def _area_above(stock: np.ndarray, mean: np.ndarray, sd: np.ndarray, shape: np.ndarray, power: int) -> np.ndarray:
    # Imported here because the compiler takes a moment to load, and only distributions with a shape need it.
    from stockstrata.shaped_kernel import area_above

    flat = (np.ascontiguousarray(values, dtype=float).reshape(-1) for values in (stock, mean, sd))
    rows = np.ascontiguousarray(shape, dtype=float).reshape(-1, shape.shape[-1])
    return area_above(*flat, rows, np.diff(PROBABILITIES), power).reshape(stock.shape)
