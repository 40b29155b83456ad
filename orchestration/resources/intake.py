"""What a source brings since the newest load: which entities are read and why, judged, and compared with what is held.

An entity is judged again only when something it rests on has changed: its files, what `source.yaml` says about reading
them, the rules themselves, or the keys of other entities that its rows point at in vain.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import duckdb

from data_quality.archives import file_hash
from data_quality.contracts import Contract, clauses, contracts_hash, load_contracts, referenced_entities
from data_quality.problems import BlockedSource
from data_quality.source import Source
from data_quality.validation import EntityValidation, SourceReader, SourceValidation, referenced_columns
from orchestration.resources.comparison import Comparison, compare
from orchestration.resources.load_record import EntityLoad, InputFile, Load, Reading
from orchestration.resources.settings import PROJECT_ROOT
from orchestration.resources.warehouse import Warehouse

_SETTINGS = (".yaml", ".yml")
_MAPPING = ".sql"


@dataclass(frozen=True)
class EntityIntake:
    """One entity of the source as it stands.

    Attributes:
        reason: why it was read, or why not.
        reading: what it was judged from.
        last: its record in the newest load; None where it had none.
        found: the judged extract; None where it was not read.
        comparison: how the extract differs from what is held; None where it was not read.
    """

    reason: str
    reading: Reading
    last: EntityLoad | None
    found: EntityValidation | None = None
    comparison: Comparison | None = None

    @property
    def newest_event_date(self) -> dt.date | None:
        """Newest event date of the accepted rows."""
        if self.found is None:
            return self.last.newest_event_date if self.last else None
        contract = self.found.rows.contract
        if not contract.event_date:
            return None
        found = self.found.rows.connection.execute(
            f"select max({contract.event_date[-1]}) from ({self.found.rows.accepted_sql()})"
        ).fetchone()
        return found[0] if found else None


@dataclass(frozen=True)
class Intake:
    """The source since the newest load.

    Attributes:
        validation: the entities that were read.
        entities: all entities that the source has, in dependency order.
        base_load_id: the load that they were compared with; empty before the first.
        held_entities: entities of that load.
    """

    validation: SourceValidation
    entities: dict[str, EntityIntake]
    base_load_id: str
    held_entities: frozenset[str]

    @property
    def is_new(self) -> bool:
        """Whether there is anything to land."""
        return bool(self.validation.entities) or self.entities.keys() != self.held_entities

    @property
    def newest_event_date(self) -> dt.date | None:
        """Newest event date of all facts: master rows are filed under its period."""
        dates = [entity.newest_event_date for entity in self.entities.values()]
        return max((date for date in dates if date), default=None)


def take_in(source: Source, warehouse: Warehouse, loads: Sequence[Load], *, write_to: Path, today: dt.date) -> Intake:
    """Read, judge and compare what has changed since the newest load.

    Args:
        source: the opened source.
        warehouse: holds all loads; not touched where there are none.
        loads: the whole loads, oldest first.
        write_to: folder that the rows will be written to.
        today: event dates after it say nothing of how far the feed has come.

    Raises:
        BlockedSource: if a structural fault blocks the source, or if more rows have gone than may.
    """
    last = loads[-1].entities if loads else {}
    reading = _IncrementalReading(source, last, _keys(warehouse, loads), write_to)
    for name, contract in load_contracts().items():
        if name in source.files or source.requires(contract):
            reading.take(contract)
    validation = reading.reader.result()
    if not loads or not validation.entities:
        compared = {name: Comparison() for name in validation.entities}
    else:
        with warehouse.connect(read_only=True) as connection:
            compared = {
                name: compare(
                    connection,
                    found,
                    source.extract.kind_of(name),
                    quarantined_before=_quarantined_before(connection, loads, name),
                    today=today,
                )
                for name, found in validation.entities.items()
            }
    _refuse_sudden_loss(validation, compared)
    return Intake(
        validation=validation,
        entities={name: _with_comparison(entity, compared.get(name)) for name, entity in reading.entities.items()},
        base_load_id=loads[-1].load_id if loads else "",
        held_entities=frozenset(last),
    )


def source_files(source: Source) -> list[Path]:
    """Every file that the source reads."""
    return sorted({file for name in source.files for file in _files_of(source, name)})


def _files_of(source: Source, name: str) -> list[Path]:
    """The files that an entity is read from: its own, and where that is a SELECT, all that the SELECT can read."""
    file = source.files[name]
    if file.suffix != _MAPPING:
        return [file]
    beside = {
        other
        for folder in (source.folder, source.data_folder)
        for other in folder.rglob("*")
        if other.is_file() and other.suffix not in (*_SETTINGS, _MAPPING)
    }
    return [file, *sorted(beside)]


@dataclass
class _Keys:
    """Keys that others may point at, known before anything is read."""

    known: dict[str, list[str]] = field(default_factory=dict)
    refused: dict[str, list[str]] = field(default_factory=dict)


class _IncrementalReading:
    """Goes through the entities, those first that others point at, and reads those that must be read."""

    def __init__(self, source: Source, last: Mapping[str, EntityLoad], keys: _Keys, write_to: Path) -> None:
        self._source, self._last = source, last
        self._hashes: dict[Path, str] = {}
        self.entities: dict[str, EntityIntake] = {}
        self.reader = SourceReader(
            source, known_reference_keys=keys.known, refused_reference_keys=keys.refused, write_to=write_to
        )

    def take(self, contract: Contract) -> None:
        """Read an entity, or reuse what the newest load says of it."""
        name, last = contract.name, self._last.get(contract.name)
        inputs = self._inputs(name, last.reading.inputs if last else {})
        now = Reading(
            rules_hash=_rules_hash(),
            settings_hash=_settings_hash(self._source, name),
            inputs=inputs,
            reference_keys={other: self.reader.keys_hash(other) for other in sorted(referenced_entities(contract))},
            refused_references=last.reading.refused_references if last else (),
            retraction_code=last.reading.retraction_code if last else "not_asked",
        )
        reason = _why_read(name, last.reading if last else None, now)
        if not reason:
            self.entities[name] = EntityIntake(_why_not_read(contract, inputs), now, last)
            return
        found = self.reader.read(name)
        if found is None:
            return
        failed = {result.clause_name for result in found.clause_results if result.failed_row_count}
        refused = {
            column.references.entity
            for clause in clauses(contract)
            if clause.kind == "reference" and clause.name in failed and clause.column
            for column in [contract.column(clause.column)]
            if column.references
        }
        judged = now.model_copy(update={"refused_references": tuple(sorted(refused))})
        self.entities[name] = EntityIntake(reason, judged, last, found)

    def _inputs(self, name: str, before: Mapping[str, InputFile]) -> dict[str, InputFile]:
        """The files that an entity is read from; a file of the same size and time is not hashed again."""
        found = {}
        for path in _files_of(self._source, name) if name in self._source.files else []:
            key = self._named(path)
            stat, known = path.stat(), before.get(key)
            if known and (known.size_bytes, known.modified_at_ns) == (stat.st_size, stat.st_mtime_ns):
                found[key] = known
                continue
            if path not in self._hashes:
                self._hashes[path] = file_hash(path)
            found[key] = InputFile(size_bytes=stat.st_size, modified_at_ns=stat.st_mtime_ns, sha256=self._hashes[path])
        return found

    def _named(self, path: Path) -> str:
        """A file by its place in the source, so that a source may be moved."""
        for name, folder in (("data", self._source.data_folder), ("source", self._source.folder)):
            if path.is_relative_to(folder):
                return f"{name}/{path.relative_to(folder).as_posix()}"
        return str(path)


def _why_read(name: str, before: Reading | None, now: Reading) -> str:
    """Why an entity is read; empty where nothing it rests on has changed."""
    if before is None:
        return "none was held yet"
    changed = _changed_inputs(before.inputs, now.inputs)
    if changed:
        return changed
    if before.settings_hash != now.settings_hash:
        return f"source.yaml says otherwise how {name} is read"
    if before.rules_hash != now.rules_hash:
        return "the contract or the code that judges it has changed"
    for other, keys in now.reference_keys.items():
        # Keys of others only ever become more, so a row that found its key finds it again.
        is_first = bool(keys) and not before.reference_keys.get(other)
        if keys != before.reference_keys.get(other, "") and (is_first or other in before.refused_references):
            return f"{other} has other keys than before, and {name} refers to it"
    return ""


def _why_not_read(contract: Contract, inputs: Mapping[str, InputFile]) -> str:
    first = Path(next(iter(inputs))).name
    files = first if len(inputs) == 1 else f"{first} and the files it reads"
    keys = " and the keys it refers to" if referenced_entities(contract) else ""
    return f"{files}{keys} are as before" if keys or len(inputs) > 1 else f"{files} is as before"


def _changed_inputs(before: Mapping[str, InputFile], now: Mapping[str, InputFile]) -> str:
    changed = [
        f"{Path(path).name} changed" for path in now if path in before and now[path].sha256 != before[path].sha256
    ]
    changed += [f"{Path(path).name} is new" for path in now if path not in before]
    changed += [f"{Path(path).name} is gone" for path in before if path not in now]
    more = f" and {len(changed) - 3} more files" if len(changed) > 3 else ""
    return ", ".join(changed[:3]) + more


@cache
def _rules_hash() -> str:
    """Hash over the contracts and the code that reads and judges."""
    digest = hashlib.sha256(contracts_hash().encode())
    for file in sorted((PROJECT_ROOT / "data_quality").rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _settings_hash(source: Source, name: str) -> str:
    told = f"{source.csv.model_dump_json()} {source.extract.kind_of(name)}"
    return hashlib.sha256(told.encode()).hexdigest()


def _keys(warehouse: Warehouse, held: Sequence[Load]) -> _Keys:
    """Keys that earlier loads of the source landed, and those of the rows they refused."""
    keys = _Keys()
    if not held:
        return keys
    with warehouse.connect(read_only=True) as connection:
        for entity, column in sorted(referenced_columns().items()):
            landed = f"select distinct {column} from raw.{entity} where {column} is not null"
            known = _values(connection, f"{landed} order by all", [])
            if known:
                keys.known[entity] = known
            keys.refused[entity] = _values(
                connection,
                f"select distinct row_json ->> '{column}' as key from quality.quarantine "
                f"where entity_name = ? and load_id = ? and key is not null and key not in ({landed}) order by all",
                [entity, _newest_reading(held, entity)],
            )
    return keys


def _values(connection: duckdb.DuckDBPyConnection, query: str, parameters: list[str]) -> list[str]:
    return [value for (value,) in connection.execute(query, parameters).fetchall()]


def _newest_reading(held: Sequence[Load], entity: str, *, is_withheld_too: bool = True) -> str:
    """The newest load that read an entity; with `is_withheld_too` false, one that held no retractions back."""
    for load in reversed(held):
        record = load.entities.get(entity)
        if record is None or record.read_code == "reused":
            continue
        if is_withheld_too or record.reading.retraction_code != "withheld":
            return load.load_id
    return ""


def _quarantined_before(connection: duckdb.DuckDBPyConnection, held: Sequence[Load], entity: str) -> set[str]:
    """`row_json` of the rows that were set aside when the entity's missing rows were last told from them."""
    load_id = _newest_reading(held, entity, is_withheld_too=False)
    query = "select distinct row_json from quality.quarantine where entity_name = ? and load_id = ?"
    return set(_values(connection, query, [entity, load_id]))


def _with_comparison(entity: EntityIntake, comparison: Comparison | None) -> EntityIntake:
    if comparison is None:
        return entity
    reading = entity.reading.model_copy(update={"retraction_code": comparison.retraction_code})
    return EntityIntake(entity.reason, reading, entity.last, entity.found, comparison)


def _refuse_sudden_loss(validation: SourceValidation, compared: Mapping[str, Comparison]) -> None:
    """A half-delivered extract looks like a great many deletions."""
    most = validation.source.extract.max_retracted_share
    problems = []
    for name, comparison in compared.items():
        missing, held = comparison.lost_row_count, comparison.scope_row_count
        if missing > most * held:
            found = validation.entities[name]
            kind = validation.source.extract.kind_of(name)
            share = missing / held
            problems.append(
                f"{found.file_name}: found {missing:,} of the {held:,} rows of {name} that it should hold missing "
                f"({share:.1%}); expected at most {most:.1%} to be gone from an extract that source.yaml calls {kind}. "
                "Bring the whole extract. If the rows were deleted, allow it by `max_retracted_share: "
                f"{_rounded_up(share)}` under `extract` in source.yaml; if it never brings all rows, call it delta."
            )
    if problems:
        raise BlockedSource(problems, validation)


def _rounded_up(share: float) -> float:
    return min(1.0, -(-share * 100 // 1) / 100)
