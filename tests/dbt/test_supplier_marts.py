"""Supplier marts over a company made by hand: every score, tier and lever worked out on paper."""

from typing import Any

import pytest

WINDOW = {"start": "2024-01-01", "end": "2024-02-01"}
STAMPS = {"parameters_version": "p1", "run_id": "r1", "computed_at": "2024-02-01"}
PERIOD = {"period_start_date": "2024-01-01"}


def order(
    number: str,
    item: str,
    supplier: str,
    promised: str | None,
    received: list[tuple[str | None, float | None]],
    *,
    ordered: float = 10.0,
    location: str = "L1",
    rejected: float = 0.0,
    cost: float = 2.0,
) -> list[dict[str, Any]]:
    """An order line placed on 2024-01-01 with its receipts."""
    common = {
        "order_id": number, "line": "1", "item_id": item, "location_id": location, "supplier_id": supplier,
        "order_date": "2023-12-25", "ordered_qty": ordered, "promised_date": promised, "unit_cost": cost,
    }  # fmt: skip
    return [
        {**common, "receipt_date": day, "received_qty": qty, "rejected_qty": rejected if part == 0 else None}
        for part, (day, qty) in enumerate(received)
    ]


ORDERS = [
    *order("GOOD", "A", "S1", "2024-01-10", [("2024-01-09", 10.0)]),
    *order("LATE", "A", "S1", "2024-01-10", [("2024-01-11", 10.0)]),
    *order("EARLY", "A", "S1", "2024-01-20", [("2024-01-05", 10.0)]),
    *order("SPLIT", "A", "S1", "2024-01-10", [("2024-01-08", 6.0), ("2024-01-10", 4.0)]),
    *order("REST LATE", "A", "S1", "2024-01-10", [("2024-01-08", 6.0), ("2024-01-25", 4.0)], location="L2"),
    *order("SHORT", "B", "S1", "2024-01-10", [("2024-01-10", 8.0)], rejected=2.0, cost=6.0),
    *order("NOTHING", "B", "S2", "2024-01-10", [(None, None)]),
    # Received after the cut-off: nobody knew.
    *order("FUTURE", "B", "S2", "2024-01-12", [("2024-02-03", 10.0)]),
    *order("NOT DUE", "A", "S1", "2024-02-10", [("2024-01-09", 10.0)]),
    *order("NO PROMISE", "A", "S2", None, [("2024-01-15", 10.0)]),
]


def engine_rows(project: Any) -> None:
    keys = [("A", "L1"), ("B", "L1")]
    for table, rows in {
        "segmentation.segment_assignment": [{"segment_code": f"seg_{item}"} for item, _ in keys],
        "policy.stock_policy": [
            {
                "policy_family": "s_Q",
                "unit_cost_amount": cost,
                "annual_demand_qty": 365.25,
                "order_qty": 100.0,
                "economic_order_qty": economic,
                "holding_cost_per_unit_week_amount": cost * 0.2 * 7 / 365.25,
                "order_cost_amount": 1.0,
            }
            for cost, economic in ((2.0, 20.0), (5.0, 80.0))
        ],
        "policy.supply_risk": [
            {
                "supplier_id": "S1",
                "criticality_code": code,
                "supplier_count": 1,
                "is_single_source": True,
                "cover_days": cover,
                "expected_loss_amount": loss,
            }
            for code, cover, loss in (("vital", 3.0, 40.0), (None, 9.0, 2.5))
        ],
    }.items():
        project.insert(
            table,
            [
                {**PERIOD, "item_id": item, "location_id": location, **row, **STAMPS}
                for (item, location), row in zip(keys, rows, strict=True)
            ],
        )
    project.insert(
        "policy.supply_risk",
        [{**PERIOD, "item_id": "C", "location_id": "L1", "supplier_id": "S2", "supplier_count": 2,
          "is_single_source": False, "cover_days": 5.0,
          "alternative_supplier_id": "S1", "alternative_lead_time_days": 12.0, "expected_loss_amount": 1.0, **STAMPS}],
    )  # fmt: skip


@pytest.fixture(scope="module")
def built(project):
    project.land("items", [{"item_id": "A", "category": "pumps"}, {"item_id": "B"}])
    project.land("suppliers", [{"supplier_id": "S1", "payment_terms_days": 30.0}])
    project.land(
        "item_suppliers",
        [{"item_id": "A", "supplier_id": "S1", "unit_cost": 2.0, "moq": 100.0},
         {"item_id": "B", "supplier_id": "S1", "unit_cost": 5.0, "moq": 100.0}],
    )  # fmt: skip
    project.land("demand", [
        {"item_id": item, "location_id": "L1", "demand_date": "2024-01-10", "demand_qty": 5.0} for item in "AB"
    ])  # fmt: skip
    project.land("purchase_orders", ORDERS)
    engine_rows(project)
    project.dbt("build", "--select", "tag:facts", "tag:cycle", "--exclude-resource-type", "unit_test", **WINDOW)
    project.dbt("build", "--select", "fct_supplier_line", "fct_supplier_scorecard", "fct_supplier_tier",
                "rpt_contract_levers", "rpt_single_source_risk", "--exclude-resource-type", "unit_test",
                **WINDOW)  # fmt: skip
    return project


def test_lines_are_judged_once_by_what_was_known(built):
    found = built.query("select order_id, is_on_time, is_in_full, is_otif from marts.fct_supplier_line order by all")
    assert found == [
        ("EARLY", False, True, False),
        ("FUTURE", False, False, False),
        ("GOOD", True, True, True),
        ("LATE", False, True, False),
        ("NO PROMISE", None, True, None),
        ("NOTHING", False, False, False),
        ("REST LATE", True, True, False),
        ("SHORT", True, False, False),
        ("SPLIT", True, True, True),
    ]


def test_scores_by_hand(built):
    found = built.query(
        """select line_count, otif_line_count, otif_rate, round(fill_rate, 6), round(reject_rate, 6),
            round(lead_time_mean_days, 6), round(price_variance_amount, 6), round(price_variance_rate, 6)
        from marts.fct_supplier_scorecard where supplier_id = 'S1' and scope_code = 'supplier'"""
    )
    days = [15, 17, 11, 14, 14, 16]
    assert found == [
        (6, 2, 2 / 6, round(58 / 60, 6), round(2 / 58, 6), round(sum(days) / 6, 6), 8.0, round(8 / 140, 6))
    ]


def test_intervals_are_those_of_wilson(built):
    n, p, z2 = 6, 2 / 6, 3.841459
    half = (z2 * p * (1 - p) / n + z2**2 / (4 * n**2)) ** 0.5
    low, high = ((p + z2 / (2 * n) + sign * half) / (1 + z2 / n) for sign in (-1, 1))
    found = built.query(
        "select otif_low_rate, otif_high_rate from marts.fct_supplier_scorecard "
        "where supplier_id = 'S1' and scope_code = 'supplier'"
    )
    assert found[0] == pytest.approx((low, high))
    assert found[0] == pytest.approx((0.0968, 0.7000), abs=1e-4)


def test_a_bad_lane_is_bad_only_there(built):
    found = built.query(
        "select location_id, otif_line_count, promised_line_count from marts.fct_supplier_scorecard "
        "where supplier_id = 'S1' and scope_code = 'location' order by all"
    )
    assert found == [("L1", 2, 5), ("L2", 0, 1)]


def test_tiers_follow_the_rules_and_few_lines_condemn_nobody(built):
    found = built.query(
        "select supplier_id, item_location_count, single_source_count, expected_loss_amount, least_cover_days, "
        "promised_line_count, risk_code, rule_code, tier_code, development_code "
        "from marts.fct_supplier_tier order by all"
    )
    assert found == [
        ("S1", 2, 2, 42.5, 3.0, 6, "medium", "vital_weak", "tier_1", "develop"),
        ("S2", 1, 0, 1.0, 5.0, 2, "medium", "other_weak", "tier_2", "develop"),
    ]


def test_leaving_a_supplier_lists_every_item_location_with_its_cover_and_who_takes_over(built):
    found = built.query(
        "select item_id, supplier_id, cover_days, alternative_supplier_id, transition_gap_days, development_code "
        "from marts.rpt_single_source_risk order by all"
    )
    assert found == [
        ("A", "S1", 3.0, None, None, "develop"),
        ("B", "S1", 9.0, None, None, "develop"),
        ("C", "S2", 5.0, "S1", 7.0, "develop"),
    ]


def test_more_frequent_orders_and_penalties_by_hand(built):
    found = built.query(
        "select lever_code, item_location_count, released_cash_amount, yearly_saving_amount "
        "from marts.rpt_contract_levers where lever_code in ('order_twice_as_often', 'one_percent_penalty') order by 1"
    )
    assert [row[0] for row in found] == ["one_percent_penalty", "order_twice_as_often"]
    # Four of six promised lines of S1 failed; 365.25 units a year at 2 and 5.
    assert found[0][1:] == pytest.approx((2, 0, 0.01 * 4 / 6 * 365.25 * 7))
    assert found[1][1:] == pytest.approx((2, 25 * 7, 25 * 7 * 0.2 - 2 * 365.25 / 100))


def test_halving_the_minimum_lowers_cycle_stock_by_the_closed_form_and_terms_free_days_of_sales(built):
    found = built.query(
        "select lever_code, item_location_count, released_cash_amount, yearly_saving_amount, value_rank "
        "from marts.rpt_contract_levers "
        "where lever_code in ('thirty_more_days_to_pay', 'halve_minimum_order') order by value_rank"
    )
    halved_cash = (100 - 50) / 2 * 2.0 + (100 - 80) / 2 * 5.0
    terms_cash = 30 * (2.0 + 5.0)
    assert [row[0] for row in found] == ["thirty_more_days_to_pay", "halve_minimum_order"]
    assert found[1][1:4] == pytest.approx((2, halved_cash, halved_cash * 0.2))
    assert found[0][1:4] == pytest.approx((2, terms_cash, terms_cash * 0.1))
