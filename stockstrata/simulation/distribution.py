"""Warehouses that supply stores: two echelons period by period, and who gets what when a warehouse runs short.

Order of events in period t, as in `kernel` and with one step more: receive, demand at the stores, measure, the stores
order from their warehouse, the warehouses ship (at the end of t, usable after the store's lead time at t + L + 1), the
warehouses order from outside. What a warehouse cannot ship waits there and stands in its position as backlog.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from stockstrata.errors import PlanningError
from stockstrata.replenishment import feasible_order_up
from stockstrata.simulation import layout
from stockstrata.simulation.demand import Demand, check_demand
from stockstrata.simulation.engine import Chunk, ConservationError, draw, pipeline_slots
from stockstrata.simulation.measures import Moments
from stockstrata.simulation.policies import Policies, review_calendars
from stockstrata.simulation.run import Horizon
from stockstrata.simulation.terms import Terms

Allocation = Literal["proportional", "priority"]
_FAMILIES = ("s_S", "R_S", "R_s_S", "min_max")


def allocate(asked_qty: np.ndarray, available_qty: np.ndarray, group: np.ndarray, rule: Allocation) -> np.ndarray:
    """Whole units for each claim on a stock that may be short, (claims, paths).

    All claims are met where the stock suffices; else the whole stock is given away. `proportional`: by what is asked,
    rounded along the claims so that each is within one unit of its share. `priority`: in the order of the claims.

    Args:
        asked_qty: whole units asked for, (claims, paths); claims of a stock stand together.
        available_qty: whole units of each stock, (stocks, paths).
        group: stock of each claim, (claims,), rising.
        rule: who comes first.

    Example: claims of 6, 3 and 3 on 6 units give 3, 1 and 2 in proportion, 6, 0 and 0 by priority.
    """
    through = np.cumsum(asked_qty, axis=0)
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    base = np.where(starts > 0, starts - 1, 0)
    earlier = np.where((starts > 0)[:, None], through[base], 0.0)[
        np.searchsorted(starts, np.arange(len(group)), "right") - 1
    ]
    through = through - earlier
    before = through - asked_qty
    available = available_qty[group]
    if rule == "priority":
        return np.clip(available - before, 0.0, asked_qty)
    total = np.add.reduceat(asked_qty, starts, axis=0)[np.searchsorted(starts, np.arange(len(group)), "right") - 1]
    given = np.minimum(available, total)
    size = np.maximum(total, 1.0)
    return np.floor(through * given / size) - np.floor(before * given / size)


def simulate_distribution(
    terms: Terms,
    demand: Demand,
    chosen: Policies,
    supplier: np.ndarray,
    horizon: Horizon,
    *,
    rule: Allocation = "proportional",
) -> pd.DataFrame:
    """One row for each warehouse and store: as `run.simulate`.

    Demand of a warehouse is what its stores order; its fill rate is the share shipped in the period of the order. All
    paths are simulated at once, so memory grows with rows times paths times periods.

    Args:
        terms: of warehouses and stores, in whole units; lead times may be random and cross.
        demand: of all rows; that of warehouses is not used.
        chosen: order-up-to policies (`s_S`, `R_S`, `R_s_S`, `min_max`).
        supplier: row of the warehouse that supplies each row; -1 for warehouses, which are supplied from outside.
        horizon: periods, paths, seed.
        rule: what a warehouse does when it is short; `priority` serves the rows in their order.

    Raises:
        ConservationError: a row's stock, backlog or orders did not add up in a period.
        PlanningError: what this simulation cannot do: other families, more echelons, broken units, order crossing
            forbidden, part of the orders received, or a pipeline to begin with.

    Example: `supplier=np.array([-1, 0, 0])` is a warehouse with two stores.
    """
    supplier = np.asarray(supplier, dtype=int)
    _check(terms, chosen, supplier)
    check_demand(demand, item_id=terms.item_id, is_whole=terms.is_whole, period_count=horizon.period_count)
    chunk = Chunk(slice(0, terms.item_count), 0, horizon.path_count)
    draws = draw(terms, demand, chunk, period_count=horizon.period_count, seed=horizon.seed)
    calendars, rows = review_calendars(terms, chosen, horizon.period_count)
    network = _Network(terms, chosen, supplier, draws, calendars[rows], horizon.path_count, rule)
    start = network.sums.copy()
    for t in range(horizon.period_count):
        if t == horizon.warm_up_period_count:
            start = network.sums.copy()
        network.advance(t)
    found = Moments(terms.item_count)
    costs = terms.costs.matrix(terms.item_count)
    found.take(chunk.items, network.sums - start, costs, horizon.period_count - horizon.warm_up_period_count)
    return found.table(terms.item_id)


@dataclass
class _Stock:
    """State of all rows, (rows, paths); `asked` is what a store's warehouse still owes it."""

    on_hand: np.ndarray
    backlog: np.ndarray
    on_order: np.ndarray
    asked: np.ndarray
    is_short: np.ndarray
    due: np.ndarray


class _Network:
    """Warehouses and stores through the periods; arrays are (rows, paths)."""

    def __init__(
        self,
        terms: Terms,
        chosen: Policies,
        supplier: np.ndarray,
        draws: layout.Draws,
        is_review: np.ndarray,
        paths: int,
        rule: Allocation,
    ) -> None:
        n = terms.item_count
        opening = terms.opening
        full = np.ceil(chosen.full_qty) if opening.on_hand_qty is None else np.asarray(opening.on_hand_qty, dtype=float)
        on_hand = np.repeat(np.broadcast_to(full, (n,))[:, None], paths, axis=1).astype(float)
        self.terms, self.chosen, self.draws, self.is_review = terms, chosen, draws, is_review
        self.rule: Allocation = rule
        self.slots = pipeline_slots(terms, int(draws.lead.max(initial=0)))
        empty = (np.zeros((n, paths)) for _ in range(4))
        self.stock = _Stock(on_hand, *empty, due=np.zeros((n, self.slots, paths)))
        self.sums = np.zeros((n, layout.SUMS, paths))
        self.sums[:, layout.RECEIVED] = on_hand
        is_store = supplier >= 0
        stores = np.flatnonzero(is_store)
        self.stores = stores[np.argsort(supplier[stores], kind="stable")]
        self.warehouses, self.group = np.unique(supplier[self.stores], return_inverse=True)
        self.is_warehouse = ~is_store[:, None]
        self.lost_share = np.where(is_store, terms.lost_share_rate, 0.0)[:, None]

    def advance(self, t: int) -> None:
        """One period."""
        sums = self.sums
        self._receive(t)
        wanted = np.where(self.is_warehouse, 0.0, self.draws.demand[:, t])
        self._serve(t, wanted)
        sums[:, layout.ON_HAND] += self.stock.on_hand
        sums[:, layout.ON_ORDER] += self.stock.on_order - self.stock.asked
        sums[:, layout.READY_PERIODS] += self.stock.on_hand > 0
        new = self._wanted(t, ~self.is_warehouse)
        self._book(new)
        self.stock.asked += new
        shipped = self._ship(new)
        self._send(t, shipped)
        outside = self._wanted(t, self.is_warehouse)
        self._book(outside)
        self._send(t, outside)
        sums[:, layout.BACKLOG] += self.stock.backlog
        is_short = self.stock.backlog > 0
        sums[:, layout.SHORT_PERIODS] += np.where(self.is_warehouse, is_short, False)
        self.stock.is_short = np.maximum(self.stock.is_short, is_short)
        self._check(t)

    def _receive(self, t: int) -> None:
        stock, slot = self.stock, t % self.slots
        came, sums = stock.due[:, slot].copy(), self.sums
        stock.due[:, slot] = 0.0
        stock.on_hand += came
        stock.on_order -= came
        sums[:, layout.RECEIVED] += came
        sums[:, layout.ARRIVED] += came
        sums[:, layout.CYCLES] += came > 0
        sums[:, layout.GOOD_CYCLES] += (came > 0) & (stock.is_short == 0)
        stock.is_short[came > 0] = 0.0

    def _serve(self, t: int, wanted: np.ndarray) -> None:
        """Backlog of the stores first, then their demand; a warehouse serves when it ships."""
        stock, sums = self.stock, self.sums
        filled = np.where(self.is_warehouse, 0.0, np.minimum(stock.on_hand, stock.backlog))
        served = np.minimum(stock.on_hand - filled, wanted)
        unmet = wanted - served
        rounding = self.draws.rounding[:, t if self.draws.rounding.shape[1] > 1 else 0]
        lost = np.minimum(np.floor(unmet * self.lost_share + rounding), unmet)
        lost = np.where(self.lost_share >= 1.0, unmet, np.where(self.lost_share <= 0.0, 0.0, lost))
        stock.on_hand -= filled + served
        stock.backlog += unmet - lost - filled
        for column, figure in (
            (layout.DEMAND, wanted), (layout.SERVED, served), (layout.FILLED, filled), (layout.LOST, lost)
        ):  # fmt: skip
            sums[:, column] += figure
        fails = ~self.is_warehouse & ((unmet > 0) | (stock.backlog > 0))
        sums[:, layout.SHORT_PERIODS] += fails
        stock.is_short = np.maximum(stock.is_short, fails)

    def _wanted(self, t: int, who: np.ndarray) -> np.ndarray:
        stock = self.stock
        position = stock.on_hand + stock.on_order - stock.backlog
        top, trigger = self.chosen.order_up_to_qty[:, None], self.chosen.reorder_point_qty[:, None]
        gap = np.where((position <= trigger) & who & self.is_review[:, [t]], top - position, 0.0)
        return feasible_order_up(gap, self.terms.moq_qty[:, None], self.terms.order_multiple_qty[:, None])

    def _book(self, quantity: np.ndarray) -> None:
        self.stock.on_order += quantity
        self.sums[:, layout.ORDERS] += quantity > 0
        self.sums[:, layout.ORDERED] += quantity

    def _ship(self, new: np.ndarray) -> np.ndarray:
        """What each store is sent; old claims of a store are met before its new one."""
        stock, sums, stores, group = self.stock, self.sums, self.stores, self.group
        claims = stock.asked[stores]
        given = allocate(claims, stock.on_hand[self.warehouses], group, self.rule)
        at_once = np.maximum(given - (claims - new[stores]), 0.0)
        shape = (len(self.warehouses), given.shape[1])
        total, of_new, asked = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        for figure, values in ((total, given), (of_new, at_once), (asked, new[stores])):
            np.add.at(figure, group, values)
        stock.on_hand[self.warehouses] -= total
        stock.backlog[self.warehouses] += asked - total
        sums[self.warehouses, layout.DEMAND] += asked
        sums[self.warehouses, layout.SERVED] += of_new
        sums[self.warehouses, layout.FILLED] += total - of_new
        shipped = np.zeros(stock.on_hand.shape)
        shipped[stores] = given
        stock.asked -= shipped
        return shipped

    def _send(self, t: int, quantity: np.ndarray) -> None:
        lead = self.draws.lead
        lead = np.broadcast_to(lead[:, t if lead.shape[1] > 1 else 0], quantity.shape)
        row, path = np.nonzero(quantity)
        np.add.at(self.stock.due, (row, (t + 1 + lead[row, path]) % self.slots, path), quantity[row, path])

    def _check(self, t: int) -> None:
        stock, sums = self.stock, self.sums
        gone = sums[:, layout.SERVED] + sums[:, layout.FILLED]
        owed = np.zeros(stock.on_hand.shape)
        np.add.at(owed, self.warehouses[self.group], stock.asked[self.stores])
        laws = {
            layout.STOCK: (sums[:, layout.RECEIVED] - gone == stock.on_hand) & (stock.on_hand >= 0),
            layout.WAITING: (sums[:, layout.DEMAND] - gone - sums[:, layout.LOST] == stock.backlog)
            & (stock.backlog >= 0)
            & (~self.is_warehouse | (owed == stock.backlog)),
            layout.ORDER_BOOK: sums[:, layout.ORDERED] - sums[:, layout.ARRIVED] == stock.on_order,
            layout.PIPELINE: stock.due.sum(axis=1) + stock.asked == stock.on_order,
        }
        for law, holds in laws.items():
            if not holds.all():
                row, path = np.argwhere(~holds)[0]
                raise ConservationError(
                    f"simulation: item {self.terms.item_id[row]}, path {path}, period {t}: {layout.LAWS[law]}; found "
                    f"on_hand {stock.on_hand[row, path]:.12g}, backlog {stock.backlog[row, path]:.12g}, on_order "
                    f"{stock.on_order[row, path]:.12g}. No figure of this simulation can be used."
                )


def _check(terms: Terms, chosen: Policies, supplier: np.ndarray) -> None:
    odd = {
        "a policy other than " + ", ".join(_FAMILIES): ~np.isin(chosen.family, _FAMILIES),
        "broken units": ~terms.is_whole,
        "orders that may not cross": ~terms.may_cross,
        "a received share other than 1": (terms.received_share.values != 1).any(axis=1),
        "a supplier that is no warehouse": (supplier < -1) | (supplier >= len(supplier)),
    }
    inside = np.clip(supplier, 0, len(supplier) - 1)
    odd["a store as its supplier"] = (supplier >= 0) & (supplier[inside] >= 0)
    for fault, rows in odd.items():
        if rows.any():
            name = terms.item_id[np.flatnonzero(rows)[0]]
            raise PlanningError(f"simulation: row {name} has {fault}; two echelons are simulated without.")
    if (
        terms.opening.pipeline_qty.shape[1]
        or np.any(np.asarray(terms.opening.backlog_qty))
        or not (supplier >= 0).any()
    ):
        raise PlanningError("simulation: two echelons begin with stock alone, and one row at least has a warehouse.")
