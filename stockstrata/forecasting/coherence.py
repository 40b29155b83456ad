"""Coherent forecasts of a cycle: which method makes the levels agree, by segment, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from stockstrata.forecasting.hierarchy import BOTTOM, EVERY_LOCATION, LEVELS, Hierarchy, hierarchy_of
from stockstrata.forecasting.level_forecasts import LevelForecasts, LevelMethod, Published, level_forecasts
from stockstrata.forecasting.metrics import safe_ratio
from stockstrata.forecasting.outcome import SeriesOutcome
from stockstrata.forecasting.reconciliation import BOTTOM_UP, METHODS, reconciled
from stockstrata.forecasting.workers import TaskMap
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
_NOT_VALIDATED = "not_validated"
_FORECAST_COLUMNS = [column.name for column in HIERARCHY_FORECAST.columns if column.name != "period_start_date"]


@dataclass(frozen=True)
class CoherentForecasts:
    """What the hierarchy makes of the forecasts of a cycle.

    Attributes:
        forecasts: HIERARCHY_FORECAST without what people decide, which `with_decisions` adds.
        choices: HIERARCHY_CHOICE.
        forecast_qty: forecasts of the item-locations to plan with, without promotions, (n, F): those given, but for
            segments whose setting applies the method chosen.
        hierarchy: the levels.
    """

    forecasts: pd.DataFrame
    choices: pd.DataFrame
    forecast_qty: np.ndarray
    hierarchy: Hierarchy

    def with_decisions(self, final_qty: np.ndarray) -> "CoherentForecasts":
        """The same with the forecasts that the cycle plans with, after people and streams, summed over every level.

        Args:
            final_qty: of the item-locations, promotions included, (n, F).
        """
        depth = int(self.forecasts["horizon_bucket"].max())
        final = final_qty[:, :depth]
        levels = [final, *(self.hierarchy.at_level(level, final) for level in LEVELS)]
        whole = np.concatenate([one.ravel() for one in levels])
        return replace(self, forecasts=self.forecasts.assign(final_qty=whole).loc[:, _FORECAST_COLUMNS])


def coherent_forecasts(
    panel: DemandPanel,
    groups: pd.DataFrame,
    segment_code: np.ndarray,
    series: SeriesOutcome,
    *,
    published: Published,
    method: LevelMethod,
    settings: tuple[HierarchySetting, ...],
    task_map: TaskMap,
    earlier: pd.DataFrame | None = None,
    is_judged: bool = True,
) -> CoherentForecasts:
    """Forecast every level, judge the methods at earlier origins, choose one for each segment and reconcile.

    A segment takes `bottom_up` unless another method's error is lower by the segment's `margin_rate`, and keeps the
    method that it had unless the one to be taken is better by `replacement_margin_rate`. The error is that of demand
    over all buckets forecast, promotions included, where it was seen: `sum over series of RMSE / sum over series of
    demand`. Item-locations whose forecast is fixed keep it under every method.

    Args:
        panel: demand history.
        groups: `item_id, location_id, family, region`.
        segment_code: segment of each item-location, (n,).
        series: outcomes of the pools of the item-locations.
        published: what is made of them, and what they are judged by.
        method: models and origins.
        settings: settings in force, one of them for `*`.
        task_map: where models are fitted; no number depends on it.
        earlier: HIERARCHY_CHOICE of the cycle before; None where there is none.
        is_judged: whether methods are to be judged anew; else those of `earlier` stay, as between tournaments.
    """
    hierarchy = hierarchy_of(groups, panel.keys)
    rules = {row.segment_code: row for row in settings}
    largest = rules["*"].largest_block_series
    if is_judged or earlier is None or earlier.empty:
        found = level_forecasts(panel, hierarchy, series, published, method, task_map=task_map)
        choices, chosen = _choices(hierarchy, found, segment_code, rules, largest, _sitting(earlier))
    else:
        choices, chosen = _kept_choices(earlier, segment_code)
        # Only methods that weigh by errors need forecasts of the past.
        needs_errors = bool(set(chosen.values()) & {"mint_var", "mint_shrink"})
        method = method if needs_errors else replace(method, origin_count=0)
        found = level_forecasts(panel, hierarchy, series, published, method, task_map=task_map)
    base = found.base(0)
    bottom = base.bottom_qty.copy()
    method_code = np.array([chosen[code] for code in segment_code], dtype=object)
    for code in sorted(set(method_code) - {BOTTOM_UP}):
        held = method_code == code
        bottom[held] = reconciled(hierarchy, base, code, largest_block=largest)[held]
    # The history of what is new says little of its share, and its analogs know more than its family does.
    bottom[published.is_fixed] = base.bottom_qty[published.is_fixed]
    is_applied = np.array([rules.get(code, rules["*"]).is_applied for code in segment_code])
    return CoherentForecasts(
        forecasts=_forecast_table(panel, hierarchy, found, bottom, method_code, published.model_code),
        choices=choices,
        forecast_qty=_applied(published.forecast_qty, bottom, is_applied & (method_code != BOTTOM_UP)),
        hierarchy=hierarchy,
    )


def _sitting(earlier: pd.DataFrame | None) -> dict[str, str]:
    """Method that each segment was last judged to follow."""
    if earlier is None or earlier.empty:
        return {}
    held = earlier[earlier["is_chosen"].astype(bool) & (earlier["reason_code"] != _NOT_VALIDATED)]
    return dict(zip(held["segment_code"].astype(str), held["method_code"].astype(str), strict=True))


def _kept_choices(earlier: pd.DataFrame, segment_code: np.ndarray) -> tuple[pd.DataFrame, dict[str, str]]:
    """The choices of the cycle before; a segment that it did not have is summed up from its item-locations."""
    names = [column.name for column in HIERARCHY_CHOICE.columns if column.name != "period_start_date"]
    segments = sorted(set(segment_code))
    rows = earlier.loc[earlier["segment_code"].isin([*segments, ALL_SEGMENTS]), names]
    taken = rows[rows["is_chosen"].astype(bool)]
    chosen = dict(zip(taken["segment_code"].astype(str), taken["method_code"].astype(str), strict=True))
    new = [
        _row(BOTTOM, code, BOTTOM_UP, np.nan, int((segment_code == code).sum()), 0)
        | {"is_chosen": True, "is_flagged": True, "is_applied": False, "reason_code": _NOT_VALIDATED}
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
    sitting: Mapping[str, str],
) -> tuple[pd.DataFrame, dict[str, str]]:
    """HIERARCHY_CHOICE and the method of each segment."""
    # The oldest origin has nothing before it to learn errors from; it only teaches the others.
    judged = list(range(1, found.sum_qty.shape[1] - 1))
    held = [k - 1 for k in judged]
    seen = np.isfinite(found.judged_qty[:, held])
    actual = np.where(seen, found.judged_qty[:, held], 0.0).sum(axis=2)
    known = found.is_known[:, held] & seen.any(axis=2)
    whole, score = {}, {}
    for code in METHODS:
        paths = _paths(hierarchy, found, code, judged, largest)
        whole[code] = paths.sum(axis=2)
        score[code] = _series_score(np.where(seen, paths, 0.0).sum(axis=2), actual, known)
    span = np.where(known.any(axis=1), (actual * known).sum(axis=1) / np.maximum(known.sum(axis=1), 1), np.nan)
    rows, chosen = [], {}
    for segment in sorted(set(segment_code)):
        inside = (segment_code == segment) & np.isfinite(span)
        errors = {code: _ratio(score[code][inside], span[inside]) for code in METHODS}
        rule = rules.get(segment, rules["*"])
        chosen[segment], reason = _choice(errors, rule, sitting.get(segment))
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
    rows += _level_rows(hierarchy, found, whole, judged)
    names = [column.name for column in HIERARCHY_CHOICE.columns if column.name != "period_start_date"]
    return pd.DataFrame(rows).loc[:, names], chosen


def _paths(hierarchy: Hierarchy, found: LevelForecasts, code: str, judged: list[int], largest: int) -> np.ndarray:
    """Forecasts that a method would have had published at the judged origins, (n, J, D)."""
    if not judged:
        return np.zeros((hierarchy.series_count, 0, found.factor.shape[2]))
    made = [reconciled(hierarchy, found.base(k), code, largest_block=largest) for k in judged]
    return np.stack(made, axis=1) * found.factor[:, judged]


def _choice(errors: Mapping[str, float], rule: HierarchySetting, sitting: str | None) -> tuple[str, str]:
    """The method of a segment and why: `best`, or what the flag says."""
    is_fixed = rule.method_code != VALIDATED
    judged = {code: error for code, error in errors.items() if np.isfinite(error)}
    if not judged:
        return (rule.method_code if is_fixed else sitting or BOTTOM_UP), _NOT_VALIDATED
    least = min(judged.values())
    best = next(code for code, error in judged.items() if error <= least * (1.0 + _EQUAL_RATE))
    if is_fixed:
        is_best = judged[rule.method_code] <= least * (1.0 + _EQUAL_RATE)
        return rule.method_code, "best" if is_best else "fixed_by_parameter"
    is_within = best != BOTTOM_UP and least >= judged[BOTTOM_UP] * (1.0 - rule.margin_rate)
    taken = BOTTOM_UP if is_within else best
    if (
        sitting in judged
        and sitting != taken
        and judged[taken] >= judged[sitting] * (1.0 - rule.replacement_margin_rate)
    ):
        return sitting, "best" if sitting == best else "incumbent_kept"
    return taken, "within_margin" if is_within else "best"


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
    factor = found.factor[:, judged]
    actual = (found.bottom_actual_qty[:, held] * factor).sum(axis=2)
    own = (found.sum_qty.sum(axis=2)[:, judged], found.bottom_qty.sum(axis=2)[:, judged])
    uplift = (found.bottom_qty[:, judged] * (factor - 1.0)).sum(axis=2)
    for level in LEVELS:
        came = hierarchy.at_level(level, actual)
        known = np.ones(came.shape, dtype=bool)
        paths = {UNRECONCILED: hierarchy.own(level, *own) + hierarchy.at_level(level, uplift)}
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
    """HIERARCHY_FORECAST without decisions, narrowest level first; promotions are added to what was reconciled."""
    depth, factor = bottom.shape[1], found.factor[:, 0]
    own, made = found.bottom_qty[:, 0] * factor, bottom * factor
    uplift = own - found.bottom_qty[:, 0]
    dates = pd.date_range(panel.bucket_start_dates[-1], periods=depth + 1, freq=panel.bucket_days)[1:]
    keys = hierarchy.keys
    parts = [
        _level_table(
            BOTTOM,
            keys["item_id"].to_numpy(dtype=object),
            keys["location_id"].to_numpy(dtype=object),
            (own, made),
            method_code,
            champion_code,
        )
    ]
    every = set(method_code)
    for level in LEVELS:
        held = hierarchy.levels[level]
        base = hierarchy.own(level, found.sum_qty[:, 0], found.bottom_qty[:, 0]) + hierarchy.at_level(level, uplift)
        model = np.concatenate([found.sum_model, champion_code])[held.base_row]
        one = next(iter(every)) if len(every) == 1 else MIXED
        parts.append(
            _level_table(
                level,
                held.node_ids,
                np.full(len(held.node_ids), EVERY_LOCATION, dtype=object),
                (base, hierarchy.at_level(level, made)),
                np.full(len(held.node_ids), one, dtype=object),
                model,
            )
        )
    table = pd.concat(parts, ignore_index=True)
    table["bucket_start_date"] = np.tile(dates.to_numpy(), len(table) // depth)
    table["horizon_bucket"] = np.tile(np.arange(1, depth + 1), len(table) // depth)
    return table.loc[:, [name for name in _FORECAST_COLUMNS if name != "final_qty"]]


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
