"""The home folder: bound to one company, with Dagster's storage in it, written by one run at a time."""

import datetime as dt
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from orchestration.resources.settings import COMPANY_FILE, PROJECT_ROOT, Settings, read_company, write_company
from stockstrata.errors import InputError

DAGSTER_YAML = """\
# Written by Stockstrata. One run at a time, and one writer in the warehouse, because DuckDB has one writing process.
concurrency:
  runs:
    max_concurrent_runs: 1
  pools:
    default_limit: 1
    granularity: op
telemetry:
  enabled: false
nux:
  enabled: false
"""
_LOCK_FILE = ".lock"
_HOLDER_FILE = ".lock-holder.json"


def prepare_home(settings: Settings) -> None:
    """Create the folders that a run needs, and Dagster's instance file, and name them in the environment."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    instance_file = settings.dagster_home / "dagster.yaml"
    if not instance_file.exists():
        instance_file.write_text(DAGSTER_YAML, encoding="utf-8")
    os.environ["STOCKSTRATA_HOME"] = str(settings.home)
    os.environ["STOCKSTRATA_REAL_DATA"] = str(settings.real_data)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)


def check_home(home: Path) -> None:
    """Make the home and try to write into it.

    Raises:
        InputError: if it is no folder or cannot be written to.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        raise InputError(
            f"{home}: cannot be used as a home ({error.strerror or error}); expected a folder that can be written to. "
            "Name another with --home or STOCKSTRATA_HOME."
        ) from None


def source_folder(argument: str) -> Path:
    """The folder that a SOURCE argument means: a path, or the name of a shipped source."""
    path = Path(argument).expanduser()
    shipped = PROJECT_ROOT / "sources" / argument
    if not path.exists() and shipped.is_dir():
        return shipped
    return path.absolute()


def bind_company(
    home: Path,
    *,
    source_name: str,
    folder: Path,
    period_type: str,
    grain: str,
    currency_code: str,
    first_period: dt.date,
    parameters: Path | None,
) -> None:
    """Write which company the home plans; an earlier first period found later widens the calendar.

    Raises:
        InputError: if the home already plans another source, or the same one with another calendar.
    """
    held = check_binding(home, source_name=source_name, period_type=period_type, grain=grain)
    known = read_company(home)
    write_company(
        home,
        known.model_copy(
            update={
                "source_name": source_name,
                "source_folder": folder,
                "period_type": period_type,
                "grain": grain,
                "currency_code": currency_code,
                "first_period_date": min(first_period, known.first_period_date) if held else first_period,
                "parameters_folder": parameters,
            }
        ),
    )


def check_binding(home: Path, *, source_name: str, period_type: str, grain: str) -> bool:
    """Whether the home is bound already.

    Raises:
        InputError: if it is bound to another source, or to the same one with another calendar.
    """
    if not (home / COMPANY_FILE).exists():
        return False
    known = read_company(home)
    wanted, found = (source_name, period_type, grain), (known.source_name, known.period_type, known.grain)
    if wanted != found:
        raise InputError(
            f"{home}: this home plans source {found[0]} (period {found[1]}, grain {found[2]}), not {wanted[0]} (period "
            f"{wanted[1]}, grain {wanted[2]}). Give each company a home of its own with --home."
        )
    return True


@contextmanager
def sole_writer(home: Path, command: str, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Hold the home's lock; while another process holds it, say once for whom we wait."""
    home.mkdir(parents=True, exist_ok=True)
    lock, holder = filelock.FileLock(home / _LOCK_FILE), home / _HOLDER_FILE
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        on_wait(_holder_text(holder))
        lock.acquire()
    try:
        started = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        holder.write_text(json.dumps({"pid": os.getpid(), "command": command, "started_at": started}), encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _holder_text(holder: Path) -> str:
    try:
        told = json.loads(holder.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "another stockstrata process"
    return f"process {told['pid']} (`{told['command']}`, since {told['started_at']})"
