"""The only door to the DuckDB warehouse: one process at a time, one period replaced in one transaction."""

import datetime as dt
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd
from pydantic import PrivateAttr

from data_quality.contracts import load_contracts
from data_quality.raw_tables import LANDED_SCHEMA, raw_table_ddl
from orchestration.resources.faults import advice, is_damage
from orchestration.resources.recovery import turn_of_run
from stockstrata.errors import PlanningError, StockstrataError
from stockstrata.tables import STAMP, TABLES, Table

OPEN_END = "9999-12-31"
LOCK_PATIENCE_SECONDS = 600
"""How long a run waits for another program to close the warehouse; dbt of a run that died ends within that time."""
# DuckDB writes three headers of 4 KiB when it makes a file: a shorter one was left by a process that died meanwhile.
_LEAST_FILE_BYTES = 3 * 4096
_SCHEMAS = (LANDED_SCHEMA, "raw", "quality", "history", "segmentation", "forecast", "policy", "simulation", "audit")
QUALITY_DDL = (
    """create table if not exists quality.load (
        load_id varchar, entity_name varchar, source_name varchar, file_name varchar, file_hash varchar,
        loaded_at timestamp, landed_row_count bigint, accepted_row_count bigint, quarantined_row_count bigint,
        new_row_count bigint, changed_row_count bigint, unchanged_row_count bigint, late_row_count bigint,
        first_event_date date, last_event_date date, read_code varchar, read_reason varchar,
        retracted_row_count bigint)""",
    """create table if not exists quality.load_period (
        load_id varchar, entity_name varchar, period_start_date date, new_row_count bigint, changed_row_count bigint,
        late_row_count bigint, retracted_row_count bigint, loaded_at timestamp)""",
    """create table if not exists quality.quarantine (
        load_id varchar, entity_name varchar, file_name varchar, row_number bigint, column_name varchar,
        clause_name varchar, severity_code varchar, found_value varchar, expected_text varchar, reason varchar,
        row_json varchar, loaded_at timestamp)""",
    """create table if not exists quality.clause_result (
        load_id varchar, entity_name varchar, clause_name varchar, column_name varchar, severity_code varchar,
        checked_row_count bigint, failed_row_count bigint, is_passed boolean, loaded_at timestamp)""",
    """create table if not exists quality.isolated_result (
        period_start_date date, item_id varchar, location_id varchar, table_name varchar, reason varchar,
        run_id varchar)""",
    # One row per period that loads brought rows for: the dbt models that its facts were last built with, null where
    # rows came since. It stands in the warehouse so that it is as old as the facts that it tells of.
    """create table if not exists quality.built_facts (period_start_date date, models_hash varchar)""",
    # See run_metrics: what each step of each run took.
    """create table if not exists quality.run_step (
        run_id varchar, job_name varchar, period_start_date date, run_status_code varchar, step_name varchar,
        asset_name varchar, started_at timestamp, step_duration_seconds double, asset_duration_seconds double,
        row_count bigint)""",
)


# By path, what keeps a warehouse open while a run of this process works on it. To open a file of some 200 tables and to
# close it, which writes a checkpoint, takes longer than most of a step's queries.
_KEPT_OPEN: dict[str, duckdb.DuckDBPyConnection] = {}


class WarehouseLockedError(dg.RetryRequested, StockstrataError):
    """Another process has the warehouse open: the one fault that a step waits out and tries again."""

    def __init__(self, path: str, cause: str) -> None:
        super().__init__(max_retries=3, seconds_to_wait=5)
        self.path, self.cause = path, cause

    def __str__(self) -> str:
        told = advice(self.cause, Path(self.path).parent) or "Close the program that has it open, then run again."
        return f"The warehouse {self.path} is locked by another program. {told}"


class WarehouseOutdatedError(StockstrataError):
    """The warehouse was made by an earlier version, whose tables had fewer columns."""


class WarehouseDamagedError(StockstrataError):
    """The warehouse file is no longer a database: it is made again from landing."""

    def __init__(self, path: str, cause: str) -> None:
        super().__init__(
            f"The warehouse {path} is damaged ({cause.strip().splitlines()[0]}). Run `stockstrata rebuild`: it makes "
            "the warehouse again from landing, beside the damaged one. What was published is still in force."
        )


class Warehouse(dg.ConfigurableResource):
    """DuckDB file with one writing process; readers of marts never come here but to the published snapshot."""

    path: str
    parameters_version: str = ""
    worker_count: int = os.cpu_count() or 1
    _run_id: str = PrivateAttr(default="")
    _is_kept_open: bool = PrivateAttr(default=False)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["Warehouse"]:
        """Hold the home for the whole run, and remember the run, which every written row is stamped with."""
        with turn_of_run(Path(self.path).parent, context):
            self._run_id = context.run_id or ""
            self._is_kept_open = True
            try:
                yield self
            finally:
                self._is_kept_open = False
                hand_back(self.path)

    @contextmanager
    def connect(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """One connection; inside a run the file stays open behind it until `hand_back`.

        Raises:
            WarehouseLockedError: if another process holds the file; inside a step Dagster tries again.
            WarehouseDamagedError: if the file is no database, or what it holds cannot be read.
        """
        file = Path(self.path)
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            if self.path not in _KEPT_OPEN and not read_only:
                _remove_unmade(file)
            if self.path not in _KEPT_OPEN and self._is_kept_open:
                _KEPT_OPEN[self.path] = duckdb.connect(self.path)
            # Within a process a file is open in one way only.
            connection = duckdb.connect(self.path, read_only=read_only and self.path not in _KEPT_OPEN)
        except duckdb.IOException as error:
            raise_known_fault(self.path, str(error))
            raise
        try:
            connection.execute(f"set timezone = 'UTC'; set threads = {self.worker_count}")
            yield connection
        except duckdb.Error as error:
            # What is kept open may be past use after a fault.
            hand_back(self.path)
            raise_known_fault(self.path, str(error))
            raise
        finally:
            connection.close()

    def wait_until_free(self, on_wait: Callable[[str], None], *, seconds: float = LOCK_PATIENCE_SECONDS) -> None:
        """Wait until no other program has the file open.

        Args:
            on_wait: told once which process has it open.
            seconds: how long to wait.

        Raises:
            WarehouseLockedError: if it is still open after that time.
        """
        is_told, end = False, time.monotonic() + seconds
        while Path(self.path).exists():
            try:
                with self.connect():
                    return
            except WarehouseLockedError as error:
                if time.monotonic() >= end:
                    raise
                if not is_told:
                    on_wait(str(error))
                    is_told = True
                time.sleep(min(1.0, seconds))

    def create_tables(self) -> None:
        """Create the schemas and all tables that Python writes, where they are missing.

        Raises:
            WarehouseOutdatedError: if an earlier version made it, with other tables or columns.
        """
        with self.connect() as connection:
            connection.begin()
            self._refuse_stored_raw(connection)
            for schema in _SCHEMAS:
                connection.execute(f"create schema if not exists {schema}")
            landed = [statement for contract in load_contracts().values() for statement in raw_table_ddl(contract)]
            for statement in (*QUALITY_DDL, *landed):
                connection.execute(statement)
            for table in TABLES.values():
                columns = ", ".join(f"{column.name} {column.type}" for column in (*table.columns, *STAMP))
                connection.execute(f"create table if not exists {table.name} ({columns})")
            found = connection.execute(
                "select schema_name || '.' || table_name, column_name from duckdb_columns() where not internal"
            ).fetchall()
            held = set(found)
            lacking = [
                f"{table.name}.{column.name}"
                for table in TABLES.values()
                for column in table.columns
                if (table.name, column.name) not in held
            ]
            if lacking:
                connection.rollback()
                raise self._outdated(f"lacks {len(lacking)} columns, such as {lacking[0]}")
            connection.commit()

    def _refuse_stored_raw(self, connection: duckdb.DuckDBPyConnection) -> None:
        stored = connection.execute("select count(*) from duckdb_tables() where schema_name = 'raw'").fetchall()[0][0]
        if stored:
            connection.rollback()
            raise self._outdated(f"holds tables in raw, where views of {LANDED_SCHEMA} belong")

    def _outdated(self, why: str) -> WarehouseOutdatedError:
        return WarehouseOutdatedError(
            f"{self.path} was made by an earlier version and {why}. Run `stockstrata rebuild`: it makes the warehouse "
            "again from landing."
        )

    def read(self, query: str, parameters: Sequence[Any] | dict[str, Any] | None = None) -> pd.DataFrame:
        """The result of one SELECT."""
        with self.connect(read_only=True) as connection:
            return connection.execute(query, parameters).df()

    def read_period(self, table: str, period: dt.date, *, may_be_empty: bool = False) -> pd.DataFrame:
        """One period of a table, ordered by all columns from the left, without the period and the stamps.

        Args:
            table: schema and name.
            period: first day of the period.
            may_be_empty: whether a company can do without rows of a model of dbt; our own tables tell it themselves.

        Raises:
            PlanningError: if the period holds no row and the table may not be empty.
        """
        stamps = [column.name for column in STAMP]
        frame = self.read(f"select * from {table} where period_start_date = ? order by all", [period])
        declared = TABLES.get(table)
        if frame.empty and not (may_be_empty or (declared and declared.may_be_empty)):
            raise PlanningError(
                f"{table} has no row for the period {period}: the step that fills it has not run for that period. "
                "Materialise it first, or plan the whole cycle."
            )
        return frame.drop(columns=["period_start_date", *stamps], errors="ignore")

    def replace_period(self, table: Table, frame: pd.DataFrame, period: dt.date) -> int:
        """Replace one period of one table; see `replace_periods`. Returns the rows written."""
        self.replace_periods([(table, frame)], period)
        return len(frame)

    def replace_periods(
        self, frames: Sequence[tuple[Table, pd.DataFrame]], period: dt.date, isolated: pd.DataFrame | None = None
    ) -> None:
        """Replace one period of several tables in one transaction, stamped with parameters, run and time.

        Args:
            frames: contract and rows of each table, with exactly the contract's columns, `period_start_date` left out.
            period: first day of the period.
            isolated: rows for `quality.isolated_result` to note in the same transaction: `item_id, location_id,
                table_name, reason`.

        Raises:
            PlanningError: if columns are missing or unknown, or a frame is empty and may not be.
        """
        for table, frame in frames:
            _judge_columns(table, frame, period)
        written_at = dt.datetime.now(dt.UTC).replace(tzinfo=None)
        with self.connect() as connection:
            connection.begin()
            for table, frame in frames:
                names = _own_columns(table)
                listed = ", ".join(names)
                connection.register("incoming", frame[names])
                connection.execute(f"delete from {table.name} where period_start_date = ?", [period])
                connection.execute(
                    f"insert into {table.name} (period_start_date, {listed}, parameters_version, run_id, computed_at) "
                    f"select ?, {listed}, ?, ?, ? from incoming",
                    [period, self.parameters_version, self._run_id, written_at],
                )
                connection.unregister("incoming")
            if isolated is not None and len(isolated):
                connection.register("isolated", isolated)
                connection.execute(
                    "insert into quality.isolated_result by name "
                    "select ?::date as period_start_date, item_id, location_id, table_name, reason, ? as run_id "
                    "from isolated",
                    [period, self._run_id],
                )
            connection.commit()

    def forget_isolated_results(self, periods: Sequence[dt.date]) -> None:
        """Let the item-locations whose results were implausible take part again."""
        with self.connect() as connection:
            connection.execute(
                "delete from quality.isolated_result where list_contains(?, period_start_date)", [periods]
            )

    def note_built_facts(self, first: dt.date, end: dt.date, models_hash: str) -> None:
        """Note that the facts of a window of periods were built.

        Args:
            first: first day of the window.
            end: first day after it.
            models_hash: of the dbt models that built them.
        """
        with self.connect() as connection:
            connection.execute(
                "update quality.built_facts set models_hash = ? where period_start_date >= ? and period_start_date < ?",
                [models_hash, first, end],
            )

    def unbuilt_facts(self, models_hash: str) -> list[dt.date]:
        """Periods that hold rows whose facts were not built, or were built by other models, oldest first."""
        found = self.read(
            "select period_start_date from quality.built_facts where models_hash is distinct from ? "
            "union select distinct landing_period_start_date as period_start_date from raw.demand "
            "where landing_period_start_date not in (select period_start_date from quality.built_facts) order by all",
            [models_hash],
        )
        return [period.date() for period in found["period_start_date"]]

    def is_made(self) -> bool:
        """Whether the file is there with its tables."""
        if not Path(self.path).exists():
            return False
        query = "select count(*) as n from duckdb_tables() where schema_name = 'quality' and table_name = 'load'"
        return bool(self.read(query)["n"].iloc[0])

    def content_hash(self, table: str, *, where: str = "true", leave_out: Sequence[str] = ()) -> tuple[str, int]:
        """Hash of a table's content in any row order, run columns left out, and its rows.

        Args:
            table: schema and name.
            where: condition in SQL.
            leave_out: further columns that differ between equal runs.
        """
        with self.connect(read_only=True) as connection:
            return table_hash(connection, table, where=where, leave_out=leave_out)


def hand_back(path: str) -> None:
    """Close the warehouse that a run keeps open, so that another program, such as dbt, can open it."""
    kept = _KEPT_OPEN.pop(path, None)
    if kept is not None:
        kept.close()


def _remove_unmade(file: Path) -> None:
    if file.exists() and file.stat().st_size < _LEAST_FILE_BYTES:
        file.unlink()


def raise_known_fault(path: str, text: str) -> None:
    """Raise the error that the words of DuckDB tell of; return when they tell of none.

    Args:
        path: of the warehouse.
        text: what DuckDB, or a program that used it, said.

    Raises:
        WarehouseLockedError: if another process has the file open; inside a step Dagster tries again.
        WarehouseDamagedError: if the file is no database, or what it holds cannot be read.
    """
    if "set lock on file" in text:
        raise WarehouseLockedError(path, text)
    if is_damage(text):
        raise WarehouseDamagedError(path, text)


def note_unbuilt_facts(connection: duckdb.DuckDBPyConnection, periods: Sequence[dt.date]) -> None:
    """Note in the transaction that brings rows of facts that the facts of their periods are to be built."""
    connection.execute("delete from quality.built_facts where list_contains(?::date[], period_start_date)", [periods])
    connection.execute("insert into quality.built_facts select unnest(?::date[]), null", [periods])


def _own_columns(table: Table) -> list[str]:
    return [column.name for column in table.columns if column.name != "period_start_date"]


def _judge_columns(table: Table, frame: pd.DataFrame, period: dt.date) -> None:
    names = set(_own_columns(table))
    if names != set(frame.columns):
        raise PlanningError(
            f"{table.name}: missing columns {sorted(names - set(frame.columns))}, "
            f"unknown columns {sorted(set(frame.columns) - names)}; mend the function that made the frame."
        )
    if frame.empty and not table.may_be_empty:
        raise PlanningError(f"{table.name}: no rows for the period {period}; nothing was written.")


RUN_COLUMNS = ("run_id", "computed_at", "load_id", "loaded_at")


def table_hash(
    connection: duckdb.DuckDBPyConnection, table: str, *, where: str = "true", leave_out: Sequence[str] = ()
) -> tuple[str, int]:
    """Hash of a table's content in any row order, run columns left out, and its rows."""
    described = connection.execute(f"describe select * from {table}").fetchall()
    row_text = row_text_sql([row[0] for row in described if row[0] not in leave_out])
    # A sum of row hashes needs no sort and, unlike an exclusive or, counts equal rows.
    found = connection.execute(f"select {hash_sum_sql(row_text)}, count(*) from {table} where {where}").fetchone()
    return (str(found[0]), found[1]) if found else ("", 0)


def row_text_sql(columns: Sequence[str]) -> str:
    """SQL for the text of a row that its hash is made of: its columns but those that differ between equal runs."""
    kept = [f'"{column}"' for column in columns if column not in RUN_COLUMNS]
    return " || '|' || ".join(f"coalesce({column}::varchar, '~')" for column in kept)


def hash_sum_sql(text: str) -> str:
    """SQL for a hash over the rows of a query in any order, of an SQL expression that gives each row's text."""
    halves = (f"sum(md5_number_{half}({text})::hugeint)" for half in ("upper", "lower"))
    return " || '-' || ".join(f"printf('%x', coalesce({half}, 0) % 18446744073709551557)" for half in halves)


def sql_text(value: object) -> str:
    """A value as text in SQL, quotes doubled; for statements that take no parameters."""
    return "'" + str(value).replace("'", "''") + "'"
