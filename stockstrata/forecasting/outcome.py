"""What goes into and comes out of a forecast pool: picklable, arrays only, each row a series by itself."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from stockstrata.parameters import PoolModel, PoolSettings


@dataclass(frozen=True)
class PooledInputs:
    """What n series have learnt from all series of their pool (`stockstrata.forecasting.pooled`).

    Attributes:
        cuts: how many buckets before the end of the panel the pool's models were fitted, ascending from 0, (P,).
        seasonal_index: seasonal index by fit and position after the end of the panel, (n, P, S); S is 0 where the pool
            learns none, NaN where it could not.
        global_offset: how many buckets before the end each origin with a forecast of the global model lies, (n, K).
        global_qty: these forecasts, (n, K, D); D is 0 where the pool has no such model.
    """

    cuts: np.ndarray
    seasonal_index: np.ndarray
    global_offset: np.ndarray
    global_qty: np.ndarray

    def select(self, rows: np.ndarray) -> "PooledInputs":
        """What some series have learnt."""
        return PooledInputs(self.cuts, self.seasonal_index[rows], self.global_offset[rows], self.global_qty[rows])


@dataclass(frozen=True)
class PoolTask:
    """Series of one pool.

    Attributes:
        models: models of the pool, simplest first.
        settings: folds and history of the pool, and the loss that these series' champions are chosen by.
        season_length: buckets of a year.
        demand_qty: demand (n, T), NaN before the start only.
        interval_buckets: protection interval, buckets, fractional, (n,).
        least_depth: buckets to forecast, and lags to record back-test errors for, at least.
        block_buckets: buckets that are forecast as one and split back, 1 where each is forecast by itself.
        judged_qty: what accuracy is judged by in place of `demand_qty`; NaN where it is not judged, (n, T).
        is_observed: buckets that models are judged by: demand that was seen, not estimated, (n, T).
        origin_qty: what an origin may learn in place of `demand_qty`: what was told of each bucket when it closed,
            (n, T).
        event_factor: demand with promotions over the baseline that `demand_qty` holds, (n, T).
        sitting_code: champion that a challenger must beat by a margin, empty where there is none, (n,).
        carried: back-tests of champions that are only to be refitted, n rows; None where a tournament is to be held.
        pooled: what the series have learnt from the whole pool, where it has a model for that.
        loss_level: level of that loss where it is the pinball loss.
        day_share: share of each day in its bucket, where models are fitted to days, (n, T, 7).
    """

    models: tuple[PoolModel, ...]
    settings: PoolSettings
    season_length: int
    demand_qty: np.ndarray
    interval_buckets: np.ndarray
    least_depth: int
    sitting_code: np.ndarray
    carried: "SeriesOutcome | None" = None
    block_buckets: int = 1
    judged_qty: np.ndarray | None = None
    is_observed: np.ndarray | None = None
    origin_qty: np.ndarray | None = None
    event_factor: np.ndarray | None = None
    pooled: PooledInputs | None = None
    loss_level: float = 0.0
    day_share: np.ndarray | None = None

    @property
    def horizon(self) -> np.ndarray:
        """Buckets to judge cumulative demand over: the interval in whole buckets, (n,)."""
        return whole_buckets(self.interval_buckets)

    @property
    def forecast_buckets(self) -> np.ndarray:
        """Buckets to forecast, (n,)."""
        return np.maximum(self.horizon, self.least_depth)

    @property
    def needed_buckets(self) -> np.ndarray:
        """Newest buckets that a series' outcome may depend on: what its earliest origin may learn from, (n,)."""
        return needed_buckets(self.settings, self.horizon)

    def select(self, rows: np.ndarray) -> "PoolTask":
        """The task of some of its series."""
        told = {
            name: getattr(self, name)
            for name in ("judged_qty", "is_observed", "origin_qty", "event_factor", "day_share")
        }
        return replace(
            self,
            demand_qty=self.demand_qty[rows],
            interval_buckets=self.interval_buckets[rows],
            sitting_code=self.sitting_code[rows],
            carried=None if self.carried is None else self.carried.select(rows),
            pooled=None if self.pooled is None else self.pooled.select(rows),
            **{name: None if values is None else values[rows] for name, values in told.items()},
        )


def whole_buckets(buckets: np.ndarray) -> np.ndarray:
    """An interval in whole buckets, at least 1; the small amount keeps 35 days of weeks at 5 whatever division left."""
    return np.maximum(np.ceil(buckets - 1e-9), 1).astype(np.int64)


def needed_buckets(settings: PoolSettings, horizon: np.ndarray) -> np.ndarray:
    """Newest buckets that the outcome of a series may depend on, (n,)."""
    return settings.max_history_buckets + settings.fold_count * settings.fold_step_buckets + horizon


def serving_cut(cuts: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Which of the ascending cut-offs serves each origin: the newest one at or before it.

    Args:
        cuts: buckets before the end, ascending, (P,).
        offset: origins, likewise, at most the last cut.

    Example: cuts [0, 5, 20] serve origins [0, 1, 5, 6] with [0, 1, 1, 2].
    """
    return np.minimum(np.searchsorted(cuts, offset), len(cuts) - 1)


@dataclass(frozen=True)
class SeriesOutcome:
    """Champion of n series, its forecast and what its back-test found; NaN where nothing was judged.

    No row depends on another: the series of a pool may be forecast together or apart.

    Attributes:
        length: history used, buckets, (n,).
        mean_qty: mean demand of a bucket in it, (n,).
        is_whole: whether it is whole numbers, (n,).
        naive_mae_qty: error of the naive forecast before the earliest origin, scale of MASE, (n,).
        block_buckets: buckets that were forecast as one and split back, (n,).
        horizon: buckets that models were compared at, (n,).
        wanted_horizon: protection interval then, whole buckets, which a short history may not allow, (n,).
        learnt: buckets that the earliest origin may learn from, (n,).
        fold_count: origins at which demand was seen, (n,).
        independent_folds: what overlapping origins are worth, (n,).
        span_demand_qty: mean actual cumulative demand over the spans judged, (n,).
        naive_rmse_qty: RMSE of the naive benchmark, (n,).
        rmse_qty: RMSE of the champion, (n,).
        held_out_rmse_qty: RMSE of choosing a champion without the origin that it is then judged at, (n,).
        naive_score_qty: loss of the naive benchmark, by which the pool chooses, (n,).
        champion_score_qty: loss of the champion, (n,).
        challenger_score_qty: loss of the challenger, (n,).
        is_selected: whether a tournament was held; else the champion was refitted, and what is told of the back-test
            is that of its last tournament, (n,).
        champion_code: model of each series, (n,).
        challenger_code: model with the least loss beside it, empty where there is none, (n,).
        reason_code: why it was chosen, (n,).
        fault_text: models that could not be used, and why, one a line; empty where there is none, (n,).
        model_score_qty: loss of the pool's models, simplest first, (n, M).
        model_rmse_qty: RMSE of cumulative demand over the horizon, likewise, (n, M).
        model_bias_qty: mean of forecast minus actual cumulative demand, likewise, (n, M).
        forecast_qty: forecast by bucket, (n, F).
        interval_variance: mean squared cumulative error over the protection interval, units squared, (n,).
        square_sum: sum of the squared errors of all origins and lags, (n,).
        square_count: how many they are, (n,).
        lag_square_sum: sum of the squared errors at each lag, (n, D).
        lag_square_count: how many they are, (n, D).
        before_qty: demand of the last bucket known at each of the newest origins, as models learn it and with the
            promotions of the bucket after it; NaN where stock was out in it, (n, K).
        actual_qty: demand behind the newest origins, NaN where it is not judged, (n, K, D).
        predicted_qty: the champion's forecast for it, promotions included, (n, K, D).
        origin_demand_qty: demand over the horizon from each origin, (n, K).
        origin_forecast_qty: the champion's forecast of it, (n, K).
        origin_reach: how many places older an origin must be for its horizon to be over, (n,).
        window_mean_qty: mean demand of a run of the history as long as the interval, and of runs as long as the
            judged horizon before each of the newest origins, (n, 1 + J).
        window_sd_qty: standard deviation of it, likewise.
        window_quantile_qty: quantiles of the runs before each of these origins at `windows.WINDOW_LEVELS`, (n, J, L).
        origin_square_sum: sum of the squared errors of each of these origins, (n, K).
        origin_square_count: how many they are, (n, K).
    """

    length: np.ndarray
    mean_qty: np.ndarray
    is_whole: np.ndarray
    naive_mae_qty: np.ndarray
    block_buckets: np.ndarray
    horizon: np.ndarray
    wanted_horizon: np.ndarray
    learnt: np.ndarray
    fold_count: np.ndarray
    independent_folds: np.ndarray
    span_demand_qty: np.ndarray
    naive_rmse_qty: np.ndarray
    rmse_qty: np.ndarray
    held_out_rmse_qty: np.ndarray
    naive_score_qty: np.ndarray
    champion_score_qty: np.ndarray
    challenger_score_qty: np.ndarray
    is_selected: np.ndarray
    champion_code: np.ndarray
    challenger_code: np.ndarray
    reason_code: np.ndarray
    fault_text: np.ndarray
    model_score_qty: np.ndarray
    model_rmse_qty: np.ndarray
    model_bias_qty: np.ndarray
    forecast_qty: np.ndarray
    interval_variance: np.ndarray
    square_sum: np.ndarray
    square_count: np.ndarray
    lag_square_sum: np.ndarray
    lag_square_count: np.ndarray
    before_qty: np.ndarray
    actual_qty: np.ndarray
    predicted_qty: np.ndarray
    origin_demand_qty: np.ndarray
    origin_forecast_qty: np.ndarray
    origin_reach: np.ndarray
    window_mean_qty: np.ndarray
    window_sd_qty: np.ndarray
    window_quantile_qty: np.ndarray
    origin_square_sum: np.ndarray
    origin_square_count: np.ndarray

    @property
    def series_count(self) -> int:
        """Number of series."""
        return len(self.length)

    def select(self, rows: np.ndarray) -> "SeriesOutcome":
        """The outcome of some series."""
        return SeriesOutcome(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def join_outcomes(parts: Sequence[SeriesOutcome], rows: Sequence[np.ndarray], count: int) -> SeriesOutcome:
    """Outcomes of parts as one of `count` series; shorter horizons and fewer models are padded.

    Args:
        parts: at least one.
        rows: for each part, where its series belong.
        count: series of the whole; every one belongs to a part.
    """
    joined: dict[str, np.ndarray] = {}
    for field in fields(SeriesOutcome):
        arrays = [np.asarray(getattr(part, field.name)) for part in parts]
        shape = tuple(max(array.shape[axis] for array in arrays) for axis in range(1, arrays[0].ndim))
        whole = np.full((count, *shape), np.nan if arrays[0].dtype.kind == "f" else 0, dtype=arrays[0].dtype)
        for held, array in zip(rows, arrays, strict=True):
            whole[(held, *(slice(0, size) for size in array.shape[1:]))] = array
        joined[field.name] = whole
    return SeriesOutcome(**joined)
