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

from data_quality.contracts import Contract, load_contracts
from data_quality.source import Source, open_source
from data_quality.validation import EntityValidation, SourceValidation, referenced_columns, validate_source
from orchestration.resources.settings import Settings
from orchestration.resources.warehouse import OPEN_END, Warehouse, sql_text

ALWAYS_KNOWN = "1900-01-01"
_MARK_FOLDER = "loads"


class EntityLoad(BaseModel):
    """What one load brought of one entity."""

    model_config = ConfigDict(frozen=True)

    entity_name: str
    file_name: str
    file_hash: str
    landed_row_count: int
    accepted_row_count: int
    quarantined_row_count: int
    new_row_count: int
    changed_row_count: int
    unchanged_row_count: int
    late_row_count: int
    first_event_date: dt.date | None
    last_event_date: dt.date | None
    period_rows: dict[dt.date, int]
    clause_results: list[dict[str, Any]]


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
                name: _write_entity(
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


def _write_entity(
    connection: duckdb.DuckDBPyConnection,
    entity: EntityValidation,
    draft: Path,
    load_id: str,
    loaded_at: dt.datetime,
    source_name: str,
    period_type: str,
    newest_event: dt.date,
) -> EntityLoad:
    contract = load_contracts()[entity.entity_name]
    connection.register("accepted", entity.accepted)
    connection.execute(
        _delta_sql(contract),
        {
            "load_id": load_id,
            "loaded_at": loaded_at,
            "source_name": source_name,
            "period_type": period_type,
            "newest_event": newest_event,
        },
    )
    connection.unregister("accepted")
    rows = connection.execute(
        "select landing_period_start_date, count(*) from delta group by all order by all"
    ).fetchall()
    for period, _ in rows:
        target = draft / contract.name / period.isoformat() / f"{load_id}.parquet"
        target.parent.mkdir(parents=True)
        connection.execute(
            f"copy (select * exclude (change_code, event_date) from delta where landing_period_start_date = "
            f"date '{period}' order by row_number) to {sql_text(target)} (format parquet, compression zstd)"
        )
    # A version that is replaced may lie in another period than the one that replaces it.
    replaced = connection.execute(
        f"select distinct landing_period_start_date from raw.{contract.name} "
        f"where known_to_at = timestamp '{OPEN_END}' "
        "and row_key in (select row_key from delta where change_code = 'changed')"
    ).fetchall()
    period_rows = {period: 0 for (period,) in replaced} | dict(rows)
    counted = connection.execute(
        "select count(*) filter (change_code = 'new'), count(*) filter (change_code = 'changed'), "
        "count(*) filter (is_late_row), min(event_date), max(event_date) from delta"
    ).fetchone()
    new, changed, late, first, last = counted or (0, 0, 0, None, None)
    if len(entity.quarantine):
        _append_quarantine(connection, entity, draft / "quarantine" / f"{load_id}.parquet", load_id, loaded_at)
    connection.execute("drop table delta")
    return EntityLoad(
        entity_name=contract.name,
        file_name=entity.file_name,
        file_hash=entity.file_hash,
        landed_row_count=entity.landed_row_count,
        accepted_row_count=entity.accepted_row_count,
        quarantined_row_count=entity.quarantined_row_count,
        new_row_count=new,
        changed_row_count=changed,
        unchanged_row_count=entity.accepted_row_count - new - changed,
        late_row_count=late,
        first_event_date=first,
        last_event_date=last,
        period_rows=period_rows if contract.event_date else {},
        clause_results=[dict(vars(result)) for result in entity.clause_results],
    )


def _delta_sql(contract: Contract) -> str:
    """Rows that are new or differ from the version known so far, with their place in time."""
    columns = ", ".join(f"accepted.{column.name}" for column in contract.columns)
    # Names and descriptions are no news; terms, prices and plans that come later were not known before.
    is_named = "true" if contract.name in referenced_columns() else "false"
    event = _coalesced(contract.event_date, "null::date")
    known = _coalesced(contract.known_date, "null::date")
    return f"""
        create temp table delta as
        with known_rows as (
            select row_key, row_hash, known_from_at from raw.{contract.name} where known_to_at = timestamp '{OPEN_END}'
        ),
        before as (
            -- A date in the future (a typing error, an order for next year) says nothing of how far the feed has come.
            select max({event}) filter ({event} <= loaded_at::date) as high_water, count(*) = 0 as is_first_load
            from raw.{contract.name}
        ),
        placed as (
            select accepted.*, known_rows.row_key is null as is_new, {event} as event_date, {known} as known_date,
                before.high_water, before.is_first_load, known_rows.known_from_at as held_from_at,
                {"true" if contract.event_date else "false"} as is_fact
            from accepted
            cross join before
            left join known_rows on known_rows.row_key = accepted.row_key
            where known_rows.row_key is null or known_rows.row_hash <> accepted.row_hash
        )
        select {columns.replace("accepted.", "")}, $source_name as source_name, file_name, row_number, row_key,
            row_hash,
            $load_id as load_id, $loaded_at::timestamp as loaded_at,
            date_trunc($period_type, coalesce(event_date, $newest_event::date))::date as landing_period_start_date,
            case
                when is_new and known_at is not null then known_at
                -- A correction that repeats the moment of the version it corrects would rewrite the past.
                when known_at > held_from_at then known_at
                when not is_new then $loaded_at::timestamp
                when is_fact and (is_first_load or event_date > coalesce(high_water, date '{ALWAYS_KNOWN}'))
                    then known_date::timestamp
                when not is_fact and (is_first_load or {is_named}) then timestamp '{ALWAYS_KNOWN}'
                else $loaded_at::timestamp
            end as known_from_at,
            timestamp '{OPEN_END}' as known_to_at,
            coalesce(is_fact and is_new and event_date <= high_water, false) as is_late_row,
            case when is_new then 'new' else 'changed' end as change_code, event_date
        from placed
    """


def _coalesced(columns: tuple[str, ...], otherwise: str) -> str:
    return f"coalesce({', '.join(columns)})" if columns else otherwise


def _append_quarantine(
    connection: duckdb.DuckDBPyConnection, entity: EntityValidation, file: Path, load_id: str, loaded_at: dt.datetime
) -> None:
    rows = entity.quarantine.assign(load_id=load_id, loaded_at=loaded_at)
    if file.exists():
        rows = pd.concat([pd.read_parquet(file), rows], ignore_index=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    rows.to_parquet(file, index=False)


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
