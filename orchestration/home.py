"""The home folder: bound to one company, with Dagster's storage in it, written by one run at a time."""

import datetime as dt
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from orchestration.resources.landing import has_loads
from orchestration.resources.recovery import clear_remains
from orchestration.resources.run_history import quicken_run_history
from orchestration.resources.settings import COMPANY_FILE, PROJECT_ROOT, Settings, read_company, write_company
from orchestration.resources.warehouse import Warehouse
from orchestration.resources.writer import sole_writer
from stockstrata.errors import InputError, StockstrataError

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


def prepare_home(settings: Settings) -> None:
    """Create the folders that a run needs, and Dagster's instance file, and name them in the environment."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    instance_file = settings.dagster_home / "dagster.yaml"
    if not instance_file.exists():
        instance_file.write_text(DAGSTER_YAML, encoding="utf-8")
    quicken_run_history()
    os.environ["STOCKSTRATA_HOME"] = str(settings.home)
    os.environ["STOCKSTRATA_REAL_DATA"] = str(settings.real_data)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)


def check_home(home: Path, *, is_only_read: bool = False) -> None:
    """Make the home and try to write into it; a home that is there may be looked at without writing.

    Raises:
        InputError: if it is no folder or cannot be written to.
    """
    if is_only_read and home.is_dir():
        return
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
def writing(settings: Settings, command: str, tell: Callable[[str], None]) -> Iterator[None]:
    """Be the home's only writer, and clear what a writer that died left behind.

    Args:
        settings: of the home.
        command: what we do, for those who wait for us.
        tell: told for whom we wait, and what happened to runs that died.
    """
    with sole_writer(settings.home, command, lambda who: tell(f"Waiting for {who} to finish.")) as fallen:
        prepare_home(settings)
        with dg.DagsterInstance.get() as instance:
            for told in clear_remains(settings.home, instance, fallen):
                tell(told)
        yield


def check_warehouse(settings: Settings, tell: Callable[[str], None]) -> None:
    """Wait until no other program has the warehouse open, and see that it is there for what was landed.

    Raises:
        WarehouseLockedError: if another program keeps it open.
        WarehouseDamagedError: if it cannot be opened.
        StockstrataError: if loads were landed but the warehouse does not know of any.
    """
    warehouse = Warehouse(path=str(settings.warehouse_file))
    warehouse.wait_until_free(tell)
    if has_loads(settings.landing) and not warehouse.is_made():
        raise StockstrataError(
            f"The warehouse {settings.warehouse_file} is missing or empty, but {settings.landing} holds loads. Run "
            "`stockstrata rebuild`: it makes the warehouse again from landing."
        )
