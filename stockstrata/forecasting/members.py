"""The models of a pool at work on its series: who may be used where, forecasts of each, and their median."""

from collections.abc import Mapping, Sequence

import numpy as np

from stockstrata.errors import PlanningError
from stockstrata.forecasting import coarse, days, engine
from stockstrata.forecasting.outcome import PoolTask
from stockstrata.forecasting.pooled_paths import pooled_paths
from stockstrata.parameters import PoolModel

ENSEMBLE = "ensemble_median"
"""Median of the forecasts of the pool's other models: errors of different kinds cancel, and one wild model does no harm
(docs/decisions/0080)."""

LEAST_ENSEMBLE = 2
"""A median of fewer members is just one of them."""


class PoolSeries:
    """Series of a pool that can be judged, and the models that could not be used on them.

    Attributes:
        task: the pool.
        series: their histories.
        origins: their histories as origins may learn them, of the same lengths.
        learnt: buckets that each earliest origin may learn from, (n,).
        places: where they stand in the task, (n,).
        block_buckets: buckets that each series is forecast in blocks of, (n,).
    """

    def __init__(
        self,
        task: PoolTask,
        series: list[np.ndarray],
        learnt: np.ndarray,
        places: np.ndarray,
        *,
        origins: list[np.ndarray] | None = None,
    ) -> None:
        self.task, self.series, self.learnt, self.places = task, series, learnt, places
        self.origins = series if origins is None else origins
        self.block_buckets = coarse.usable_blocks(learnt, task.block_buckets)
        self._faults: list[dict[str, str]] = [{} for _ in series]
        self._shares: list[np.ndarray] | None = None
        if task.day_share is not None:
            own = [task.day_share[place] for place in places]
            self._shares = [share[len(share) - len(one) :] for share, one in zip(own, series, strict=True)]

    def paths(
        self, code: str, rows: np.ndarray, train_ends: np.ndarray, depth: np.ndarray, *, by_day: bool = True
    ) -> np.ndarray:
        """Forecasts of some series from origins, (len(rows), K, D); NaN for those that lack the model's seasons.

        Args:
            code: model.
            rows: series.
            train_ends: buckets known at each origin, (len(rows), K).
            depth: buckets to forecast, (len(rows),).
            by_day: whether models are fitted to days where the task has them.
        """
        return self._paths(code, rows, train_ends, depth, self.origins, by_day=by_day)

    def _paths(
        self,
        code: str,
        rows: np.ndarray,
        train_ends: np.ndarray,
        depth: np.ndarray,
        learnt_from: list[np.ndarray],
        *,
        by_day: bool = True,
    ) -> np.ndarray:
        out = np.full((*train_ends.shape, int(depth.max(initial=1))), np.nan)
        able = self.is_able(code, by_day=by_day)[rows]
        if not able.any():
            return out
        places = np.flatnonzero(able)
        series, history = [learnt_from[row] for row in rows[places]], self.task.settings.max_history_buckets
        if code in engine.POOLED_CODES:
            learnt = self.task.pooled.select(self.places[rows[places]]) if self.task.pooled is not None else None
            found = pooled_paths(code, learnt, series, train_ends[places], depth=depth[places], max_history=history)
        elif by_day and self._shares is not None:
            shares = [self._shares[row] for row in rows[places]]
            found = days.forecast_paths(
                code, series, shares, train_ends[places], depth=depth[places], max_history=history
            )
        else:
            found = coarse.forecast_paths(
                code,
                series,
                train_ends[places],
                depth=depth[places],
                season_length=self.task.season_length,
                is_seasonal=self.learnt[rows[places]] >= 2 * self.task.season_length,
                max_history=history,
                block_buckets=self.block_buckets[rows[places]],
            )
        out[places, :, : found.qty.shape[2]] = found.qty
        for place, fault in found.faults.items():
            self._faults[rows[places[place]]].setdefault(code, fault)
        return out

    def final(self, code: str, rows: np.ndarray, depth: np.ndarray) -> np.ndarray:
        """Forecasts of some series from the end of their histories, (len(rows), D)."""
        if code == ENSEMBLE:
            members = ensemble_members(self.task.models)
            return ensemble_median({member: self.final(member, rows, depth) for member in members})
        ends = np.array([[len(self.series[row])] for row in rows], dtype=np.int64)
        return self._paths(code, rows, ends, depth, self.series)[:, 0]

    def is_able(self, code: str, *, by_day: bool = True) -> np.ndarray:
        """Whether the earliest origin knows the seasons that the engine and the pool ask for."""
        asked = [model.min_history_seasons for model in self.task.models if model.model_code == code]
        # The season of days is the week, which is the bucket.
        season = 1 if by_day and self._shares is not None else self.task.season_length
        return self.learnt >= max([engine.needs_seasons(code), *asked]) * season

    def fault_texts(self) -> list[str]:
        """For each series the models that could not be used and why, one a line."""
        return ["\n".join(f"{code}: {text}" for code, text in sorted(found.items())) for found in self._faults]


def histories(task: PoolTask) -> list[np.ndarray]:
    """The newest buckets of each series that its outcome may depend on, from its start.

    Raises:
        PlanningError: a history has a gap.
    """
    return [_started(row)[-needed:] for row, needed in zip(task.demand_qty, task.needed_buckets, strict=True)]


def origin_histories(task: PoolTask, series: list[np.ndarray]) -> list[np.ndarray]:
    """The same buckets as origins may learn them.

    Raises:
        PlanningError: a history has a gap.
    """
    if task.origin_qty is None:
        return series
    return [_started(row[len(row) - len(one) :]) for row, one in zip(task.origin_qty, series, strict=True)]


def ensemble_members(models: Sequence[PoolModel]) -> list[str]:
    """Codes of the models whose median the ensemble is."""
    return [model.model_code for model in models if model.model_code != ENSEMBLE and model.is_ensemble_member]


def ensemble_median(paths: Mapping[str, np.ndarray]) -> np.ndarray:
    """Median of the forecasts present, point by point; NaN where fewer than `LEAST_ENSEMBLE` are.

    Example: forecasts 1, 5 and 3 of a bucket give 3.
    """
    members = np.stack(list(paths.values()), axis=-1)
    found = np.isfinite(members).sum(axis=-1)
    # Missing members are sorted to the end, so the middle is that of those present.
    ranked = np.sort(np.where(np.isfinite(members), members, np.inf), axis=-1)
    low = np.take_along_axis(ranked, np.maximum(found - 1, 0)[..., None] // 2, axis=-1)[..., 0]
    high = np.take_along_axis(ranked, (found // 2)[..., None].clip(0, members.shape[-1] - 1), axis=-1)[..., 0]
    return np.where(found >= LEAST_ENSEMBLE, (low + high) / 2, np.nan)


def _started(row: np.ndarray) -> np.ndarray:
    present = np.isfinite(row)
    one = row[int(present.argmax()) :] if present.any() else row[:0]
    if not np.isfinite(one).all():
        raise PlanningError("forecast: a demand history has a gap after its start; fill or mask it first.")
    return one
