"""What demand is drawn from: moments, quantiles, values seen, or given traces."""

from dataclasses import dataclass

import numpy as np

from stockstrata.distributions import Method
from stockstrata.errors import PlanningError
from stockstrata.simulation.outcomes import Outcomes


@dataclass(frozen=True)
class DemandMoments:
    """Demand of a period by distribution, mean and standard deviation; independent from period to period.

    Whole units with certain demand are rounded up or down by chance, so that the mean is right. Normal demand below
    zero counts as zero, so its mean is a little higher where the standard deviation is a large part of the mean.

    Attributes:
        method: distribution of each item, (items,).
        mean_qty: (items,) or (items, periods), units.
        sd_qty: shaped like `mean_qty`, units.
    """

    method: np.ndarray
    mean_qty: np.ndarray
    sd_qty: np.ndarray


@dataclass(frozen=True)
class DemandQuantiles:
    """Demand of a period by quantiles, joined by straight lines.

    Attributes:
        levels: probabilities, rising from 0 to 1: the ends say how small and how large demand can be, (levels,).
        quantity: (items, levels) or (items, periods, levels), units, never falling along the levels.
    """

    levels: np.ndarray
    quantity: np.ndarray


@dataclass(frozen=True)
class DemandOutcomes:
    """Demand of a period drawn from values seen (bootstrap) or any finite distribution.

    Attributes:
        outcomes: one distribution for each item, units.
    """

    outcomes: Outcomes


@dataclass(frozen=True)
class DemandTraces:
    """Demand as it was, or as somebody else drew it.

    Attributes:
        quantity: (items, periods) for all paths, or (items, periods, paths), units.
    """

    quantity: np.ndarray


Demand = DemandMoments | DemandQuantiles | DemandOutcomes | DemandTraces


def moments(
    method: Method | np.ndarray, mean_qty: np.ndarray | float, sd_qty: np.ndarray | float, *, item_count: int
) -> DemandMoments:
    """Moments of each item, single figures holding for all.

    Example: `moments("poisson", 6.0, 6.0**0.5, item_count=3)`.
    """
    shape = (item_count,) if max(np.ndim(mean_qty), np.ndim(sd_qty)) < 2 else np.broadcast(mean_qty, sd_qty).shape
    mean, sd = (np.broadcast_to(np.asarray(value, dtype=float), shape).copy() for value in (mean_qty, sd_qty))
    return DemandMoments(np.broadcast_to(np.asarray(method), (item_count,)).copy(), mean, sd)


def check_demand(demand: Demand, *, item_id: np.ndarray, is_whole: np.ndarray, period_count: int) -> None:
    """Refuse demand that is no quantity.

    Raises:
        PlanningError: names the item and what was found.
    """
    if isinstance(demand, DemandMoments):
        figures = {"mean": demand.mean_qty, "standard deviation": demand.sd_qty}
    elif isinstance(demand, DemandQuantiles):
        figures = {"quantile": demand.quantity}
        rising = np.diff(demand.levels)
        if not (demand.levels[0] == 0 and demand.levels[-1] == 1 and (rising > 0).all()):
            raise PlanningError(f"simulation: levels {demand.levels.tolist()}; expected rising ones from 0 to 1.")
        _refuse((np.diff(demand.quantity, axis=-1) < 0), item_id, "quantiles that fall")
    elif isinstance(demand, DemandOutcomes):
        figures = {"value": demand.outcomes.values}
    else:
        figures = {"demand": demand.quantity}
    for name, values in figures.items():
        if len(values) != len(item_id):
            raise PlanningError(f"simulation: {name} of {len(values)} items; expected {len(item_id)}.")
        _refuse(~(np.isfinite(values) & (values >= 0)), item_id, f"a {name} below zero or no number")
    if isinstance(demand, DemandTraces | DemandOutcomes):
        (values,) = figures.values()
        broken = values != np.floor(values)
        broken[~is_whole] = False
        _refuse(broken, item_id, "broken demand of an item in whole units")
    varies = {DemandMoments: 2, DemandQuantiles: 3, DemandTraces: 2}.get(type(demand))
    (first, *_) = figures.values()
    if varies is not None and first.ndim >= varies and first.shape[1] < period_count:
        raise PlanningError(f"simulation: demand of {first.shape[1]} periods; expected {period_count} at least.")


def _refuse(is_odd: np.ndarray, item_id: np.ndarray, found: str) -> None:
    odd = is_odd.reshape(len(is_odd), -1).any(axis=1)
    if odd.any():
        raise PlanningError(
            f"simulation: item {item_id[np.flatnonzero(odd)[0]]} has {found} ({odd.sum()} items have); expected finite "
            "quantities from 0. Repair the demand or leave the item out."
        )
