"""How far the simulator can be believed: its stock, fed what really came and went, beside the stock that was counted.

Two faults would spoil every replay. Stock that moves in ways nobody records: then the twin's stock drifts away from
the counted one (`twin_stock_gap_qty`). Demand that nobody records, because the shelf was empty: then replayed policies
meet less than was wanted and look better than they are (`hidden_lost_qty`, estimated by `history.lost_sales`).
"""

import numpy as np
import pandas as pd

from stockstrata.columns import numbers
from stockstrata.gate.facts import Realised
from stockstrata.gate.grid import ReplayGrid
from stockstrata.gate.moments import KEY
from stockstrata.simulation.policies import policies
from stockstrata.simulation.replay import replay_trace
from stockstrata.simulation.terms import Opening, terms

_CHUNK = 4_000


def realised_figures(keys: pd.DataFrame, realised: Realised, grid: ReplayGrid) -> pd.DataFrame:
    """What really was held and served, and the gap of the twin's stock, by item-location.

    Args:
        keys: `item_id, location_id`, n rows.
        realised: what happened.
        grid: periods of the replay. The twin's stock is told where they are days: of coarser facts nobody knows what
            came before what within a period.

    Returns:
        n rows: key, `actual_short_qty` (not shipped, or lost by the estimate; NaN where neither shipments nor stock are
        known), `actual_mean_stock_qty` (NaN without snapshots), `hidden_lost_qty`, `recorded_qty` (demand), all in
        units, and `twin_stock_gap_qty` (mean absolute gap at the snapshots after the first; NaN where there are none).

    Example: 10 on Monday's end, 4 received and 6 sold on Tuesday, 7 counted on its end: the twin holds 8, a gap of 1.
    """
    out = keys.loc[:, KEY].reset_index(drop=True)
    index = pd.MultiIndex.from_frame(out)
    held, gap = np.full(len(out), np.nan), np.full(len(out), np.nan)
    for first in range(0, len(out), _CHUNK):
        part = slice(first, first + _CHUNK)
        held[part], gap[part] = _stock(index[part], realised, grid)
    lost = np.nan_to_num(_column(index, realised.lost, "hidden_lost_qty"))
    short = _column(index, realised.served, "short_qty")
    shipped = np.nan_to_num(_column(index, realised.served, "is_service_known")) > 0
    is_known = shipped | np.isfinite(held)
    return out.assign(
        actual_short_qty=np.where(is_known, np.where(shipped, np.nan_to_num(short), 0.0) + lost, np.nan),
        actual_mean_stock_qty=held,
        hidden_lost_qty=lost,
        recorded_qty=np.nan_to_num(_column(index, realised.served, "demand_qty")),
        twin_stock_gap_qty=gap,
    )


def _stock(index: pd.MultiIndex, realised: Realised, grid: ReplayGrid) -> tuple[np.ndarray, np.ndarray]:
    """Mean counted stock, and the mean gap of the twin's, units, (n,) each."""
    n, periods = len(index), grid.period_count
    counted = np.full((n, periods), np.nan)
    row, period, kept = _cells(index, realised.snapshots, "stock_date", grid)
    counted[row[kept], period[kept]] = np.maximum(numbers(realised.snapshots, "free_qty")[kept], 0.0)
    seen = np.isfinite(counted)
    count = seen.sum(axis=1)
    held = np.divide(np.nansum(counted, axis=1), count, out=np.full(n, np.nan), where=count > 0)
    if grid.period_days != 1 or not (count > 1).any():
        return held, np.full(n, np.nan)
    first = np.argmax(seen, axis=1)
    into, out_of = np.zeros((n, periods)), np.zeros((n, periods))
    row, period, kept = _cells(index, realised.flows, "flow_date", grid)
    # What moved up to the first count is in it.
    kept &= period > first[np.maximum(row, 0)]
    np.add.at(into, (row[kept], period[kept]), numbers(realised.flows, "in_qty")[kept])
    np.add.at(out_of, (row[kept], period[kept]), numbers(realised.flows, "out_qty")[kept])
    opening = np.nan_to_num(counted[np.arange(n), first])
    twin = replay_trace(
        terms(n, lead_time=0, is_whole=False, lost_share_rate=1.0, opening=Opening(opening, 0.0, into)),
        out_of,
        [(0, policies("do_not_stock", item_count=n))],
    ).on_hand_qty
    later = seen & (np.arange(periods)[None, :] > first[:, None])
    gap = np.where(later, np.abs(twin - np.nan_to_num(counted)), 0.0).sum(axis=1)
    return held, np.divide(gap, later.sum(axis=1), out=np.full(n, np.nan), where=count > 1)


def _cells(
    index: pd.MultiIndex, frame: pd.DataFrame, day: str, grid: ReplayGrid
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row and period of each row of a frame, and whether it lies in both."""
    row = index.get_indexer(pd.MultiIndex.from_frame(frame[KEY]))
    period = grid.period_of(frame[day].to_numpy())
    return row, period, (row >= 0) & (period >= 0) & (period < grid.period_count)


def _column(index: pd.MultiIndex, frame: pd.DataFrame, name: str) -> np.ndarray:
    """A column in the order of an index, NaN where the frame has no row."""
    places = pd.MultiIndex.from_frame(frame[KEY]).get_indexer(index)
    return np.append(numbers(frame, name), np.nan)[places]
