"""Tracking of forecasts by item-location: error, bias and its certainty over a window, and change from plan to plan."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from stockstrata.columns import numbers
from stockstrata.forecasting.metrics import pinball_loss, safe_ratio
from stockstrata.panel import KEY
from stockstrata.parameters import PlanningSettings
from stockstrata.tables import FORECAST_TRACKING

TRACKING_COLUMNS = [column.name for column in FORECAST_TRACKING.columns if column.name != "period_start_date"]
_LEVELS = {"p50": 0.50, "p90": 0.90, "p95": 0.95}
_PLAN = ("plan_bucket_count", "previous_plan_qty", "plan_qty", "plan_change_qty")


def forecast_tracking(
    judged: pd.DataFrame,
    plans: pd.DataFrame,
    segments: pd.DataFrame,
    *,
    owners: Mapping[str, str],
    settings: PlanningSettings,
) -> pd.DataFrame:
    """Track the forecast of every item-location over the tracking window.

    The tracking signal is the sum of errors over the mean absolute error (Brown, 1963). It grows with the window even
    where nothing is wrong, so a bias is told from its standard error: `z = mean error x sqrt(n) / s`, and only where it
    is more than a small share of demand. Errors that never vary, with a mean other than zero, are a bias for sure.

    Args:
        judged: JUDGED_FORECAST rows, one an item-location and bucket: the newest forecast made before the bucket.
        plans: `item_id, location_id, plan_qty, previous_plan_qty`, one row a bucket that this cycle and the one before
            both forecast.
        segments: `item_id, location_id, segment_code`, one row an item-location of the cycle.
        owners: owner of each segment.
        settings: least buckets, least bias and how sure it must be.

    Returns:
        FORECAST_TRACKING, one row for each row of `segments`; measures without a denominator are null.
    """
    summed = _sums(judged).reindex(pd.MultiIndex.from_frame(segments[KEY]))
    sums = {name: np.nan_to_num(summed[name].to_numpy(dtype=float)) for name in summed.columns}
    count, error, absolute = sums["bucket_count"], sums["error"], sums["absolute"]
    actual, mad = sums["actual"], safe_ratio(sums["absolute"], sums["bucket_count"])
    # Rounding may leave a sum of squares a hair below the square of the sum.
    variance = np.maximum(sums["squared"] - error**2 / np.maximum(count, 1.0), 0.0) / np.maximum(count - 1.0, 1.0)
    noise = np.where(variance > 1e-18 * sums["squared"], np.sqrt(variance * count), 0.0)
    bias = safe_ratio(error, actual)
    is_biased = (
        (count >= settings.tracking_min_buckets)
        & (np.abs(error) > settings.bias_confidence_z * noise)
        & (np.abs(error) >= settings.least_bias_rate * actual)
        & (error != 0.0)
    )
    plan = segments[KEY].merge(_plan_changes(plans), on=KEY, how="left")
    table = segments[[*KEY, "segment_code"]].assign(
        owner=segments["segment_code"].map(owners),
        bucket_count=count.astype(np.int64),
        actual_qty=actual,
        forecast_qty=sums["forecast"],
        error_qty=error,
        mad_qty=mad,
        wape_rate=safe_ratio(absolute, actual),
        bias_rate=bias,
        mape_rate=np.where(sums["demand_buckets"] == count, safe_ratio(sums["relative"], count), np.nan),
        mase_ratio=safe_ratio(mad, sums["mae_scale"]),
        rmsse_ratio=safe_ratio(np.sqrt(safe_ratio(sums["squared"], count)), sums["rmse_scale"]),
        **{f"pinball_{name}_ratio": safe_ratio(safe_ratio(sums[name], count), sums["mae_scale"]) for name in _LEVELS},
        coverage_p90_rate=safe_ratio(sums["covered"], count),
        tracking_signal_ratio=safe_ratio(error, mad),
        bias_z_ratio=safe_ratio(error, noise),
        is_biased=is_biased,
        **{name: np.nan_to_num(numbers(plan, name)) for name in _PLAN},
    )
    return table.astype({"plan_bucket_count": np.int64}).loc[:, TRACKING_COLUMNS]


def _sums(judged: pd.DataFrame) -> pd.DataFrame:
    """Sums over the judged buckets of each item-location; the scales are those of the newest bucket."""
    actual = judged["actual_qty"].to_numpy(dtype=float)
    forecast = judged["final_qty"].to_numpy(dtype=float)
    error = forecast - actual
    pairs = judged[KEY].assign(
        bucket_count=1.0,
        actual=actual,
        forecast=forecast,
        error=error,
        absolute=np.abs(error),
        squared=error**2,
        relative=np.nan_to_num(safe_ratio(np.abs(error), actual)),
        demand_buckets=(actual > 0).astype(float),
        covered=(actual <= judged["p90_qty"].to_numpy(dtype=float)).astype(float),
        **{
            name: pinball_loss(actual, judged[f"{name}_qty"].to_numpy(dtype=float), level)
            for name, level in _LEVELS.items()
        },
    )
    newest = judged.sort_values("bucket_start_date").groupby(KEY)[["naive_mae_qty", "naive_rmse_qty"]].last()
    scales = newest.rename(columns={"naive_mae_qty": "mae_scale", "naive_rmse_qty": "rmse_scale"})
    return pairs.groupby(KEY).sum().join(scales)


def _plan_changes(plans: pd.DataFrame) -> pd.DataFrame:
    """Sums over the buckets of each item-location."""
    change = (plans["plan_qty"] - plans["previous_plan_qty"]).abs()
    return plans.assign(plan_bucket_count=1, plan_change_qty=change)[[*KEY, *_PLAN]].groupby(KEY).sum().reset_index()
