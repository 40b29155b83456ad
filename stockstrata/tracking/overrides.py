"""Overrides of forecasts: what each would change, whether it may, and the forecast with those that may.

The forecast itself is never overwritten: what comes out stands beside it. Larger changes need the approval of somebody
else, because small and upward changes by judgement harm more often than they help (Fildes et al., International Journal
of Forecasting 25, 2009).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.columns import days, numbers, texts
from stockstrata.forecasting.metrics import safe_ratio
from stockstrata.parameters import ForecastRule
from stockstrata.tables import OVERRIDE_EFFECT
from stockstrata.tracking.cells import bucket_ends, matched_cells
from stockstrata.tracking.segment_rules import values_by_segment

SET, ADD, FACTOR = "set_qty_per_bucket", "add_qty", "factor"
EFFECTIVE = "effective"
EFFECT_COLUMNS = [column.name for column in OVERRIDE_EFFECT.columns if column.name != "period_start_date"]
_REASONS = {
    EFFECTIVE: "in force",
    "superseded": "a newer override changes all its buckets",
    "awaiting_approval": "changes more than may be changed without the approval of somebody else",
    "rejected": "was rejected",
    "expired": "has expired; the forecast stands again",
    "invalid": "sets or multiplies demand below zero",
    "out_of_scope": "no forecast bucket of this cycle is of its item, location and days",
}


@dataclass(frozen=True)
class Overridden:
    """Outcome of the overrides of a cycle.

    Attributes:
        quantity: forecast of each cell after its override, NaN where it has none, (n,).
        override: position of that override in the ledger, -1 where there is none, (n,).
        effects: OVERRIDE_EFFECT, one row an override.
    """

    quantity: np.ndarray
    override: np.ndarray
    effects: pd.DataFrame


def apply_overrides(
    cells: pd.DataFrame,
    overrides: pd.DataFrame,
    *,
    rules: Sequence[ForecastRule],
    cut_off_date: np.datetime64,
    bucket_days: str,
) -> Overridden:
    """Judge every override and apply those that may be applied; of several on one cell the newest entry.

    A bucket that an override covers in part is changed by that share of its days. An override is judged by what it
    changes in this cycle, the sum of absolute changes over its buckets: above `approval_change_rate` of their forecast,
    or above `approval_change_amount` at unit cost, it has no effect until somebody other than its author has approved
    it. Where the forecast is zero a rate says nothing, so the amount alone decides.

    Args:
        cells: `item_id, location_id, bucket_start_date, segment_code, baseline_qty, unit_cost_amount`, index from 0.
        overrides: newest entry of each override: `override_id, item_id, location_id, from_date, to_date,
            override_type_code, override_value, person, reason_code, evidence, entered_at, expires_date,
            approval_state_code, approved_by`.
        rules: limits by segment.
        cut_off_date: an override that expires on this day or before has no effect.
        bucket_days: `W-MON` or `MS`.

    Example: a `factor` of 1.1 entered for a month lifts its weekly buckets of 100 units to 110.
    """
    ledger = overrides.reset_index(drop=True)
    pairs = matched_cells(cells, ledger, ["item_id"])
    pairs = _changes(pairs, cells, ledger, bucket_days)
    effects = _effects(pairs, cells, ledger, rules)
    status = _status(effects, ledger, cut_off_date)
    in_force = pairs[status[pairs["entry"].to_numpy(dtype=np.int64)] == EFFECTIVE]
    order = _entry_order(ledger)
    in_force = in_force.assign(order=order[in_force["entry"].to_numpy(dtype=np.int64)])
    won = in_force.sort_values(["cell", "order"]).drop_duplicates("cell", keep="last")
    quantity, override = np.full(len(cells), np.nan), np.full(len(cells), -1)
    quantity[won["cell"]], override[won["cell"]] = won["changed_qty"], won["entry"]
    applied = np.bincount(won["entry"].to_numpy(dtype=np.int64), minlength=len(ledger))
    status = np.where((status == EFFECTIVE) & (applied == 0), "superseded", status)
    effects = effects.assign(
        status_code=status, applied_bucket_count=applied, reason=[_REASONS[code] for code in status]
    )
    return Overridden(quantity, override, effects.loc[:, EFFECT_COLUMNS].sort_values("override_id", ignore_index=True))


def _changes(pairs: pd.DataFrame, cells: pd.DataFrame, ledger: pd.DataFrame, bucket_days: str) -> pd.DataFrame:
    """Pairs with a day in common, and the quantity that each would give its cell."""
    entry, cell = pairs["entry"].to_numpy(dtype=np.int64), pairs["cell"].to_numpy(dtype=np.int64)
    start = days(cells, "bucket_start_date")[cell]
    end = bucket_ends(start, bucket_days)
    first, after = days(ledger, "from_date")[entry], days(ledger, "to_date")[entry] + np.timedelta64(1, "D")
    shared_days = np.maximum((np.minimum(end, after) - np.maximum(start, first)).astype(float), 0.0)
    rate = shared_days / (end - start).astype(float)
    baseline = cells["baseline_qty"].to_numpy(dtype=float)[cell]
    value, location_rate = numbers(ledger, "override_value")[entry], pairs["location_rate"].to_numpy(dtype=float)
    kind = texts(ledger, "override_type_code").to_numpy(dtype=object)[entry]
    span = np.maximum((after - first).astype(float), 1.0)
    changed = np.select(
        [kind == SET, kind == ADD],
        [
            baseline * (1.0 - rate) + value * location_rate * rate,
            baseline + value * location_rate * shared_days / span,
        ],
        baseline * (1.0 + (value - 1.0) * rate),
    )
    return pairs.assign(baseline_qty=baseline, changed_qty=np.maximum(changed, 0.0))[shared_days > 0]


def _effects(
    pairs: pd.DataFrame, cells: pd.DataFrame, ledger: pd.DataFrame, rules: Sequence[ForecastRule]
) -> pd.DataFrame:
    """What each override would change, and whether that needs approval by the strictest of its segments."""
    segment = cells["segment_code"].to_numpy(dtype=object)[pairs["cell"]]
    change = pairs["changed_qty"] - pairs["baseline_qty"]
    cost = cells["unit_cost_amount"].to_numpy(dtype=float)[pairs["cell"]]
    summands = pd.DataFrame(
        {
            "entry": pairs["entry"],
            "bucket_count": 1,
            "baseline_qty": pairs["baseline_qty"],
            "change_qty": change,
            "absolute_qty": change.abs(),
            "change_amount": change.abs() * cost,
        }
    )
    limits = pd.DataFrame(
        {
            "entry": pairs["entry"],
            "segment_code": segment,
            **{
                name: values_by_segment(rules, name, segment)
                for name in ("approval_change_rate", "approval_change_amount")
            },
        }
    )
    every = pd.RangeIndex(len(ledger))
    sums = summands.groupby("entry").sum().reindex(every, fill_value=0.0)
    strictest = limits.groupby("entry").min().reindex(every)
    rate = safe_ratio(sums["absolute_qty"].to_numpy(dtype=float), sums["baseline_qty"].to_numpy(dtype=float))
    amount = sums["change_amount"].to_numpy(dtype=float)
    is_large = (rate > strictest["approval_change_rate"].to_numpy(dtype=float)) | (
        amount > strictest["approval_change_amount"].to_numpy(dtype=float)
    )
    held = ("override_id", "item_id", "location_id", "override_type_code", "person", "reason_code", "evidence")
    return ledger.loc[:, [*held, "override_value", "entered_at", "expires_date", "from_date", "to_date"]].assign(
        approval_state_code=ledger["approval_state_code"],
        approved_by=ledger["approved_by"],
        segment_code=strictest["segment_code"].to_numpy(dtype=object),
        bucket_count=sums["bucket_count"].to_numpy(dtype=np.int64),
        baseline_qty=sums["baseline_qty"].to_numpy(dtype=float),
        change_qty=sums["change_qty"].to_numpy(dtype=float),
        change_rate=rate,
        change_amount=amount,
        is_approval_needed=is_large,
    )


def _status(effects: pd.DataFrame, ledger: pd.DataFrame, cut_off_date: np.datetime64) -> np.ndarray:
    state = texts(ledger, "approval_state_code").to_numpy(dtype=object)
    approver, person = (
        texts(ledger, "approved_by").to_numpy(dtype=object),
        texts(ledger, "person").to_numpy(dtype=object),
    )
    is_approved = (state == "approved") & (approver != "") & (approver != person)
    is_negative = numbers(ledger, "override_value") < 0
    may_be_negative = texts(ledger, "override_type_code").to_numpy(dtype=object) == ADD
    # A comparison with NaT is false: what has no day of expiry does not expire.
    is_expired = days(ledger, "expires_date") <= cut_off_date
    return np.select(
        [
            state == "rejected",
            is_expired,
            is_negative & ~may_be_negative,
            effects["bucket_count"].to_numpy() == 0,
            effects["is_approval_needed"].to_numpy(dtype=bool) & ~is_approved,
        ],
        ["rejected", "expired", "invalid", "out_of_scope", "awaiting_approval"],
        EFFECTIVE,
    ).astype(object)


def _entry_order(ledger: pd.DataFrame) -> np.ndarray:
    """Place of each override by time of entry, ties by number."""
    order = np.empty(len(ledger), dtype=np.int64)
    order[ledger.sort_values(["entered_at", "override_id"]).index.to_numpy()] = np.arange(len(ledger))
    return order
