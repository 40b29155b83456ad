"""Accuracy by segment and lag from frozen forecasts."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from stockstrata.forecasting.accuracy import ACCURACY_COLUMNS, naive_scales, snapshot_accuracy
from stockstrata.panel import DemandPanel

BUCKETS = pd.date_range("2025-01-06", periods=4, freq="W-MON")


def _snapshots(mean: float = 12.0) -> pd.DataFrame:
    rows = [
        {
            "period_start_date": dt.date(2024, 12, 1), "item_id": item, "location_id": "ALL", "segment_code": segment,
            "bucket_start_date": bucket, "horizon_bucket": lag, "model_code": "ses", "mean_qty": mean,
            "p10_qty": mean - 5, "p50_qty": mean, "p80_qty": mean + 3, "p90_qty": mean + 5,
            "p95_qty": mean + 7, "p98_qty": mean + 9,
        }
        for item, segment in (("A", "AX"), ("B", "BX"))
        for lag, bucket in enumerate(BUCKETS, start=1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _actuals() -> pd.DataFrame:
    return pd.DataFrame(
        {"item_id": ["A", "A", "B"], "location_id": "ALL", "bucket_start_date": BUCKETS[[0, 1, 0]],
         "demand_qty": [10.0, 20.0, 10.0]}
    )  # fmt: skip


SCALES = pd.DataFrame({"item_id": ["A", "B"], "location_id": "ALL", "naive_mae_qty": [4.0, 2.0]})


def _judged(**changes) -> pd.DataFrame:
    given = {"snapshots": _snapshots(), "actuals": _actuals(), "scales": SCALES, "last_bucket_date": BUCKETS[1].date()}
    given.update(changes)
    found = snapshot_accuracy(
        given["snapshots"], given["actuals"], given["scales"], last_bucket_date=given["last_bucket_date"]
    )
    return found.set_index(["segment_code", "lag_buckets"])


def test_rows_by_segment_and_lag_and_for_all():
    found = _judged()
    assert list(found.reset_index().columns.sort_values()) == sorted(ACCURACY_COLUMNS)
    assert set(found.index) == {(s, lag) for s in ("AX", "BX", "ALL") for lag in (1, 2)}
    assert (found["evaluation_code"] == "frozen_snapshot").all()


def test_figures_by_hand():
    found = _judged()
    both = found.loc[("ALL", 1)]
    assert both.series_count == both.observation_count == 2
    assert both.actual_qty == 20
    assert both.forecast_qty == 24
    assert both.wape_rate == pytest.approx(0.2)
    assert both.bias_rate == pytest.approx(0.2)
    assert both.mase_ratio == pytest.approx((2 / 4 + 2 / 2) / 2)
    assert both.pinball_p50_ratio == pytest.approx((1 / 4 + 1 / 2) / 2)
    assert both.coverage_p90_rate == 1.0
    second = found.loc[("AX", 2)]
    assert second.pinball_p90_ratio == pytest.approx(0.9 * 3 / 4)
    assert second.coverage_p90_rate == 0.0


def test_a_bucket_without_sales_counts_as_zero_and_not_as_missing():
    silent = _judged().loc[("BX", 2)]
    assert silent.actual_qty == 0
    assert silent.absolute_error_qty == 12
    assert np.isnan(silent.wape_rate)
    assert np.isnan(silent.bias_rate)


def test_buckets_that_are_not_complete_are_not_judged():
    assert _judged(last_bucket_date=BUCKETS[0].date()).index.get_level_values("lag_buckets").unique().tolist() == [1]
    assert _judged(last_bucket_date=dt.date(2024, 12, 1)).empty


def test_dates_from_the_database_are_the_same_days():
    plain = _snapshots().assign(bucket_start_date=lambda f: f["bucket_start_date"].dt.date)
    fine = _actuals().assign(bucket_start_date=lambda f: f["bucket_start_date"].astype("datetime64[us]"))
    pd.testing.assert_frame_equal(_judged(snapshots=plain, actuals=fine), _judged())


def test_a_planted_ten_percent_bias_shows():
    actuals = _snapshots().rename(columns={"mean_qty": "demand_qty"})
    found = _judged(snapshots=_snapshots(12.0 * 1.1), actuals=actuals, last_bucket_date=BUCKETS[-1].date())
    assert found["bias_rate"].to_numpy() == pytest.approx(np.full(12, 0.1))


def test_constant_history_gives_no_scaled_measure_and_no_infinity():
    found = _judged(scales=SCALES.assign(naive_mae_qty=0.0))
    assert found["mase_ratio"].isna().all()
    assert np.isfinite(found["wape_rate"].dropna()).all()


def test_scales_are_the_in_sample_naive_error():
    keys = pd.DataFrame({"item_id": ["A", "B"], "location_id": "ALL"})
    panel = DemandPanel(keys, BUCKETS, np.array([[1.0, 3.0, 2.0, 2.0], [np.nan, np.nan, 5.0, 9.0]]), "W-MON")
    assert naive_scales(panel)["naive_mae_qty"].to_numpy() == pytest.approx(np.array([1.0, 4.0]))
