"""Accuracy of forecasts by segment and lag: of the back-test, and of forecasts frozen in earlier cycles."""

import datetime as dt

import numpy as np
import pandas as pd

from stockstrata.forecasting.metrics import naive_mae, pinball_loss, safe_ratio
from stockstrata.panel import KEY, DemandPanel
from stockstrata.tables import FORECAST_ACCURACY

ALL_SEGMENTS = "ALL"
PINBALL_LEVELS = {"p50": 0.50, "p90": 0.90, "p95": 0.95}
_SCALED = ("mase", *(f"pinball_{name}" for name in PINBALL_LEVELS))
_SERIES_LAG = ["segment_code", "series", "lag_buckets"]
ACCURACY_COLUMNS = [column.name for column in FORECAST_ACCURACY.columns if column.name != "period_start_date"]


def naive_scales(panel: DemandPanel) -> pd.DataFrame:
    """Mean absolute error of the naive forecast in each series' history: `item_id, location_id, naive_mae_qty`."""
    return panel.keys.assign(naive_mae_qty=naive_mae(panel.demand_qty))


def snapshot_accuracy(
    snapshots: pd.DataFrame,
    actuals: pd.DataFrame,
    scales: pd.DataFrame,
    *,
    last_bucket_date: dt.date,
    unjudged: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Judge forecasts as they were frozen in earlier cycles against what was sold since.

    Args:
        snapshots: DEMAND_FORECAST rows of earlier cycles with `period_start_date` and the `segment_code` of then.
        actuals: `item_id, location_id, bucket_start_date, demand_qty`; a bucket without a row sold nothing.
        scales: `item_id, location_id, naive_mae_qty`, as `naive_scales` gives.
        last_bucket_date: last complete bucket; later forecasts are not judged yet.
        unjudged: `item_id, location_id, bucket_start_date` of buckets whose demand nobody saw, since stock ran out.

    Returns:
        FORECAST_ACCURACY rows by segment and lag, and segment ALL, evaluation_code `frozen_snapshot`.
    """
    due = snapshots.assign(bucket_start_date=pd.to_datetime(snapshots["bucket_start_date"]).astype("datetime64[ns]"))
    due = due[due["bucket_start_date"] <= pd.Timestamp(last_bucket_date)]
    by = [*KEY, "bucket_start_date"]
    if unjudged is not None and len(unjudged) and len(due):
        unseen = unjudged.assign(
            bucket_start_date=pd.to_datetime(unjudged["bucket_start_date"]).astype("datetime64[ns]")
        )
        due = due[~pd.MultiIndex.from_frame(due[by]).isin(pd.MultiIndex.from_frame(unseen[by]))]
    sold = actuals.assign(bucket_start_date=pd.to_datetime(actuals["bucket_start_date"]).astype("datetime64[ns]"))
    sold = sold[[*by, "demand_qty"]].groupby(by).sum().reset_index()
    judged = due.merge(sold, on=by, how="left").merge(scales, on=KEY, how="left")
    observations = pd.DataFrame(
        {
            "segment_code": judged["segment_code"].to_numpy(),
            "series": judged.groupby(KEY, sort=True).ngroup().to_numpy(),
            "lag_buckets": judged["horizon_bucket"].to_numpy(dtype=np.int64),
            "actual": judged["demand_qty"].fillna(0.0).clip(lower=0.0).to_numpy(dtype=float),
            "forecast": judged["mean_qty"].to_numpy(dtype=float),
            "scale": judged["naive_mae_qty"].to_numpy(dtype=float),
            **{name: judged[f"{name}_qty"].to_numpy(dtype=float) for name in PINBALL_LEVELS},
        }
    )
    return accuracy_rows(series_accuracy(observations), evaluation_code="frozen_snapshot")


def series_accuracy(observations: pd.DataFrame) -> pd.DataFrame:
    """Sum pairs of forecast and actual up to series and lag; what `accuracy_rows` takes.

    Args:
        observations: `segment_code, series, lag_buckets, actual, forecast, scale, p50, p90, p95`, one row a pair.

    Returns:
        One row a segment, series and lag: how many pairs, and the sum of each measure over them.
    """
    scale = observations["scale"].to_numpy()
    actual = observations["actual"].to_numpy()
    absolute = np.abs(observations["forecast"].to_numpy() - actual)
    pairs = observations[[*_SERIES_LAG, "actual", "forecast"]].assign(
        absolute=absolute,
        pairs=1,
        covered=(actual <= observations["p90"].to_numpy()).astype(np.int64),
        mase=safe_ratio(absolute, scale),
        **{
            f"pinball_{name}": safe_ratio(pinball_loss(actual, observations[name].to_numpy(), level), scale)
            for name, level in PINBALL_LEVELS.items()
        },
    )
    return _summed(pairs)


def accuracy_rows(by_series: pd.DataFrame, *, evaluation_code: str) -> pd.DataFrame:
    """Sum the pairs of series up to segment and lag.

    Scaled measures are means over pairs of a series, then over series; series without a scale (constant history) are
    left out of them. A ratio without demand behind it is null.

    Args:
        by_series: frame of `series_accuracy`, a series in one part of it only.
        evaluation_code: `rolling_origin` or `frozen_snapshot`.

    Returns:
        FORECAST_ACCURACY columns, sorted by segment and lag.
    """
    if by_series.empty:
        return pd.DataFrame({name: [] for name in ACCURACY_COLUMNS})
    # A series that changed its segment counts once in ALL.
    whole = _summed(by_series.assign(segment_code=ALL_SEGMENTS))
    rows = pd.concat([_rates(by_series), _rates(whole)], ignore_index=True)
    rows = rows.assign(evaluation_code=evaluation_code).sort_values(["segment_code", "lag_buckets"], ignore_index=True)
    return rows.loc[:, ACCURACY_COLUMNS]


def _summed(rows: pd.DataFrame) -> pd.DataFrame:
    # A measure without a scale stays missing, as it is for every pair of its series.
    return rows.groupby(_SERIES_LAG, sort=True).sum(min_count=1).reset_index()


def _rates(by_series: pd.DataFrame) -> pd.DataFrame:
    scaled = list(_SCALED)
    ready = by_series.assign(**{name: by_series[name] / by_series["pairs"] for name in scaled})
    groups = ready.groupby(["segment_code", "lag_buckets"], sort=True)
    sums = groups[["actual", "forecast", "absolute"]].sum()
    actual, forecast, absolute = sums.to_numpy(dtype=float).T
    means = groups[scaled].mean()
    counts = groups[["pairs", "covered"]].sum()
    return pd.DataFrame(
        {
            "series_count": groups["series"].nunique(),
            "observation_count": counts["pairs"],
            "actual_qty": actual,
            "forecast_qty": forecast,
            "absolute_error_qty": absolute,
            "wape_rate": safe_ratio(absolute, actual),
            "bias_rate": safe_ratio(forecast - actual, actual),
            "mase_ratio": means["mase"],
            **{f"pinball_{name}_ratio": means[f"pinball_{name}"] for name in PINBALL_LEVELS},
            "coverage_p90_rate": counts["covered"] / counts["pairs"],
        },
        index=sums.index,
    ).reset_index()
