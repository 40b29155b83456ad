"""Expectations judged by the values that would break them first, alike ones together.

To judge an expectation takes Great Expectations some milliseconds, however few the rows; a planned table has some
twenty, most of them alike. What the worst values keep all values keep; what they break is judged again, on every row.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from data_quality.suites import vocabulary
from data_quality.verdict import clauses_not_met

_PARTS = "\x1f"


def clauses_to_judge(frame: pd.DataFrame, expectations: Mapping[str, Any], left_out: tuple[str, str]) -> set[str]:
    """The clauses that some value may break: all those that are alike with one that is broken.

    Args:
        frame: rows that are there, with all columns of the expectations.
        expectations: of `vocabulary`, by clause.
        left_out: column and code of the rows that an expectation with a condition does not look at.

    Raises:
        SuiteError: an expectation raised inside Great Expectations.

    Example:
        Amounts of 5 and 7 in one column and -1 in another give both clauses that ask for 0 to 1e15, and no other.
    """
    clauses: dict[tuple[object, ...], list[str]] = {}
    values: dict[tuple[object, ...], list[object]] = {}
    for clause, expectation in expectations.items():
        columns = (expectation.meta or {})["columns"]
        judged = frame if expectation.row_condition is None else frame[frame[left_out[0]] != left_out[1]]
        kind, worst = _worst(expectation, judged, columns)
        clauses.setdefault(kind, []).append(clause)
        values.setdefault(kind, []).extend(worst)
    kinds = {f"values_{number}": kind for number, kind in enumerate(values) if values[kind]}
    if not kinds:
        return set()
    longest = max(len(values[kind]) for kind in kinds.values())
    worst_rows = pd.DataFrame({name: _laid_out(kind, values[kind], longest) for name, kind in kinds.items()})
    suite = vocabulary.suite("worst_values", [_expectation(name, kind) for name, kind in kinds.items()])
    return {clause for name in clauses_not_met(suite, worst_rows) for clause in clauses[kinds[name]]}


def _worst(expectation: Any, frame: pd.DataFrame, columns: list[str]) -> tuple[tuple[object, ...], list[object]]:
    """What expectations alike have in common, and the values of one that would break it first."""
    asked, column = expectation.expectation_type, frame[columns[0]]
    if asked == "expect_column_values_to_not_be_null":
        missing = column[column.isna()]
        return ("filled",), (missing if len(missing) else column).head(1).tolist()
    if asked == "expect_column_values_to_be_between":
        there = column.dropna()
        return ("between", expectation.min_value, expectation.max_value), [there.min(), there.max()] if len(
            there
        ) else []
    if asked == "expect_column_values_to_be_in_set":
        return ("one of", *expectation.value_set), column.dropna().unique().tolist()
    keys = frame[columns]
    doubled = keys[keys.duplicated()].head(1)
    worst = pd.concat([doubled, doubled]) if len(doubled) else keys.head(1)
    return ("unique", *columns), worst.astype(str).agg(_PARTS.join, axis=1).tolist()


def _laid_out(kind: tuple[object, ...], values: list[object], length: int) -> list[object]:
    """Values as long as all others: by the last of them again, or by keys that nobody has."""
    lacking = length - len(values)
    if kind[0] == "unique":
        return [*values, *(f"{_PARTS}{number}" for number in range(lacking))]
    return [*values, *values[-1:] * lacking]


def _expectation(name: str, kind: tuple[object, ...]) -> Any:
    if kind[0] == "filled":
        return vocabulary.is_filled(name, name)
    if kind[0] == "between":
        return vocabulary.is_between(name, name, kind[1], kind[2])  # type: ignore[arg-type]
    if kind[0] == "one of":
        return vocabulary.is_one_of(name, name, kind[1:])  # type: ignore[arg-type]
    return vocabulary.is_unique(name, [name])
