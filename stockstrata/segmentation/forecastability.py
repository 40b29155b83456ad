"""How well a series can be forecast: error of the best of a few simple one-step forecasts over the newer history.

A seasonal series that repeats is easy to plan although its demand varies much, so XYZ looks at the error that remains
after the best simple forecast and not at the variation of demand. Every forecast of a bucket uses older buckets only.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.panel import DemandPanel
from stockstrata.parameters import PlanningSettings
from stockstrata.segmentation.demand_pattern import lookback_panel

_SMOOTHING = (0.05, 0.1, 0.3, 0.6)  # alphas of exponential smoothing, from slow to fast
_PROFILE_SMOOTHING = 0.1  # alpha of the level under a seasonal profile
_SHORTEST = 4  # buckets below which no forecast is judged


@dataclass(frozen=True)
class _Span:
    """Columns [start, T) of each series that forecasts are judged on."""

    start: np.ndarray
    is_long_enough: np.ndarray
    has_profile: np.ndarray


def forecastability(panel: DemandPanel, *, settings: PlanningSettings) -> pd.DataFrame:
    """RMSE of the best simple one-step forecast over mean demand of the same buckets.

    Judged are the newest buckets: half the history, at most a year; where more than two years are known, what comes
    after the first two. Candidates: mean of the last quarter year and of the last year, exponential smoothing with
    fixed alphas, last year's value, and from two full years before the judged buckets on a seasonal profile (fixed when
    judging begins) times a smoothed level.

    Args:
        panel: demand history; only the look-back of the demand pattern is used.
        settings: look-back.

    Returns:
        `forecastability_ratio` (NaN below four buckets or without demand in the judged buckets) and
        `simple_model_code` (None where the ratio is NaN), one row a series.
    """
    window = lookback_panel(panel, settings)
    qty = window.demand_qty
    span = _judged_span(window)
    judged = (np.arange(qty.shape[1])[None, :] >= span.start[:, None]) & span.is_long_enough[:, None]
    least, model = np.full(len(qty), np.inf), np.full(len(qty), "", dtype=object)
    for code, forecast in _forecasts(window, span):
        squares = np.where(judged, (np.nan_to_num(qty) - forecast) ** 2, 0.0).sum(axis=1)
        better = squares < least  # false where the candidate has no forecast
        least, model[better] = np.where(better, squares, least), code
    count = judged.sum(axis=1)
    mean = np.where(judged, np.nan_to_num(qty), 0.0).sum(axis=1) / np.maximum(count, 1)
    known = (count > 0) & (mean > 0) & np.isfinite(least)
    rmse = np.sqrt(np.where(known, least, 0.0) / np.maximum(count, 1))
    ratio = np.divide(rmse, mean, out=np.full(len(qty), np.nan), where=known)
    return pd.DataFrame(
        {"forecastability_ratio": ratio, "simple_model_code": [code or None for code in np.where(known, model, "")]}
    )


def classify_variability(ratio: np.ndarray, *, settings: PlanningSettings) -> np.ndarray:
    """X, Y or Z by a ratio of error or variation; Z where it is unknown (all zero or too short to judge)."""
    return np.select([ratio <= settings.xyz_cut_x, ratio <= settings.xyz_cut_y], ["X", "Y"], "Z")


def _judged_span(panel: DemandPanel) -> _Span:
    length, season = panel.length_buckets, panel.season_length
    after_two_years = np.minimum(length - 2 * season, season)
    has_profile = after_two_years >= season // 4
    judged = np.where(has_profile, after_two_years, np.minimum(length // 2, season))
    return _Span(panel.demand_qty.shape[1] - judged, length >= _SHORTEST, has_profile)


def _forecasts(panel: DemandPanel, span: _Span) -> Iterator[tuple[str, np.ndarray]]:
    """One-step forecasts (n, T) of every candidate, the simplest first; NaN where it has none."""
    qty, season = panel.demand_qty, panel.season_length
    for buckets in (season // 4, season):
        yield f"mean_{buckets}", _running_mean(qty, buckets)
    for alpha in _SMOOTHING:
        yield f"ses_{alpha:g}", _smoothed(qty, alpha)
    if qty.shape[1] > season:
        yield "seasonal_naive", np.pad(qty[:, :-season], ((0, 0), (season, 0)), constant_values=np.nan)
    if span.has_profile.any():
        yield "seasonal_profile", _profile_forecast(panel, span)


def _running_mean(qty: np.ndarray, buckets: int) -> np.ndarray:
    """Mean of the up to `buckets` known buckets before each column."""
    known = np.isfinite(qty)
    sums = np.cumsum(np.pad(np.nan_to_num(qty), ((0, 0), (1, 0))), axis=1)
    counts = np.cumsum(np.pad(known, ((0, 0), (1, 0))), axis=1)
    end = np.arange(qty.shape[1])
    begin = np.maximum(end - buckets, 0)
    count = counts[:, end] - counts[:, begin]
    return np.divide(sums[:, end] - sums[:, begin], count, out=np.full_like(qty, np.nan), where=count > 0)


def _smoothed(qty: np.ndarray, alpha: float) -> np.ndarray:
    """Level before each column: l += alpha (y - l), begun at the first known value; unknown buckets leave it."""
    out = np.full_like(qty, np.nan)
    level = np.full(len(qty), np.nan)
    for column in range(qty.shape[1]):
        out[:, column] = level
        seen = qty[:, column]
        moved = np.where(np.isnan(level), seen, level + alpha * (seen - level))
        level = np.where(np.isnan(seen), level, moved)
    return out


def _profile_forecast(panel: DemandPanel, span: _Span) -> np.ndarray:
    """Seasonal profile of the buckets before the judged ones, times a smoothed level of demand over profile."""
    qty, season = panel.demand_qty, panel.season_length
    columns = np.arange(qty.shape[1])
    training = np.where((columns[None, :] < span.start[:, None]) & span.has_profile[:, None], qty, np.nan)
    padded = np.pad(training, ((0, 0), (0, -qty.shape[1] % season)), constant_values=np.nan)
    by_season = padded.reshape(len(qty), -1, season)
    known = np.isfinite(by_season).sum(axis=1)
    mean = np.nansum(by_season, axis=1) / np.maximum(known, 1)
    if season > 12:  # a week of a single year is noisy: average it with its neighbours
        mean = (np.roll(mean, 1, axis=1) + mean + np.roll(mean, -1, axis=1)) / 3
    overall = mean.mean(axis=1, keepdims=True)
    profile = np.divide(mean, overall, out=np.full_like(mean, np.nan), where=overall > 0)[:, columns % season]
    level = _smoothed(np.divide(qty, profile, out=np.full_like(qty, np.nan), where=profile > 0.05), _PROFILE_SMOOTHING)
    return level * profile
