"""Plans of past cycles on demand that came: cases worked by hand, and a plain loop over what the product orders."""

import numpy as np
import pandas as pd
import pytest

from stockstrata.errors import PlanningError
from stockstrata.ordering.quantities import due_quantities
from stockstrata.simulation.baselines import uniform_policies
from stockstrata.simulation.plan_replay import replay_plans, segment_figures, steady_opening
from stockstrata.simulation.planned import lead_times_that_came, planned_cycle, replay_case, whole_periods
from stockstrata.simulation.terms import Opening

WEEK = 7.0


def keys_of(count):
    return pd.DataFrame({"item_id": [f"i{k}" for k in range(count)], "location_id": "L"})


def plan(keys, **columns):
    """Rows of policy.stock_policy with the columns that a replay reads."""
    usual = {
        "policy_family": "s_S", "segment_code": "AX", "method_code": "poisson", "reorder_point_qty": 3.0,
        "order_up_to_qty": 9.0, "order_qty": 6.0, "order_inflation_ratio": 1.0, "review_period_days": 7.0,
        "lead_time_days": 7.0, "annual_demand_qty": 2 * 365.25 / 7, "unit_cost_amount": 5.0,
        "holding_cost_per_unit_week_amount": 0.1, "order_cost_amount": 10.0, "shortage_cost_per_unit_amount": 2.0,
        "unmet_demand_code": "back_order",
    }  # fmt: skip
    return keys.assign(**(usual | columns))


def items(keys, **columns):
    return keys.assign(**({"moq_qty": np.nan, "order_multiple_qty": np.nan} | columns))


def cycle(frame, keys, start=0, days=WEEK):
    return planned_cycle(frame, keys, first_period=start, period_days=days)


def replayed(frames, demand, *, opening=None, starts=(0,), days=WEEK, measured=0, lead=None, **terms):
    keys = keys_of(len(demand))
    case = replay_case(
        keys, demand, frames, items(keys, **terms), period_days=days, lead_time_periods=lead, opening=opening
    )
    cycles = [cycle(frame, keys, start, days) for frame, start in zip(frames, starts, strict=True)]
    return replay_plans(case, cycles, first_measured_period=measured)


def test_reorder_point_by_hand():
    """s = 3, Q = 6, lead time 1 week, opening 3: ordered at the cut-off, so 6 arrive for week 1; see the rows."""
    frame = plan(keys_of(1), policy_family="s_Q", unmet_demand_code="lost_sale")
    found = replayed([frame], np.array([[2.0, 4.0, 1.0, 5.0, 0.0]]), opening=Opening(3.0))
    assert found.replay.ordered_qty.tolist() == [[6, 0, 6, 0, 6, 0]]
    assert found.replay.on_hand_qty.tolist() == [[3, 1, 3, 2, 3, 3]]
    row = found.item_locations.iloc[0]
    assert (row.demand_qty, row.served_qty, row.short_qty, row.lost_qty) == (12, 12, 0, 0)
    assert (row.fill_rate, row.ready_rate) == (1.0, 1.0)
    assert row.order_count == 2  # that of the cut-off was placed before the first period
    assert row.mean_on_hand_qty == 12 / 5
    assert row.mean_stock_amount == 5 * 12 / 5
    assert row.holding_cost_amount == pytest.approx(0.1 * 12)
    assert row.order_cost_amount == 20
    assert row.total_cost_amount == pytest.approx(21.2)
    assert row.planned_interval_days == 14
    assert row.rounded_interval_days == 0


def test_a_shortage_by_hand():
    """Opening 1 and s_S = (3, 9): 8 arrive for week 1. Week 0 asks for 4: 3 wait and are served then."""
    frame = plan(keys_of(1))
    found = replayed([frame], np.array([[4.0, 1.0, 0.0]]), opening=Opening(1.0))
    assert found.replay.ordered_qty.tolist() == [[8, 0, 0, 0]]
    assert found.replay.on_hand_qty.tolist() == [[1, 0, 4, 4]]
    assert found.replay.backlog_qty.tolist() == [[0, 3, 0, 0]]
    row = found.item_locations.iloc[0]
    assert (row.short_qty, row.lost_qty) == (3, 0)
    assert row.fill_rate == 2 / 5
    assert row.ready_rate == 5 / 6  # week 0 began with stock and ended without
    assert (row.cycle_count, row.good_cycle_count) == (1, 0)
    assert row.shortage_cost_amount == 6
    assert row.mean_backlog_qty == 1


def test_the_order_of_a_cut_off_is_that_of_the_cycle_that_it_begins():
    keys = keys_of(1)
    low, high = (
        plan(keys, policy_family="R_S", reorder_point_qty=5.0, order_up_to_qty=6.0),
        plan(keys, policy_family="R_S", reorder_point_qty=10.0, order_up_to_qty=11.0, segment_code="BX"),
    )
    found = replayed([low, high], np.full((1, 5), 2.0), opening=Opening(6.0), starts=(0, 2))
    assert found.replay.ordered_qty.tolist() == [[0, 2, 7, 2, 2, 2]]
    assert found.segments["segment_code"].tolist() == ["AX", "BX"]
    assert found.segments["demand_qty"].tolist() == [4, 6]
    assert found.segments["mean_on_hand_qty"].tolist() == [(4 + 2) / 5, (2 + 7 + 7) / 5]
    assert found.segments["item_location_count"].tolist() == [1, 1]
    assert found.item_locations["item_location_count"].tolist() == [1]


def test_what_comes_late_or_vanishes_is_not_judged_while_nobody_plans_it():
    keys = keys_of(2)
    first, second = plan(keys.iloc[:1]), plan(keys.iloc[1:])
    found = replayed([first, second], np.full((2, 6), 2.0), opening=Opening(9.0), starts=(0, 3))
    gone, late = found.item_locations.itertuples()
    assert (gone.demand_qty, gone.unplanned_demand_qty) == (6, 6)
    assert (late.demand_qty, late.unplanned_demand_qty) == (6, 6)
    assert found.replay.ordered_qty[0, 3:].tolist() == [0, 0, 0, 0]
    assert (found.replay.on_hand_qty[1, :4] == 9).all()
    assert found.segments["segment_code"].tolist() == ["AX"]
    assert found.segments["demand_qty"].tolist() == [12]
    assert found.segments["item_location_count"].tolist() == [2]
    # What is left of an item that nobody plans any more is held all the same.
    assert gone.mean_on_hand_qty > 0


def test_a_warm_up_is_replayed_and_not_measured():
    frame = plan(keys_of(1), policy_family="R_S", reorder_point_qty=8.0, order_up_to_qty=9.0)
    whole = replayed([frame, frame], np.full((1, 8), 3.0), opening=Opening(0.0), starts=(0, 4))
    late = replayed([frame, frame], np.full((1, 8), 3.0), opening=Opening(0.0), starts=(0, 4), measured=2)
    assert whole.item_locations["short_qty"].tolist() == [3]
    assert late.item_locations["short_qty"].tolist() == [0]
    assert late.item_locations["demand_qty"].tolist() == [18]
    assert (whole.replay.on_hand_qty == late.replay.on_hand_qty).all()
    assert late.sums["period_count"].tolist() == [[2, 4]]


def test_demand_after_a_cut_off_changes_nothing_before_it():
    rng = np.random.default_rng(3)
    demand = rng.poisson(2, (6, 30)).astype(float)
    families = ["s_Q", "s_S", "R_S", "kanban", "ddmrp", "R_s_S"]
    frames = [plan(keys_of(6), policy_family=families, order_up_to_qty=9.0 + step) for step in range(3)]
    changed = demand.copy()
    changed[:, 20:] += 5
    seen, other = (replayed(frames, given, starts=(0, 10, 20)) for given in (demand, changed))
    for name in ("on_hand_qty", "ordered_qty", "backlog_qty", "on_order_qty"):
        before, after = (getattr(found.replay, name) for found in (seen, other))
        assert (before[:, :21] == after[:, :21]).all()
        assert (before[:, 21:] != after[:, 21:]).any()
    for name, values in seen.sums.items():
        assert (values[:, :2] == other.sums[name][:, :2]).all(), name


def _by_loop(frames, starts, demand, lead, item, opening):
    """Stock, backlog and orders of each period, ordering what `due_quantities` says at every review."""
    n, periods = demand.shape
    on_hand, backlog = opening.astype(float).copy(), np.zeros(n)
    coming = np.zeros((n, periods + 60))
    seen = {name: np.zeros((n, periods + 1)) for name in ("on_hand", "backlog", "ordered")}
    for t in range(-1, periods):
        if t >= 0:
            on_hand += coming[:, t]
            filled = np.minimum(on_hand, backlog)
            on_hand, backlog = on_hand - filled, backlog - filled
            served = np.minimum(on_hand, demand[:, t])
            on_hand, backlog = on_hand - served, backlog + demand[:, t] - served
        frame = frames[[k for k, start in enumerate(starts) if start <= t + 1][-1]]
        position = on_hand - backlog + coming[:, t + 1 :].sum(axis=1)
        reviews = whole_periods(frame["review_period_days"].to_numpy(), WEEK, least=1)
        ordered = np.where((t + 1) % reviews == 0, due_quantities(frame, position, item), 0.0)
        coming[np.arange(n), t + 1 + lead[:, t + 1]] += ordered
        for name, values in (("on_hand", on_hand), ("backlog", backlog), ("ordered", ordered)):
            seen[name][:, t + 1] = values
    return seen


@pytest.mark.parametrize("seed", range(5))
def test_a_replay_orders_what_the_product_proposes_at_the_same_position(seed):
    """All families that stand in a plan, minima and multiples, lead times of each order, three cycles."""
    rng = np.random.default_rng(seed)
    families = ["s_Q", "s_S", "R_S", "R_s_S", "min_max", "kanban", "ddmrp", "newsvendor", "s_Q", "do_not_stock"]
    n, periods = len(families), 40
    keys = keys_of(n)
    card = np.where(np.array(families) == "kanban", 4.0, 0.0)
    moq = np.where(card > 0, np.nan, rng.choice([np.nan, 5.0, 8.0], n))
    multiple = np.where(card > 0, np.nan, rng.choice([np.nan, 2.0, 3.0], n))
    item = items(keys, moq_qty=moq, order_multiple_qty=multiple)
    frames = []
    for _ in range(3):
        reorder = rng.integers(2, 15, n).astype(float)
        # Lots are feasible ones, as in every plan; the last s_Q has none at all.
        lot = np.where(card > 0, card, 24.0) * rng.integers(1, 3, n)
        lot = np.where(card > 0, card, lot)
        lot[8] = 0.0
        reorder = np.where(card > 0, 8.0, np.where(np.array(families) == "newsvendor", 0.0, reorder))
        top = np.where(card > 0, reorder + card, reorder + np.maximum(lot, 6.0))
        frames.append(
            plan(keys, policy_family=families, reorder_point_qty=reorder, order_up_to_qty=top, order_qty=lot,
                 review_period_days=7.0 * rng.integers(1, 4, n))
        )  # fmt: skip
    starts = (0, 12, 25)
    demand = rng.poisson(3, (n, periods)).astype(float) * (rng.random((n, periods)) < 0.6)
    lead = rng.integers(0, 5, (n, periods + 1))
    opening = rng.integers(0, 12, n)
    # Demand of what is not stocked is lost at once; the loop lets all wait.
    demand[9] = 0.0
    # A card is free once its container is empty; the position frees it as soon, where nothing waits.
    demand[5] = np.minimum(demand[5], 1.0)
    lead[5], opening[5] = 0, 12
    case = replay_case(
        keys, demand, frames, item, period_days=WEEK, lead_time_periods=lead, opening=Opening(opening.astype(float))
    )
    found = replay_plans(case, [cycle(frame, keys, start) for frame, start in zip(frames, starts, strict=True)])
    loop = _by_loop(frames, starts, demand, lead, item, opening)
    assert found.replay.ordered_qty.tolist() == loop["ordered"].tolist()
    assert found.replay.on_hand_qty.tolist() == loop["on_hand"].tolist()
    assert found.replay.backlog_qty.tolist() == loop["backlog"].tolist()
    assert (found.replay.ordered_qty[:9].sum(axis=1) > 0).all()
    served = demand.sum(axis=1) - found.item_locations["short_qty"].to_numpy()
    assert served == pytest.approx(found.replay.served_qty.sum(axis=1))


def test_broken_units_are_not_rounded():
    frame = plan(keys_of(1), reorder_point_qty=2.5, order_up_to_qty=5.5)
    found = replayed([frame], np.array([[1.5, 0.5]]), opening=Opening(2.0))
    assert found.replay.ordered_qty.tolist() == [[3.5, 0.0, 0.0]]
    # A broken multiple of whole demand is no fault: the item then counts as broken too.
    odd = replayed([frame], np.array([[1.0, 1.0]]), opening=Opening(2.0), order_multiple_qty=2.5)
    assert odd.replay.ordered_qty[0, 0] == 5.0


def test_make_to_order_lets_wait_and_orders_it():
    found = replayed([plan(keys_of(1), policy_family="make_to_order")], np.array([[3.0, 0, 0]]), opening=Opening(0.0))
    assert found.replay.ordered_qty.tolist() == [[0, 3, 0, 0]]
    assert found.replay.backlog_qty.tolist() == [[0, 3, 3, 0]]
    assert found.item_locations["lost_qty"].tolist() == [0]


def test_steady_state_by_hand():
    """2 a week, lead time 3 weeks. (3, 9): position 6, all of it on order. R_S to 14: 12, 6 on order and 6 on hand."""
    keys = keys_of(3)
    frame = plan(
        keys, lead_time_days=21.0, policy_family=["s_S", "R_S", "do_not_stock"], order_up_to_qty=[9.0, 14.0, 0.0],
        reorder_point_qty=[3.0, 13.0, 0.0],
    )  # fmt: skip
    case = replay_case(keys, np.zeros((3, 4)), [frame], items(keys), period_days=WEEK)
    found = steady_opening(case, cycle(frame, keys))
    assert found.on_hand_qty.tolist() == [0, 6, 0]
    assert found.pipeline_qty.tolist() == [[2, 2, 2], [2, 2, 2], [0, 0, 0]]


def test_a_rule_of_thumb_takes_the_place_of_plans_where_there_are_any():
    keys = keys_of(2)
    held = cycle(plan(keys.iloc[:1]), keys)
    rule = uniform_policies(
        np.full((2, 4), 2.0), z=1.0, lead_time_periods=np.ones(2), review_periods=4, is_whole=np.ones(2, bool)
    )
    mixed = held.with_policies(rule)
    assert mixed.policies.family.tolist() == ["R_S", "do_not_stock"]
    assert mixed.policies.order_up_to_qty.tolist() == [10, 0]
    assert mixed.policies.review_periods.tolist() == [4, 1]


def test_days_become_the_nearest_whole_periods():
    assert whole_periods(np.array([0.0, 10.0, 10.5, 11.0, np.nan]), WEEK).tolist() == [0, 1, 2, 2, 0]
    assert whole_periods(np.array([0.0, 2.0]), WEEK, least=1).tolist() == [1, 1]
    # Weekly reviews in a monthly replay: the reader is told how much longer intervals were than planned.
    month = 365.25 / 12
    frame = plan(keys_of(1), lead_time_days=month)
    found = replayed([frame], np.ones((1, 3)), days=month, opening=Opening(9.0))
    assert found.item_locations["rounded_interval_days"].tolist() == pytest.approx([month - 7])
    assert found.item_locations["planned_interval_days"].tolist() == pytest.approx([month + 7])


def test_lead_times_that_came_by_hand():
    """9 days for the order of 1 March, 20 for 1 May: 31 March is a day nearer to the former."""
    keys = keys_of(2)
    receipts = pd.DataFrame(
        {
            "item_id": ["i0", "i0", "i0", "gone"], "location_id": "L",
            "order_date": pd.to_datetime(["2024-03-01", "2024-05-01", "2024-05-01", "2024-05-01"]),
            "lead_time_days": [9.0, 18.0, 22.0, 99.0],
        }
    )  # fmt: skip
    placed = pd.DatetimeIndex(["2024-02-01", "2024-03-31", "2024-04-01", "2024-06-01"])
    found = lead_times_that_came(receipts, keys, placed, fallback_days=np.array([1.0, 30.0]), period_days=1.0)
    assert found.tolist() == [[9, 9, 20, 20], [30, 30, 30, 30]]
    assert (
        lead_times_that_came(
            receipts.iloc[:0], keys, placed, fallback_days=np.array([7.0, 8.0]), period_days=WEEK
        ).tolist()
        == [[1] * 4] * 2
    )


def test_segments_add_up_to_the_item_locations():
    rng = np.random.default_rng(8)
    keys = keys_of(12)
    frames = [plan(keys, segment_code=rng.choice(["AX", "BX", "CZ"], 12)) for _ in range(3)]
    demand = rng.poisson(2, (12, 30)).astype(float)
    case = replay_case(keys, demand, frames, items(keys), period_days=WEEK)
    found = replay_plans(case, [cycle(frame, keys, start) for frame, start in zip(frames, (0, 9, 18), strict=True)])
    for name in ("demand_qty", "short_qty", "mean_stock_amount", "order_count", "total_cost_amount", "cycle_count"):
        assert found.segments[name].sum() == pytest.approx(found.item_locations[name].sum()), name
    regrouped = segment_figures(case, found.sums, found.segment_code)
    pd.testing.assert_frame_equal(regrouped, found.segments)
    assert found.item_locations["demand_qty"].tolist() == demand.sum(axis=1).tolist()


def test_what_is_not_known_is_told_as_such():
    frame = plan(keys_of(1), unit_cost_amount=np.nan, shortage_cost_per_unit_amount=np.nan)
    row = replayed([frame], np.zeros((1, 3)), opening=Opening(4.0)).item_locations.iloc[0]
    assert np.isnan(row.fill_rate)
    assert np.isnan(row.cycle_service_rate)
    assert (row.mean_stock_amount, row.shortage_cost_amount) == (0, 0)


@pytest.mark.parametrize(
    ("starts", "measured", "told"),
    [((1, 2), 0, "cycles from periods"), ((0, 9), 0, "cycles from periods"), ((0, 2), 3, "first measured")],
)
def test_a_replay_that_cannot_be_is_refused(starts, measured, told):
    frame = plan(keys_of(1))
    with pytest.raises(PlanningError, match=told):
        replayed([frame, frame], np.ones((1, 3)), starts=starts, measured=measured)


def test_what_stands_twice_is_refused():
    keys = keys_of(1)
    with pytest.raises(PlanningError, match="stands there twice"):
        cycle(pd.concat([plan(keys), plan(keys)]), keys)
    with pytest.raises(PlanningError, match="lead times of shape"):
        replayed([plan(keys)], np.ones((1, 3)), lead=np.ones((1, 3), dtype=int))
