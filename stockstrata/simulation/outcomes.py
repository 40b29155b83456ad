"""Finite distributions, one for each item: lead times of orders, shares received, resampled demand."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stockstrata.errors import PlanningError


@dataclass(frozen=True)
class Outcomes:
    """A finite distribution for each item.

    Attributes:
        values: (items, outcomes).
        cumulative: (items, outcomes), probabilities added up, the last 1; outcomes that an item does not have come
            after its last one and repeat it.
    """

    values: np.ndarray
    cumulative: np.ndarray

    @property
    def is_certain(self) -> bool:
        """Whether every item has one outcome only."""
        return self.values.shape[1] == 1

    @property
    def mean(self) -> np.ndarray:
        """Mean of each item, (items,)."""
        return (self.values * np.diff(self.cumulative, prepend=0.0, axis=1)).sum(axis=1)

    def rows(self, items: slice) -> "Outcomes":
        """The distributions of some items."""
        return Outcomes(self.values[items], self.cumulative[items])


def certain(value: np.ndarray | float, item_count: int) -> Outcomes:
    """One outcome for each item.

    Example: `certain(4, 2).mean` is [4, 4].
    """
    values = np.broadcast_to(np.asarray(value, dtype=float), (item_count,))
    return Outcomes(values.reshape(-1, 1).copy(), np.ones((item_count, 1)))


def weighted(values: np.ndarray, probabilities: np.ndarray) -> Outcomes:
    """Outcomes with their probabilities, (outcomes,) for a single item or (items, outcomes).

    Raises:
        PlanningError: a probability is negative or no number, or those of an item do not add up to 1.

    Example: `weighted(np.array([2, 5]), np.array([0.75, 0.25])).mean` is [2.75].
    """
    values, probabilities = np.atleast_2d(values).astype(float), np.atleast_2d(probabilities).astype(float)
    values, probabilities = np.broadcast_arrays(values, probabilities)
    sums = probabilities.sum(axis=1)
    odd = ~((probabilities >= 0).all(axis=1) & (np.abs(sums - 1) <= 1e-9) & np.isfinite(values).all(axis=1))
    if odd.any():
        row = int(np.flatnonzero(odd)[0])
        raise PlanningError(
            f"simulation: outcomes of item {row} have probabilities {probabilities[row].tolist()}; expected numbers "
            "from 0 that add up to 1, and finite values."
        )
    cumulative = np.minimum(np.cumsum(probabilities, axis=1), 1.0)
    cumulative[:, -1] = 1.0
    return Outcomes(values.copy(), cumulative)


def observed(samples: Sequence[np.ndarray]) -> Outcomes:
    """The values seen of each item, each as likely as the others: resampling with replacement (bootstrap).

    Args:
        samples: values of each item, one at least.

    Raises:
        PlanningError: an item has no value, or one that is no number.

    Example: `observed([np.array([3, 3, 6])]).mean` is [4].
    """
    longest = max((len(sample) for sample in samples), default=0)
    values, cumulative = np.empty((len(samples), longest)), np.ones((len(samples), longest))
    for row, sample in enumerate(samples):
        if not len(sample) or not np.isfinite(sample).all():
            raise PlanningError(f"simulation: item {row} has values {sample!r}; expected one finite number at least.")
        values[row, : len(sample)], values[row, len(sample) :] = sample, sample[-1]
        cumulative[row, : len(sample)] = np.arange(1, len(sample) + 1) / len(sample)
    return Outcomes(values, cumulative)
