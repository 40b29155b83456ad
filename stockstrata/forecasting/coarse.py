"""Forecasting in coarser buckets than the cycle's and splitting back: temporal aggregation by segment.

Weeks may be forecast in blocks of 4 (a month) or 13 (a quarter), months in blocks of 3. Blocks are counted back from
each origin, so the newest block is always complete and nothing behind the origin is seen.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np

from stockstrata.forecasting import engine
from stockstrata.forecasting.engine import ForecastPaths
from stockstrata.forecasting.metrics import safe_ratio
from stockstrata.forecasting.origins import LEAST_TRAINING_BUCKETS
from stockstrata.parameters import BucketType

_BLOCKS: dict[int, dict[BucketType, int]] = {52: {"month": 4, "quarter": 13}, 12: {"quarter": 3}}


def block_length(bucket_type: BucketType, season_length: int) -> int:
    """Buckets of the cycle that a segment's bucket spans; 1 where it asks for none coarser than the cycle's.

    Example: a month is 4 buckets of weeks and 1 of months; a day is 1, and `days` cuts the cycle's bucket.
    """
    return _BLOCKS.get(season_length, {}).get(bucket_type, 1)


def usable_blocks(learnt: np.ndarray, block_buckets: int) -> np.ndarray:
    """Buckets that each series is forecast in blocks of, 1 where its earliest origin knows too few blocks, (n,).

    Args:
        learnt: buckets that the earliest origin may learn from, (n,).
        block_buckets: buckets of a block.

    Example: blocks of 4 with 16 and 15 buckets learnt give 4 and 1.
    """
    return np.where(learnt // block_buckets >= LEAST_TRAINING_BUCKETS, block_buckets, 1)


def forecast_paths(
    model_code: str,
    series: Sequence[np.ndarray],
    train_ends: np.ndarray,
    *,
    depth: np.ndarray,
    season_length: int,
    is_seasonal: np.ndarray,
    max_history: int,
    block_buckets: np.ndarray,
) -> ForecastPaths:
    """`engine.forecast_paths` in blocks of buckets, split back to buckets by each series' own profile.

    The buckets of a block get the shares that they had in the newest year of blocks before the origin, as far as they
    are to be believed: `1/m + Z (share - 1/m)` with the credibility factor `Z = max(0, 1 - 1/F)` of Bühlmann (Bühlmann
    & Gisler, A Course in Credibility Theory, 2005, ch. 4), F the variance between the places of a block over that
    inside them.

    Args:
        model_code: as in `engine.forecast_paths`, like all arguments but the last.
        series: n arrays of demand, oldest first.
        train_ends: buckets known at each origin, (n, K), -1 where there is none.
        depth: buckets to forecast, (n,).
        season_length: buckets of a year.
        is_seasonal: whether a series may be given a season, (n,).
        max_history: newest buckets that a model may learn from.
        block_buckets: buckets of a block, as `usable_blocks` gives; 1 is the plain engine, (n,).

    Example: the naive model on [1, 3, 1, 3, 1, 3, 1, 3] in blocks of 2 gives 4 for the next block, split 1 and 3.
    """
    out = np.full((*train_ends.shape, int(depth.max())), np.nan)
    faults: dict[int, str] = {}
    # Origins whose distance is no multiple of the block cut the history at other places: one call for each cut.
    lengths = np.array([len(one) for one in series], dtype=np.int64)
    phase = np.where(train_ends > 0, (lengths[:, None] - train_ends) % block_buckets[:, None], -1)
    for block in np.unique(block_buckets).tolist():
        for cut in range(block):
            rows = np.flatnonzero((block_buckets == block) & (phase == cut).any(axis=1))
            if not len(rows):
                continue
            ends = np.where(phase[rows] == cut, train_ends[rows], -1)
            forecast = engine.forecast_paths if block == 1 else partial(_blocks, block=block)
            found = forecast(
                model_code,
                [series[row] for row in rows.tolist()],
                ends,
                depth=depth[rows],
                season_length=season_length,
                is_seasonal=is_seasonal[rows],
                max_history=max_history,
            )
            place, slot = np.nonzero(ends > 0)
            out[rows[place], slot, : found.qty.shape[2]] = found.qty[place, slot]
            for row, fault in found.faults.items():
                faults.setdefault(int(rows[row]), fault)
    return ForecastPaths(out, faults)


def _blocks(
    model_code: str,
    series: Sequence[np.ndarray],
    ends: np.ndarray,
    *,
    depth: np.ndarray,
    season_length: int,
    is_seasonal: np.ndarray,
    max_history: int,
    block: int,
) -> ForecastPaths:
    """Forecasts from origins that cut the history at the same places."""
    newest = ends.max(axis=1)
    summed = [_summed(one[: int(end)], block) for one, end in zip(series, newest, strict=True)]
    # What does not fill a block is left out at the old end.
    dropped = newest % block
    block_ends = np.where(ends > 0, (ends - dropped[:, None]) // block, -1)
    block_depth = -(-depth // block)
    season = max(season_length // block, 1)
    found = engine.forecast_paths(
        model_code,
        summed,
        block_ends,
        depth=block_depth,
        season_length=season,
        is_seasonal=is_seasonal,
        max_history=max(max_history // block, LEAST_TRAINING_BUCKETS),
    )
    width = int(depth.max())
    out = np.full((*ends.shape, width), np.nan)
    for row, one in enumerate(series):
        for slot in np.flatnonzero(ends[row] > 0).tolist():
            shares = bucket_profile(one[: int(ends[row, slot])], block, season)
            path = (found.qty[row, slot][:, None] * shares[None, :]).ravel()
            out[row, slot, : depth[row]] = path[: int(depth[row])]
    return ForecastPaths(out, found.faults)


def _summed(one: np.ndarray, block: int) -> np.ndarray:
    return one[len(one) % block :].reshape(-1, block).sum(axis=1)


def bucket_profile(one: np.ndarray, block: int, season: int) -> np.ndarray:
    """Share of a block that each of its buckets gets, (block,), summing to 1.

    Args:
        one: demand, oldest first.
        block: buckets of a block.
        season: blocks of a year, the newest of which count.
    """
    year = one[len(one) % block :].reshape(-1, block)[-season:]
    even = np.full(block, 1.0 / block)
    total, count = year.sum(), len(year)
    if total <= 0 or count < LEAST_TRAINING_BUCKETS:
        return even
    place = year.mean(axis=0)
    between = count * place.var(ddof=1)
    inside = year.var(axis=0, ddof=1).mean()
    credibility = float(np.clip(1.0 - safe_ratio(inside, between), 0.0, 1.0)) if between > 0 else 0.0
    return even + credibility * (year.sum(axis=0) / total - even)
