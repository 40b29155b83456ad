# ruff: noqa: ANN001, ANN202 - compiled helpers take arrays and numbers, whose types the compiler infers
"""The compiled heart of the simulator: rows (item-location and path) through a block of periods.

A row's state stands in arrays that outlive the block, so a caller may stop, change the policy, and go on. All draws are
inputs; nothing random happens here. Order of events in period t (docs/simulator.md says why and who does otherwise):

1. receive what is due at the start of t; what arrives serves the backlog first,
2. demand; what the shelf lacks is lost or waits,
3. measure,
4. review and order; an order placed at the end of t with lead time L can be used for the demand of t + L + 1.

Stock, backlog and order book must balance in every period with the running sums, and the pipeline with the order book
at both ends of a block; otherwise the block stops and tells law, row and period.

The policy of an item is the same for all its paths, so each step is a loop over paths without branches, short enough
(at most four arrays) for the compiler to turn it into vector instructions.
"""

import numpy as np

from stockstrata.simulation.compiling import compiled, part
from stockstrata.simulation.layout import (
    ARRIVED,
    BACKLOG,
    CARDS,
    CYCLES,
    DEMAND,
    FILLED,
    FIXED_QTY,
    GOOD_CYCLES,
    LEAD_TIME,
    LOST,
    ON_HAND,
    ON_ORDER,
    ORDER_BOOK,
    ORDERED,
    ORDERS,
    OUTSIDE,
    PIPELINE,
    PROJECTED,
    QUANTITY,
    READY_PERIODS,
    RECEIVED,
    SERVED,
    SHORT_PERIODS,
    STOCK,
    WAITING,
    Draws,
    Rules,
    State,
    Trace,
)

_TINY = 1e-9  # share of a quantity that counts as rounding error of floats
_LARGEST_EXACT = 2.0**52  # sums of whole numbers below this are exact


@compiled
def run_block(
    first: int, last: int, rules: Rules, draws: Draws, state: State, trace: Trace | None, broken: np.ndarray
) -> None:
    """Run all rows from the start of period `first` to the end of period `last - 1`.

    Args:
        first: first period.
        last: period before which to stop.
        rules: policy and terms.
        draws: demand, lead times, shares received, roundings, calendars.
        state: changed to that at the end.
        trace: filled where there is one.
        broken: (4,), set to law, item, path and period of the first row that breaks a law.
    """
    items, paths = state.on_hand.shape
    work = np.zeros((3, paths))
    for i in range(items):
        _run_item(i, first, last, rules, draws, state, trace, work, broken)
        if broken[0] != 0:
            return


@compiled
def place_orders(
    t: int,
    quantity: np.ndarray,
    rules: Rules,
    draws: Draws,
    state: State,
    trace: Trace | None,
    broken: np.ndarray,
) -> None:
    """Place orders told from outside at the end of period t, for the items whose policy is told from outside.

    Args:
        t: period.
        quantity: (items, paths), units; rounded up to feasible orders, nothing where zero or below.
        rules: policy and terms.
        draws: lead times and shares received.
        state: changed.
        trace: `ordered` is filled where there is one.
        broken: as in `run_block`.
    """
    items, paths = quantity.shape
    for i in range(items):
        if rules.kind[i] == OUTSIDE:
            wanted, due, good, ends, sums = (
                quantity[i].copy(),
                state.due[i],
                state.good[i],
                state.ends[i],
                state.sums[i],
            )
            for p in range(paths):
                if not abs(wanted[p]) < np.inf:
                    _break(broken, ORDER_BOOK, i, p, t)
                    return
            _round_up(wanted, rules.least[i], rules.multiple[i])
            lead = draws.lead[i, t if draws.lead.shape[1] > 1 else 0]
            share = draws.received_share[i, t if draws.received_share.shape[1] > 1 else 0]
            _check_lead_times(i, t, lead, due.shape[0], broken)
            if broken[0] != 0:
                return
            _book(wanted, state.on_order[i], sums[ORDERED], sums[ORDERS])
            may_cross, is_whole = rules.may_cross[i], rules.is_whole[i]
            placed_qty, placed_due = state.placed_qty[i], state.placed_due[i]
            last_due = state.last_due[i]
            _scatter(
                t, wanted, lead, share, may_cross, False, is_whole, due, good, ends, last_due, placed_qty, placed_due
            )
            if trace is not None:
                _note(trace.ordered, i, t, wanted)


@part
def _run_item(i, first, last, rules, draws, state, trace, work, broken):  # noqa: C901
    """All paths of an item.

    One long function: arrays are taken apart once an item, because taking a part of an array costs as much as a step.
    """
    kind, lost_share, is_whole = rules.kind[i], rules.lost_share[i], rules.is_whole[i]
    trigger, up_to, lot, least, multiple = (
        rules.trigger[i],
        rules.up_to[i],
        rules.lot[i],
        rules.least[i],
        rules.multiple[i],
    )
    may_cross, ahead, expected_lead = rules.may_cross[i], rules.expected_demand[i], rules.expected_lead[i]
    on_hand, backlog, on_order, is_short = state.on_hand[i], state.backlog[i], state.on_order[i], state.is_short[i]
    last_due, due_in, good_in, ends_in = state.last_due[i], state.due[i], state.good[i], state.ends[i]
    every_review, coming_in = rules.every_review[i], state.coming_in[i]
    placed_qty, placed_due = state.placed_qty[i], state.placed_due[i]
    sums = state.sums[i]
    asked, served, filled, lost = sums[DEMAND], sums[SERVED], sums[FILLED], sums[LOST]
    held, waited, coming = sums[ON_HAND], sums[BACKLOG], sums[ON_ORDER]
    short_periods, ready_periods, orders = sums[SHORT_PERIODS], sums[READY_PERIODS], sums[ORDERS]
    ordered, arrived, received = sums[ORDERED], sums[ARRIVED], sums[RECEIVED]
    cycles, good_cycles = sums[CYCLES], sums[GOOD_CYCLES]
    demands, leads, shares, roundings = draws.demand[i], draws.lead[i], draws.received_share[i], draws.rounding[i]
    is_review = draws.is_review[rules.calendar[i]]
    wanted, unmet, gone = work[0], work[1], work[2]
    slots = due_in.shape[0]
    is_simple = leads.size == 1 and shares.size == 1 and may_cross and placed_qty.shape[0] == 0
    _check_lead_times(i, first, leads[0], slots, broken)
    _check_pipeline(i, first, is_whole, due_in, on_order, ordered, broken)
    waits = lost_share < 1.0 or _any(backlog)
    for t in range(first, last):
        if broken[0] != 0:
            return
        slot = t & (slots - 1)
        if trace is not None:
            _note(trace.received, i, t, good_in[slot])
        _receive(slot, due_in, good_in, ends_in, on_hand, received, on_order, arrived, is_short, cycles, good_cycles)
        if waits:
            _fill_backlog(on_hand, backlog, wanted, filled)
            if trace is not None:
                _note(trace.filled, i, t, wanted)
        _serve(t, demands, on_hand, unmet, served, asked)
        if waits:
            _let_wait(t, unmet, lost_share, is_whole, roundings, gone, backlog, waited, lost)
        _note_short(unmet, backlog, is_short, short_periods, lost, not waits)
        if trace is not None:
            _note_difference(trace.served, i, t, demands[t], unmet)
            _note(trace.lost, i, t, gone if waits else unmet)
        if _count_failures(t, demands, received, served, filled, on_hand, asked, lost, backlog, is_whole) > 0:
            _find_broken(i, t, is_whole, demands[t], received, served, filled, on_hand, asked, lost, backlog, broken)
        _measure(on_hand, held, on_order, coming, ready_periods)
        if trace is not None:
            _note(trace.on_hand, i, t, on_hand)
            _note(trace.backlog, i, t, backlog)
            _note(trace.on_order, i, t, on_order)
        if not is_review[t] or kind >= OUTSIDE:
            continue
        if kind == CARDS:
            _free_cards(on_hand, on_order, up_to, lot, wanted)
        elif kind == PROJECTED:
            never_waits = lost_share >= 1.0
            _project(t, on_hand, backlog, expected_lead, ahead, never_waits, coming_in, placed_qty, placed_due, wanted)
            _gaps(wanted, trigger, up_to)
        elif kind == FIXED_QTY:
            _lots(on_hand, on_order, backlog, trigger, lot, wanted)
        else:
            _position(on_hand, on_order, backlog, wanted)
            _gaps(wanted, trigger, up_to)
        _round_up(wanted, least, multiple)
        if trace is not None:
            _note(trace.ordered, i, t, wanted)
        _book(wanted, on_order, ordered, orders)
        if is_simple:
            slot = (t + 1 + leads[0, 0]) & (slots - 1)
            _add_to_pipeline(slot, wanted, shares[0, 0], is_whole, every_review, due_in, good_in, ends_in)
        else:
            lead, share = leads[t if leads.shape[0] > 1 else 0], shares[t if shares.shape[0] > 1 else 0]
            _check_lead_times(i, t, lead, slots, broken)
            if broken[0] == 0:
                _scatter(
                    t,
                    wanted,
                    lead,
                    share,
                    may_cross,
                    every_review,
                    is_whole,
                    due_in,
                    good_in,
                    ends_in,
                    last_due,
                    placed_qty,
                    placed_due,
                )
        if _count_order_failures(ordered, arrived, on_order, is_whole) > 0:
            _find_broken_order(i, t, is_whole, ordered, arrived, on_order, broken)
    _check_pipeline(i, last - 1, is_whole, due_in, on_order, ordered, broken)


@part
def _break(broken, law, i, p, t):
    if broken[0] == 0:
        broken[0], broken[1], broken[2], broken[3] = law, i, p, t


@part
def _any(figure):
    most = 0.0
    for p in range(figure.size):
        most = max(most, figure[p])
    return most > 0.0


@part
def _note(trace, i, t, figure):
    for p in range(figure.size):
        trace[i, t, p] = figure[p]


@part
def _note_difference(trace, i, t, figure, less):
    for p in range(figure.size):
        trace[i, t, p] = figure[p] - less[p]


@part
def _gaps(wanted, trigger, up_to):
    """From positions to what is missing, where an order is due."""
    noise = _TINY * max(abs(up_to), 1.0)
    for p in range(wanted.size):
        gap = up_to - wanted[p]
        wanted[p] = gap if wanted[p] <= trigger and gap > noise else 0.0


@part
def _round_up(wanted, least, multiple):
    """To the least feasible quantity no smaller; as `replenishment.feasible_order_up`."""
    nothing, step = _TINY * max(multiple, 1.0), multiple if multiple > 0.0 else 1.0
    for p in range(wanted.size):
        wanted[p] = max(wanted[p], least) if wanted[p] > nothing else 0.0
    if multiple == 1.0:  # the usual case, without a division
        for p in range(wanted.size):
            wanted[p] = np.ceil(wanted[p] - _TINY)
    elif multiple > 0.0:
        for p in range(wanted.size):
            wanted[p] = np.ceil(wanted[p] / step - _TINY) * step


@part
def _receive(slot, due_in, good_in, ends_in, on_hand, received, on_order, arrived, is_short, cycles, good_cycles):
    for p in range(on_hand.size):
        on_hand[p] += good_in[slot, p]
        received[p] += good_in[slot, p]
        good_in[slot, p] = 0.0
    for p in range(on_hand.size):
        on_order[p] -= due_in[slot, p]
        arrived[p] += due_in[slot, p]
        due_in[slot, p] = 0.0
    for p in range(on_hand.size):
        cycles[p] += ends_in[slot, p]
        good_cycles[p] += ends_in[slot, p] * (1.0 - is_short[p])
    for p in range(on_hand.size):
        is_short[p] *= 1.0 - ends_in[slot, p]
        ends_in[slot, p] = 0.0


@part
def _fill_backlog(on_hand, backlog, filled, filled_sum):
    for p in range(on_hand.size):
        filled[p] = max(min(on_hand[p], backlog[p]), 0.0)
        on_hand[p] -= filled[p]
    for p in range(on_hand.size):
        backlog[p] -= filled[p]
        filled_sum[p] += filled[p]


@part
def _serve(t, demands, on_hand, unmet, served, asked):
    for p in range(on_hand.size):
        here = max(min(on_hand[p], demands[t, p]), 0.0)
        on_hand[p] -= here
        served[p] += here
        unmet[p] = demands[t, p] - here
    for p in range(on_hand.size):
        asked[p] += demands[t, p]


@part
def _let_wait(t, unmet, lost_share, is_whole, roundings, gone, backlog, waited, lost):
    """Unmet demand is split; of whole units the lost part is rounded up or down so that its mean is right."""
    if lost_share <= 0.0:
        for p in range(unmet.size):
            gone[p] = 0.0
    elif is_whole:
        rounding = roundings[t if roundings.shape[0] > 1 else 0]
        for p in range(unmet.size):
            part_lost = np.floor(unmet[p] * lost_share + rounding[p if rounding.size > 1 else 0])
            gone[p] = min(part_lost, unmet[p])
    else:
        for p in range(unmet.size):
            gone[p] = unmet[p] * lost_share
    for p in range(unmet.size):
        backlog[p] += unmet[p] - gone[p]
        waited[p] += backlog[p]
    for p in range(unmet.size):
        lost[p] += gone[p]


@part
def _note_short(unmet, backlog, is_short, short_periods, lost, is_lost):
    for p in range(unmet.size):
        fails = 1.0 if unmet[p] + backlog[p] > 0.0 else 0.0
        short_periods[p] += fails
        is_short[p] = max(is_short[p], fails)
    if is_lost:
        for p in range(unmet.size):
            lost[p] += unmet[p]


@part
def _measure(on_hand, held, on_order, coming, ready):
    for p in range(on_hand.size):
        held[p] += on_hand[p]
        ready[p] += 1.0 if on_hand[p] > 0.0 else 0.0
    for p in range(on_hand.size):
        coming[p] += on_order[p]


@part
def _lots(on_hand, on_order, backlog, trigger, lot, wanted):
    """Smallest number of lots that lifts the position above the trigger."""
    for p in range(wanted.size):
        position = on_hand[p] + on_order[p] - backlog[p]
        count = np.floor((trigger - position) / lot) + 1.0
        count += 1.0 if position + count * lot <= trigger else 0.0
        wanted[p] = count * lot if position <= trigger else 0.0


@part
def _add_to_pipeline(slot, wanted, share, is_whole, every_review, due_in, good_in, ends_in):
    """All orders of an item into one slot; whole units are received to the nearest."""
    if share == 1.0:
        for p in range(wanted.size):
            due_in[slot, p] += wanted[p]
            good_in[slot, p] += wanted[p]
    else:
        for p in range(wanted.size):
            due_in[slot, p] += wanted[p]
            good_in[slot, p] += np.floor(wanted[p] * share + 0.5) if is_whole else wanted[p] * share
    if every_review:
        for p in range(wanted.size):
            ends_in[slot, p] = 1.0
    else:
        for p in range(wanted.size):
            ends_in[slot, p] = 1.0 if wanted[p] > 0.0 else ends_in[slot, p]


@part
def _count_failures(t, demands, received, served, filled, on_hand, asked, lost, backlog, is_whole):
    """Paths whose stock or backlog is not what the sums say, or below zero, or whose demand is; NaN fails."""
    tolerance, failures = 0.0 if is_whole else _TINY, 0
    for p in range(on_hand.size):
        gap = abs(received[p] - served[p] - filled[p] - on_hand[p])
        failures += 0 if (gap <= tolerance * received[p]) & (on_hand[p] >= 0.0) else 1
    for p in range(on_hand.size):
        gap = abs(asked[p] - served[p] - filled[p] - lost[p] - backlog[p])
        is_kept = (gap <= tolerance * asked[p]) & (backlog[p] >= 0.0)
        failures += 0 if is_kept & (demands[t, p] >= 0.0) else 1
    return failures


@part
def _position(on_hand, on_order, backlog, wanted):
    for p in range(wanted.size):
        wanted[p] = on_hand[p] + on_order[p] - backlog[p]


@part
def _free_cards(on_hand, on_order, up_to, lot, wanted):
    """Quantity of the cards that hang on no container, full, broken or ordered.

    They do not see the backlog: only so many cards exist.
    """
    for p in range(wanted.size):
        bound = np.ceil(on_hand[p] / lot - _TINY) + np.ceil(on_order[p] / lot - _TINY)
        wanted[p] = (np.floor(up_to / lot + _TINY) - bound) * lot


@part
def _project(t, on_hand, backlog, lead, ahead, never_waits, coming_in, placed_qty, placed_due, wanted):
    """Stock expected at the start of the period in which an order placed now is expected, before its demand.

    Expected demand is taken off period by period; where unmet demand is lost, stock never falls below zero. An order
    that is late is expected in the next period.
    """
    slots = placed_qty.shape[0]
    for p in range(wanted.size):
        stock = on_hand[p] - backlog[p]
        for step in range(1, lead + 2):
            if t + step < coming_in.size:
                stock += coming_in[t + step]
            for back in range(1, min(slots, t + 1)):
                slot = (t - back) & (slots - 1)
                if placed_due[slot, p] > t and max(t - back + lead + 1, t + 1) == t + step:
                    stock += placed_qty[slot, p]
            if step <= lead:
                stock -= ahead
                if stock < 0.0 and never_waits:
                    stock = 0.0
        wanted[p] = stock


@part
def _book(wanted, on_order, ordered, orders):
    for p in range(wanted.size):
        on_order[p] += wanted[p]
        ordered[p] += wanted[p]
        orders[p] += 1.0 if wanted[p] > 0.0 else 0.0


@part
def _scatter(
    t,
    wanted,
    leads,
    shares,
    may_cross,
    every_review,
    is_whole,
    due_in,
    good_in,
    ends_in,
    last_due,
    placed_qty,
    placed_due,
):
    """Put each order into the slot of its own arrival."""
    slots, placed_slots = due_in.shape[0], placed_qty.shape[0]
    for p in range(wanted.size):
        quantity = wanted[p]
        due = t + 1 + leads[p if leads.size > 1 else 0]
        if every_review:
            ends_in[due & (slots - 1), p] = 1.0
        if quantity > 0.0:
            last_due[p] = max(due, last_due[p])
            if not may_cross:
                due = last_due[p]
            good = quantity * shares[p if shares.size > 1 else 0]
            due_in[due & (slots - 1), p] += quantity
            ends_in[due & (slots - 1), p] = 1.0
            good_in[due & (slots - 1), p] += np.floor(good + 0.5) if is_whole else good
            if placed_slots > 0:
                placed_qty[t & (placed_slots - 1), p] = quantity
                placed_due[t & (placed_slots - 1), p] = due


@part
def _check_lead_times(i, t, leads, slots, broken):
    for p in range(leads.size):
        if leads[p] < 0 or leads[p] + 1 >= slots:
            _break(broken, LEAD_TIME, i, p, t)


@part
def _count_order_failures(ordered, arrived, on_order, is_whole):
    tolerance, failures = 0.0 if is_whole else _TINY, 0
    for p in range(on_order.size):
        failures += 0 if abs(ordered[p] - arrived[p] - on_order[p]) <= tolerance * ordered[p] else 1
    return failures


@part
def _differ(one, other, size, is_whole):
    """Whether two sums of figures up to `size` differ, by more than rounding where units are not whole; NaN differs."""
    slack = 0.0 if is_whole and size < _LARGEST_EXACT else _TINY * (1.0 + size)
    return not abs(one - other) <= slack


@part
def _find_broken(i, t, is_whole, demand, received, served, filled, on_hand, asked, lost, backlog, broken):
    """Which path breaks which law; very large or very small sums are compared with more patience here."""
    for p in range(demand.size):
        shipped = served[p] + filled[p]
        if not demand[p] >= 0.0:
            _break(broken, QUANTITY, i, p, t)
        elif _differ(received[p] - shipped, on_hand[p], received[p], is_whole) or on_hand[p] < 0.0:
            _break(broken, STOCK, i, p, t)
        elif _differ(asked[p] - shipped - lost[p], backlog[p], asked[p], is_whole) or backlog[p] < 0.0:
            _break(broken, WAITING, i, p, t)


@part
def _find_broken_order(i, t, is_whole, ordered, arrived, on_order, broken):
    for p in range(on_order.size):
        if _differ(ordered[p] - arrived[p], on_order[p], ordered[p], is_whole):
            _break(broken, ORDER_BOOK, i, p, t)


@part
def _check_pipeline(i, t, is_whole, due_in, on_order, ordered, broken):
    for p in range(on_order.size):
        pipeline = 0.0
        for slot in range(due_in.shape[0]):
            pipeline += due_in[slot, p]
        if _differ(pipeline, on_order[p], ordered[p], is_whole):
            _break(broken, PIPELINE, i, p, t)
