"""The input contract: one Open Data Contract Standard file an entity, read into frozen models.

Clauses, raw tables and `docs/input-contract.md` all come from here, so a rule is written down once.
"""

import datetime as dt
import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

Severity = Literal["block", "quarantine", "warn"]
LogicalType = Literal["string", "number", "integer", "date", "boolean", "timestamp"]

# The parser of LibYAML, where PyYAML has it, is ten times as fast; a run reads all contracts when it starts.
_YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
CONTRACTS_FOLDER = Path(__file__).parent / "contracts"

# Clauses that the reader proves by cutting the file into records; they belong to no column.
LINE_IS_READABLE = "line_is_readable"
TABLE_IS_NOT_EMPTY = "table_is_not_empty"

TYPE_CLAIMS: dict[str, tuple[str, str]] = {
    "number": ("is_a_number", "a plain finite number such as 12.5"),
    "integer": ("is_a_whole_number", "a whole number such as 12"),
    "date": ("is_a_date", "a date YYYY-MM-DD, years 1900 to 2200"),
    "timestamp": ("is_a_timestamp", "a timestamp YYYY-MM-DD HH:MM:SS, years 1900 to 2200"),
    "boolean": ("is_true_or_false", "true, false, yes, no, y, n, 1 or 0"),
}

RAW_COLUMNS: tuple[tuple[str, str], ...] = (
    ("source_name", "VARCHAR"),
    ("file_name", "VARCHAR"),
    ("row_number", "BIGINT"),
    ("row_key", "VARCHAR"),
    ("row_hash", "UBIGINT"),
    ("load_id", "VARCHAR"),
    ("loaded_at", "TIMESTAMP"),
    ("landing_period_start_date", "DATE"),
    ("known_from_at", "TIMESTAMP"),
    ("known_to_at", "TIMESTAMP"),
    ("is_late_row", "BOOLEAN"),
)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reference(_Frozen):
    """A column of another entity whose values a column points at."""

    entity: str
    column: str


class ContractColumn(_Frozen):
    """One column of an entity."""

    name: str
    type: LogicalType
    physical_type: str
    description: str
    required: bool = False
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    earliest_date: dt.date | None = None
    allowed_values: tuple[str, ...] = ()
    references: Reference | None = None
    not_before: str | None = None
    next_step: str | None = None
    severity: Severity = "quarantine"


class Contract(_Frozen):
    """What a company may bring for one entity."""

    name: str
    version: str
    description: str
    owner: str
    kind: Literal["fact", "master"]
    required: bool
    keys: tuple[tuple[str, ...], ...] = Field(min_length=1)
    event_date: tuple[str, ...] = ()
    known_date: tuple[str, ...] = ()
    columns: tuple[ContractColumn, ...]

    def column(self, name: str) -> ContractColumn:
        """The column of that name; `KeyError` where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")

    @property
    def column_names(self) -> tuple[str, ...]:
        """Column names in contract order."""
        return tuple(column.name for column in self.columns)

    @property
    def codes(self) -> tuple[str, ...]:
        """The column that alone names a row of master data, such as `item_id` of items; mostly one, or none."""
        return tuple(key[0] for key in self.keys if self.kind == "master" and len(key) == 1)

    @property
    def required_columns(self) -> tuple[str, ...]:
        """Columns that every extract must have."""
        return tuple(column.name for column in self.columns if column.required)


class Clause(_Frozen):
    """One claim about an entity. `kind` says how it is checked, `name` is the claim itself."""

    entity: str
    name: str
    kind: Literal[
        "column_exists",
        "not_empty",
        "readable",
        "present",
        "type",
        "minimum",
        "maximum",
        "allowed",
        "reference",
        "not_before",
        "earliest",
        "unique",
        "alike",
    ]
    column: str | None
    columns: tuple[str, ...] = ()
    severity: Severity
    expected: str

    @property
    def is_blocking(self) -> bool:
        """Whether a failure stops the whole load."""
        return self.severity == "block"


@cache
def load_contracts() -> dict[str, Contract]:
    """All contracts, entities that others point at first, otherwise by name."""
    contracts = {path.stem: _contract(path) for path in sorted(CONTRACTS_FOLDER.glob("*.yaml"))}
    ordered: dict[str, Contract] = {}
    while len(ordered) < len(contracts):
        ready = [
            name
            for name, contract in contracts.items()
            if name not in ordered and referenced_entities(contract) <= ordered.keys()
        ]
        if not ready:
            raise ValueError(f"contracts point at each other in a circle: {sorted(contracts.keys() - ordered.keys())}")
        ordered |= {name: contracts[name] for name in ready}
    return ordered


def referenced_entities(contract: Contract) -> set[str]:
    """Other entities that the contract's columns point at."""
    found = {column.references.entity for column in contract.columns if column.references}
    return found - {contract.name}


@cache
def contracts_hash() -> str:
    """SHA-256 over names and bytes of all contract files."""
    digest = hashlib.sha256()
    for path in sorted(CONTRACTS_FOLDER.glob("*.yaml")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def raw_columns(contract: Contract) -> tuple[tuple[str, str], ...]:
    """Name and DuckDB type of every column of the entity's raw table, in order."""
    return tuple((column.name, column.physical_type) for column in contract.columns) + RAW_COLUMNS


def clauses(contract: Contract) -> list[Clause]:
    """Every claim that the contract makes, structural ones first, keys last."""
    entity = contract.name
    found = [
        Clause(
            entity=entity,
            name=TABLE_IS_NOT_EMPTY,
            kind="not_empty",
            column=None,
            severity="block" if contract.required else "warn",
            expected="at least one row below the header",
        )
    ]
    found += [
        Clause(
            entity=entity,
            name=f"{name}_column_exists",
            kind="column_exists",
            column=name,
            severity="block",
            expected=f"a column named {name}",
        )
        for name in contract.required_columns
    ]
    found.append(
        Clause(
            entity=entity,
            name=LINE_IS_READABLE,
            kind="readable",
            column=None,
            severity="quarantine",
            expected="as many values as the header has, quotes closed and doubled inside",
        )
    )
    for column in contract.columns:
        found += _column_clauses(entity, column)
    found += [
        Clause(
            entity=entity,
            name=f"{'_'.join(key)}_is_unique",
            kind="unique",
            column=key[0] if len(key) == 1 else None,
            columns=key,
            severity="quarantine",
            expected=f"one row for each {', '.join(key)}",
        )
        for key in contract.keys
    ]
    return found + [
        Clause(
            entity=entity,
            name=f"{name}_has_no_look_alike",
            kind="alike",
            column=name,
            columns=(name,),
            severity="warn",
            expected="codes that differ in more than letter case and blanks",
        )
        for name in contract.codes
    ]


def _column_clauses(entity: str, column: ContractColumn) -> list[Clause]:
    """The claims about one column: present, of its type, in bounds, allowed, known, in order."""
    made: list[tuple[Any, str, str]] = []
    if column.required:
        made.append(("present", "is_present", "a value"))
    if column.type in TYPE_CLAIMS:
        made.append(("type", *TYPE_CLAIMS[column.type]))
    if column.minimum is not None:
        made.append(("minimum", f"is_at_least_{_spoken(column.minimum)}", f"at least {column.minimum:.15g}"))
    if column.maximum is not None:
        made.append(("maximum", f"is_at_most_{_spoken(column.maximum)}", f"at most {column.maximum:.15g}"))
    if column.earliest_date is not None:
        made.append(
            ("earliest", f"is_from_{column.earliest_date:%Y_%m_%d}_on", f"a day from {column.earliest_date} on")
        )
    if column.allowed_values:
        made.append(("allowed", "is_an_allowed_value", f"one of {', '.join(column.allowed_values)}"))
    if column.references:
        target = column.references
        made.append(
            ("reference", f"is_known_in_{target.entity}", f"a value that {target.entity} has as {target.column}")
        )
    if column.not_before:
        made.append(("not_before", f"is_not_before_{column.not_before}", f"not before {column.not_before}"))
    return [
        Clause(
            entity=entity,
            name=f"{column.name}_{claim}",
            kind=kind,
            column=column.name,
            columns=(column.name, column.not_before) if kind == "not_before" and column.not_before else (column.name,),
            severity=column.severity,
            expected=expected,
        )
        for kind, claim, expected in made
    ]


def _spoken(number: float) -> str:
    """A number as part of a snake-case name."""
    return f"{number:.15g}".replace("-", "minus_").replace(".", "_").replace("+", "")


def _contract(path: Path) -> Contract:
    document = yaml.load(path.read_bytes(), Loader=_YAML_LOADER)  # noqa: S506  # both loaders are the safe ones
    (schema,) = document["schema"]
    extra = _properties(schema)
    owners = [member["name"] for member in document["team"] if member["role"] == "owner"]
    return Contract(
        name=schema["name"],
        version=document["version"],
        description=document["description"]["purpose"],
        owner=owners[0],
        kind=extra["kind"],
        required=extra["required"],
        keys=tuple(tuple(key) for key in extra["keys"]),
        event_date=tuple(extra.get("eventDate", ())),
        known_date=tuple(extra.get("knownDate", ())),
        columns=tuple(_column(entry) for entry in schema["properties"]),
    )


def _column(entry: dict[str, Any]) -> ContractColumn:
    extra = _properties(entry)
    bounds = entry.get("logicalTypeOptions", {})
    links = entry.get("relationships", [])
    entity, _, column = links[0]["to"].partition(".") if links else ("", "", "")
    is_date = entry["logicalType"] == "date"
    return ContractColumn(
        name=entry["name"],
        type=entry["logicalType"],
        physical_type=entry["physicalType"],
        description=entry["description"],
        required=entry.get("required", False),
        unit=extra.get("unit"),
        minimum=None if is_date else bounds.get("minimum"),
        maximum=bounds.get("maximum"),
        earliest_date=dt.date.fromisoformat(bounds["minimum"]) if is_date and bounds else None,
        allowed_values=tuple(str(value) for value in extra.get("allowedValues", ())),
        references=Reference(entity=entity, column=column) if links else None,
        not_before=extra.get("notBefore"),
        next_step=extra.get("nextStep"),
        severity=extra.get("severity", "quarantine"),
    )


def _properties(entry: dict[str, Any]) -> dict[str, Any]:
    return {extra["property"]: extra["value"] for extra in entry.get("customProperties", [])}
