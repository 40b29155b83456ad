import datetime as dt
from itertools import product

import numpy as np
import pandas as pd
import pytest

from stockstrata.errors import ParameterError, PlanningError
from stockstrata.segmentation.assignment import segment_item_locations
from stockstrata.segmentation.rules import assign_segments
from stockstrata.tables import SEGMENT_ASSIGNMENT

CUT_OFF = dt.date(2024, 1, 1)


def company(make_item_locations, make_panel, n=60, weeks=156, seed=0):
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.6, 10, n)
    qty = rng.poisson(rate[:, None] * rng.gamma(3, 1 / 3, (n, weeks))).astype(float)
    qty[0] = 0
    qty[1] = np.append(np.zeros(weeks - 1), 1)
    qty[2, :-3] = np.nan
    panel = make_panel(qty, first=pd.Timestamp(CUT_OFF) - pd.Timedelta(weeks=weeks))
    some = np.nan_to_num(qty) > 0
    last = [panel.bucket_start_dates[row][-1] if row.any() else pd.NaT for row in some]
    first = [panel.bucket_start_dates[row][0] if row.any() else pd.NaT for row in some]
    rows = make_item_locations(
        n,
        unit_cost_amount=rng.gamma(1, 20, n),
        abc_demand_qty=np.nansum(qty[:, -52:], axis=1),
        start_date=first,
        last_demand_date=last,
    )
    return panel, rows


@pytest.fixture
def planned(make_item_locations, make_panel):
    return company(make_item_locations, make_panel)


def test_every_item_location_gets_one_complete_row(planned, make_parameters):
    panel, rows = planned
    out = segment_item_locations(panel, rows, parameters=make_parameters(), cut_off_date=CUT_OFF)
    assert out.columns.tolist() == [c.name for c in SEGMENT_ASSIGNMENT.columns if c.name != "period_start_date"]
    assert out.item_id.tolist() == sorted(rows.item_id)
    codes = [name for name in out if name.endswith("_code") and name != "simple_model_code"]
    assert out[codes].notna().all().all()
    assert out.value_share_rate.sum() == pytest.approx(1)
    assert out.evidence_grade.isin(["full", "degraded"]).all()


def test_all_zero_single_sale_and_brand_new_items_are_planned(planned, make_parameters):
    panel, rows = planned
    out = segment_item_locations(panel, rows, parameters=make_parameters(), cut_off_date=CUT_OFF)
    assert out.segment_code.iloc[:3].tolist() == ["DORMANT", "NEW", "NEW"]
    assert out.evidence_grade.iloc[:3].tolist() == ["degraded"] * 3
    assert out.abc_code[0] == "C"


def test_row_order_changes_nothing(planned, make_parameters):
    panel, rows = planned
    parameters = make_parameters()
    first = segment_item_locations(panel, rows, parameters=parameters, cut_off_date=CUT_OFF)
    order = np.random.default_rng(1).permutation(len(rows))
    again = segment_item_locations(
        panel.select(order), rows.iloc[order[::-1]], parameters=parameters, cut_off_date=CUT_OFF
    )
    pd.testing.assert_frame_equal(first, again)


def test_a_default_unit_cost_lowers_the_grade(planned, make_parameters):
    panel, rows = planned
    out = segment_item_locations(
        panel, rows.assign(unit_cost_amount=np.nan), parameters=make_parameters(), cut_off_date=CUT_OFF
    )
    assert (out.evidence_grade == "assumed").all()


def test_a_missing_series_is_named(planned, make_parameters):
    panel, rows = planned
    keep = np.arange(len(rows)) != 7
    with pytest.raises(PlanningError, match="i007 at L1"):
        segment_item_locations(panel.select(keep), rows, parameters=make_parameters(), cut_off_date=CUT_OFF)


def all_classes():
    names = ["abc_code", "xyz_code", "pattern_code", "lifecycle_code"]
    codes = product(
        "ABC",
        "XYZ",
        ["smooth", "erratic", "intermittent", "lumpy", "insufficient"],
        ["npi", "growth", "mature", "decline", "eol", "dormant"],
    )
    return pd.DataFrame(codes, columns=names)


def test_the_shipped_rules_decide_every_combination_and_leave_no_rule_unused(make_parameters):
    parameters = make_parameters()
    out = assign_segments(all_classes(), parameters.segment_rules)
    assert set(out.rule_code) == {rule.rule_code for rule in parameters.segment_rules}
    assert set(out.segment_code) == {row.segment_code for row in parameters.segment_strategies}


def test_the_first_rule_by_priority_decides_and_not_the_file_order(make_parameters):
    rules = make_parameters().segment_rules
    classes = all_classes()
    expected = assign_segments(classes, rules)
    pd.testing.assert_frame_equal(assign_segments(classes, rules[::-1]), expected)
    eol = classes.lifecycle_code == "eol"
    assert (expected.segment_code[eol] == "EOL").all()


def test_a_row_without_a_rule_is_named_with_its_codes(make_parameters):
    rules = [rule for rule in make_parameters().segment_rules if rule.rule_code != "R232"]
    with pytest.raises(ParameterError, match="abc_code C, xyz_code Z, pattern_code smooth, lifecycle_code growth"):
        assign_segments(all_classes(), rules)
