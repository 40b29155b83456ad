"""Learned quantiles of a planning cycle: at the origins that ways are judged at, and for the interval to come."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from stockstrata.forecasting.interval_losses import LEARNED, LEARNED_HALF, LEARNED_WAYS, IntervalBacktest
from stockstrata.forecasting.interval_methods import LEAST_JUDGED_SHARE, LEAST_SERIES
from stockstrata.forecasting.learned import LEVELS, LearnedModel, LearningLimits, fit_quantiles, whole_neighbours
from stockstrata.forecasting.learned_features import DemandHistory
from stockstrata.forecasting.origins import validation_plan
from stockstrata.forecasting.outcome import needed_buckets, whole_buckets
from stockstrata.forecasting.predictive import IntervalDemand, demand_method, quantiles
from stockstrata.forecasting.windows import WINDOW_LEVELS
from stockstrata.panel import DemandPanel
from stockstrata.parameters import PlanningParameters, PoolSettings
from stockstrata.shaped import PROBABILITIES

CUT_LEVELS = (0.1, 0.5)
"""Where among the judged origins the models that are judged stop learning. What lies before the first is not served:
a few old origins of very long intervals would leave next to nothing to learn from."""

_NAMED = {f"p{level:.0%}": level for level in LEVELS}
_TAIL_LEVEL = 0.95
_TAIL_STRETCH = 2.0
_LAST_LEVEL = 0.999
"""Level that stands for the largest demand of all: the straight line over -log(1 - level) has no end."""


class LearnedQuantiles:
    """Models of one cycle over all its series.

    Args:
        panel: demand history.
        pool_code: forecast pool of each series, (n,).
        buckets: protection interval of each, buckets, fractional, (n,).
        parameters: which pools may take learned ways, and how much is learnt from.
        workers: models that are fitted at a time; the result does not depend on it.
    """

    def __init__(
        self,
        panel: DemandPanel,
        pool_code: np.ndarray,
        buckets: np.ndarray,
        parameters: PlanningParameters,
        workers: int,
    ) -> None:
        self._panel, self._pool_code, self._buckets = panel, pool_code, buckets
        self._settings = {row.pool_code: row for row in parameters.forecast_settings}
        learnt = {row.pool_code for row in parameters.interval_methods if row.interval_method_code in LEARNED_WAYS}
        self._is_wanted = np.isin(pool_code, sorted(learnt))
        told = parameters.settings
        self._limits = LearningLimits(told.learned_most_windows, told.learned_least_windows, told.learned_least_series)
        self._most_origins = max(row.max_history_buckets for row in parameters.forecast_settings)
        self._workers = workers
        self._history = DemandHistory(panel.demand_qty, panel.season_length) if self._is_wanted.any() else None

    def judged(self, backtest: IntervalBacktest, horizon: np.ndarray) -> np.ndarray | None:
        """Quantiles at the judged origins at `WINDOW_LEVELS`, (n, J, L), by models that know what was over before them.

        None where no segment of a pool with learned ways has enough judged series to be judged anew.

        Args:
            backtest: the origins.
            horizon: judged horizon of each series, whole buckets, (n,).
        """
        newest = backtest.window_mean_qty.shape[1]
        judged = backtest.is_judged[:, :newest] & self._is_wanted[:, None]
        if self._history is None or not _is_segment_judged(judged, backtest.segment_code):
            return None
        ends = origin_ends(self._panel, self._pool_code, self._buckets, self._settings)[:, :newest]
        rows, slots = np.nonzero(judged & (ends > 0))
        known = ends[rows, slots]
        cuts = np.unique(np.quantile(known, CUT_LEVELS, method="lower"))
        serving = np.searchsorted(cuts, known, side="right") - 1
        places = [LEVELS.index(level) for level in WINDOW_LEVELS]
        out = np.full((*judged.shape, len(WINDOW_LEVELS)), np.nan)
        for number, cut in enumerate(cuts):
            held = serving == number
            model = self._model(int(cut))
            if model is not None:
                found = model.quantiles(self._history, rows[held], known[held], horizon[rows[held]])
                out[rows[held], slots[held]] = found[:, places]
        return out

    def planned(self, rows: np.ndarray) -> np.ndarray:
        """Quantiles of demand over the interval to come at `LEVELS`, NaN where nothing can be learnt, (n, L).

        Args:
            rows: the series that are asked for.
        """
        out = np.full((len(self._buckets), len(LEVELS)), np.nan)
        # An interval within one bucket says nothing of whole buckets.
        rows = rows[self._buckets[rows] >= 1 - 1e-9]
        total = self._panel.demand_qty.shape[1]
        model = self._model(total) if self._history is not None and len(rows) else None
        if model is None or self._history is None:
            return out
        low, high = whole_neighbours(self._buckets[rows])
        ends = np.full(len(rows), total)
        below = model.quantiles(self._history, rows, ends, low)
        is_between = high > low
        out[rows] = below
        between = rows[is_between]
        above = model.quantiles(self._history, between, ends[is_between], high[is_between])
        share = (self._buckets[between] - low[is_between])[:, None]
        out[between] = np.maximum.accumulate(below[is_between] + share * (above - below[is_between]), axis=1)
        return out

    def _model(self, cut: int) -> LearnedModel | None:
        if self._history is None:
            return None
        return fit_quantiles(
            self._history,
            self._buckets,
            cut,
            most_origins=self._most_origins,
            limits=self._limits,
            workers=self._workers,
        )


def origin_ends(
    panel: DemandPanel, pool_code: np.ndarray, buckets: np.ndarray, settings: Mapping[str, PoolSettings]
) -> np.ndarray:
    """Buckets of the panel known at the origins that tournaments judge each series at, newest first, -1 for none.

    Args:
        panel: demand history of n series.
        pool_code: forecast pool of each, (n,).
        buckets: protection interval of each, buckets, fractional, (n,).
        settings: of each pool.

    Example: 156 weeks, an interval of 5 and folds 4 apart: 151, 147 ...
    """
    out = np.full((len(buckets), max(row.fold_count for row in settings.values())), -1, dtype=np.int64)
    for code in sorted(set(pool_code)):
        rows = np.flatnonzero(pool_code == code)
        horizon = whole_buckets(buckets[rows])
        length = np.minimum(panel.length_buckets[rows], needed_buckets(settings[code], horizon))
        plan = validation_plan(length, horizon, settings=settings[code], season_length=panel.season_length)
        ends = panel.demand_qty.shape[1] - length[:, None] + plan.train_ends
        out[rows, : ends.shape[1]] = np.where(plan.train_ends > 0, ends, -1)
    return out


def learned_demand(
    demand: IntervalDemand, learned_qty: np.ndarray, way: np.ndarray
) -> tuple[IntervalDemand, np.ndarray]:
    """Demand over the interval with learned distributions where a series takes one and there is one.

    Args:
        demand: by the way that is taken otherwise.
        learned_qty: quantiles at `learned.LEVELS`, (n, L).
        way: way that each series takes, (n,).

    Returns:
        Demand, and whether it is learned, (n,).

    Example: `learned_demand(demand, models.planned(rows), way)[0].mean_qty`.
    """
    is_learned = np.isin(way, LEARNED_WAYS) & np.isfinite(learned_qty[:, 0])
    rows = np.flatnonzero(is_learned)
    if not len(rows):
        return demand, is_learned
    half = way[rows] == LEARNED_HALF
    qty = learned_qty[rows]
    qty[half] = (qty[half] + _quantiles_of(demand, rows[half], _NAMED)) / 2
    grid = _with_own_tail(_on_grid(qty), demand, rows)
    # The forecast stays what is expected; the mean of a learned distribution hangs on a tail that few windows show.
    mean, sd = demand.mean_qty[rows], _spread(grid)
    # Whole units are the shape rounded down; learned quantiles lie between them, and the nearest one serves best.
    lifted = grid + np.where(demand.is_whole[rows], 0.5, 0.0)[:, None]
    shape, sds, codes = (part.copy() for part in (demand.shape, demand.sd_qty, demand.method_code))
    width = np.where(sd > 0, sd, 1.0)
    shape[rows] = (lifted - mean[:, None]) / width[:, None]
    sds[rows], codes[rows] = width, LEARNED
    return replace(demand, shape=shape, sd_qty=sds, method_code=codes), is_learned


def _is_segment_judged(judged: np.ndarray, segment_code: np.ndarray) -> bool:
    has = pd.DataFrame({"is_judged": judged.any(axis=1)})["is_judged"].groupby(segment_code).agg(["sum", "mean"])
    return bool(((has["sum"] >= LEAST_SERIES) & (has["mean"] >= LEAST_JUDGED_SHARE)).any())


def _quantiles_of(demand: IntervalDemand, rows: np.ndarray, levels: dict[str, float]) -> np.ndarray:
    """Quantiles of some series by the way that they take otherwise, at rising levels, (m, L)."""
    mean, is_whole, shape = demand.mean_qty[rows], demand.is_whole[rows], demand.shape[rows]
    by_moments, sd = demand_method(mean, demand.sd_qty[rows], is_whole=is_whole)
    own = demand.method_code[rows].astype(str)
    is_shaped = np.isfinite(shape[:, 0])
    method = np.where(is_shaped, np.where(is_whole, np.char.add(own, "_count"), own), by_moments)
    found = quantiles(mean, np.where(is_shaped, demand.sd_qty[rows], sd), method, levels, shape)
    return np.column_stack([found[name] for name in levels])


def _unrounded(demand: IntervalDemand) -> IntervalDemand:
    """The same demand as if it came in broken units: steps of single units would hide a tail."""
    is_counted = demand.is_whole & ~np.isfinite(demand.shape[:, 0])
    least = np.where(is_counted, np.sqrt(np.maximum(demand.mean_qty, 0.0)), 0.0)
    return replace(demand, sd_qty=np.maximum(demand.sd_qty, least), is_whole=np.zeros(len(least), dtype=bool))


def _with_own_tail(grid: np.ndarray, demand: IntervalDemand, rows: np.ndarray) -> np.ndarray:
    """Learned quantiles with the tail above `_TAIL_LEVEL` of the way that each series takes otherwise, (m, G).

    So far out there are too few windows to tell series apart: what is learnt there is what the wildest of all have
    done, 3 to 5 times the 0.95 quantile of any series. The own tail is stretched as the learned 0.98 asks, at most
    `_TAIL_STRETCH` times. A series whose own distribution has no tail keeps the learned one.

    Args:
        grid: quantiles at `shaped.PROBABILITIES`, (m, G).
        demand: by the way that is taken otherwise.
        rows: the series, (m,).
    """
    start = int(np.argmin(np.abs(PROBABILITIES - _TAIL_LEVEL)))
    told = int(np.argmin(np.abs(PROBABILITIES - LEVELS[-1]))) - start
    levels = {f"p{level}": level for level in np.minimum(PROBABILITIES[start:], _LAST_LEVEL).tolist()}
    own = _quantiles_of(_unrounded(demand), rows, levels)
    own = own - own[:, :1]
    learned = (grid[:, start + told] - grid[:, start])[:, None]
    stretch = np.divide(learned, own[:, [told]], out=np.ones_like(learned), where=own[:, [told]] > 0)
    tail = grid[:, [start]] + np.clip(stretch, 1 / _TAIL_STRETCH, _TAIL_STRETCH) * own
    return np.hstack([grid[:, :start], np.where(own[:, -1:] > 0, tail, grid[:, start:])])


def _on_grid(qty: np.ndarray) -> np.ndarray:
    """Quantiles at `learned.LEVELS` carried to `shaped.PROBABILITIES`, straight over -log(1 - level), (m, G)."""
    known = -np.log1p(-np.array(LEVELS))
    wanted = -np.log1p(-np.minimum(PROBABILITIES, _LAST_LEVEL))
    place = np.clip(np.searchsorted(known, wanted, side="right") - 1, 0, len(known) - 2)
    share = (wanted - known[place]) / (known[place + 1] - known[place])
    return np.maximum(qty[:, place] + share * (qty[:, place + 1] - qty[:, place]), 0.0)


def _spread(grid: np.ndarray) -> np.ndarray:
    """Standard deviation of quantiles at `shaped.PROBABILITIES` joined by straight lines, (m,)."""
    left, right, width = grid[:, :-1], grid[:, 1:], np.diff(PROBABILITIES)
    mean = ((left + right) / 2 * width).sum(axis=1)[:, None]
    low, high = left - mean, right - mean
    return np.sqrt(((low**2 + low * high + high**2) / 3 * width).sum(axis=1))
