"""Replaying real demand: what policies, planned anew from time to time, would have held, ordered and served."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from stockstrata.errors import PlanningError
from stockstrata.simulation.demand import DemandTraces, check_demand
from stockstrata.simulation.engine import Chunk, OrderFunction, Run, Schedule
from stockstrata.simulation.layout import Draws, Trace
from stockstrata.simulation.measures import Moments
from stockstrata.simulation.policies import Policies, review_calendars
from stockstrata.simulation.terms import Terms


@dataclass(frozen=True)
class Replay:
    """What happened, (items, periods), units; stocks at the end of the period, before its order.

    Attributes:
        demand_qty: as given.
        received_qty: came in at the start of the period.
        served_qty: demand served at once from the shelf.
        backlog_served_qty: earlier demand served.
        lost_qty: demand lost.
        on_hand_qty: stock.
        backlog_qty: demand that waits.
        on_order_qty: ordered and not yet arrived.
        ordered_qty: ordered at the end of the period.
        measures: one row for each item-location over all periods, as in `simulate`, without standard errors.
        sums: running sums at the start of each checkpoint and at the end, (checkpoints + 1, items, `layout.SUMS`).
    """

    demand_qty: np.ndarray
    received_qty: np.ndarray
    served_qty: np.ndarray
    backlog_served_qty: np.ndarray
    lost_qty: np.ndarray
    on_hand_qty: np.ndarray
    backlog_qty: np.ndarray
    on_order_qty: np.ndarray
    ordered_qty: np.ndarray
    measures: pd.DataFrame
    sums: np.ndarray


def replay_trace(
    terms: Terms,
    demand_qty: np.ndarray,
    schedule: Schedule,
    *,
    lead_time_periods: np.ndarray | None = None,
    received_share: np.ndarray | None = None,
    first_measured_period: int = 0,
    checkpoints: Sequence[int] = (),
    order_function: OrderFunction | None = None,
) -> Replay:
    """Policies on demand as it was: one path, no chance.

    Stock, backlog and open orders carry over when the policy changes. A policy sees demand only through the stock; that
    its figures were known at its first period is the caller's duty.

    Args:
        terms: what the policies meet; `opening` says where each item-location stands before period 0.
        demand_qty: (items, periods), units.
        schedule: policies and the period from whose start each holds, the first from 0, rising. The order at the end of
            a period is that of the policy in force in it.
        lead_time_periods: lead time of an order that is placed at the end of each period, (items, periods), whole; None
            takes the certain lead times of the terms.
        received_share: share received of that order, (items, periods); None takes the certain shares of the terms.
        first_measured_period: periods before it are replayed and not in `measures`.
        checkpoints: rising periods at whose start the running sums are told, so that spans can be measured apart.
        order_function: for `custom` policies.

    Raises:
        ConservationError: as in `run.simulate`.
        PlanningError: as in `run.simulate`; or a schedule that does not rise from 0; or lead times that are left to
            chance.

    Example: `replay_trace(terms(1, lead_time=1), demand, [(0, first), (4, second)]).on_hand_qty`.
    """
    demand_qty = np.ascontiguousarray(demand_qty, dtype=float)
    n, periods = demand_qty.shape
    check_demand(DemandTraces(demand_qty), item_id=terms.item_id, is_whole=terms.is_whole, period_count=periods)
    starts = [start for start, _ in schedule]
    if not starts or starts[0] != 0 or starts != sorted(set(starts)) or starts[-1] >= periods:
        raise PlanningError(f"replay: policies from periods {starts}; expected rising ones from 0, below {periods}.")
    if not 0 <= first_measured_period < periods:
        raise PlanningError(f"replay: first measured period {first_measured_period} of {periods}.")
    if list(checkpoints) != sorted(set(checkpoints)) or any(not 0 <= point < periods for point in checkpoints):
        raise PlanningError(f"replay: checkpoints {list(checkpoints)}; expected rising ones from 0, below {periods}.")
    draws = Draws(
        demand=demand_qty[:, :, None],
        lead=_given(lead_time_periods, terms.lead_time.values, "lead times", (n, periods)).astype(np.int16),
        received_share=_given(received_share, terms.received_share.values, "shares received", (n, periods)),
        rounding=np.full((n, 1, 1), 0.5),
        is_review=np.ones((1, periods), dtype=bool),
    )
    trace = Trace(*(np.zeros((n, periods, 1)) for _ in Trace._fields))
    run = Run(terms, Chunk(slice(0, n), 0, 1), draws, schedule[0][1], order_function=order_function, trace=trace)
    start, told = run.opening_sums, []
    for first, last, chosen in _blocks(schedule, {first_measured_period, *checkpoints}, periods):
        if first == first_measured_period and first > 0:
            start = run.state.sums.copy()
        if first in checkpoints:
            told.append(run.state.sums[:, :, 0].copy())
        run.advance(first, last, chosen, review_calendars(terms, chosen, periods))
    measured = Moments(n)
    costs = terms.costs.matrix(n)
    measured.take(slice(0, n), run.state.sums - start, costs, periods - first_measured_period)
    table = measured.table(terms.item_id)
    return Replay(
        demand_qty=demand_qty,
        received_qty=trace.received[:, :, 0],
        served_qty=trace.served[:, :, 0],
        backlog_served_qty=trace.filled[:, :, 0],
        lost_qty=trace.lost[:, :, 0],
        on_hand_qty=trace.on_hand[:, :, 0],
        backlog_qty=trace.backlog[:, :, 0],
        on_order_qty=trace.on_order[:, :, 0],
        ordered_qty=trace.ordered[:, :, 0],
        measures=table.loc[:, [name for name in table.columns if not name.endswith("_se")]],
        sums=np.stack([*told, run.state.sums[:, :, 0]]),
    )


def _given(values: np.ndarray | None, usual: np.ndarray, name: str, shape: tuple[int, int]) -> np.ndarray:
    if values is None:
        if usual.shape[1] != 1:
            raise PlanningError(f"replay: {name} are left to chance by the terms; give those of each order.")
        return usual.reshape(shape[0], 1, 1).astype(float)
    found = np.asarray(values, dtype=float)
    if found.shape != shape or not (np.isfinite(found) & (found >= 0) & (found <= 32_000)).all():
        raise PlanningError(f"replay: {name} of shape {found.shape}; expected {shape}, finite and from 0 to 32,000.")
    if name == "lead times" and (found != np.floor(found)).any():
        raise PlanningError("replay: lead times must be whole periods; round them up, or choose a shorter period.")
    return found[:, :, None].copy()


def _blocks(schedule: Schedule, stops: set[int], periods: int) -> Iterator[tuple[int, int, Policies]]:
    """Periods in which one policy holds and at whose start alone something is to be noted."""
    edges = sorted({start for start, _ in schedule} | stops | {periods})
    for first, last in pairwise(edges):
        yield first, last, next(chosen for start, chosen in reversed(schedule) if start <= first)
