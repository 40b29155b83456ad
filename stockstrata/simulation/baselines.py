"""What many companies do today: one rule of thumb for all, to compare planned policies with."""

from collections.abc import Mapping

import numpy as np

from stockstrata.errors import PlanningError
from stockstrata.safety_stock import lead_time_demand_sd, reorder_point, safety_stock_cycle_service
from stockstrata.simulation.policies import Policies, policies


def uniform_policies(
    history_qty: np.ndarray,
    *,
    z: np.ndarray | float,
    lead_time_periods: np.ndarray,
    review_periods: int,
    is_whole: np.ndarray,
) -> Policies:
    """`R_S` with `S = m (L + R) + z s sqrt(L)`: buffer from the spread of demand and the lead time alone.

    m and s are mean and standard deviation (n - 1) of the history's periods, R the review period (about 30 days for a
    monthly review, or 4 weeks). The buffer leaves the review period out, as the rule of thumb does. Whole units are
    rounded up. An item without demand gets an order-up-to level of zero.

    Args:
        history_qty: demand known when the policy is set, (items, periods), units; NaN where there was no period yet.
        z: safety factor of each item, or one for all.
        lead_time_periods: mean lead time L, (items,).
        review_periods: R, periods.
        is_whole: whether the item is counted in whole units, (items,).

    Raises:
        PlanningError: a history without periods.

    Example: demand 8 and 12, z = 2, L = 4, R = 4: m = 10, s = 2.83, S = 80 + 11.3, in whole units 92.
    """
    seen = np.isfinite(history_qty)
    count = seen.sum(axis=1)
    if not history_qty.shape[1] or (count == 0).any():
        raise PlanningError("baseline: an item-location has no period of history; leave it out until it has one.")
    values = np.where(seen, history_qty, 0.0)
    mean = values.sum(axis=1) / count
    spread = np.where(seen, values - mean[:, None], 0.0)
    sd = np.sqrt((spread**2).sum(axis=1) / np.maximum(count - 1, 1))
    return uniform_policies_of_moments(
        mean, sd, z=z, lead_time_periods=lead_time_periods, review_periods=review_periods, is_whole=is_whole
    )


def uniform_policies_of_moments(
    mean: np.ndarray,
    sd: np.ndarray,
    *,
    z: np.ndarray | float,
    lead_time_periods: np.ndarray,
    review_periods: int,
    is_whole: np.ndarray,
) -> Policies:
    """`uniform_policies` of a history by its mean and standard deviation (n - 1), (items,), units.

    Example: mean 10, standard deviation 2.83, z = 2, L = 4, R = 4: S = 92 in whole units.
    """
    lead = np.asarray(lead_time_periods, dtype=float)
    level = reorder_point(lead + review_periods, mean, np.asarray(z) * lead_time_demand_sd(lead, sd))
    level = np.maximum(level, 0.0)
    level = np.where(is_whole, np.ceil(np.round(level, 9)), level)
    return policies("R_S", item_count=len(mean), order_up_to_qty=level, review_periods=review_periods)


def class_policies(
    history_qty: np.ndarray,
    *,
    class_code: np.ndarray,
    service_by_class: Mapping[str, float],
    lead_time_periods: np.ndarray,
    review_periods: int,
    is_whole: np.ndarray,
) -> Policies:
    """`uniform_policies` with the safety factor of a cycle service level for each class (A, B, C).

    Args:
        history_qty: as in `uniform_policies`.
        class_code: class of each item, (items,).
        service_by_class: cycle service level of each class, between 0 and 1.
        lead_time_periods: as in `uniform_policies`.
        review_periods: as in `uniform_policies`.
        is_whole: as in `uniform_policies`.

    Raises:
        PlanningError: a class without a service level.

    Example: `service_by_class={"A": 0.98, "B": 0.95, "C": 0.90}`.
    """
    missing = sorted(set(class_code) - set(service_by_class))
    if missing:
        raise PlanningError(f"baseline: class {missing[0]} has no service level; there are {sorted(service_by_class)}.")
    target = np.array([service_by_class[code] for code in class_code])
    z = np.asarray(safety_stock_cycle_service(target, 1.0))
    return uniform_policies(
        history_qty, z=z, lead_time_periods=lead_time_periods, review_periods=review_periods, is_whole=is_whole
    )
