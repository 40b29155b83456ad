"""Landing: each load is written once as Parquet and never changed; the warehouse's raw tables are projected from it.

Layout: `<entity>/<period>/<load id>.parquet` for accepted rows that are new or changed, `retracted/<entity>/<load
id>.parquet` for the keys of rows that are gone, `quarantine/<load id>.parquet` for rows set aside, `loads/<load
id>.json` as the mark that a load is whole. Files without that mark are remains of a run that died; the next load
removes them.
"""

import datetime as dt
import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import filelock
import pandas as pd
import pyarrow.parquet as pq
from pydantic import ValidationError

from data_quality.archives import file_hash
from data_quality.source import Source, open_source
from data_quality.validation import SourceValidation, referenced_columns, validate_source
from orchestration.resources.comparison import ALWAYS_KNOWN, Comparison
from orchestration.resources.durable import all_to_disk, to_disk
from orchestration.resources.entity_load import LoadStamp, write_differences
from orchestration.resources.intake import EntityIntake, Intake, source_files, take_in
from orchestration.resources.load_record import EntityLoad, LandedFile, Load
from orchestration.resources.projection import project
from orchestration.resources.settings import Settings
from orchestration.resources.warehouse import Warehouse
from stockstrata.errors import StockstrataError

_MARK_FOLDER = "loads"


def has_loads(folder: Path) -> bool:
    """Whether a landing folder holds a whole load."""
    return any((folder / _MARK_FOLDER).glob("*.json"))


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
        """Read and judge the whole source, whatever was landed of it.

        Raises:
            BlockedSource: if a structural fault blocks the source.
        """
        source = self.source()
        return validate_source(source, known_reference_keys=self._known_keys(source.name))

    def take_in(self, warehouse: Warehouse) -> Intake:
        """Read and judge what has changed of the source since the newest load; one process does that once.

        Raises:
            BlockedSource: if a structural fault blocks the source, or if too many rows have gone; nothing is landed.
        """
        source, loads = self.source(), self.loads()
        if loads:
            with self._lock():
                self._project_missing(warehouse, loads)
        state = f"{source.model_dump_json()}|{files_state(source)}|{self.folder}|{[load.load_id for load in loads]}"
        if _held.state != state:
            _held.forget()
            today = dt.datetime.now(dt.UTC).date()
            _held.intake = take_in(source, warehouse, loads, write_to=self._draft(), today=today)
            _held.state = state
        assert _held.intake is not None  # noqa: S101  # for the type checker
        return _held.intake

    def land(self, warehouse: Warehouse) -> Load:
        """Write what is new, changed or gone as one load and project it; a source without change adds no load."""
        with self._lock():
            self._remove_remains()
            self._project_missing(warehouse, self.loads())
        intake = self.take_in(warehouse)
        if not intake.is_new:
            return self.loads()[-1].model_copy(update={"is_new": False})
        with self._lock():
            loads = self.loads()
            if (loads[-1].load_id if loads else "") != intake.base_load_id:
                raise StockstrataError(
                    f"{self.folder}: load {loads[-1].load_id} was landed while the source was read. Run again."
                )
            load = self._write(intake, loads)
            project(warehouse, Path(self.folder), load)
        # The rows of the extract are in the warehouse now; they need not fill the memory of a run any longer.
        _held.forget()
        return load

    def loads(self) -> list[Load]:
        """All whole loads, oldest first.

        Raises:
            StockstrataError: if the mark of a load cannot be read.
        """
        return [_read_mark(mark) for mark in sorted((Path(self.folder) / _MARK_FOLDER).glob("*.json"))]

    def project_missing(self, warehouse: Warehouse) -> None:
        """Project the whole loads that the warehouse does not hold yet, oldest first."""
        self._project_missing(warehouse, self.loads())

    def _project_missing(self, warehouse: Warehouse, loads: Sequence[Load]) -> None:
        warehouse.create_tables()
        held = set(warehouse.read("select distinct load_id from quality.load")["load_id"]) if loads else set()
        for load in loads:
            if load.load_id not in held:
                project(warehouse, Path(self.folder), load)

    def _lock(self) -> filelock.BaseFileLock:
        """Runs of the daemon and of the command line must not take each other's drafts for remains."""
        Path(self.folder).mkdir(parents=True, exist_ok=True)
        return filelock.FileLock(Path(self.folder) / ".lock")

    def _draft(self) -> Path:
        return Path(self.folder).absolute() / f".draft-{os.getpid()}"

    def _known_keys(self, source_name: str) -> dict[str, list[str]]:
        """Keys that earlier loads of the source landed: an extract of one month may point at them."""
        if not any(load.source_name == source_name for load in self.loads()) or not Path(self.warehouse_path).exists():
            return {}
        warehouse = Warehouse(path=self.warehouse_path)
        found = {
            entity: list(warehouse.read(f"select distinct {column} as key from raw.{entity} order by all")["key"])
            for entity, column in sorted(referenced_columns().items())
        }
        return {entity: keys for entity, keys in found.items() if keys}

    def _remove_remains(self) -> None:
        root = Path(self.folder)
        whole = {load.load_id for load in self.loads()}
        for stray in root.glob(".draft-*"):
            shutil.rmtree(stray)
        for file in root.rglob("*.parquet"):
            if file.stem not in whole:
                file.unlink()

    def _write(self, intake: Intake, loads: list[Load]) -> Load:
        now = dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0)
        # A clock that was set back must not make a later load known before an earlier one.
        loaded_at = max([now, *(load.loaded_at for load in loads[-1:])])
        stamp = LoadStamp(
            load_id=f"{len(loads) + 1:06d}-{loaded_at:%Y%m%dT%H%M%SZ}",
            loaded_at=loaded_at,
            source_name=intake.validation.source.name,
            period_type=self.period_type,
            newest_event=intake.newest_event_date or dt.date.fromisoformat(ALWAYS_KNOWN),
        )
        draft = self._draft()
        draft.mkdir(parents=True)
        entities = {name: _entity_load(name, entity, draft, stamp) for name, entity in intake.entities.items()}
        _write_quarantine(intake, draft / "quarantine" / f"{stamp.load_id}.parquet", stamp)
        files = sorted(draft.rglob("*.parquet"))
        load = Load(
            load_id=stamp.load_id,
            source_name=stamp.source_name,
            loaded_at=loaded_at,
            entities=entities,
            files={file.relative_to(draft).as_posix(): _landed_file(file) for file in files},
        )
        self._put_in_place(load, draft)
        return load

    def _put_in_place(self, load: Load, draft: Path) -> None:
        """Move the files of a draft into place, the mark last; each is on the disk before the mark says so.

        A power cut must not leave a mark without its files.
        """
        root, mark = Path(self.folder), Path(_MARK_FOLDER, f"{load.load_id}.json")
        (draft / mark.name).write_text(load.model_dump_json(indent=1), encoding="utf-8")
        all_to_disk(draft / name for name in load.files)
        for name in load.files:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (draft / name).replace(root / name)
        all_to_disk({folder for name in load.files for folder in (root / name).parents if folder.is_relative_to(root)})
        to_disk(draft / mark.name)
        (root / mark).parent.mkdir(parents=True, exist_ok=True)
        (draft / mark.name).replace(root / mark)
        to_disk((root / mark).parent)
        shutil.rmtree(draft)


@dataclass
class _Held:
    """The newest intake of this process: the command line judges the source before the run that lands it."""

    state: str = ""
    intake: Intake | None = None

    def forget(self) -> None:
        """Let go of the rows."""
        self.state, self.intake = "", None


_held = _Held()


def _entity_load(name: str, entity: EntityIntake, draft: Path, stamp: LoadStamp) -> EntityLoad:
    """Write what is new of an entity, and say what was written; or carry on what the newest load said of it."""
    found = entity.found
    if found is None:
        assert entity.last is not None  # noqa: S101  # what was not read was held
        kept = entity.last.accepted_row_count
        return entity.last.model_copy(
            update={
                "read_code": "reused",
                "read_reason": entity.reason,
                **dict.fromkeys(("new_row_count", "changed_row_count", "late_row_count", "retracted_row_count"), 0),
                "unchanged_row_count": kept,
                "first_event_date": None,
                "last_event_date": None,
                "period_rows": {},
                # What was broken is still broken; what held stands with the load that judged it.
                "clause_results": [result for result in entity.last.clause_results if not result["is_passed"]],
                "reading": entity.reading,
            }
        )
    written = write_differences(found, entity.comparison or Comparison(), draft, stamp)
    return EntityLoad(
        entity_name=name,
        file_name=found.file_name,
        file_hash=found.file_hash,
        read_code="read",
        read_reason=entity.reason,
        landed_row_count=found.landed_row_count,
        accepted_row_count=found.accepted_row_count,
        quarantined_row_count=found.quarantined_row_count,
        unchanged_row_count=found.accepted_row_count - written.new_row_count - written.changed_row_count,
        newest_event_date=entity.newest_event_date,
        clause_results=[dict(vars(result)) for result in found.clause_results],
        reading=entity.reading,
        **vars(written),
    )


def _write_quarantine(intake: Intake, file: Path, stamp: LoadStamp) -> None:
    frames = [found.quarantine for found in intake.validation.entities.values() if len(found.quarantine)]
    if frames:
        file.parent.mkdir(parents=True)
        rows = pd.concat(frames, ignore_index=True).assign(load_id=stamp.load_id, loaded_at=stamp.loaded_at)
        rows.to_parquet(file, index=False)


def _read_mark(mark: Path) -> Load:
    try:
        return Load.model_validate_json(mark.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        raise StockstrataError(
            f"{mark}: cannot be read as the mark of a load ({str(error).splitlines()[0]}). Landing writes it once and "
            "never changes it: put the file back from a backup of the home. Without a backup move it away and run "
            f"again: the rows of load {mark.stem} are dropped, and the source as it stands lands as a new load."
        ) from None


def _landed_file(file: Path) -> LandedFile:
    return LandedFile(row_count=pq.read_metadata(file).num_rows, sha256=file_hash(file))


def files_state(source: Source) -> str:
    """Hash over name, size and modification time of the files that the source reads."""
    digest = hashlib.sha256()
    for file in source_files(source):
        stat = file.stat()
        digest.update(f"{file}|{stat.st_size}|{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()
