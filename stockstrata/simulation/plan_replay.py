"""Replaying plans of past cycles on what really came, and what they would have served, held, ordered and cost.

Each cycle's policies order from its cut-off until the next one's; stock, backlog and open orders carry over. A policy
knows of demand only what its cycle knew and what the shelf shows, so demand after a cut-off changes nothing before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.errors import PlanningError
from stockstrata.simulation.layout import (
    BACKLOG,
    CYCLES,
    DEMAND,
    GOOD_CYCLES,
    LOST,
    ON_HAND,
    ON_ORDER,
    ORDERED,
    ORDERS,
    SERVED,
)
from stockstrata.simulation.planned import PlannedCycle, ReplayCase
from stockstrata.simulation.replay import Replay, replay_trace
from stockstrata.simulation.terms import Opening, Terms, terms

_SUMS = {
    "demand_qty": DEMAND, "served_qty": SERVED, "lost_qty": LOST, "on_hand_sum_qty": ON_HAND,
    "backlog_sum_qty": BACKLOG, "on_order_sum_qty": ON_ORDER, "order_count": ORDERS, "ordered_qty": ORDERED,
    "cycle_count": CYCLES, "good_cycle_count": GOOD_CYCLES,
}  # fmt: skip


@dataclass(frozen=True)
class PlanReplay:
    """What n item-locations would have seen under K cycles.

    Attributes:
        item_locations: one row for each, `item_id, location_id` and the figures of `figures_by`.
        segments: one row for each `segment_code` and the figures: an item-location counts for the segment that it was
            in at the time.
        sums: by item-location and cycle, (n, K) each: what figures are made of, and comparisons of parts.
        segment_code: segment of each in each cycle, empty where it was not planned, (n, K).
        replay: period by period; its period 0 is the first cut-off, on which nothing happens but orders.
    """

    item_locations: pd.DataFrame
    segments: pd.DataFrame
    sums: dict[str, np.ndarray]
    segment_code: np.ndarray
    replay: Replay


def replay_plans(case: ReplayCase, cycles: Sequence[PlannedCycle], *, first_measured_period: int = 0) -> PlanReplay:
    """Let the orders of past cycles' policies meet the demand and lead times that came.

    Args:
        case: what came.
        cycles: the cycles, the oldest first; the first of them starts with period 0.
        first_measured_period: periods before it are replayed and not measured.

    Raises:
        PlanningError: no cycle, cycles that do not rise from period 0, or periods without one.

    Example: `replay_plans(case, [planned_cycle(january, keys, first_period=0, period_days=7.0)]).segments`.
    """
    n, periods = case.demand_qty.shape
    starts = [cycle.first_period for cycle in cycles]
    if not starts or starts[0] != 0 or starts != sorted(set(starts)) or starts[-1] >= periods:
        raise PlanningError(f"replay: cycles from periods {starts}; expected rising ones from 0, below {periods}.")
    if not 0 <= first_measured_period < periods:
        raise PlanningError(f"replay: first measured period {first_measured_period} of {periods}.")
    spans = np.diff([*starts, periods])
    is_planned = np.repeat(np.stack([cycle.is_planned for cycle in cycles], axis=1), spans, axis=1)
    demand = np.where(is_planned, case.demand_qty, 0.0)
    # A period without demand stands for the first cut-off, so that its order is placed by the first cycle.
    edges = sorted({*starts, first_measured_period})
    found = replay_trace(
        _terms(case, cycles[0]),
        np.hstack([np.zeros((n, 1)), demand]),
        [(start, cycle.policies) for start, cycle in zip(starts, cycles, strict=True)],
        lead_time_periods=case.lead_time_periods,
        checkpoints=[edge + 1 for edge in edges],
    )
    spent = {name: np.diff(found.sums[:, :, column], axis=0).T for name, column in _SUMS.items()}
    measured = np.array([edge >= first_measured_period for edge in edges])
    cycle = np.searchsorted(starts, edges, side="right") - 1
    last = int(cycle.max()) + 1
    sums = {name: _by_cycle(values * measured, cycle, last) for name, values in spent.items()}
    lengths = np.diff([*edges, periods]) * measured
    sums["period_count"] = np.repeat(np.bincount(cycle, lengths, last)[None, :], n, axis=0)
    later = np.arange(periods) >= first_measured_period
    sums["ready_period_count"] = np.add.reduceat(_ready(found) * later, starts, axis=1)
    unplanned = np.where(is_planned, 0.0, case.demand_qty) * later
    sums["unplanned_demand_qty"] = np.add.reduceat(unplanned, starts, axis=1)
    _judge_where_planned(sums, cycles)
    sums["interval_sum_days"], sums["rounding_sum_days"] = _intervals(case, cycles, sums["period_count"])
    segments = np.stack([cycle.segment_code for cycle in cycles], axis=1)
    item_locations = figures_by(case, sums, np.repeat(np.arange(n)[:, None], last, axis=1), n)
    return PlanReplay(
        item_locations=pd.concat([case.keys, item_locations], axis=1),
        segments=segment_figures(case, sums, segments),
        sums=sums,
        segment_code=segments,
        replay=found,
    )


def segment_figures(case: ReplayCase, sums: dict[str, np.ndarray], segment_code: np.ndarray) -> pd.DataFrame:
    """Figures by segment, one row for each that was planned, sorted by `segment_code`.

    Args:
        case: what came.
        sums: by item-location and cycle, (n, K) each.
        segment_code: (n, K), empty where none.
    """
    codes, group = np.unique(segment_code.astype(str), return_inverse=True)
    found = figures_by(case, sums, group.reshape(segment_code.shape), len(codes))
    found.insert(0, "segment_code", codes)
    return found[found["segment_code"] != ""].reset_index(drop=True)


def figures_by(case: ReplayCase, sums: dict[str, np.ndarray], group: np.ndarray, group_count: int) -> pd.DataFrame:
    """Figures of groups of item-location and cycle.

    Columns: `item_location_count` (with a planned period), `demand_qty`, `unplanned_demand_qty` (of times without a
    policy, in nothing else), `served_qty` (at once), `short_qty` (not at once), `lost_qty`, `fill_rate` (served to
    demand), `cycle_count` and `good_cycle_count` (replenishment cycles that ended, and those without a stock-out),
    `cycle_service_rate`, `ready_rate` (planned time with stock, as `buffers` promises it: mean of the starts of
    periods, after receipts, and their ends), `mean_on_hand_qty`, `mean_backlog_qty`,
    `mean_on_order_qty` (over all measured periods, units), `mean_stock_amount` (at unit cost, currency),
    `order_count`, `ordered_qty`, `holding_cost_amount`, `order_cost_amount`, `shortage_cost_amount`,
    `total_cost_amount` (currency in all), `planned_interval_days` and `rounded_interval_days` (mean lead time plus
    review period as planned, and what whole periods add to it). A rate of nothing is NaN; what a cost is not known of
    counts nothing in amounts.

    Args:
        case: what came.
        sums: by item-location and cycle, (n, K) each.
        group: group of each, from 0, (n, K).
        group_count: how many groups there are.
    """
    flat = group.reshape(-1)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(flat, np.nan_to_num(values).reshape(-1), group_count)

    periods = max(float(sums["period_count"][0].sum()), 1.0) if len(group) else 1.0
    summed = {name: total(values) for name, values in sums.items()}
    planned = sums["planned_period_count"]
    members = np.unique(
        np.stack([flat, np.repeat(np.arange(len(group)), group.shape[1])])[:, planned.reshape(-1) > 0], axis=1
    )
    short = sums["demand_qty"] - sums["served_qty"]
    holding = total(sums["on_hand_sum_qty"] * case.holding_cost_amount[:, None])
    ordering = total(sums["order_count"] * case.order_cost_amount[:, None])
    shortage = total(short * case.shortage_cost_amount[:, None])
    return pd.DataFrame(
        {
            "item_location_count": np.bincount(members[0], minlength=group_count),
            "demand_qty": summed["demand_qty"],
            "unplanned_demand_qty": summed["unplanned_demand_qty"],
            "served_qty": summed["served_qty"],
            "short_qty": np.maximum(summed["demand_qty"] - summed["served_qty"], 0.0),
            "lost_qty": summed["lost_qty"],
            "fill_rate": _ratio(summed["served_qty"], summed["demand_qty"]),
            "cycle_count": summed["cycle_count"],
            "good_cycle_count": summed["good_cycle_count"],
            "cycle_service_rate": _ratio(summed["good_cycle_count"], summed["cycle_count"]),
            "ready_rate": _ratio(summed["ready_period_count"], summed["planned_period_count"]),
            "mean_on_hand_qty": summed["on_hand_sum_qty"] / periods,
            "mean_backlog_qty": summed["backlog_sum_qty"] / periods,
            "mean_on_order_qty": summed["on_order_sum_qty"] / periods,
            "mean_stock_amount": total(sums["on_hand_sum_qty"] * case.unit_cost_amount[:, None]) / periods,
            "order_count": summed["order_count"],
            "ordered_qty": summed["ordered_qty"],
            "holding_cost_amount": holding,
            "order_cost_amount": ordering,
            "shortage_cost_amount": shortage,
            "total_cost_amount": holding + ordering + shortage,
            "planned_interval_days": _ratio(summed["interval_sum_days"], summed["planned_period_count"]),
            "rounded_interval_days": _ratio(summed["rounding_sum_days"], summed["planned_period_count"]),
        }
    )


def steady_opening(case: ReplayCase, cycle: PlannedCycle) -> Opening:
    """Stock and open orders that a policy has on an average day: the same for every policy that is compared.

    The position lies halfway between reorder point and level (of `R_S` one review period's demand below the level). Of
    it as much is on order as is expected to be used in a lead time, evenly; the rest is on the shelf.
    """
    held = cycle.policies
    mean = cycle.period_demand_qty
    lot_top = held.reorder_point_qty + held.order_qty
    top = np.where(held.family == "s_Q", lot_top, held.order_up_to_qty)
    position = np.where(held.family == "R_S", top - mean * held.review_periods, (held.reorder_point_qty + top) / 2)
    is_stocked = ~np.isin(held.family, ("make_to_order", "do_not_stock"))
    position = np.where(is_stocked, np.maximum(position, 0.0), 0.0)
    lead = case.lead_time_periods[:, 0]
    coming = np.minimum(mean * lead, position)
    on_hand = position - coming
    share = np.divide(coming, lead, out=np.zeros_like(coming), where=lead > 0)
    arrivals = np.minimum(np.arange(1, int(lead.max(initial=0)) + 1)[None, :], lead[:, None]) * share[:, None]
    whole = case.is_whole
    arrivals = np.where(whole[:, None], np.floor(arrivals + 0.5), arrivals)
    return Opening(
        on_hand_qty=np.where(whole, np.ceil(on_hand - 1e-9), on_hand),
        pipeline_qty=np.diff(arrivals, axis=1, prepend=0.0),
    )


def _terms(case: ReplayCase, first: PlannedCycle) -> Terms:
    opening = case.opening or steady_opening(case, first)
    n, whole = len(case.keys), case.is_whole
    on_hand = np.full(n, np.nan) if opening.on_hand_qty is None else np.broadcast_to(opening.on_hand_qty, n)
    if np.isnan(on_hand).any():
        raise PlanningError("replay: the opening has item-locations without stock figure; give 0 where there is none.")
    coming = np.broadcast_to(opening.pipeline_qty, (n, opening.pipeline_qty.shape[1]))

    def rounded(values: np.ndarray) -> np.ndarray:
        return np.where(whole.reshape(-1, *[1] * (values.ndim - 1)), np.floor(values + 0.5), values)

    return terms(
        (case.keys["item_id"].astype(str) + " at " + case.keys["location_id"].astype(str)).to_numpy(),
        lead_time=0,
        is_whole=whole,
        lost_share_rate=case.lost_share_rate,
        moq_qty=case.moq_qty,
        order_multiple_qty=case.order_multiple_qty,
        opening=Opening(
            rounded(on_hand),
            rounded(np.broadcast_to(np.asarray(opening.backlog_qty, dtype=float), n)),
            np.hstack([np.zeros((n, 1)), rounded(coming)]),
        ),
    )


def _ready(found: Replay) -> np.ndarray:
    """Share of each period with stock, from its start, after receipts, and its end, (n, T)."""
    end = found.on_hand_qty[:, 1:]
    start = end + found.served_qty[:, 1:]
    return ((start > 0).astype(float) + (end > 0)) / 2


def _by_cycle(values: np.ndarray, cycle: np.ndarray, count: int) -> np.ndarray:
    """Sums of the spans of each cycle, (n, K); a warm-up may end within one."""
    firsts = np.searchsorted(cycle, np.arange(count))
    return np.add.reduceat(values, firsts, axis=1)


def _judge_where_planned(sums: dict[str, np.ndarray], cycles: Sequence[PlannedCycle]) -> None:
    """Leave out services of times without a policy; stock that is left over then is held all the same."""
    is_planned = np.stack([cycle.is_planned for cycle in cycles], axis=1)
    sums["planned_period_count"] = np.where(is_planned, sums["period_count"], 0.0)
    for name in ("ready_period_count", "cycle_count", "good_cycle_count"):
        sums[name] = np.where(is_planned, sums[name], 0.0)


def _intervals(
    case: ReplayCase, cycles: Sequence[PlannedCycle], period_count: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Planned lead time plus review period, and what whole periods add to it, times periods, days, (n, K)."""
    planned = np.stack([cycle.interval_days for cycle in cycles], axis=1)
    review = np.stack([cycle.policies.review_periods for cycle in cycles], axis=1)
    first = np.array([cycle.first_period for cycle in cycles])
    met = (case.lead_time_periods[:, first] + review) * case.period_days
    return np.nan_to_num(planned) * period_count, np.nan_to_num(met - planned) * period_count


def _ratio(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    return np.divide(over, under, out=np.full(len(under), np.nan), where=under > 0)
