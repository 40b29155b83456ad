"""Publication: a read-only copy of the marts, checked, then put in force by one rename."""

import datetime as dt
import getpass
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import BaseModel, ConfigDict, ValidationError

from orchestration.resources.durable import to_disk
from orchestration.resources.mart_copy import PublishedMarts, copy_marts
from orchestration.resources.recovery import turn_of_run
from stockstrata.errors import PlanningError

CURRENT = "current"
MARTS_FILE = "marts.duckdb"
MANIFEST_FILE = "manifest.json"
ROLLBACK_FILE = "rollback.json"
_WITHDRAWN = "withdrawn_"
# A reader that has just followed `current` to the snapshot before must still find its file.
_LEAST_KEPT = 2
_OF_RUNS = ("audit_step",)


@dataclass(frozen=True)
class Snapshot:
    """One published snapshot: its folder, and hash and rows of each mart."""

    folder: Path
    marts: dict[str, dict[str, str | int]]
    is_new: bool

    @property
    def marts_file(self) -> Path:
        """The DuckDB file that readers open."""
        return self.folder / MARTS_FILE


class Rollback(BaseModel):
    """Who went back from which snapshot to which, and when."""

    model_config = ConfigDict(frozen=True)

    from_snapshot: str
    to_snapshot: str
    rolled_back_by: str
    rolled_back_at: dt.datetime


class Publisher(dg.ConfigurableResource):
    """Owner of the folder of published snapshots."""

    folder: str
    warehouse_path: str

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["Publisher"]:
        """Hold the home for the whole run."""
        with turn_of_run(Path(self.warehouse_path).parent, context):
            yield self

    def publish(self, period: str, run_id: str, *, keep: int) -> Snapshot:
        """Copy the marts beside, check them, switch `current`, drop snapshots beyond the newest `keep`.

        A snapshot whose marts equal those in force is not written again. Publishing ends a roll-back.

        Raises:
            PlanningError: if the warehouse holds no mart or a copy differs from its origin.
            WarehouseLockedError: if another process holds the warehouse; inside a step Dagster tries again.
            WarehouseDamagedError: if the warehouse cannot be read.
        """
        root = Path(self.folder)
        root.mkdir(parents=True, exist_ok=True)
        self._remove_remains()
        with _draft_folder(root) as draft:
            held = self._folder_in_force()
            earlier = _published(held) if held is not None and _is_whole(held) else None
            copied = copy_marts(self.warehouse_path, draft / MARTS_FILE, earlier)
            hashes = copied.marts()
            if held is not None and earlier is not None and _told(_manifest(held)["marts"]) == _told(hashes):
                self._withdraw()
                self._end_rollback()
                return Snapshot(held, hashes, is_new=False)
            manifest = {
                "period_start_date": period,
                "run_id": run_id,
                "file_bytes": (draft / MARTS_FILE).stat().st_size,
                "marts": hashes,
                "periods": copied.periods,
            }
            (draft / MANIFEST_FILE).write_text(json.dumps(manifest, indent=2, sort_keys=True), encoding="utf-8")
            (draft / MARTS_FILE).chmod(0o444)
            # What a rename puts in force must be on the disk before it, or a machine that dies leaves an empty file.
            for written in (draft / MARTS_FILE, draft / MANIFEST_FILE, draft):
                to_disk(written)
            folder = root / f"{self._next_number():05d}_{period}"
            self._withdraw()
            draft.rename(folder)
        self._put_in_force(folder)
        self._end_rollback()
        for kept in (self.snapshots(), self.withdrawn()):
            for old in kept[: -max(keep, _LEAST_KEPT)]:
                shutil.rmtree(old)
        return Snapshot(folder, hashes, is_new=True)

    def rollback(self) -> Snapshot:
        """Put the newest whole snapshot before the one in force back in force, by one rename.

        It stays in force until a run publishes again.

        Raises:
            PlanningError: if there is none.
        """
        held = self._folder_in_force()
        if held is None:
            raise PlanningError(f"Nothing is published in {self.folder} yet; run `stockstrata run SOURCE` first.")
        self._remove_remains()
        before = [folder for folder in self.snapshots() if folder.name < held.name]
        whole = [folder for folder in before if _is_whole(folder)]
        if not whole:
            damaged = f" ({', '.join(folder.name for folder in before)} cannot be read)" if before else ""
            raise PlanningError(
                f"{held.name} is the oldest snapshot kept; there is none before it to return to{damaged}. Correct the "
                "source or the parameters and run again."
            )
        already = self.rollback_in_force()
        # Written before the switch and telling its target, it says nothing of a switch that never came.
        record = Rollback(
            from_snapshot=already.from_snapshot if already else held.name,
            to_snapshot=whole[-1].name,
            rolled_back_by=_user(),
            rolled_back_at=dt.datetime.now(dt.UTC).replace(microsecond=0),
        )
        file = Path(self.folder) / ROLLBACK_FILE
        draft = file.with_name(f".{ROLLBACK_FILE}-{os.getpid()}")
        draft.write_text(record.model_dump_json(indent=1), encoding="utf-8")
        to_disk(draft)
        draft.replace(file)
        self._put_in_force(whole[-1])
        return _read(whole[-1])

    def rollback_in_force(self) -> Rollback | None:
        """The roll-back that put the snapshot in force there, or None where a run published it."""
        held, file = self._folder_in_force(), Path(self.folder) / ROLLBACK_FILE
        if held is None or not file.exists():
            return None
        try:
            record = Rollback.model_validate_json(file.read_text(encoding="utf-8"))
        except ValidationError:
            return None
        return record if record.to_snapshot == held.name else None

    def current(self) -> Snapshot | None:
        """The snapshot in force, or None before the first.

        Raises:
            PlanningError: if its manifest cannot be read.
        """
        held = self._folder_in_force()
        return _read(held) if held else None

    def snapshots(self) -> list[Path]:
        """Folders of all snapshots kept, oldest first."""
        return sorted(folder for folder in Path(self.folder).glob("[0-9]*_*") if folder.is_dir())

    def withdrawn(self) -> list[Path]:
        """Folders of the snapshots that somebody rolled back from, oldest first: to be looked at, never returned to."""
        return sorted(folder for folder in Path(self.folder).glob(f"{_WITHDRAWN}[0-9]*_*") if folder.is_dir())

    def _next_number(self) -> int:
        names = [folder.name.removeprefix(_WITHDRAWN) for folder in [*self.snapshots(), *self.withdrawn()]]
        return max((int(name.split("_")[0]) for name in names), default=0) + 1

    def _withdraw(self) -> None:
        """Put aside the snapshots that were rolled back from, so that no later roll-back returns to one of them."""
        record = self.rollback_in_force()
        if record is None:
            return
        for folder in self.snapshots():
            if record.to_snapshot < folder.name <= record.from_snapshot:
                folder.rename(folder.with_name(f"{_WITHDRAWN}{folder.name}"))

    def _end_rollback(self) -> None:
        (Path(self.folder) / ROLLBACK_FILE).unlink(missing_ok=True)

    def _folder_in_force(self) -> Path | None:
        link = Path(self.folder) / CURRENT
        return link.resolve() if link.exists() else None

    def _remove_remains(self) -> None:
        """Remove what a process that died left: drafts, and a snapshot that it never put in force."""
        root, held = Path(self.folder), self._folder_in_force()
        for stray in [*root.glob(".draft-*"), *root.glob(f".{CURRENT}-*"), *root.glob(f".{ROLLBACK_FILE}-*")]:
            if stray.is_dir() and not stray.is_symlink():
                shutil.rmtree(stray)
            else:
                stray.unlink()
        if held is None and (root / CURRENT).is_symlink():
            return  # somebody removed the snapshot in force by hand: the others are all that is left
        record = self.rollback_in_force()
        newest = record.from_snapshot if record else held.name if held else ""
        for folder in self.snapshots():
            if folder.name > newest:
                shutil.rmtree(folder)

    def _put_in_force(self, folder: Path) -> None:
        link = folder.parent / f".{CURRENT}-{os.getpid()}"
        link.unlink(missing_ok=True)
        link.symlink_to(folder.name)
        link.replace(folder.parent / CURRENT)
        to_disk(folder.parent)


@contextmanager
def _draft_folder(root: Path) -> Iterator[Path]:
    """A folder beside the snapshots that is gone afterwards, unless it became one: a full disk must not stay full."""
    draft = root / f".draft-{os.getpid()}"
    draft.mkdir()
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _told(marts: dict[str, dict[str, str | int]]) -> dict[str, dict[str, str | int]]:
    """What marts tell of the plan: how long the last runs took is no reason to publish it anew."""
    return {name: mart for name, mart in marts.items() if name not in _OF_RUNS}


def _manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))


def _published(folder: Path) -> PublishedMarts:
    periods = _manifest(folder).get("periods", {})
    return PublishedMarts(
        folder / MARTS_FILE,
        {name: {period: (found[0], found[1]) for period, found in held.items()} for name, held in periods.items()},
    )


def _is_whole(folder: Path) -> bool:
    """Whether a snapshot's files are there as they were published."""
    try:
        size = (folder / MARTS_FILE).stat().st_size
        return size == _manifest(folder).get("file_bytes", size)
    except (OSError, ValueError, KeyError):
        return False


def _read(folder: Path) -> Snapshot:
    try:
        return Snapshot(folder, _manifest(folder)["marts"], is_new=False)
    except (OSError, ValueError, KeyError) as error:
        raise PlanningError(
            f"{folder / MANIFEST_FILE}: cannot be read ({error!r}), so the snapshot in force is not whole. Return to "
            "the one before with `stockstrata publish --rollback`, or run again to publish anew."
        ) from None


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"
