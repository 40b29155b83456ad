"""Landing: each load is written once as Parquet and never changed; the warehouse's raw tables are projected from it.

Layout: `<entity>/<period>/<load id>.parquet` for accepted rows that are new or changed, `quarantine/<load id>.parquet`
for rows set aside, `loads/<load id>.json` as the mark that a load is whole. Files without that mark are remains of a
run that died; the next load removes them.
"""

import datetime as dt
import hashlib
import os
import shutil
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import filelock
import pandas as pd
from pydantic import BaseModel, ConfigDict

from data_quality.contracts import load_contracts
from data_quality.source import Source, open_source
from data_quality.validation import SourceValidation, referenced_columns, validate_source
from orchestration.resources.entity_load import ALWAYS_KNOWN, EntityLoad, write_entity
from orchestration.resources.settings import Settings
from orchestration.resources.warehouse import OPEN_END, Warehouse

_MARK_FOLDER = "loads"


class Load(BaseModel):
    """One whole load of a source; `is_new` is false when nothing had changed since the load before."""

    model_config = ConfigDict(frozen=True)

    load_id: str
    source_name: str
    fingerprint: str
    loaded_at: dt.datetime
    entities: dict[str, EntityLoad]
    is_new: bool = True

    def touched_periods(self) -> list[dt.date]:
        """Periods of all facts that the load brought new or changed rows for, oldest first."""
        return sorted({period for entity in self.entities.values() for period in entity.period_rows})


class Landing(dg.ConfigurableResource):
    """Reads and validates the source, writes its loads, and projects them into the warehouse."""

    folder: str
    source_folder: str
    scratch: str
    period_type: str
    variables: dict[str, str]
    warehouse_path: str

    @classmethod
    def from_settings(cls, settings: Settings) -> "Landing":
        """The landing of the company that the settings name."""
        return cls(
            folder=str(settings.landing),
            source_folder=str(settings.company.source_folder),
            scratch=str(settings.home / "unpacked"),
            period_type=settings.company.period_type,
            variables=settings.source_variables,
            warehouse_path=str(settings.warehouse_file),
        )

    def source(self) -> Source:
        """The opened source.

        Raises:
            InputError: if its folder or `source.yaml` cannot be used.
        """
        return open_source(Path(self.source_folder), variables=self.variables, scratch=Path(self.scratch))

    def validate_extract(self) -> SourceValidation:
        """Read and judge the whole source; one process judges one state of the files only once.

        Raises:
            BlockedSource: if a structural fault blocks the source; nothing is landed then.
        """
        source = self.source()
        return _validated(source.model_dump_json(), files_state(source), self._known_keys(source.name))

    def land(self, warehouse: Warehouse, validation: SourceValidation) -> Load:
        """Write what is new or changed as one load and project it; a source without change adds no load."""
        warehouse.create_tables()
        root = Path(self.folder)
        root.mkdir(parents=True, exist_ok=True)
        # Runs of the daemon and of the command line must not take each other's drafts for remains.
        with filelock.FileLock(root / ".lock"):
            self._remove_remains()
            self.project_missing(warehouse)
            loads = self.loads()
            if loads and loads[-1].fingerprint == fingerprint(validation):
                return loads[-1].model_copy(update={"is_new": False})
            load = self._write(warehouse, validation, loads)
            self._project(warehouse, load)
        return load

    def loads(self) -> list[Load]:
        """All whole loads, oldest first."""
        marks = sorted((Path(self.folder) / _MARK_FOLDER).glob("*.json"))
        return [Load.model_validate_json(mark.read_text(encoding="utf-8")) for mark in marks]

    def is_landed(self, warehouse: Warehouse, validation: SourceValidation) -> bool:
        """Whether the newest load holds the source as it stands, and the warehouse holds all loads."""
        loads = self.loads()
        if not loads or loads[-1].fingerprint != fingerprint(validation) or not Path(warehouse.path).exists():
            return False
        held = set(warehouse.read("select distinct load_id from quality.load")["load_id"])
        return all(load.load_id in held for load in loads)

    def project_missing(self, warehouse: Warehouse) -> None:
        """Project the whole loads that the warehouse does not hold yet, oldest first."""
        held = set(warehouse.read("select distinct load_id from quality.load")["load_id"])
        for load in self.loads():
            if load.load_id not in held:
                self._project(warehouse, load)

    def _known_keys(self, source_name: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Keys that earlier loads of the source landed: an extract of one month may point at them."""
        if not any(load.source_name == source_name for load in self.loads()) or not Path(self.warehouse_path).exists():
            return ()
        warehouse = Warehouse(path=self.warehouse_path)
        return tuple(
            (entity, tuple(warehouse.read(f"select distinct {column} as key from raw.{entity} order by all")["key"]))
            for entity, column in sorted(referenced_columns().items())
        )

    def _remove_remains(self) -> None:
        root = Path(self.folder)
        if not root.exists():
            return
        whole = {load.load_id for load in self.loads()}
        for stray in root.glob(".draft-*"):
            shutil.rmtree(stray)
        for file in root.rglob("*.parquet"):
            if file.stem not in whole:
                file.unlink()

    def _write(self, warehouse: Warehouse, validation: SourceValidation, loads: list[Load]) -> Load:
        now = dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0)
        # A clock that was set back must not make a later load known before an earlier one.
        loaded_at = max([now, *(load.loaded_at for load in loads[-1:])])
        load_id = f"{len(loads) + 1:06d}-{loaded_at:%Y%m%dT%H%M%SZ}"
        draft = Path(self.folder) / f".draft-{os.getpid()}"
        draft.mkdir(parents=True)
        with warehouse.connect(read_only=True) as connection:
            newest = newest_event_date(validation)
            entities = {
                name: write_entity(
                    connection, entity, draft, load_id, loaded_at, validation.source.name, self.period_type, newest
                )
                for name, entity in validation.entities.items()
            }
        load = Load(
            load_id=load_id,
            source_name=validation.source.name,
            fingerprint=fingerprint(validation),
            loaded_at=loaded_at,
            entities=entities,
        )
        for file in sorted(draft.rglob("*.parquet")):
            target = Path(self.folder) / file.relative_to(draft)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)
        mark = Path(self.folder) / _MARK_FOLDER / f"{load_id}.json"
        mark.parent.mkdir(parents=True, exist_ok=True)
        (draft / mark.name).write_text(load.model_dump_json(indent=1), encoding="utf-8")
        (draft / mark.name).replace(mark)
        shutil.rmtree(draft)
        return load

    def _project(self, warehouse: Warehouse, load: Load) -> None:
        root = Path(self.folder)
        with warehouse.connect() as connection:
            connection.begin()
            for name, entity in load.entities.items():
                files = [str(file) for file in sorted((root / name).glob(f"*/{load.load_id}.parquet"))]
                if files:
                    _project_rows(connection, name, files, load.load_id)
                _project_verdict(connection, load, entity)
            quarantine = root / "quarantine" / f"{load.load_id}.parquet"
            if quarantine.exists():
                connection.execute(
                    "insert into quality.quarantine by name select * from read_parquet(?)", [str(quarantine)]
                )
            connection.commit()


def files_state(source: Source) -> str:
    """Hash over name, size and modification time of the files that the source reads."""
    files = set(source.files.values())
    if any(file.suffix == ".sql" for file in files):
        files |= {file for file in source.data_folder.rglob("*") if file.is_file()}
    digest = hashlib.sha256()
    for file in sorted(files):
        stat = file.stat()
        digest.update(f"{file}|{stat.st_size}|{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


@lru_cache(maxsize=1)
def _validated(source_json: str, state: str, known: tuple[tuple[str, tuple[str, ...]], ...]) -> SourceValidation:
    del state  # part of the cache's key: a file that changed is judged anew
    keys = {entity: list(values) for entity, values in known if values}
    return validate_source(Source.model_validate_json(source_json), known_reference_keys=keys)


def fingerprint(validation: SourceValidation) -> str:
    """Hash over the content of all entities' files."""
    hashes = [f"{name}={entity.file_hash}" for name, entity in sorted(validation.entities.items())]
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def first_demand_date(validation: SourceValidation) -> dt.date:
    """Oldest demand date of the accepted rows."""
    return pd.Timestamp(validation.entities["demand"].accepted.column("demand_date").to_pandas().min()).date()


def newest_event_date(validation: SourceValidation) -> dt.date:
    """Newest event date of all facts: master rows are filed under its period."""
    dates = []
    for entity in validation.entities.values():
        contract = load_contracts()[entity.entity_name]
        if contract.event_date:
            column = contract.event_date[-1]
            newest = pd.Series(entity.accepted.column(column).to_pandas()).max()
            if pd.notna(newest):
                dates.append(pd.Timestamp(newest).date())
    return max(dates, default=dt.date.fromisoformat(ALWAYS_KNOWN))


def _project_rows(connection: duckdb.DuckDBPyConnection, entity: str, files: list[str], load_id: str) -> None:
    connection.execute(
        f"insert into raw.{entity} by name select * from read_parquet(?, hive_partitioning = false)", [files]
    )
    connection.execute(
        f"update raw.{entity} as held set known_to_at = newer.known_from_at from raw.{entity} as newer "
        f"where newer.load_id = ? and held.row_key = newer.row_key and held.load_id <> newer.load_id "
        f"and held.known_to_at = timestamp '{OPEN_END}'",
        [load_id],
    )


def _project_verdict(connection: duckdb.DuckDBPyConnection, load: Load, entity: EntityLoad) -> None:
    counts: Mapping[str, Any] = entity.model_dump(exclude={"period_rows", "clause_results"})
    row = {"load_id": load.load_id, "source_name": load.source_name, "loaded_at": load.loaded_at, **counts}
    frame = pd.DataFrame([row])  # noqa: F841  (DuckDB reads it by name)
    connection.execute("insert into quality.load by name select * from frame")
    if entity.clause_results:
        results = pd.DataFrame(entity.clause_results).assign(  # noqa: F841
            load_id=load.load_id, entity_name=entity.entity_name, loaded_at=load.loaded_at
        )
        connection.execute("insert into quality.clause_result by name select * from results")
