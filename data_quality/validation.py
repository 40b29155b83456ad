"""A whole source, validated: every entity's accepted rows, quarantine, warnings and clause results."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import duckdb
import pandas as pd
import pyarrow as pa

from data_quality.connection import ReadLimits, work_connection
from data_quality.contracts import Contract, load_contracts
from data_quality.entity_rows import EntityRows
from data_quality.problems import BlockedSource
from data_quality.reader import read_extract
from data_quality.source import Source
from data_quality.verdict import VIOLATION_COLUMNS, ClauseResult, Verdict
from stockstrata.errors import InputError, StockstrataError

ALL_LOCATIONS = "ALL"


@dataclass(frozen=True)
class EntityValidation:
    """What came of one entity.

    Attributes:
        entity_name: the entity.
        file_name: its file.
        file_hash: SHA-256 of the file; for SQL of its text and rows.
        accepted: every contract column, typed, then `file_name, row_number, row_key, row_hash`; in file order.
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
    accepted: pa.Table
    quarantine: pd.DataFrame
    warnings: pd.DataFrame
    clause_results: tuple[ClauseResult, ...]
    messages: tuple[str, ...]
    landed_row_count: int
    accepted_row_count: int
    quarantined_row_count: int

    @property
    def verdict(self) -> Verdict:
        """The results with all violations, those of accepted rows included."""
        names = list(VIOLATION_COLUMNS)
        both = [frame for frame in (self.quarantine, self.warnings) if len(frame)] or [self.quarantine]
        violations = pd.concat(both, ignore_index=True).reindex(columns=names)
        return Verdict(self.entity_name, self.clause_results, violations)


@dataclass(frozen=True)
class SourceValidation:
    """What came of every entity, in dependency order."""

    source: Source
    entities: dict[str, EntityValidation]

    @property
    def quarantined_row_count(self) -> int:
        """Rows refused over all entities."""
        return sum(entity.quarantined_row_count for entity in self.entities.values())


def validate_source(
    source: Source,
    *,
    entities: Collection[str] | None = None,
    known_reference_keys: Mapping[str, Collection[str]] | None = None,
    limits: ReadLimits | None = None,
) -> SourceValidation:
    """Read and judge the entities of a source, those that others point at first.

    Args:
        source: an opened source.
        entities: entities to read; all that the source has where None, and then every required one must be there.
        known_reference_keys: keys known from elsewhere, by entity, such as the items that earlier loads landed; they
            count beside the source's own.
        limits: time and memory that reading one entity may take.

    Raises:
        BlockedSource: all faults that stop the load; `.validation` holds what could be validated.
    """
    contracts = load_contracts()
    problems: list[str] = []
    wanted = _wanted(source, contracts, entities)
    known = {name: list(keys) for name, keys in (known_reference_keys or {}).items()}
    done: dict[str, EntityValidation] = {}
    with work_connection() as connection:
        known_entities = _make_known(connection, known)
        for name in wanted:
            try:
                rows = EntityRows(connection, read_extract(source, contracts[name], limits))
            except InputError as error:
                problems.append(str(error))
                continue
            done[name] = _validate(name, rows, known_entities)
            problems += _nothing_accepted(contracts[name], done[name])
    validation = SourceValidation(source, done)
    if problems:
        raise BlockedSource(problems, validation)
    return validation


def _wanted(source: Source, contracts: dict[str, Contract], entities: Collection[str] | None) -> list[str]:
    if entities is None:
        return [name for name, contract in contracts.items() if name in source.files or contract.required]
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


def _make_known(connection: duckdb.DuckDBPyConnection, known: Mapping[str, Collection[str]]) -> set[str]:
    """Tables of the keys known beforehand; the entities that have any."""
    for name in referenced_columns():
        connection.execute(f"CREATE TABLE known_{name} (key VARCHAR)")
        connection.execute(f"CREATE TABLE unaccepted_{name} (key VARCHAR)")
        if name in known:
            connection.register("given", pa.table({"key": pa.array([str(key) for key in known[name]], pa.string())}))
            connection.execute(f"INSERT INTO known_{name} SELECT DISTINCT key FROM given WHERE key IS NOT NULL")
            connection.unregister("given")
    connection.execute("INSERT INTO known_locations VALUES (?)", [ALL_LOCATIONS])
    return {name for name in known if name in referenced_columns()}


def _validate(name: str, rows: EntityRows, known_entities: set[str]) -> EntityValidation:
    results = rows.judge(known_entities)
    accepted = rows.accepted()
    quarantined = rows.refused_row_count() + rows.broken_row_count
    if accepted.num_rows + quarantined != rows.landed_row_count:
        raise StockstrataError(
            f"{name}: {accepted.num_rows} accepted and {quarantined} quarantined rows do not add up to "
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
        accepted=accepted,
        quarantine=rows.quarantine(),
        warnings=rows.warnings(),
        clause_results=tuple(results),
        messages=messages,
        landed_row_count=rows.landed_row_count,
        accepted_row_count=accepted.num_rows,
        quarantined_row_count=quarantined,
    )
    rows.drop()
    return found


def _nothing_accepted(contract: Contract, found: EntityValidation) -> list[str]:
    """A required entity of which no row is any good blocks like one that is empty."""
    if not contract.required or found.accepted_row_count:
        return []
    first = "; ".join(found.quarantine["reason"].head(3))
    return [
        f"{found.file_name}: found {found.landed_row_count} rows, none of which keeps the contract of {contract.name}; "
        f"expected at least one. Mend the rows, first of all: {first}."
    ]
