"""Choosing the model of a series from its back-test: the loss, the rule, and what holding on to a champion means."""

from dataclasses import dataclass

import numpy as np

from stockstrata.forecasting.members import ENSEMBLE
from stockstrata.forecasting.metrics import masked_mean, masked_sum, ordered_sum, pinball_loss
from stockstrata.forecasting.outcome import PoolTask
from stockstrata.forecasting.predictive import demand_method, quantiles


@dataclass(frozen=True)
class ChoiceRule:
    """When which model is taken.

    Attributes:
        tie_tolerance_rate: share above the least score that still counts as a tie, which the simplest model wins.
        incumbent: position of the model that others must beat by a margin; None where there is none.
        margin_rate: share by which the least score must lie below the incumbent's to take its place; at 1 only a model
            without error does.
        replacement_rate: share by which a score must lie below that of a sitting champion to take its place, likewise.
    """

    tie_tolerance_rate: float
    incumbent: int | None = None
    margin_rate: float = 0.0
    replacement_rate: float = 0.0


def choice_rule(task: PoolTask) -> ChoiceRule:
    """The rule of a pool: its settings, and the ensemble as incumbent where the pool lists it."""
    codes = [model.model_code for model in task.models]
    return ChoiceRule(
        task.settings.tie_tolerance_rate,
        codes.index(ENSEMBLE) if ENSEMBLE in codes else None,
        task.settings.champion_margin_rate,
        task.settings.replacement_margin_rate,
    )


def pool_positions(codes: np.ndarray, task: PoolTask) -> np.ndarray:
    """Position of each model code in the pool, -1 where it has none, (n,)."""
    place = {model.model_code: position for position, model in enumerate(task.models)}
    return np.array([place.get(str(code), -1) for code in codes], dtype=np.int64)


def origin_losses(errors: np.ndarray, loss_code: str) -> np.ndarray:
    """What each origin adds to a loss: squared or absolute errors, shaped like `errors`."""
    return np.abs(errors) if loss_code == "mae" else errors**2


def pinball_losses(errors: np.ndarray, demand: np.ndarray, level: float, *, is_whole: np.ndarray) -> np.ndarray:
    """Pinball loss at each origin of the quantile that each model would have given, units, (n, M, K).

    The quantile is that of a gamma, negative binomial or Poisson distribution with the model's forecast as mean and the
    root of its mean squared error at the other origins as standard deviation.

    Args:
        errors: forecast minus actual cumulative demand, NaN where there is none, (n, M, K).
        demand: actual cumulative demand, (n, K).
        level: of the quantile.
        is_whole: whether the demand of each series is whole numbers, (n,).

    Example: a model that expects 10 and erred by 2 elsewhere gives at 0.5 a quantile near 10; demand 12 costs about 1.
    """
    actual = np.broadcast_to(demand[:, None, :], errors.shape)
    found = np.isfinite(errors)
    squares = np.where(found, errors**2, 0.0)
    others = np.maximum(ordered_sum(squares)[..., None] - squares, 0.0)
    # With a single origin its own error is all that is known of the spread.
    count = found.sum(axis=-1, keepdims=True) - 1
    spread = np.sqrt(np.where(count > 0, others / np.maximum(count, 1), squares))
    mean = np.where(found, np.maximum(errors + actual, 0.0), 0.0)
    whole = np.broadcast_to(is_whole[:, None, None], errors.shape)
    method, sd = demand_method(mean, spread, is_whole=whole)
    return np.where(found, pinball_loss(actual, quantiles(mean, sd, method, {"q": level})["q"], level), np.nan)


def mean_losses(terms: np.ndarray, fold_count: np.ndarray, loss_code: str) -> np.ndarray:
    """Loss of each model from what its origins add to it; NaN unless it has all of them.

    A model is scored on all origins of its series or on none: scores over different origins do not compare.

    Args:
        terms: as `origin_losses` or `pinball_losses` give, (..., K).
        fold_count: origins of the series, broadcast over the axes before the last.
        loss_code: `rmse` takes the root of the mean.
    """
    found = np.isfinite(terms).sum(axis=-1)
    mean = masked_mean(terms)
    return np.where((found == fold_count) & (found > 0), np.sqrt(mean) if loss_code == "rmse" else mean, np.nan)


def losses(errors: np.ndarray, fold_count: np.ndarray, loss_code: str) -> np.ndarray:
    """`rmse` or `mae` of each model from its errors of cumulative demand at the origins.

    Args:
        errors: forecast minus actual cumulative demand, units, NaN where there is no origin, (..., K).
        fold_count: origins of the series, broadcast over the axes before the last.
        loss_code: `rmse` (root of the mean square) or `mae` (mean of the absolute errors).

    Example: errors [3, -4] over 2 origins: rmse 3.54, mae 3.5.
    """
    return mean_losses(origin_losses(errors, loss_code), fold_count, loss_code)


def choose_champions(
    score: np.ndarray,
    rule: ChoiceRule,
    *,
    equal: np.ndarray,
    sitting: np.ndarray | None = None,
    has_sold: np.ndarray | None = None,
) -> np.ndarray:
    """Position of the champion of each series: the incumbent, or else the simplest model near the least score.

    A sitting champion stays unless the model that the rule takes is better by `replacement_rate`. Better by a margin is
    a score of less than `1 - margin` of the other, or a score of nothing where the other has one: no margin can ask for
    more. Where nothing was sold, a model that expects nothing has no error and has shown nothing, so that a margin of 1
    holds against it.

    Args:
        score: scores (n, M), simplest model first, less is better, NaN where not scored.
        rule: margins and tolerance.
        equal: absolute difference that is rounding, (n,).
        sitting: position of the champion that each series had, -1 where none is to be kept, (n,).
        has_sold: whether there was demand to be right about at the origins, (n,); left out, there was.

    Returns:
        Positions (n,), -1 where no model was scored.

    Example: scores [[1.01, 1.0]] with tolerance 0.02 give [0]; [[1.0, 0.8]] with incumbent 0 and margin 0.3 too;
    [[1.0, 0.95]] with sitting [0] and replacement rate 0.1 gives [0]; [[1.0, 0.0]] with incumbent 0 and margin 1 [1].
    """
    sold = np.ones(len(score), dtype=bool) if has_sold is None else has_sold
    filled = np.where(np.isfinite(score), score, np.inf)
    best = filled.min(axis=1)
    within = filled <= (best * (1.0 + rule.tie_tolerance_rate) + equal)[:, None]
    chosen = within.argmax(axis=1)
    if rule.incumbent is not None:
        is_scored = np.isfinite(score[:, rule.incumbent])
        held = np.where(is_scored, score[:, rule.incumbent], 0.0)
        stays = is_scored & ~_is_beaten(best, held, rule.margin_rate, equal, sold)
        chosen = np.where(stays, rule.incumbent, chosen)
    if sitting is not None:
        rows = np.arange(len(score))
        own = np.where(sitting >= 0, filled[rows, sitting], np.inf)
        is_scored = np.isfinite(own)
        held = np.where(is_scored, own, 0.0)
        stays = is_scored & ~_is_beaten(filled[rows, chosen], held, rule.replacement_rate, equal, sold)
        chosen = np.where(stays, sitting, chosen)
    return np.where(np.isfinite(best), chosen, -1)


def _is_beaten(
    score: np.ndarray, held: np.ndarray, margin_rate: float, equal: np.ndarray, has_sold: np.ndarray
) -> np.ndarray:
    """Whether scores are better than those of whom they challenge by a margin, (n,)."""
    is_errorless = (score <= equal) & (held > equal) & has_sold
    return (score < held * (1.0 - margin_rate) - equal) | is_errorless


def challengers(score: np.ndarray, champion: np.ndarray) -> np.ndarray:
    """Position of the model with the least score beside the champion, (n,); -1 where there is none.

    Example: scores [[1.0, 0.9, 0.95]] with champion [0] give [1], with champion [1] give [2].
    """
    filled = np.where(np.isfinite(score), score, np.inf)
    rows = np.flatnonzero(champion >= 0)
    filled[rows, champion[rows]] = np.inf
    return np.where(np.isfinite(filled.min(axis=1)) & (champion >= 0), filled.argmin(axis=1), -1)


def held_out_rmse(
    errors: np.ndarray,
    terms: np.ndarray,
    fold_count: np.ndarray,
    rule: ChoiceRule,
    *,
    loss_code: str,
    sitting: np.ndarray,
    has_sold: np.ndarray,
) -> np.ndarray:
    """RMSE of the champion that is chosen without the origin that it is then judged at, units, (n,).

    The least of several scores flatters its model. Choosing without an origin and judging at it does not.

    Args:
        errors: of cumulative demand, (n, M, K).
        terms: what each origin adds to the loss that the choice goes by, (n, M, K).
        fold_count: origins, (n,).
        rule: of the choice.
        loss_code: of that loss.
        sitting: as in `choose_champions`.
        has_sold: likewise.
    """
    is_scored = (np.isfinite(errors).sum(axis=-1) == fold_count[:, None]) & (fold_count > 0)[:, None]
    squares = np.where(is_scored[:, :, None], errors**2, np.nan)
    held = np.where(is_scored[:, :, None], terms, np.nan)
    others = masked_sum(held)[:, :, None] - held
    rows, judged = np.arange(len(errors)), np.full((len(errors), errors.shape[2]), np.nan)
    for fold in range(errors.shape[2]):
        score = np.maximum(others[:, :, fold], 0.0)
        score = np.sqrt(score) if loss_code == "rmse" else score
        chosen = choose_champions(score, rule, equal=np.zeros(len(errors)), sitting=sitting, has_sold=has_sold)
        judged[:, fold] = np.where(chosen >= 0, squares[rows, chosen, fold], np.nan)
    return np.where(fold_count > 1, np.sqrt(masked_mean(judged)), np.nan)


def reasons(chosen: np.ndarray, ties: np.ndarray, rule: ChoiceRule, sitting: np.ndarray) -> np.ndarray:
    """Why the champion was chosen, (n,): the least score, or what held on to it though another scored less.

    Args:
        chosen: position of the champion, (n,).
        ties: whether another model scored less, (n,).
        rule: of the choice.
        sitting: as in `choose_champions`.
    """
    is_incumbent = chosen == (-1 if rule.incumbent is None else rule.incumbent)
    conditions = [~ties, is_incumbent, chosen == sitting]
    return np.select(conditions, ["validated", "incumbent_kept", "champion_kept"], "tie_break").astype(object)
