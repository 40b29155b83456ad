"""The DuckDB connections of this package: one locked to a source's folders, one for the package's own work."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from data_quality.problems import input_problem
from data_quality.source import Source

_BATCH_ROWS = 100_000


class ReadLimits(BaseModel):
    """What reading one entity may take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: float = Field(default=300, gt=0)
    memory_mb: int = Field(default=4096, ge=64)


@contextmanager
def locked_connection(source: Source, limits: ReadLimits) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory connection that can read the source's folders and nothing else.

    SQL finds the folders as `getvariable('data')`, `getvariable('source')` and `getvariable('unpacked')`.
    """
    folders = {"source": source.folder, "data": source.data_folder, "unpacked": source.unpacked_folder}
    present = {name: folder for name, folder in folders.items() if folder is not None}
    for folder in present.values():
        _refuse_links_to_outside(folder, list(present.values()))
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        # One thread gives one result order, so row numbers are the same in every run.
        "threads": "1",
        "memory_limit": f"{limits.memory_mb}MB",
    }
    connection = duckdb.connect(":memory:", config=config)
    try:
        connection.execute("SET temp_directory = ''")
        connection.execute("SET TimeZone = 'UTC'")
        allowed = ", ".join(_literal(folder) for folder in present.values())
        connection.execute(f"SET allowed_directories = [{allowed}]")
        for name, folder in present.items():
            connection.execute(f"SET VARIABLE {name} = {_literal(folder)}")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection
    finally:
        connection.close()


@contextmanager
def work_connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory connection for set-based work on frames; it reaches no file and no network."""
    connection = duckdb.connect(":memory:", config={"autoload_known_extensions": "false", "threads": "2"})
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_external_access = false")
        yield connection
    finally:
        connection.close()


def run_limited(connection: duckdb.DuckDBPyConnection, query: str, path: Path, limits: ReadLimits) -> pa.Table:
    """The result of a query, stopped when it takes longer or grows larger than the limits.

    Raises:
        InputError: names the file, the limit or DuckDB's own message.
    """
    timer = threading.Timer(limits.seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        return _fetch(connection, query, path, limits)
    except duckdb.InterruptException:
        raise input_problem(
            path,
            found=f"a query that ran longer than {limits.seconds:g} seconds",
            expected="a query that ends in time",
            next_step="Simplify it, or raise the limit.",
        ) from None
    except (duckdb.Error, pa.ArrowException, UnicodeDecodeError) as error:
        raise input_problem(
            path,
            found=f"a fault ({' '.join(str(error).split())[:400]})",
            expected="a file or a SELECT that can be read inside the source's folders",
            next_step="Mend it and try again.",
        ) from None
    finally:
        timer.cancel()


def _fetch(connection: duckdb.DuckDBPyConnection, query: str, path: Path, limits: ReadLimits) -> pa.Table:
    reader = connection.execute(query).to_arrow_reader(_BATCH_ROWS)
    batches, size = [], 0
    for batch in reader:
        size += batch.nbytes
        if size > limits.memory_mb * 1024 * 1024:
            raise input_problem(
                path,
                found=f"a result above {limits.memory_mb} MB",
                expected="a result that fits in memory",
                next_step="Let the SELECT keep fewer rows or columns, or raise the limit.",
            )
        batches.append(batch)
    return pa.Table.from_batches(batches, schema=reader.schema)


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _refuse_links_to_outside(folder: Path, allowed: list[Path]) -> None:
    """DuckDB compares names and follows links, so a link could lead out of the folders."""
    for path in folder.rglob("*"):
        if path.is_symlink() and not any(path.resolve().is_relative_to(root.resolve()) for root in allowed):
            raise input_problem(
                path,
                found=f"a link to {path.resolve()}",
                expected="files inside the source's folders",
                next_step="Copy the file there, or name its folder as `data` in source.yaml.",
            )
