"""Estimates of groups inside wider groups, each drawn to the wider one as far as its own evidence is thin.

A tree of levels: everything, category, lane (category and mode of transport), supplier, item of the supplier, and that
at one location. At each level the means of children scatter around their parent's with a relative variance `tau^2`,
and are known with a relative variance `v`; the weight of the own mean is `tau^2 / (tau^2 + v)`. `tau^2` is estimated
from the scatter of the children over what chance alone gives (Buehlmann & Straub, 1970; the weights are those of James
& Stein, 1961, for unequal variances). Relative, because what takes long also varies more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Fewer degrees of freedom say next to nothing of how children differ.
_LEAST_FREEDOM = 3


@dataclass(frozen=True)
class PooledLevel:
    """One level of the tree, one element a group.

    Attributes:
        mean: estimate of the group, drawn to its parent's.
        variance: relative variance of that estimate's error.
        weight: weight of the group's own mean in it, 0 to 1.
        scatter: relative variance of the level's groups around their parents, `tau^2`.
    """

    mean: np.ndarray
    variance: np.ndarray
    weight: np.ndarray
    scatter: float


def pooled_levels(
    mean: np.ndarray, variance: np.ndarray, parents: Sequence[np.ndarray], *, usual_scatter: float
) -> list[PooledLevel]:
    """Estimates at every level, from the widest to the leaves.

    Args:
        mean: mean of each leaf, above 0, (n,).
        variance: relative variance of that mean, above 0, (n,).
        parents: for each level from the leaves up, the number of each group's parent, from 0; the last level has one
            parent, 0.
        usual_scatter: `tau^2` where too few siblings tell it.

    Returns:
        `len(parents) + 1` levels; the first is the root.

    Example: `pooled_levels(np.array([10.0, 20.0]), np.array([1e-9, 1e-9]), [np.array([0, 0])], usual_scatter=0.1)[-1]`
    keeps both means, since they are known nearly for certain.
    """
    means, variances, scatters = [mean], [variance], []
    for parent in parents:
        up = _upwards(means[-1], variances[-1], parent, usual_scatter)
        means.append(up.mean)
        variances.append(up.variance)
        scatters.append(up.scatter)
    found = [PooledLevel(means[-1], variances[-1], np.ones(len(means[-1])), 0.0)]
    for level in range(len(parents) - 1, -1, -1):
        parent, tau2, own = parents[level], scatters[level], variances[level]
        weight = tau2 / (tau2 + own)
        above = found[-1]
        drawn = weight * means[level] + (1 - weight) * above.mean[parent]
        error = weight * own + (1 - weight) ** 2 * above.variance[parent]
        found.append(PooledLevel(drawn, error, weight, tau2))
    return found


@dataclass(frozen=True)
class _Upwards:
    mean: np.ndarray
    variance: np.ndarray
    scatter: float


def _upwards(mean: np.ndarray, variance: np.ndarray, parent: np.ndarray, usual_scatter: float) -> _Upwards:
    """Means of the parents from those of their children, and how the children scatter around them."""
    count = int(parent.max()) + 1
    weight = 1 / (variance + usual_scatter)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(parent, weights=values, minlength=count)

    share = weight / total(weight)[parent]
    above = total(share * mean)
    children = np.bincount(parent, minlength=count)
    has_siblings = children[parent] > 1
    by_chance = variance * (1 - 2 * share) + total(share**2 * variance)[parent]
    by_scatter = 1 - 2 * share + total(share**2)[parent]
    freedom = int((children[children > 1] - 1).sum())
    scatter = usual_scatter
    if freedom >= _LEAST_FREEDOM:
        over = ((mean / above[parent] - 1) ** 2 - by_chance)[has_siblings]
        scatter = max(float(over.sum() / by_scatter[has_siblings].sum()), 0.0)
    return _Upwards(above, total(share**2 * (variance + scatter)), scatter)
