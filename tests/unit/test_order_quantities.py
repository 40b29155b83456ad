"""Order quantities against textbook figures, enumeration and the rule that more freedom never costs more."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from stockstrata.distributions import loss, quantile
from stockstrata.exact_policies import dynamic_lots, optimal_point_and_lot, optimal_reorder_and_level
from stockstrata.order_quantities import (
    PriceBreaks,
    discounted_order_quantity,
    indifferent_band,
    joint_order_quantity,
    price_breaks,
    production_quantity,
    purchase_cost,
    within_shelf_life,
)
from stockstrata.replenishment import economic_order_quantity, order_quantity_cost

FEW = settings(max_examples=100, deadline=None)
BOOK = PriceBreaks(np.array([[0.0, 400.0, 800.0]]), np.array([[0.75, 0.72, 0.68]]))


def row(*values):
    return [np.array([value], dtype=float) for value in values]


def test_snyder_and_shen_3_5_all_unit_discounts():
    demand, fixed = row(1300, 8)
    holding = 0.3 * BOOK.price_amount
    order = discounted_order_quantity(demand, fixed, BOOK, holding, 0.0, 0.0)
    assert order.tolist() == [800]
    assert purchase_cost(order, demand, fixed, BOOK, holding)[0] == pytest.approx(978.60)


def test_the_longest_cover_keeps_a_discount_away():
    demand, fixed = row(1300, 8)
    order = discounted_order_quantity(demand, fixed, BOOK, 0.3 * BOOK.price_amount, 0.0, 0.0, most=500.0)
    assert order.tolist() == [400]


def test_breaks_are_read_and_what_cannot_be_read_is_left_out():
    found = price_breaks(
        pd.Series(["1:18.3;1200:17.39", "", "x:1;50:0;20:2.5", "1.2.3:4"]), np.array([18.3, 5, 3, 2.0])
    )
    assert found.price_at(np.array([1199.0, 10, 19, 9])).tolist() == [18.3, 5, 3, 2]
    assert found.price_at(np.array([1200.0, 10, 20, 9])).tolist() == [17.39, 5, 2.5, 2]


@FEW
@given(data=st.data())
def test_the_discounted_quantity_is_the_best_of_all_feasible_ones(data):
    whole = lambda low, high: float(data.draw(st.integers(low, high)))  # noqa: E731
    starts = sorted({whole(2, 150), whole(2, 150)})
    prices = sorted((whole(10, 100) / 10 for _ in range(len(starts) + 1)), reverse=True)
    breaks = PriceBreaks(np.array([[0.0, *starts]]), np.array([prices]))
    demand, fixed = row(whole(1, 400), whole(1, 50))
    holding = whole(5, 60) / 100 * breaks.price_amount
    minimum, multiple = whole(0, 30), whole(1, 12)
    order = discounted_order_quantity(demand, fixed, breaks, holding, minimum, multiple)
    every = multiple * np.arange(1, 1 + np.ceil(3000 / multiple))
    every = every[every >= minimum]
    costs = purchase_cost(every, demand, fixed, PriceBreaks(*(np.repeat(a, len(every), axis=0) for a in
                          (breaks.from_qty, breaks.price_amount))), np.repeat(holding, len(every), axis=0))  # fmt: skip
    assert order[0] >= minimum
    assert order[0] % multiple == 0
    assert purchase_cost(order, demand, fixed, breaks, holding)[0] == pytest.approx(costs.min(), rel=1e-9)


def test_an_order_is_used_before_it_expires():
    order = within_shelf_life(
        np.array([80.0, 80.0, 80.0, 80.0, 20.0]), np.full(5, 2.0), np.array([30.0, 30, np.nan, 30, 30]),
        np.full(5, 15.0), np.array([0.0, 0, 0, 60, 0]), np.array([0.0, 12, 0, 0, 0]),
    )  # fmt: skip
    assert order.tolist() == [45, 36, 80, 60, 20]


def test_snyder_and_shen_5_1_quantity_and_point_together():
    mean, sd = 1300 / 12, 150 / 12**0.5
    demand, fixed, holding, penalty = row(1300, 8, 0.225, 7.5)
    found = joint_order_quantity(
        "normal", np.array([mean]), np.array([sd]), annual_demand=demand, order_cost=fixed, holding_cost=holding,
        shortage_cost=penalty, is_lost=False,
    )  # fmt: skip
    assert found.reorder_point_qty[0] == pytest.approx(213.97, abs=0.01)
    assert found.order_qty[0] == pytest.approx(318.59, abs=0.01)


@FEW
@given(
    mean=st.floats(1, 500), variation=st.floats(0.1, 2), fixed=st.floats(0.5, 500), holding=st.floats(0.01, 10),
    penalty=st.floats(0.1, 100), is_lost=st.booleans(),
    method=st.sampled_from(["normal", "gamma", "negative_binomial"]),
)  # fmt: skip
def test_together_never_costs_more_than_one_after_the_other(mean, variation, fixed, holding, penalty, is_lost, method):
    sd = max(variation * mean, (1.1 * mean) ** 0.5 if method == "negative_binomial" else 0.0)
    demand, k, h, p, m, s = row(12 * mean, fixed, holding, penalty, mean, sd)
    found = joint_order_quantity(
        method, m, s, annual_demand=demand, order_cost=k, holding_cost=h, shortage_cost=p, is_lost=is_lost
    )
    order = economic_order_quantity(demand, k, h)
    chance = 1 - h * order / (p * demand + (h * order if is_lost else 0.0))
    point = quantile(method, np.clip(chance, 1e-9, 1 - 1e-9), m, s) if chance[0] > 0 else np.zeros(1)
    short = loss(method, point, m, s)
    stock = np.maximum(order / 2 + point - m + (short if is_lost else 0.0), 0.0)
    sequential = demand / order * (k + p * short) + h * stock
    assert found.cost_amount[0] <= sequential[0] * (1 + 1e-9)


def test_snyder_and_shen_3_22_production_lots():
    lot = production_quantity(80.0, 110.0, 4.0, 0.08)
    assert lot == pytest.approx(171.27, abs=0.01)
    assert order_quantity_cost(lot, 80.0, 4.0, 0.08 * (1 - 80 / 110)) == pytest.approx(3.7368, abs=1e-4)


def test_anywhere_in_the_band_costs_at_most_the_rate_more():
    low, high = indifferent_band(304.05, 0.05)
    least = order_quantity_cost(304.05, 1300, 8, 0.225)
    for end in (low, high):
        assert order_quantity_cost(end, 1300, 8, 0.225) == pytest.approx(1.05 * least, rel=1e-4)


def test_snyder_and_shen_4_7_and_4_31_optimal_reorder_point_and_level():
    found = optimal_reorder_and_level(stats.poisson.pmf(np.arange(60), 6), order_cost=5, holding_cost=1, backlog_cost=4)
    assert (found.reorder_point_qty, found.order_up_to_qty) == (4, 10)
    assert found.cost_amount == pytest.approx(8.034111561, abs=1e-8)
    found = optimal_reorder_and_level(
        stats.poisson.pmf(np.arange(60), 4), order_cost=150, holding_cost=40, backlog_cost=125
    )
    assert (found.reorder_point_qty, found.order_up_to_qty) == (2, 7)
    assert found.cost_amount == pytest.approx(223.57483, abs=1e-4)


def test_snyder_and_shen_5_8_optimal_point_and_lot():
    found = optimal_point_and_lot(1.5, 2.0, order_cost=100, holding_cost=20, backlog_cost=150)
    assert (found.reorder_point_qty, found.order_up_to_qty) == (3, 8)
    assert found.cost_amount == pytest.approx(107.9236, abs=1e-3)


def test_snyder_and_shen_3_9_wagner_and_whitin():
    orders, cost = dynamic_lots(np.array([90.0, 120, 80, 70]), order_cost=500, holding_cost=2)
    assert orders.tolist() == [210, 0, 150, 0]
    assert cost == 1380
