"""A whole source, validated: every entity's accepted rows, quarantine, warnings and clause results."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from data_quality.connection import open_work_connection
from data_quality.contracts import Contract, load_contracts
from data_quality.entity_rows import EntityRows
from data_quality.problems import BlockedSource
from data_quality.reader import read_extract
from data_quality.source import ReadLimits, Source
from data_quality.verdict import VIOLATION_COLUMNS, ClauseResult, Verdict
from data_quality.violation_groups import violation_groups
from stockstrata.errors import InputError, StockstrataError

ALL_LOCATIONS = "ALL"
_TOLD_GROUPS = 3


@dataclass(frozen=True)
class EntityValidation:
    """What came of one entity.

    Attributes:
        entity_name: the entity.
        file_name: its file.
        file_hash: SHA-256 of the file; for SQL of its text and rows.
        rows: the judged rows, inside the connection of the validation.
        quarantine: one row a violated clause of a refused row: `entity_name`, the violation columns, `row_json`.
        warnings: one row a violated clause of an accepted row: `entity_name` and the violation columns.
        clause_results: one a clause that could be checked.
        messages: what was left out or looks odd about the file as a whole.
        landed_row_count: rows of the file; accepted plus quarantined ones.
        accepted_row_count: rows accepted.
        quarantined_row_count: rows refused.
    """

    entity_name: str
    file_name: str
    file_hash: str
    rows: EntityRows
    quarantine: pd.DataFrame
    warnings: pd.DataFrame
    clause_results: tuple[ClauseResult, ...]
    messages: tuple[str, ...]
    landed_row_count: int
    accepted_row_count: int
    quarantined_row_count: int

    @property
    def accepted(self) -> pa.Table:
        """Every contract column, typed, then `file_name, row_number, row_key, row_hash`; in file order."""
        return self.rows.accepted()

    @property
    def verdict(self) -> Verdict:
        """The results with all violations, those of accepted rows included."""
        names = list(VIOLATION_COLUMNS)
        both = [frame for frame in (self.quarantine, self.warnings) if len(frame)] or [self.quarantine]
        violations = pd.concat(both, ignore_index=True).reindex(columns=names)
        return Verdict(self.entity_name, self.clause_results, violations)


@dataclass(frozen=True)
class SourceValidation:
    """What came of every entity that was read, in dependency order.

    The accepted rows stand in an in-memory DuckDB for as long as this is held on to.
    """

    source: Source
    entities: dict[str, EntityValidation]

    @property
    def quarantined_row_count(self) -> int:
        """Rows refused over all entities."""
        return sum(entity.quarantined_row_count for entity in self.entities.values())


class SourceReader:
    """Reads and judges the entities of a source one by one, those that others point at before those that point."""

    def __init__(
        self,
        source: Source,
        *,
        known_reference_keys: Mapping[str, Collection[str]] | None = None,
        refused_reference_keys: Mapping[str, Collection[str]] | None = None,
        limits: ReadLimits | None = None,
        write_to: Path | None = None,
    ) -> None:
        """Prepare to read.

        Args:
            source: an opened source.
            known_reference_keys: keys known from elsewhere, by entity, such as the items that earlier loads landed;
                they count beside the source's own.
            refused_reference_keys: keys of rows refused elsewhere; messages tell them from keys nobody has.
            limits: time and memory that reading one entity may take.
            write_to: folder that accepted rows may be written to.
        """
        self.source = source
        self.problems: list[str] = []
        self._limits = limits
        self.connection = open_work_connection(write_to)
        self._done: dict[str, EntityValidation] = {}
        self._known = _make_known(self.connection, known_reference_keys or {}, refused_reference_keys or {})

    def read(self, name: str) -> EntityValidation | None:
        """Read and judge one entity; None where a fault stops the load, which `problems` tells."""
        contract = load_contracts()[name]
        try:
            rows = EntityRows(self.connection, read_extract(self.source, contract, self._limits))
        except InputError as error:
            self.problems.append(str(error))
            return None
        found = self._done[name] = _validate(name, rows, self._known)
        if self.source.requires(contract):
            self.problems += _nothing_accepted(contract, found)
        return found

    def keys_hash(self, entity: str) -> str:
        """Hash over the keys of an entity that others may point at now; empty where none are known."""
        if entity not in self._known:
            return ""
        sums = ", ".join(
            f"(SELECT (count(*), sum(CAST(md5_number_lower(key) AS HUGEINT))) FROM {table}_{entity})"
            for table in ("known", "unaccepted")
        )
        found = self.connection.execute(f"SELECT md5(CAST(({sums}) AS VARCHAR))").fetchone()
        return str(found[0]) if found else ""

    def result(self) -> SourceValidation:
        """What was read.

        Raises:
            BlockedSource: all faults that stop the load; `.validation` holds what could be validated.
        """
        validation = SourceValidation(self.source, dict(self._done))
        if self.problems:
            raise BlockedSource(self.problems, validation)
        return validation


def validate_source(
    source: Source,
    *,
    entities: Collection[str] | None = None,
    known_reference_keys: Mapping[str, Collection[str]] | None = None,
    limits: ReadLimits | None = None,
) -> SourceValidation:
    """Read and judge the entities of a source.

    Args:
        source: an opened source.
        entities: entities to read; all that the source has where None, and then every required one must be there.
        known_reference_keys: as in `SourceReader`.
        limits: as in `SourceReader`.

    Raises:
        BlockedSource: all faults that stop the load; `.validation` holds what could be validated.
    """
    reader = SourceReader(source, known_reference_keys=known_reference_keys, limits=limits)
    for name in _wanted(source, load_contracts(), entities):
        reader.read(name)
    return reader.result()


def _wanted(source: Source, contracts: dict[str, Contract], entities: Collection[str] | None) -> list[str]:
    if entities is None:
        return [name for name, contract in contracts.items() if name in source.files or source.requires(contract)]
    unknown = sorted(set(entities) - contracts.keys())
    if unknown:
        raise InputError(f"entities: found {', '.join(unknown)}; expected some of {', '.join(sorted(contracts))}.")
    return [name for name in contracts if name in entities]


def referenced_columns() -> dict[str, str]:
    """The column of each entity that others point at, such as `item_id` of `items`."""
    return {
        column.references.entity: column.references.column
        for contract in load_contracts().values()
        for column in contract.columns
        if column.references
    }


def _make_known(
    connection: duckdb.DuckDBPyConnection, known: Mapping[str, Collection[str]], refused: Mapping[str, Collection[str]]
) -> set[str]:
    """Tables of the keys known and refused beforehand; the entities that have known ones."""
    for name in referenced_columns():
        for table, given in (("known", known), ("unaccepted", refused)):
            connection.execute(f"CREATE TABLE {table}_{name} (key VARCHAR)")
            keys = [str(key) for key in given.get(name, ()) if key is not None]
            connection.register("given", pa.table({"key": pa.array(keys, pa.string())}))
            connection.execute(f"INSERT INTO {table}_{name} SELECT DISTINCT key FROM given")
            connection.unregister("given")
    connection.execute("INSERT INTO known_locations VALUES (?)", [ALL_LOCATIONS])
    return {name for name in known if name in referenced_columns()}


def _validate(name: str, rows: EntityRows, known_entities: set[str]) -> EntityValidation:
    results = rows.judge(known_entities)
    accepted = rows.accepted_row_count()
    quarantined = rows.refused_row_count() + rows.broken_row_count
    if accepted + quarantined != rows.landed_row_count:
        raise StockstrataError(
            f"{name}: {accepted} accepted and {quarantined} quarantined rows do not add up to "
            f"{rows.landed_row_count} landed ones. Report this as a fault of Stockstrata."
        )
    messages = rows.messages
    if not rows.landed_row_count:
        messages += (f"{rows.file_name}: no rows below the header; the file counts as not given.",)
    elif name in referenced_columns():
        rows.remember_keys(referenced_columns()[name])
        known_entities.add(name)
    found = EntityValidation(
        entity_name=name,
        file_name=rows.file_name,
        file_hash=rows.file_hash,
        rows=rows,
        quarantine=rows.quarantine(),
        warnings=rows.warnings(),
        clause_results=tuple(results),
        messages=messages,
        landed_row_count=rows.landed_row_count,
        accepted_row_count=accepted,
        quarantined_row_count=quarantined,
    )
    rows.drop_texts()
    return found


def _nothing_accepted(contract: Contract, found: EntityValidation) -> list[str]:
    """A required entity of which no row is any good blocks like one that is empty."""
    if found.accepted_row_count:
        return []
    groups = violation_groups(found.quarantine)[:_TOLD_GROUPS]
    first = " ".join(f"{group.violation_count:,} such as {group.reasons[0]}" for group in groups)
    return [
        f"{found.file_name}: found {found.landed_row_count} rows, none of which keeps the contract of {contract.name}; "
        f"expected at least one. Mend the rows, first of all {first}"
    ]
