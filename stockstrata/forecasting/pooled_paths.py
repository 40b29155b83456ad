"""Forecasts of single series from what their pool has learnt, in the form of the engine's."""

from collections.abc import Sequence

import numpy as np

from stockstrata.forecasting import engine
from stockstrata.forecasting.engine import GLOBAL, ForecastPaths
from stockstrata.forecasting.outcome import PooledInputs, serving_cut

LEVEL_MODELS = ("ses", "ses_optimized", "year_average")
"""Forecast the level of history with its season taken out; their median is taken (docs/decisions/0087)."""


def pooled_paths(
    model_code: str,
    learnt: PooledInputs | None,
    series: Sequence[np.ndarray],
    train_ends: np.ndarray,
    *,
    depth: np.ndarray,
    max_history: int,
) -> ForecastPaths:
    """Forecast each series from each of its origins by what its pool had learnt before it.

    Args:
        model_code: one of `engine.POOLED_CODES`.
        learnt: what the n series have learnt; None where their pool could not.
        series: n arrays of demand from the start of the series to the end of the panel.
        train_ends: buckets known at each origin, -1 where there is none, (n, K).
        depth: buckets to forecast from each origin, (n,).
        max_history: newest buckets that a level may be learnt from.

    Returns:
        As `engine.forecast_paths`; NaN where the pool has learnt nothing that old.

    Example: `pooled_paths("global_gbm", learnt, series, train_ends, depth=depth, max_history=156).qty[0, 0]`.
    """
    if learnt is None:
        return ForecastPaths(np.full((*train_ends.shape, int(depth.max())), np.nan), {})
    length = np.array([len(one) for one in series], dtype=np.int64)
    offset = np.where(train_ends > 0, length[:, None] - train_ends, -1)
    if model_code == GLOBAL:
        qty = _looked_up(learnt, offset, int(depth.max()))
    else:
        qty = _seasonal(learnt, series, train_ends, offset, depth=depth, max_history=max_history)
    return ForecastPaths(engine.usable_paths(qty, series, train_ends, depth), {})


def _looked_up(learnt: PooledInputs, offset: np.ndarray, widest: int) -> np.ndarray:
    same = (offset[:, :, None] == learnt.global_offset[:, None, :]) & (offset >= 0)[:, :, None]
    rows, slots = np.nonzero(same.any(axis=2))
    width = min(widest, learnt.global_qty.shape[2])
    out = np.full((*offset.shape, widest), np.nan)
    out[rows, slots, :width] = learnt.global_qty[rows, same[rows, slots].argmax(axis=1), :width]
    return out


def _seasonal(
    learnt: PooledInputs, series: Sequence[np.ndarray], train_ends: np.ndarray, offset: np.ndarray, *,
    depth: np.ndarray, max_history: int,
) -> np.ndarray:  # fmt: skip
    out = np.full((*offset.shape, int(depth.max())), np.nan)
    season = learnt.seasonal_index.shape[2]
    if not season:
        return out
    serving = np.where(offset >= 0, serving_cut(learnt.cuts, offset), -1)
    for number in np.unique(serving[serving >= 0]):
        index = learnt.seasonal_index[:, number]
        held = np.flatnonzero((serving == number).any(axis=1) & np.isfinite(index).all(axis=1))
        if not len(held):
            continue
        flat = [series[int(row)] / index[row][np.arange(-len(series[int(row)]), 0) % season] for row in held]
        ends = np.where(serving == number, train_ends, -1)[held]
        level = _level(flat, ends, depth=depth[held], season=season, max_history=max_history)
        ahead = (np.arange(level.shape[2])[None, None, :] - offset[held][:, :, None]) % season
        found = level * np.take_along_axis(index[held][:, None, :], ahead, axis=2)
        rows, slots = np.nonzero(serving[held] == number)
        out[held[rows], slots, : found.shape[2]] = found[rows, slots]
    return out


def _level(
    flat: Sequence[np.ndarray], train_ends: np.ndarray, *, depth: np.ndarray, season: int, max_history: int
) -> np.ndarray:
    found = [
        engine.forecast_paths(
            code,
            flat,
            train_ends,
            depth=depth,
            season_length=season,
            is_seasonal=np.zeros(len(flat), dtype=bool),
            max_history=max_history,
        ).qty
        for code in LEVEL_MODELS
    ]
    return np.median(np.stack(found), axis=0)
