"""Changes of lead times: a self-starting CUSUM over the receipts of each supplier at each location.

Every delivery counts once: the first receipt of an order line, with the lines that came with it. What is charted is the
logarithm of its lead time, standardised by mean and deviation of the receipts before it, so the chart needs no history
set aside as normal. With
`a = sqrt((n - 1) / n)` and `T = (x_n - mean) / sd` of the `n - 1` before, `U = Phi^-1(F_t(a T))` is standard normal and
independent of the earlier ones while nothing changes (Hawkins, 1987, The Statistician 36, 299). `C+ = max(0, C+ + U -
k)` and `C- = max(0, C- - U - k)` signal above a limit that gives the wanted run length of false alarms (Page, 1954).
The change is dated where two levels explain the receipts best (least squares). The receipts since are the new level,
and the chart starts again on them: that a lead time has become normal again is found like any other change.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy  # loads its parts when they are first used: the code location does without

from stockstrata.columns import days, texts
from stockstrata.parameters import PlanningParameters
from stockstrata.supply.observations import usable_receipts
from stockstrata.supply.run_length import decision_limit
from stockstrata.tables import LEAD_TIME_CHANGE

LANE = ["supplier_id", "location_id"]
_COLUMNS = [column.name for column in LEAD_TIME_CHANGE.columns if column.name != "period_start_date"]
_FIRST_JUDGED = 3  # Receipts of a lane from which a deviation can be told.
_LEAST_LOG_SD = 0.02  # Whole days scatter by about this much where lead times are certain.
_LARGEST_U = 6.0


def lead_time_changes(
    item_locations: pd.DataFrame,
    receipts: pd.DataFrame,
    *,
    parameters: PlanningParameters,
    cut_off_date: dt.date,
) -> pd.DataFrame:
    """Changes of lead times of suppliers at locations that the receipts inside the look-back show.

    Args:
        item_locations: frame of `int_item_locations__planned`: who depends on which supplier.
        receipts: frame of `int_receipts__lead_times` with `order_id` and `line`.
        parameters: look-back, wanted run length, shift to be found soonest, receipts that confirm a change.
        cut_off_date: nothing received or learnt on or after this day is used.

    Returns:
        The columns of `policy.lead_time_change` without period and stamp, sorted by supplier, location and number.
        `proposed`: fewer receipts since than a lead time is measured from. `confirmed`: as many, and still in force.
        `rolled_back`: a later change led back to less than the sought shift from the level before. `superseded`:
        a later change led elsewhere.
    """
    settings = parameters.settings
    seen = usable_receipts(receipts, settings=settings, cut_off_date=cut_off_date)
    seen = _first_receipts(receipts, seen)
    if seen.empty:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in _COLUMNS})
    allowance = settings.lead_time_change_shift_sd / 2
    limit = decision_limit(settings.lead_time_change_arl_receipts, allowance=allowance)
    chart = _Chart.of(seen)
    found = chart.run(allowance, limit)
    if not found:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in _COLUMNS})
    changes = pd.DataFrame(found).sort_values(["lane", "change_number"], ignore_index=True)
    changes = _with_status(changes, settings.lead_time_min_receipt_count, settings.lead_time_change_shift_sd)
    lanes = chart.lanes.to_frame(index=False)
    changes = changes.assign(**{name: lanes[name].to_numpy()[changes["lane"]] for name in LANE})
    dependent = pd.DataFrame({name: texts(item_locations, name) for name in LANE}).value_counts()
    count = dependent.reindex(pd.MultiIndex.from_frame(changes[LANE])).fillna(0).to_numpy()
    return changes.assign(item_location_count=count.astype(np.int64)).loc[:, _COLUMNS]


def in_force(changes: pd.DataFrame, status_code: str) -> pd.DataFrame:
    """The newest change of each supplier at each location, where it has a status."""
    newest = changes.drop_duplicates(LANE, keep="last")
    return newest[newest["status_code"] == status_code].reset_index(drop=True)


def _first_receipts(receipts: pd.DataFrame, seen: pd.DataFrame) -> pd.DataFrame:
    """The first receipt of each order line, in the order in which they came in.

    Lines of an order that come in on one day are one delivery, and so one observation.
    """
    lines = receipts.iloc[seen["receipt_number"].to_numpy()][["order_id", "line"]].reset_index(drop=True)
    seen = pd.concat([seen.reset_index(drop=True), lines.astype(str)], axis=1)
    seen = seen[(seen["supplier_id"] != "").to_numpy()]
    ordered = seen.sort_values([*LANE, "receipt_date", "lead_time_days", "order_id", "line", "item_id"])
    first = ordered.drop_duplicates([*LANE, "order_id", "line", "item_id"])
    return first.drop_duplicates([*LANE, "order_id", "receipt_date"]).reset_index(drop=True)


@dataclass(frozen=True)
class _Chart:
    """Lead times of each lane, (lanes, receipts), NaN after the last; dates likewise."""

    lanes: pd.MultiIndex
    days: np.ndarray
    dates: np.ndarray

    @classmethod
    def of(cls, seen: pd.DataFrame) -> "_Chart":
        lane, lanes = pd.factorize(pd.MultiIndex.from_frame(seen[LANE]), sort=True)
        position = pd.Series(lane).groupby(lane).cumcount().to_numpy()
        shape = (len(lanes), int(position.max()) + 1 if len(seen) else 0)
        lengths, dates = np.full(shape, np.nan), np.full(shape, np.datetime64("NaT", "D"))
        lengths[lane, position] = seen["lead_time_days"].to_numpy(dtype=float)
        dates[lane, position] = days(seen, "receipt_date")
        return cls(pd.MultiIndex.from_tuples(list(lanes), names=LANE), lengths, dates)

    def run(self, allowance: float, limit: float) -> list[dict[str, Any]]:
        """Chart all lanes side by side, receipt by receipt; one record for each change found."""
        logs = np.log(self.days)
        count = len(logs)
        state = _State.start(count)
        found: list[dict[str, Any]] = []
        for n in range(logs.shape[1]):
            x = logs[:, n]
            is_there = np.isfinite(x)
            state.add(x, is_there, allowance)
            signal = is_there & (np.maximum(state.up, state.down) > limit)
            for lane in np.flatnonzero(signal):
                first = _changed_at(logs[lane, : n + 1], int(state.segment_from[lane]))
                found.append(self._change(state, int(lane), first, n))
                state.restart(int(lane), logs[lane], first, n)
        last = np.isfinite(logs).sum(axis=1)
        records = [self._with_level_since(record, found, last) for record in found]
        # The spread inside the levels, which the change itself has no part in.
        log_sd = state.log_sd()
        return [
            {
                **record,
                "log_sd": float(log_sd[record["lane"]]),
                "shift_ratio": (record["log_after"] - record["log_before"]) / float(log_sd[record["lane"]]),
            }
            for record in records
        ]

    def _change(self, state: "_State", lane: int, first: int, n: int) -> dict[str, Any]:
        before, since = self.days[lane, state.segment_from[lane] : first], self.days[lane, first : n + 1]
        return {
            "lane": lane,
            "change_number": int(state.number[lane]) + 1,
            "direction_code": "longer" if np.log(since).mean() >= np.log(before).mean() else "shorter",
            "first": first,
            "changed_from_date": self.dates[lane, first],
            "detected_date": self.dates[lane, n],
            "detection_receipt_count": n - first + 1,
            "before_days": float(before.mean()),
            "before_receipt_count": len(before),
            "log_before": float(np.log(before).mean()),
        }

    def _with_level_since(
        self, record: dict[str, Any], found: list[dict[str, Any]], last: np.ndarray
    ) -> dict[str, Any]:
        """The level from the change to the next one, or to the newest receipt."""
        lane, first = record["lane"], record["first"]
        later = [other["first"] for other in found if other["lane"] == lane and other["first"] > first]
        since = self.days[lane, first : min(later, default=int(last[lane]))]
        log_after = float(np.log(since).mean())
        return {
            **record,
            "proposed_lead_time_days": float(since.mean()),
            "receipt_count": len(since),
            "effect_days": float(since.mean()) - record["before_days"],
            "log_after": log_after,
        }


@dataclass
class _State:
    """Where the chart of each lane stands; the current level has `size` receipts, spread is pooled over all levels."""

    size: np.ndarray
    mean: np.ndarray
    squares: np.ndarray
    freedom: np.ndarray
    up: np.ndarray
    down: np.ndarray
    segment_from: np.ndarray
    number: np.ndarray

    @classmethod
    def start(cls, count: int) -> "_State":
        zeros, whole = (lambda: np.zeros(count)), (lambda: np.zeros(count, dtype=np.int64))
        return cls(whole(), zeros(), zeros(), whole(), zeros(), zeros(), whole(), whole())

    def log_sd(self) -> np.ndarray:
        return np.maximum(np.sqrt(self.squares / np.maximum(self.freedom, 1)), _LEAST_LOG_SD)

    def add(self, x: np.ndarray, is_there: np.ndarray, allowance: float) -> None:
        """Chart one receipt of every lane that has one, then let it count in mean and spread."""
        judged = is_there & (self.size >= 1) & (self.freedom >= _FIRST_JUDGED - 2)
        scale = np.sqrt(self.size / (self.size + 1.0))
        statistic = scale * (np.where(is_there, x, 0.0) - self.mean) / self.log_sd()
        # Far out the tail of the other side keeps its digits.
        tail = scipy.special.stdtr(np.maximum(self.freedom, 1), -np.abs(statistic))
        u = np.where(
            judged, np.minimum(-scipy.special.ndtri(np.maximum(tail, 1e-300)), _LARGEST_U) * np.sign(statistic), 0.0
        )
        self.up = np.where(judged, np.maximum(self.up + u - allowance, 0.0), self.up)
        self.down = np.where(judged, np.maximum(self.down - u - allowance, 0.0), self.down)
        grown = np.where(is_there, self.size + 1, self.size)
        off = np.where(is_there, x - self.mean, 0.0)
        moved = self.mean + off / np.maximum(grown, 1)
        self.squares += np.where(is_there, off * (x - moved), 0.0)
        self.freedom += (is_there & (self.size >= 1)).astype(np.int64)
        self.mean, self.size = np.where(is_there, moved, self.mean), grown

    def restart(self, lane: int, logs: np.ndarray, first: int, n: int) -> None:
        """Begin a level with the receipts since the change; the step between the levels is no part of the spread."""
        begun = int(self.segment_from[lane])
        old, new = logs[begun:first], logs[first : n + 1]
        earlier = self.squares[lane] - _squares(logs[begun : n + 1])
        self.squares[lane] = max(earlier, 0.0) + _squares(old) + _squares(new)
        self.freedom[lane] -= 1
        self.size[lane], self.mean[lane] = len(new), new.mean()
        self.up[lane] = self.down[lane] = 0.0
        self.segment_from[lane] = first
        self.number[lane] += 1


def _changed_at(logs: np.ndarray, begun: int) -> int:
    """The first receipt of the new level: where cutting the current level in two leaves the least squares."""
    values = logs[begun:]
    sums, size = np.cumsum(values), np.arange(1, len(values))
    left, right = sums[:-1] / size, (sums[-1] - sums[:-1]) / size[::-1]
    return begun + 1 + int(np.argmax(size * size[::-1] * (left - right) ** 2))


def _squares(values: np.ndarray) -> float:
    return float(((values - values.mean()) ** 2).sum()) if len(values) else 0.0


def _with_status(changes: pd.DataFrame, confirming_count: int, shift_sd: float) -> pd.DataFrame:
    """What became of each change: a later one led back to the level before it, or elsewhere, or none came."""
    status = np.where(changes["receipt_count"] >= confirming_count, "confirmed", "proposed").astype(object)
    ended_by = np.full(len(changes), np.datetime64("NaT", "D"))
    lane = changes["lane"].to_numpy()
    followed = np.flatnonzero(lane[:-1] == lane[1:])
    back = changes["log_after"].to_numpy()[followed + 1] - changes["log_before"].to_numpy()[followed]
    is_back = np.abs(back) < shift_sd * changes["log_sd"].to_numpy()[followed + 1]
    status[followed] = np.where(is_back, "rolled_back", "superseded")
    ended_by[followed] = days(changes, "detected_date")[followed + 1]
    # A change that only undoes the one before it proposes nothing of its own: the former level holds again.
    status[(followed + 1)[is_back]] = "normal_again"
    return changes.assign(status_code=status, ended_date=ended_by)
