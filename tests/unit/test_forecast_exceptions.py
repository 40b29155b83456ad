"""Exceptions: what raises them, rank by money, the capacity they are cut to; nothing new raises nothing."""

import numpy as np
import pandas as pd
import pytest

from stockstrata.tracking.exceptions import EXCEPTION_COLUMNS, forecast_exceptions
from stockstrata.tracking.measures import Findings

KEY = ["item_id", "location_id"]
NONE = pd.DataFrame(columns=[*KEY, "rule_code"])


def findings(count=1, segment="AX", owner="team:inventory-planning", cost=1.0, **columns):
    """Item-locations in good order, but for what is given of their tracking."""
    items = [f"i{k:03d}" for k in range(count)]
    sound = {
        "segment_code": segment, "owner": owner, "bucket_count": 10, "actual_qty": 100.0, "forecast_qty": 100.0,
        "error_qty": 0.0, "bias_z_ratio": 0.0, "is_biased": False, "plan_bucket_count": 5, "previous_plan_qty": 50.0,
        "plan_qty": 50.0, "plan_change_qty": 0.0,
    }  # fmt: skip
    keys = {"item_id": items, "location_id": "L1"}
    final = pd.DataFrame({**keys, "consensus_qty": np.nan, "disagreement_rate": np.nan, "stream_mix": ""})
    champions = {"model_code": "ses", "reason_code": "validated", "score_ratio": 0.2, "naive_score_ratio": 0.3}
    newest = {"actual_qty": 10.0, "final_qty": 10.0, "p10_qty": 7.0, "p50_qty": 10.0, "p90_qty": 13.0, "p95_qty": 14.0}
    return Findings(
        tracking=pd.DataFrame(keys | sound | columns),
        unit_costs=pd.DataFrame(keys | {"unit_cost_amount": cost}),
        newest=pd.DataFrame(keys | newest),
        champions=pd.DataFrame(keys | champions),
        lead_time_demand=pd.DataFrame(keys | {"mean_qty": 30.0}),
        final=final,
        effects=pd.DataFrame(
            columns=["override_id", *KEY, "person", "status_code", "change_amount", "change_qty"], dtype=object
        ),
    )


def changed(found, **frames):
    return Findings(**{**vars(found), **frames})


@pytest.fixture
def raise_(make_parameters):
    def run(found, earlier=NONE, **rows):
        exceptions = forecast_exceptions(found, earlier, parameters=make_parameters(rows))
        assert list(exceptions.columns) == EXCEPTION_COLUMNS
        return exceptions

    return run


def only(exceptions):
    assert len(exceptions) == 1
    return exceptions.iloc[0]


def test_forecasts_in_good_order_raise_nothing(raise_):
    assert raise_(findings(5)).empty


def test_a_bias_is_worth_the_units_it_was_wrong_by(raise_):
    found = only(raise_(findings(cost=3.0, is_biased=True, bias_z_ratio=-4.0, error_qty=-20.0, forecast_qty=80.0)))
    assert (found.rule_code, found.measured_value, found.value_at_stake_amount) == ("biased", 4.0, 60.0)
    assert found.reason == "Over 10 buckets 80 units were forecast and 100 wanted."
    assert found.action
    constant = only(raise_(findings(is_biased=True, bias_z_ratio=np.nan, error_qty=20.0)))
    assert constant.measured_value == 10


def test_demand_far_outside_the_quantiles_raises_one(raise_):
    base = findings()
    sd = max(3 / 1.2816, 4 / 1.6449, np.sqrt(10))
    for actual, is_raised in ((10 + 3.1 * sd, True), (10 + 2.9 * sd, False), (0.0, 10 / sd > 3)):
        found = raise_(changed(base, newest=base.newest.assign(actual_qty=actual)))
        assert (found["rule_code"].tolist() == ["demand_deviation"]) == is_raised
    quiet = base.newest.assign(final_qty=0.0, p10_qty=0.0, p50_qty=0.0, p90_qty=0.0, p95_qty=0.0, actual_qty=0.0)
    assert raise_(changed(base, newest=quiet)).empty
    assert only(raise_(changed(base, newest=quiet.assign(actual_qty=5.0)))).measured_value == 5


def test_a_plan_that_moves_raises_one_by_the_limit_of_its_segment(raise_):
    assert only(raise_(findings(plan_change_qty=13.0))).rule_code == "plan_change"
    assert raise_(findings(plan_change_qty=12.0)).empty
    assert raise_(findings(segment="CZ", plan_change_qty=13.0)).empty
    assert only(raise_(findings(previous_plan_qty=0.0, plan_change_qty=2.0))).measured_value == 1


def test_fallbacks_count_in_segments_that_have_the_rule(raise_):
    for segment, rows in (("AX", 1), ("CZ", 0)):
        base = findings(segment=segment)
        short = base.champions.assign(reason_code="too_short")
        found = raise_(changed(base, champions=short))
        assert found["rule_code"].tolist() == ["fallback_model"] * rows
        if rows:
            assert found["value_at_stake_amount"].iloc[0] == 30


def test_a_champion_worse_than_naive_raises_one_and_an_equal_one_does_not(raise_):
    base = findings()
    assert raise_(changed(base, champions=base.champions.assign(score_ratio=0.3))).empty
    worse = only(raise_(changed(base, champions=base.champions.assign(score_ratio=0.33))))
    assert worse.rule_code == "worse_than_naive"
    assert worse.measured_value == pytest.approx(0.1)
    unknown = base.champions.assign(score_ratio=np.nan, naive_score_ratio=np.nan)
    assert raise_(changed(base, champions=unknown)).empty


def test_overrides_without_their_approval_stand_on_the_list(raise_):
    base = findings(2)
    waiting = pd.DataFrame(
        [
            ("O1", "i000", "L1", "p", "awaiting_approval", 500.0, -40.0),
            ("O2", "i001", "L1", "p", "effective", 900.0, 9.0),
        ],
        columns=base.effects.columns,
    )
    found = only(raise_(changed(base, effects=waiting)))
    assert (found.item_id, found.rule_code, found.measured_value) == ("i000", "override_awaiting_approval", 500)
    everywhere = only(raise_(changed(base, effects=waiting.head(1).assign(location_id="ALL"))))
    assert (everywhere.item_id, everywhere.location_id) == ("i000", "L1")


def test_streams_that_disagree_raise_one(raise_):
    base = findings()
    apart = base.final.assign(consensus_qty=100.0, disagreement_rate=0.25, stream_mix="sales 0.500, statistical 0.500")
    found = only(raise_(changed(base, final=apart)))
    assert (found.rule_code, found.measured_value, found.value_at_stake_amount) == ("stream_disagreement", 0.25, 25)
    assert "sales 0.500" in found.reason


def test_the_worklist_is_as_long_as_the_capacity_and_holds_what_is_worth_most(raise_):
    value = np.random.default_rng(1).permutation(np.arange(60, 120.0))
    found = raise_(findings(60, is_biased=True, bias_z_ratio=5.0, error_qty=value))
    assert len(found) == 60
    listed = found[found["is_listed"]]
    assert len(listed) == listed["capacity_count"].iloc[0] == 40
    assert sorted(listed["value_at_stake_amount"]) == list(np.arange(80, 120.0))
    assert listed["worklist_rank"].tolist() == list(range(1, 41))
    few = raise_(findings(3, is_biased=True, bias_z_ratio=5.0, error_qty=9.0))
    assert few["is_listed"].all()


def test_a_segment_with_a_capacity_of_its_own_has_its_own_list(raise_):
    segments = ["AX", "AX", "CZ", "CZ"]
    found = findings(4, is_biased=True, bias_z_ratio=5.0, error_qty=[4.0, 3.0, 2.0, 1.0], segment=segments)
    own = {"owner": "team:inventory-planning", "segment_code": "AX", "capacity_count": 1}
    listed = raise_(found, exception_capacity=[own])
    assert listed.loc[listed["is_listed"], "item_id"].tolist() == ["i000", "i002", "i003"]


def test_the_same_figures_give_the_same_rows_and_nothing_new(raise_):
    found = findings(9, is_biased=True, bias_z_ratio=5.0, error_qty=np.arange(9.0))
    first = raise_(found)
    assert first["is_new"].all()
    again = raise_(found, first[[*KEY, "rule_code"]])
    assert not again["is_new"].any()
    pd.testing.assert_frame_equal(again.drop(columns="is_new"), first.drop(columns="is_new"))
