"""Benchmark `simulator`: item-periods a second of the policy simulator beside a plain NumPy loop of the same policy.

Both sides run the same base-stock policy on the same draws. The plain loop keeps stock, backlog and orders, checks
nothing and measures three figures; the recursion does not even order, as a base stock orders what was asked for. Ours
keeps fifteen sums and checks three balances in every period.
"""

import time
from collections.abc import Callable

import numpy as np

from benchmarks.processes import CommandError, own_peak_mib
from benchmarks.report import Report
from benchmarks.workbench import Workbench
from stockstrata.simulation.demand import DemandMoments
from stockstrata.simulation.engine import Chunk, Run, draw
from stockstrata.simulation.layout import BACKLOG, ON_HAND, SERVED, Draws
from stockstrata.simulation.outcomes import weighted
from stockstrata.simulation.policies import Policies, policies, review_calendars
from stockstrata.simulation.run import Horizon, compare, simulate
from stockstrata.simulation.terms import Terms, terms

_ITEMS = 300
_PERIODS = 104
_PATHS = 100
_REPEATS = 5
_LEAD_TIME = 4
_LARGE_ITEMS = 10_000


def measure_simulator(_: Workbench) -> Report:
    """Item-periods a second, best of five; then the large case with its memory."""
    report = Report("simulator", f"{_ITEMS} item-locations x {_PERIODS} weeks x {_PATHS} paths, one core")
    certain, chance = _terms(_ITEMS, is_certain=True), _terms(_ITEMS, is_certain=False)
    demand, base_stock = _demand(_ITEMS), _base_stock(_ITEMS)
    started = time.perf_counter()
    for where in (certain, chance):
        simulate(where, demand, base_stock, Horizon(8, 2, seed=1))
    report.add(
        "first call", time.perf_counter() - started, "s", "compiling, or reading what was kept; not counted below"
    )
    count = _ITEMS * _PERIODS * _PATHS
    chunk = Chunk(slice(0, _ITEMS), 0, _PATHS)
    draws = draw(certain, demand, chunk, period_count=_PERIODS, seed=1)
    draws_of_chance = draw(chance, demand, chunk, period_count=_PERIODS, seed=1)
    by_period = np.ascontiguousarray(draws.demand.transpose(1, 0, 2))
    level = base_stock.order_up_to_qty
    for plain_figures in (_plain_loop(by_period, level), _plain_recursion(by_period, level)):
        _compare_figures(certain, chunk, draws, base_stock, plain_figures)
    plain = _best(lambda: _plain_loop(by_period, level))
    report.add("plain NumPy loop", count / plain / 1e6, "M item-periods/s", "shared draws; orders by the position")
    recursion = _best(lambda: _plain_recursion(by_period, level))
    report.add("plain NumPy recursion", count / recursion / 1e6, "M item-periods/s", "shared draws; base stock only")
    for name, chosen in _families(_ITEMS).items():
        ours = _best(lambda chosen=chosen: _run(certain, chunk, draws, chosen))
        report.add(f"{name}, shared draws", count / ours / 1e6, "M item-periods/s", "certain lead time, checked")
        if name == "R_S":
            report.add_ratio("plain loop to ours", plain, ours, "how many times the plain loop takes our time")
            report.add_ratio("plain recursion to ours", recursion, ours, "below 1: it does less")
    leads = np.ascontiguousarray(draws_of_chance.lead.transpose(1, 0, 2))
    _compare_figures(chance, chunk, draws_of_chance, base_stock, _plain_loop(by_period, level, leads))
    plain = _best(lambda: _plain_loop(by_period, level, leads))
    report.add("plain NumPy loop, random lead times", count / plain / 1e6, "M item-periods/s", "shared draws")
    ours = _best(lambda: _run(chance, chunk, draws_of_chance, base_stock))
    report.add("R_S, shared draws, random lead times", count / ours / 1e6, "M item-periods/s", "orders may cross")
    report.add_ratio(
        "plain loop to ours, random lead times", plain, ours, "how many times the plain loop takes our time"
    )
    drawing = _best(lambda: draw(chance, demand, chunk, period_count=_PERIODS, seed=1))
    report.add(
        "draws alone", count / drawing / 1e6, "M item-periods/s", "negative binomial demand and a lead time each"
    )
    bare = _best(lambda: np.random.default_rng(1).negative_binomial(5.0, 1 / 3, by_period.shape))
    report.add(
        "NumPy's negative binomial draws", count / bare / 1e6, "M item-periods/s", "demand only, one for all items"
    )
    horizon = Horizon(_PERIODS, _PATHS, seed=1)
    fresh = _best(lambda: simulate(chance, demand, base_stock, horizon))
    report.add("simulate, fresh draws", count / fresh / 1e6, "M item-periods/s", "draws, random lead times, measures")
    _measure_large(report)
    report.add(
        "stockpyl", "not installed", "", "its published figure: 0.0022 M item-periods/s (0.39 s for 1,000 periods)"
    )
    return report


def _measure_large(report: Report) -> None:
    where, demand = _terms(_LARGE_ITEMS, is_certain=False), _demand(_LARGE_ITEMS)
    chosen = _families(_LARGE_ITEMS)
    horizon, count = Horizon(_PERIODS, _PATHS, seed=1), _LARGE_ITEMS * _PERIODS * _PATHS
    before = own_peak_mib()
    for workers in (1, 2):
        started = time.perf_counter()
        simulate(where, demand, chosen["R_S"], horizon, workers=workers)
        seconds = time.perf_counter() - started
        note = f"{count / 1e6:,.0f} M item-periods, fresh draws, random lead times"
        report.add(f"{_LARGE_ITEMS:,} x {_PERIODS} x {_PATHS}, {workers} threads", seconds, "s", note)
    started = time.perf_counter()
    compare(where, demand, chosen, horizon, workers=2)
    report.add(f"the same, {len(chosen)} policies", time.perf_counter() - started, "s", "2 threads, one set of draws")
    report.add("memory on top", own_peak_mib() - before, "MiB", "all demand at once would take 793 MiB")


def _terms(items: int, *, is_certain: bool) -> Terms:
    lead = weighted(np.arange(2, 7), np.array([0.1, 0.2, 0.4, 0.2, 0.1]))
    return terms(items, lead_time=_LEAD_TIME if is_certain else lead)


def _demand(items: int) -> DemandMoments:
    mean = np.geomspace(0.5, 200.0, items)
    return DemandMoments(np.full(items, "negative_binomial"), mean, np.sqrt(3 * mean))


def _levels(items: int) -> np.ndarray:
    mean = _demand(items).mean_qty
    return np.ceil((_LEAD_TIME + 1) * mean + 1.64 * np.sqrt((_LEAD_TIME + 1) * 3 * mean))


def _base_stock(items: int) -> Policies:
    return policies("R_S", item_count=items, order_up_to_qty=_levels(items))


def _families(items: int) -> dict[str, Policies]:
    level, lot = _levels(items), np.ceil(4 * _demand(items).mean_qty)
    return {
        "R_S": _base_stock(items),
        "s_Q": policies("s_Q", item_count=items, reorder_point_qty=level, order_qty=lot),
        "R_s_S": policies(
            "R_s_S", item_count=items, reorder_point_qty=level, order_up_to_qty=level + lot, review_periods=4
        ),
    }


def _run(where: Terms, chunk: Chunk, draws: Draws, chosen: Policies) -> None:
    Run(where, chunk, draws, chosen).advance(0, _PERIODS, chosen, review_calendars(where, chosen, _PERIODS))


def _compare_figures(
    where: Terms, chunk: Chunk, draws: Draws, chosen: Policies, plain: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    """Refuse to compare times of sides that do not do the same."""
    run = Run(where, chunk, draws, chosen)
    run.advance(0, _PERIODS, chosen, review_calendars(where, chosen, _PERIODS))
    for column, figure in zip((ON_HAND, BACKLOG, SERVED), plain, strict=True):
        if not (run.state.sums[:, column] == figure).all():
            raise CommandError("simulator: the plain NumPy loop and the simulator do not agree")


def _plain_loop(
    demand: np.ndarray, level: np.ndarray, lead: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Order up to the level each period, unmet demand waits: stock, backlog and orders, period by period.

    Args:
        demand: (periods, items, paths).
        level: order-up-to level, (items,).
        lead: lead time of each order, shaped like `demand`; None is the certain one.
    """
    periods, items, paths = demand.shape
    on_hand = np.repeat(level[:, None], paths, axis=1)
    backlog, on_order = np.zeros_like(on_hand), np.zeros_like(on_hand)
    slots = _LEAD_TIME + 1 if lead is None else int(lead.max()) + 1
    coming = np.zeros((slots, items, paths))
    held, waited, served = np.zeros_like(on_hand), np.zeros_like(on_hand), np.zeros_like(on_hand)
    item, path = np.indices((items, paths))
    for t in range(periods):
        came = coming[t % slots].copy()
        coming[t % slots] = 0.0
        on_hand, on_order = on_hand + came, on_order - came
        filled = np.minimum(on_hand, backlog)
        here = np.minimum(on_hand - filled, demand[t])
        on_hand, backlog = on_hand - filled - here, backlog - filled + demand[t] - here
        served, held, waited = served + here, held + on_hand, waited + backlog
        position = on_hand + on_order - backlog
        quantity = np.where(position < level[:, None], level[:, None] - position, 0.0)
        if lead is None:
            coming[t % slots] = quantity
        else:
            coming[(t + 1 + lead[t]) % slots, item, path] += quantity
        on_order = on_order + quantity
    return held, waited, served


def _plain_recursion(demand: np.ndarray, level: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same by net stock alone: each period orders its demand."""
    periods, items, paths = demand.shape
    net = np.repeat(level[:, None], paths, axis=1)
    coming = np.zeros((_LEAD_TIME + 1, items, paths))
    held, waited, served = np.zeros_like(net), np.zeros_like(net), np.zeros_like(net)
    for t in range(periods):
        slot = t % (_LEAD_TIME + 1)
        net += coming[slot]
        served += np.minimum(np.maximum(net, 0.0), demand[t])
        net -= demand[t]
        held += np.maximum(net, 0.0)
        waited += np.maximum(-net, 0.0)
        coming[slot] = demand[t]
    return held, waited, served


def _best(call: Callable[[], object]) -> float:
    """Processor seconds of this thread, which other programs at work change least; the best of some repeats."""
    seconds = []
    for _ in range(_REPEATS):
        started = time.thread_time()
        call()
        seconds.append(time.thread_time() - started)
    return min(seconds)
