"""The compiled simulator against a plain loop over orders, path by path and exactly."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stockstrata.replenishment import feasible_order_up
from stockstrata.simulation.demand import DemandMoments
from stockstrata.simulation.engine import Chunk, Run, draw
from stockstrata.simulation.layout import CYCLES, GOOD_CYCLES, Trace
from stockstrata.simulation.outcomes import weighted
from stockstrata.simulation.policies import policies, review_calendars
from stockstrata.simulation.terms import Opening, terms

# Drawing a case is slow on a loaded machine, which says nothing about the case.
SLOWLY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FAMILIES_TOLD = (
    "s_Q", "s_S", "R_S", "R_s_S", "min_max", "kanban", "make_to_order", "do_not_stock", "projected",
)  # fmt: skip
TRACED = ("received", "served", "filled", "lost", "on_hand", "backlog", "on_order", "ordered")


def reference(case, demand, leads, shares, rounding):
    """One path, told order by order: nothing of it is taken from the simulator."""
    on_hand, backlog = case.on_hand, case.backlog
    orders = [(-1, j, qty, qty) for j, qty in enumerate(case.pipeline) if qty > 0]
    told = {name: [] for name in TRACED}
    ends, cycles, good_cycles, is_short = {j for _, j, _, _ in orders}, 0, 0, False
    is_owed, latest = False, len(case.pipeline) - 1
    for t in range(len(demand)):
        came = sum(good for _, due, _, good in orders if due == t)
        orders = [order for order in orders if order[1] > t]
        on_hand += came
        if t in ends:
            cycles, good_cycles, is_short = cycles + 1, good_cycles + (not is_short), False
        filled = min(on_hand, backlog)
        on_hand, backlog = on_hand - filled, backlog - filled
        served = min(on_hand, demand[t])
        on_hand -= served
        unmet = demand[t] - served
        lost = unmet if case.lost_share == 1 else min(math.floor(unmet * case.lost_share + rounding[t]), unmet)
        backlog += unmet - lost
        is_short = is_short or unmet > 0 or backlog > 0
        on_order = sum(qty for _, _, qty, _ in orders)
        is_owed = is_owed or (t >= case.phase and (t - case.phase) % case.review == 0)
        wanted = 0
        if is_owed and case.is_open[t]:
            is_owed = False
            wanted = wish(case, t, on_hand, backlog, on_order, orders)
            if case.family == "R_S":
                ends.add(t + 1 + leads[t])
        quantity = float(feasible_order_up(float(wanted), case.moq, case.multiple))
        if quantity > 0:
            due = t + 1 + leads[t]
            latest = max(latest, due)
            ends.add(due if case.may_cross else latest)
            orders.append((t, due if case.may_cross else latest, quantity, math.floor(quantity * shares[t] + 0.5)))
        row = (came, served, filled, lost, on_hand, backlog, on_order, quantity)
        for name, value in zip(TRACED, row, strict=True):
            told[name].append(value)
    return told, (cycles, good_cycles)


def wish(case, t, on_hand, backlog, on_order, orders):  # noqa: C901 - a rule a family
    position = on_hand + on_order - backlog
    if case.family == "s_Q":
        count = 0
        while position + count * case.Q <= case.s:
            count += 1
        return count * case.Q
    if case.family in ("s_S", "R_s_S", "min_max"):
        return max(case.S - position, 0) if position <= case.s else 0
    if case.family == "R_S":
        return max(case.S - position, 0)
    if case.family == "kanban":
        cards = case.S // case.Q
        held = math.ceil(on_hand / case.Q)
        return max(cards - held - math.ceil(on_order / case.Q), 0) * case.Q
    if case.family == "make_to_order":
        return max(-position, 0)
    if case.family == "projected":
        seen = on_hand - backlog
        for step in range(1, case.expected_lead + 2):
            for placed, due, qty, _ in orders:
                expected = due if placed < 0 else max(placed + case.expected_lead + 1, t + 1)
                seen += qty if expected == t + step else 0
            if step <= case.expected_lead:
                seen -= case.expected_demand
                seen = max(seen, 0) if case.lost_share == 1 else seen
        return max(case.S - seen, 0) if seen <= case.s else 0
    return 0


@st.composite
def cases(draw_):
    family = draw_(st.sampled_from(FAMILIES_TOLD))
    lead = draw_(st.lists(st.integers(0, 6), min_size=1, max_size=3, unique=True))
    share = draw_(st.sampled_from([[1.0], [0.5, 1.0], [0.0, 0.9], [0.8]]))
    lot = draw_(st.integers(1, 12))
    multiple, moq = draw_(st.sampled_from([1, 1, 3, 5])), draw_(st.integers(0, 9))
    if family == "kanban":
        multiple, moq = lot, 0
    s = draw_(st.integers(-3, 25))
    lost_share = {"make_to_order": 0, "do_not_stock": 1}.get(family, draw_(st.sampled_from([0, 1, 0.3, 0.75])))
    if family == "kanban":
        share = [1.0]
    return SimpleNamespace(
        family=family, lead=lead, share=share, Q=lot, multiple=multiple, moq=moq, s=s,
        S=draw_(st.integers(1, 5)) * lot if family == "kanban" else s + draw_(st.integers(0, 20)),
        lost_share=lost_share, may_cross=draw_(st.booleans()), review=draw_(st.integers(1, 5)),
        phase=draw_(st.integers(0, 6)),
        is_open=draw_(st.lists(st.booleans(), min_size=30, max_size=30)),
        on_hand=draw_(st.integers(0, 30)), backlog=draw_(st.integers(0, 5)),
        pipeline=draw_(st.lists(st.integers(0, 9), max_size=3)), mean=draw_(st.sampled_from([0.4, 3.0, 9.0])),
        expected_demand=draw_(st.integers(0, 6)), expected_lead=draw_(st.integers(0, 5)),
        seed=draw_(st.integers(0, 99)),
    )  # fmt: skip


def run_case(case, periods=30, paths=3):
    where = terms(
        2,
        lead_time=weighted(np.array(case.lead), np.full(len(case.lead), 1 / len(case.lead))),
        received_share=weighted(np.array(case.share), np.full(len(case.share), 1 / len(case.share))),
        lost_share_rate=case.lost_share,
        may_cross=case.may_cross,
        moq_qty=case.moq,
        order_multiple_qty=case.multiple,
        is_open=np.array(case.is_open),
        opening=Opening(case.on_hand, case.backlog, np.array([case.pipeline]).reshape(1, -1)),
    )
    chosen = policies(
        case.family, item_count=2, reorder_point_qty=case.S if case.family == "R_S" else case.s, order_up_to_qty=case.S,
        order_qty=case.Q, review_periods=case.review, review_phase=case.phase, expected_demand_qty=case.expected_demand,
        expected_lead_periods=case.expected_lead,
    )  # fmt: skip
    demand = DemandMoments(np.array(["poisson"] * 2), np.full(2, case.mean), np.full(2, case.mean**0.5))
    chunk = Chunk(slice(0, 2), 0, paths)
    draws = draw(where, demand, chunk, period_count=periods, seed=case.seed)
    trace = Trace(*(np.zeros((2, periods, paths)) for _ in Trace._fields))
    run = Run(where, chunk, draws, chosen, trace=trace)
    run.advance(0, 11, chosen, review_calendars(where, chosen, periods))
    run.advance(11, periods, chosen, review_calendars(where, chosen, periods))
    return draws, trace, run


@SLOWLY
@given(case=cases())
def test_every_path_is_that_of_a_plain_loop_over_orders(case):
    draws, trace, run = run_case(case)
    shape = draws.demand.shape
    leads, shares, rounding = (np.broadcast_to(a, shape) for a in (draws.lead, draws.received_share, draws.rounding))
    for i, p in ((0, 0), (0, 2), (1, 1)):
        told, cycles = reference(case, *(array[i, :, p].tolist() for array in (draws.demand, leads, shares, rounding)))
        for name in TRACED:
            assert getattr(trace, name)[i, :, p].tolist() == told[name], name
        assert (run.state.sums[i, CYCLES, p], run.state.sums[i, GOOD_CYCLES, p]) == cycles


@SLOWLY
@given(case=cases())
def test_stock_backlog_and_orders_are_conserved_in_every_period(case):
    draws, trace, run = run_case(case)
    before = np.concatenate([np.full((2, 1, 3), float(case.on_hand)), trace.on_hand[:, :-1]], axis=1)
    assert (before + trace.received - trace.served - trace.filled == trace.on_hand).all()
    waited = np.concatenate([np.full((2, 1, 3), float(case.backlog)), trace.backlog[:, :-1]], axis=1)
    unmet = draws.demand - trace.served
    assert (waited - trace.filled + unmet - trace.lost == trace.backlog).all()
    assert (trace.on_hand >= 0).all()
    assert (trace.backlog >= 0).all()
    assert (run.state.due.sum(axis=1) == run.state.on_order).all()


def test_the_plain_loop_notices_an_order_received_a_period_early():
    case = SimpleNamespace(
        family="s_Q", lead=[2], share=[1.0], Q=5, multiple=1, moq=0, s=4, S=9, lost_share=0, may_cross=True, review=1,
        phase=0, is_open=[True] * 30, on_hand=9, backlog=0, pipeline=[], mean=3.0, expected_demand=0, expected_lead=0,
        seed=1,
    )  # fmt: skip
    draws, trace, _ = run_case(case)
    demand = draws.demand[0, :, 0].tolist()
    right, _ = reference(case, demand, [2] * 30, [1.0] * 30, [0.5] * 30)
    early, _ = reference(case, demand, [1] * 30, [1.0] * 30, [0.5] * 30)
    assert trace.on_hand[0, :, 0].tolist() == right["on_hand"]
    assert right["on_hand"] != early["on_hand"]


@pytest.mark.parametrize("multiple", [0.0, 0.1])
def test_broken_units_balance_within_rounding(multiple):
    where = terms(1, lead_time=2, is_whole=False, lost_share_rate=0.3, order_multiple_qty=multiple)
    chosen = policies("s_S", item_count=1, reorder_point_qty=4.1, order_up_to_qty=9.7)
    demand = DemandMoments(np.array(["gamma"]), np.array([1.7]), np.array([1.1]))
    chunk = Chunk(slice(0, 1), 0, 5)
    draws = draw(where, demand, chunk, period_count=400, seed=3)
    trace = Trace(*(np.zeros((1, 400, 5)) for _ in Trace._fields))
    Run(where, chunk, draws, chosen, trace=trace).advance(0, 400, chosen, review_calendars(where, chosen, 400))
    before = np.concatenate([np.full((1, 1, 5), 9.7), trace.on_hand[:, :-1]], axis=1)
    assert before + trace.received - trace.served - trace.filled == pytest.approx(trace.on_hand, abs=1e-9)
