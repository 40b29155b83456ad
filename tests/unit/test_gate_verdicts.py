"""Verdicts, what they put in force, and certificates: each limit on both of its sides."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from stockstrata.gate.in_force import with_held_policies
from stockstrata.gate.rules import rules_hash
from stockstrata.gate.seals import CERTIFIED_COLUMNS, broken_certificates, certificates
from stockstrata.gate.segments import segment_figures
from stockstrata.gate.verdicts import held_segments, judged_segments
from stockstrata.history.lost_sales import Availability, is_recorded_while_out, lost_sales
from stockstrata.tables import STOCK_POLICY

TODAY = dt.date(2025, 1, 1)
KEY = ["item_id", "location_id"]
SIDES = ("candidate", "in_force", "baseline")


def company(segments, **columns):
    """Item-locations of replays that went alike under all rules, worth 1 a unit; demand of 100 each."""
    count = len(segments)
    items = pd.DataFrame({"item_id": [f"i{k:02d}" for k in range(count)], "location_id": "L"})
    usual = {
        "replayed_from_date": pd.Timestamp("2024-07-01"), "cut_off_count": 3, "frozen_cut_off_count": 3,
        "is_compared": True, "demand_qty": 100.0, "unit_cost_amount": 1.0, "actual_short_qty": 0.0,
        "actual_mean_stock_qty": 50.0, "hidden_lost_qty": 0.0, "recorded_qty": 100.0, "twin_stock_gap_qty": 0.0,
        **{f"{side}_short_qty": 3.0 for side in SIDES}, **{f"{side}_mean_stock_qty": 50.0 for side in SIDES},
        **{f"{side}_stock_value_amount": 50.0 for side in SIDES}, **{f"{side}_order_count": 4.0 for side in SIDES},
    }  # fmt: skip
    policies = items.assign(segment_code=segments, order_up_to_qty=60.0, unit_cost_amount=1.0)
    return items.assign(**(usual | columns)), policies


def judge(parameters, segments, *, last=None, **columns):
    items, policies = company(segments, **columns)
    last = policies if last is None else last(policies)
    figures = segment_figures(items, policies, last)
    found = judged_segments(figures, parameters=parameters, cut_off_date=TODAY, rules_hash="rules")
    return found.set_index("segment_code")


@pytest.fixture
def limits(make_parameters):
    def build(overrides=(), **changes):
        row = {
            "segment_code": "*", "mode_code": "hold", "service_margin_rate": 0.02, "stock_margin_rate": 0.2,
            "churn_limit_rate": 0.5, "least_item_locations": 3, "least_cut_offs": 2, "twin_stock_gap_rate": 0.25,
            "twin_hidden_lost_rate": 0.1,
        }  # fmt: skip
        return make_parameters({"gate_limits": [row | changes], "gate_overrides": list(overrides)})

    return build


def test_money_weighs_what_differs_in_units():
    items, policies = company(
        ["A", "A"], demand_qty=[10.0, 10.0], candidate_short_qty=[2.0, 1.0], in_force_short_qty=[2.0, 1.0]
    )
    policies["unit_cost_amount"] = [1.0, 3.0]
    found = segment_figures(items, policies, policies).set_index("segment_code")
    assert found.loc["A", "candidate_fill_rate"] == pytest.approx(35 / 40)
    assert found.loc["ALL", "candidate_fill_rate"] == pytest.approx(35 / 40)


def test_an_equal_candidate_passes(limits):
    found = judge(limits(), ["A"] * 4)
    assert found.loc["A", "verdict_code"] == "passed"
    assert found.loc["A", "verdict_reason"] == "its rules serve and hold what those in force do: fill rate 97.0%"
    assert found.loc["A", "evidence_grade"] == "full"
    assert held_segments(found.reset_index()).empty


@pytest.mark.parametrize(("short", "verdict"), [(4.9, "passed"), (5.0, "passed"), (5.1, "held")])
def test_service_may_fall_by_its_margin(limits, short, verdict):
    found = judge(limits(), ["A"] * 4, candidate_short_qty=short)
    assert found.loc["A", "verdict_code"] == verdict
    if verdict == "held":
        assert "the fill rate falls from 97.0% to 94.9%, by more than 2 points" in found.loc["A", "verdict_reason"]


@pytest.mark.parametrize(("stock", "verdict"), [(60.0, "passed"), (60.1, "held"), (100.0, "held")])
def test_stock_may_rise_by_its_margin(limits, stock, verdict):
    found = judge(limits(), ["A"] * 4, candidate_stock_value_amount=stock)
    assert found.loc["A", "verdict_code"] == verdict


def test_stock_where_there_was_none_is_held(limits):
    found = judge(limits(), ["A"] * 4, in_force_stock_value_amount=0.0)
    assert found.loc["A", ["verdict_code", "verdict_reason"]].tolist() == [
        "held", "the mean stock rises from nothing to 200"
    ]  # fmt: skip


@pytest.mark.parametrize(("level", "verdict"), [(40.0, "passed"), (39.9, "held")])
def test_levels_of_what_stays_in_its_segment_may_change_by_their_limit(limits, level, verdict):
    found = judge(limits(), ["A"] * 4, last=lambda now: now.assign(order_up_to_qty=level))
    assert found.loc["A", "verdict_code"] == verdict
    moved = judge(limits(), ["A"] * 4, last=lambda now: now.assign(order_up_to_qty=level, segment_code="B"))
    assert moved.loc["A", "verdict_code"] == "passed"


def test_more_service_and_less_stock_pass(limits):
    found = judge(limits(), ["A"] * 4, candidate_short_qty=0.0, candidate_stock_value_amount=10.0)
    assert found.loc["A", ["verdict_code", "verdict_reason"]].tolist() == [
        "passed", "fill rate 100.0% against 97.0% in force, stock -80.0%"
    ]  # fmt: skip


def test_a_worse_segment_does_not_hold_another(limits):
    found = judge(limits(), ["A"] * 4 + ["B"] * 40, candidate_short_qty=[20.0] * 4 + [3.0] * 40)
    assert found["verdict_code"].to_dict() == {"A": "held", "B": "passed", "ALL": "held"}
    assert found.loc["ALL", "verdict_reason"].startswith("1 of 2 segments held: A;")
    assert held_segments(found.reset_index()).index.tolist() == ["A"]


def test_a_small_segment_is_judged_by_the_whole_company(limits):
    worse_everywhere = judge(limits(), ["A"] * 10 + ["B"] * 2, candidate_short_qty=20.0)
    assert worse_everywhere.loc["B", ["verdict_code", "judged_segment_code"]].tolist() == ["held", "ALL"]
    assert "2 compared item-locations are too few" in worse_everywhere.loc["B", "verdict_reason"]
    worse_there = judge(limits(), ["A"] * 100 + ["B"] * 2, candidate_short_qty=[3.0] * 100 + [20.0] * 2)
    assert worse_there.loc["B", "verdict_code"] == "passed"
    alike_there = judge(limits(), ["A"] * 10 + ["B"] * 2, candidate_short_qty=[20.0] * 10 + [3.0] * 2)
    assert alike_there["verdict_code"].to_dict() == {"A": "held", "B": "passed", "ALL": "held"}


def test_too_few_cut_offs_judge_nothing(limits):
    found = judge(limits(), ["A"] * 4, candidate_short_qty=50.0, cut_off_count=1, frozen_cut_off_count=0)
    assert found.loc["A", ["verdict_code", "verdict_reason"]].tolist() == [
        "passed", "too little could be replayed to judge by"
    ]  # fmt: skip
    assert found.loc["A", "evidence_grade"] == "degraded"


def test_without_anything_in_force_it_is_the_first(limits):
    found = judge(limits(), ["A"] * 4, last=lambda now: now.iloc[:0], is_compared=False, in_force_short_qty=np.nan)
    assert found.loc["A", "verdict_code"] == "first"
    assert "it serves 97.0% with a mean stock of 200, a uniform policy 97.0%" in found.loc["A", "verdict_reason"]
    assert np.isnan(found.loc["A", "fill_change_rate"])


@pytest.mark.parametrize(("mode", "verdict"), [("off", "passed"), ("report", "reported"), ("hold", "held")])
def test_the_mode_says_what_is_done_with_what_is_found(limits, mode, verdict):
    assert judge(limits(mode_code=mode), ["A"] * 4, candidate_short_qty=50.0).loc["A", "verdict_code"] == verdict


def override(until, segment="A"):
    return {
        "segment_code": segment, "expires_date": until, "valid_from_date": "2024-12-01", "approved_by": "j.doe",
        "reason": "launch of the new range",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [([override("2025-01-02")], "override"), ([override("2025-01-02", "*")], "override"),
     ([override("2025-01-01")], "held"), ([override("2025-01-02", "B")], "held")],
)  # fmt: skip
def test_an_override_holds_for_its_segment_until_it_expires(limits, rows, verdict):
    found = judge(limits(rows), ["A"] * 4, candidate_short_qty=50.0).loc["A"]
    assert found["verdict_code"] == verdict
    if verdict == "override":
        assert found["override_approved_by"] == "j.doe"
        assert found["override_expires_date"] == pd.Timestamp("2025-01-02")
        assert found["verdict_reason"].startswith("put in force by j.doe (launch of the new range) though the fill")


def test_an_override_of_what_passes_is_not_told(limits):
    found = judge(limits([override("2025-01-02")]), ["A"] * 4).loc["A"]
    assert (found["verdict_code"], found["override_approved_by"]) == ("passed", "")


@pytest.mark.parametrize(
    ("columns", "told"),
    [({"hidden_lost_qty": 12.0}, "10.7% of demand was lost unseen"),
     ({"twin_stock_gap_qty": 13.0}, "its stock is off by 26.0%")],
)  # fmt: skip
def test_other_rules_need_a_twin_that_can_be_believed(limits, columns, told):
    alike = judge(limits(), ["A"] * 4, **columns).loc["A"]
    assert (alike["verdict_code"], alike["is_twin_credible"]) == ("passed", False)
    better = judge(limits(), ["A"] * 4, candidate_short_qty=2.0, **columns).loc["A"]
    assert better["verdict_code"] == "held"
    assert told in better["verdict_reason"]


def test_a_twin_without_stock_history_is_not_judged(limits):
    found = judge(
        limits(), ["A"] * 4, actual_mean_stock_qty=np.nan, twin_stock_gap_qty=np.nan, candidate_short_qty=2.0
    ).loc["A"]
    assert found["is_twin_credible"] is pd.NA
    assert found["verdict_code"] == "passed"


@pytest.mark.parametrize("is_recorded", [True, False])
def test_a_generator_with_hidden_lost_sales_is_flagged_and_a_clean_one_is_not(limits, is_recorded):
    """Poisson demand, a shelf empty in a fifth of the weeks: what is lost then is recorded, or nobody sees it.

    The lost sales are what the product estimates of them.
    """
    rng = np.random.default_rng(3)
    wanted = rng.poisson(20, (4, 104)).astype(float)
    is_out = rng.random(wanted.shape) < 0.2
    is_out[:, :2] = False
    recorded = np.where(is_out & (not is_recorded), 0.0, wanted)
    ones = np.ones(wanted.shape)
    lost = np.zeros(4)
    if not is_recorded_while_out(recorded, 20 * ones, is_out, 0.5):
        known = Availability(
            1.0 - is_out, np.zeros(wanted.shape, dtype=bool), 0 * ones, np.full(wanted.shape, "stock", dtype=object)
        )
        lost = lost_sales(
            recorded, recorded, ones, known,
            factor=ones, span_buckets=8, least_buckets=4, most_gap_buckets=13, most_flagged_gap_buckets=26,
        ).lost_qty.sum(axis=1)  # fmt: skip
    found = judge(limits(), ["A"] * 4, recorded_qty=recorded.sum(axis=1), hidden_lost_qty=lost).loc["A"]
    assert bool(found["is_twin_credible"]) is is_recorded
    truth = 1 - recorded.sum() / wanted.sum()
    assert found["hidden_lost_rate"] == pytest.approx(truth, abs=0.02)


def test_rules_are_what_plans_and_not_what_is_to_come_or_what_judges(make_parameters, limits):
    now = rules_hash(make_parameters(), "code")
    later = {"segment_code": "AX", "service_measure": "fill_rate", "service_target": "0.5", "item_id": ""}
    assert rules_hash(make_parameters({"service_targets": [later | {"valid_from_date": "2030-01-01"}]}), "code") == now
    assert rules_hash(limits([override("2025-01-02")], stock_margin_rate=5.0), "code") == now
    assert rules_hash(make_parameters({"service_targets": [later]}), "code") != now
    assert rules_hash(make_parameters(), "other code") != now


def policies(segments, **columns):
    """Rows of policy.stock_policy."""
    frame = pd.DataFrame({"item_id": [f"i{k:02d}" for k in range(len(segments))], "location_id": "L"})
    for column in STOCK_POLICY.columns:
        if column.name not in frame and column.name != "period_start_date":
            frame[column.name] = 1.0 if column.type == "DOUBLE" else ""
    dated = frame.assign(policy_period_start_date=pd.Timestamp("2024-12-01"), policy_status_code="current")
    return dated.assign(segment_code=segments, evidence_grade="full", **columns)


def test_held_segments_keep_their_policies_and_the_others_get_theirs():
    candidate = policies(["A", "A", "B"], reorder_point_qty=[9.0, 9.0, 9.0])
    earlier = policies(["Z", "B"], reorder_point_qty=4.0).assign(
        item_id=["i00", "i02"], policy_period_start_date=pd.Timestamp("2024-10-01")
    )
    found = with_held_policies(candidate, earlier, pd.Series({"A": "worse"})).set_index("item_id")
    assert found["reorder_point_qty"].to_dict() == {"i00": 4.0, "i01": 9.0, "i02": 9.0}
    assert found["policy_status_code"].to_dict() == {"i00": "held", "i01": "current", "i02": "current"}
    assert found["segment_code"].to_dict() == {"i00": "A", "i01": "A", "i02": "B"}
    assert found.loc["i00", "isolation_reason"] == "the gate holds segment A: worse"
    assert found.loc["i00", "policy_period_start_date"] == pd.Timestamp("2024-10-01")
    assert found.loc["i01", "grade_reason"] == (
        "new in a segment that the gate holds, so without an earlier policy to keep"
    )


def test_with_nothing_held_the_candidate_goes_in_force_as_it_is():
    candidate = policies(["A", "B"])
    found = with_held_policies(candidate, candidate.iloc[:0], pd.Series(dtype=object))
    pd.testing.assert_frame_equal(found, candidate[found.columns])


@pytest.fixture
def sealed(limits):
    verdicts = judge(limits(), ["A"] * 4 + ["B"] * 3).reset_index()
    rows = policies(["A"] * 4 + ["B"] * 3)
    return rows, verdicts, certificates(rows, verdicts, "v1")


def test_a_certificate_covers_what_it_was_made_of(sealed):
    rows, verdicts, held = sealed
    assert held["segment_code"].tolist() == ["A", "B"]
    assert held["certified_count"].tolist() == [4, 3]
    shuffled = rows.sample(frac=1, random_state=1)[list(CERTIFIED_COLUMNS)]
    assert broken_certificates(shuffled, verdicts.iloc[::-1], held, "v1") == []


@pytest.mark.parametrize("column", [name for name in CERTIFIED_COLUMNS if name not in (*KEY, "segment_code")])
def test_any_change_of_a_policy_breaks_its_certificate(sealed, column):
    rows, verdicts, held = sealed
    kind = rows[column].dtype.kind
    other = pd.Timestamp("2024-11-01") if column.endswith("_date") else 2.0 if kind == "f" else "other"
    changed = rows.assign(**{column: rows[column].mask(rows["item_id"] == "i05", other)})
    assert broken_certificates(changed, verdicts, held, "v1") == ["B: its policies are not those certified"]


@pytest.mark.parametrize(
    ("change", "version"),
    [({"candidate_fill_rate": 0.5}, "v1"), ({"service_margin_rate": 0.5}, "v1"), ({"verdict_code": "override"}, "v1"),
     ({}, "v2")],
)  # fmt: skip
def test_any_change_of_a_figure_a_limit_or_the_parameters_breaks_it(sealed, change, version):
    rows, verdicts, held = sealed
    told = broken_certificates(rows, verdicts.assign(**change), held, version)
    assert told == [f"{code}: its figures, limits, verdict or parameters are not those certified" for code in "AB"]


def test_rows_that_came_or_went_break_it_and_a_segment_without_one_is_told(sealed):
    rows, verdicts, held = sealed
    assert broken_certificates(rows.iloc[1:], verdicts, held, "v1") == ["A: its policies are not those certified"]
    assert broken_certificates(rows, verdicts, held.iloc[1:], "v1") == ["A: it has no certificate"]
    moved = rows.assign(segment_code=["A"] * 4 + ["B", "B", "C"])
    assert "C: its policies were never judged" in broken_certificates(moved, verdicts, held, "v1")


def test_stale_policies_are_not_covered(sealed):
    rows, verdicts, held = sealed
    stale = policies(["A"]).assign(item_id="i99", policy_status_code="stale")
    assert broken_certificates(pd.concat([rows, stale]), verdicts, held, "v1") == []
