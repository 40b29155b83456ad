"""The only door to the DuckDB warehouse: short connections, one period replaced in one transaction."""

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd
from pydantic import PrivateAttr

from data_quality.contracts import load_contracts, raw_table_ddl
from stockstrata.errors import PlanningError, StockstrataError
from stockstrata.tables import STAMP, TABLES, Table

OPEN_END = "9999-12-31"
_SCHEMAS = ("raw", "quality", "segmentation", "forecast", "policy", "audit")
QUALITY_DDL = (
    """create table if not exists quality.load (
        load_id varchar, entity_name varchar, source_name varchar, file_name varchar, file_hash varchar,
        loaded_at timestamp, landed_row_count bigint, accepted_row_count bigint, quarantined_row_count bigint,
        new_row_count bigint, changed_row_count bigint, unchanged_row_count bigint, late_row_count bigint,
        first_event_date date, last_event_date date)""",
    """create table if not exists quality.quarantine (
        load_id varchar, entity_name varchar, file_name varchar, row_number bigint, column_name varchar,
        clause_name varchar, severity_code varchar, found_value varchar, expected_text varchar, reason varchar,
        row_json varchar, loaded_at timestamp)""",
    """create table if not exists quality.clause_result (
        load_id varchar, entity_name varchar, clause_name varchar, column_name varchar, severity_code varchar,
        checked_row_count bigint, failed_row_count bigint, is_passed boolean, loaded_at timestamp)""",
)


class WarehouseLockedError(dg.RetryRequested, StockstrataError):
    """Another process has the warehouse open: the one fault that a step waits out and tries again."""

    def __init__(self, path: str, cause: str) -> None:
        super().__init__(max_retries=3, seconds_to_wait=5)
        self.path, self.cause = path, cause

    def __str__(self) -> str:
        return (
            f"The warehouse {self.path} is locked by another program ({self.cause}). Close that program, or query the "
            "published snapshot instead of the warehouse, and run again."
        )


class Warehouse(dg.ConfigurableResource):
    """DuckDB file with one writing process; readers of marts never come here but to the published snapshot."""

    path: str
    parameters_version: str = ""
    _run_id: str = PrivateAttr(default="")

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Remember the run, which every written row is stamped with."""
        self._run_id = context.run_id or ""

    @contextmanager
    def connect(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """One short connection.

        Raises:
            WarehouseLockedError: if another process holds the file; inside a step Dagster tries again.
        """
        Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        try:
            connection = duckdb.connect(self.path, read_only=read_only)
        except duckdb.IOException as error:
            if "lock" in str(error).lower():
                raise WarehouseLockedError(self.path, str(error)) from error
            raise
        try:
            connection.execute("set timezone = 'UTC'")
            yield connection
        finally:
            connection.close()

    def create_tables(self) -> None:
        """Create the schemas and all tables that Python writes, where they are missing."""
        with self.connect() as connection:
            connection.begin()
            for schema in _SCHEMAS:
                connection.execute(f"create schema if not exists {schema}")
            for contract in load_contracts().values():
                connection.execute(raw_table_ddl(contract))
            for statement in QUALITY_DDL:
                connection.execute(statement)
            for table in TABLES.values():
                columns = ", ".join(f"{column.name} {column.type}" for column in (*table.columns, *STAMP))
                connection.execute(f"create table if not exists {table.name} ({columns})")
            connection.commit()

    def read(self, query: str, parameters: Sequence[Any] | dict[str, Any] | None = None) -> pd.DataFrame:
        """The result of one SELECT."""
        with self.connect(read_only=True) as connection:
            return connection.execute(query, parameters).df()

    def read_period(self, table: str, period: dt.date) -> pd.DataFrame:
        """One period of a table, ordered by all columns from the left, without the period and the stamps.

        Raises:
            PlanningError: if the period holds no row and the table may not be empty.
        """
        stamps = [column.name for column in STAMP]
        frame = self.read(f"select * from {table} where period_start_date = ? order by all", [period])
        declared = TABLES.get(table)
        if frame.empty and not (declared and declared.may_be_empty):
            raise PlanningError(
                f"{table} has no row for the period {period}: the step that fills it has not run for that period. "
                "Materialise it first, or plan the whole cycle."
            )
        return frame.drop(columns=["period_start_date", *stamps], errors="ignore")

    def replace_period(self, table: Table, frame: pd.DataFrame, period: dt.date) -> int:
        """Replace one period of a table in one transaction, stamped with parameters, run and time.

        Args:
            table: contract of the table.
            frame: the rows, with exactly the contract's columns, `period_start_date` left out.
            period: first day of the period.

        Returns:
            Rows written.

        Raises:
            PlanningError: if columns are missing or unknown, or the frame is empty and may not be.
        """
        names = [column.name for column in table.columns if column.name != "period_start_date"]
        if set(names) != set(frame.columns):
            raise PlanningError(
                f"{table.name}: missing columns {sorted(set(names) - set(frame.columns))}, "
                f"unknown columns {sorted(set(frame.columns) - set(names))}; mend the function that made the frame."
            )
        if frame.empty and not table.may_be_empty:
            raise PlanningError(f"{table.name}: no rows for the period {period}; nothing was written.")
        incoming = frame[names]
        with self.connect() as connection:
            connection.register("incoming", incoming)
            connection.begin()
            connection.execute(f"delete from {table.name} where period_start_date = ?", [period])
            listed = ", ".join(names)
            connection.execute(
                f"insert into {table.name} (period_start_date, {listed}, parameters_version, run_id, computed_at) "
                f"select ?, {listed}, ?, ?, ? from incoming",
                [period, self.parameters_version, self._run_id, dt.datetime.now(dt.UTC).replace(tzinfo=None)],
            )
            connection.commit()
        return len(incoming)

    def content_hash(self, table: str, *, where: str = "true", leave_out: Sequence[str] = ()) -> tuple[str, int]:
        """Hash of a table's content in any row order, run columns left out, and its rows.

        Args:
            table: schema and name.
            where: condition in SQL.
            leave_out: further columns that differ between equal runs.
        """
        with self.connect(read_only=True) as connection:
            return table_hash(connection, table, where=where, leave_out=leave_out)


RUN_COLUMNS = ("run_id", "computed_at", "load_id", "loaded_at")


def table_hash(
    connection: duckdb.DuckDBPyConnection, table: str, *, where: str = "true", leave_out: Sequence[str] = ()
) -> tuple[str, int]:
    """Hash of a table's content in any row order, run columns left out, and its rows."""
    described = connection.execute(f"describe select * from {table}").fetchall()
    kept = [f'"{row[0]}"' for row in described if row[0] not in {*RUN_COLUMNS, *leave_out}]
    row_text = " || '|' || ".join(f"coalesce({column}::varchar, '~')" for column in kept)
    # A sum of row hashes needs no sort and, unlike an exclusive or, counts equal rows.
    found = connection.execute(f"select {hash_sum_sql(row_text)}, count(*) from {table} where {where}").fetchone()
    return (str(found[0]), found[1]) if found else ("", 0)


def hash_sum_sql(text: str) -> str:
    """SQL for a hash over the rows of a query in any order, of an SQL expression that gives each row's text."""
    halves = (f"sum(md5_number_{half}({text})::hugeint)" for half in ("upper", "lower"))
    return " || '-' || ".join(f"printf('%x', coalesce({half}, 0) % 18446744073709551557)" for half in halves)


def sql_text(value: object) -> str:
    """A value as text in SQL, quotes doubled; for statements that take no parameters."""
    return "'" + str(value).replace("'", "''") + "'"
