"""Tables of a forecast cycle from its outcomes: one function a table, columns as in `stockstrata.tables`."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from stockstrata.evidence import worst_grade
from stockstrata.forecasting import uncertainty as spread
from stockstrata.forecasting.accuracy import PINBALL_LEVELS, accuracy_rows, series_accuracy
from stockstrata.forecasting.metrics import safe_ratio
from stockstrata.forecasting.outcome import SeriesOutcome
from stockstrata.forecasting.predictive import (
    BUCKET_LEVELS,
    demand_method,
    interval_mean,
    interval_table,
    lifted_method,
    quantiles,
)
from stockstrata.panel import KEY, DemandPanel
from stockstrata.parameters import PoolModel
from stockstrata.tables import CHAMPION, DEMAND_FORECAST, LEAD_TIME_DEMAND, MODEL_SCORE, Table

WIDE_ROWS = 2_048
"""Series whose buckets or origins are worked on at a time: what is wide never stands in memory as a whole."""


@dataclass(frozen=True)
class CycleFacts:
    """What is known of each series besides its demand, n rows in the order of `panel.keys`.

    Attributes:
        panel: the demand panel.
        segment_code: segment, (n,).
        pool_code: forecast pool, (n,).
        pool_models: models of each pool, simplest first.
        buckets: protection interval, buckets, fractional, (n,).
        protection_days: protection interval, days, (n,).
        lead_time_sd_days: standard deviation of the lead time, days, (n,).
        lead_time_grade: evidence grade of the lead time, (n,).
        wanted_horizon: protection interval in whole buckets, (n,).
        wanted_folds: origins that the pool asks for, (n,).
        shrinkage_origins: weight of the segment in the variance, origins.
        future_factor: demand with promotions over demand without in the buckets ahead, (n, F); None where 1.
    """

    panel: DemandPanel
    segment_code: np.ndarray
    pool_code: np.ndarray
    pool_models: Mapping[str, tuple[PoolModel, ...]]
    buckets: np.ndarray
    protection_days: np.ndarray
    lead_time_sd_days: np.ndarray
    lead_time_grade: np.ndarray
    wanted_horizon: np.ndarray
    wanted_folds: np.ndarray
    shrinkage_origins: float
    future_factor: np.ndarray | None = None

    def lifted(self, forecast_qty: np.ndarray) -> np.ndarray:
        """Forecasts of the buckets ahead with what promotions add or take, (n, F)."""
        if self.future_factor is None:
            return forecast_qty
        factor = np.ones_like(forecast_qty)
        known = min(factor.shape[1], self.future_factor.shape[1])
        factor[:, :known] = self.future_factor[:, :known]
        return forecast_qty * factor


@dataclass(frozen=True)
class CycleUncertainty:
    """Variances of a cycle.

    Attributes:
        interval_variance: demand over the protection interval, units squared, (n,).
        step_variance: demand of one bucket over all lags, units squared, (n,).
        held_out_variance: the same without one of the newest origins, (n, K).
        profiles: variance at each lag over that of one bucket, by pool, (D,).
    """

    interval_variance: np.ndarray
    step_variance: np.ndarray
    held_out_variance: np.ndarray
    profiles: Mapping[str, np.ndarray]


def cycle_uncertainty(facts: CycleFacts, series: SeriesOutcome) -> CycleUncertainty:
    """Variances from the champions' rolling-origin errors, shrunk towards segment, pool and all series."""
    sums = spread.ErrorSums(**{field.name: getattr(series, field.name) for field in fields(spread.ErrorSums)})
    errors = spread.ForecastErrors(
        sums=sums,
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
    return CycleUncertainty(
        interval_variance=spread.interval_variance(errors, facts.buckets, shrinkage_origins=weight),
        step_variance=spread.step_variance(errors, shrinkage_origins=weight),
        held_out_variance=spread.held_out_step_variance(errors, shrinkage_origins=weight),
        profiles={
            code: spread.lag_profile(sums, facts.pool_code == code, depth) for code in sorted(set(facts.pool_code))
        },
    )


def score_table(facts: CycleFacts, series: SeriesOutcome) -> pd.DataFrame:
    """MODEL_SCORE: every model that was judged, by series."""
    row, position = np.nonzero(np.isfinite(series.model_rmse_qty))
    code = np.empty(len(row), dtype=object)
    for pool, models in facts.pool_models.items():
        held = facts.pool_code[row] == pool
        code[held] = np.array([model.model_code for model in models], dtype=object)[position[held]]
    rmse = series.model_rmse_qty[row, position]
    table = pd.DataFrame(
        {
            "pool_code": facts.pool_code[row],
            "model_code": code,
            "horizon_buckets": series.horizon[row],
            "fold_count": series.fold_count[row],
            "score_ratio": safe_ratio(rmse, series.span_demand_qty[row]),
            "cumulative_rmse_qty": rmse,
            "cumulative_bias_qty": series.model_bias_qty[row, position],
            "is_champion": code == series.champion_code[row],
        }
    )
    return _with_keys(facts, table, row, MODEL_SCORE)


def fault_table(facts: CycleFacts, series: SeriesOutcome) -> pd.DataFrame:
    """Models that could not be used on a series, and why: `item_id, location_id, model_code, fault_text`."""
    row = np.flatnonzero(series.fault_text != "")
    lines = [(place, *line.split(": ", 1)) for place in row for line in str(series.fault_text[place]).split("\n")]
    table = pd.DataFrame(lines, columns=pd.Index(["row", "model_code", "fault_text"]))
    keyed = facts.panel.keys[KEY].iloc[table["row"].to_numpy(dtype=np.int64)].reset_index(drop=True)
    return pd.concat([keyed, table[["model_code", "fault_text"]]], axis=1)


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


def forecast_table(
    facts: CycleFacts, series: SeriesOutcome, uncertainty: CycleUncertainty, *, workers: int
) -> pd.DataFrame:
    """DEMAND_FORECAST: mean and quantiles of each bucket ahead."""
    dates = pd.date_range(
        facts.panel.bucket_start_dates[-1], periods=series.forecast_qty.shape[1] + 1, freq=facts.panel.bucket_days
    )[1:]

    lifted = facts.lifted(series.forecast_qty)

    def rows_of(held: np.ndarray) -> pd.DataFrame:
        place, ahead = np.nonzero(np.isfinite(series.forecast_qty[held]))
        row = held[place]
        mean, total = series.forecast_qty[row, ahead], lifted[row, ahead]
        variance = uncertainty.step_variance[row] * _at_lag(facts, uncertainty, row, ahead)
        method, sd = demand_method(mean, np.sqrt(variance), is_whole=series.is_whole[row])
        table = pd.DataFrame(
            {
                "bucket_start_date": dates.to_numpy()[ahead],
                "horizon_bucket": ahead + 1,
                "model_code": series.champion_code[row],
                "mean_qty": total,
                "baseline_qty": mean,
                "uplift_qty": total - mean,
                **quantiles(total, sd, lifted_method(method, sd, baseline_mean=mean, mean=total), BUCKET_LEVELS),
            }
        )
        return _with_keys(facts, table, row, DEMAND_FORECAST)

    return _by_rows(rows_of, series.series_count, workers)


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
        lifted_qty=facts.lifted(series.forecast_qty),
    )
    table["evidence_grade"] = worst_grade(pd.Series(_forecast_grade(facts, series)), pd.Series(facts.lead_time_grade))
    return _with_keys(facts, table, np.arange(len(table)), LEAD_TIME_DEMAND)


def backtest_accuracy(
    facts: CycleFacts, series: SeriesOutcome, uncertainty: CycleUncertainty, *, workers: int
) -> pd.DataFrame:
    """FORECAST_ACCURACY of the champions at their newest origins; quantiles of an origin come from the others."""

    def rows_of(held: np.ndarray) -> pd.DataFrame:
        predicted, actual = series.predicted_qty[held], series.actual_qty[held]
        place, origin, lag = np.nonzero(np.isfinite(predicted) & np.isfinite(actual))
        row, mean = held[place], predicted[place, origin, lag]
        variance = uncertainty.held_out_variance[row, origin] * _at_lag(facts, uncertainty, row, lag)
        method, sd = demand_method(mean, np.sqrt(variance), is_whole=series.is_whole[row])
        observations = pd.DataFrame(
            {
                "segment_code": facts.segment_code[row],
                "series": row,
                "lag_buckets": lag + 1,
                "actual": actual[place, origin, lag],
                "forecast": mean,
                "scale": series.naive_mae_qty[row],
                **quantiles(mean, sd, method, PINBALL_LEVELS),
            }
        )
        return series_accuracy(observations)

    return accuracy_rows(_by_rows(rows_of, series.series_count, workers), evaluation_code="rolling_origin")


def _at_lag(facts: CycleFacts, uncertainty: CycleUncertainty, row: np.ndarray, lag: np.ndarray) -> np.ndarray:
    codes = sorted(uncertainty.profiles)
    profiles = np.stack([uncertainty.profiles[code] for code in codes])
    return profiles[np.searchsorted(np.array(codes, dtype=object), facts.pool_code[row]), lag]


def _by_rows(rows_of: Callable[[np.ndarray], pd.DataFrame], count: int, workers: int) -> pd.DataFrame:
    """Rows of all series, made some series at a time; quantiles release the interpreter, so threads share them."""
    parts = [np.arange(start, min(start + WIDE_ROWS, count)) for start in range(0, count, WIDE_ROWS)]
    with ThreadPoolExecutor(max(workers, 1)) as executor:
        return pd.concat(list(executor.map(rows_of, parts)), ignore_index=True)


def _forecast_grade(facts: CycleFacts, series: SeriesOutcome) -> np.ndarray:
    # Half of the wanted origins at the full horizon is enough evidence; fallbacks have none.
    enough = series.fold_count >= np.maximum(np.ceil(facts.wanted_folds / 2), 1)
    is_full = enough & (series.horizon >= facts.wanted_horizon) & np.isfinite(series.rmse_qty)
    return np.where(is_full, "full", "degraded").astype(object)


def _with_keys(facts: CycleFacts, table: pd.DataFrame, row: np.ndarray, contract: Table) -> pd.DataFrame:
    keyed = facts.panel.keys[KEY].iloc[row].reset_index(drop=True)
    names = [column.name for column in contract.columns if column.name != "period_start_date"]
    return pd.concat([keyed, table.reset_index(drop=True)], axis=1).loc[:, names]
