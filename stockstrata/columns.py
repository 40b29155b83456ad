"""Columns of foreign frames as plain arrays: whatever stood for "unknown" becomes NaN, NaT or an empty text."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import pandas as pd

from stockstrata.errors import PlanningError

DAYS_PER_YEAR = 365.25


class _Scoped(Protocol):
    """A parameter row that holds for a scope: default, or one code of another scope."""

    @property
    def scope(self) -> str: ...

    @property
    def code(self) -> str: ...


def numbers(frame: pd.DataFrame, name: str) -> np.ndarray:
    """A numeric column as float64, NaN where unknown."""
    values = pd.Series(pd.to_numeric(frame[name], errors="coerce")).to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def days(frame: pd.DataFrame, name: str) -> np.ndarray:
    """A date column as `datetime64[D]`, NaT where unknown; years such as 9999 are kept."""
    return frame[name].astype("datetime64[s]").to_numpy().astype("datetime64[D]")


def texts(frame: pd.DataFrame, name: str) -> pd.Series:
    """A text column without missing values: unknown becomes the empty text; the index counts from 0."""
    values = frame[name].to_numpy(dtype=object)
    return pd.Series(np.where(pd.isna(values), "", values), dtype=object).astype(str)


def flags(frame: pd.DataFrame, name: str) -> np.ndarray:
    """A boolean column, False where unknown."""
    values = frame[name].to_numpy(dtype=object)
    return np.where(pd.isna(values), False, values).astype(bool)


def rows_by_scope(rows: Sequence[_Scoped], codes: Mapping[str, pd.Series], count: int) -> np.ndarray:
    """Position in `rows` of the parameter row that holds for each of `count` item-locations.

    Args:
        rows: parameter rows, one of them with scope `default`.
        codes: for each scope but `default`, the code of every item-location; the weakest scope first.
        count: number of item-locations.
    """
    default = next(position for position, row in enumerate(rows) if row.scope == "default")
    chosen = np.full(count, default)
    for scope, column in codes.items():
        position_of = {row.code: position for position, row in enumerate(rows) if row.scope == scope}
        if position_of:
            found = column.map(position_of).to_numpy(dtype=float)
            chosen = np.where(np.isfinite(found), found, chosen).astype(int)
    return chosen


def aligned(frame: pd.DataFrame, keys: pd.DataFrame, *, table: str) -> pd.DataFrame:
    """The rows of `frame` in the order of `keys` (`item_id, location_id`), index from 0.

    Raises:
        PlanningError: if a key has no row, or two.
    """
    by = ["item_id", "location_id"]
    index = pd.MultiIndex.from_arrays([frame[name] for name in by])
    if not index.is_unique:
        item, location = index[index.duplicated()][0]
        raise PlanningError(f"{table}: item {item} at {location} stands there twice; expected one row.")
    rows = index.get_indexer(pd.MultiIndex.from_arrays([keys[name] for name in by]))
    if (rows < 0).any():
        missing = keys.loc[rows < 0].iloc[0]
        raise PlanningError(
            f"{table}: no row for item {missing.item_id} at {missing.location_id}; expected one row for each "
            "planned item-location. Run the step that writes the table for this period again."
        )
    return frame.iloc[rows].reset_index(drop=True)
