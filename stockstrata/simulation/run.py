"""Simulating policies: service, stock and cost of each item-location, and differences between policies on equal draws.

Work goes in chunks of item-locations, each of bounded memory, on as many threads as wanted. Neither changes a byte of
the result: every draw has its own number, and figures are added up path by path.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.errors import PlanningError
from stockstrata.simulation.demand import Demand, check_demand
from stockstrata.simulation.engine import Chunk, OrderFunction, Run, draw
from stockstrata.simulation.layout import SUMS
from stockstrata.simulation.measures import Moments
from stockstrata.simulation.policies import Policies, review_calendars
from stockstrata.simulation.terms import Terms

_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Horizon:
    """How long and how often to simulate.

    Attributes:
        period_count: periods in all.
        path_count: independent paths of each item-location.
        warm_up_period_count: first periods that are simulated and not measured.
        seed: number that all draws come from; store it with the result.
    """

    period_count: int
    path_count: int
    seed: int
    warm_up_period_count: int = 0


@dataclass(frozen=True)
class Comparison:
    """Policies on the same draws.

    Attributes:
        results: for each policy, what `simulate` gives.
        differences: for each policy but the first, its figures less those of the first: `fill_rate` and the others but
            demand and cycle service, each with its standard error. Equal draws make these errors much smaller than
            those of the results.
    """

    results: dict[str, pd.DataFrame]
    differences: dict[str, pd.DataFrame]


def simulate(
    terms: Terms,
    demand: Demand,
    chosen: Policies,
    horizon: Horizon,
    *,
    order_function: OrderFunction | None = None,
    workers: int = 1,
    memory_mib: int = 64,
) -> pd.DataFrame:
    """One row for each item-location: service, stock and cost over the measured periods, mean of the paths.

    Args:
        terms: what the policies meet.
        demand: what demand is drawn from.
        chosen: the policy of each item-location.
        horizon: periods, paths, seed.
        order_function: for `custom` policies.
        workers: threads.
        memory_mib: memory that all chunks under way may take together; a chunk holds one path at least.

    Returns:
        `item_id`; `cycle_service_level` (replenishment cycles without a stock-out; a cycle ends with an arrival, for
        `R_S` also when a review had nothing to order, as the chance that a level meets its interval's demand counts
        them), `fill_rate` (demand served at once from the shelf; one without demand), `ready_rate` (periods that end
        with stock); per period `mean_on_hand_qty`, `mean_backlog_qty`, `mean_on_order_qty`; over the measured periods
        of a path `demand_qty`, `stock_out_period_count` (demand failed or waits), `order_count`, `ordered_qty`,
        `received_qty`, `lost_qty` and the costs in currency. Each has its Monte Carlo standard error in `..._se`: NaN
        with a single path.

    Raises:
        ConservationError: stock, backlog or orders of a row did not add up in a period.
        PlanningError: inputs that cannot be simulated.

    Example:
        `simulate(terms(1, lead_time=2), moments("poisson", 5.0, 5.0**0.5, item_count=1), policies("R_S", item_count=1,
        order_up_to_qty=20), Horizon(104, 100, seed=1))`.
    """
    found = compare(
        terms,
        demand,
        {"policy": chosen},
        horizon,
        order_function=order_function,
        workers=workers,
        memory_mib=memory_mib,
    )
    return found.results["policy"]


def compare(
    terms: Terms,
    demand: Demand,
    chosen: Mapping[str, Policies],
    horizon: Horizon,
    *,
    order_function: OrderFunction | None = None,
    workers: int = 1,
    memory_mib: int = 64,
) -> Comparison:
    """Several policies on the same draws; arguments and figures as in `simulate`.

    Args:
        terms: as in `simulate`.
        demand: as in `simulate`.
        chosen: policies by name; differences are taken from the first.
        horizon: as in `simulate`.
        order_function: as in `simulate`.
        workers: as in `simulate`.
        memory_mib: as in `simulate`.

    Raises:
        ConservationError: as in `simulate`.
        PlanningError: as in `simulate`.

    Example: `compare(terms, demand, {"today": old, "planned": new}, horizon).differences["planned"]`.
    """
    _check(horizon, chosen, terms)
    check_demand(demand, item_id=terms.item_id, is_whole=terms.is_whole, period_count=horizon.period_count)
    names = list(chosen)
    totals = {name: Moments(terms.item_count) for name in names}
    gaps = {name: Moments(terms.item_count) for name in names[1:]}
    calendars = {name: review_calendars(terms, chosen[name], horizon.period_count) for name in names}
    costs = terms.costs.matrix(terms.item_count)
    measured = horizon.period_count - horizon.warm_up_period_count

    def work(task: list[Chunk]) -> None:
        for chunk in task:
            draws = draw(terms, demand, chunk, period_count=horizon.period_count, seed=horizon.seed)
            base: np.ndarray | None = None
            for name in names:
                run = Run(terms, chunk, draws, chosen[name], order_function=order_function)
                start = run.opening_sums
                if horizon.warm_up_period_count:
                    run.advance(0, horizon.warm_up_period_count, chosen[name], calendars[name])
                    start = run.state.sums.copy()
                run.advance(horizon.warm_up_period_count, horizon.period_count, chosen[name], calendars[name])
                sums = run.state.sums - start
                totals[name].take(chunk.items, sums, costs, measured)
                if base is None:
                    base = sums
                else:
                    gaps[name].take(chunk.items, sums, costs, measured, less=base)

    tasks = _tasks(terms, horizon, chunk_rows(terms, horizon, len(names), memory_mib // max(workers, 1)), workers)
    if workers <= 1:
        for task in tasks:
            work(task)
    else:
        with ThreadPoolExecutor(workers) as threads:
            list(threads.map(work, tasks))
    return Comparison(
        {name: totals[name].table(terms.item_id) for name in names},
        {name: gaps[name].differences(terms.item_id) for name in names[1:]},
    )


def chunk_rows(terms: Terms, horizon: Horizon, policy_count: int, memory_mib: int) -> int:
    """Rows (item-location and path) that fit into the memory of one chunk, one at least."""
    longest = int(terms.lead_time.values.max(initial=0))
    slots = 2 * (longest + 2) + terms.opening.pipeline_qty.shape[1]
    certain = terms.lead_time.is_certain, terms.received_share.is_certain
    lost = terms.lost_share_rate
    is_split = bool(((lost > 0) & (lost < 1)).any())
    by_period = 8 + 2 * (not certain[0]) + 8 * (not certain[1]) + 8 * is_split
    by_row = horizon.period_count * by_period + 40 * slots + 8 * SUMS * (policy_count + 3) + 100
    return max(memory_mib * _MEBIBYTE // by_row, 1)


def _tasks(terms: Terms, horizon: Horizon, rows: int, workers: int) -> Iterator[list[Chunk]]:
    """Chunks, together where they share item-locations: all paths of one are added up by one thread, in order."""
    if rows >= horizon.path_count:
        most = -(-terms.item_count // max(4 * workers, 1))
        step = max(min(rows // horizon.path_count, most), 1)
        for first in range(0, terms.item_count, step):
            yield [Chunk(slice(first, min(first + step, terms.item_count)), 0, horizon.path_count)]
        return
    for item in range(terms.item_count):
        firsts = range(0, horizon.path_count, rows)
        yield [Chunk(slice(item, item + 1), first, min(rows, horizon.path_count - first)) for first in firsts]


def _check(horizon: Horizon, chosen: Mapping[str, Policies], terms: Terms) -> None:
    if not (horizon.period_count > horizon.warm_up_period_count >= 0 and horizon.path_count > 0):
        raise PlanningError(
            f"simulation: {horizon.period_count} periods with {horizon.warm_up_period_count} of warm-up and "
            f"{horizon.path_count} paths; expected one measured period and one path at least."
        )
    for name, policy in chosen.items():
        if len(policy.family) != terms.item_count:
            raise PlanningError(
                f"simulation: {len(policy.family)} policies of {name} for {terms.item_count} item-locations."
            )
