"""One chunk of series of one pool: validate every model from rolling origins, choose, forecast.

Self-contained and picklable, so that chunks may run in other processes; the chunks are the same whatever the number of
workers, hence so are the numbers.
"""

import numpy as np

from stockstrata.errors import PlanningError
from stockstrata.forecasting import engine
from stockstrata.forecasting.metrics import masked_mean, masked_sum, naive_mae
from stockstrata.forecasting.origins import ValidationPlan, validation_plan
from stockstrata.forecasting.outcome import ModelScores, PoolOutcome, PoolTask, SeriesOutcome
from stockstrata.parameters import PoolModel

ENSEMBLE = "ensemble_mean"
ENSEMBLE_MEMBERS = ("dynamic_optimized_theta", "stl_ets", "ets_level", "ses_optimized")
"""Mean of the pool's members among these: different kinds of error cancel (best on both real sets, formulas 3.3)."""

_EQUAL_RATE = 1e-9
"""Scores nearer than this share of mean demand are equal: the rest is rounding."""


def forecast_pool(task: PoolTask) -> PoolOutcome:
    """Validate the pool's models on each series, choose a champion, forecast with it; no series is lost.

    A series that never sold in the history used is forecast zero (`all_zero`), one too short to validate its mean
    (`too_short`), one that no model can forecast its mean as well (`no_finite_model`).

    Example: `forecast_pool(PoolTask(models, settings, 52, demand, horizon, buckets, 13)).forecast_qty`.
    """
    models = tuple(sorted(task.models, key=lambda model: (model.complexity_rank, model.model_code)))
    series = [_started(row) for row in task.demand_qty]
    used = [one[-task.settings.max_history_buckets :] for one in series]
    length = np.array([len(one) for one in series], dtype=np.int64)
    plan = validation_plan(length, task.horizon, settings=task.settings, season_length=task.season_length)
    depth = max(int(plan.horizon.max()), task.least_depth)
    is_zero = np.array([not one.any() for one in used])
    is_short = ~is_zero & (plan.fold_count == 0)
    judged = np.flatnonzero(~is_zero & ~is_short)
    actual = _actuals(series, plan, depth)
    learnt = np.minimum(plan.first_training, task.settings.max_history_buckets)[judged]
    paths, naive = _backtests(task, models, [series[i] for i in judged], plan.train_ends[judged], learnt, depth)
    span = _horizon_sums(actual, plan.horizon)
    errors = np.full((len(series), len(models), task.settings.fold_count), np.nan)
    for position, path in enumerate(paths):
        errors[judged, position] = _horizon_sums(path, plan.horizon[judged]) - span[judged]
    naive_error = np.full(span.shape, np.nan)
    naive_error[judged] = _horizon_sums(naive, plan.horizon[judged]) - span[judged]
    rmse = _rmse(errors, plan.fold_count[:, None])
    mean = np.array([one.mean() if len(one) else 0.0 for one in used])

    champion = np.full(len(series), -1)
    forecast = np.full((len(series), int(task.forecast_buckets.max())), np.nan)
    chosen, ties, forecast[judged] = _choose_and_forecast(
        task,
        models,
        [series[i] for i in judged],
        learnt,
        rmse[judged],
        equal=_EQUAL_RATE * (mean * plan.horizon)[judged],
    )
    champion[judged] = chosen
    is_lost = champion < 0
    forecast[is_lost] = np.where(is_zero, 0.0, mean)[is_lost, None]
    predicted = np.full(actual.shape, np.nan)
    for position, path in enumerate(paths):
        held = chosen == position
        predicted[judged[held]] = path[held]
    reason = np.where(is_zero, "all_zero", np.where(is_short, "too_short", "no_finite_model")).astype(object)
    reason[judged] = np.where(chosen >= 0, np.where(ties, "tie_break", "validated"), reason[judged])
    codes = np.array([model.model_code for model in models], dtype=object)
    rows = np.arange(len(series))
    return PoolOutcome(
        ModelScores(tuple(codes), rmse, masked_mean(errors)),
        SeriesOutcome(
            length=np.array([len(one) for one in used], dtype=np.int64),
            mean_qty=mean,
            is_whole=np.array([bool((one == np.floor(one)).all()) for one in used]),
            naive_mae_qty=np.array([_scale(one, plan, row) for row, one in enumerate(series)]),
            horizon=plan.horizon,
            fold_count=np.where(is_zero, 0, plan.fold_count),
            independent_folds=np.where(is_zero, 0.0, plan.independent_folds),
            span_demand_qty=masked_mean(span),
            naive_rmse_qty=_rmse(naive_error, plan.fold_count),
            rmse_qty=np.where(is_lost, np.nan, rmse[rows, champion]),
            held_out_rmse_qty=_held_out_rmse(errors, plan.fold_count, task.settings.tie_tolerance_rate),
            champion_code=np.where(is_lost, np.where(is_zero, "zero", "historic_average"), codes[champion]),
            reason_code=reason,
            forecast_qty=np.where(np.arange(forecast.shape[1]) < task.forecast_buckets[:, None], forecast, np.nan),
            actual_qty=np.where(is_zero[:, None, None], np.nan, actual),
            predicted_qty=predicted,
        ),
    )


def _started(row: np.ndarray) -> np.ndarray:
    present = np.isfinite(row)
    one = row[int(present.argmax()) :] if present.any() else row[:0]
    if not np.isfinite(one).all():
        raise PlanningError("forecast: a demand history has a gap after its start; fill or mask it first.")
    return one


def _scale(one: np.ndarray, plan: ValidationPlan, row: int) -> float:
    return float(naive_mae(one[: plan.first_training[row] or len(one)])) if len(one) > 1 else np.nan


def _actuals(series: list[np.ndarray], plan: ValidationPlan, depth: int) -> np.ndarray:
    out = np.full((*plan.train_ends.shape, depth), np.nan)
    for row, one in enumerate(series):
        places = plan.train_ends[row][:, None] + np.arange(depth)[None, :]
        known = (plan.train_ends[row][:, None] > 0) & (places < len(one))
        out[row][known] = one[places[known]]
    return out


def _backtests(
    task: PoolTask,
    models: tuple[PoolModel, ...],
    series: list[np.ndarray],
    train_ends: np.ndarray,
    learnt: np.ndarray,
    depth: int,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Paths of each model in order, and of the naive benchmark; NaN for series that lack a model's seasons."""

    def run(code: str) -> np.ndarray:
        able = _is_able(task, code, learnt)
        out = np.full((*train_ends.shape, depth), np.nan)
        if able.any():
            held = [one for one, is_able in zip(series, able, strict=True) if is_able]
            out[able] = _paths(task, code, held, train_ends[able], learnt[able], depth)
        return out

    paths = {model.model_code: run(model.model_code) for model in models if model.model_code != ENSEMBLE}
    if any(model.model_code == ENSEMBLE for model in models):
        paths[ENSEMBLE] = np.where(_is_able(task, ENSEMBLE, learnt)[:, None, None], _ensemble(paths), np.nan)
    is_seasonal = (learnt >= task.season_length)[:, None, None]
    naive = np.where(is_seasonal, run("seasonal_naive"), run("naive"))
    return [paths[model.model_code] for model in models], naive


def _is_able(task: PoolTask, code: str, learnt: np.ndarray) -> np.ndarray:
    """Whether the earliest origin knows the seasons that the engine and the pool ask for."""
    asked = [model.min_history_seasons for model in task.models if model.model_code == code]
    return learnt >= max([engine.needs_seasons(code), *asked]) * task.season_length


def _ensemble(paths: dict[str, np.ndarray]) -> np.ndarray:
    members = np.stack([paths[code] for code in ENSEMBLE_MEMBERS if code in paths], axis=-1)
    return np.where(np.isfinite(members).sum(axis=-1) >= 2, masked_mean(members), np.nan)


def _horizon_sums(paths: np.ndarray, horizon: np.ndarray) -> np.ndarray:
    inside = np.arange(paths.shape[-1])[None, :] < horizon[:, None]
    return np.where(inside[:, None, :], paths, 0.0).sum(axis=-1)


def _rmse(errors: np.ndarray, fold_count: np.ndarray) -> np.ndarray:
    # A model is scored on all origins of its series or on none: scores over different origins do not compare.
    found = np.isfinite(errors).sum(axis=-1)
    return np.where((found == fold_count) & (found > 0), np.sqrt(masked_mean(errors**2)), np.nan)


def _held_out_rmse(errors: np.ndarray, fold_count: np.ndarray, tie_tolerance_rate: float) -> np.ndarray:
    # The least of several scores flatters its model. Choosing without an origin and judging at it does not.
    is_scored = (np.isfinite(errors).sum(axis=-1) == fold_count[:, None]) & (fold_count > 0)[:, None]
    squares = np.where(is_scored[:, :, None], errors**2, np.nan)
    others = masked_sum(squares)[:, :, None] - squares
    rows, judged = np.arange(len(errors)), np.full((len(errors), errors.shape[2]), np.nan)
    for fold in range(errors.shape[2]):
        score = np.sqrt(np.maximum(others[:, :, fold], 0.0))
        chosen = choose_champions(score, tie_tolerance_rate=tie_tolerance_rate, equal=np.zeros(len(errors)))
        judged[:, fold] = np.where(chosen >= 0, squares[rows, chosen, fold], np.nan)
    return np.where(fold_count > 1, np.sqrt(masked_mean(judged)), np.nan)


def choose_champions(score: np.ndarray, *, tie_tolerance_rate: float, equal: np.ndarray) -> np.ndarray:
    """Position of the champion of each series: the simplest model within the tolerance of the least score.

    Args:
        score: scores (n, M), simplest model first, less is better, NaN where not scored.
        tie_tolerance_rate: share above the least score that still counts as a tie.
        equal: absolute difference that is rounding, (n,).

    Returns:
        Positions (n,), -1 where no model was scored.

    Example: scores [[1.01, 1.0]] with tolerance 0.02 give [0].
    """
    filled = np.where(np.isfinite(score), score, np.inf)
    best = filled.min(axis=1)
    within = filled <= (best * (1.0 + tie_tolerance_rate) + equal)[:, None]
    return np.where(np.isfinite(best), within.argmax(axis=1), -1)


def _choose_and_forecast(
    task: PoolTask,
    models: tuple[PoolModel, ...],
    series: list[np.ndarray],
    learnt: np.ndarray,
    rmse: np.ndarray,
    *,
    equal: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Champion, whether a tie decided, and its forecast; a champion that fails on the full history is passed over."""
    depth = int(task.forecast_buckets.max())
    score, forecast = rmse.copy(), np.full((len(series), depth), np.nan)
    champion, pending = np.full(len(series), -1), np.ones(len(series), dtype=bool)
    for _ in models:
        chosen = choose_champions(score, tie_tolerance_rate=task.settings.tie_tolerance_rate, equal=equal)
        champion[pending] = chosen[pending]
        for position, model in enumerate(models):
            rows = np.flatnonzero(pending & (chosen == position))
            if len(rows):
                held = [series[i] for i in rows]
                forecast[rows] = _final(task, model.model_code, held, learnt[rows], depth)
        failed = pending & (champion >= 0) & ~np.isfinite(forecast).all(axis=1)
        score[failed, champion[failed]] = np.nan
        pending = failed
        if not pending.any():
            break
    champion[pending] = -1
    best = np.where(np.isfinite(score), score, np.inf).argmin(axis=1)
    return champion, champion != best, forecast


def _final(task: PoolTask, code: str, series: list[np.ndarray], learnt: np.ndarray, depth: int) -> np.ndarray:
    if code == ENSEMBLE:
        members = [model.model_code for model in task.models if model.model_code in ENSEMBLE_MEMBERS]
        return _ensemble({member: _final(task, member, series, learnt, depth) for member in sorted(members)})
    able = _is_able(task, code, learnt)
    out = np.full((len(series), depth), np.nan)
    if able.any():
        held = [one for one, is_able in zip(series, able, strict=True) if is_able]
        ends = np.array([[len(one)] for one in held], dtype=np.int64)
        out[able] = _paths(task, code, held, ends, learnt[able], depth)[:, 0]
    return out


def _paths(
    task: PoolTask, code: str, series: list[np.ndarray], train_ends: np.ndarray, learnt: np.ndarray, depth: int
) -> np.ndarray:
    return engine.forecast_paths(
        code,
        series,
        train_ends,
        depth=depth,
        season_length=task.season_length,
        is_seasonal=learnt >= 2 * task.season_length,
        max_history=task.settings.max_history_buckets,
    )
