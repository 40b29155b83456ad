"""Policy families: textbook figures, the rules that choose one, and what the choice costs on the simulator."""

import datetime as dt
import itertools

import numpy as np
import pandas as pd
import pytest

from stockstrata.distributions import choose_method
from stockstrata.errors import ParameterError
from stockstrata.families.choice import Traits, rule_of
from stockstrata.families.demand_driven import Zones, profile_of, zone_of, zones
from stockstrata.families.detail import policy_details
from stockstrata.families.kanban import card_count, cards_for_level, container_qty
from stockstrata.families.newsvendor import newsvendor_quantity, season_cost
from stockstrata.ordering.quantities import due_quantities
from stockstrata.policy import stock_policies
from stockstrata.simulation.demand import DemandMoments
from stockstrata.simulation.policies import policies
from stockstrata.simulation.run import Horizon, compare
from stockstrata.simulation.terms import Costs, terms
from stockstrata.tables import POLICY_DETAIL

PERIOD = dt.date(2025, 1, 1)
LEAD, REVIEW = 14, 7
FAMILIES = ["s_Q", "s_S", "R_S", "R_s_S", "min_max", "kanban", "ddmrp"]


def test_monden_a_card_for_each_container_of_demand_over_the_replenishment_time():
    assert card_count(100.0, 2.0, 0.1, 25.0) == 9
    assert card_count(100.0, 2.0, 0.0, 25.0) == 8
    assert cards_for_level(110.0, 25.0) == 6
    assert cards_for_level(100.0, 25.0) == 5
    assert container_qty(np.array([np.nan, 1.0, 12.0]), 40.0).tolist() == [40, 40, 12]


def test_kanban_never_runs_out_of_steady_demand():
    size, cards = 25.0, float(cards_for_level(5 * 12.0, 25.0))
    chosen = policies("kanban", item_count=1, order_up_to_qty=cards * size, order_qty=size)
    steady = DemandMoments(np.array(["degenerate"]), np.array([12.0]), np.array([0.0]))
    found = compare(terms(1, lead_time=4), steady, {"kanban": chosen}, Horizon(200, 1, seed=1)).results["kanban"]
    assert found["fill_rate"][0] == 1


def test_ptak_and_smith_zones():
    found = zones(10.0, 12.0, lead_time_factor=0.5, variability_factor=0.5, least_order=50.0, order_cycle_days=7.0)
    assert (found.red, found.yellow, found.green) == (90, 120, 70)
    assert (found.top_of_yellow, found.top_of_green) == (210, 280)
    at = np.array([-5.0, 90.0, 91.0, 210.0, 211.0, 281.0])
    assert zone_of(at, Zones(*(np.full(6, zone) for zone in (90.0, 120.0, 70.0)))).tolist() == [
        "red", "red", "yellow", "yellow", "green", "above",
    ]  # fmt: skip


def test_the_first_profile_whose_limits_are_kept_holds(make_parameters):
    profiles = make_parameters().buffer_profiles
    place = profile_of(np.array([5.0, 5.0, 20.0, 90.0]), np.array([0.1, 0.9, 0.1, 0.9]), profiles)
    assert [profiles[row].profile_code for row in place] == [
        "short_steady", "short_varied", "medium_steady", "long_varied",
    ]  # fmt: skip


def test_snyder_and_shen_newsvendor_of_normal_and_poisson_demand():
    level = newsvendor_quantity("normal", 50.0, 8.0, 0.70, 0.18)
    assert level == pytest.approx(56.604, abs=1e-3)
    assert season_cost("normal", level, 50.0, 8.0, 0.70, 0.18) == pytest.approx(1.9976, abs=1e-4)
    whole = newsvendor_quantity("poisson", 18.0, 18.0**0.5, 270.0, 200.0)
    assert whole == 19
    assert season_cost("poisson", whole, 18.0, 18.0**0.5, 270.0, 200.0) == pytest.approx(786.088, abs=1e-3)


def one(**changed):
    made = {"pattern_code": "smooth", "criticality_code": "", "lead_time_days": 14.0, "lead_time_cv": 0.2,
            "economic_cover_reviews": 4.0, "review_period_days": 7.0} | changed  # fmt: skip
    return Traits(**{name: np.array([value]) for name, value in made.items()})


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({}, "short_reviews"),
        ({"economic_cover_reviews": 1.0}, "order_every_review"),
        ({"economic_cover_reviews": np.nan}, "short_reviews"),
        ({"pattern_code": "lumpy"}, "lumpy_demand"),
        ({"pattern_code": "lumpy", "economic_cover_reviews": 0.5}, "order_every_review"),
        ({"pattern_code": "intermittent"}, "intermittent_demand"),
        ({"pattern_code": "erratic", "criticality_code": "vital"}, "erratic_demand"),
        ({"lead_time_cv": 0.5}, "unreliable_supplier"),
        ({"lead_time_cv": 0.49, "criticality_code": "vital"}, "vital_item"),
        ({"review_period_days": 28.0}, "otherwise"),
    ],
)
def test_the_first_rule_that_holds_names_the_family(make_parameters, changed, rule):
    rules = make_parameters().policy_rules
    assert rules[rule_of(one(**changed), rules)[0]].rule_code == rule


def test_every_combination_of_traits_has_a_rule_and_a_gap_is_named(make_parameters):
    rules = make_parameters().policy_rules
    cases = itertools.product(
        ["smooth", "erratic", "intermittent", "lumpy", "insufficient"], ["", "vital"], [3.0, 90.0], [0.0, 2.0],
        [np.nan, 0.5, 9.0], [1.0, 28.0],
    )  # fmt: skip
    columns = [np.array(column) for column in zip(*cases, strict=True)]
    assert len(rule_of(Traits(*columns), rules)) == len(columns[0])
    with pytest.raises(ParameterError, match="no rule holds"):
        rule_of(one(pattern_code="smooth"), [row for row in rules if row.rule_code == "lumpy_demand"])


ITEMS = pd.DataFrame(
    [
        ("smooth", 20.0, 5.0, 25.0, 0.05),
        ("smooth", 20.0, 5.0, 0.5, 0.05),
        ("smooth", 3.0, 1.5, 60.0, 0.02),
        ("erratic", 12.0, 14.0, 25.0, 0.05),
        ("intermittent", 0.4, 1.2, 10.0, 0.03),
        ("lumpy", 1.0, 5.0, 15.0, 0.03),
        ("lumpy", 2.0, 9.0, 0.3, 0.05),
    ],
    columns=pd.Index(["pattern_code", "daily", "sd", "order_cost", "holding_week"]),
)


@pytest.fixture
def plan(make_parameters, make_item_locations):
    """Policies and details of the reference items with one family, at the target that their costs ask for."""

    def run(family, **columns):
        n = len(ITEMS)
        rows = make_item_locations(n, **({"unit_cost_amount": 4.0, "order_cost_amount": ITEMS.order_cost,
               "holding_cost_per_unit_year_amount": ITEMS.holding_week * 365.25 / 7} | columns))  # fmt: skip
        keys = rows[["item_id", "location_id"]]
        days = LEAD + REVIEW
        mean, sd = (ITEMS.daily * days).to_numpy(), (ITEMS.sd * np.sqrt(days)).to_numpy()
        demand = keys.assign(
            protection_interval_days=float(days), method_code=choose_method(mean, sd, is_whole=np.full(n, True)),
            mean_qty=mean, sd_qty=sd, demand_sd_qty=sd, lead_time_sd_qty=0.0, daily_mean_qty=ITEMS.daily.to_numpy(),
            fallback_reason="", evidence_grade="full", standard_quantiles=None,
        )  # fmt: skip
        leads = keys.assign(
            lead_time_days=float(LEAD), lead_time_sd_days=0.0, lead_time_source_code="item_receipts",
            evidence_grade="full",
        )  # fmt: skip
        assignment = keys.assign(
            segment_code="T",
            pattern_code=ITEMS.pattern_code.to_numpy(),
            lifecycle_code="mature",
            demand_trend_ratio=1.0,
        )
        strategy = {
            "segment_code": "T", "segment_name": "T", "fulfilment_code": "make_to_stock", "forecast_pool": "smooth",
            "policy_family": family, "review_period_days": REVIEW, "count_frequency_per_year": 1, "owner": "t",
            "bucket_type": "day",
        }  # fmt: skip
        target = {"segment_code": "T", "item_id": "", "service_measure": "cycle_service_level", "service_target": 0.95}
        parameters = make_parameters(
            {"segment_strategies": [strategy], "service_targets": [target]}, least_stocked_annual_demand_qty=0
        )
        planned = stock_policies(rows, assignment, leads, demand, parameters=parameters, period_start_date=PERIOD)
        positions = keys.assign(on_hand_qty=planned.reorder_point_qty, on_order_qty=0.0, in_transit_qty=0.0,
                                allocated_qty=1.0)  # fmt: skip
        return planned, policy_details(planned, rows, assignment, positions, parameters=parameters)

    return run


@pytest.mark.parametrize("family", [*FAMILIES, "newsvendor"])
def test_every_family_fills_the_same_columns_and_orders_nothing_twice(plan, family):
    planned, _ = plan(family)
    assert set(planned.policy_family) == {family}
    assert (planned.order_up_to_qty > 0).all()
    assert (planned.order_up_to_qty >= planned.reorder_point_qty).all()
    assert planned.expected_service_rate.between(0, 1).all()
    terms_of = pd.DataFrame({"moq_qty": np.full(len(planned), np.nan), "order_multiple_qty": np.nan})
    for position in (0.0, -7.0):
        at = np.full(len(planned), position)
        ordered = due_quantities(planned, at, terms_of)
        assert (ordered > 0).all()
        assert (due_quantities(planned, at + ordered, terms_of) == 0).all()


def test_cards_and_zones_are_told_with_the_net_flow(plan):
    planned, details = plan("kanban", order_multiple_qty=6.0)
    assert details.columns.tolist() == [c.name for c in POLICY_DETAIL.columns if c.name != "period_start_date"]
    assert (details.card_qty == 6).all()
    assert (details.card_count * 6 == planned.order_up_to_qty).all()
    assert (planned.order_up_to_qty - planned.reorder_point_qty == 6).all()
    assert details.red_zone_qty.isna().all()
    planned, details = plan("ddmrp")
    sums = details.red_zone_qty + details.yellow_zone_qty
    assert np.allclose(sums, planned.reorder_point_qty)
    assert np.allclose(sums + details.green_zone_qty, planned.order_up_to_qty)
    # 20 a day over 14 days; medium lead time and steady demand: factors 0.5 and 0.3.
    assert details.yellow_zone_qty[0] == pytest.approx(280)
    assert details.red_zone_qty[0] == pytest.approx(280 * 0.5 * 1.3)
    assert set(details.net_flow_zone_code) == {"yellow"}
    assert (details.card_count == 0).all()


def test_the_price_of_the_usual_order_and_the_band_around_it_are_told(plan):
    # At 20 and 12 a day a tenth of the price is worth an order of 350.
    planned, details = plan("s_S", price_breaks="1:4;350:3.6")
    cheap = planned.order_qty >= 350
    assert cheap[[0, 3]].all()
    assert details.order_unit_price_amount.tolist() == np.where(cheap, 3.6, 4.0).tolist()
    plain = plan("s_S")[1]
    assert (details.order_year_cost_amount <= plain.order_year_cost_amount * (1 + 1e-9)).all()
    assert (details.order_band_low_qty < planned.economic_order_qty).all()
    assert (details.order_band_high_qty > planned.economic_order_qty).all()


def test_orders_of_what_expires_are_used_in_time(plan):
    free, _ = plan("s_S")
    short, _ = plan("s_S", shelf_life_days=40.0)
    daily = ITEMS.daily.to_numpy()
    assert (short.order_qty <= np.maximum(40 * daily - short.safety_stock_qty, 1) + 1).all()
    assert (short.order_qty < free.order_qty).any()


def test_the_rule_and_its_reason_are_told(plan):
    planned, details = plan("by_rule")
    assert details.rule_code.tolist() == [
        "short_reviews", "order_every_review", "short_reviews", "erratic_demand", "intermittent_demand",
        "lumpy_demand", "order_every_review",
    ]  # fmt: skip
    assert (details.family_source_code == "rule").all()
    assert planned.policy_family.tolist() == details.policy_family.tolist() == [
        "s_Q", "R_S", "s_Q", "s_S", "s_S", "s_S", "R_S",
    ]  # fmt: skip
    assert plan("s_S")[1].family_source_code.eq("strategy").all()
    assert plan("kanban", order_cost_amount=0.0)[1].family_reason.eq("strategy of the segment").all()


def test_the_family_chosen_by_rule_costs_within_five_percent_of_the_best(plan):
    n = len(ITEMS)
    method = choose_method(ITEMS.daily.to_numpy(), ITEMS.sd.to_numpy(), is_whole=np.full(n, True))
    demand = DemandMoments(method, ITEMS.daily.to_numpy(), ITEMS.sd.to_numpy())
    holding = ITEMS.holding_week.to_numpy() / 7
    # A shortage costs what makes 95 percent the right cycle service.
    rates = Costs(holding_amount=holding, backlog_amount=19 * holding, order_amount=ITEMS.order_cost.to_numpy())
    chosen = {}
    for family in ["by_rule", *FAMILIES]:
        planned, _ = plan(family)
        chosen[family] = policies(
            # Zones are a reorder point and a level.
            np.where(planned.policy_family == "ddmrp", "s_S", planned.policy_family).astype(str), item_count=n,
            reorder_point_qty=planned.reorder_point_qty.to_numpy(), order_up_to_qty=planned.order_up_to_qty.to_numpy(),
            order_qty=planned.order_qty.to_numpy(), review_periods=REVIEW,
        )  # fmt: skip
    found = compare(
        terms(n, lead_time=LEAD, costs=rates), demand, chosen, Horizon(1500, 30, seed=5, warm_up_period_count=200)
    )
    cost = pd.DataFrame({name: table["total_cost_amount"] for name, table in found.results.items()})
    best = cost[FAMILIES].min(axis=1)
    assert (cost["by_rule"] <= 1.05 * best).all(), (cost / best.to_numpy()[:, None]).round(3).to_string()
