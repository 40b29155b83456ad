"""One chunk of series of one pool: validate every model from rolling origins, choose, forecast; or refit champions.

Self-contained and picklable, so that chunks may run in other processes. What comes out for a series depends on nothing
but the series and its pool: neither on the chunk that it stands in nor on the number of workers.
"""

from dataclasses import fields, replace

import numpy as np

from stockstrata.forecasting.choice import (
    challengers,
    choice_rule,
    choose_champions,
    held_out_rmse,
    losses,
    mean_losses,
    origin_losses,
    pinball_losses,
    pool_positions,
    reasons,
)
from stockstrata.forecasting.members import (
    ENSEMBLE,
    PoolSeries,
    ensemble_median,
    ensemble_members,
    histories,
    origin_histories,
)
from stockstrata.forecasting.metrics import masked_mean, naive_mae, ordered_sum
from stockstrata.forecasting.origins import ValidationPlan, validation_plan
from stockstrata.forecasting.outcome import PoolTask, SeriesOutcome, join_outcomes
from stockstrata.forecasting.refit import refit_champions
from stockstrata.forecasting.segment_loss import PINBALL
from stockstrata.forecasting.uncertainty import ErrorSums, error_sums
from stockstrata.forecasting.windows import WINDOW_LEVELS, Windows, runs_to_come
from stockstrata.parameters import PoolModel

ACCURACY_ORIGINS = 6
"""Newest origins that accuracy by lag is read from: enough to average, few enough to be about today."""

_EQUAL_RATE = 1e-9
"""Scores nearer than this share of mean demand are equal: the rest is rounding."""


def forecast_pool(task: PoolTask) -> SeriesOutcome:
    """Refit the champions that a task carries, or else hold a tournament; no series is lost.

    A champion that can no longer forecast its series gives way to a tournament.

    Example: `forecast_pool(PoolTask(models, settings, 52, demand, buckets, 13, sitting)).forecast_qty`.
    """
    if task.carried is None:
        return _tournament(task)
    found = refit_champions(task)
    rows = np.arange(len(task.interval_buckets))
    kept, lost = rows[~found.is_lost], rows[found.is_lost]
    if not len(lost):
        return found.outcome
    again = _tournament(replace(task.select(lost), carried=None))
    return join_outcomes([found.outcome.select(kept), again], [kept, lost], len(rows))


def _tournament(task: PoolTask) -> SeriesOutcome:
    """Validate the pool's models on each series, choose a champion, forecast with it.

    A series that never sold in the history used is forecast zero (`all_zero`), one too short to validate its mean
    (`too_short`), one that no model can forecast its mean as well (`no_finite_model`).
    """
    models, rule, loss = task.models, choice_rule(task), task.settings.selection_loss
    series = histories(task)
    as_told = origin_histories(task, series)
    used = [one[-task.settings.max_history_buckets :] for one in series]
    length = np.array([len(one) for one in used], dtype=np.int64)
    plan = validation_plan(
        np.array([len(one) for one in series], dtype=np.int64),
        task.horizon,
        settings=task.settings,
        season_length=task.season_length,
    )
    depth = np.maximum(plan.horizon, task.least_depth)
    is_zero = np.array([not one.any() for one in used])
    is_short = ~is_zero & (plan.fold_count == 0)
    judged = np.flatnonzero(~is_zero & ~is_short)
    actual = _actuals(series, plan, depth)
    seen = _seen(task, series, plan, depth, actual)
    span = _horizon_sums(actual, plan.horizon, seen)
    folds = np.isfinite(span).sum(axis=1)
    learnt = np.minimum(plan.first_training, task.settings.max_history_buckets)
    pool = PoolSeries(task, [series[i] for i in judged], learnt[judged], judged, origins=[as_told[i] for i in judged])
    paths, naive = _backtests(pool, models, plan.train_ends[judged], depth[judged])
    errors = np.full((len(series), len(models), task.settings.fold_count), np.nan)
    for position, path in enumerate(paths):
        errors[judged, position] = _horizon_sums(path, plan.horizon[judged], seen[judged]) - span[judged]
    naive_error = np.full(span.shape, np.nan)
    naive_error[judged] = _horizon_sums(naive, plan.horizon[judged], seen[judged]) - span[judged]
    rmse = losses(errors, folds[:, None], "rmse")
    is_whole = np.array([bool((one == np.floor(one)).all()) for one in used])
    terms = _terms(task, errors, span, is_whole)
    score = rmse if loss == "rmse" else mean_losses(terms, folds[:, None], loss)
    naive_terms = _terms(task, naive_error[:, None, :], span, is_whole)[:, 0]
    sitting = pool_positions(task.sitting_code, task)
    mean = np.array([one.mean() if len(one) else 0.0 for one in used])
    has_sold = np.asarray((span > 0).any(axis=1))

    champion = np.full(len(series), -1)
    forecast = np.full((len(series), int(task.forecast_buckets.max())), np.nan)
    chosen, ties, own = _choose_and_forecast(
        pool,
        score[judged],
        task.forecast_buckets[judged],
        equal=_EQUAL_RATE * (mean * plan.horizon)[judged],
        sitting=sitting[judged],
        has_sold=has_sold[judged],
    )
    champion[judged] = chosen
    forecast[judged, : own.shape[1]] = own
    is_lost = champion < 0
    forecast[is_lost] = np.where(is_zero, 0.0, mean)[is_lost, None]
    predicted = np.full(actual.shape, np.nan)
    for position, path in enumerate(paths):
        held = chosen == position
        predicted[judged[held], :, : path.shape[2]] = path[held]
    actual = np.where(is_zero[:, None, None], np.nan, actual)
    # What was not seen tells nothing of how far demand strays.
    ahead = np.arange(actual.shape[2])[None, None, :] >= plan.horizon[:, None, None]
    is_seen = (seen | ahead).all(axis=2)
    strayed = np.where(_observed(task, series, plan, depth), predicted - actual, np.nan)
    sums = error_sums(strayed, buckets=task.interval_buckets, horizon=plan.horizon, length=length)
    reason = np.where(is_zero, "all_zero", np.where(is_short, "too_short", "no_finite_model")).astype(object)
    reason[judged] = np.where(chosen >= 0, reasons(chosen, ties, rule, sitting[judged]), reason[judged])
    codes = np.array([*(model.model_code for model in models), ""], dtype=object)
    challenger = challengers(score, champion)
    fault = np.full(len(series), "", dtype=object)
    fault[judged] = pool.fault_texts()
    rows, blocks = np.arange(len(series)), np.ones(len(series), dtype=np.int64)
    blocks[judged] = pool.block_buckets
    return SeriesOutcome(
        length=length,
        mean_qty=mean,
        is_whole=is_whole,
        naive_mae_qty=np.array([_scale(one, plan, row) for row, one in enumerate(as_told)]),
        block_buckets=blocks,
        horizon=plan.horizon,
        wanted_horizon=task.horizon,
        learnt=learnt,
        fold_count=np.where(is_zero, 0, folds),
        independent_folds=np.where(is_zero, 0.0, plan.independent_folds * folds / np.maximum(plan.fold_count, 1)),
        span_demand_qty=masked_mean(span),
        naive_rmse_qty=losses(naive_error, folds, "rmse"),
        rmse_qty=np.where(is_lost, np.nan, rmse[rows, champion]),
        held_out_rmse_qty=held_out_rmse(errors, terms, folds, rule, loss_code=loss, sitting=sitting, has_sold=has_sold),
        naive_score_qty=mean_losses(naive_terms, folds, loss),
        champion_score_qty=np.where(is_lost, np.nan, score[rows, champion]),
        challenger_score_qty=np.where(challenger < 0, np.nan, score[rows, challenger]),
        is_selected=np.full(len(series), True),
        champion_code=np.where(is_lost, np.where(is_zero, "zero", "historic_average"), codes[champion]),
        challenger_code=codes[challenger],
        reason_code=reason,
        fault_text=fault,
        model_score_qty=score,
        model_rmse_qty=rmse,
        model_bias_qty=masked_mean(errors),
        forecast_qty=np.where(np.arange(forecast.shape[1]) < task.forecast_buckets[:, None], forecast, np.nan),
        before_qty=np.where(is_zero[:, None], np.nan, _newest_known(task, series, plan, depth))[:, :ACCURACY_ORIGINS],
        actual_qty=_judged(task, series, plan, depth, actual)[:, :ACCURACY_ORIGINS],
        predicted_qty=(predicted * _like(task.event_factor, series, plan, depth, 1.0))[:, :ACCURACY_ORIGINS],
        origin_demand_qty=np.where(is_seen & ~(is_zero | is_short | is_lost)[:, None], span, np.nan),
        origin_forecast_qty=np.where(is_lost[:, None], np.nan, errors[rows, champion] + span),
        origin_reach=plan.reach,
        **_newest(sums),
        **_windows(task, as_told, used, plan),
    )


def _terms(task: PoolTask, errors: np.ndarray, demand: np.ndarray, is_whole: np.ndarray) -> np.ndarray:
    """What each origin adds to the loss that the pool chooses by, (n, M, K)."""
    if task.settings.selection_loss == PINBALL:
        return pinball_losses(errors, demand, task.loss_level, is_whole=is_whole)
    return origin_losses(errors, task.settings.selection_loss)


def _newest(sums: ErrorSums) -> dict[str, np.ndarray]:
    held = {field.name: getattr(sums, field.name) for field in fields(ErrorSums)}
    return {name: value[:, :ACCURACY_ORIGINS] if name.startswith("origin_") else value for name, value in held.items()}


def _windows(
    task: PoolTask, series: list[np.ndarray], used: list[np.ndarray], plan: ValidationPlan
) -> dict[str, np.ndarray]:
    """What runs of the history held: now, over the interval to come; at the newest origins, over the judged horizon."""
    mean, sd = runs_to_come(used, task.interval_buckets)
    # Older buckets than any origin may learn from are left out at the origins too: they stand before what is `used`.
    ends = plan.train_ends[:, :ACCURACY_ORIGINS]
    then = Windows.of(series, plan.horizon)
    then_mean, then_sd = then.moments(ends)
    return {
        "window_mean_qty": np.concatenate([mean, then_mean], axis=1),
        "window_sd_qty": np.concatenate([sd, then_sd], axis=1),
        "window_quantile_qty": then.quantiles(ends, WINDOW_LEVELS),
    }


def _scale(one: np.ndarray, plan: ValidationPlan, row: int) -> float:
    return float(naive_mae(one[: plan.first_training[row] or len(one)])) if len(one) > 1 else np.nan


def _newest_known(task: PoolTask, series: list[np.ndarray], plan: ValidationPlan, depth: np.ndarray) -> np.ndarray:
    """Demand of the last bucket that each origin knows, with the promotions of the bucket after it, (n, K).

    NaN where stock was out in it: what is only estimated is no news.
    """
    newest = _last_known(series, plan)
    if task.judged_qty is not None:
        own = [row[len(row) - len(one) :] for row, one in zip(task.judged_qty, series, strict=True)]
        newest = np.where(np.isfinite(_last_known(own, plan)), newest, np.nan)
    return newest * _like(task.event_factor, series, plan, depth, 1.0)[:, :, 0]


def _last_known(series: list[np.ndarray], plan: ValidationPlan) -> np.ndarray:
    out = np.full(plan.train_ends.shape, np.nan)
    for row, one in enumerate(series):
        known = plan.train_ends[row] > 0
        out[row, known] = one[plan.train_ends[row][known] - 1]
    return out


def _actuals(series: list[np.ndarray], plan: ValidationPlan, depth: np.ndarray) -> np.ndarray:
    out = np.full((*plan.train_ends.shape, int(depth.max())), np.nan)
    for row, one in enumerate(series):
        places = plan.train_ends[row][:, None] + np.arange(depth[row])[None, :]
        known = (plan.train_ends[row][:, None] > 0) & (places < len(one))
        out[row, :, : depth[row]][known] = one[places[known]]
    return out


def _like(
    values: np.ndarray | None, series: list[np.ndarray], plan: ValidationPlan, depth: np.ndarray, default: float
) -> np.ndarray:
    """Values of past buckets laid out by origin and lag as the demand behind the origins is."""
    if values is None:
        return np.full((1, 1, 1), default)
    own = [row[len(row) - len(one) :].astype(float) for row, one in zip(values, series, strict=True)]
    return _actuals(own, plan, depth)


def _judged(
    task: PoolTask, series: list[np.ndarray], plan: ValidationPlan, depth: np.ndarray, actual: np.ndarray
) -> np.ndarray:
    if task.judged_qty is None:
        return actual
    return np.where(np.isfinite(actual), _like(task.judged_qty, series, plan, depth, np.nan), np.nan)


def _backtests(
    pool: PoolSeries, models: tuple[PoolModel, ...], train_ends: np.ndarray, depth: np.ndarray
) -> tuple[list[np.ndarray], np.ndarray]:
    """Paths of each model in order, and of the naive benchmark; NaN for series that lack a model's seasons."""
    rows = np.arange(len(pool.series))

    def run(code: str) -> np.ndarray:
        return pool.paths(code, rows, train_ends, depth)

    paths = {model.model_code: run(model.model_code) for model in models if model.model_code != ENSEMBLE}
    if any(model.model_code == ENSEMBLE for model in models):
        middle = ensemble_median({code: paths[code] for code in ensemble_members(models)})
        paths[ENSEMBLE] = np.where(pool.is_able(ENSEMBLE)[:, None, None], middle, np.nan)
    is_seasonal = (pool.learnt >= pool.task.season_length)[:, None, None]
    # The benchmark is that of the bucket: the same one whatever models are fitted to.
    seasonal, last = (pool.paths(code, rows, train_ends, depth, by_day=False) for code in ("seasonal_naive", "naive"))
    naive = np.where(is_seasonal, seasonal, last)
    return [paths[model.model_code] for model in models], naive


def _horizon_sums(paths: np.ndarray, horizon: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Sums over the buckets seen inside the horizon of each origin, (n, K); NaN where there is none."""
    inside = (np.arange(paths.shape[-1])[None, :] < horizon[:, None])[:, None, :] & seen[:, :, : paths.shape[-1]]
    return np.where(inside.any(axis=2), ordered_sum(np.where(inside, paths, 0.0)), np.nan)


def _observed(task: PoolTask, series: list[np.ndarray], plan: ValidationPlan, depth: np.ndarray) -> np.ndarray:
    """Whether the demand of each bucket behind the origins was seen; all were where nothing is told of it."""
    return _like(task.is_observed, series, plan, depth, 1.0) > 0


def _seen(
    task: PoolTask, series: list[np.ndarray], plan: ValidationPlan, depth: np.ndarray, actual: np.ndarray
) -> np.ndarray:
    """Which buckets behind the origins models are compared by, (n, K, D).

    A series none of whose horizons was seen in any part is compared by the estimates: any model is better than none,
    and its variance, which no error tells, comes from the others.
    """
    known = np.isfinite(actual)
    inside = (np.arange(actual.shape[2])[None, :] < plan.horizon[:, None])[:, None, :]
    seen = known & _observed(task, series, plan, depth)
    is_blind = ~(seen & inside).any(axis=(1, 2))
    return np.where(is_blind[:, None, None], known, seen)


def _choose_and_forecast(
    pool: PoolSeries,
    scored: np.ndarray,
    depth: np.ndarray,
    *,
    equal: np.ndarray,
    sitting: np.ndarray,
    has_sold: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Champion, whether a tie decided, and its forecast; a champion that fails on the full history is passed over."""
    count, widest = len(pool.series), int(depth.max(initial=1))
    beyond = np.arange(widest)[None, :] >= depth[:, None]
    score, forecast, rule = scored.copy(), np.full((count, widest), np.nan), choice_rule(pool.task)
    champion, pending = np.full(count, -1), np.ones(count, dtype=bool)
    for _ in pool.task.models:
        chosen = choose_champions(score, rule, equal=equal, sitting=sitting, has_sold=has_sold)
        champion[pending] = chosen[pending]
        for position, model in enumerate(pool.task.models):
            rows = np.flatnonzero(pending & (chosen == position))
            if len(rows):
                own = pool.final(model.model_code, rows, depth[rows])
                forecast[rows, : own.shape[1]] = own
        failed = pending & (champion >= 0) & ~(np.isfinite(forecast) | beyond).all(axis=1)
        score[failed, champion[failed]] = np.nan
        pending = failed
        if not pending.any():
            break
    champion[pending] = -1
    best = np.where(np.isfinite(score), score, np.inf).min(axis=1)
    return champion, score[np.arange(count), champion] > best + equal, forecast
