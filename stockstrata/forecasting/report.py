"""Tables of a forecast cycle from its outcomes: one function a table, columns as in `stockstrata.tables`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.evidence import worst_grade
from stockstrata.forecasting import uncertainty as spread
from stockstrata.forecasting.accuracy import PINBALL_LEVELS, accuracy_rows
from stockstrata.forecasting.metrics import safe_ratio
from stockstrata.forecasting.outcome import ModelScores, SeriesOutcome
from stockstrata.forecasting.predictive import BUCKET_LEVELS, demand_method, interval_mean, interval_table, quantiles
from stockstrata.panel import KEY, DemandPanel
from stockstrata.tables import CHAMPION, DEMAND_FORECAST, LEAD_TIME_DEMAND, MODEL_SCORE, Table

"""Evidence grades, best first: a row is as good as its weakest input."""

ACCURACY_ORIGINS = 6
"""Newest origins that accuracy by lag is read from: enough to average, few enough to be about today."""


@dataclass(frozen=True)
class CycleFacts:
    """What is known of each series besides its demand, n rows in the order of `panel.keys`.

    Attributes:
        panel: the demand panel.
        segment_code: segment, (n,).
        pool_code: forecast pool, (n,).
        buckets: protection interval, buckets, fractional, (n,).
        protection_days: protection interval, days, (n,).
        lead_time_sd_days: standard deviation of the lead time, days, (n,).
        lead_time_grade: evidence grade of the lead time, (n,).
        wanted_horizon: protection interval in whole buckets, (n,).
        wanted_folds: origins that the pool asks for, (n,).
        shrinkage_origins: weight of the segment in the variance, origins.
    """

    panel: DemandPanel
    segment_code: np.ndarray
    pool_code: np.ndarray
    buckets: np.ndarray
    protection_days: np.ndarray
    lead_time_sd_days: np.ndarray
    lead_time_grade: np.ndarray
    wanted_horizon: np.ndarray
    wanted_folds: np.ndarray
    shrinkage_origins: float


@dataclass(frozen=True)
class CycleUncertainty:
    """Variances of a cycle.

    Attributes:
        interval_variance: demand over the protection interval, units squared, (n,).
        bucket_sd: demand of each forecast bucket, units, (n, F).
        backtest_sd: demand at each origin and lag, from the other origins, units, (n, K, D).
    """

    interval_variance: np.ndarray
    bucket_sd: np.ndarray
    backtest_sd: np.ndarray


def cycle_uncertainty(facts: CycleFacts, series: SeriesOutcome) -> CycleUncertainty:
    """Variances from the champions' rolling-origin errors, shrunk towards segment, pool and all series."""
    errors = spread.ForecastErrors(
        error_qty=series.predicted_qty - series.actual_qty,
        fold_count=series.fold_count,
        independent_folds=series.independent_folds,
        optimism_ratio=safe_ratio(series.rmse_qty**2, series.held_out_rmse_qty**2),
        horizon=series.horizon,
        length=series.length,
        mean_qty=series.mean_qty,
        groups=pd.DataFrame({"segment": facts.segment_code, "pool": facts.pool_code}),
    )
    weight = facts.shrinkage_origins
    depth = max(series.forecast_qty.shape[1], series.actual_qty.shape[2])
    profile = np.empty((len(series.mean_qty), depth))
    for code in sorted(set(facts.pool_code)):
        held = facts.pool_code == code
        profile[held] = spread.lag_profile(errors.error_qty[held], depth)
    step = spread.step_variance(errors, shrinkage_origins=weight)
    held_out = spread.held_out_step_variance(errors, shrinkage_origins=weight)
    return CycleUncertainty(
        interval_variance=spread.interval_variance(errors, facts.buckets, shrinkage_origins=weight),
        bucket_sd=np.sqrt(step[:, None] * profile)[:, : series.forecast_qty.shape[1]],
        backtest_sd=np.sqrt(held_out[:, :, None] * profile[:, None, : series.actual_qty.shape[2]]),
    )


def score_table(
    facts: CycleFacts, series: SeriesOutcome, scores: Sequence[ModelScores], rows: Sequence[np.ndarray]
) -> pd.DataFrame:
    """MODEL_SCORE: every model that was judged, by series."""
    parts = []
    for held, score in zip(rows, scores, strict=True):
        row, position = np.nonzero(np.isfinite(score.rmse_qty))
        found = held[row]
        code = np.array(score.model_codes, dtype=object)[position]
        rmse = score.rmse_qty[row, position]
        parts.append(
            pd.DataFrame(
                {
                    "row": found,
                    "pool_code": facts.pool_code[found],
                    "model_code": code,
                    "horizon_buckets": series.horizon[found],
                    "fold_count": series.fold_count[found],
                    "score_ratio": safe_ratio(rmse, series.span_demand_qty[found]),
                    "cumulative_rmse_qty": rmse,
                    "cumulative_bias_qty": score.bias_qty[row, position],
                    "is_champion": code == series.champion_code[found],
                }
            )
        )
    table = pd.concat(parts, ignore_index=True).sort_values("row", kind="stable", ignore_index=True)
    return _with_keys(facts, table.drop(columns="row"), table["row"].to_numpy(), MODEL_SCORE)


def champion_table(facts: CycleFacts, series: SeriesOutcome) -> pd.DataFrame:
    """CHAMPION: the model of each series and how it fared against the naive benchmark."""
    is_judged = np.isfinite(series.rmse_qty) & np.isfinite(series.naive_rmse_qty)
    better = pd.array(series.rmse_qty < series.naive_rmse_qty, dtype="boolean")
    better[~is_judged] = pd.NA
    table = pd.DataFrame(
        {
            "segment_code": facts.segment_code,
            "pool_code": facts.pool_code,
            "model_code": series.champion_code,
            "horizon_buckets": series.horizon,
            "fold_count": series.fold_count,
            "score_ratio": safe_ratio(series.rmse_qty, series.span_demand_qty),
            "naive_score_ratio": safe_ratio(series.naive_rmse_qty, series.span_demand_qty),
            "is_better_than_naive": better,
            "reason_code": series.reason_code,
            "evidence_grade": _forecast_grade(facts, series),
        }
    )
    return _with_keys(facts, table, np.arange(len(table)), CHAMPION)


def forecast_table(facts: CycleFacts, series: SeriesOutcome, uncertainty: CycleUncertainty) -> pd.DataFrame:
    """DEMAND_FORECAST: mean and quantiles of each bucket ahead."""
    row, ahead = np.nonzero(np.isfinite(series.forecast_qty))
    mean = series.forecast_qty[row, ahead]
    method, sd = demand_method(mean, uncertainty.bucket_sd[row, ahead], is_whole=series.is_whole[row])
    dates = pd.date_range(
        facts.panel.bucket_start_dates[-1], periods=series.forecast_qty.shape[1] + 1, freq=facts.panel.bucket_days
    )[1:]
    table = pd.DataFrame(
        {
            "bucket_start_date": dates.to_numpy()[ahead],
            "horizon_bucket": ahead + 1,
            "model_code": series.champion_code[row],
            "mean_qty": mean,
            **quantiles(mean, sd, method, BUCKET_LEVELS),
        }
    )
    return _with_keys(facts, table, row, DEMAND_FORECAST)


def lead_time_demand_table(facts: CycleFacts, series: SeriesOutcome, uncertainty: CycleUncertainty) -> pd.DataFrame:
    """LEAD_TIME_DEMAND: distribution of demand over lead time plus review period."""
    table = interval_table(
        forecast_qty=series.forecast_qty,
        buckets=facts.buckets,
        days=facts.protection_days,
        variance=spread.bounded_by_lumps(
            uncertainty.interval_variance,
            interval_mean(series.forecast_qty, facts.buckets),
            spread.largest_windows(facts.panel.demand_qty, facts.buckets),
        ),
        lead_time_sd_days=facts.lead_time_sd_days,
        is_whole=series.is_whole,
    )
    table["evidence_grade"] = worst_grade(pd.Series(_forecast_grade(facts, series)), pd.Series(facts.lead_time_grade))
    return _with_keys(facts, table, np.arange(len(table)), LEAD_TIME_DEMAND)


def backtest_accuracy(facts: CycleFacts, series: SeriesOutcome, uncertainty: CycleUncertainty) -> pd.DataFrame:
    """FORECAST_ACCURACY of the champions at their newest origins; quantiles of an origin come from the others."""
    depth = min(series.forecast_qty.shape[1], series.actual_qty.shape[2])
    window = (slice(None), slice(0, ACCURACY_ORIGINS), slice(0, depth))
    predicted, actual = series.predicted_qty[window], series.actual_qty[window]
    row, origin, lag = np.nonzero(np.isfinite(predicted) & np.isfinite(actual))
    mean = predicted[row, origin, lag]
    method, sd = demand_method(mean, uncertainty.backtest_sd[row, origin, lag], is_whole=series.is_whole[row])
    observations = pd.DataFrame(
        {
            "segment_code": facts.segment_code[row],
            "series": row,
            "lag_buckets": lag + 1,
            "actual": actual[row, origin, lag],
            "forecast": mean,
            "scale": series.naive_mae_qty[row],
            **quantiles(mean, sd, method, PINBALL_LEVELS),
        }
    )
    return accuracy_rows(observations, evaluation_code="rolling_origin")


def _forecast_grade(facts: CycleFacts, series: SeriesOutcome) -> np.ndarray:
    # Half of the wanted origins at the full horizon is enough evidence; fallbacks have none.
    enough = series.fold_count >= np.maximum(np.ceil(facts.wanted_folds / 2), 1)
    is_full = enough & (series.horizon >= facts.wanted_horizon) & np.isfinite(series.rmse_qty)
    return np.where(is_full, "full", "degraded").astype(object)


def _with_keys(facts: CycleFacts, table: pd.DataFrame, row: np.ndarray, contract: Table) -> pd.DataFrame:
    keyed = facts.panel.keys[KEY].iloc[row].reset_index(drop=True)
    names = [column.name for column in contract.columns if column.name != "period_start_date"]
    return pd.concat([keyed, table.reset_index(drop=True)], axis=1).loc[:, names]
