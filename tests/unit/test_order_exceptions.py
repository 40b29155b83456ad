"""Orders outside policy and messages on open orders: each code from planted orders, and a queue that empties."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from stockstrata.ordering.exceptions import order_exceptions
from stockstrata.tables import ORDER_EXCEPTION

CUT_OFF = dt.date(2025, 2, 1)
COLUMNS = [column.name for column in ORDER_EXCEPTION.columns if column.name != "period_start_date"]
PROPOSALS = ["item_id", "location_id", "order_qty", "order_date"]
PLACED = ["order_id", "line", "item_id", "location_id", "supplier_id", "order_date", "due_date", "ordered_qty",
          "unit_cost_amount", "stock_date", "usual_wait_days", "inventory_position_qty"]  # fmt: skip
OPEN = ["order_id", "line", "item_id", "location_id", "supplier_id", "order_date", "due_date", "open_qty"]
EARLIER = ["judged_code", "order_id", "line", "item_id", "location_id", "exception_code"]


def frame(rows, columns):
    made = pd.DataFrame(rows, columns=pd.Index(columns))
    for name in made.columns.intersection(["order_date", "due_date", "stock_date"]):
        made[name] = pd.to_datetime(made[name]).astype("datetime64[s]")
    return made


def policies(**changed):
    """s = 20, Q = 30, one unit a day, a buffer of 6, 7 days between reviews."""
    row = {
        "item_id": "A", "location_id": "L1", "segment_code": "AX", "policy_family": "s_Q", "method_code": "poisson",
        "reorder_point_qty": 20.0, "order_qty": 30.0, "order_up_to_qty": 50.0, "safety_stock_qty": 6.0,
        "order_inflation_ratio": 1.0,
        "annual_demand_qty": 365.25, "review_period_days": 7.0, "lead_time_days": 7.0, "unit_cost_amount": 2.0,
        "order_cost_amount": 25.0, "holding_cost_per_unit_week_amount": 0.01, "shortage_cost_per_unit_amount": 4.0,
        "moq_qty": np.nan, "order_multiple_qty": np.nan,
    }  # fmt: skip
    return pd.DataFrame([row | changed])


def order(number, day, qty, *, position, item="A", wait=10, cost=2.0, usual=10.0):
    placed = dt.date(2025, 1, day)
    return (number, "1", item, "L1", "s1", placed, placed + dt.timedelta(days=wait), qty, cost, placed, usual, position)


@pytest.fixture
def judge(make_parameters):
    def build(placed=(), proposals=(), open_lines=(), on_hand=0.0, earlier=None, seen=(), allocated=0.0, **policy):
        positions = pd.DataFrame({"item_id": ["A"], "location_id": "L1", "on_hand_qty": on_hand, "in_transit_qty": 0.0,
                                  "allocated_qty": allocated, "has_stock_feed": True})  # fmt: skip
        return order_exceptions(
            frame(placed, PLACED),
            {"policies": policies() if earlier is None else earlier, "proposals": frame(proposals, PROPOSALS)},
            frame(open_lines, OPEN),
            {"policies": policies(**policy), "positions": positions},
            pd.DataFrame(list(seen), columns=pd.Index(EARLIER)),
            parameters=make_parameters(),
            cut_off_date=CUT_OFF,
        )

    return build


def test_every_order_is_matched_to_what_a_proposal_has_left_or_classified(judge):
    placed = [
        order("P1", 3, 30.0, position=15.0),
        order("P2", 4, 30.0, position=45.0),
        order("P3", 20, 30.0, position=20.0),
        order("P4", 21, 30.0, position=40.0),
        order("P5", 25, 90.0, position=20.0),
        order("P6", 26, 10.0, position=20.0, item="Z"),
        order("P7", 27, 5.0, position=np.nan),
    ]
    out = judge(placed, proposals=[("A", "L1", 40.0, dt.date(2025, 1, 1))]).set_index("order_id")
    assert len(out) == len(placed)
    assert out.columns.tolist() == [name for name in COLUMNS if name != "order_id"]
    expected = {
        "P1": "matched", "P2": "oversized", "P3": "in_policy", "P4": "early", "P5": "oversized", "P6": "unplanned_item",
        "P7": "unjudged",
    }  # fmt: skip
    assert out.exception_code.to_dict() == expected
    assert out.wanted_qty.to_dict() == {"P1": 40, "P2": 10, "P3": 30, "P4": 0, "P5": 30, "P6": 0, "P7": 0}
    assert out.is_exception.to_dict() == {
        name: code not in ("matched", "in_policy", "unjudged") for name, code in expected.items()
    }
    # 30 units, held for the 20 days until the position reaches 20.
    assert out.cost_amount["P4"] == pytest.approx(30 * 20 / 7 * 0.01)
    assert (out.action[out.is_exception] != "").all()


def test_a_review_may_order_somewhat_ahead_of_the_reorder_point(judge):
    out = judge([order("P1", 3, 30.0, position=27.0), order("P2", 9, 30.0, position=27.5)]).set_index("order_id")
    assert out.exception_code.to_dict() == {"P1": "in_policy", "P2": "early"}


def test_a_proposal_followed_late_or_only_in_part_is_told(judge):
    wanted = [("A", "L1", 40.0, dt.date(2025, 1, 1))]
    late = judge([order("P1", 20, 30.0, position=5.0), order("P2", 21, 10.0, position=35.0)], proposals=wanted)
    late = late.set_index("order_id")
    assert late.exception_code.to_dict() == {"P1": "late_release", "P2": "matched"}
    assert late.deviation_days.to_dict() == {"P1": 19, "P2": 0}
    assert late.wanted_date["P1"] == pd.Timestamp("2025-01-01")
    # 19 units were used while nobody ordered; the buffer of 6 was there for them.
    assert late.cost_amount["P1"] == pytest.approx((19 - 6) * 4.0)
    small = judge([order("P1", 2, 10.0, position=5.0), order("P2", 3, 9.0, position=15.0)], proposals=wanted)
    small = small.set_index("order_id")
    assert small.exception_code.to_dict() == {"P1": "matched", "P2": "undersized"}
    assert small.cost_amount.to_dict() == {"P1": 0.0, "P2": 25.0}
    assert small.reason["P2"] == "Ordered 19 in all where a proposal wanted 40."
    half = judge([order("P1", 8, 20.0, position=5.0)], proposals=wanted)
    assert half.exception_code.tolist() == ["matched"]


def test_a_proposal_nobody_released_is_told_until_its_need_is_gone(judge):
    wanted = [("A", "L1", 40.0, dt.date(2025, 1, 20))]
    out = judge(proposals=wanted, on_hand=5.0)
    assert out.judged_code.tolist() == ["proposed"]
    assert out.exception_code.tolist() == ["not_released"]
    assert out.deviation_days.tolist() == [12]
    # Demand until an order of today arrives takes 7, and 5 are there.
    assert out.cost_amount[0] == pytest.approx(2 * 4.0)
    assert (out.order_id[0], out.owner[0] != "", out.is_exception[0]) == ("", True, True)
    assert judge(proposals=wanted, on_hand=21.0).empty
    assert judge(proposals=[("A", "L1", 40.0, dt.date(2025, 1, 28))], on_hand=5.0).empty
    assert judge(proposals=wanted, on_hand=5.0, open_lines=[open_line("P1", dt.date(2025, 2, 6), 30.0)]).empty
    placed = judge([order("P1", 21, 40.0, position=5.0)], proposals=wanted, on_hand=5.0)
    assert placed.exception_code.tolist() == ["matched"]


def test_a_forced_emergency_order_appears_with_its_cost(judge):
    hasty, dear = order("P1", 3, 10.0, position=1.0, wait=2), order("P2", 4, 10.0, position=5.0, cost=2.5)
    usual = order("P3", 5, 30.0, position=15.0, wait=5, cost=2.2)
    out = judge([hasty, dear, usual]).set_index("order_id")
    assert out.exception_code.to_dict() == {"P1": "emergency", "P2": "emergency", "P3": "in_policy"}
    # The cost of one more order, and what was paid above the policy's unit cost.
    assert out.cost_amount.to_dict() == pytest.approx({"P1": 25.0, "P2": 25.0 + 10 * 0.5, "P3": 0.0})
    assert out.deviation_days["P1"] == 8
    assert out.reason["P1"] == "Ordered 10, promised within 2 days where the supplier's median is 10."


def test_orders_before_any_cycle_and_of_items_without_stock_are_named(judge):
    line = order("P1", 3, 30.0, position=15.0)
    assert judge([line], earlier=policies().iloc[:0]).exception_code.tolist() == ["unjudged"]
    idle = judge([line], earlier=policies(policy_family="do_not_stock"))
    assert idle.exception_code.tolist() == ["not_stocked"]
    assert idle.cost_amount[0] == pytest.approx(30 * 365.25 / 7 * 0.01)


def test_value_decides_who_must_approve_and_what_was_seen_before_is_not_new(judge):
    orders = [order("P1", 3, 3000.0, position=15.0), order("P2", 25, 60.0, position=20.0)]
    out = judge(orders, seen=[("placed", "P2", "1", "A", "L1", "oversized")]).set_index("order_id")
    assert out.exception_code.tolist() == ["oversized", "oversized"]
    assert out.needs_approval.to_dict() == {"P1": True, "P2": False}
    assert out.is_new.to_dict() == {"P1": True, "P2": False}


def open_line(number, due, qty):
    return (number, "1", "A", "L1", "s1", dt.date(2025, 1, 10), due, qty)


def test_open_orders_are_told_to_come_when_they_are_needed(judge):
    lines = [
        open_line("P1", dt.date(2025, 2, 20), 10.0),
        open_line("P2", dt.date(2025, 2, 21), 30.0),
        open_line("P3", dt.date(2025, 2, 22), 200.0),
        open_line("P4", dt.date(2025, 2, 23), 10.0),
    ]
    out = judge(open_lines=lines, on_hand=10.0).set_index("order_id")
    # Stock of 10 lasts to 11 February; with P1 to 21 February, with P2 to 23 March, its buffer to 17 March.
    assert out.exception_code.to_dict() == {"P1": "expedite", "P3": "defer", "P4": "cancel"}
    assert out.wanted_date["P1"] == pd.Timestamp("2025-02-11")
    assert out.wanted_date["P3"] == pd.Timestamp("2025-03-17")
    assert out.deviation_days.to_dict() == {"P1": 9, "P3": 23, "P4": 0}
    assert out.cost_amount["P1"] == pytest.approx(9 * 1.0 * 4.0)


def test_an_order_past_its_date_is_chased_and_expedited_once_it_is_needed(judge):
    line = [open_line("P1", dt.date(2025, 1, 20), 10.0)]
    late = judge(open_lines=line, on_hand=10.0)
    assert late.exception_code.tolist() == ["late"]
    assert late.deviation_days.tolist() == [12]
    needed = judge(open_lines=line, on_hand=0.0)
    assert needed.exception_code.tolist() == ["expedite"]
    assert needed.wanted_date.tolist() == [pd.Timestamp(CUT_OFF)]


def test_orders_of_what_is_no_longer_stocked_are_cancelled_unless_somebody_waits(judge):
    line = [open_line("P1", dt.date(2025, 2, 20), 10.0)]
    idle = {"policy_family": "do_not_stock", "safety_stock_qty": 0.0, "annual_demand_qty": 0.0}
    assert judge(open_lines=line, on_hand=3.0, **idle).exception_code.tolist() == ["cancel"]
    assert judge(open_lines=line, on_hand=3.0, allocated=9.0, **idle).exception_code.tolist() == ["expedite"]


def test_the_queue_empties_once_every_message_is_followed(judge):
    lines = [
        open_line("P1", dt.date(2025, 2, 20), 10.0),
        open_line("P2", dt.date(2025, 2, 21), 30.0),
        open_line("P3", dt.date(2025, 2, 22), 200.0),
        open_line("P4", dt.date(2025, 2, 23), 10.0),
    ]
    for _ in range(3):
        messages = judge(open_lines=lines, on_hand=10.0).set_index("order_id")
        cancelled = set(messages.index[messages.exception_code == "cancel"])
        wanted = {name: day.date() for name, day in messages.wanted_date.dropna().items()}
        lines = [(*row[:6], wanted.get(row[0], row[6]), row[7]) for row in lines if row[0] not in cancelled]
    assert judge(open_lines=lines, on_hand=10.0).empty
