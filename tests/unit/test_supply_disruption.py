"""Losses by disruption: scenarios by hand, break-even by closed form, EOQD of the textbook, choices that follow."""

import numpy as np
import pandas as pd
import pytest

from stockstrata.parameters import DisruptionScenario
from stockstrata.supply.disruption import (
    Exposure,
    break_even_rate,
    disruption_loss,
    expected_loss,
    order_quantity_with_disruptions,
)
from stockstrata.supply.risk import supply_risks

DATED = {"valid_from_date": "1900-01-01", "approved_by": "t", "reason": "t"}
THREE = tuple(
    DisruptionScenario(scenario_code=code, rate_per_year=rate, duration_days=days, **DATED)
    for code, rate, days in (("short", 0.2, 20), ("long", 0.05, 60), ("lost", 0.01, 200))
)


def test_expected_loss_is_the_enumeration_of_three_scenarios():
    one = Exposure(np.array([30.0]), np.array([100.0]), np.array([np.inf]))
    by_hand = 0.2 * 0 + 0.05 * (60 - 30) * 100 + 0.01 * (200 - 30) * 100
    assert expected_loss(one, THREE)[0] == pytest.approx(by_hand)
    other = Exposure(np.array([30.0]), np.array([100.0]), np.array([45.0]))
    assert expected_loss(other, THREE)[0] == pytest.approx(0.05 * 15 * 100 + 0.01 * 15 * 100)


def test_losses_fall_with_cover_and_with_a_quicker_alternative():
    cover = np.linspace(0, 300, 50)
    ones = np.ones(50)
    assert (np.diff(disruption_loss(Exposure(cover, ones, ones * np.inf), 90)) <= 0).all()
    assert (np.diff(disruption_loss(Exposure(ones, ones, np.linspace(1, 300, 50)), 90)) >= 0).all()
    assert disruption_loss(Exposure(np.array([np.inf]), ones[:1], ones[:1]), 90)[0] == 0


def test_at_the_break_even_rate_cost_and_saved_loss_are_equal():
    saved = disruption_loss(Exposure(np.array([10.0]), np.array([50.0]), np.array([np.inf])), 90)
    even = break_even_rate(np.array([200.0]), saved)
    assert even[0] == pytest.approx(200 / (80 * 50))
    assert even[0] * saved[0] == pytest.approx(200)
    assert break_even_rate(np.array([200.0]), np.array([0.0]))[0] == np.inf


def test_order_quantity_with_disruptions_of_snyder_and_shen_example_9_1():
    found = order_quantity_with_disruptions(
        fixed_cost=8, holding_cost=0.225, stockout_cost=5, demand_rate=1300, disruption_rate=1.5, recovery_rate=14
    )
    assert found.order_qty == pytest.approx(772.8110739983106, rel=1e-5)
    assert found.cost_amount == pytest.approx(173.95000257319708, rel=1e-9)


def test_hardly_any_disruption_gives_the_economic_order_quantity():
    found = order_quantity_with_disruptions(
        fixed_cost=8, holding_cost=0.225, stockout_cost=5, demand_rate=1300, disruption_rate=1e-9, recovery_rate=14
    )
    assert found.order_qty == pytest.approx(304.05, abs=0.05)
    assert found.cost_amount == pytest.approx(68.41, abs=0.01)


@pytest.fixture
def risks(make_parameters, make_item_locations):
    def run(*, second_cost=2500.0, on_hand=10.0, alternative=None, line_down=0.0, price=30.0):
        planned = make_item_locations(1, supplier_id="s1", unit_price_amount=price, criticality_code="vital")
        keys = planned[["item_id", "location_id"]]
        policy = keys.assign(
            annual_demand_qty=365.25, unit_cost_amount=10.0, lead_time_days=20.0,
            holding_cost_per_unit_week_amount=10 * 0.2 * 7 / 365.25,
        )  # fmt: skip
        others = keys.assign(
            line_down_cost_per_day_amount=line_down, supplier_count=1 + (alternative is not None),
            alternative_supplier_id=None if alternative is None else "s2", alternative_lead_time_days=alternative,
        )  # fmt: skip
        parameters = make_parameters(second_source_cost_amount=second_cost)
        return supply_risks(
            planned, policy, keys.assign(on_hand_qty=on_hand), others, parameters=parameters
        ).loc[0]  # fmt: skip

    return run


def test_exposure_of_one_item_by_hand(risks):
    found = risks()
    shipped = ((0.1, 30), (0.03, 90), (0.01, 180))
    assert found["cover_days"] == pytest.approx(10)
    assert found["daily_loss_amount"] == pytest.approx(20)
    assert found["expected_loss_amount"] == pytest.approx(sum(rate * (days - 10) * 20 for rate, days in shipped))
    assert found["is_single_source"]
    saved = sum(rate * (days - 20) * 20 for rate, days in shipped) / 0.14
    yearly = 2500 + 0.05 * 0.3 * 365.25 * 10
    assert found["break_even_disruptions_per_year"] == pytest.approx(yearly / saved)


def test_the_cheapest_answer_is_taken(risks):
    assert risks(second_cost=100_000.0, price=10.01)["mitigation_code"] == "bear"
    assert risks(second_cost=100_000.0, line_down=500.0)["mitigation_code"] == "buffer"
    assert risks(second_cost=0.0, line_down=500.0)["mitigation_code"] == "second_source"


def test_an_alternative_ends_the_outage_and_stock_for_ever_is_told_as_ten_years(risks):
    assert risks(alternative=15.0)["expected_loss_amount"] == pytest.approx(0.14 * 5 * 20)
    assert not risks(alternative=15.0)["is_single_source"]
    assert np.isnan(risks(alternative=15.0)["break_even_disruptions_per_year"])
    assert risks(on_hand=1e9)["cover_days"] == 3650
    assert risks(on_hand=1e9)["expected_loss_amount"] == 0


def test_without_suppliers_there_is_no_row(make_parameters, make_item_locations):
    planned = make_item_locations(2)
    keys = planned[["item_id", "location_id"]]
    empty = pd.DataFrame({"item_id": [], "location_id": [], "on_hand_qty": []})
    policy = keys.assign(
        annual_demand_qty=1.0, unit_cost_amount=1.0, lead_time_days=1.0, holding_cost_per_unit_week_amount=0.1
    )
    others = keys.assign(
        line_down_cost_per_day_amount=None, supplier_count=1, alternative_supplier_id=None,
        alternative_lead_time_days=None,
    )  # fmt: skip
    assert supply_risks(planned, policy, empty, others, parameters=make_parameters()).empty
