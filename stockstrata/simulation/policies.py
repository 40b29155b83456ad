"""Stock policies to simulate, and the form in which the compiled code reads them."""

from dataclasses import dataclass, fields
from typing import Literal, get_args

import numpy as np

from stockstrata.errors import PlanningError
from stockstrata.simulation import layout
from stockstrata.simulation.terms import Terms

Real = np.ndarray | float
Family = Literal[
    "s_Q",
    "s_S",
    "R_S",
    "R_s_S",
    "min_max",
    "kanban",
    "make_to_order",
    "newsvendor",
    "do_not_stock",
    "projected",
    "custom",
]
FAMILIES: tuple[str, ...] = get_args(Family)

_KINDS = {
    "s_Q": layout.FIXED_QTY,
    "s_S": layout.UP_TO,
    "R_S": layout.UP_TO,
    "R_s_S": layout.UP_TO,
    "min_max": layout.UP_TO,
    "kanban": layout.CARDS,
    "make_to_order": layout.UP_TO,
    "newsvendor": layout.NEVER,
    "do_not_stock": layout.NEVER,
    "projected": layout.PROJECTED,
    "custom": layout.OUTSIDE,
}


@dataclass(frozen=True)
class Policies:
    """The policy of each item-location, (items,).

    An order is due in a review when the inventory position (on hand + on order - backlog) is at or below the reorder
    point.

    - `s_Q`: the smallest number of `order_qty` that lifts the position above the reorder point.
    - `s_S`, `min_max`, `R_s_S`: up to `order_up_to_qty`.
    - `R_S`: at every review up to `order_up_to_qty`; with the reorder point of `replenishment.order_rule` it skips
      orders that would be too small.
    - `kanban`: `order_up_to_qty` is cards times card size, `order_qty` the size. A card is free once its container is
      empty; each free card orders one container. The backlog frees no card, so never more than all cards are on order.
    - `make_to_order`: orders what customers wait for; unmet demand waits whatever `lost_share_rate` says.
    - `newsvendor`: one order before the first period, up to `order_up_to_qty`, in time for its demand; none after it.
    - `do_not_stock`: never orders; what the opening stock does not serve is lost.
    - `projected`: stock is projected to the start of the period in which the order is expected (expected demand taken
      off, never below zero where demand is lost); at or below the reorder point it orders up to `order_up_to_qty` then.
    - `custom`: a function of the state tells the quantity at the end of each period.

    Attributes:
        family: code of the family.
        reorder_point_qty: s, units.
        order_up_to_qty: S, units.
        order_qty: Q, units.
        review_periods: periods between reviews, from 1.
        review_phase: period of the first review.
        expected_demand_qty: what `projected` expects of a period, units.
        expected_lead_periods: lead time that `projected` expects, whole periods.
    """

    family: np.ndarray
    reorder_point_qty: np.ndarray
    order_up_to_qty: np.ndarray
    order_qty: np.ndarray
    review_periods: np.ndarray
    review_phase: np.ndarray
    expected_demand_qty: np.ndarray
    expected_lead_periods: np.ndarray

    def rows(self, items: slice) -> "Policies":
        """The policies of some items."""
        return Policies(*(getattr(self, column.name)[items] for column in fields(self)))

    @property
    def full_qty(self) -> np.ndarray:
        """Stock to begin with: order-up-to level, s + Q, all cards; nothing where none is kept, units."""
        full = np.where(self.family == "s_Q", self.reorder_point_qty + self.order_qty, self.order_up_to_qty)
        return np.where(
            np.isin(self.family, ("make_to_order", "do_not_stock", "newsvendor")), 0.0, np.maximum(full, 0.0)
        )


def policies(
    family: np.ndarray | Family,
    *,
    item_count: int,
    reorder_point_qty: Real | None = None,
    order_up_to_qty: Real = 0.0,
    order_qty: Real = 0.0,
    review_periods: np.ndarray | int = 1,
    review_phase: np.ndarray | int = 0,
    expected_demand_qty: Real = 0.0,
    expected_lead_periods: np.ndarray | int = 0,
) -> Policies:
    """Policies with single figures holding for all, checked; a missing reorder point is the order-up-to level.

    Raises:
        PlanningError: an unknown family, or a figure that its family cannot work with.

    Example: `policies("s_Q", item_count=1, reorder_point_qty=20, order_qty=50)`.
    """
    reorder = order_up_to_qty if reorder_point_qty is None else reorder_point_qty

    def column(value: object, kind: type) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, dtype=kind), (item_count,)).copy()

    found = Policies(
        family=column(family, str),
        reorder_point_qty=column(reorder, float),
        order_up_to_qty=column(order_up_to_qty, float),
        order_qty=column(order_qty, float),
        review_periods=column(review_periods, int),
        review_phase=column(review_phase, int),
        expected_demand_qty=column(expected_demand_qty, float),
        expected_lead_periods=column(expected_lead_periods, int),
    )
    _check(found)
    return found


def kanban(card_count: np.ndarray | int, card_qty: Real, *, item_count: int) -> Policies:
    """Cards and their size.

    Example: `kanban(4, 25.0, item_count=1)` keeps at most 100 units on hand and on order.
    """
    return policies(
        "kanban", item_count=item_count, order_up_to_qty=np.asarray(card_count) * card_qty, order_qty=card_qty
    )


def rules(terms: Terms, chosen: Policies, calendar: np.ndarray) -> layout.Rules:
    """Terms and policies as the compiled code reads them."""
    family = chosen.family
    to_order = family == "make_to_order"
    trigger = np.where(to_order, 0.0, chosen.reorder_point_qty)
    kinds, places = np.unique(family, return_inverse=True)
    lost = np.where(to_order, 0.0, np.where(family == "do_not_stock", 1.0, terms.lost_share_rate))
    return layout.Rules(
        kind=np.array([_KINDS[code] for code in kinds], dtype=np.int64)[places],
        # At or below by more than what rounding of broken units does.
        trigger=trigger + 1e-9 * np.maximum(np.abs(trigger), 1.0),
        up_to=np.where(to_order, 0.0, chosen.order_up_to_qty),
        lot=np.where(chosen.order_qty > 0, chosen.order_qty, 1.0),
        least=terms.moq_qty,
        multiple=terms.order_multiple_qty,
        lost_share=lost,
        is_whole=terms.is_whole,
        may_cross=terms.may_cross,
        every_review=family == "R_S",
        calendar=calendar,
        expected_demand=chosen.expected_demand_qty,
        expected_lead=chosen.expected_lead_periods,
    )


def review_calendars(terms: Terms, chosen: Policies, period_count: int) -> tuple[np.ndarray, np.ndarray]:
    """Periods with a review, (calendars, periods), and the calendar of each item, (items,).

    A review that falls on a period without orders is held in the next one with orders; the rhythm stays.

    Raises:
        PlanningError: a calendar is shorter than the horizon.
    """
    if 0 < terms.is_open.shape[1] < period_count:
        raise PlanningError(f"simulation: order calendar of {terms.is_open.shape[1]} periods; expected {period_count}.")
    is_open, rows = np.ones((1, period_count), dtype=bool), np.zeros(terms.item_count, dtype=np.int64)
    if terms.is_open.shape[1]:
        is_open, rows = np.unique(terms.is_open[:, :period_count], axis=0, return_inverse=True)
    kinds, calendar = np.unique(
        np.stack([rows.reshape(-1), chosen.review_periods, chosen.review_phase], axis=1), axis=0, return_inverse=True
    )
    t = np.arange(period_count)
    out = np.zeros((len(kinds), period_count), dtype=bool)
    for row, (which, length, phase) in enumerate(kinds):
        due_count = np.cumsum((t >= phase) & ((t - phase) % length == 0))
        opens = np.flatnonzero(is_open[which])
        out[row, opens] = np.diff(due_count[opens], prepend=0) > 0
    return out, calendar.reshape(-1).astype(np.int64)


def _check(found: Policies) -> None:
    family = found.family
    figures = np.stack([found.reorder_point_qty, found.order_up_to_qty, found.order_qty, found.expected_demand_qty])
    odd = {
        f"an unknown family; expected one of {', '.join(FAMILIES)}": ~np.isin(family, FAMILIES),
        "a figure that is no number": ~np.isfinite(figures).all(axis=0),
        "no order quantity or card size above 0": np.isin(family, ("s_Q", "kanban")) & ~(found.order_qty > 0),
        "an order-up-to level below its reorder point": np.isin(family, ("s_S", "R_s_S", "min_max", "projected"))
        & (found.order_up_to_qty < found.reorder_point_qty),
        "a review period below 1 or a phase below 0": (found.review_periods < 1) | (found.review_phase < 0),
        "an expected demand or lead time below 0": (found.expected_demand_qty < 0) | (found.expected_lead_periods < 0),
    }
    for fault, rows in odd.items():
        if rows.any():
            row = int(np.flatnonzero(rows)[0])
            raise PlanningError(f"simulation: the policy of row {row} ({family[row]}) has {fault}.")
