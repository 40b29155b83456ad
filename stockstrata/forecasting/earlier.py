"""What earlier cycles found out about the champions, as they wrote it down: read by row, never changed.

A cycle knows the champions of the cycles before it through three tables: the register (who is champion, since when),
the back-tests of their last tournaments, and these by lag. Nothing else is carried from cycle to cycle, so a cycle that
is planned again from the same tables gives the same.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.columns import days, numbers, texts
from stockstrata.forecasting.drift import Expected
from stockstrata.forecasting.metrics import ordered_sum
from stockstrata.forecasting.outcome import SeriesOutcome
from stockstrata.forecasting.uncertainty import interval_growth
from stockstrata.forecasting.windows import WINDOW_LEVELS
from stockstrata.panel import KEY


@dataclass(frozen=True)
class EarlierChampions:
    """Rows of the cycles before, the newest of each series.

    Attributes:
        register: CHAMPION_REGISTER, one row a series.
        backtests: CHAMPION_BACKTEST, one row a series: that of its last tournament.
        lags: CHAMPION_BACKTEST_LAG of the same tournaments.
        methods: INTERVAL_METHOD of the newest cycle; None where there is none.
        sensing: SENSING_CHOICE likewise.
        hierarchy: HIERARCHY_CHOICE likewise.
        launches: NEW_PRODUCT_FORECAST, the newest row of each series; None where there is none.
    """

    register: pd.DataFrame
    backtests: pd.DataFrame
    lags: pd.DataFrame
    methods: pd.DataFrame | None = None
    sensing: pd.DataFrame | None = None
    hierarchy: pd.DataFrame | None = None
    launches: pd.DataFrame | None = None


@dataclass(frozen=True)
class HeldChampions:
    """What is known of n series; where `is_known` is false nothing in the row means anything.

    Attributes:
        is_known: whether an earlier cycle planned the series, (n,).
        is_validated: whether it had a champion from a tournament, not a fallback, (n,).
        pool_code: forecast pool then, (n,).
        champion_code: model, (n,).
        since: cut-off of the cycle since which it is champion, `datetime64[D]`, (n,).
        tournament: cut-off of the cycle of its last tournament, `datetime64[D]`, (n,).
        newest_bucket: newest bucket that this tournament knew, `datetime64[D]`, (n,).
        method_hash: of the models and settings that it went by, (n,).
        history_demand_qty: demand that it learnt from, units, (n,).
        expected: what its back-test led to expect.
        backtest: its back-test; forecasts are those of the tournament.
    """

    is_known: np.ndarray
    is_validated: np.ndarray
    pool_code: np.ndarray
    champion_code: np.ndarray
    since: np.ndarray
    tournament: np.ndarray
    newest_bucket: np.ndarray
    method_hash: np.ndarray
    history_demand_qty: np.ndarray
    expected: Expected
    backtest: SeriesOutcome


def held_champions(earlier: EarlierChampions, keys: pd.DataFrame, buckets: np.ndarray) -> HeldChampions:
    """The earlier champions of some series.

    Args:
        earlier: rows of the cycles before.
        keys: `item_id, location_id` of n series.
        buckets: their protection intervals now, buckets, (n,); the variance over the interval is stretched from that
            of then by `interval_growth`.
    """
    register, is_known = _rows(earlier.register, keys)
    backtests, has_backtest = _rows(earlier.backtests, keys)
    tournament = days(register, "tournament_date")
    is_same = has_backtest & (days(backtests, "tournament_date") == tournament)
    forecast, rmse, count = _by_lag(earlier.lags, keys)
    backtest = _outcome(register, backtests, forecast, rmse, count, buckets)
    return HeldChampions(
        is_known=is_known,
        is_validated=is_known & is_same & (texts(register, "decision_code") != "fallback").to_numpy(),
        pool_code=texts(register, "pool_code").to_numpy(dtype=object),
        champion_code=backtest.champion_code,
        since=days(register, "champion_since_date"),
        tournament=tournament,
        newest_bucket=days(backtests, "newest_bucket_date"),
        method_hash=texts(backtests, "method_hash").to_numpy(dtype=object),
        history_demand_qty=numbers(backtests, "history_demand_qty"),
        expected=Expected(
            forecast_qty=forecast,
            step_sd_qty=numbers(backtests, "step_sd_qty"),
            interval_sd_qty=numbers(backtests, "interval_sd_qty"),
            interval_buckets=numbers(backtests, "interval_buckets"),
            length=backtest.length,
        ),
        backtest=backtest,
    )


def _rows(frame: pd.DataFrame, keys: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """A row for each key, empty where the frame has none, and whether it has one."""
    place = pd.MultiIndex.from_frame(frame[KEY]).get_indexer(pd.MultiIndex.from_frame(keys[KEY]))
    return frame.reset_index(drop=True).reindex(np.where(place >= 0, place, -1)).reset_index(drop=True), place >= 0


def _by_lag(lags: pd.DataFrame, keys: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Forecast, RMSE and number of errors at each lag, (n, D)."""
    row = pd.MultiIndex.from_frame(keys[KEY]).get_indexer(pd.MultiIndex.from_frame(lags[KEY]))
    held = lags[row >= 0]
    row, lag = row[row >= 0], held["horizon_bucket"].to_numpy(dtype=np.int64) - 1
    forecast = np.full((len(keys), int(lag.max(initial=0)) + 1), np.nan)
    rmse, count = forecast.copy(), np.zeros(forecast.shape, dtype=np.int64)
    forecast[row, lag] = numbers(held, "mean_qty")
    rmse[row, lag] = numbers(held, "rmse_qty")
    count[row, lag] = held["error_count"].to_numpy(dtype=np.int64)
    return forecast, rmse, count


def _outcome(
    register: pd.DataFrame,
    backtests: pd.DataFrame,
    forecast: np.ndarray,
    rmse: np.ndarray,
    count: np.ndarray,
    buckets: np.ndarray,
) -> SeriesOutcome:
    n, nothing = len(register), np.full((len(register), 1), np.nan)
    squares = np.where(count > 0, np.nan_to_num(rmse) ** 2 * count, 0.0)
    length, then = _whole(backtests, "history_buckets"), numbers(backtests, "interval_buckets")
    growth = interval_growth(buckets, length) / interval_growth(then, length)
    return SeriesOutcome(
        length=length,
        mean_qty=np.full(n, np.nan),
        is_whole=np.full(n, False),
        naive_mae_qty=np.full(n, np.nan),
        horizon=_whole(backtests, "horizon_buckets"),
        wanted_horizon=_whole(backtests, "wanted_horizon_buckets"),
        learnt=_whole(backtests, "learnt_buckets"),
        fold_count=_whole(backtests, "fold_count"),
        independent_folds=numbers(backtests, "independent_fold_ratio"),
        span_demand_qty=numbers(backtests, "span_demand_qty"),
        naive_rmse_qty=numbers(backtests, "naive_rmse_qty"),
        rmse_qty=numbers(backtests, "cumulative_rmse_qty"),
        held_out_rmse_qty=numbers(backtests, "held_out_rmse_qty"),
        naive_score_qty=numbers(backtests, "naive_score_qty"),
        champion_score_qty=numbers(register, "champion_score_qty"),
        challenger_score_qty=numbers(register, "challenger_score_qty"),
        is_selected=np.full(n, False),
        champion_code=texts(register, "champion_model_code").to_numpy(dtype=object),
        challenger_code=texts(register, "challenger_model_code").to_numpy(dtype=object),
        reason_code=texts(backtests, "reason_code").to_numpy(dtype=object),
        fault_text=np.full(n, "", dtype=object),
        model_score_qty=nothing,
        model_rmse_qty=nothing,
        model_bias_qty=nothing,
        forecast_qty=forecast,
        interval_variance=numbers(backtests, "interval_rmse_qty") ** 2 * growth,
        square_sum=ordered_sum(squares),
        square_count=count.sum(axis=1),
        lag_square_sum=squares,
        lag_square_count=count,
        actual_qty=nothing[:, :, None],
        predicted_qty=nothing[:, :, None],
        block_buckets=np.ones(n, dtype=np.int64),
        before_qty=nothing,
        origin_demand_qty=nothing,
        origin_forecast_qty=nothing,
        origin_reach=np.ones(n, dtype=np.int64),
        window_mean_qty=nothing,
        window_sd_qty=nothing,
        window_quantile_qty=np.full((n, 1, len(WINDOW_LEVELS)), np.nan),
        origin_square_sum=np.zeros((n, 1)),
        origin_square_count=np.zeros((n, 1), dtype=np.int64),
    )


def _whole(frame: pd.DataFrame, name: str) -> np.ndarray:
    return np.nan_to_num(numbers(frame, name)).astype(np.int64)
