"""How SQLite keeps Dagster's run history: nothing is lost when a process dies, and no event waits for the disk.

Dagster opens a connection for every event and closes it again. SQLite then waits for the disk at each commit, and moves
its log into the file, waiting twice more, at each close: a cycle of some thousand events spends more time there than in
all its queries. With `synchronous = NORMAL` and a log that is kept, a commit is safe from a process that dies and the
file from a machine that dies, which may lose the newest events of the history; see https://sqlite.org/pragma.html and
https://sqlite.org/wal.html. Plans do not stand in it.
"""

import os
import sqlite3
from collections import OrderedDict
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine, event

_FILE = "stockstrata_file"
# Run index, runs, schedules, and the runs that a process has lately worked on.
_MOST_KEPT = 8
# By file, a connection that does nothing: while it is open, none that Dagster closes is the last one.
_KEPT: OrderedDict[str, sqlite3.Connection] = OrderedDict()


def quicken_run_history() -> None:
    """Let every SQLite file that Dagster opens in this process be written as the module tells; may be called again."""
    for name, listener in (("connect", _on_connect), ("checkin", _on_checkin)):
        if not event.contains(Engine, name, listener):
            event.listen(Engine, name, listener)


def _on_connect(connection: Any, record: Any) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.execute("pragma synchronous = normal")
    (_, _, file) = connection.execute("pragma database_list").fetchone()
    if file:
        record.info[_FILE] = file
        _keep_open(file)


def _on_checkin(connection: Any, record: Any) -> None:
    """Touch a file that was written to: Dagster's pages follow a run by it, and its events stand in the log."""
    # None after a connection that broke. Whoever only reads must not wake those who then read.
    if _FILE in record.info and connection is not None and connection.total_changes:
        with suppress(OSError):
            os.utime(record.info[_FILE])


def _keep_open(file: str) -> None:
    kept = _KEPT.pop(file, None) or sqlite3.connect(file, check_same_thread=False)
    try:
        # Only a connection that has read since the file got its log holds it.
        kept.execute("select count(*) from sqlite_master").fetchone()
    except sqlite3.Error:
        # A file that cannot be read is Dagster's to tell of.
        kept.close()
        return
    _KEPT[file] = kept
    while len(_KEPT) > _MOST_KEPT:
        _, oldest = _KEPT.popitem(last=False)
        oldest.close()
