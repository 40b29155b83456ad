"""Series that break forecasting tools: each gets a forecast, lead-time demand, a policy and a reason."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stockstrata.forecasting import engine
from stockstrata.forecasting.fallbacks import fallback_reasons, filled_history
from stockstrata.forecasting.run import ForecastResult, forecast_segments
from stockstrata.panel import DemandPanel, demand_panel
from stockstrata.policy import stock_policies

WEEKS = 156
KEY = ["item_id", "location_id"]
PERIOD = dt.date(2025, 1, 1)
LEVELS = ["p50_qty", "p80_qty", "p90_qty", "p95_qty", "p98_qty", "p99_qty"]
SEGMENTS = ("AX", "A-INT", "NEW", "EOL")
_T = np.arange(WEEKS)


@dataclass(frozen=True)
class Nasty:
    """One series and what must be said of it.

    Attributes:
        demand: units by week, oldest first; NaN before the start and in gaps.
        mean_qty: expected demand of four weeks where it can be told, None where any value above zero will do.
        reason_code: of the fallback; None where a validated model is expected.
        words: what the lead-time demand says of it.
    """

    demand: np.ndarray
    mean_qty: float | None
    reason_code: str | None = None
    words: str = ""


def _young(*newest: float) -> np.ndarray:
    demand = np.full(WEEKS, np.nan)
    demand[-len(newest) :] = newest
    return demand


def _with(value: float, base: float, *places: int) -> np.ndarray:
    demand = np.full(WEEKS, base)
    demand[list(places)] = value
    return demand


SERIES = {
    "all zero": Nasty(np.zeros(WEEKS), 0.0, "all_zero", "nothing was sold"),
    # In no bucket was there anything to sell: nothing is known of demand, and nothing is made up.
    "wholly censored": Nasty(np.zeros(WEEKS), 0.0, "all_zero", "nothing was sold"),
    "one point": Nasty(_young(5.0), 20.0, "too_short", "history too short"),
    "starts last week, with a return": Nasty(_young(0.0), 0.0, "all_zero", "nothing was sold"),
    "four points": Nasty(_young(2.0, 0.0, 4.0, 2.0), 8.0, "too_short", "history too short"),
    "constant": Nasty(np.full(WEEKS, 7.0), 28.0),
    "linear 1 to 100": Nasty(np.linspace(1, 100, WEEKS), None),
    "huge": Nasty(1e12 * (1 + 0.1 * np.sin(_T)), None),
    "negative after returns": Nasty(np.where(_T % 5 == 0, -3.0, 6.0), None),
    "gaps": Nasty(_with(np.nan, 10.0, 20, 21, 60, 155), 40.0, None, "4 buckets without a number"),
    "nothing but gaps after one sale": Nasty(
        np.where(_T < 100, np.nan, np.where(_T == 100, 6.0, np.nan)), 24.0, None, "55 buckets without a number"
    ),
    "infinite": Nasty(_with(np.inf, 10.0, 40), 40.0, None, "1 buckets without a number"),
    "never begun": Nasty(np.full(WEEKS, np.nan), 0.0, "all_zero", "nothing was sold"),
    "ended two years ago": Nasty(np.where(_T < 52, 20.0 * (_T % 2), 0.0), None),
    "one sale long ago": Nasty(_with(4.0, 0.0, 40), None),
    "sold last week only": Nasty(_with(4.0, 0.0, 155), None),
    "spike": Nasty(_with(1e6, 1.0, 80), None),
    "hardly anything": Nasty(1e-9 * (1 + _T % 3), None),
}


GONE_IN_TWO_YEARS = {"ended two years ago", "one sale long ago"}
"""The decline pool looks two years back: what ended before has sold nothing there."""


def inputs(demand: np.ndarray, segment: str, lead_time_days: float) -> tuple[DemandPanel, pd.DataFrame, pd.DataFrame]:
    keys = pd.DataFrame({"item_id": [f"i{k:03d}" for k in range(len(demand))], "location_id": "L1"})
    panel = DemandPanel(
        keys, pd.date_range("2022-01-03", periods=demand.shape[1], freq="W-MON"), demand.astype(float), "W-MON"
    )
    supply = keys.assign(
        lead_time_days=lead_time_days, lead_time_sd_days=3.0, evidence_grade="full", lead_time_source_code="contract"
    )
    return panel, keys.assign(segment_code=segment), supply


def forecast(parameters, demand: np.ndarray, segment: str = "AX", lead_time_days: float = 21.0) -> ForecastResult:
    return forecast_segments(*inputs(demand, segment, lead_time_days), parameters=parameters, workers=1)


def assert_sound(result: ForecastResult, count: int) -> None:
    """Nothing lost, nothing missing, nothing negative, quantiles in order."""
    demand = result.lead_time_demand
    assert demand["item_id"].nunique() == len(demand) == len(result.champions) == count
    assert result.forecasts["item_id"].nunique() == count
    for frame in (demand, result.forecasts):
        quantities = frame.filter(like="_qty").to_numpy(dtype=float)
        assert np.isfinite(quantities).all()
        assert (quantities >= 0).all()
    assert (np.diff(demand[LEVELS].to_numpy(), axis=1) >= 0).all()
    assert result.champions["model_code"].ne("").all()
    assert result.champions["reason_code"].ne("").all()
    assert not np.isinf(result.champions[["score_ratio", "naive_score_ratio"]].to_numpy(dtype=float)).any()


@pytest.mark.parametrize("segment", SEGMENTS)
@pytest.mark.parametrize("name", SERIES)
def test_alone_each_gets_lead_time_demand_with_its_reason(module_parameters, name, segment):
    nasty = SERIES[name]
    if segment == "EOL" and name in GONE_IN_TWO_YEARS:
        nasty = Nasty(nasty.demand, 0.0, "all_zero", "nothing was sold")
    result = forecast(module_parameters, nasty.demand[None, :], segment)
    assert_sound(result, 1)
    row, champion = result.lead_time_demand.iloc[0], result.champions.iloc[0]
    weeks = row["protection_interval_days"] / 28
    # The decline pool expects less than the mean on purpose.
    if nasty.mean_qty is not None and (segment != "EOL" or nasty.mean_qty == 0):
        assert row["mean_qty"] == pytest.approx(nasty.mean_qty * weeks, rel=0.02, abs=1e-9)
    if nasty.reason_code:
        assert champion["reason_code"] == nasty.reason_code
    else:
        assert champion["reason_code"] in {"validated", "tie_break", "incumbent_kept"}
    assert nasty.words in row["fallback_reason"]
    assert (row["fallback_reason"] == "") == (nasty.words == "")
    if nasty.words:
        assert champion["evidence_grade"] == "degraded"


def test_together_none_is_lost_and_the_policy_repeats_the_reason(module_parameters, make_item_locations):
    demand = np.array([nasty.demand for nasty in SERIES.values()])
    panel, assignment, supply = inputs(demand, "AX", 21.0)
    result = forecast_segments(panel, assignment, supply, parameters=module_parameters, workers=1)
    assert_sound(result, len(SERIES))
    items = make_item_locations(len(SERIES), unit_cost_amount=4.0)
    assignment = assignment.assign(lifecycle_code="mature", demand_trend_ratio=1.0)
    policies = stock_policies(
        items, assignment, supply, result.lead_time_demand, parameters=module_parameters, period_start_date=PERIOD
    )
    assert len(policies) == len(SERIES)
    quantities = policies[["safety_stock_qty", "reorder_point_qty", "order_up_to_qty", "order_qty"]].to_numpy()
    assert np.isfinite(quantities).all()
    assert (quantities >= 0).all()
    told = result.lead_time_demand["fallback_reason"]
    assert (told != "").sum() == sum(nasty.words != "" for nasty in SERIES.values())
    for reason, policy in zip(told, policies["grade_reason"], strict=True):
        assert reason in policy


@pytest.mark.parametrize("segment", SEGMENTS)
def test_a_horizon_longer_than_the_history_is_answered(module_parameters, segment):
    demand = np.array([_young(*[6.0, 4.0] * 10), _young(3.0), np.full(WEEKS, 7.0)])
    result = forecast(module_parameters, demand, segment, lead_time_days=1_400.0)
    assert_sound(result, 3)
    weeks = result.lead_time_demand["protection_interval_days"] / 7
    assert (weeks > WEEKS).all()
    assert result.forecasts.groupby("item_id").size().tolist() == np.ceil(weeks - 1e-9).astype(int).tolist()
    if segment != "EOL":
        np.testing.assert_allclose(result.lead_time_demand["mean_qty"], weeks * [5.0, 3.0, 7.0], rtol=0.15)
    assert (result.champions["evidence_grade"] == "degraded").all()


def test_doubled_buckets_add_up_and_returns_leave_nothing_below_zero(module_parameters):
    weeks = pd.date_range("2022-01-03", periods=WEEKS, freq="W-MON")
    rows = pd.DataFrame({"item_id": "doubled", "location_id": "L1", "bucket_start_date": weeks, "demand_qty": 3.0})
    returned = rows.assign(item_id="returned", demand_qty=np.where(_T % 4 == 3, -20.0, 4.0))
    sums = pd.concat([rows, rows, returned])
    keys = pd.DataFrame({"item_id": ["doubled", "returned"], "location_id": "L1"})
    panel = demand_panel(
        sums, item_locations=keys.assign(start_date=weeks[0]), first_bucket_date=weeks[0], last_bucket_date=weeks[-1],
        bucket_days="W-MON",
    )  # fmt: skip
    supply = keys.assign(lead_time_days=21.0, lead_time_sd_days=0.0, evidence_grade="full")
    result = forecast_segments(panel, keys.assign(segment_code="AX"), supply, parameters=module_parameters, workers=1)
    assert_sound(result, 2)
    mean = result.lead_time_demand.set_index("item_id")["mean_qty"]
    assert mean["doubled"] == pytest.approx(24.0)
    assert mean["returned"] == pytest.approx(12.0, rel=0.2)


def test_tsb_goes_to_zero_on_a_dead_item_and_croston_does_not():
    dead = SERIES["ended two years ago"].demand
    ahead = {}
    for code in ("tsb", "croston_sba"):
        found = engine.forecast_paths(
            code, [dead], np.array([[WEEKS]]), depth=np.array([4]), season_length=52, is_seasonal=np.array([False]),
            max_history=WEEKS,
        )  # fmt: skip
        ahead[code] = found.qty[0, 0]
    assert (ahead["tsb"] < 0.01).all()
    assert (ahead["croston_sba"] > 5.0).all()


def test_a_dead_item_that_is_ending_needs_nothing(module_parameters):
    gone = np.where(_T < 70, 20.0 * (_T % 2), 0.0)
    result = forecast(module_parameters, gone[None, :], "EOL")
    assert result.lead_time_demand["mean_qty"].iloc[0] < 0.01
    assert result.champions["model_code"].iloc[0] == "tsb"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(st.just(np.nan), st.just(0.0), st.floats(-1e3, 1e12, allow_nan=False), st.just(np.inf)),
        min_size=1,
        max_size=60,
    ),
    st.sampled_from(SEGMENTS),
    st.sampled_from([0.0, 21.0, 400.0]),
)
def test_whatever_the_numbers_are_a_row_comes_out(module_parameters, values, segment, lead_time_days):
    assert_sound(forecast(module_parameters, np.array([values]), segment, lead_time_days), 1)


def test_gaps_are_given_the_mean_and_counted_and_what_comes_before_the_start_is_none():
    found = filled_history(np.array([[np.nan, 2.0, np.nan, 4.0], [1.0, -5.0, 3.0, np.inf], [np.nan] * 4]))
    np.testing.assert_array_equal(found.demand_qty, [[np.nan, 2, 3, 4], [1, 0, 3, 4 / 3], [np.nan] * 4])
    assert found.gap_buckets.tolist() == [1, 1, 0]
    whole = np.array([[np.nan, 1.0, 2.0]])
    assert filled_history(whole).demand_qty is whole


def test_reasons_are_put_into_words():
    words = fallback_reasons(np.array(["validated", "all_zero", "too_short"], dtype=object), np.array([0, 0, 2]))
    assert words[0] == ""
    assert words[1].startswith("nothing was sold")
    assert words[2].endswith("; 2 buckets without a number were given the mean of the others")
