"""Order days, minimum values of a supplier's order, minima and multiples: every proposal satisfies all of them."""

import datetime as dt
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockstrata.ordering.baskets import Candidates, advance_cost, filled_basket
from stockstrata.ordering.calendar import days_until_open, effective_review_days, order_weekdays

FEW = settings(max_examples=80, deadline=None)


def candidates(*rows):
    """Rows of first, step, value, ahead, daily, holding."""
    return Candidates(*(np.array(column, dtype=float) for column in zip(*rows, strict=True)))


def test_weekdays_are_read_in_any_form_and_no_day_means_every_day():
    found = order_weekdays(pd.Series(["Mon,Thu", "tuesday friday", "", "whenever"]))
    assert [np.flatnonzero(row).tolist() for row in found] == [[0, 3], [1, 4], list(range(7)), list(range(7))]


def test_the_next_order_day_counts_from_today():
    is_open = order_weekdays(pd.Series(["Mon", "Mon,Sat", "", "Fri"]))
    saturday = dt.date(2025, 2, 1)
    assert days_until_open(is_open, saturday).tolist() == [2, 0, 0, 6]


@pytest.mark.parametrize(
    ("review", "days", "longest"),
    [(1, "Mon,Thu", 4), (1, "Mon", 7), (7, "Mon", 7), (14, "Tue,Fri", 14), (10, "Mon,Thu", 11), (3, "", 3)],
)
def test_order_days_lengthen_reviews_that_are_no_whole_weeks(review, days, longest):
    assert effective_review_days(np.array([float(review)]), order_weekdays(pd.Series([days]))).tolist() == [longest]


def test_units_bought_ahead_are_held_until_the_next_order_and_while_they_are_used():
    assert advance_cost(np.array([10.0]), np.array([20.0]), np.array([1.0]), np.array([0.1])).tolist() == [25.0]
    assert advance_cost(np.array([0.0]), np.array([20.0]), np.array([0.0]), np.array([0.1])).tolist() == [0.0]


def brute_force(shortfall, items):
    """Least cost of all combinations of quantities that reach the shortfall."""
    every = []
    for row in range(len(items.first_qty)):
        most = int(np.ceil(shortfall / (items.unit_value[row] * min(items.step_qty[row], items.first_qty[row])))) + 1
        every.append([0.0, *(items.first_qty[row] + items.step_qty[row] * np.arange(most))])
    best = np.inf
    for quantities in itertools.product(*every):
        chosen = np.array(quantities)
        if chosen @ items.unit_value >= shortfall - 1e-9 * shortfall:
            cost = advance_cost(chosen, items.ahead_days, items.daily_qty, items.holding_amount).sum()
            best = min(best, cost)
    return best


@FEW
@given(data=st.data())
def test_a_basket_is_filled_at_the_cost_of_the_best_of_all_combinations(data):
    n = data.draw(st.integers(1, 3))
    number = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    rows = [
        (number(1, 6), number(1, 4), number(1, 9), number(0, 60), number(1, 20) / 10, number(1, 30) / 100)
        for _ in range(n)
    ]
    items, shortfall = candidates(*rows), float(number(1, 40))
    added = filled_basket(shortfall, items)
    assert added @ items.unit_value >= shortfall * (1 - 1e-9)
    is_feasible = (added == 0) | (
        (added >= items.first_qty) & (np.abs(np.remainder(added - items.first_qty, items.step_qty)) < 1e-9)
    )
    assert is_feasible.all()
    cost = advance_cost(added, items.ahead_days, items.daily_qty, items.holding_amount).sum()
    assert cost == pytest.approx(brute_force(shortfall, items), rel=1e-9, abs=1e-12)


def test_two_of_the_dearer_unit_may_be_cheaper_than_the_greedy_choice():
    # A unit of A costs 1 for 4 of value, one of B 1.4 for 5: A is the better bargain, but 10 takes three of it.
    items = candidates((1, 1, 4, 10, 1e12, 0.1), (1, 1, 5, 14, 1e12, 0.1))
    assert filled_basket(10.0, items).tolist() == [0.0, 2.0]


def test_a_basket_of_hundreds_of_items_is_filled():
    rng = np.random.default_rng(3)
    n = 400
    items = Candidates(
        np.ones(n), np.ones(n), rng.uniform(0.5, 40, n), rng.uniform(0, 90, n), rng.uniform(0.01, 5, n),
        rng.uniform(0.001, 0.1, n),
    )  # fmt: skip
    added = filled_basket(250.0, items)
    assert 250 <= added @ items.unit_value < 290
    assert filled_basket(0.0, items).sum() == 0
