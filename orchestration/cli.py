"""The command line `stockstrata`: check a source, plan its cycles, look, publish."""

import datetime as dt
import io
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console

from data_quality.validation import SourceValidation
from orchestration import console as show
from orchestration.failure import RunFailedError
from orchestration.home import (
    bind_company,
    check_binding,
    check_home,
    check_warehouse,
    prepare_home,
    source_folder,
    writing,
)
from orchestration.resources.faults import advice
from orchestration.resources.settings import PROJECT_ROOT, Settings, read_settings
from stockstrata.errors import InputError, StockstrataError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Segmented inventory planning: from raw extracts to explained stock policies.",
)
# Bound to the real output: while a job runs, what libraries print goes to the run's log.
out = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 160)

RUN_FAILED = 1
BAD_INPUT = 2

SourceArgument = Annotated[str, typer.Argument(help="Folder of a source, or the name of a shipped one.")]
HomeOption = Annotated[
    Path | None, typer.Option(help="Where everything is written; default $STOCKSTRATA_HOME or ./home.")
]


@app.command()
def check(source: SourceArgument, home: HomeOption = None) -> None:
    """Validate a source without landing anything: every violation with file, line, column, found, expected."""
    with _told():
        settings = _settings(home)
        with out.status("Reading and checking the source"):
            validation = _validate(settings, source_folder(source))
        list_file = settings.home / "checks" / f"{validation.source.name}.csv"
        count = show.violations(out, validation, list_file)
        if count:
            raise typer.Exit(BAD_INPUT)


@app.command()
def run(
    source: SourceArgument,
    home: HomeOption = None,
    last: Annotated[int | None, typer.Option(min=1, help="Plan the newest N closed periods that hold demand.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="Plan from the period of this day, YYYY-MM-DD.")] = None,
    final: Annotated[str | None, typer.Option("--to", help="Plan up to the period of this day, YYYY-MM-DD.")] = None,
    parameters: Annotated[
        Path | None, typer.Option(help="Folder of parameter files that replace the shipped ones of the same name.")
    ] = None,
) -> None:
    """Land what is new, plan the cycles in order, publish."""
    with _told():
        if last is not None and (first or final):
            raise InputError("Give either --last or --from and --to, not both.")
        span = (_day("--from", first) if first else None, _day("--to", final) if final else None)
        if span[0] and span[1] and span[0] > span[1]:
            raise InputError(f"--from {span[0]} lies after --to {span[1]}: no period lies between them.")
        settings = _settings(home)
        folder = source_folder(source)
        with writing(settings, " ".join(sys.argv[1:]), _tell):
            check_warehouse(settings, _tell)
            _bind(settings, folder, parameters)
            _plan(last, *span)
        show.results(out, _settings(home))


@app.command()
def status(home: HomeOption = None) -> None:
    """What has been landed, planned and published."""
    with _told():
        show.status(out, _settings(home, is_only_read=True))


@app.command()
def publish(
    home: HomeOption = None,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Return to the snapshot before the one in force.")
    ] = False,
) -> None:
    """Show the published snapshots, or return to the last good one."""
    with _told():
        settings = _settings(home, is_only_read=not rollback)
        from orchestration.resources.publisher import Publisher

        publisher = Publisher(folder=str(settings.published), warehouse_path=str(settings.warehouse_file))
        if rollback:
            with writing(settings, "publish --rollback", _tell):
                snapshot = publisher.rollback()
            out.print(f"In force again: {snapshot.folder.name}")
        show.snapshots(out, publisher)


@app.command()
def replay(
    period: Annotated[str, typer.Argument(help="A day of the planned period, YYYY-MM-DD.")], home: HomeOption = None
) -> None:
    """Compute a planned cycle again beside the home: exit code 0 when every table is the same, 1 when not."""
    with _told():
        settings = _settings(home)
        day = _day("PERIOD", period)
        with writing(settings, " ".join(sys.argv[1:]), _tell):
            check_warehouse(settings, _tell)
            verdict = _replay(settings, day)
        if not show.replay(out, verdict):
            raise typer.Exit(RUN_FAILED)


@app.command()
def rebuild(home: HomeOption = None) -> None:
    """Make the warehouse again from landing, beside the old one, and plan again what was planned."""
    with _told():
        settings = _settings(home)
        with writing(settings, "rebuild", _tell):
            from orchestration import rebuild as rebuilding

            with _failures_told():
                rebuilding.rebuild(settings, lambda told: out.print(show.escaped(told)), show.StepLines(out))
        out.print(f"The new warehouse is in place: {settings.warehouse_file}", soft_wrap=True)


@app.command()
def sample(
    size: Annotated[str, typer.Option(help="tiny, demo or large.")] = "demo",
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 20250101,
    home: HomeOption = None,
) -> None:
    """Generate the sample company: its extract, and the truth behind it in a folder of its own."""
    with _told():
        if size not in ("tiny", "demo", "large"):
            raise InputError(f"--size {size}: expected tiny, demo or large.")
        from orchestration.sample_files import write_sample

        settings = _settings(home)
        with out.status(f"Generating the {size} sample company"):
            folder = write_sample(settings.home / "sample" / size, size, seed)
        out.print(f"Sample company ({size}, seed {seed}) in {folder}")


@app.command()
def dev(
    home: HomeOption = None, port: Annotated[int, typer.Option(help="Port of the UI on localhost.")] = 3000
) -> None:
    """Open Dagster on the home: UI and daemon on localhost."""
    with _told():
        settings = _settings(home)
        prepare_home(settings)
        from orchestration.resources.dbt import prepare_manifest

        with out.status("Preparing the dbt project"):
            prepare_manifest(settings)
        out.print(f"Dagster opens on http://127.0.0.1:{port} (stop with Ctrl+C).")
        # Notices of libraries about their own future would hide what the daemon has to say.
        os.environ.setdefault("PYTHONWARNINGS", "ignore")
        arguments = ["dagster", "dev", "-w", str(PROJECT_ROOT / "workspace.yaml"), "-h", "127.0.0.1", "-p", str(port)]
        os.execv(str(Path(sys.executable).with_name("dagster")), arguments)  # noqa: S606


def main() -> None:
    """Entry point."""
    # A terminal that cannot show a sign of a message gets its number; no message is lost for it.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    # Notices of libraries about their own future are nothing that a planner could act on.
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    app()


def _tell(sentence: str) -> None:
    out.print(f"[yellow]{show.escaped(sentence)}[/yellow]", soft_wrap=True)


def _settings(home: Path | None, *, is_only_read: bool = False) -> Settings:
    """The settings in force; the home goes into the environment, where Dagster and dbt look for it too."""
    if home is not None:
        os.environ["STOCKSTRATA_HOME"] = str(home.expanduser().resolve())
    settings = read_settings()
    check_home(settings.home, is_only_read=is_only_read)
    return settings


def _validate(settings: Settings, folder: Path) -> SourceValidation:
    from orchestration.resources.landing import Landing

    company = settings.company.model_copy(update={"source_folder": folder})
    return Landing.from_settings(settings.model_copy(update={"company": company})).validate_extract()


def _bind(settings: Settings, folder: Path, parameters: Path | None) -> None:
    """Judge source and parameters, then make the home theirs; nothing is written when either cannot be used."""
    from orchestration.resources.history import history_of
    from orchestration.resources.landing import Landing
    from orchestration.resources.parameters import ParameterStore
    from orchestration.resources.warehouse import Warehouse
    from stockstrata.periods import period_start

    store = ParameterStore(folder=str(parameters.expanduser().resolve()) if parameters else None)
    store.in_force(dt.datetime.now(dt.UTC).date())
    draft = settings.model_copy(update={"company": settings.company.model_copy(update={"source_folder": folder})})
    landing, warehouse = Landing.from_settings(draft), Warehouse(path=str(settings.warehouse_file))
    source = landing.source()
    check_binding(settings.home, source_name=source.name, period_type=source.period, grain=source.grain)
    with show.step(out, "check the source"):
        intake = landing.take_in(warehouse)
        history = history_of(intake, warehouse)
    show.quarantine_summary(out, intake.validation)
    show.history(out, history)
    bind_company(
        settings.home,
        source_name=source.name,
        folder=folder,
        period_type=source.period,
        grain=source.grain,
        currency_code=source.currency,
        first_period=period_start(history.first_date, source.period),
        parameters=Path(store.folder) if store.folder else None,
    )


def _plan(last: int | None, first: dt.date | None, final: dt.date | None) -> None:
    settings = read_settings()
    prepare_home(settings)
    from orchestration.resources.dbt import prepare_manifest
    from orchestration.resources.forecast_engine import task_map
    from orchestration.resources.waiting import waiting_rows
    from orchestration.resources.warehouse import Warehouse
    from stockstrata.periods import period_end

    task_map(settings.company.forecast_engine)  # One that is not installed is told before anything is planned.
    with show.step(out, "prepare the dbt project"):
        prepare_manifest(settings)
    from orchestration import runner

    with _failures_told():
        out.print("[bold]Landing[/bold]")
        show.load(out, runner.land(show.StepLines(out)))
        wanted, unfinished = runner.periods_to_plan(last, first, final), runner.unfinished_periods()
        for period, died in unfinished.items():
            _tell(f"Period {period} was left half planned ({died}): it is planned again.")
        periods = sorted({*wanted, *unfinished})
        for number, period in enumerate(periods, start=1):
            out.print(f"[bold]Cycle {number} of {len(periods)}: period {period}[/bold]")
            runner.plan(period, show.StepLines(out))
        cut_off = period_end(periods[-1], settings.company.period_type)
        show.waiting(out, cut_off, waiting_rows(Warehouse(path=str(settings.warehouse_file)), cut_off))


def _replay(settings: Settings, day: dt.date) -> pd.DataFrame:
    from orchestration.resources.dbt import prepare_manifest
    from orchestration.resources.replay import Record, read_verdict
    from orchestration.resources.warehouse import Warehouse
    from stockstrata.periods import period_start

    period = period_start(day, settings.company.period_type)
    warehouse = Warehouse(path=str(settings.warehouse_file))
    if not settings.warehouse_file.exists():
        raise InputError(f"{settings.home}: nothing is planned here yet; run `stockstrata run SOURCE` first.")
    Record.of(warehouse, period)
    prepare_manifest(settings)
    from orchestration import runner

    with _failures_told():
        out.print(f"[bold]Replay of the cycle of {period}[/bold]")
        runner.replay(period, show.StepLines(out))
    return read_verdict(warehouse, period)


@contextmanager
def _failures_told() -> Iterator[None]:
    """A run that failed becomes a message and exit code 1."""
    try:
        yield
    except RunFailedError as error:
        out.print(f"[red]Failed[/red] in step {error.step}:\n{show.escaped(error.reason)}")
        out.print(f"The snapshot published before is still in force. Output of the run: {error.log_file}")
        out.print(f"In Dagster (`make dev`) it is run {error.run_id}.")
        raise typer.Exit(RUN_FAILED) from None


def _day(name: str, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{name} {text}: expected a day as YYYY-MM-DD, such as 2025-10-01.") from None


@contextmanager
def _told() -> Iterator[None]:
    """A user's mistake becomes a message and exit code 2, any fault of ours that we know a message and 1."""
    try:
        yield
    except InputError as error:
        out.print(f"[red]Cannot go on:[/red] {show.escaped(str(error))}", soft_wrap=True)
        raise typer.Exit(BAD_INPUT) from None
    except StockstrataError as error:
        out.print(f"[red]Failed:[/red] {show.escaped(str(error))}", soft_wrap=True)
        raise typer.Exit(RUN_FAILED) from None
    except Exception as error:
        # Disk and rights fail in whatever library happens to write: they are known by their words, not by a class.
        told = advice(str(error), Path(os.environ.get("STOCKSTRATA_HOME") or PROJECT_ROOT / "home"))
        if told is None:
            raise
        out.print(f"[red]Failed:[/red] {show.escaped(str(error))}\n{show.escaped(told)}", soft_wrap=True)
        raise typer.Exit(RUN_FAILED) from None


if __name__ == "__main__":
    main()
