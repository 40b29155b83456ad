"""Data errors planted into the extract: extra rows that must be quarantined, each recorded with its line.

Every faulty row is added beside the clean ones, so the clean rows alone agree with the truth.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

_NUMBER = "a number"
_DATE = "a date of the calendar, YYYY-MM-DD"
_FILLED = "a value: the column is required"
_KNOWN_ITEM = "an item_id that stands in items"
_KNOWN_LOCATION = "a location_id that stands in locations"
_UNIQUE = "a key that stands in the file once"
_DEMAND_RANGE = "a number from -1000000000 to 1000000000"


@dataclass(frozen=True)
class Fault:
    """One kind of planted error: what is written where, and what the contract expects instead."""

    entity: str
    column: str
    kind: str
    value: str | None
    expected: str


FAULTS = (
    Fault("demand", "demand_qty", "wrong_type", "12,5", _NUMBER),
    Fault("demand", "demand_qty", "wrong_type", "abc", _NUMBER),
    Fault("demand", "demand_date", "impossible_date", "2024-02-31", _DATE),
    Fault("demand", "item_id", "missing_required", None, _FILLED),
    Fault("demand", "item_id", "unknown_item", "ITM-99999", _KNOWN_ITEM),
    Fault("demand", "location_id", "unknown_location", "LOC-99", _KNOWN_LOCATION),
    Fault("demand", "demand_qty", "out_of_range", "1000000000000000", _DEMAND_RANGE),
    Fault("demand", "demand_date", "missing_required", None, _FILLED),
    Fault("demand", "order_id,line", "exact_duplicate", None, _UNIQUE),
    Fault("demand", "order_id,line", "duplicate_key", None, _UNIQUE),
    Fault("stock", "on_hand_qty", "negative_stock", "-40", "a number from 0 to 1000000000"),
    Fault("stock", "on_hand_qty", "wrong_type", "abc", _NUMBER),
    Fault("stock", "item_id", "unknown_item", "ITM-99999", _KNOWN_ITEM),
    Fault("stock", "on_hand_qty", "missing_required", None, _FILLED),
    Fault("stock", "item_id,location_id,stock_date,status", "exact_duplicate", None, _UNIQUE),
    Fault("stock", "item_id,location_id,stock_date,status", "duplicate_key", None, _UNIQUE),
    Fault("purchase_orders", "receipt_date", "receipt_before_order", "2023-09-30", "not before order_date"),
    Fault("purchase_orders", "ordered_qty", "wrong_type", "12,5", _NUMBER),
    Fault("purchase_orders", "order_date", "impossible_date", "2024-02-31", _DATE),
    Fault("purchase_orders", "supplier_id", "missing_required", None, _FILLED),
    Fault("purchase_orders", "order_id,line,receipt_date", "exact_duplicate", None, _UNIQUE),
)
# The value that a row with a doubled key differs in.
_VALUE = {"demand": "demand_qty", "stock": "on_hand_qty"}
_ORDER_PREFIX = {"demand": ("SO-", 7), "purchase_orders": ("PO-", 7)}
_DUPLICATES = ("exact_duplicate", "duplicate_key")


def plant_errors(
    extract: dict[str, pd.DataFrame], *, copies: int, rng: np.random.Generator
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Add faulty rows to demand, stock and purchase orders.

    Args:
        extract: clean extract tables.
        copies: faulty rows of each kind.
        rng: source of randomness.

    Returns:
        The extract with text columns where faults stand, and the record: `entity, row_number` (line in the CSV, the
        header is line 1), `column_name, kind, found_value, expected, original_row_number` (the clean row
        that a duplicate repeats; null otherwise).
    """
    dirty = dict(extract)
    records = []
    for entity in dict.fromkeys(fault.entity for fault in FAULTS):
        faults = [fault for fault in FAULTS if fault.entity == entity for _ in range(copies)]
        dirty[entity], record = _plant(extract[entity], faults, rng)
        records.append(record)
    return dirty, pd.concat(records, ignore_index=True)


def no_errors() -> pd.DataFrame:
    """The record of a clean extract."""
    columns = ["entity", "row_number", "column_name", "kind", "found_value", "expected"]
    return pd.DataFrame({name: [] for name in [*columns, "original_row_number"]})


def _plant(frame: pd.DataFrame, faults: list[Fault], rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    clean = _as_text(frame, {name for fault in faults for name in fault.column.split(",")} & set(frame.columns))
    source = _templates(frame, len(faults), rng)
    rows = clean.iloc[source].reset_index(drop=True)
    if faults[0].entity in _ORDER_PREFIX:
        rows = _own_order_numbers(rows, faults, clean)
    else:
        rows = _own_days(rows, faults, frame)
    for row, fault in enumerate(faults):
        if fault.kind == "duplicate_key":
            name = _VALUE[fault.entity]
            rows.loc[row, name] = str(int(str(rows.loc[row, name])) + 7)
        elif fault.kind not in _DUPLICATES:
            rows.loc[row, fault.column] = fault.value
    # A faulty row goes somewhere after its model, so that the clean row of a doubled key comes first.
    after = source + rng.integers(1, max(len(frame) // 20, 2), len(source))
    place = np.minimum(after, len(frame) - 1) + 0.5
    both = pd.concat([clean, rows], ignore_index=True)
    order = np.argsort(np.concatenate([np.arange(len(clean)), place]), kind="stable")
    line = np.empty(len(order), dtype=np.int64)
    line[order] = np.arange(len(order)) + 2
    is_duplicate = np.array([fault.kind in _DUPLICATES for fault in faults])
    record = pd.DataFrame(
        {
            "entity": [fault.entity for fault in faults],
            "row_number": line[len(clean) :],
            "column_name": [fault.column for fault in faults],
            "kind": [fault.kind for fault in faults],
            "found_value": [_found(rows.iloc[row], fault) for row, fault in enumerate(faults)],
            "expected": [fault.expected for fault in faults],
            "original_row_number": pd.Series(line[source], dtype="Int64").where(is_duplicate),
        }
    )
    return both.iloc[order].reset_index(drop=True), record.sort_values("row_number", ignore_index=True)


def _found(row: pd.Series, fault: Fault) -> str | None:
    if fault.kind in _DUPLICATES:
        return ",".join(str(row[name]) for name in fault.column.split(","))
    return fault.value


def _as_text(frame: pd.DataFrame, columns: set[str]) -> pd.DataFrame:
    text = frame.copy()
    for name in sorted(columns):
        column = frame[name]
        if pd.api.types.is_datetime64_any_dtype(column.dtype):
            text[name] = column.dt.strftime("%Y-%m-%d").astype(object).mask(column.isna(), None)
        elif pd.api.types.is_numeric_dtype(column.dtype):
            text[name] = column.astype(str).astype(object).mask(column.isna(), None)
    return text


def _templates(frame: pd.DataFrame, count: int, rng: np.random.Generator) -> np.ndarray:
    """Rows to copy: ordinary sales, closed receipts, usable stock with a positive quantity."""
    usable = np.ones(len(frame), dtype=bool)
    usable[-1] = False
    if "is_return" in frame:
        usable &= ~frame["is_return"].to_numpy()
    if "received_qty" in frame:
        usable &= frame["received_qty"].notna().to_numpy() & (frame["order_date"] >= "2024-01-01").to_numpy()
    if "status" in frame:
        usable &= (frame["status"] == "available").to_numpy() & (frame["on_hand_qty"] > 0).to_numpy()
    return np.sort(rng.choice(np.flatnonzero(usable), count, replace=False))[rng.permutation(count)]


def _own_order_numbers(rows: pd.DataFrame, faults: list[Fault], clean: pd.DataFrame) -> pd.DataFrame:
    """Faulty lines are orders of their own, so that their key is not doubled as well."""
    prefix, width = _ORDER_PREFIX[faults[0].entity]
    last = max(int(code[len(prefix) :]) for code in clean["order_id"].unique() if code.startswith(prefix))
    own = [f"{prefix}{last + k + 1:0{width}d}" for k in range(len(faults))]
    keeps = np.array([fault.kind in _DUPLICATES for fault in faults])
    return rows.assign(order_id=rows["order_id"].where(keeps, pd.Series(own)))


def _own_days(rows: pd.DataFrame, faults: list[Fault], frame: pd.DataFrame) -> pd.DataFrame:
    """Faulty snapshots lie on days without any other snapshot."""
    keeps = np.array([fault.kind in _DUPLICATES for fault in faults])
    taken = set(frame["stock_date"].dt.strftime("%Y-%m-%d"))
    moved = [_free_day(np.datetime64(day, "D"), taken) for day in rows["stock_date"]]
    return rows.assign(stock_date=rows["stock_date"].where(keeps, pd.Series(moved, dtype=object)))


def _free_day(day: np.datetime64, taken: set[str]) -> str:
    """Newest of the six days before that has no snapshot; Sundays and month ends never fill six days."""
    return next(text for text in (str(day - back) for back in range(1, 7)) if text not in taken)
