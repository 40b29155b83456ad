"""Copying the marts into the file that is published: from the file before, only what has changed is written anew.

A cycle changes few of the periods that the marts hold; copying and hashing all of them each time would cost more with
every cycle. What has changed is found by comparing both files, so nothing rests on what a run says that it did.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.resources.warehouse import hand_back, hash_sum_sql, raise_known_fault, row_text_sql, sql_text
from stockstrata.errors import PlanningError

_PERIOD = "period_start_date"
_WHOLE = "whole"
_HALF_MODULUS = 18446744073709551557
_MOST_REPLACED = 0.5
"""Share of a mart's rows from which it is written as a whole: rows that are replaced leave holes in the file."""

Fingerprints = dict[str, tuple[int, str]]


@dataclass(frozen=True)
class PublishedMarts:
    """Marts of a published file.

    Attributes:
        file: the DuckDB file.
        periods: content hash and rows of each period of each mart; a mart without periods is the one period `whole`.
    """

    file: Path
    periods: Mapping[str, Mapping[str, tuple[str, int]]]

    def marts(self) -> dict[str, dict[str, str | int]]:
        """Content hash and rows of each mart."""
        return {name: _summed(periods) for name, periods in self.periods.items()}


def copy_marts(warehouse_path: str, file: Path, earlier: PublishedMarts | None) -> PublishedMarts:
    """Write the marts of the warehouse as tables and views of a new DuckDB file, with their descriptions.

    Args:
        warehouse_path: the warehouse.
        file: the file to write.
        earlier: the marts published before, to start from; None writes every row anew.

    Raises:
        PlanningError: if the warehouse holds no mart or the copy differs from its origin.
        WarehouseLockedError: if another process holds the warehouse.
        WarehouseDamagedError: if the warehouse cannot be read.
    """
    try:
        return _copy(warehouse_path, file, earlier)
    except duckdb.Error:
        if earlier is None:
            raise
        # A file that rotted must not be handed on for ever.
        file.unlink(missing_ok=True)
        return _copy(warehouse_path, file, None)


def _copy(warehouse_path: str, file: Path, earlier: PublishedMarts | None) -> PublishedMarts:
    if earlier is not None:
        shutil.copyfile(earlier.file, file)
    hand_back(warehouse_path)
    with duckdb.connect() as connection:
        try:
            connection.execute(f"attach {sql_text(warehouse_path)} as warehouse (read_only)")
        except duckdb.IOException as error:
            raise_known_fault(warehouse_path, str(error))
            raise
        connection.execute(f"attach {sql_text(file)} as snapshot")
        connection.execute("create schema if not exists snapshot.marts")
        names = _tables(connection, "warehouse")
        if not names:
            raise PlanningError("The warehouse holds no mart; materialise the group marts before publishing.")
        gone = [name for name in _tables(connection, "snapshot") if name not in names]
        for name in gone:
            connection.execute(f"drop table snapshot.marts.{name}")
        known = earlier.periods if earlier is not None else {}
        periods = {name: _copy_mart(connection, name, known.get(name)) for name in names}
        _describe(connection)
    # Opened by its own name the file is the catalog marts, so that marts.fct_policy could mean a catalog or a schema
    # and DuckDB refuses it; plain names work through these views.
    with duckdb.connect(str(file)) as connection:
        for name in gone:
            connection.execute(f"drop view marts.main.{name}")
        for name in names:
            connection.execute(f"create or replace view marts.main.{name} as from marts.marts.{name}")
    return PublishedMarts(file, periods)


def _tables(connection: duckdb.DuckDBPyConnection, database: str) -> list[str]:
    """Marts of a database; one that is a view there is published as a table like the others."""
    rows = connection.execute(
        "select table_name as name from duckdb_tables() where database_name = $database and schema_name = 'marts' "
        "union all "
        "select view_name as name from duckdb_views() where database_name = $database and schema_name = 'marts' "
        "order by all",
        {"database": database},
    ).fetchall()
    return [name for (name,) in rows]


def _copy_mart(
    connection: duckdb.DuckDBPyConnection, name: str, known: Mapping[str, tuple[str, int]] | None
) -> dict[str, tuple[str, int]]:
    origin, copy = f"warehouse.marts.{name}", f"snapshot.marts.{name}"
    columns = _columns(connection, origin)
    wanted = _fingerprints(connection, origin, columns)
    held = _fingerprints(connection, copy, columns) if known and _columns(connection, copy) == columns else {}
    # A period that cannot be told apart from the one published before keeps the hash that was worked out then.
    same = {period for period, found in wanted.items() if known and period in known and held.get(period) == found}
    replaced = sum(rows for period, (rows, _) in wanted.items() if period not in same)
    is_same = set(held) | set(wanted) == same
    if not same or replaced > _MOST_REPLACED * sum(rows for rows, _ in wanted.values()):
        connection.execute(f"create or replace table {copy} as from {origin} order by all")
    elif not is_same:
        others = f"{_period_of(columns)} not in ({', '.join(map(sql_text, sorted(same)))})"
        connection.execute(f"delete from {copy} where {others}")
        connection.execute(f"insert into {copy} from {origin} where {others} order by all")
    if not is_same and _fingerprints(connection, copy, columns) != wanted:
        raise PlanningError(f"marts.{name}: the copy differs from the warehouse; publish again.")
    anew = _contents(connection, copy, columns, sorted(set(wanted) - same))
    return {period: anew[period] if period in anew else (known or {})[period] for period in sorted(wanted)}


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, str]]:
    try:
        return [(row[0], row[1]) for row in connection.execute(f"describe {table}").fetchall()]
    except duckdb.CatalogException:
        return []


def _period_of(columns: list[tuple[str, str]]) -> str:
    """SQL of the period that a row belongs to, as text."""
    has_periods = (_PERIOD, "DATE") in columns
    return f"coalesce({_PERIOD}::varchar, {sql_text(_WHOLE)})" if has_periods else sql_text(_WHOLE)


def _fingerprints(connection: duckdb.DuckDBPyConnection, table: str, columns: list[tuple[str, str]]) -> Fingerprints:
    """Rows of each period and a sum of their hashes, run columns included: alike only where every value is alike."""
    listed = ", ".join(f'"{name}"' for name, _ in columns)
    rows = connection.execute(
        f"select {_period_of(columns)} as period, count(*), sum(hash({listed}))::varchar from {table} group by all"
    ).fetchall()
    return {period: (count, total) for period, count, total in rows}


def _contents(
    connection: duckdb.DuckDBPyConnection, table: str, columns: list[tuple[str, str]], periods: list[str]
) -> dict[str, tuple[str, int]]:
    """Content hash and rows of some periods."""
    if not periods:
        return {}
    text = row_text_sql([name for name, _ in columns])
    rows = connection.execute(
        f"select {_period_of(columns)} as period, {hash_sum_sql(text)}, count(*) from {table} "
        "where list_contains(?, period) group by all",
        [periods],
    ).fetchall()
    return {period: (content, count) for period, content, count in rows}


def _summed(periods: Mapping[str, tuple[str, int]]) -> dict[str, str | int]:
    """Hash of a whole mart from those of its periods: both are sums over rows."""
    halves = [[int(half, 16) for half in content.split("-")] for content, _ in periods.values()]
    totals = [sum(column) % _HALF_MODULUS for column in zip(*halves, strict=True)] or [0, 0]
    return {
        "content_hash": "-".join(f"{total:x}" for total in totals),
        "row_count": sum(rows for _, rows in periods.values()),
    }


_COMMENTS = """
    select 'table' as kind, table_name as name, comment from duckdb_tables()
    where database_name = {database} and schema_name = 'marts' and comment is not null
    union all
    select 'table', view_name, comment from duckdb_views()
    where database_name = {database} and schema_name = 'marts' and comment is not null
    union all
    select 'column', table_name || '."' || column_name || '"', comment from duckdb_columns()
    where database_name = {database} and schema_name = 'marts' and comment is not null
"""


def _describe(connection: duckdb.DuckDBPyConnection) -> None:
    """Write the descriptions that the copy does not have yet."""
    of_warehouse, of_copy = (_COMMENTS.format(database=sql_text(name)) for name in ("warehouse", "snapshot"))
    lacking = connection.execute(f"({of_warehouse}) except ({of_copy})").fetchall()
    if lacking:
        statements = (
            f"comment on {kind} snapshot.marts.{name} is {sql_text(comment)}" for kind, name, comment in lacking
        )
        connection.execute("begin; " + "; ".join(statements) + "; commit")
