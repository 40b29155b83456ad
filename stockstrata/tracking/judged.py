"""Frozen forecasts beside what was sold since: one row a forecast and bucket, every step of the forecast in it."""

import datetime as dt

import numpy as np
import pandas as pd

from stockstrata.forecasting.metrics import naive_mae, naive_mse
from stockstrata.panel import KEY, DemandPanel
from stockstrata.tables import JUDGED_FORECAST

JUDGED_COLUMNS = [column.name for column in JUDGED_FORECAST.columns if column.name != "period_start_date"]
_BUCKET = [*KEY, "bucket_start_date"]


def judged_forecasts(
    frozen: pd.DataFrame,
    actuals: pd.DataFrame,
    panel: DemandPanel,
    *,
    last_bucket_date: dt.date,
    unjudged: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Put beside each frozen forecast the demand of its bucket, once that bucket is complete.

    A bucket whose stock ran out shows sales, not demand: it judges nobody.

    Args:
        frozen: FINAL_FORECAST of earlier cycles with `made_period_start_date`, and `p10_qty, p50_qty, p90_qty, p95_qty`
            of the statistical forecast.
        actuals: `item_id, location_id, bucket_start_date, demand_qty`; a bucket without a row sold nothing, one with
            more returns than sales counts as nothing too.
        panel: demand history of what is planned, which alone is judged; the scales of MASE and RMSSE come from it.
        last_bucket_date: last complete bucket; later forecasts are not judged yet.
        unjudged: `item_id, location_id, bucket_start_date` of buckets whose demand nobody saw.

    Returns:
        JUDGED_FORECAST, sorted by its key.
    """
    due = _dated(frozen)
    due = due[due["bucket_start_date"] <= pd.Timestamp(last_bucket_date)]
    if unjudged is not None and len(unjudged):
        gone = pd.MultiIndex.from_frame(_dated(unjudged)[_BUCKET])
        due = due[~pd.MultiIndex.from_frame(due[_BUCKET]).isin(gone)]
    sold = _dated(actuals)[[*_BUCKET, "demand_qty"]].groupby(_BUCKET).sum().reset_index()
    scales = panel.keys[KEY].assign(
        naive_mae_qty=naive_mae(panel.demand_qty), naive_rmse_qty=np.sqrt(naive_mse(panel.demand_qty))
    )
    judged = due.merge(sold, on=_BUCKET, how="left").merge(scales, on=KEY)
    overridden = judged["override_qty"].astype(float)
    judged = judged.assign(
        lag_buckets=judged["horizon_bucket"],
        actual_qty=judged["demand_qty"].fillna(0.0).clip(lower=0.0),
        overridden_qty=overridden.where(overridden.notna(), judged["smoothed_qty"]),
    )
    key = ["made_period_start_date", *_BUCKET]
    return judged.loc[:, JUDGED_COLUMNS].sort_values(key, ignore_index=True)


def _dated(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(bucket_start_date=pd.to_datetime(frame["bucket_start_date"]).astype("datetime64[ns]"))
