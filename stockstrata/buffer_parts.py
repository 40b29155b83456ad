"""What a safety stock is for: uncertain demand, uncertain supply, the review period, extra service, whole units.

Each driver is added to those before it and its part is what the buffer grows by, so the parts add up to the buffer and
a driver that is absent has no part:

1. demand: continuous review, certain lead time, the target of the segment or item itself.
2. supply: the same with the uncertain lead time.
3. review: the same, looked at once a review period.
4. service: what a floor or an optimised mix asks for on top of that target.
5. rounding: what whole units add.

A buffer is what the level holds above the demand expected until an order arrives (`buffers.protected_demand`), and is
never below zero; where a large order covers a fill rate, the target needs none and every part is zero.
"""

from dataclasses import dataclass

import numpy as np

from stockstrata.buffers import ServiceCase, protected_demand, service_level_stock


@dataclass(frozen=True)
class BufferParts:
    """Parts of a safety stock, units, one element a row; none is negative."""

    demand_qty: np.ndarray
    supply_qty: np.ndarray
    review_qty: np.ndarray
    service_qty: np.ndarray
    rounding_qty: np.ndarray


def buffer_parts(case: ServiceCase, own: ServiceCase, solved: np.ndarray, buffer: np.ndarray) -> BufferParts:
    """Split buffers by driver.

    Args:
        case: with the target in force.
        own: with the target of the segment or item itself.
        solved: level that meets the target in force, before rounding, units.
        buffer: safety stock, units.

    Example: a certain lead time has no supply part; a segment's own target in force has no service part.
    """
    protected = protected_demand(case)
    unrounded = np.clip(solved - protected, 0.0, buffer)
    is_own = (case.measure == own.measure) & (case.target == own.target)
    own_level = np.array(solved)
    if not is_own.all():
        own_level[~is_own] = service_level_stock(own.rows(~is_own))
    reviewed = np.clip(own_level - protected, 0.0, unrounded)
    continuous = _buffer_without_review(own)
    for_supply = np.clip(continuous, 0.0, reviewed)
    is_certain = own.total_sd == own.demand_sd
    if not is_certain.all():
        continuous[~is_certain] = _buffer_without_review(own.rows(~is_certain).without_supply())
    for_demand = np.clip(continuous, 0.0, for_supply)
    return BufferParts(
        demand_qty=for_demand,
        supply_qty=for_supply - for_demand,
        review_qty=reviewed - for_supply,
        service_qty=unrounded - reviewed,
        rounding_qty=buffer - unrounded,
    )


def _buffer_without_review(case: ServiceCase) -> np.ndarray:
    """Buffer if the position were looked at all the time, units; what single large demands take it below remains."""
    quick = case.without_review()
    return service_level_stock(quick) - protected_demand(quick)
