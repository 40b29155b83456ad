"""Yield of suppliers: nothing for a perfect one, and for 80 percent what a simulation needs to hold its service."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from stockstrata.supply.policy_terms import with_yield
from stockstrata.supply.yields import order_inflation, yield_sd, yields

CUT_OFF = dt.date(2025, 1, 1)


def lines(rows):
    names = ["item_id", "supplier_id", "ordered_qty", "received_qty", "rejected_qty", "last_receipt_date"]
    frame = pd.DataFrame(rows, columns=pd.Index(names))
    return frame.assign(last_receipt_date=pd.to_datetime(frame["last_receipt_date"]).astype("datetime64[s]"))


def closed(item, supplier, ordered, received, rejected=0.0):
    return (item, supplier, float(ordered), float(received), float(rejected), "2024-06-01")


@pytest.fixture
def measure(make_parameters, make_item_locations):
    def run(rows, count=1, **columns):
        planned = make_item_locations(count, **({"supplier_id": "s1"} | columns))
        return yields(planned, lines(rows), parameters=make_parameters(), cut_off_date=CUT_OFF)

    return run


def test_a_perfect_supplier_has_no_supply_term(measure):
    found = measure([closed("i000", "s1", 10, 10)] * 20)
    assert found.loc[0].tolist() == [1.0, 0.0, 0.0, 0.0, 20]
    assert order_inflation(found["yield_rate"].to_numpy(), max_inflation_rate=0.25)[0] == 1.0
    assert yield_sd(np.array([100.0]), np.array([300.0]), np.array([1.0]), np.array([0.0]))[0] == 0.0


def test_short_and_rejected_lines_are_told_apart(measure):
    rows = [closed("i000", "s1", 10, 8)] * 30 + [closed("i000", "s1", 10, 10, 5)] * 30
    found = measure(rows).loc[0]
    assert found["yield_rate"] == pytest.approx(0.65)
    assert found["short_rate"] == pytest.approx(0.1)
    assert found["reject_rate"] == pytest.approx(0.25)
    assert found["yield_sd_rate"] == pytest.approx(0.15)
    assert found["yield_line_count"] == 60


def test_open_lines_are_no_short_ones_until_they_are_given_up(measure):
    new = ("i000", "s1", 10.0, 4.0, 0.0, "2024-12-20")
    old = ("i000", "s1", 10.0, 4.0, 0.0, "2024-06-01")
    assert measure([closed("i000", "s1", 10, 10), new]).loc[0, "yield_line_count"] == 1
    found = measure([closed("i000", "s1", 10, 10), old]).loc[0]
    assert found["yield_line_count"] == 2
    assert found["yield_rate"] == pytest.approx(0.7)


def test_few_lines_are_drawn_to_the_supplier_and_none_take_its_yield(measure):
    rows = [closed("i000", "s1", 10, 10)] * 98 + [closed("i001", "s1", 10, 0)] * 2
    found = measure(rows, count=3, supplier_id=["s1", "s1", "s1"])
    usual = 0.98
    assert found["yield_rate"].tolist() == pytest.approx([(98 + 10 * usual) / 108, 10 * usual / 12, usual])
    assert measure([], supplier_id="s9").loc[0].tolist() == [1.0, 0.0, 0.0, 0.0, 0]


def test_orders_are_raised_for_what_does_not_come_but_not_beyond_the_cap():
    found = order_inflation(np.array([1.0, 0.8, 0.1]), max_inflation_rate=0.5)
    assert found.tolist() == pytest.approx([1, 1.25, 1.5])


def test_a_random_yield_needs_the_stated_extra_stock_to_hold_its_service():
    """Order-up-to every period, lead time one: base stock by the stated variance against base stock without it."""
    rng = np.random.default_rng(6)
    periods, mean, sd = 200_000, 100.0, 15.0
    good = rng.binomial(1, 0.8, periods).astype(float)  # all of an order comes, or none of it
    demand = rng.normal(mean, sd, periods)
    spread = yield_sd(np.array([mean]), np.array([2 * mean]), np.array([0.8]), np.array([0.4]))[0]
    assert spread == pytest.approx(np.sqrt(2) * 100 * 0.4 / 0.8)

    def service(level):
        short, stock, coming = 0, level, 0.0
        for t in range(periods):
            stock += coming
            order = max(level - stock, 0.0) / 0.8
            coming = order * good[t]
            stock -= demand[t]
            short += stock < 0
        return 1 - short / periods

    z = 1.645
    with_term = service(2 * mean + z * np.hypot(np.sqrt(2) * sd, spread))
    without = service(2 * mean + z * np.sqrt(2) * sd)
    assert without < 0.9
    assert with_term > 0.94


def test_policies_stay_as_they_are_without_yields_and_with_a_perfect_supplier(make_parameters):
    out = pd.DataFrame(
        {
            "policy_family": ["s_Q", "R_S"], "order_qty": [100.0, 80.0], "review_demand_qty": [10.0, 60.0],
            "lead_time_demand_qty": [300.0, 30.0], "supply_sd_qty": [3.0, 0.0], "lead_time_demand_sd_qty": [5.0, 7.0],
            "order_multiple_qty": [10.0, np.nan], "method_code": ["gamma", "gamma"],
        }
    )  # fmt: skip
    settings = make_parameters().settings
    perfect = pd.DataFrame({"yield_rate": [1.0, 1.0], "yield_sd_rate": [0.0, 0.0]})
    for lead in (pd.DataFrame(index=range(2)), perfect):
        same = with_yield(out, lead, settings)
        pd.testing.assert_frame_equal(same[out.columns.tolist()], out)
        assert same["order_inflation_ratio"].tolist() == [1.0, 1.0]
    weak = with_yield(out, perfect.assign(yield_rate=0.9, yield_sd_rate=0.1), settings)
    assert weak["order_qty"].tolist() == pytest.approx([110.0, 80 / 0.9])
    assert weak["supply_sd_qty"].tolist() == pytest.approx([np.hypot(3, np.sqrt(3) * 100 * 0.1 / 0.9), 60 * 0.1 / 0.9])
    assert (weak["lead_time_demand_sd_qty"] >= weak["supply_sd_qty"]).all()
