"""Publication: a read-only copy of the marts, checked, then put in force by one rename."""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import duckdb

from orchestration.resources.warehouse import sql_text, table_hash
from stockstrata.errors import PlanningError

CURRENT = "current"
MARTS_FILE = "marts.duckdb"
MANIFEST_FILE = "manifest.json"


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


class Publisher(dg.ConfigurableResource):
    """Owner of the folder of published snapshots."""

    folder: str
    warehouse_path: str

    def publish(self, period: str, run_id: str, *, keep: int) -> Snapshot:
        """Copy the marts beside, check them, switch `current`, drop snapshots beyond the newest `keep`.

        A snapshot whose marts equal those in force is not written again.

        Raises:
            PlanningError: if the warehouse holds no mart or a copy differs from its origin.
        """
        root = Path(self.folder)
        root.mkdir(parents=True, exist_ok=True)
        for stray in root.glob(".draft-*"):
            shutil.rmtree(stray)
        draft = root / f".draft-{os.getpid()}"
        draft.mkdir()
        hashes = self._copy_marts(draft / MARTS_FILE)
        held = self.current()
        if held is not None and held.marts == hashes:
            shutil.rmtree(draft)
            return Snapshot(held.folder, hashes, is_new=False)
        manifest = {"period_start_date": period, "run_id": run_id, "marts": hashes}
        (draft / MANIFEST_FILE).write_text(json.dumps(manifest, indent=2, sort_keys=True), encoding="utf-8")
        (draft / MARTS_FILE).chmod(0o444)
        number = max((int(folder.name.split("_")[0]) for folder in self.snapshots()), default=0) + 1
        folder = root / f"{number:05d}_{period}"
        draft.rename(folder)
        self._put_in_force(folder)
        for old in self.snapshots()[:-keep]:
            shutil.rmtree(old)
        return Snapshot(folder, hashes, is_new=True)

    def rollback(self) -> Snapshot:
        """Put the snapshot before the one in force back in force.

        Raises:
            PlanningError: if there is none.
        """
        held = self.current()
        if held is None:
            raise PlanningError(f"Nothing is published in {self.folder} yet; run `stockstrata run SOURCE` first.")
        before = [folder for folder in self.snapshots() if folder.name < held.folder.name]
        if not before:
            raise PlanningError(
                f"{held.folder.name} is the oldest snapshot kept; there is none before it to return to."
            )
        self._put_in_force(before[-1])
        return _read(before[-1])

    def current(self) -> Snapshot | None:
        """The snapshot in force, or None before the first."""
        link = Path(self.folder) / CURRENT
        return _read(link.resolve()) if link.exists() else None

    def snapshots(self) -> list[Path]:
        """Folders of all snapshots kept, oldest first."""
        return sorted(folder for folder in Path(self.folder).glob("[0-9]*_*") if folder.is_dir())

    def _put_in_force(self, folder: Path) -> None:
        link = folder.parent / f".{CURRENT}-{os.getpid()}"
        link.unlink(missing_ok=True)
        link.symlink_to(folder.name)
        link.replace(folder.parent / CURRENT)

    def _copy_marts(self, file: Path) -> dict[str, dict[str, str | int]]:
        with duckdb.connect() as connection:
            connection.execute(f"attach {sql_text(self.warehouse_path)} as warehouse (read_only)")
            connection.execute(f"attach {sql_text(file)} as snapshot")
            connection.execute("create schema snapshot.marts")
            names = connection.execute(
                "select table_name, comment from duckdb_tables() "
                "where database_name = 'warehouse' and schema_name = 'marts' order by table_name"
            ).fetchall()
            if not names:
                raise PlanningError("The warehouse holds no mart; materialise the group marts before publishing.")
            hashes: dict[str, dict[str, str | int]] = {}
            for name, comment in names:
                hashes[name] = _copy_mart(connection, name, comment)
            columns = connection.execute(
                "select table_name, column_name, comment from duckdb_columns() "
                "where database_name = 'warehouse' and schema_name = 'marts' and comment is not null"
            ).fetchall()
            for table, column, comment in columns:
                connection.execute(f'comment on column snapshot.marts.{table}."{column}" is {sql_text(comment)}')
        # Opened by its own name the file is the catalog marts, so that marts.fct_policy could mean a catalog or a
        # schema and DuckDB refuses it; plain names work through these views.
        with duckdb.connect(str(file)) as connection:
            for name in hashes:
                connection.execute(f"create view marts.main.{name} as from marts.marts.{name}")
        return hashes


def _copy_mart(connection: duckdb.DuckDBPyConnection, name: str, comment: str | None) -> dict[str, str | int]:
    connection.execute(f"create table snapshot.marts.{name} as from warehouse.marts.{name} order by all")
    if comment:
        connection.execute(f"comment on table snapshot.marts.{name} is {sql_text(comment)}")
    content, rows = table_hash(connection, f"snapshot.marts.{name}")
    if (content, rows) != table_hash(connection, f"warehouse.marts.{name}"):
        raise PlanningError(f"marts.{name}: the copy differs from the warehouse; publish again.")
    return {"content_hash": content, "row_count": rows}


def _read(folder: Path) -> Snapshot:
    manifest = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
    return Snapshot(folder, manifest["marts"], is_new=False)
