"""The few Great Expectations expectations in use, each noting the clause it proves and the columns it needs.

Imports stand inside the functions: Great Expectations takes seconds to load, and a code location must not wait for it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from data_quality.verdict import expectation_meta

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite


def suite(name: str, expectations: Sequence[Any]) -> "ExpectationSuite":
    """A suite without a shared context."""
    from great_expectations import ExpectationSuite

    return ExpectationSuite(name=name, expectations=list(expectations))


def is_filled(clause: str, column: str, *, where: tuple[str, str] | None = None) -> Any:
    """No value of the column is missing; with `where` (a column, a code) only rows without that code are looked at."""
    from great_expectations.expectations.core.expect_column_values_to_not_be_null import ExpectColumnValuesToNotBeNull

    if where is None:
        return ExpectColumnValuesToNotBeNull(column=column, meta=expectation_meta(clause, [column]))
    return ExpectColumnValuesToNotBeNull(
        column=column,
        row_condition=f"{where[0]} != '{where[1]}'",
        condition_parser="pandas",
        meta=expectation_meta(clause, [column, where[0]]),
    )


def is_empty(clause: str, column: str) -> Any:
    """Every value of the column is missing: the column holds what is wrong."""
    from great_expectations.expectations.core.expect_column_values_to_be_null import ExpectColumnValuesToBeNull

    return ExpectColumnValuesToBeNull(column=column, meta=expectation_meta(clause, [column]))


def is_between(clause: str, column: str, low: float | None, high: float | None) -> Any:
    """Values that are there lie within the bounds, bounds included."""
    from great_expectations.expectations.core.expect_column_values_to_be_between import ExpectColumnValuesToBeBetween

    meta = expectation_meta(clause, [column])
    return ExpectColumnValuesToBeBetween(column=column, min_value=low, max_value=high, meta=meta)


def is_one_of(clause: str, column: str, values: Sequence[str]) -> Any:
    """Values that are there are of a short list."""
    from great_expectations.expectations.core.expect_column_values_to_be_in_set import ExpectColumnValuesToBeInSet

    return ExpectColumnValuesToBeInSet(column=column, value_set=list(values), meta=expectation_meta(clause, [column]))


def is_unique(clause: str, columns: Sequence[str]) -> Any:
    """No two rows have the same values in the columns."""
    from great_expectations.expectations.core.expect_column_values_to_be_unique import ExpectColumnValuesToBeUnique
    from great_expectations.expectations.core.expect_compound_columns_to_be_unique import (
        ExpectCompoundColumnsToBeUnique,
    )

    meta = expectation_meta(clause, columns)
    if len(columns) == 1:
        return ExpectColumnValuesToBeUnique(column=columns[0], meta=meta)
    return ExpectCompoundColumnsToBeUnique(column_list=list(columns), ignore_row_if="never", meta=meta)


def is_not_before(clause: str, later: str, earlier: str) -> Any:
    """Where both are there, the one date is not before the other."""
    from great_expectations.expectations.core.expect_column_pair_values_a_to_be_greater_than_b import (
        ExpectColumnPairValuesAToBeGreaterThanB,
    )

    return ExpectColumnPairValuesAToBeGreaterThanB(
        column_A=later,
        column_B=earlier,
        or_equal=True,
        ignore_row_if="either_value_is_missing",
        meta=expectation_meta(clause, [later, earlier]),
    )
