"""Faults of disk, rights and processes, told in words: what happened, where, and what to do about it.

The same fault reaches us as an error of the operating system, of DuckDB, of SQLite or as text that dbt wrote, so it is
recognised by its words.
"""

import re
from dataclasses import dataclass
from pathlib import Path

_QUOTED_PATH = re.compile(r"""["'](/[^"']+)["']""")
_PROCESS = re.compile(r"Conflicting lock is held in (.+?)(?: \(PID (\d+)\))")
_DAMAGED = re.compile(
    r"not a valid duckdb database file|corrupt database file|could not read enough bytes|failure while replaying wal",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Fault:
    words: re.Pattern[str]
    told: str


_FAULTS = (
    _Fault(
        re.compile(r"no space left on device|disk is full|disk quota exceeded|file too large", re.IGNORECASE),
        "There is no room left to write {path}. Free some space there (`df -h {folder}` shows how much is left), then "
        "run again: the run takes up what is missing, and what was published before is still in force.",
    ),
    _Fault(
        re.compile(r"read-only file system|permission denied|operation not permitted|readonly database", re.IGNORECASE),
        "{path} cannot be written to. Make it writable for this user (`ls -ld {folder}`, `mount` show why it is not), "
        "or name another home with --home, then run again.",
    ),
    _Fault(
        _DAMAGED,
        "{path} is damaged. If it is the warehouse, run `stockstrata rebuild`: it makes the warehouse again from "
        "landing, beside the damaged one. If it is a published snapshot, run `stockstrata publish --rollback`.",
    ),
    _Fault(
        re.compile(r"disk i/o error", re.IGNORECASE),
        "Dagster's run history below {path} could not be written. Mostly there is no room left on the disk "
        "(`df -h {folder}`), else the disk does not answer as it should (`dmesg`). Mend that, then run again: the run "
        "takes up what is missing, and what was published before is still in force.",
    ),
    _Fault(
        re.compile(r"input/output error|stale file handle|transport endpoint is not connected", re.IGNORECASE),
        "The disk that holds {path} does not answer as it should. Look at the system's log (`dmesg`) and at the mount, "
        "then run again.",
    ),
    _Fault(
        re.compile(r"database disk image is malformed|file is not a database", re.IGNORECASE),
        "Dagster's run history below {path} is damaged. Move the folder `dagster` of the home away and run again: the "
        "history of runs is lost, the tables are not.",
    ),
    _Fault(
        re.compile(r"process pool was terminated abruptly|was killed by signal 9", re.IGNORECASE),
        "The system killed a process of this run, which it does when memory runs out. Free memory or close other "
        "programs, then run again: nothing of the step was written.",
    ),
)


def advice(text: str, home: Path) -> str | None:
    """What to do about a fault that a text tells of; None where it tells of none that we know.

    Args:
        text: message of an error, of whatever library.
        home: named where the text names no path.
    """
    lock = _PROCESS.search(text)
    if lock:
        return (
            f"Process {lock[2]} ({lock[1]}) has the warehouse open. Close it, or let it read "
            f"{home / 'published' / 'current' / 'marts.duckdb'} instead, then run again."
        )
    for fault in _FAULTS:
        line = next((line for line in text.splitlines() if fault.words.search(line)), None)
        if line is not None:
            named = _QUOTED_PATH.search(line)
            path = Path(named[1]) if named else home
            return fault.told.format(path=path, folder=path.parent if named else path)
    return None


def is_damage(text: str) -> bool:
    """Whether an error of DuckDB tells of a file that is no longer a database."""
    return bool(_DAMAGED.search(text))
