"""Suite of an entity's landed rows, built from its contract.

Conversions and look-ups are joins, so DuckDB lays them out as columns (`<column>__unreadable`, `<column>__unknown`,
`<column>__alike`, `key_<n>`); Great Expectations judges those columns together with the typed values themselves.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data_quality.contracts import Clause, Contract, clauses
from data_quality.suites import vocabulary
from data_quality.typed_values import folded_sql, text_name

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

_COLUMN_KINDS = ("present", "type", "earliest", "minimum", "maximum", "allowed", "reference", "not_before")


@dataclass(frozen=True)
class RawCheck:
    """A clause and the columns that prove it: name in the frame, expression over the table `rows`.

    Great Expectations takes far longer for a row than DuckDB, so it is shown the rows that decide: `worst_rows` first,
    and where these break the clause, all rows that `can_break` it.
    """

    clause: Clause
    columns: dict[str, str]

    @property
    def worst_rows(self) -> tuple[str, ...]:
        """Aggregates over the columns that give the `position` of rows such that all rows keep the clause if these do.

        Empty where one row of each value is needed.
        """
        names = [f'"{name}"' for name in self.columns]
        first = names[0]
        if self.clause.kind == "minimum":
            return (f"arg_min(position, {first})",)
        if self.clause.kind == "maximum":
            return (f"arg_max(position, {first})",)
        if self.clause.kind == "not_before":
            return (f"arg_min(position, {names[0]} - {names[1]})",)
        if self.clause.kind == "allowed":
            return ()
        breaking = f"FILTER (WHERE {self.can_break})"
        if self.clause.kind == "unique":
            # The last row that shares its key, and the first that has that key.
            return (f"max(position) {breaking}", f"arg_max({first}, position) {breaking}")
        return (f"min(position) {breaking}",)

    @property
    def can_break(self) -> str:
        """Condition over the columns that holds for every row that breaks the clause."""
        first = f'"{next(iter(self.columns))}"'
        if self.clause.kind == "present":
            return f"{first} IS NULL"
        if self.clause.kind in ("type", "reference", "earliest", "alike"):
            return f"{first} IS NOT NULL"
        if self.clause.kind == "unique":
            return f"is_doubled AND {first} IS NOT NULL"
        return "true"


def row_checks(contract: Contract, *, columns: Collection[str], known_entities: Collection[str]) -> list[RawCheck]:
    """Checks that judge each row by itself.

    Args:
        contract: contract of the entity.
        columns: contract columns that the extract has; clauses of others are left out.
        known_entities: entities whose keys are known; references to others are left out.
    """
    return [
        _row_check(contract, clause)
        for clause in clauses(contract)
        if clause.kind in _COLUMN_KINDS
        and set(clause.columns) <= set(columns)
        and (target := _target(contract, clause)) != contract.name
        and (target is None or target in known_entities)
    ]


def survivor_checks(contract: Contract, *, columns: Collection[str]) -> list[RawCheck]:
    """Checks among the rows that passed so far: references inside the entity, codes that look alike, and keys."""
    own = [
        _row_check(contract, clause)
        for clause in clauses(contract)
        if clause.column in columns and (clause.kind == "alike" or _target(contract, clause) == contract.name)
    ]
    unique = [clause for clause in clauses(contract) if clause.kind == "unique"]
    return own + [
        RawCheck(clause, {f"key_{place}": f"CASE WHEN key_number = {place} THEN first_position END"})
        for place, clause in enumerate(unique, start=1)
        if clause.columns[0] in columns
    ]


def raw_suite(contract: Contract, checks: list[RawCheck]) -> "ExpectationSuite":
    """The expectations of the checks, one each, in order."""
    return vocabulary.suite(f"raw_{contract.name}", [_expectation(contract, check) for check in checks])


def _target(contract: Contract, clause: Clause) -> str | None:
    if clause.kind != "reference" or clause.column is None:
        return None
    reference = contract.column(clause.column).references
    return reference.entity if reference else None


def _row_check(contract: Contract, clause: Clause) -> RawCheck:
    name = clause.columns[0]
    column = contract.column(name)
    if clause.kind == "present":
        return RawCheck(clause, {text_name(column): f'"{text_name(column)}"'})
    if clause.kind == "type":
        unreadable = f'CASE WHEN "{name}" IS NULL THEN CAST("{text_name(column)}" AS VARCHAR) END'
        return RawCheck(clause, {f"{name}__unreadable": unreadable})
    if clause.kind == "reference":
        target = _target(contract, clause)
        known = f"SELECT key FROM known_{'self' if target == contract.name else target}"
        return RawCheck(clause, {f"{name}__unknown": f'CASE WHEN "{name}" NOT IN ({known}) THEN "{name}" END'})
    if clause.kind == "earliest":
        early = f"\"{name}\" < DATE '{column.earliest_date}'"
        return RawCheck(
            clause, {f"{name}__early": f'CASE WHEN {early} THEN CAST("{text_name(column)}" AS VARCHAR) END'}
        )
    if clause.kind == "alike":
        alike = folded_sql(f'"{name}"') + " IN (SELECT fold FROM alike)"
        return RawCheck(clause, {f"{name}__alike": f'CASE WHEN {alike} THEN "{name}" END'})
    return RawCheck(clause, {part: f'"{part}"' for part in clause.columns})


def _expectation(contract: Contract, check: RawCheck) -> Any:
    clause, names = check.clause, list(check.columns)
    if clause.kind == "present":
        return vocabulary.is_filled(clause.name, names[0])
    if clause.kind in ("type", "reference", "earliest", "alike"):
        return vocabulary.is_empty(clause.name, names[0])
    if clause.kind == "unique":
        return vocabulary.is_unique(clause.name, names)
    if clause.kind == "not_before":
        return vocabulary.is_not_before(clause.name, *names)
    column = contract.column(names[0])
    if clause.kind == "allowed":
        return vocabulary.is_one_of(clause.name, names[0], column.allowed_values)
    low = column.minimum if clause.kind == "minimum" else None
    high = column.maximum if clause.kind == "maximum" else None
    return vocabulary.is_between(clause.name, names[0], low, high)
