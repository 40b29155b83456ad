"""Which way leads to the distribution of demand over the protection interval: judged segment by segment.

Four ways from what a series' own history shows at its origins (formulas 1.4), and two that learn from all series:

- `error_moments`: gamma or negative binomial with the forecast as mean and the shrunk cumulative error as spread;
- `window_moments`: the same distributions, mean and spread halfway to those of runs of the history as long as the
  interval (combining quantiles halves the errors of both where these differ: Lichtendahl, Grushka-Cockayne & Winkler,
  Management Science 59 (2013) 1594);
- `conformal`: the forecast plus the spread of the series times the quantiles of the errors of its whole segment, each
  over its own spread (locally weighted split conformal prediction: Lei et al., JASA 113 (2018) 1094);
- `empirical`: the quantiles of these runs themselves;
- `learned`: quantiles by one model over all series (`stockstrata.forecasting.learned`);
- `learned_half`: the mean of these and of the quantiles of the best of the four, which stands in as well for series
  that nothing can be learnt of.

They are compared by the pinball loss at the newest origins, each with what was known at that origin. The errors that
`conformal` pools come from older origins than those it is judged at: what series have in common at a time, such as a
fall in demand, does not last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata import shaped
from stockstrata.forecasting.interval_losses import (
    CONFORMAL,
    COVERED,
    EMPIRICAL,
    ERRORS,
    LEARNED_HALF,
    LEARNED_WAYS,
    WINDOWS,
    IntervalBacktest,
    half_with,
    interval_losses,
)
from stockstrata.parameters import IntervalMethod

LEAST_OBSERVATIONS = 200
"""Errors without which the 0.99 quantile of a group says nothing, and origins without which no loss is compared."""

LEAST_JUDGED_SHARE = 0.5
"""Share of a segment's series that must have been judged for it to be judged anew: between tournaments only those have
origins that drift or changed, and they do not speak for the rest."""

EARLIER = "earlier_cycle"
"""What a segment is judged on that keeps its way of the cycle before."""

LEAST_SERIES = 10
"""A group of fewer series is these series, not a segment."""

_ROWS_AT_A_TIME = 2_048


@dataclass(frozen=True)
class IntervalChoice:
    """How the ways fared, and which one each segment takes.

    Attributes:
        table: INTERVAL_METHOD.
        method_by_segment: way taken.
        base_by_segment: way that a learned one is averaged with and falls back to; else the way taken.
        shapes: quantiles of pooled errors of the segments that take `conformal`, or fall back to it.
    """

    table: pd.DataFrame
    method_by_segment: Mapping[str, str]
    base_by_segment: Mapping[str, str]
    shapes: Mapping[str, np.ndarray]


def choose_interval_methods(
    backtest: IntervalBacktest, candidates: Sequence[IntervalMethod], earlier: pd.DataFrame | None = None
) -> IntervalChoice:
    """Judge the ways of each pool at the newest origins; a segment takes the one with the least loss.

    `error_moments` stays unless another way of the four is better by its `least_gain_rate`, and the best of them unless
    a learned one is better than that by its own. A segment with too few origins, as
    between tournaments, keeps its way of the cycle before; one without follows its pool; a pool with too few origins
    stays.

    Args:
        backtest: the origins.
        candidates: rows of `interval_methods.csv`.
        earlier: INTERVAL_METHOD of the cycle before; None where there is none.
    """
    ratio = backtest.error_ratio
    judged = backtest.is_judged
    older = _shapes(np.where(judged, np.nan, ratio), backtest)
    rows = np.array_split(np.arange(len(ratio)), max(-(-len(ratio) // _ROWS_AT_A_TIME), 1))
    losses = pd.concat([interval_losses(backtest, part, judged, older) for part in rows], ignore_index=True)
    kept = _kept(earlier)
    table = _choice_table(losses, backtest, candidates, kept, _few_judged(ratio, backtest.segment_code))
    shapes = {**_shapes(ratio, backtest), **_kept_shapes(table, kept)}
    chosen = table[table["is_chosen"]]
    taken, base = (_with_shape(chosen, name, shapes) for name in ("interval_method_code", "base_method_code"))
    used = {code: shape for code, shape in shapes.items() if base.get(code) == CONFORMAL}
    segment, way = table["segment_code"], table["interval_method_code"]
    table["is_chosen"] = segment.map(taken) == way
    table["base_method_code"] = segment.map(base)
    is_used = (table["base_method_code"] == CONFORMAL) & (way == CONFORMAL)
    table["standard_quantiles"] = pd.Series(
        [used[code].tolist() if held else None for code, held in zip(table["segment_code"], is_used, strict=True)],
        dtype=object,
    )
    return IntervalChoice(table, taken, base, used)


def _with_shape(chosen: pd.DataFrame, name: str, shapes: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Way of each segment; error moments in place of pooled errors of which there are none."""
    # A segment of nothing but zeros has been judged and has no errors.
    ways = zip(chosen["segment_code"].astype(str), chosen[name].astype(str), strict=True)
    return {code: ERRORS if way == CONFORMAL and code not in shapes else way for code, way in sorted(ways)}


def _few_judged(ratio: np.ndarray, segment_code: np.ndarray) -> set[str]:
    """Segments of which too few series have origins."""
    share = pd.Series(np.isfinite(ratio).max(axis=1, initial=False).astype(float)).groupby(segment_code).mean()
    return set(share.index[share < LEAST_JUDGED_SHARE].astype(str))


@dataclass(frozen=True)
class _Kept:
    """What a segment took in the cycle before: its way, the one that this rests on, and a shape where it had one."""

    way: str
    base: str
    shape: np.ndarray | None


def _kept(earlier: pd.DataFrame | None) -> dict[str, _Kept]:
    if earlier is None:
        return {}
    shapes = {
        str(segment): np.asarray(found)
        for segment, found in zip(earlier["segment_code"], earlier["standard_quantiles"], strict=True)
        if found is not None and np.ndim(found) > 0
    }
    rows = earlier[earlier["is_chosen"].astype(bool)]
    names = ["segment_code", "interval_method_code", "base_method_code"]
    told = rows[names].astype(str).itertuples(index=False, name=None)
    return {segment: _Kept(way, base, shapes.get(segment)) for segment, way, base in told}


def _kept_shapes(table: pd.DataFrame, kept: Mapping[str, _Kept]) -> dict[str, np.ndarray]:
    """Shapes of the segments that keep the way of the cycle before."""
    segments = table.loc[table["judged_on_code"] == EARLIER, "segment_code"].unique()
    found = {str(code): kept[str(code)].shape for code in segments}
    return {code: shape for code, shape in found.items() if shape is not None}


def _shapes(ratio: np.ndarray, backtest: IntervalBacktest) -> dict[str, np.ndarray]:
    """Quantiles of the error ratios pooled over each segment, or over its pool where it has too few."""
    found: dict[tuple[str, str], np.ndarray] = {}
    for name, codes in (("segment", backtest.segment_code), ("pool", backtest.pool_code)):
        for code in sorted(set(codes)):
            rows = ratio[codes == code]
            errors = rows[np.isfinite(rows)]
            if len(errors) >= LEAST_OBSERVATIONS and np.isfinite(rows).any(axis=1).sum() >= LEAST_SERIES:
                found[name, code] = shaped.shape_of(errors)
    pools = dict(zip(backtest.segment_code, backtest.pool_code, strict=True))
    held = {code: found.get(("segment", code), found.get(("pool", pool))) for code, pool in sorted(pools.items())}
    return {code: shape for code, shape in held.items() if shape is not None}


def _choice_table(
    losses: pd.DataFrame,
    backtest: IntervalBacktest,
    candidates: Sequence[IntervalMethod],
    kept: Mapping[str, _Kept],
    few: set[str],
) -> pd.DataFrame:
    gains = {(row.pool_code, row.interval_method_code): row.least_gain_rate for row in candidates}
    pools = dict(sorted(zip(backtest.segment_code, backtest.pool_code, strict=True)))
    by_segment, by_pool = _summed(losses, "segment_code"), _summed(losses, "pool_code")
    rows = []
    for segment, pool in pools.items():
        own = by_segment.get(segment, {})
        judged_on, held = (segment, own) if _is_enough(own) else (pool, by_pool.get(pool, {}))
        ways = [ERRORS, *(code for code in (WINDOWS, CONFORMAL, EMPIRICAL) if (pool, code) in gains)]
        learnt = [code for code in LEARNED_WAYS if (pool, code) in gains]
        base = chosen = ERRORS
        if _is_enough(held):
            base = _least(held, ERRORS, {code: gains.get((pool, code), 0.0) for code in ways})
            chosen = _least(_with_half(held, base), base, {code: gains[pool, code] for code in learnt})
        before = kept.get(segment)
        is_keeping = before is not None and before.way in [*ways, *learnt] and before.base in ways
        if before is not None and is_keeping and (segment in few or not _is_enough(own)):
            judged_on, base, chosen = EARLIER, before.base, before.way
        told = {"segment_code": segment, "pool_code": pool, "judged_on_code": judged_on, "base_method_code": base}
        own = _with_half(own, base)
        for code in [*ways, *(code for code in learnt if backtest.learned_qty is not None or code == chosen)]:
            figures = own.get(code, {"series_count": 0, "observation_count": 0})
            rows.append({**told, "interval_method_code": code, **figures, "is_chosen": code == chosen})
    names = [
        *("segment_code", "interval_method_code", "pool_code", "judged_on_code", "series_count", "observation_count"),
        *("pinball_ratio", *COVERED, "is_chosen", "base_method_code"),
    ]
    table = pd.DataFrame(rows, columns=pd.Index(names))
    return table.astype({"pinball_ratio": float, **dict.fromkeys(COVERED, float)})


def _summed(losses: pd.DataFrame, by: str) -> dict[str, dict[str, dict[str, float]]]:
    """Figures of every way by group."""
    summed = losses.groupby([by, "interval_method_code"]).agg(
        series_count=("row", "nunique"),
        observation_count=("row", "size"),
        pinball_ratio=("loss", "mean"),
        **{name: (name, "mean") for name in COVERED},
    )
    found: dict[str, dict[str, dict[str, float]]] = {}
    for (group, code), row in zip(summed.index, summed.to_dict("records"), strict=True):
        found.setdefault(str(group), {})[str(code)] = {str(name): value for name, value in row.items()}
    return found


def _is_enough(figures: Mapping[str, Mapping[str, float]]) -> bool:
    held = figures.get(ERRORS, {})
    return held.get("observation_count", 0) >= LEAST_OBSERVATIONS and held.get("series_count", 0) >= LEAST_SERIES


def _with_half(figures: Mapping[str, Mapping[str, float]], base: str) -> dict[str, Mapping[str, float]]:
    """Figures with those of halves that are made with a base."""
    half = figures.get(half_with(base))
    return {**figures, LEARNED_HALF: half} if half is not None else dict(figures)


def _least(figures: Mapping[str, Mapping[str, float]], stays: str, least_gain: Mapping[str, float]) -> str:
    """The way with the least loss of those that gain enough over the one that otherwise stays."""
    own = figures[stays]["pinball_ratio"]
    better = [
        code
        for code, gain in least_gain.items()
        if code != stays and code in figures and figures[code]["pinball_ratio"] < own * (1 - gain)
    ]
    return min(better, key=lambda code: figures[code]["pinball_ratio"], default=stays)
