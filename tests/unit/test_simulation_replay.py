"""Replay of real demand and the rules of thumb it is compared with, on cases worked by hand."""

import numpy as np
import pytest

from stockstrata.errors import PlanningError
from stockstrata.simulation.baselines import class_policies, uniform_policies
from stockstrata.simulation.outcomes import weighted
from stockstrata.simulation.policies import policies
from stockstrata.simulation.replay import replay_trace
from stockstrata.simulation.terms import Costs, Opening, terms


def test_reorder_point_by_hand():
    """s = 3, Q = 6, lead time 1, opening 5, lost sales; the order at the end of 0 serves period 2."""
    demand = np.array([[2.0, 4.0, 1.0, 5.0, 0.0, 3.0]])
    where = terms(1, lead_time=1, lost_share_rate=1.0, opening=Opening(5.0), costs=Costs(0.5, 0, 2.0, 10.0))
    found = replay_trace(where, demand, [(0, policies("s_Q", item_count=1, reorder_point_qty=3, order_qty=6))])
    assert found.on_hand_qty.tolist() == [[3, 0, 5, 0, 0, 3]]
    assert found.served_qty.tolist() == [[2, 3, 1, 5, 0, 3]]
    assert found.lost_qty.tolist() == [[0, 1, 0, 0, 0, 0]]
    assert found.ordered_qty.tolist() == [[6, 0, 0, 6, 0, 6]]
    assert found.received_qty.tolist() == [[0, 0, 6, 0, 0, 6]]
    assert found.on_order_qty.tolist() == [[0, 6, 0, 0, 6, 0]]
    row = found.measures.iloc[0]
    assert row.fill_rate == 14 / 15
    assert row.stock_out_period_count == 1
    assert row.total_cost_amount == 0.5 * 11 + 2 * 1 + 10 * 3
    assert row.cycle_service_level == 0.5  # period 1 failed before the first arrival, nothing before the second


def test_a_policy_takes_over_with_stock_and_orders_of_the_one_before():
    demand = np.full((1, 6), 2.0)
    where = terms(1, lead_time=1, opening=Opening(6.0))
    low, high = (policies("R_S", item_count=1, order_up_to_qty=level) for level in (6, 11))
    found = replay_trace(where, demand, [(0, low), (3, high)])
    assert found.ordered_qty.tolist() == [[2, 2, 2, 7, 2, 2]]
    assert found.on_hand_qty.tolist() == [[4, 2, 2, 2, 2, 7]]
    stop = policies("do_not_stock", item_count=1)
    ended = replay_trace(where, demand, [(0, low), (2, stop)])
    assert ended.ordered_qty.tolist() == [[2, 2, 0, 0, 0, 0]]
    assert ended.lost_qty.tolist() == [[0, 0, 0, 0, 0, 2]]


def test_what_waits_is_served_after_a_policy_that_loses_takes_over():
    where = terms(1, lead_time=2, opening=Opening(0.0))
    to_order, none = policies("make_to_order", item_count=1), policies("do_not_stock", item_count=1)
    found = replay_trace(where, np.array([[3.0, 0, 0, 1, 0]]), [(0, to_order), (1, none)])
    assert found.backlog_qty.tolist() == [[3, 3, 3, 0, 0]]
    assert found.backlog_served_qty.tolist() == [[0, 0, 0, 3, 0]]
    assert found.lost_qty.tolist() == [[0, 0, 0, 1, 0]]


def test_orders_cross_by_hand():
    """The order at the end of 0 takes 4 periods, that of 1 none: it arrives first. Orderly, it waits for the first."""
    demand = np.array([[4.0, 5.0, 0, 0, 0, 0, 0]])
    leads = np.array([[4.0, 0, 0, 0, 0, 0, 0]])
    chosen = policies("R_S", item_count=1, order_up_to_qty=10)
    received = {}
    for may_cross in (True, False):
        where = terms(1, lead_time=0, may_cross=may_cross, opening=Opening(10.0))
        found = replay_trace(where, demand, [(0, chosen)], lead_time_periods=leads)
        assert found.ordered_qty.tolist() == [[4, 5, 0, 0, 0, 0, 0]]
        received[may_cross] = found.received_qty[0].tolist()
    assert received == {True: [0, 0, 5, 0, 0, 4, 0], False: [0, 0, 0, 0, 0, 9, 0]}


def test_deliveries_fall_short_and_the_pipeline_at_the_start_arrives():
    where = terms(1, lead_time=0, opening=Opening(1.0, 2.0, np.array([[0.0, 4.0]])))
    chosen = policies("s_S", item_count=1, reorder_point_qty=1, order_up_to_qty=11)
    share = np.array([[0.5, 0.5, 0.5, 1.0]])
    found = replay_trace(where, np.array([[1.0, 1, 1, 0]]), [(0, chosen)], received_share=share)
    # The position of 0 is 0 + 4 - 2: no order. In 1: 4 - 2 - 1 = 1: order 10, of which 5 come.
    assert found.backlog_qty.tolist() == [[2, 0, 0, 0]]
    assert found.on_hand_qty.tolist() == [[0, 1, 5, 5]]
    assert found.ordered_qty.tolist() == [[0, 10, 0, 0]]
    assert found.received_qty.tolist() == [[0, 4, 5, 0]]


def test_measures_begin_where_they_are_told():
    where = terms(1, lead_time=1, lost_share_rate=1.0, opening=Opening(0.0))
    found = replay_trace(
        where, np.full((1, 6), 3.0), [(0, policies("R_S", item_count=1, order_up_to_qty=9))], first_measured_period=2
    )
    assert found.lost_qty.sum() == 6
    assert found.measures["fill_rate"].tolist() == [1.0]
    assert found.measures["demand_qty"].tolist() == [12.0]


def test_the_past_does_not_depend_on_the_future():
    rng = np.random.default_rng(3)
    demand = rng.poisson(4, (5, 40)).astype(float)
    where = terms(5, lead_time=2, lost_share_rate=0.5, opening=Opening(10.0))
    first, second = (policies("R_S", item_count=5, order_up_to_qty=level) for level in (15, 20))
    seen = replay_trace(where, demand, [(0, first), (20, second)])
    changed = demand.copy()
    changed[:, 25:] += 7
    other = replay_trace(where, changed, [(0, first), (20, second)])
    for name in ("on_hand_qty", "ordered_qty", "lost_qty"):
        assert (getattr(seen, name)[:, :25] == getattr(other, name)[:, :25]).all()
        assert (getattr(seen, name)[:, 25:] != getattr(other, name)[:, 25:]).any()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"schedule": []}, "policies from periods"),
        ({"schedule": [(1, None)]}, "policies from periods"),
        ({"lead_time_periods": np.full((1, 4), 1.5)}, "whole periods"),
        ({"lead_time_periods": np.full((1, 3), 1.0)}, "shape"),
        ({"demand_qty": np.array([[1.0, -1, 0, 0]])}, "below zero"),
        ({"first_measured_period": 4}, "first measured"),
        ({"terms": terms(1, lead_time=weighted([1, 2], [0.5, 0.5]))}, "left to chance"),
    ],
)
def test_a_replay_that_cannot_be_is_refused(changed, told):
    given = {
        "terms": terms(1, lead_time=1), "demand_qty": np.ones((1, 4)),
        "schedule": [(0, policies("R_S", item_count=1, order_up_to_qty=3))],
    }  # fmt: skip
    with pytest.raises(PlanningError, match=told):
        replay_trace(**(given | changed))


def test_uniform_rule_by_hand():
    """Demand 8 and 12: m = 10, s = sqrt(8); L = 4, R = 4, z = 2: S = 80 + 2 sqrt(8) 2 = 91.3, whole 92."""
    history = np.array([[8.0, 12.0], [8.0, 12.0], [0.0, 0.0], [np.nan, 5.0]])
    found = uniform_policies(
        history,
        z=2.0,
        lead_time_periods=np.full(4, 4.0),
        review_periods=4,
        is_whole=np.array([True, False, True, True]),
    )
    assert found.order_up_to_qty == pytest.approx([92, 80 + 4 * 8**0.5, 0, 40])
    assert found.family.tolist() == ["R_S"] * 4
    assert found.review_periods.tolist() == [4] * 4
    with pytest.raises(PlanningError, match="no period"):
        uniform_policies(
            np.full((1, 2), np.nan), z=1.0, lead_time_periods=np.ones(1), review_periods=1, is_whole=np.ones(1, bool)
        )


def test_class_rule_is_the_uniform_rule_with_a_factor_for_each_class():
    history = np.random.default_rng(1).poisson(9, (3, 30)).astype(float)
    given = {"lead_time_periods": np.array([2.0, 3.0, 4.0]), "review_periods": 4, "is_whole": np.zeros(3, bool)}
    service = {"A": 0.98, "B": 0.95, "C": 0.5}
    found = class_policies(history, class_code=np.array(["A", "B", "C"]), service_by_class=service, **given)
    z = np.array([2.053748910631823, 1.6448536269514722, 0.0])
    assert found.order_up_to_qty == pytest.approx(uniform_policies(history, z=z, **given).order_up_to_qty)
    with pytest.raises(PlanningError, match="class D has no service level"):
        class_policies(history, class_code=np.array(["A", "B", "D"]), service_by_class=service, **given)
