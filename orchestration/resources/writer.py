"""One writer at a time in a home, whether it came from the command line or from Dagster.

The lock is the operating system's, so it goes with the process that holds it, however that ends. Who holds it stands in
a file beside it: the next writer that gets the lock and still finds that file knows that the one before it died.
"""

import datetime as dt
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
from pydantic import BaseModel, ConfigDict, ValidationError

_LOCK_FILE = ".lock"
_HOLDER_FILE = ".lock-holder.json"
_RUNNING_FOLDER = ".running"
_POLL_SECONDS = 0.5
# The home that this process holds: what it does in a scratch home inside it happens in the same turn.
_held: list[Path] = []


class Writer(BaseModel):
    """Who writes: a process, what it was told to do, and the Dagster run that it executes at the moment."""

    model_config = ConfigDict(frozen=True)

    pid: int
    command: str
    started_at: dt.datetime
    run_id: str | None = None

    def __str__(self) -> str:
        return f"process {self.pid} (`{self.command}`, since {self.started_at:%H:%M} UTC)"


@contextmanager
def sole_writer(
    home: Path, command: str, on_wait: Callable[[str], None], *, run_id: str | None = None
) -> Iterator[Writer | None]:
    """Hold the home's lock; a process that holds it already goes on under it.

    Args:
        home: the home.
        command: what the writer does, for those who wait for it.
        on_wait: told for whom we wait, again whenever it is another.
        run_id: the Dagster run that the writer executes.

    Yields:
        The writer before, when it died without giving the lock back.
    """
    if _held:
        _note_run(_held[0] / _HOLDER_FILE, run_id)
        yield None
        return
    home.mkdir(parents=True, exist_ok=True)
    lock, holder = filelock.FileLock(home / _LOCK_FILE), home / _HOLDER_FILE
    _acquire(lock, holder, on_wait)
    _held.append(home)
    try:
        fallen = _read(holder)
        _note(holder, Writer(pid=os.getpid(), command=command, started_at=dt.datetime.now(dt.UTC), run_id=run_id))
        yield fallen
    finally:
        _held.clear()
        holder.unlink(missing_ok=True)
        lock.release()


def current_writer(home: Path) -> tuple[Writer | None, bool]:
    """Who wrote last without saying that it had finished, and whether it is still at it."""
    found, file = _read(home / _HOLDER_FILE), home / _LOCK_FILE
    if found is None or not file.exists():
        return None, False
    try:
        with filelock.FileLock(file).acquire(timeout=0):
            return found, False
    except filelock.Timeout:
        return found, True


@contextmanager
def running(home: Path, run_id: str) -> Iterator[None]:
    """Show for as long as this process lives that it executes a Dagster run."""
    lock = _run_lock(_held[0] if _held else home, run_id)
    file, is_shown = Path(lock.lock_file), lock.is_locked
    file.parent.mkdir(parents=True, exist_ok=True)
    with lock:
        try:
            yield
        finally:
            if not is_shown:
                file.unlink(missing_ok=True)


def is_running(home: Path, run_id: str) -> bool | None:
    """Whether a living process executes a Dagster run; None when it never showed."""
    lock = _run_lock(home, run_id)
    if lock.is_locked:
        return True
    file = Path(lock.lock_file)
    if not file.exists():
        return None
    try:
        with lock.acquire(timeout=0):
            file.unlink(missing_ok=True)
    except filelock.Timeout:
        return True
    return False


def remove_marks_of_dead_runs(home: Path) -> None:
    """Remove what `running` left behind of processes that died."""
    for file in (home / _RUNNING_FOLDER).glob("*.lock"):
        is_running(home, file.stem)


def _run_lock(home: Path, run_id: str) -> filelock.BaseFileLock:
    return filelock.FileLock(home / _RUNNING_FOLDER / f"{run_id}.lock", is_singleton=True, thread_local=False)


def _acquire(lock: filelock.BaseFileLock, holder: Path, on_wait: Callable[[str], None]) -> None:
    told, seconds = None, 0.0
    while True:
        try:
            lock.acquire(timeout=seconds)
        except filelock.Timeout:
            found = str(_read(holder) or "another process")
            # A writer that has just got the lock has not said yet who it is.
            if found != told and seconds:
                on_wait(found)
                told = found
            seconds = _POLL_SECONDS
        else:
            return


def _note_run(holder: Path, run_id: str | None) -> None:
    """Name the Dagster run that the holder executes from now on."""
    held = _read(holder)
    if held is not None and run_id is not None:
        _note(holder, held.model_copy(update={"run_id": run_id}))


def _note(holder: Path, writer: Writer) -> None:
    draft = holder.with_name(f"{holder.name}.{os.getpid()}")
    draft.write_text(writer.model_dump_json(), encoding="utf-8")
    draft.replace(holder)


def _read(holder: Path) -> Writer | None:
    try:
        return Writer.model_validate_json(holder.read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None
