"""One chunk of series of one pool: validate every model from rolling origins, choose, forecast.

Self-contained and picklable, so that chunks may run in other processes. What comes out for a series depends on nothing
but the series and its pool: neither on the chunk that it stands in nor on the number of workers.
"""

from dataclasses import dataclass, fields

import numpy as np

from stockstrata.errors import PlanningError
from stockstrata.forecasting import engine
from stockstrata.forecasting.metrics import masked_mean, masked_sum, naive_mae, ordered_sum
from stockstrata.forecasting.origins import ValidationPlan, validation_plan
from stockstrata.forecasting.outcome import PoolTask, SeriesOutcome
from stockstrata.forecasting.pooled_paths import pooled_paths
from stockstrata.forecasting.uncertainty import ErrorSums, error_sums
from stockstrata.parameters import PoolModel

ENSEMBLE = "ensemble_median"
"""Median of the forecasts of the pool's other models: errors of different kinds cancel, and one wild model does no harm
(docs/decisions/0080)."""

LEAST_ENSEMBLE = 2
"""A median of fewer members is just one of them."""

ACCURACY_ORIGINS = 6
"""Newest origins that accuracy by lag is read from: enough to average, few enough to be about today."""

_EQUAL_RATE = 1e-9
"""Scores nearer than this share of mean demand are equal: the rest is rounding."""


@dataclass(frozen=True)
class ChoiceRule:
    """When which model is taken.

    Attributes:
        tie_tolerance_rate: share above the least score that still counts as a tie, which the simplest model wins.
        incumbent: position of the model that others must beat by a margin; None where there is none.
        margin_rate: share by which the least score must lie below the incumbent's to take its place.
    """

    tie_tolerance_rate: float
    incumbent: int | None = None
    margin_rate: float = 0.0


def _rule(task: PoolTask) -> ChoiceRule:
    codes = [model.model_code for model in task.models]
    incumbent = codes.index(ENSEMBLE) if ENSEMBLE in codes else None
    return ChoiceRule(task.settings.tie_tolerance_rate, incumbent, task.settings.champion_margin_rate)


def forecast_pool(task: PoolTask) -> SeriesOutcome:
    """Validate the pool's models on each series, choose a champion, forecast with it; no series is lost.

    A series that never sold in the history used is forecast zero (`all_zero`), one too short to validate its mean
    (`too_short`), one that no model can forecast its mean as well (`no_finite_model`).

    Example: `forecast_pool(PoolTask(models, settings, 52, demand, buckets, 13)).forecast_qty`.
    """
    models = task.models
    series = [_started(row)[-needed:] for row, needed in zip(task.demand_qty, task.needed_buckets, strict=True)]
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
    span = _horizon_sums(actual, plan.horizon)
    pool = _Pool(
        task,
        [series[i] for i in judged],
        np.minimum(plan.first_training, task.settings.max_history_buckets)[judged],
        judged,
    )
    paths, naive = _backtests(pool, models, plan.train_ends[judged], depth[judged])
    errors = np.full((len(series), len(models), task.settings.fold_count), np.nan)
    for position, path in enumerate(paths):
        errors[judged, position] = _horizon_sums(path, plan.horizon[judged]) - span[judged]
    naive_error = np.full(span.shape, np.nan)
    naive_error[judged] = _horizon_sums(naive, plan.horizon[judged]) - span[judged]
    rmse = _rmse(errors, plan.fold_count[:, None])
    mean = np.array([one.mean() if len(one) else 0.0 for one in used])

    champion = np.full(len(series), -1)
    forecast = np.full((len(series), int(task.forecast_buckets.max())), np.nan)
    chosen, ties, own = _choose_and_forecast(
        pool,
        models,
        rmse[judged],
        task.forecast_buckets[judged],
        equal=_EQUAL_RATE * (mean * plan.horizon)[judged],
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
    sums = error_sums(predicted - actual, buckets=task.interval_buckets, horizon=plan.horizon, length=length)
    reason = np.where(is_zero, "all_zero", np.where(is_short, "too_short", "no_finite_model")).astype(object)
    reason[judged] = np.where(chosen >= 0, _reason(chosen, ties, _rule(task)), reason[judged])
    codes = np.array([model.model_code for model in models], dtype=object)
    fault = np.full(len(series), "", dtype=object)
    fault[judged] = pool.fault_texts()
    rows = np.arange(len(series))
    return SeriesOutcome(
        length=length,
        mean_qty=mean,
        is_whole=np.array([bool((one == np.floor(one)).all()) for one in used]),
        naive_mae_qty=np.array([_scale(one, plan, row) for row, one in enumerate(series)]),
        horizon=plan.horizon,
        fold_count=np.where(is_zero, 0, plan.fold_count),
        independent_folds=np.where(is_zero, 0.0, plan.independent_folds),
        span_demand_qty=masked_mean(span),
        naive_rmse_qty=_rmse(naive_error, plan.fold_count),
        rmse_qty=np.where(is_lost, np.nan, rmse[rows, champion]),
        held_out_rmse_qty=_held_out_rmse(errors, plan.fold_count, _rule(task)),
        champion_code=np.where(is_lost, np.where(is_zero, "zero", "historic_average"), codes[champion]),
        reason_code=reason,
        fault_text=fault,
        model_rmse_qty=rmse,
        model_bias_qty=masked_mean(errors),
        forecast_qty=np.where(np.arange(forecast.shape[1]) < task.forecast_buckets[:, None], forecast, np.nan),
        actual_qty=actual[:, :ACCURACY_ORIGINS],
        predicted_qty=predicted[:, :ACCURACY_ORIGINS],
        **_newest(sums),
    )


def _newest(sums: ErrorSums) -> dict[str, np.ndarray]:
    held = {field.name: getattr(sums, field.name) for field in fields(ErrorSums)}
    return {name: value[:, :ACCURACY_ORIGINS] if name.startswith("origin_") else value for name, value in held.items()}


class _Pool:
    """Series of a pool that can be judged, and the models that could not be used on them.

    Attributes:
        task: the pool.
        series: their histories.
        learnt: buckets that each earliest origin may learn from, (n,).
        places: where they stand in the task, (n,).
    """

    def __init__(self, task: PoolTask, series: list[np.ndarray], learnt: np.ndarray, places: np.ndarray) -> None:
        self.task, self.series, self.learnt, self.places = task, series, learnt, places
        self._faults: list[dict[str, str]] = [{} for _ in series]

    def paths(self, code: str, rows: np.ndarray, train_ends: np.ndarray, depth: np.ndarray) -> np.ndarray:
        """Forecasts of some series, (len(rows), K, D); NaN for those that lack the model's seasons."""
        out = np.full((*train_ends.shape, int(depth.max(initial=1))), np.nan)
        able = self.is_able(code)[rows]
        if not able.any():
            return out
        places = np.flatnonzero(able)
        series, history = [self.series[row] for row in rows[places]], self.task.settings.max_history_buckets
        if code in engine.POOLED_CODES:
            learnt = self.task.pooled.select(self.places[rows[places]]) if self.task.pooled is not None else None
            found = pooled_paths(code, learnt, series, train_ends[places], depth=depth[places], max_history=history)
        else:
            found = engine.forecast_paths(
                code,
                series,
                train_ends[places],
                depth=depth[places],
                season_length=self.task.season_length,
                is_seasonal=self.learnt[rows[places]] >= 2 * self.task.season_length,
                max_history=history,
            )
        out[places, :, : found.qty.shape[2]] = found.qty
        for place, fault in found.faults.items():
            self._faults[rows[places[place]]].setdefault(code, fault)
        return out

    def is_able(self, code: str) -> np.ndarray:
        """Whether the earliest origin knows the seasons that the engine and the pool ask for."""
        asked = [model.min_history_seasons for model in self.task.models if model.model_code == code]
        return self.learnt >= max([engine.needs_seasons(code), *asked]) * self.task.season_length

    def fault_texts(self) -> list[str]:
        """For each series the models that could not be used and why, one a line."""
        return ["\n".join(f"{code}: {text}" for code, text in sorted(found.items())) for found in self._faults]


def _started(row: np.ndarray) -> np.ndarray:
    present = np.isfinite(row)
    one = row[int(present.argmax()) :] if present.any() else row[:0]
    if not np.isfinite(one).all():
        raise PlanningError("forecast: a demand history has a gap after its start; fill or mask it first.")
    return one


def _scale(one: np.ndarray, plan: ValidationPlan, row: int) -> float:
    return float(naive_mae(one[: plan.first_training[row] or len(one)])) if len(one) > 1 else np.nan


def _actuals(series: list[np.ndarray], plan: ValidationPlan, depth: np.ndarray) -> np.ndarray:
    out = np.full((*plan.train_ends.shape, int(depth.max())), np.nan)
    for row, one in enumerate(series):
        places = plan.train_ends[row][:, None] + np.arange(depth[row])[None, :]
        known = (plan.train_ends[row][:, None] > 0) & (places < len(one))
        out[row, :, : depth[row]][known] = one[places[known]]
    return out


def _backtests(
    pool: _Pool, models: tuple[PoolModel, ...], train_ends: np.ndarray, depth: np.ndarray
) -> tuple[list[np.ndarray], np.ndarray]:
    """Paths of each model in order, and of the naive benchmark; NaN for series that lack a model's seasons."""
    rows = np.arange(len(pool.series))

    def run(code: str) -> np.ndarray:
        return pool.paths(code, rows, train_ends, depth)

    paths = {model.model_code: run(model.model_code) for model in models if model.model_code != ENSEMBLE}
    if any(model.model_code == ENSEMBLE for model in models):
        members = _ensemble({code: paths[code] for code in _members(models)})
        paths[ENSEMBLE] = np.where(pool.is_able(ENSEMBLE)[:, None, None], members, np.nan)
    is_seasonal = (pool.learnt >= pool.task.season_length)[:, None, None]
    naive = np.where(is_seasonal, run("seasonal_naive"), run("naive"))
    return [paths[model.model_code] for model in models], naive


def _members(models: tuple[PoolModel, ...]) -> list[str]:
    return [model.model_code for model in models if model.model_code != ENSEMBLE and model.is_ensemble_member]


def _ensemble(paths: dict[str, np.ndarray]) -> np.ndarray:
    members = np.stack(list(paths.values()), axis=-1)
    found = np.isfinite(members).sum(axis=-1)
    # Missing members are sorted to the end, so the middle is that of those present.
    ranked = np.sort(np.where(np.isfinite(members), members, np.inf), axis=-1)
    low = np.take_along_axis(ranked, np.maximum(found - 1, 0)[..., None] // 2, axis=-1)[..., 0]
    high = np.take_along_axis(ranked, (found // 2)[..., None].clip(0, members.shape[-1] - 1), axis=-1)[..., 0]
    return np.where(found >= LEAST_ENSEMBLE, (low + high) / 2, np.nan)


def _horizon_sums(paths: np.ndarray, horizon: np.ndarray) -> np.ndarray:
    inside = np.arange(paths.shape[-1])[None, :] < horizon[:, None]
    return ordered_sum(np.where(inside[:, None, :], paths, 0.0))


def _rmse(errors: np.ndarray, fold_count: np.ndarray) -> np.ndarray:
    # A model is scored on all origins of its series or on none: scores over different origins do not compare.
    found = np.isfinite(errors).sum(axis=-1)
    return np.where((found == fold_count) & (found > 0), np.sqrt(masked_mean(errors**2)), np.nan)


def _held_out_rmse(errors: np.ndarray, fold_count: np.ndarray, rule: ChoiceRule) -> np.ndarray:
    # The least of several scores flatters its model. Choosing without an origin and judging at it does not.
    is_scored = (np.isfinite(errors).sum(axis=-1) == fold_count[:, None]) & (fold_count > 0)[:, None]
    squares = np.where(is_scored[:, :, None], errors**2, np.nan)
    others = masked_sum(squares)[:, :, None] - squares
    rows, judged = np.arange(len(errors)), np.full((len(errors), errors.shape[2]), np.nan)
    for fold in range(errors.shape[2]):
        score = np.sqrt(np.maximum(others[:, :, fold], 0.0))
        chosen = choose_champions(score, rule, equal=np.zeros(len(errors)))
        judged[:, fold] = np.where(chosen >= 0, squares[rows, chosen, fold], np.nan)
    return np.where(fold_count > 1, np.sqrt(masked_mean(judged)), np.nan)


def _reason(chosen: np.ndarray, ties: np.ndarray, rule: ChoiceRule) -> np.ndarray:
    is_kept = ties & (chosen == (-1 if rule.incumbent is None else rule.incumbent))
    return np.where(is_kept, "incumbent_kept", np.where(ties, "tie_break", "validated"))


def choose_champions(score: np.ndarray, rule: ChoiceRule, *, equal: np.ndarray) -> np.ndarray:
    """Position of the champion of each series: the incumbent, or else the simplest model near the least score.

    Args:
        score: scores (n, M), simplest model first, less is better, NaN where not scored.
        rule: margin and tolerance.
        equal: absolute difference that is rounding, (n,).

    Returns:
        Positions (n,), -1 where no model was scored.

    Example: scores [[1.01, 1.0]] with tolerance 0.02 give [0]; [[1.0, 0.8]] with incumbent 0 and margin 0.3 too.
    """
    filled = np.where(np.isfinite(score), score, np.inf)
    best = filled.min(axis=1)
    within = filled <= (best * (1.0 + rule.tie_tolerance_rate) + equal)[:, None]
    chosen = within.argmax(axis=1)
    if rule.incumbent is not None:
        is_scored = np.isfinite(score[:, rule.incumbent])
        held = np.where(is_scored, score[:, rule.incumbent], 0.0)
        stays = is_scored & (best >= held * (1.0 - rule.margin_rate) - equal)
        chosen = np.where(stays, rule.incumbent, chosen)
    return np.where(np.isfinite(best), chosen, -1)


def _choose_and_forecast(
    pool: _Pool, models: tuple[PoolModel, ...], rmse: np.ndarray, depth: np.ndarray, *, equal: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Champion, whether a tie decided, and its forecast; a champion that fails on the full history is passed over."""
    count, widest = len(pool.series), int(depth.max(initial=1))
    beyond = np.arange(widest)[None, :] >= depth[:, None]
    score, forecast = rmse.copy(), np.full((count, widest), np.nan)
    champion, pending = np.full(count, -1), np.ones(count, dtype=bool)
    for _ in models:
        chosen = choose_champions(score, _rule(pool.task), equal=equal)
        champion[pending] = chosen[pending]
        for position, model in enumerate(models):
            rows = np.flatnonzero(pending & (chosen == position))
            if len(rows):
                own = _final(pool, model.model_code, rows, depth[rows])
                forecast[rows, : own.shape[1]] = own
        failed = pending & (champion >= 0) & ~(np.isfinite(forecast) | beyond).all(axis=1)
        score[failed, champion[failed]] = np.nan
        pending = failed
        if not pending.any():
            break
    champion[pending] = -1
    best = np.where(np.isfinite(score), score, np.inf).min(axis=1)
    return champion, score[np.arange(count), champion] > best + equal, forecast


def _final(pool: _Pool, code: str, rows: np.ndarray, depth: np.ndarray) -> np.ndarray:
    if code == ENSEMBLE:
        return _ensemble({code: _final(pool, code, rows, depth) for code in _members(pool.task.models)})
    ends = np.array([[len(pool.series[row])] for row in rows], dtype=np.int64)
    return pool.paths(code, rows, ends, depth)[:, 0]
