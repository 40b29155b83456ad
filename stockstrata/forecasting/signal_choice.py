"""Which history a segment's forecasts learn from: with the sales that were lost while stock was out, or without.

What was lost is an estimate. It tells of the demand to come where stock ran out by chance; where stock runs out because
much is taken, sales before it were no lower bound of what is usual, and the estimate lies above it. So both are tried.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.forecasting.fixed_origins import OriginTask, origin_paths
from stockstrata.forecasting.members import ENSEMBLE
from stockstrata.forecasting.metrics import masked_mean, safe_ratio
from stockstrata.history.signal import LearntHistory
from stockstrata.parameters import DemandSignal
from stockstrata.tables import DEMAND_SIGNAL_CHOICE

UNCONSTRAINED, CLEAN = "unconstrained", "clean"
CANDIDATES = (UNCONSTRAINED, CLEAN)
"""With and without lost sales, the first being taken where nothing speaks for the other."""

VALIDATED = "validated"

MODELS = ("window_average", "year_average", "ses_optimized")
"""Cheap models whose median stands for those of all pools: the two histories differ in level above all."""

HORIZON_DAYS = 56.0
"""Span that demand is judged over, as long as a usual protection interval."""

ORIGINS = 12
"""Origins a month apart: the newest year."""

LEAST_INTERVALS = 50
"""Fewer spans in stock throughout say nothing of a segment."""

LEAST_SERIES = 10
"""A group of fewer series is these series, not a segment."""

_HISTORY_YEARS = 3
_NONE = {"error_ratio": np.nan, "series_count": 0, "observation_count": 0}
_MONTH_DAYS = 28.0
_COLUMNS = [column.name for column in DEMAND_SIGNAL_CHOICE.columns if column.name != "period_start_date"]


def signal_choices(
    histories: Mapping[str, LearntHistory],
    segment_code: np.ndarray,
    signals: Mapping[str, DemandSignal],
    *,
    earlier: pd.DataFrame | None,
) -> pd.DataFrame:
    """Judge both histories by demand that was seen, and choose one for each segment that asks for it.

    From each origin the median of `MODELS` forecasts demand over `HORIZON_DAYS` with what was told of each bucket when
    it closed. It is judged by what was seen until stock ran out or a promotion began. Where stock ran out, at least the
    sales up to and in that bucket were wanted, and only a forecast below them has erred: spans in stock throughout
    alone would be those in which little was wanted. The error of a segment is `sum of RMSE / sum of mean demand` over
    the series with lost sales; absolute errors of demand that is mostly nothing are least where too little is expected.
    The history of the cycle before stays, or `unconstrained` without one, unless the error of the other is lower by
    `replacement_margin_rate`.

    Args:
        histories: each of `CANDIDATES` of the same n series; empty where nothing was lost, so that they are one.
        segment_code: segment of each series, (n,).
        signals: row of `demand_signals.csv` of each segment.
        earlier: DEMAND_SIGNAL_CHOICE of the cycle before; None where there is none.

    Returns:
        DEMAND_SIGNAL_CHOICE: for each segment a row of each candidate, or of the signal that its row fixes.

    Example: `signal_choices(histories, segments, signals, earlier=None).query("is_chosen")` has a row a segment.
    """
    sitting = _sitting(earlier)
    asked = [code for code, row in signals.items() if row.demand_signal == VALIDATED]
    errors = _errors(histories, np.isin(segment_code, asked)) if asked and histories else {}
    rows: list[dict[str, object]] = []
    for code, rule in sorted(signals.items()):
        if code not in asked:
            rows.append(_row(code, rule.demand_signal, _NONE, "fixed_by_parameter", is_chosen=True))
            continue
        inside = segment_code == code
        figures = {name: _figures(errors[name], inside) if errors else _NONE for name in CANDIDATES}
        chosen, reason = _chosen(figures, sitting.get(code, UNCONSTRAINED), rule.replacement_margin_rate)
        rows += [_row(code, name, figures[name], reason, is_chosen=name == chosen) for name in CANDIDATES]
    return pd.DataFrame(rows).astype({"error_ratio": float}).loc[:, _COLUMNS]


def chosen_signals(choices: pd.DataFrame) -> tuple[dict[str, str], dict[str, str]]:
    """Signal of each segment, and the reason for it, from DEMAND_SIGNAL_CHOICE."""
    held = choices[choices["is_chosen"].astype(bool)]
    segments = held["segment_code"].astype(str)
    return dict(zip(segments, held["signal_code"], strict=True)), dict(zip(segments, held["reason_code"], strict=True))


def _sitting(earlier: pd.DataFrame | None) -> dict[str, str]:
    if earlier is None or earlier.empty:
        return {}
    return {code: name for code, name in chosen_signals(earlier)[0].items() if name in CANDIDATES}


def _errors(histories: Mapping[str, LearntHistory], asked: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """Error and demand of each span judged, NaN where it is not, (n, K), by candidate."""
    first, second = (histories[name] for name in CANDIDATES)
    differs = ~np.isclose(first.panel.demand_qty, second.panel.demand_qty, equal_nan=True).all(axis=1)
    rows = np.flatnonzero(asked & differs)
    panel = first.panel
    depth = max(round(HORIZON_DAYS / panel.mean_bucket_days), 1)
    step = max(round(_MONTH_DAYS / panel.mean_bucket_days), 1)
    offsets = tuple(
        depth + step * place for place in range(ORIGINS) if depth + step * place < len(panel.bucket_start_dates)
    )
    spans = _spans(first, rows, offsets, depth)
    found = {}
    for name in CANDIDATES:
        wide = np.full((2, len(asked), len(offsets)), np.nan)
        wide[:, rows] = spans.judged(_paths(histories[name], rows, offsets, depth))
        found[name] = {"error": wide[0], "demand": wide[1]}
    # Judged are spans that both can forecast.
    both = np.isfinite(found[UNCONSTRAINED]["error"]) & np.isfinite(found[CLEAN]["error"])
    return {
        name: {key: np.where(both, values, np.nan) for key, values in table.items()} for name, table in found.items()
    }


@dataclass(frozen=True)
class _Spans:
    """Buckets behind each origin up to the one in which stock ran out.

    Attributes:
        demand_qty: what was seen, (n, K, D).
        is_inside: whether the bucket counts, (n, K, D).
        is_bound: whether stock ran out in the last one, so that at least what was seen was wanted, (n, K).
    """

    demand_qty: np.ndarray
    is_inside: np.ndarray
    is_bound: np.ndarray

    def judged(self, paths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Error and demand of each span, NaN where nothing can be judged, (n, K)."""
        demand = np.where(self.is_inside, self.demand_qty, 0.0).sum(axis=2)
        error = np.where(self.is_inside, paths, 0.0).sum(axis=2) - demand
        error = np.where(self.is_bound, np.minimum(error, 0.0), error)
        usable = self.is_inside.any(axis=2) & np.isfinite(error)
        return np.where(usable, error, np.nan), np.where(usable, demand, np.nan)


def _spans(history: LearntHistory, rows: np.ndarray, offsets: Sequence[int], depth: int) -> _Spans:
    total = history.judged_qty.shape[1]
    is_calm = history.event_factor[rows, :total] == 1.0
    judged, least = (
        _behind(np.where(is_calm, values[rows], np.nan), offsets, depth)
        for values in (history.judged_qty, history.least_qty)
    )
    is_whole = np.cumprod(np.isfinite(judged), axis=2, dtype=np.int64).astype(bool)
    ends_here = ~is_whole & np.concatenate([np.ones((*is_whole.shape[:2], 1), dtype=bool), is_whole[:, :, :-1]], axis=2)
    is_last = ends_here & np.isfinite(least)
    return _Spans(least, is_whole | is_last, np.asarray(is_last.any(axis=2)))


def _behind(values: np.ndarray, offsets: Sequence[int], depth: int) -> np.ndarray:
    """Values of the buckets behind each origin, (n, K, D)."""
    total = values.shape[1]
    parts = [values[:, total - offset : total - offset + depth] for offset in offsets]
    return np.stack(parts, axis=1) if parts else np.zeros((len(values), 0, depth))


def _paths(history: LearntHistory, rows: np.ndarray, offsets: tuple[int, ...], depth: int) -> np.ndarray:
    if not len(rows) or not offsets:
        return np.full((len(rows), len(offsets), depth), np.nan)
    task = OriginTask(
        model_codes=MODELS,
        kept_codes=(ENSEMBLE,),
        demand_qty=history.origin_qty[rows],
        offsets=offsets,
        depth=depth,
        season_length=history.panel.season_length,
        max_history=_HISTORY_YEARS * history.panel.season_length,
    )
    return origin_paths(task)[:, 0]


def _figures(table: Mapping[str, np.ndarray], inside: np.ndarray) -> dict[str, float]:
    error, demand = table["error"][inside], table["demand"][inside]
    return {
        "error_ratio": float(safe_ratio(np.nansum(np.sqrt(masked_mean(error**2))), np.nansum(masked_mean(demand)))),
        "series_count": int(np.isfinite(error).any(axis=1).sum()),
        "observation_count": int(np.isfinite(error).sum()),
    }


def _chosen(figures: Mapping[str, Mapping[str, float]], sitting: str, margin_rate: float) -> tuple[str, str]:
    held = figures[sitting]
    if held["observation_count"] < LEAST_INTERVALS or held["series_count"] < LEAST_SERIES:
        return sitting, "too_few_seen"
    other = next(name for name in CANDIDATES if name != sitting)
    least = held["error_ratio"] * (1.0 - margin_rate)
    if figures[other]["error_ratio"] < least:
        return other, "less_error"
    return sitting, "less_error" if held["error_ratio"] <= figures[other]["error_ratio"] else "incumbent_kept"


def _row(code: str, name: str, figures: Mapping[str, float], reason: str, *, is_chosen: bool) -> dict[str, object]:
    return {"segment_code": code, "signal_code": name, **figures, "is_chosen": is_chosen, "reason_code": reason}
