"""Judged forecasts and their tracking: a planted bias is found, zeros give no infinities, nothing is judged early."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from stockstrata.forecasting import metrics
from stockstrata.tracking.judged import JUDGED_COLUMNS, judged_forecasts
from stockstrata.tracking.signals import TRACKING_COLUMNS, forecast_tracking

WEEKS = pd.date_range("2025-01-06", periods=26, freq="W-MON")
OWNERS = {"AX": "team:a", "CZ": "team:c"}
SEGMENTS = pd.DataFrame({"item_id": ["A"], "location_id": ["L1"], "segment_code": ["AX"]})
NO_PLANS = pd.DataFrame({"item_id": [], "location_id": [], "plan_qty": [], "previous_plan_qty": []})


def judged(actual, forecast, p90=1e9, item="A"):
    actual = np.asarray(actual, dtype=float)
    quantity = np.broadcast_to(np.asarray(forecast, dtype=float), actual.shape)
    return pd.DataFrame(
        {
            "item_id": item, "location_id": "L1", "bucket_start_date": WEEKS[: len(actual)], "actual_qty": actual,
            "final_qty": quantity, "p50_qty": quantity, "p90_qty": p90, "p95_qty": p90, "naive_mae_qty": 4.0,
            "naive_rmse_qty": 5.0,
        }
    )  # fmt: skip


@pytest.fixture
def track(make_parameters):
    def run(rows, segments=SEGMENTS, plans=NO_PLANS, **settings):
        parameters = make_parameters(**settings)
        found = forecast_tracking(rows, plans, segments, owners=OWNERS, settings=parameters.settings)
        assert list(found.columns) == TRACKING_COLUMNS
        return found.set_index("item_id")

    return run


def test_measures_are_those_of_the_metrics(track):
    actual, forecast = np.array([10.0, 20.0, 15.0]), np.array([12.0, 15.0, 15.0])
    found = track(judged(actual, forecast, p90=18.0)).loc["A"]
    assert (found.bucket_count, found.actual_qty, found.forecast_qty, found.error_qty) == (3, 45, 42, -3)
    assert found.wape_rate == pytest.approx(float(metrics.wape(actual, forecast)))
    assert found.bias_rate == pytest.approx(float(metrics.bias_rate(actual, forecast)))
    assert found.mase_ratio == pytest.approx(float(metrics.mase(actual, forecast, scale=np.array(4.0))))
    assert found.rmsse_ratio == pytest.approx(float(metrics.rmsse(actual, forecast, scale=np.array(25.0))))
    assert found.pinball_p90_ratio == pytest.approx(
        float(metrics.scaled_pinball(actual, np.full(3, 18.0), 0.9, scale=np.array(4.0)))
    )
    assert found.mape_rate == pytest.approx((0.2 + 0.25) / 3)
    assert found.tracking_signal_ratio == pytest.approx(-3 / (7 / 3))
    errors = forecast - actual
    assert found.bias_z_ratio == pytest.approx(errors.mean() / (errors.std(ddof=1) / np.sqrt(3)))
    assert found.coverage_p90_rate == pytest.approx(2 / 3)
    assert found.owner == "team:a"


@pytest.mark.parametrize("bias", [0.1, -0.1])
def test_a_planted_bias_of_ten_percent_is_found_within_six_periods(track, bias):
    """200 item-locations whose weeks vary by 12 percent, looked at after each of six months."""
    rng = np.random.default_rng(11)
    actual = 100 * rng.gamma(1 / 0.12**2, 0.12**2, (200, 26))
    segments = pd.DataFrame({"item_id": [f"I{k:03d}" for k in range(200)], "location_id": "L1", "segment_code": "AX"})
    is_found = np.zeros(200, dtype=bool)
    for weeks in (4, 9, 13, 17, 22, 26):
        rows = [judged(row[:weeks], 100 * (1 + bias), item=f"I{k:03d}") for k, row in enumerate(actual)]
        is_found |= track(pd.concat(rows), segments)["is_biased"].to_numpy()
    assert is_found.mean() >= 0.97


def test_forecasts_without_bias_are_hardly_ever_called_biased(track):
    rng = np.random.default_rng(7)
    frames = [judged(rng.gamma(25, 4, 26), 100.0, item=f"I{k:03d}") for k in range(400)]
    segments = pd.DataFrame({"item_id": [f"I{k:03d}" for k in range(400)], "location_id": "L1", "segment_code": "AX"})
    assert track(pd.concat(frames), segments)["is_biased"].mean() < 0.03


def test_errors_that_never_vary_are_a_bias_and_give_no_infinity(track):
    found = track(judged(np.full(8, 100.0), 110.0)).loc["A"]
    assert found.is_biased
    assert np.isnan(found.bias_z_ratio)
    assert found.tracking_signal_ratio == 8


def test_few_buckets_small_bias_and_no_error_are_no_bias(track):
    assert not track(judged(np.full(5, 100.0), 110.0)).loc["A", "is_biased"]
    assert not track(judged(np.full(8, 100.0), 104.0)).loc["A", "is_biased"]
    assert not track(judged(np.full(8, 100.0), 100.0)).loc["A", "is_biased"]


@pytest.mark.parametrize(("actual", "forecast"), [(0.0, 0.0), (0.0, 3.0), (5.0, 0.0)])
def test_zeros_give_no_infinities(track, actual, forecast):
    rows = judged(np.full(8, actual), forecast).assign(naive_mae_qty=0.0, naive_rmse_qty=np.nan)
    numeric = track(rows).select_dtypes("number").to_numpy(dtype=float)
    assert not np.isinf(numeric).any()
    assert np.isnan(track(rows).loc["A", "wape_rate"]) == (actual == 0)


def test_mape_is_defined_only_where_every_bucket_had_demand(track):
    assert np.isnan(track(judged([10.0, 0.0], 10.0)).loc["A", "mape_rate"])


def test_what_was_never_judged_keeps_its_row(track):
    segments = pd.DataFrame({"item_id": ["A", "B"], "location_id": "L1", "segment_code": ["AX", "CZ"]})
    found = track(judged([10.0], 10.0), segments).loc["B"]
    assert (found.bucket_count, found.plan_change_qty, found.owner) == (0, 0, "team:c")
    assert not found.is_biased
    assert np.isnan(found.wape_rate)


def test_plan_changes_are_summed_by_bucket(track):
    plans = pd.DataFrame({"item_id": "A", "location_id": "L1", "plan_qty": [12.0, 8.0], "previous_plan_qty": 10.0})
    found = track(judged([10.0], 10.0), plans=plans).loc["A"]
    assert (found.plan_bucket_count, found.previous_plan_qty, found.plan_qty, found.plan_change_qty) == (2, 20, 20, 4)
    same = track(judged([10.0], 10.0), plans=plans.assign(plan_qty=10.0)).loc["A"]
    assert same.plan_change_qty == 0


def frozen(made, quantities, first):
    buckets = pd.date_range(first, periods=len(quantities), freq="W-MON")
    return pd.DataFrame(
        {
            "made_period_start_date": made, "item_id": "i000", "location_id": "L1", "bucket_start_date": buckets,
            "horizon_bucket": range(1, len(quantities) + 1), "segment_code": "AX", "naive_qty": 1.0,
            "baseline_qty": quantities, "smoothed_qty": quantities, "override_qty": np.nan, "consensus_qty": np.nan,
            "final_qty": quantities, "p10_qty": 0.0, "p50_qty": 1.0, "p90_qty": 2.0, "p95_qty": 3.0,
            "override_id": None, "person": None, "reason_code": None,
        }
    )  # fmt: skip


def test_each_forecast_is_judged_as_it_was_frozen(make_panel):
    """A later forecast of the same bucket does not take the place of the earlier one."""
    snapshots = pd.concat(
        [
            frozen(dt.date(2024, 11, 1), [5.0, 6.0, 7.0], "2024-12-30"),
            frozen(dt.date(2024, 12, 1), [9.0, 9.0], "2025-01-06"),
        ]
    )
    sold = pd.DataFrame({"item_id": "i000", "location_id": "L1", "bucket_start_date": [WEEKS[0]], "demand_qty": [-2.0]})
    panel = make_panel([1.0, 3.0, 2.0, 4.0])
    found = judged_forecasts(snapshots, sold, panel, last_bucket_date=WEEKS[0].date())
    assert list(found.columns) == JUDGED_COLUMNS
    assert found[["lag_buckets", "final_qty", "actual_qty"]].to_numpy().tolist() == [[1, 5, 0], [2, 6, 0], [1, 9, 0]]
    assert found["naive_mae_qty"].iloc[0] == pytest.approx(5 / 3)
    assert found["naive_rmse_qty"].iloc[0] == pytest.approx(np.sqrt(3))
    early = judged_forecasts(snapshots, sold, panel, last_bucket_date=dt.date(2024, 12, 1))
    assert early.empty


def test_what_is_no_longer_planned_is_not_judged(make_panel):
    snapshots = frozen(dt.date(2024, 12, 1), [9.0], "2025-01-06").assign(item_id="gone")
    sold = pd.DataFrame(
        {"item_id": ["gone"], "location_id": "L1", "bucket_start_date": [WEEKS[0]], "demand_qty": [2.0]}
    )
    assert judged_forecasts(snapshots, sold, make_panel([1.0, 2.0]), last_bucket_date=WEEKS[0].date()).empty


def test_buckets_with_lost_sales_judge_nobody(make_panel, track):
    """Half of demand was lost in two of eight buckets: without them the forecast has neither error nor bias."""
    snapshots = frozen(dt.date(2024, 12, 1), [20.0] * 8, "2025-01-06")
    sold = pd.DataFrame(
        {"item_id": "i000", "location_id": "L1", "bucket_start_date": WEEKS[:8], "demand_qty": [20.0] * 6 + [10.0] * 2}
    )
    # Days of the ledger come as dates, those of frozen forecasts as timestamps.
    lost = sold.loc[6:, ["item_id", "location_id"]].assign(bucket_start_date=[day.date() for day in WEEKS[6:8]])
    panel, last = make_panel([1.0, 3.0, 2.0, 4.0]), WEEKS[25].date()
    told = SEGMENTS.assign(item_id="i000")
    seen = judged_forecasts(snapshots, sold, panel, last_bucket_date=last, unjudged=lost)
    assert seen["bucket_start_date"].tolist() == WEEKS[:6].tolist()
    found = track(seen, segments=told).loc["i000"]
    assert (found.bucket_count, found.error_qty, found.wape_rate) == (6, 0, 0)
    assert not found.is_biased
    everything = track(judged_forecasts(snapshots, sold, panel, last_bucket_date=last), segments=told).loc["i000"]
    assert (everything.bucket_count, everything.error_qty) == (8, 20)
    # Another series' stock-out takes nothing away.
    other = lost.assign(location_id="L2")
    assert len(judged_forecasts(snapshots, sold, panel, last_bucket_date=last, unjudged=other)) == 8
