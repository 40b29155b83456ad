"""Demand sensing: revise the first buckets ahead by how far the newest demand lay from the forecast, where it helps."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stockstrata.forecasting.interval_methods import LEAST_JUDGED_SHARE
from stockstrata.forecasting.metrics import safe_ratio
from stockstrata.forecasting.outcome import SeriesOutcome
from stockstrata.parameters import ShortTermSetting
from stockstrata.tables import SENSING_CHOICE

LEAST_PAIRS = 20
"""Fewer pairs of forecast and actual say nothing about a single weight."""


def short_term_settings(segments: Sequence[str], settings: Sequence[ShortTermSetting]) -> dict[str, ShortTermSetting]:
    """The setting of each segment: its own row, else that of `*`."""
    rows = {row.segment_code: row for row in settings}
    return {code: rows.get(code, rows["*"]) for code in segments}


def sensing_choices(
    segment_code: np.ndarray,
    series: SeriesOutcome,
    settings: Sequence[ShortTermSetting],
    earlier: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Fit the weight of the newest deviation for each segment, and judge it at later origins than it was fitted on.

    Deviations from a forecast are taken to fade as in an autoregression of order one, `E[d(t+1)] = w d(t)` (Box,
    Jenkins, Reinsel & Ljung, Time Series Analysis, 5th ed., ch. 3), where d(t) is the newest bucket's demand minus the
    forecast of the next. The weight is the least squares one over the older half of the origins of the back-test, each
    series scaled by its mean demand, between 0 and `largest_weight_rate`. Sensing is on where it lowers the absolute
    error of the next bucket over the newer half by more than `margin_rate`. The newest bucket is what models learn of
    it, as `short_term_forecast` takes it; an origin whose newest bucket was out of stock has no pair.

    Args:
        segment_code: segment of each series, (n,).
        series: back-test of the champions.
        settings: settings in force, one of them for `*`.
        earlier: SENSING_CHOICE of the cycle before, which a segment keeps that has too little to judge by, as between
            tournaments; None where there is none.

    Returns:
        SENSING_CHOICE, one row a segment.
    """
    forecast, actual = series.predicted_qty[:, :, 0], series.actual_qty[:, :, 0]
    newest = series.before_qty
    found = np.isfinite(forecast) & np.isfinite(actual) & np.isfinite(newest) & (series.mean_qty > 0)[:, None]
    deviation = np.where(found, newest - forecast, 0.0)
    missed = np.where(found, actual - forecast, 0.0)
    scale = np.where(series.mean_qty > 0, series.mean_qty, 1.0)[:, None] ** 2
    # Newest origins come first, so the half that the weight is fitted on is the back one.
    is_fitted_on = np.arange(forecast.shape[1])[None, :] >= forecast.shape[1] // 2
    rows = []
    for code, rule in sorted(short_term_settings(sorted(set(segment_code)), settings).items()):
        inside = found & (segment_code == code)[:, None]
        fit, judge = inside & is_fitted_on, inside & ~is_fitted_on
        top = (deviation * missed / scale)[fit].sum()
        weight = float(np.clip(safe_ratio(top, (deviation**2 / scale)[fit].sum()), 0.0, rule.largest_weight_rate))
        weight = weight if np.isfinite(weight) else 0.0
        sensed = np.maximum(forecast + weight * deviation, 0.0)
        demand = actual[judge].sum()
        plain_error = safe_ratio(np.abs(missed)[judge].sum(), demand)
        sensed_error = safe_ratio(np.abs(actual - sensed)[judge].sum(), demand)
        reason = _reason(rule, int(min(fit.sum(), judge.sum())), float(plain_error), float(sensed_error))
        rows.append((code, weight, float(plain_error), float(sensed_error), int(judge.sum()), reason))
    table = pd.DataFrame(
        rows,
        columns=pd.Index(
            ["segment_code", "weight_rate", "wape_rate", "sensed_wape_rate", "observation_count", "reason_code"]
        ),
    )
    table["is_sensing_on"] = table["reason_code"] == "improves"
    names = [column.name for column in SENSING_CHOICE.columns if column.name != "period_start_date"]
    if earlier is None or earlier.empty:
        return table.loc[:, names]
    judged_share = pd.Series(found.max(axis=1, initial=False).astype(float)).groupby(segment_code).mean()
    few = judged_share.index[judged_share < LEAST_JUDGED_SHARE]
    is_unjudged = (table["reason_code"] == "too_few_pairs") | table["segment_code"].isin(few)
    is_unjudged &= table["reason_code"] != "switched_off"
    kept = earlier.loc[earlier["segment_code"].isin(table.loc[is_unjudged, "segment_code"]), names]
    own = table.loc[~table["segment_code"].isin(kept["segment_code"]), names]
    return pd.concat([own, kept]).sort_values("segment_code", ignore_index=True)


def _reason(rule: ShortTermSetting, pairs: int, plain_error: float, sensed_error: float) -> str:
    if rule.sensed_buckets == 0 or rule.largest_weight_rate == 0:
        return "switched_off"
    if pairs < LEAST_PAIRS:
        return "too_few_pairs"
    return "improves" if sensed_error < plain_error * (1.0 - rule.margin_rate) else "does_not_improve"


def sensed_forecast(
    gross_qty: np.ndarray, newest_qty: np.ndarray, weight: np.ndarray, sensed_buckets: np.ndarray
) -> np.ndarray:
    """Revise the first buckets: `max(0, f(j) + w^j (y - f(1)))` for the j-th of k; later buckets are the very numbers.

    Args:
        gross_qty: forecast by bucket, (n, T).
        newest_qty: demand of the newest complete bucket; NaN where it tells nothing, and nothing is revised, (n,).
        weight: weight of its deviation, 0 where sensing is off, (n,).
        sensed_buckets: buckets to revise, k, (n,).

    Example: forecast [10, 10, 10], newest demand 14, weight 0.5, two buckets: [12, 11, 10].
    """
    ahead = np.arange(1, gross_qty.shape[1] + 1)[None, :]
    revised = np.maximum(gross_qty + weight[:, None] ** ahead * (newest_qty - gross_qty[:, 0])[:, None], 0.0)
    is_told = (weight > 0) & np.isfinite(newest_qty)
    return np.where((ahead <= sensed_buckets[:, None]) & is_told[:, None], revised, gross_qty)
