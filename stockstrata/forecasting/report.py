"""Tables of a forecast cycle from its outcomes: one function a table, columns as in `stockstrata.tables`."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd

from stockstrata.evidence import worst_grade
from stockstrata.forecasting import uncertainty as spread
from stockstrata.forecasting.accuracy import PINBALL_LEVELS, accuracy_rows, series_accuracy
from stockstrata.forecasting.days import WEEK_DAYS, with_part_days
from stockstrata.forecasting.fallbacks import fallback_reasons
from stockstrata.forecasting.interval_losses import (
    CONFORMAL,
    EMPIRICAL,
    ERRORS,
    LEARNED_WAYS,
    WINDOWS,
    IntervalBacktest,
    halfway,
)
from stockstrata.forecasting.interval_methods import IntervalChoice, choose_interval_methods
from stockstrata.forecasting.learned_cycle import LearnedQuantiles, learned_demand
from stockstrata.forecasting.metrics import naive_mae, safe_ratio
from stockstrata.forecasting.outcome import SeriesOutcome, whole_buckets
from stockstrata.forecasting.predictive import (
    BUCKET_LEVELS,
    ROUNDING_RATE,
    IntervalDemand,
    demand_method,
    interval_mean,
    interval_table,
    lifted_method,
    quantiles,
)
from stockstrata.forecasting.segment_loss import SelectionLoss
from stockstrata.forecasting.windows import Windows
from stockstrata.panel import KEY, DemandPanel
from stockstrata.parameters import IntervalMethod, PoolModel
from stockstrata.shaped import PROBABILITIES
from stockstrata.tables import CHAMPION, DAILY_FORECAST, DEMAND_FORECAST, LEAD_TIME_DEMAND, MODEL_SCORE, Table

MONTHS = 12
"""Season length of a panel of months."""

WIDE_ROWS = 2_048
"""Series whose buckets or origins are worked on at a time: what is wide never stands in memory as a whole."""


@dataclass(frozen=True)
class DaySeries:
    """Series that are forecast by the day.

    Attributes:
        place: row of each of n series in `share`, -1 for those that are not, (n,).
        share: share of each day in its bucket, (m, T, 7).
        profile: share of a bucket ahead that each of its days is expected to have, (m, 7).
    """

    place: np.ndarray
    share: np.ndarray
    profile: np.ndarray


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
        wanted_folds: origins that the pool asks for, (n,).
        history_buckets: longest history that the pool uses, (n,).
        shrinkage_origins: weight of the segment in the variance, origins.
        gap_buckets: buckets of the history that held no number, (n,).
        block_buckets: buckets that each series is forecast in blocks of where its history allows, (n,).
        loss: that champions are chosen by.
        bucket_type: bucket that each series is forecast in where its history allows, (n,).
        days: which series are forecast by the day, and how their days share a bucket.
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
    wanted_folds: np.ndarray
    history_buckets: np.ndarray
    shrinkage_origins: float
    gap_buckets: np.ndarray
    block_buckets: np.ndarray
    loss: SelectionLoss
    bucket_type: np.ndarray
    days: "DaySeries"
    future_factor: np.ndarray | None = None

    @property
    def planned_buckets(self) -> np.ndarray:
        """Protection interval in buckets, a part of a bucket by what its days sell where they are known, (n,)."""
        found, rows = self.buckets.copy(), np.flatnonzero(self.days.place >= 0)
        found[rows] = with_part_days(found[rows], self.days.profile[self.days.place[rows]])
        return found

    def lifted(self, forecast_qty: np.ndarray) -> np.ndarray:
        """Forecasts of the buckets ahead with what promotions add or take, (n, F)."""
        if self.future_factor is None:
            return forecast_qty
        factor = np.ones(forecast_qty.shape)
        known = min(forecast_qty.shape[1], self.future_factor.shape[1])
        factor[:, :known] = self.future_factor[:, :known]
        return forecast_qty * factor


@dataclass(frozen=True)
class OwnVariance:
    """Variances of series that bring their own instead of back-test errors.

    Attributes:
        place: row of each series in `bucket_variance`, -1 for the others, (n,).
        bucket_variance: demand of each bucket ahead, units squared, (m, F).
    """

    place: np.ndarray
    bucket_variance: np.ndarray


@dataclass(frozen=True)
class CycleUncertainty:
    """Variances of a cycle.

    Attributes:
        interval: spread of demand over the protection interval.
        largest_window_qty: largest demand of any such interval in the history, (n,).
        step_variance: demand of one bucket over all lags, units squared, (n,).
        held_out_variance: the same without one of the newest origins, (n, K).
        profiles: variance at each lag over that of one bucket, by pool, (D,).
        own: of series with variances of their own; their interval variance is theirs as well.
    """

    interval: spread.IntervalSpread
    largest_window_qty: np.ndarray
    step_variance: np.ndarray
    held_out_variance: np.ndarray
    profiles: Mapping[str, np.ndarray]
    own: OwnVariance | None = None


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
        interval=spread.interval_spread(
            errors,
            facts.buckets,
            series.origin_demand_qty - series.origin_forecast_qty,
            series.origin_reach,
            safe_ratio(series.window_mean_qty[:, 1:], series.horizon[:, None]),
            series.window_sd_qty[:, 1:],
            shrinkage_origins=weight,
        ),
        largest_window_qty=spread.largest_windows(facts.panel.demand_qty, facts.buckets),
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
            "score_ratio": safe_ratio(series.model_score_qty[row, position], series.span_demand_qty[row]),
            "cumulative_rmse_qty": rmse,
            "cumulative_bias_qty": series.model_bias_qty[row, position],
            "is_champion": code == series.champion_code[row],
        }
    )
    return with_keys(facts, table, row, MODEL_SCORE)


def fault_table(facts: CycleFacts, series: SeriesOutcome) -> pd.DataFrame:
    """Models that could not be used on a series, and why: `item_id, location_id, model_code, fault_text`."""
    row = np.flatnonzero(series.fault_text != "")
    lines = [(place, *line.split(": ", 1)) for place in row for line in str(series.fault_text[place]).split("\n")]
    table = pd.DataFrame(lines, columns=pd.Index(["row", "model_code", "fault_text"]))
    keyed = facts.panel.keys[KEY].iloc[table["row"].to_numpy(dtype=np.int64)].reset_index(drop=True)
    return pd.concat([keyed, table[["model_code", "fault_text"]]], axis=1)


def champion_table(facts: CycleFacts, series: SeriesOutcome) -> pd.DataFrame:
    """CHAMPION: the model of each series and how it fared against the naive benchmark."""
    is_judged = np.isfinite(series.champion_score_qty) & np.isfinite(series.naive_score_qty)
    better = pd.array(series.champion_score_qty < series.naive_score_qty, dtype="boolean")
    better[~is_judged] = pd.NA
    table = pd.DataFrame(
        {
            "segment_code": facts.segment_code,
            "pool_code": facts.pool_code,
            "model_code": series.champion_code,
            "bucket_type": _bucket_types(facts, series),
            "block_buckets": series.block_buckets,
            "horizon_buckets": series.horizon,
            "fold_count": series.fold_count,
            "score_ratio": safe_ratio(series.champion_score_qty, series.span_demand_qty),
            "naive_score_ratio": safe_ratio(series.naive_score_qty, series.span_demand_qty),
            "is_better_than_naive": better,
            "reason_code": series.reason_code,
            "evidence_grade": _forecast_grade(facts, series),
        }
    )
    return with_keys(facts, table, np.arange(len(table)), CHAMPION)


def _bucket_types(facts: CycleFacts, series: SeriesOutcome) -> np.ndarray:
    """Bucket that the models of each series were fitted to, (n,): a history too short for blocks keeps the cycle's."""
    cycle = "month" if facts.panel.season_length == MONTHS else "week"
    is_own = (series.block_buckets > 1) | (facts.days.place >= 0)
    return np.where(is_own, facts.bucket_type, cycle).astype(object)


def daily_table(facts: CycleFacts, forecast_qty: np.ndarray, planned_qty: np.ndarray, *, depth: int) -> pd.DataFrame:
    """DAILY_FORECAST: the first buckets of the series forecast by the day, shared out to their days.

    Args:
        facts: of the cycle.
        forecast_qty: forecast by bucket, promotions included, (n, F).
        planned_qty: what the cycle plans with, (n, F).
        depth: buckets wanted, at most F.
    """
    rows = np.flatnonzero(facts.days.place >= 0)
    profile = facts.days.profile[facts.days.place[rows]][:, None, :]
    starts = pd.date_range(facts.panel.bucket_start_dates[-1], periods=depth + 1, freq=facts.panel.bucket_days)[1:]
    count = depth * WEEK_DAYS
    table = pd.DataFrame(
        {
            "day_date": np.tile(pd.date_range(starts[0], periods=count, freq="D").to_numpy(), len(rows)),
            "bucket_start_date": np.tile(np.repeat(starts.to_numpy(), WEEK_DAYS), len(rows)),
            "mean_qty": (forecast_qty[rows, :depth, None] * profile).ravel(),
            "final_qty": (planned_qty[rows, :depth, None] * profile).ravel(),
        }
    )
    return with_keys(facts, table, np.repeat(rows, count), DAILY_FORECAST)


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
        if uncertainty.own is not None:
            place = uncertainty.own.place[row]
            variance = np.where(place >= 0, uncertainty.own.bucket_variance[place, ahead], variance)
        method, sd = demand_method(mean, np.sqrt(variance), is_whole=series.is_whole[row])
        table = pd.DataFrame(
            {
                "bucket_start_date": dates.to_numpy()[ahead],
                "horizon_bucket": ahead + 1,
                "model_code": series.champion_code[row],
                "mean_qty": total,
                "baseline_qty": mean,
                "uplift_qty": total - mean,
                "sd_qty": sd,
                **quantiles(total, sd, lifted_method(method, sd, baseline_mean=mean, mean=total), BUCKET_LEVELS),
            }
        )
        return with_keys(facts, table, row, DEMAND_FORECAST)

    return _by_rows(rows_of, series.series_count, workers)


def interval_choice(
    facts: CycleFacts,
    series: SeriesOutcome,
    uncertainty: CycleUncertainty,
    candidates: Sequence[IntervalMethod],
    *,
    earlier: pd.DataFrame | None,
    learned: LearnedQuantiles,
) -> IntervalChoice:
    """How each segment's demand over the interval is described, judged by what the origins of its tournaments show."""
    mean, largest = series.origin_forecast_qty, uncertainty.largest_window_qty[:, None]
    variance = spread.bounded_by_lumps(uncertainty.interval.known_sd_qty**2, np.nan_to_num(mean), largest)
    backtest = IntervalBacktest(
        demand_qty=series.origin_demand_qty,
        forecast_qty=mean,
        scale_qty=uncertainty.interval.known_scale_qty,
        sd_qty=np.sqrt(variance),
        window_mean_qty=series.window_mean_qty[:, 1:],
        window_sd_qty=series.window_sd_qty[:, 1:],
        window_quantile_qty=series.window_quantile_qty,
        is_whole=series.is_whole,
        spread_qty=naive_mae(facts.panel.demand_qty),
        segment_code=facts.segment_code,
        pool_code=facts.pool_code,
    )
    backtest = replace(backtest, learned_qty=learned.judged(backtest, series.horizon))
    return choose_interval_methods(backtest, candidates, earlier)


def lead_time_demand_table(
    facts: CycleFacts,
    series: SeriesOutcome,
    uncertainty: CycleUncertainty,
    choice: IntervalChoice,
    planned_qty: np.ndarray,
    learned: LearnedQuantiles,
) -> pd.DataFrame:
    """LEAD_TIME_DEMAND: distribution of demand over lead time plus review period.

    Its mean follows `planned_qty`, the forecast that the cycle plans with after promotions and people, shaped like
    `series.forecast_qty`; the spread stays that of the statistical forecast, whose errors are known.
    """
    forecast = interval_mean(series.forecast_qty, facts.planned_buckets)
    largest = uncertainty.largest_window_qty
    variance = spread.bounded_by_lumps(uncertainty.interval.variance, forecast, largest)
    # What has hardly been sold yet shows no lumps that could bound it, and no runs or errors to go by.
    is_new = np.full(len(forecast), False) if uncertainty.own is None else uncertainty.own.place >= 0
    error_sd = np.sqrt(np.where(is_new, uncertainty.interval.variance, variance))
    run_mean, run_sd = series.window_mean_qty[:, 0], series.window_sd_qty[:, 0]
    scale = uncertainty.interval.scale_qty
    taken = np.array([choice.base_by_segment[code] for code in facts.segment_code], dtype=object)
    taken[is_new] = ERRORS
    is_running = (taken == WINDOWS) & (forecast > 0)
    is_pooled = (taken == CONFORMAL) & (forecast > 0) & (scale > ROUNDING_RATE * forecast)
    is_own = (taken == EMPIRICAL) & (forecast > 0) & (run_mean > 0) & (run_sd > ROUNDING_RATE * run_mean)
    shape = np.full((len(forecast), len(PROBABILITIES)), np.nan)
    for code, held in choice.shapes.items():
        shape[is_pooled & (facts.segment_code == code)] = held
    shape[is_own] = _own_shapes(facts, np.flatnonzero(is_own))
    demand = IntervalDemand(
        mean_qty=np.select([is_running, is_own], [halfway(forecast, run_mean), run_mean], forecast),
        added_qty=interval_mean(planned_qty, facts.planned_buckets) - forecast,
        sd_qty=np.select([is_running, is_pooled, is_own], [halfway(error_sd, run_sd), scale, run_sd], error_sd),
        shape=shape,
        method_code=taken,
        is_whole=series.is_whole,
    )
    way = np.array([choice.method_by_segment[code] for code in facts.segment_code], dtype=object)
    wanted = np.isin(way, LEARNED_WAYS) & ~is_new & (forecast > 0)
    demand, is_learned = learned_demand(demand, learned.planned(np.flatnonzero(wanted)), way)
    table = interval_table(demand, days=facts.protection_days, lead_time_sd_days=facts.lead_time_sd_days)
    is_taken = is_running | is_pooled | is_own
    table["interval_method_code"] = np.select([is_learned, is_taken], [way, taken], ERRORS).astype(object)
    table["fallback_reason"] = fallback_reasons(series.reason_code, facts.gap_buckets)
    table["evidence_grade"] = worst_grade(pd.Series(_forecast_grade(facts, series)), pd.Series(facts.lead_time_grade))
    return with_keys(facts, table, np.arange(len(table)), LEAD_TIME_DEMAND)


def _own_shapes(facts: CycleFacts, rows: np.ndarray) -> np.ndarray:
    """Standard quantiles of the runs in the history of some series, (len(rows), G)."""
    series = [
        one[np.isfinite(one)][-facts.history_buckets[row] :]
        for row, one in zip(rows, facts.panel.demand_qty[rows], strict=True)
    ]
    runs = Windows.of(series, whole_buckets(facts.buckets[rows]))
    ends = np.array([len(one) for one in series], dtype=np.int64).reshape(-1, 1)
    mean, sd = runs.moments(ends)
    return (runs.quantiles(ends, PROBABILITIES.tolist())[:, 0] - mean) / sd


def backtest_accuracy(
    facts: CycleFacts, series: SeriesOutcome, uncertainty: CycleUncertainty, *, workers: int
) -> pd.DataFrame:
    """FORECAST_ACCURACY of the champions that had a tournament, at their newest origins.

    Quantiles of an origin come from the others. A champion that was only refitted is judged by its frozen forecasts.
    """

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
    is_full = enough & (series.horizon >= series.wanted_horizon) & np.isfinite(series.rmse_qty)
    is_full &= facts.gap_buckets == 0
    return np.where(is_full, "full", "degraded").astype(object)


def with_keys(facts: CycleFacts, table: pd.DataFrame, row: np.ndarray, contract: Table) -> pd.DataFrame:
    """The columns of a contract, period left out: `table` with the keys of the given rows of the panel before it."""
    keyed = facts.panel.keys[KEY].iloc[row].reset_index(drop=True)
    names = [column.name for column in contract.columns if column.name != "period_start_date"]
    return pd.concat([keyed, table.reset_index(drop=True)], axis=1).loc[:, names]
