"""Runs one SELECT in a process of its own: `python select_worker.py`, the order as JSON on stdin, Arrow on stdout.

DuckDB's own memory limit covers its buffers and not the values inside an expression, and an interrupt waits for the
expression to end: `list_sum(range(2000000000))` takes 16 GB and a minute whatever the limits are. Only a process can
be held to both. This file imports nothing of the package, so that it starts quickly.
"""

import json
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import duckdb
import pyarrow as pa

BATCH_ROWS = 100_000
FAULT_CODE = 3
# The interpreter, its libraries and their reserved memory, beside what the query may take.
_OWN_MEMORY_MB = 1024
# DuckDB counts its buffers; what it allocates beside them is about as large again.
_MEMORY_FACTOR = 2


@contextmanager
def connection_locked_to(folders: Mapping[str, str], memory_mb: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory connection that can read some folders and nothing else.

    Args:
        folders: path by name; SQL finds them as `getvariable('<name>')`.
        memory_mb: memory for DuckDB's buffers.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        # One thread gives one result order, so row numbers are the same in every run.
        "threads": "1",
        "memory_limit": f"{memory_mb}MB",
    }
    connection = duckdb.connect(":memory:", config=config)
    try:
        connection.execute("SET temp_directory = ''")
        connection.execute("SET TimeZone = 'UTC'")
        # A SELECT finds data in files alone, not in variables of this program.
        connection.execute("SET python_enable_replacements = false")
        connection.execute(f"SET allowed_directories = [{', '.join(map(_literal, folders.values()))}]")
        for name, folder in folders.items():
            connection.execute(f"SET VARIABLE {name} = {_literal(folder)}")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection
    finally:
        connection.close()


def main() -> int:
    """Run the order given on stdin; a fault goes to stderr as one line of JSON."""
    order = json.load(sys.stdin)
    _limit(order["seconds"], order["memory_mb"])
    try:
        with connection_locked_to(order["folders"], order["memory_mb"]) as connection:
            reader = connection.execute(order["query"]).to_arrow_reader(BATCH_ROWS)
            stream = pa.ipc.new_stream(sys.stdout.buffer, reader.schema)
            for batch in reader:
                stream.write_batch(batch)
            # Closed after the last batch alone: a result that breaks off must not look whole.
            stream.close()
    except BrokenPipeError:
        return FAULT_CODE
    # Arrow hands on what DuckDB raises in the middle of a result as OSError.
    except (duckdb.Error, pa.ArrowException, OSError, UnicodeDecodeError, MemoryError) as error:
        is_memory = isinstance(error, MemoryError | duckdb.OutOfMemoryException) or "Out of Memory" in str(error)
        json.dump({"is_memory": is_memory, "message": " ".join(str(error).split())[:400]}, sys.stderr)
        return FAULT_CODE
    return 0


def _limit(seconds: float, memory_mb: int) -> None:
    """Hold this process to its memory, and to its time even if nobody is left who would end it."""
    # Windows has no such limits, and macOS not all; DuckDB's own and the caller's clock hold everywhere.
    with suppress(ImportError, OSError, ValueError):
        import resource

        limits = {
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_CPU: math.ceil(seconds) + 5,
            resource.RLIMIT_DATA: (memory_mb * _MEMORY_FACTOR + _OWN_MEMORY_MB) * 1024 * 1024,
        }
        for kind, wanted in limits.items():
            _, most = resource.getrlimit(kind)
            limit = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
            resource.setrlimit(kind, (limit, limit))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


if __name__ == "__main__":
    sys.exit(main())
