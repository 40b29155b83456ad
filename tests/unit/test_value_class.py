import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stockstrata.costs import item_costs
from stockstrata.segmentation.value_class import classify_value, item_value

VALUES = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=40)
LOOSE = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_trap_the_largest_item_is_a_even_with_85_percent_of_the_value(make_parameters, make_item_locations):
    out = classify_value(make_item_locations(4), np.array([85.0, 9, 4, 2]), settings=make_parameters().settings)
    assert out.abc_code.tolist() == ["A", "B", "B", "C"]


def test_the_item_that_crosses_a_cut_belongs_to_the_upper_class(make_parameters, make_item_locations):
    out = classify_value(make_item_locations(4), np.array([50.0, 40, 8, 2]), settings=make_parameters().settings)
    assert out.abc_code.tolist() == ["A", "A", "B", "C"]
    assert out.cumulative_share_rate.tolist() == pytest.approx([0.5, 0.9, 0.98, 1.0])


def test_a_share_exactly_at_the_cut_is_used_up(make_parameters, make_item_locations):
    out = classify_value(make_item_locations(3), np.array([80.0, 15, 5]), settings=make_parameters().settings)
    assert out.abc_code.tolist() == ["A", "B", "C"]


@LOOSE
@given(values=VALUES, scale=st.floats(1e-3, 1e4), seed=st.integers(0, 99))
def test_row_order_and_currency_change_nothing(make_parameters, make_item_locations, values, scale, seed):
    given_settings, rows = make_parameters().settings, make_item_locations(len(values))
    first = classify_value(rows, np.array(values), settings=given_settings)
    order = np.random.default_rng(seed).permutation(len(values))
    shuffled = rows.iloc[order]
    again = classify_value(shuffled, np.array(values)[order] * scale, settings=given_settings)
    assert again.abc_code.tolist() == first.abc_code.to_numpy()[order].tolist()
    assert first.value_share_rate.sum() == pytest.approx(1)
    assert first.abc_code[int(np.argmax(values))] == "A"


def test_zero_negative_and_unknown_values_are_c_without_share(make_parameters, make_item_locations):
    out = classify_value(make_item_locations(4), np.array([0.0, -5, np.nan, 3]), settings=make_parameters().settings)
    assert out.abc_code.tolist() == ["C", "C", "C", "A"]
    assert out.value_share_rate.tolist() == [0, 0, 0, 1]
    nothing = classify_value(make_item_locations(2), np.zeros(2), settings=make_parameters().settings)
    assert nothing.abc_code.tolist() == ["C", "C"]
    assert nothing.cumulative_share_rate.tolist() == [0, 0]


def test_ties_are_broken_by_item(make_parameters, make_item_locations):
    rows = make_item_locations(5).iloc[::-1]
    out = classify_value(rows, np.full(5, 20.0), settings=make_parameters().settings)
    assert dict(zip(rows.item_id, out.abc_code, strict=True)) == {
        "i000": "A", "i001": "A", "i002": "A", "i003": "A", "i004": "B",
    }  # fmt: skip


def test_scope_ranks_inside_the_location_or_over_all(make_parameters, make_item_locations):
    rows = make_item_locations(3, location_id=["L1", "L1", "L2"])
    value = np.array([100.0, 1, 0.1])
    inside = classify_value(rows, value, settings=make_parameters().settings)
    overall = classify_value(rows, value, settings=make_parameters(abc_scope="global").settings)
    assert inside.abc_code.tolist() == ["A", "C", "A"]
    assert overall.abc_code.tolist() == ["A", "C", "C"]


def test_the_class_fixed_by_the_business_wins(make_parameters, make_item_locations):
    rows = make_item_locations(2, abc_override_code=[None, "a"])
    out = classify_value(rows, np.array([100.0, 0]), settings=make_parameters().settings)
    assert out.abc_code.tolist() == ["A", "A"]


def test_value_metrics(make_parameters, make_item_locations):
    rows = make_item_locations(
        3, abc_demand_qty=[10.0, 10, 10], abc_line_count=[4, 5, 6], abc_revenue_amount=[120.0, np.nan, np.nan],
        unit_cost_amount=[7.0, np.nan, np.nan], unit_price_amount=[12.0, 20, np.nan],
    )  # fmt: skip
    costs = item_costs(rows, parameters=make_parameters())
    found = {
        metric: item_value(rows, costs, metric=metric)
        for metric in ("consumption_value", "revenue", "margin", "volume", "hits")
    }
    assert found["consumption_value"].abc_value.tolist() == [70, 120, 10]
    assert found["revenue"].abc_value.tolist() == pytest.approx([120, 200, 10 / 0.6])
    assert found["margin"].abc_value.tolist() == pytest.approx([50, 80, 10 / 0.6 - 10])
    assert found["volume"].abc_value.tolist() == [10, 10, 10]
    assert found["hits"].abc_value.tolist() == [4, 5, 6]
    for metric in ("consumption_value", "revenue", "margin"):
        assert found[metric].evidence_grade.tolist() == ["full", "degraded", "assumed"]


def test_costs_go_from_item_over_segment_and_category_to_default(make_parameters, make_item_locations):
    def rate(scope, code, order_cost):
        return {
            "scope": scope, "code": code, "order_cost_amount": order_cost, "holding_cost_rate": 0.3,
            "cost_to_price_rate": 0.5, "default_unit_cost_amount": 9,
        }  # fmt: skip

    parameters = make_parameters(
        {"cost_rates": [rate("category", "pumps", 1), rate("segment", "AX", 2), rate("item", "i000", 3)]}
    )
    rows = make_item_locations(4, category=["pumps", "pumps", "pumps", "belts"])
    segment = pd.Series(["AX", "AX", "BX", "BX"])
    costs = item_costs(rows, parameters=parameters, segment_code=segment)
    assert costs.order_cost_amount.tolist() == [3, 2, 1, 25]
    assert item_costs(rows, parameters=parameters).order_cost_amount.tolist() == [3, 1, 1, 25]
    assert costs.unit_cost_amount.tolist() == [9, 9, 9, 1]


def test_known_costs_beat_rates_and_a_zero_cost_counts_as_unknown(make_parameters, make_item_locations):
    unknown = np.nan
    rows = make_item_locations(
        4,
        unit_cost_amount=[5.0, 0, unknown, 5],
        unit_price_amount=[9.0, 10, 0, 9],
        order_cost_amount=[7.0, 0, unknown, unknown],
        holding_cost_per_unit_year_amount=[2.0, unknown, unknown, unknown],
        location_holding_cost_rate=[0.5, 0.5, unknown, 0],
    )
    costs = item_costs(rows, parameters=make_parameters())
    assert costs.unit_cost_amount.tolist() == [5, 6, 1, 5]
    assert costs.evidence_grade.tolist() == ["full", "degraded", "assumed", "full"]
    assert costs.order_cost_amount.tolist() == [7, 0, 25, 25]
    assert costs.holding_cost_rate.tolist() == pytest.approx([0.4, 0.5, 0.22, 0.22])
