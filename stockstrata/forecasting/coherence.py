"""Coherent forecasts of a cycle: which method makes the levels agree, by segment, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from stockstrata.forecasting.hierarchy import BOTTOM, EVERY_LOCATION, LEVELS, Hierarchy, hierarchy_of
from stockstrata.forecasting.level_forecasts import LevelForecasts, LevelMethod, level_forecasts
from stockstrata.forecasting.metrics import safe_ratio
from stockstrata.forecasting.outcome import SeriesOutcome
from stockstrata.forecasting.reconciliation import BOTTOM_UP, METHODS, reconciled
from stockstrata.panel import DemandPanel
from stockstrata.parameters import HierarchySetting
from stockstrata.tables import HIERARCHY_CHOICE, HIERARCHY_FORECAST

ALL_SEGMENTS = "ALL"
UNRECONCILED = "base"
"""A level's own forecasts, judged beside the methods."""

MIXED = "mixed"
"""Method of a sum whose item-locations follow several."""

VALIDATED = "validated"
_EQUAL_RATE = 1e-9


@dataclass(frozen=True)
class CoherentForecasts:
    """What the hierarchy makes of the forecasts of a cycle.

    Attributes:
        forecasts: HIERARCHY_FORECAST.
        choices: HIERARCHY_CHOICE.
        forecast_qty: forecasts of the item-locations to plan with, (n, F): those given, but for segments whose
            setting applies the method chosen.
    """

    forecasts: pd.DataFrame
    choices: pd.DataFrame
    forecast_qty: np.ndarray


def coherent_forecasts(
    panel: DemandPanel,
    groups: pd.DataFrame,
    segment_code: np.ndarray,
    series: SeriesOutcome,
    *,
    method: LevelMethod,
    settings: tuple[HierarchySetting, ...],
    workers: int,
    earlier: pd.DataFrame | None = None,
) -> CoherentForecasts:
    """Forecast every level, judge the methods at earlier origins, choose one for each segment and reconcile.

    A segment keeps `bottom_up` unless another method's error is lower by the segment's `margin_rate`. The error is that
    of demand over all buckets forecast: `sum over series of RMSE / sum over series of demand`.

    Args:
        panel: demand history.
        groups: `item_id, location_id, family, region`.
        segment_code: segment of each item-location, (n,).
        series: forecasts of the item-locations.
        method: models and origins.
        settings: settings in force, one of them for `*`.
        workers: processes that may be used; no number depends on them.
        earlier: HIERARCHY_CHOICE of the cycle before, which is kept as between tournaments; None where methods are to
            be judged.
    """
    hierarchy = hierarchy_of(groups, panel.keys)
    rules = {row.segment_code: row for row in settings}
    largest = rules["*"].largest_block_series
    if earlier is None or earlier.empty:
        found = level_forecasts(panel, hierarchy, series, method, workers=workers)
        choices, chosen = _choices(hierarchy, found, segment_code, rules, largest)
    else:
        choices, chosen = _kept_choices(earlier, segment_code)
        # Only methods that weigh by errors need forecasts of the past.
        needs_errors = bool(set(chosen.values()) & {"mint_var", "mint_shrink"})
        method = method if needs_errors else replace(method, origin_count=0)
        found = level_forecasts(panel, hierarchy, series, method, workers=workers)
    base = found.base(0)
    bottom = base.bottom_qty.copy()
    method_code = np.array([chosen[code] for code in segment_code], dtype=object)
    for code in sorted(set(method_code) - {BOTTOM_UP}):
        held = method_code == code
        bottom[held] = reconciled(hierarchy, base, code, largest_block=largest)[held]
    is_applied = np.array([rules.get(code, rules["*"]).is_applied for code in segment_code])
    return CoherentForecasts(
        forecasts=_forecast_table(panel, hierarchy, found, bottom, method_code, series.champion_code),
        choices=choices,
        forecast_qty=_applied(series.forecast_qty, bottom, is_applied & (method_code != BOTTOM_UP)),
    )


def _kept_choices(earlier: pd.DataFrame, segment_code: np.ndarray) -> tuple[pd.DataFrame, dict[str, str]]:
    """The choices of the cycle before; a segment that it did not have is summed up from its item-locations."""
    names = [column.name for column in HIERARCHY_CHOICE.columns if column.name != "period_start_date"]
    segments = sorted(set(segment_code))
    rows = earlier.loc[earlier["segment_code"].isin([*segments, ALL_SEGMENTS]), names]
    taken = rows[rows["is_chosen"].astype(bool)]
    chosen = dict(zip(taken["segment_code"].astype(str), taken["method_code"].astype(str), strict=True))
    new = [
        _row(BOTTOM, code, BOTTOM_UP, np.nan, int((segment_code == code).sum()), 0)
        | {"is_chosen": True, "is_flagged": True, "is_applied": False, "reason_code": "not_validated"}
        for code in segments
        if code not in chosen
    ]
    both = pd.concat([rows, pd.DataFrame(new, columns=pd.Index(names))], ignore_index=True) if new else rows
    table = both.reset_index(drop=True).astype({"is_chosen": bool, "is_flagged": bool, "is_applied": bool})
    return table, {code: chosen.get(code, BOTTOM_UP) for code in segments}


def _applied(forecast_qty: np.ndarray, bottom: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Reconciled means where wanted; buckets beyond those reconciled move by the same ratio as these did together."""
    depth = bottom.shape[1]
    before = forecast_qty[:, :depth].sum(axis=1)
    ratio = np.where(before > 0, safe_ratio(bottom.sum(axis=1), before), 1.0)
    moved = forecast_qty * ratio[:, None]
    moved[:, :depth] = bottom
    return np.where(held[:, None], moved, forecast_qty)


def _choices(
    hierarchy: Hierarchy,
    found: LevelForecasts,
    segment_code: np.ndarray,
    rules: Mapping[str, HierarchySetting],
    largest: int,
) -> tuple[pd.DataFrame, dict[str, str]]:
    """HIERARCHY_CHOICE and the method of each segment."""
    # The oldest origin has nothing before it to learn errors from; it only teaches the others.
    judged = list(range(1, found.sum_qty.shape[1] - 1))
    cumulative = {
        code: np.stack(
            [reconciled(hierarchy, found.base(k), code, largest_block=largest).sum(axis=1) for k in judged], axis=1
        )
        if judged
        else np.zeros((hierarchy.series_count, 0))
        for code in METHODS
    }
    held = [k - 1 for k in judged]
    actual, known = found.bottom_actual_qty.sum(axis=2)[:, held], found.is_known[:, held]
    score = {code: _series_score(cumulative[code], actual, known) for code in METHODS}
    span = np.where(known.any(axis=1), (actual * known).sum(axis=1) / np.maximum(known.sum(axis=1), 1), np.nan)
    rows, chosen = [], {}
    for segment in sorted(set(segment_code)):
        inside = (segment_code == segment) & np.isfinite(span)
        errors = {code: _ratio(score[code][inside], span[inside]) for code in METHODS}
        rule = rules.get(segment, rules["*"])
        chosen[segment], reason = _choice(errors, rule)
        rows += [
            _row(BOTTOM, segment, code, errors[code], int(inside.sum()), len(judged))
            | {
                "is_chosen": code == chosen[segment],
                "is_flagged": reason != "best",
                "is_applied": rule.is_applied and code == chosen[segment],
                "reason_code": reason,
            }
            for code in METHODS
        ]
    rows += _level_rows(hierarchy, found, cumulative, judged)
    names = [column.name for column in HIERARCHY_CHOICE.columns if column.name != "period_start_date"]
    return pd.DataFrame(rows).loc[:, names], chosen


def _choice(errors: Mapping[str, float], rule: HierarchySetting) -> tuple[str, str]:
    """The method of a segment and why: `best`, or what the flag says."""
    is_fixed = rule.method_code != VALIDATED
    judged = {code: error for code, error in errors.items() if np.isfinite(error)}
    if not judged:
        return (rule.method_code if is_fixed else BOTTOM_UP), "not_validated"
    least = min(judged.values())
    best = next(code for code, error in judged.items() if error <= least * (1.0 + _EQUAL_RATE))
    if is_fixed:
        is_best = judged[rule.method_code] <= least * (1.0 + _EQUAL_RATE)
        return rule.method_code, "best" if is_best else "fixed_by_parameter"
    if best != BOTTOM_UP and least >= judged[BOTTOM_UP] * (1.0 - rule.margin_rate):
        return BOTTOM_UP, "within_margin"
    return best, "best"


def _series_score(cumulative: np.ndarray, actual: np.ndarray, known: np.ndarray) -> np.ndarray:
    squares = np.where(known, (cumulative - actual) ** 2, 0.0).sum(axis=1)
    return np.sqrt(squares / np.maximum(known.sum(axis=1), 1))


def _ratio(score: np.ndarray, span: np.ndarray) -> float:
    return float(score.sum() / span.sum()) if span.sum() > 0 else np.nan


def _level_rows(
    hierarchy: Hierarchy, found: LevelForecasts, cumulative: Mapping[str, np.ndarray], judged: list[int]
) -> list[dict[str, object]]:
    """Errors of every method, and of the level's own forecasts, at the levels above the item-locations."""
    rows = []
    held = [k - 1 for k in judged]
    actual = found.bottom_actual_qty.sum(axis=2)[:, held]
    own = (found.sum_qty.sum(axis=2)[:, judged], found.bottom_qty.sum(axis=2)[:, judged])
    for level in LEVELS:
        came = hierarchy.at_level(level, actual)
        known = np.ones(came.shape, dtype=bool)
        paths = {UNRECONCILED: hierarchy.own(level, *own)}
        paths |= {code: hierarchy.at_level(level, cumulative[code]) for code in METHODS}
        for code, path in paths.items():
            error = _ratio(_series_score(path, came, known), came.mean(axis=1)) if judged else np.nan
            rows.append(
                _row(level, ALL_SEGMENTS, code, error, len(came), len(judged))
                | {"is_chosen": False, "is_flagged": False, "is_applied": False, "reason_code": "level"}
            )
    return rows


def _row(level: str, segment: str, code: str, error: float, series: int, origins: int) -> dict[str, object]:
    return {
        "level_code": level,
        "segment_code": segment,
        "method_code": code,
        "error_ratio": error,
        "series_count": series,
        "origin_count": origins,
    }


def _forecast_table(
    panel: DemandPanel,
    hierarchy: Hierarchy,
    found: LevelForecasts,
    bottom: np.ndarray,
    method_code: np.ndarray,
    champion_code: np.ndarray,
) -> pd.DataFrame:
    """HIERARCHY_FORECAST, narrowest level first."""
    depth = bottom.shape[1]
    dates = pd.date_range(panel.bucket_start_dates[-1], periods=depth + 1, freq=panel.bucket_days)[1:]
    keys = hierarchy.keys
    parts = [
        _level_table(
            BOTTOM,
            keys["item_id"].to_numpy(dtype=object),
            keys["location_id"].to_numpy(dtype=object),
            (found.bottom_qty[:, 0], bottom),
            method_code,
            champion_code,
        )
    ]
    every = set(method_code)
    for level in LEVELS:
        held = hierarchy.levels[level]
        base = hierarchy.own(level, found.sum_qty[:, 0], found.bottom_qty[:, 0])
        model = np.concatenate([found.sum_model, champion_code])[held.base_row]
        one = next(iter(every)) if len(every) == 1 else MIXED
        parts.append(
            _level_table(
                level,
                held.node_ids,
                np.full(len(held.node_ids), EVERY_LOCATION, dtype=object),
                (base, hierarchy.at_level(level, bottom)),
                np.full(len(held.node_ids), one, dtype=object),
                model,
            )
        )
    table = pd.concat(parts, ignore_index=True)
    table["bucket_start_date"] = np.tile(dates.to_numpy(), len(table) // depth)
    table["horizon_bucket"] = np.tile(np.arange(1, depth + 1), len(table) // depth)
    names = [column.name for column in HIERARCHY_FORECAST.columns if column.name != "period_start_date"]
    return table.loc[:, names]


def _level_table(
    level: str,
    node_id: np.ndarray,
    location_id: np.ndarray,
    paths: tuple[np.ndarray, np.ndarray],
    method_code: np.ndarray,
    model_code: np.ndarray,
) -> pd.DataFrame:
    """Rows of one level, (nodes x buckets), without dates; paths are the level's own and the reconciled ones."""
    base, made = paths
    depth = base.shape[1]
    return pd.DataFrame(
        {
            "level_code": level,
            "node_id": np.repeat(node_id, depth),
            "node_location_id": np.repeat(location_id, depth),
            "model_code": np.repeat(model_code, depth),
            "method_code": np.repeat(method_code, depth),
            "base_qty": base.ravel(),
            "reconciled_qty": made.ravel(),
        }
    )
