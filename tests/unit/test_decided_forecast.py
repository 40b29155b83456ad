"""From the statistical to the final forecast: each step beside the others, and lead-time demand follows the last."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from stockstrata.forecasting.run import forecast_segments
from stockstrata.tracking.decisions import FINAL_COLUMNS, PlannerInput
from stockstrata.tracking.naive import naive_forecast
from stockstrata.tracking.overrides import EFFECT_COLUMNS

CUT_OFF = dt.date(2023, 1, 2)
LEDGER = [
    "override_id", "item_id", "location_id", "from_date", "to_date", "override_type_code", "override_value", "person",
    "reason_code", "evidence", "entered_at", "expires_date", "approval_state_code", "approved_by",
]  # fmt: skip
STREAM = ["stream_code", "item_id", "location_id", "bucket_start_date", "stream_qty"]
JUDGED = ["segment_code", "stream_code", "stream_qty", "statistical_qty", "actual_qty"]


def planner(overrides=(), streams=(), earlier=None):
    return PlannerInput(
        cut_off_date=CUT_OFF,
        overrides=pd.DataFrame(list(overrides), columns=LEDGER),
        published=pd.DataFrame(list(streams), columns=STREAM),
        judged_streams=pd.DataFrame(columns=JUDGED).astype(dict.fromkeys(JUDGED[2:], float)),
        earlier_plan=pd.DataFrame(
            earlier if earlier is not None else [],
            columns=["item_id", "location_id", "bucket_start_date", "smoothed_qty"],
        ),
        unit_costs=pd.DataFrame({"item_id": ["i000", "i001"], "location_id": "L1", "unit_cost_amount": 2.0}),
    )


def override(item="i000", kind="factor", value=2.0, first="2023-01-02", last="2023-12-31", **changes):
    row = dict.fromkeys(LEDGER) | {
        "override_id": "O1", "item_id": item, "location_id": "L1", "from_date": pd.Timestamp(first),
        "to_date": pd.Timestamp(last), "override_type_code": kind, "override_value": value, "person": "p",
        "reason_code": "known_orders", "entered_at": pd.Timestamp("2022-12-20"), "expires_date": pd.NaT,
        "approval_state_code": "approved", "approved_by": "boss",
    }  # fmt: skip
    return tuple((row | changes).values())


@pytest.fixture
def forecast(make_panel, make_parameters):
    rng = np.random.default_rng(3)
    panel = make_panel(np.round(rng.gamma(20, 5, (2, 156))))
    assignment = panel.keys.assign(segment_code="AX")
    lead_times = panel.keys.assign(lead_time_days=14.0, lead_time_sd_days=0.0, evidence_grade="full")

    def run(given=None, extra_rows=None):
        return forecast_segments(
            panel, assignment, lead_times, parameters=make_parameters(extra_rows), workers=1, planner=given,
            groups=panel.keys.assign(family="F", region="R"),
        )  # fmt: skip

    return run


def test_without_input_the_final_forecast_is_the_statistical_one(forecast):
    plain, found = forecast(), forecast(planner())
    assert plain.decided is None
    final = found.decided.final
    assert list(final.columns) == FINAL_COLUMNS
    assert (final["final_qty"] == found.forecasts["mean_qty"]).all()
    assert (final["step_code"] == "statistical").all()
    pd.testing.assert_frame_equal(found.lead_time_demand, plain.lead_time_demand)
    pd.testing.assert_frame_equal(found.forecasts, plain.forecasts)


def test_an_override_changes_the_plan_and_not_the_forecast(forecast):
    plain, found = forecast(planner()), forecast(planner([override()]))
    pd.testing.assert_frame_equal(found.forecasts, plain.forecasts)
    final = found.decided.final
    mine = final["item_id"] == "i000"
    assert (final.loc[mine, "final_qty"] == 2 * final.loc[mine, "baseline_qty"]).all()
    assert (final.loc[mine, ["override_id", "person", "reason_code"]] == ["O1", "p", "known_orders"]).all(axis=None)
    assert (final.loc[~mine, "final_qty"] == final.loc[~mine, "baseline_qty"]).all()
    assert final.loc[~mine, "override_id"].isna().all()
    before, after = (found_.lead_time_demand.set_index("item_id") for found_ in (plain, found))
    assert after.loc["i000", "mean_qty"] == pytest.approx(2 * before.loc["i000", "mean_qty"])
    assert after.loc["i000", "demand_sd_qty"] == pytest.approx(before.loc["i000", "demand_sd_qty"])
    assert after.loc["i000", "p95_qty"] > before.loc["i000", "p95_qty"]
    pd.testing.assert_series_equal(after.loc["i001"], before.loc["i001"])
    assert list(found.decided.effects.columns) == EFFECT_COLUMNS


def test_published_levels_are_sums_of_what_is_planned_with(forecast):
    """An override reaches every level above its item-location, beside what the levels said without it."""
    plain, found = forecast(planner()).coherent.forecasts, forecast(planner([override()])).coherent.forecasts
    pd.testing.assert_frame_equal(found.drop(columns="final_qty"), plain.drop(columns="final_qty"))
    bottom = plain[plain["level_code"] == "item_location"]
    assert (bottom["final_qty"] == bottom["base_qty"]).all()
    by_node = found.set_index(["level_code", "node_id"])
    mine = by_node.loc[("item_location", "i000")]
    np.testing.assert_allclose(mine["final_qty"], 2 * mine["base_qty"])
    other = by_node.loc[("item_location", "i001"), "final_qty"].to_numpy()
    for level, node in (("family", "F"), ("region", "R"), ("total", "ALL")):
        np.testing.assert_allclose(by_node.loc[(level, node), "final_qty"], mine["final_qty"].to_numpy() + other)


def test_an_override_beyond_the_protection_interval_leaves_lead_time_demand_alone(forecast):
    plain, found = forecast(planner()), forecast(planner([override(first="2023-02-20")]))
    assert (found.decided.final["step_code"] == "override").any()
    pd.testing.assert_frame_equal(found.lead_time_demand, plain.lead_time_demand)


def test_an_override_that_awaits_approval_or_has_expired_changes_nothing(forecast):
    plain = forecast(planner())
    for changes in ({"approved_by": None}, {"expires_date": pd.Timestamp(CUT_OFF)}):
        found = forecast(planner([override(**changes)]))
        assert (found.decided.final["final_qty"] == plain.decided.final["final_qty"]).all()
        pd.testing.assert_frame_equal(found.lead_time_demand, plain.lead_time_demand)


def test_a_blend_leaves_what_is_overridden_alone(forecast):
    base = forecast(planner()).decided.final
    weeks = base.loc[base["item_id"] == "i000", "bucket_start_date"]
    streams = [("sales", item, "L1", week, 300.0) for item in ("i000", "i001") for week in weeks]
    final = forecast(planner([override()], streams)).decided.final
    mine = final["item_id"] == "i000"
    assert (final.loc[mine, "step_code"] == "override").all()
    assert final.loc[mine, "consensus_qty"].isna().all()
    assert (final.loc[~mine, "step_code"] == "consensus").all()
    expected = (final.loc[~mine, "baseline_qty"] + 300) / 2
    assert final.loc[~mine, "final_qty"].to_numpy() == pytest.approx(expected.to_numpy())
    assert (final.loc[~mine, "stream_mix"] == "sales 0.500, statistical 0.500").all()


def test_a_limit_on_plan_change_holds_the_plan_near_the_one_before(forecast):
    base = forecast(planner()).decided.final
    earlier = base[["item_id", "location_id", "bucket_start_date"]].assign(smoothed_qty=base["baseline_qty"] * 2)
    rows = {"forecast_rules": [{"segment_code": "AX", "approval_change_rate": 1, "approval_change_amount": 1,
                                "plan_change_limit_rate": 0.1}]}  # fmt: skip
    unlimited, limited = forecast(planner(earlier=earlier)), forecast(planner(earlier=earlier), rows)
    assert (unlimited.decided.final["final_qty"] == base["baseline_qty"]).all()
    final = limited.decided.final
    assert final["final_qty"].to_numpy() == pytest.approx((base["baseline_qty"] * 1.8).to_numpy())
    assert (final["step_code"] == "smoothing").all()
    zero = earlier.assign(smoothed_qty=0.0)
    assert (forecast(planner(earlier=zero), rows).decided.final["final_qty"] == base["baseline_qty"]).all()


def test_the_naive_forecast_is_a_year_ago_else_the_newest_bucket(make_panel):
    history = np.arange(60.0)
    young = np.r_[np.full(50, np.nan), np.arange(10.0)]
    panel = make_panel([history, young])
    ahead = np.array([1, 52, 53, 1, 2])
    assert naive_forecast(panel, np.array([0, 0, 0, 1, 1]), ahead).tolist() == [8, 59, 8, 9, 9]
