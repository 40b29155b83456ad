"""The DuckDB connections of this package: one locked to a source's folders, one for the package's own work."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from data_quality import select_worker
from data_quality.problems import input_problem
from data_quality.source import ReadLimits, Source, refuse_link_to_outside
from stockstrata.errors import InputError

_INTERRUPT_SECONDS = 0.5


@contextmanager
def locked_connection(source: Source, limits: ReadLimits) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory connection that can read the source's folders and nothing else.

    SQL finds the folders as `getvariable('data')`, `getvariable('source')` and `getvariable('unpacked')`.
    """
    with select_worker.connection_locked_to(_readable_folders(source), limits.memory_mb) as connection:
        yield connection


def open_work_connection(write_to: Path | None = None) -> duckdb.DuckDBPyConnection:
    """An in-memory connection for set-based work on frames.

    It reaches no network, and no file outside the folder that it may write to.
    """
    connection = duckdb.connect(":memory:", config={"autoload_known_extensions": "false", "threads": "2"})
    connection.execute("SET TimeZone = 'UTC'")
    if write_to is not None:
        folder = str(write_to).replace("'", "''")
        connection.execute(f"SET allowed_directories = ['{folder}']")
    connection.execute("SET enable_external_access = false")
    return connection


@contextmanager
def work_connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A work connection that is closed at the end and writes nowhere."""
    connection = open_work_connection()
    try:
        yield connection
    finally:
        connection.close()


def run_limited(connection: duckdb.DuckDBPyConnection, query: str, path: Path, limits: ReadLimits) -> pa.Table:
    """The result of a query of ours, stopped when it takes longer or grows larger than the limits.

    Raises:
        InputError: names the file, the limit or DuckDB's own message.
    """
    done = threading.Event()
    overtime = threading.Event()

    def interrupt() -> None:
        # An interrupt that comes before the query runs is lost, so it is repeated.
        if not done.wait(limits.seconds):
            overtime.set()
        while not done.wait(_INTERRUPT_SECONDS):
            connection.interrupt()

    watcher = threading.Thread(target=interrupt, daemon=True)
    watcher.start()
    try:
        reader = connection.execute(query).to_arrow_reader(select_worker.BATCH_ROWS)
        return _table(reader.schema, reader, path, limits)
    # Arrow hands on what DuckDB raises in the middle of a result as OSError.
    except (duckdb.Error, pa.ArrowException, UnicodeDecodeError, OSError) as error:
        if overtime.is_set():
            raise _too_long(path, limits) from None
        raise _fault(path, " ".join(str(error).split())[:400]) from None
    finally:
        done.set()
        watcher.join()


def run_select(source: Source, query: str, path: Path, limits: ReadLimits) -> pa.Table:
    """The result of a SELECT that somebody else wrote, run in a process that is held to time and memory.

    Raises:
        InputError: names the file, the limit or DuckDB's own message.
    """
    order = {"query": query, "folders": _readable_folders(source), **limits.model_dump()}
    command = [sys.executable, "-I", select_worker.__file__]
    overtime = threading.Event()
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as worker:

        def end() -> None:
            overtime.set()
            worker.kill()

        clock = threading.Timer(limits.seconds, end)
        clock.daemon = True
        clock.start()
        try:
            found = _received(worker, json.dumps(order).encode(), path, limits)
            told = worker.stderr.read().decode(errors="replace") if worker.stderr else ""
            code = worker.wait()
        except BaseException:
            worker.kill()
            raise
        finally:
            clock.cancel()
    if overtime.is_set():
        raise _too_long(path, limits)
    # A result counts only when the process says that it was whole.
    if found is None or code != 0:
        raise _worker_fault(path, limits, told, code)
    return found


def _received(worker: "subprocess.Popen[bytes]", order: bytes, path: Path, limits: ReadLimits) -> pa.Table | None:
    """What the process sends; None where it breaks off."""
    if worker.stdin is None or worker.stdout is None:
        raise ValueError("the process was started without pipes")
    try:
        with worker.stdin as pipe:
            pipe.write(order)
        with pa.ipc.open_stream(worker.stdout) as stream:
            return _table(stream.schema, stream, path, limits)
    except (pa.ArrowException, OSError):
        return None


def _table(schema: pa.Schema, reader: Iterable[pa.RecordBatch], path: Path, limits: ReadLimits) -> pa.Table:
    batches, size = [], 0
    for batch in reader:
        size += batch.nbytes
        if size > limits.memory_mb * 1024 * 1024:
            raise _too_large(path, limits)
        batches.append(batch)
    return pa.Table.from_batches(batches, schema=schema)


def _worker_fault(path: Path, limits: ReadLimits, told: str, code: int) -> InputError:
    try:
        fault = json.loads(told)
    except ValueError:
        return _fault(path, f"the process that read it ended with code {code}: {' '.join(told.split())[-300:]}")
    return _too_large(path, limits) if fault["is_memory"] else _fault(path, fault["message"])


def _fault(path: Path, message: str) -> InputError:
    return input_problem(
        path,
        found=f"a fault ({message})",
        expected="a file or a SELECT that can be read inside the source's folders",
        next_step="Mend it and try again.",
    )


def _too_long(path: Path, limits: ReadLimits) -> InputError:
    return input_problem(
        path,
        found=f"a query that ran longer than {limits.seconds:g} seconds",
        expected="a query that ends in time",
        next_step="Simplify it, or give it more by `limits: {seconds: N}` in source.yaml.",
    )


def _too_large(path: Path, limits: ReadLimits) -> InputError:
    return input_problem(
        path,
        found=f"a query or result that needs more than {limits.memory_mb} MB",
        expected="a result that fits in memory",
        next_step="Keep fewer rows or columns, or allow more by `limits: {memory_mb: N}` in source.yaml.",
    )


def _readable_folders(source: Source) -> dict[str, str]:
    """The source's folders by name.

    Raises:
        InputError: a link in one of them leads out of all of them; DuckDB compares names and follows links.
    """
    folders = {"source": source.folder, "data": source.data_folder, "unpacked": source.unpacked_folder}
    present = {name: folder for name, folder in folders.items() if folder is not None}
    for folder in present.values():
        for path in folder.rglob("*"):
            refuse_link_to_outside(path, present.values())
    return {name: str(folder) for name, folder in present.items()}
