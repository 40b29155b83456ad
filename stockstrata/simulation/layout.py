"""Arrays that the compiled simulator works on, and the numbers of their columns and codes."""

from typing import NamedTuple

import numpy as np

FIXED_QTY, UP_TO, CARDS, PROJECTED, OUTSIDE, NEVER = range(6)
"""How much a due order is: multiples of a quantity, up to a level, free cards, projected, told from outside, none."""

(
    DEMAND, SERVED, FILLED, LOST, ON_HAND, BACKLOG, ON_ORDER, SHORT_PERIODS, READY_PERIODS, ORDERS, ORDERED, ARRIVED,
    RECEIVED, CYCLES, GOOD_CYCLES,
) = range(15)  # fmt: skip
SUMS = 15
"""Running sums of a row since it began. `DEMAND` begins with the backlog at the start, `RECEIVED` with the stock and
`ORDERED` with the open orders, so that all sums must balance with what is there; `FILLED` is backlog served."""

QUANTITY, STOCK, WAITING, ORDER_BOOK, PIPELINE, LEAD_TIME = range(1, 7)
"""Laws that a row can break; their sentences stand in `LAWS`."""

LAWS = {
    QUANTITY: "demand must be a number from 0",
    STOCK: "opening stock + receipts - shipments must be closing stock, from 0",
    WAITING: "opening backlog + demand - shipments - lost must be closing backlog, from 0",
    ORDER_BOOK: "opening orders + ordered - arrived must be the open orders",
    PIPELINE: "the open orders must be the sum of the pipeline",
    LEAD_TIME: "lead times must be whole periods from 0 to the longest that the pipeline was made for",
}


class Rules(NamedTuple):
    """Policy and terms of each item, (items,), in the form that the compiled code reads.

    Attributes:
        kind: how much a due order is.
        trigger: position at or below which an order is due, with what rounding may add.
        up_to: level that an order lifts the position to; for cards all cards times their size.
        lot: order quantity, or size of a card.
        least: smallest order.
        multiple: order multiple; zero where any quantity will do.
        lost_share: share of unmet demand that is lost, the rest waits.
        is_whole: whether quantities are whole numbers.
        may_cross: whether a later order may arrive before an earlier one.
        every_review: whether a replenishment cycle ends with every review's arrival, even of nothing.
        calendar: row of the review calendars.
        expected_demand: demand of a period that a projection expects.
        expected_lead: lead time that a projection expects, whole periods.
    """

    kind: np.ndarray
    trigger: np.ndarray
    up_to: np.ndarray
    lot: np.ndarray
    least: np.ndarray
    multiple: np.ndarray
    lost_share: np.ndarray
    is_whole: np.ndarray
    may_cross: np.ndarray
    every_review: np.ndarray
    calendar: np.ndarray
    expected_demand: np.ndarray
    expected_lead: np.ndarray


class Draws(NamedTuple):
    """What chance brings; each array is (items, periods or 1, paths or 1), where one holds for all.

    Attributes:
        demand: units, (items, periods, paths) in full.
        lead: lead time of an order that is placed in the period, periods.
        received_share: share of that order that is received.
        rounding: uniform number that rounds the lost part of unmet demand of whole units.
        is_review: review calendars, (calendars, periods).
    """

    demand: np.ndarray
    lead: np.ndarray
    received_share: np.ndarray
    rounding: np.ndarray
    is_review: np.ndarray


class State(NamedTuple):
    """Where rows stand at the end of a period; (items, paths), pipelines (items, slots, paths).

    The slots are a power of two; the slot of period t is t modulo their number.

    Attributes:
        on_hand: units on the shelf.
        backlog: units that customers wait for.
        on_order: units ordered and not yet arrived.
        is_short: one where demand failed in the running replenishment cycle, else zero.
        last_due: period in which the last order arrives.
        due: units, as ordered, that arrive in the slot's period.
        good: units that will be received of them.
        ends: one where a replenishment cycle ends with the arrival.
        coming_in: units that were under way before the first period, (items, periods), by the period of their arrival.
        placed_qty: units ordered in the slot's period; without slots where no policy projects stock.
        placed_due: when they arrive.
        sums: (items, SUMS, paths).
    """

    on_hand: np.ndarray
    backlog: np.ndarray
    on_order: np.ndarray
    is_short: np.ndarray
    last_due: np.ndarray
    due: np.ndarray
    good: np.ndarray
    ends: np.ndarray
    coming_in: np.ndarray
    placed_qty: np.ndarray
    placed_due: np.ndarray
    sums: np.ndarray


class Trace(NamedTuple):
    """What happened in each period, (items, periods, paths), units.

    Stocks are those measured: after demand, before the order of the period.
    """

    received: np.ndarray
    served: np.ndarray
    filled: np.ndarray
    lost: np.ndarray
    on_hand: np.ndarray
    backlog: np.ndarray
    on_order: np.ndarray
    ordered: np.ndarray
