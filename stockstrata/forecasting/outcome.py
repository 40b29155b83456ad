"""What goes into and comes out of a forecast pool: picklable, arrays only."""

from dataclasses import dataclass

import numpy as np

from stockstrata.parameters import PoolModel, PoolSettings


@dataclass(frozen=True)
class PoolTask:
    """Series of one pool.

    Attributes:
        models: models of the pool, any order.
        settings: folds and history of the pool.
        season_length: buckets of a year.
        demand_qty: demand (n, T), NaN before the start only.
        horizon: buckets to judge cumulative demand over, (n,).
        forecast_buckets: buckets to forecast, (n,).
        least_depth: lags to record back-test errors for, at least.
    """

    models: tuple[PoolModel, ...]
    settings: PoolSettings
    season_length: int
    demand_qty: np.ndarray
    horizon: np.ndarray
    forecast_buckets: np.ndarray
    least_depth: int


@dataclass(frozen=True)
class ModelScores:
    """Scores of n series by M models, simplest model first; NaN where a model was not judged.

    Attributes:
        model_codes: the M models.
        rmse_qty: RMSE of cumulative demand over the horizon, (n, M).
        bias_qty: mean of forecast minus actual cumulative demand, (n, M).
    """

    model_codes: tuple[str, ...]
    rmse_qty: np.ndarray
    bias_qty: np.ndarray


@dataclass(frozen=True)
class SeriesOutcome:
    """Champion of n series, its forecast and its back-test from K origins at D lags; NaN where nothing was judged.

    Attributes:
        length: history used, buckets, (n,).
        mean_qty: mean demand of a bucket in it, (n,).
        is_whole: whether it is whole numbers, (n,).
        naive_mae_qty: error of the naive forecast before the earliest origin, scale of MASE, (n,).
        horizon: buckets that models were compared at, (n,).
        fold_count: origins, (n,).
        independent_folds: what overlapping origins are worth, (n,).
        span_demand_qty: mean actual cumulative demand over the spans judged, (n,).
        naive_rmse_qty: RMSE of the naive benchmark, (n,).
        rmse_qty: RMSE of the champion, (n,).
        held_out_rmse_qty: RMSE of choosing a champion without the origin that it is then judged at, (n,).
        champion_code: model of each series, (n,).
        reason_code: why it was chosen, (n,).
        forecast_qty: forecast by bucket, (n, F).
        actual_qty: demand behind each origin, (n, K, D).
        predicted_qty: the champion's forecast for it, (n, K, D).
    """

    length: np.ndarray
    mean_qty: np.ndarray
    is_whole: np.ndarray
    naive_mae_qty: np.ndarray
    horizon: np.ndarray
    fold_count: np.ndarray
    independent_folds: np.ndarray
    span_demand_qty: np.ndarray
    naive_rmse_qty: np.ndarray
    rmse_qty: np.ndarray
    held_out_rmse_qty: np.ndarray
    champion_code: np.ndarray
    reason_code: np.ndarray
    forecast_qty: np.ndarray
    actual_qty: np.ndarray
    predicted_qty: np.ndarray


@dataclass(frozen=True)
class PoolOutcome:
    """Answer to a `PoolTask`."""

    scores: ModelScores
    series: SeriesOutcome
