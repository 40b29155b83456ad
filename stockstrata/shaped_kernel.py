"""The compiled heart of `shaped`: sums over the lines between quantiles, one row after the other.

Searching stock levels asks for these sums millions of times; arrays of all lines of all rows took thirty times as long.
"""

import numpy as np

from stockstrata.simulation.compiling import compiled


@compiled
def area_above(
    stock: np.ndarray, mean: np.ndarray, sd: np.ndarray, shape: np.ndarray, width: np.ndarray, power: int
) -> np.ndarray:
    """Integral over the probabilities of `max(mean + sd z - stock, 0)^power`, (n,).

    Args:
        stock: units, (n,).
        mean: units, (n,).
        sd: units, (n,).
        shape: standard quantiles z, never falling, (n, G).
        width: differences of their probabilities, (G - 1,).
        power: 1 or 2.
    """
    out = np.zeros(len(stock))
    last = shape.shape[1] - 1
    for i in range(len(stock)):
        total, move = 0.0, mean[i] - stock[i]
        right = sd[i] * shape[i, last] + move
        for j in range(last - 1, -1, -1):
            if right <= 0.0:
                break
            left = sd[i] * shape[i, j] + move
            if left >= 0.0:
                part = (left + right) / 2.0 if power == 1 else (left * left + left * right + right * right) / 3.0
            else:
                part = right ** (power + 1) / ((power + 1) * (right - left))
            total += part * width[j]
            right = left
        out[i] = total
    return out
