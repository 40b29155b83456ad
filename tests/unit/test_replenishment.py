import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockstrata.replenishment import (
    economic_order_quantity,
    feasible_order_quantity,
    feasible_order_up,
    order_quantity_cost,
    order_rule,
    smallest_feasible_order,
)


def test_snyder_shen_example_3_1():
    eoq = economic_order_quantity(1300, 8, 0.225)
    assert eoq == pytest.approx((2 * 8 * 1300 / 0.225) ** 0.5, abs=1e-9)
    assert round(float(eoq), 2) == 304.05
    assert round(float(order_quantity_cost(eoq, 1300, 8, 0.225)), 2) == 68.41


@settings(max_examples=80, deadline=None)
@given(
    demand=st.floats(1, 20_000),
    order_cost=st.floats(0.1, 500),
    holding=st.floats(0.01, 50),
    minimum=st.integers(0, 300),
    multiple=st.integers(1, 60),
)
def test_constrained_quantity_equals_brute_force(demand, order_cost, holding, minimum, multiple):
    found = float(feasible_order_quantity(demand, order_cost, holding, minimum, multiple))
    eoq = float(economic_order_quantity(demand, order_cost, holding))
    choices = np.arange(1, max(eoq, minimum) / multiple + 4) * multiple
    choices = choices[choices >= minimum]
    best = order_quantity_cost(choices, demand, order_cost, holding).min()
    assert found % multiple == 0
    assert found >= minimum
    assert order_quantity_cost(found, demand, order_cost, holding) == pytest.approx(best, rel=1e-12)


def test_any_quantity_will_do_without_a_multiple():
    assert feasible_order_quantity(1300, 8, 0.225, np.nan, np.nan) == pytest.approx(304.0467800264368)
    assert feasible_order_quantity(1300, 8, 0.225, 400, 0) == 400
    assert feasible_order_quantity(0, 8, 0.225, 400, 10) == 0


def test_decimal_multiples_survive_floats():
    assert feasible_order_up(1.1, 0, 0.1) == pytest.approx(1.1)
    assert feasible_order_up(0.3, 0, 0.1) == pytest.approx(0.3)
    assert smallest_feasible_order(0.25, 0.1) == pytest.approx(0.3)


def test_rounding_up_respects_minimum_and_multiple():
    assert feasible_order_up([0, 1, 13, 24, 25], 20, 12).tolist() == [0, 24, 24, 24, 36]
    assert feasible_order_up([0, 1, 25], 20, np.nan).tolist() == [0, 20, 25]


def test_parameters_of_each_family():
    family = np.array(["s_Q", "s_S", "R_s_S", "R_S", "make_to_order", "do_not_stock"])
    rule = order_rule(
        family, np.full(6, 40.0), np.full(6, 60.0), np.full(6, 21.0), is_whole=np.ones(6, bool), minimum=0, multiple=0
    )
    assert rule.reorder_point_qty.tolist() == [40, 40, 40, 39, 0, 0]
    assert rule.order_up_to_qty.tolist() == [100, 100, 100, 40, 0, 0]
    assert rule.order_qty.tolist() == [60, 60, 60, 21, 0, 0]


@pytest.mark.parametrize("multiple", [1, 6, 12])
def test_periodic_review_never_leaves_the_position_below_the_base_stock_level(multiple):
    rule = order_rule(
        np.array(["R_S"]), np.array([40.0]), np.array([0.0]), np.array([9.0]),
        is_whole=np.array([True]), minimum=0, multiple=multiple,
    )  # fmt: skip
    s, top = rule.reorder_point_qty[0], rule.order_up_to_qty[0]
    assert s == top - multiple
    for position in range(-5, int(top) + 1):
        order = feasible_order_up(top - position, 0, multiple) if position <= s else 0
        assert position + order >= 40
        assert position + order < 40 + 2 * multiple
