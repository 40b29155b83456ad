"""The command line `stockstrata`: check a source, plan its cycles, look, publish."""

import datetime as dt
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from data_quality.validation import SourceValidation
from orchestration import console as show
from orchestration.home import bind_company, check_binding, check_home, prepare_home, sole_writer, source_folder
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
        count = show.violations(out, validation)
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
        span = (_day("--from", first), _day("--to", final))
        if span[0] and span[1] and span[0] > span[1]:
            raise InputError(f"--from {span[0]} lies after --to {span[1]}: no period lies between them.")
        settings = _settings(home)
        folder = source_folder(source)
        with sole_writer(settings.home, " ".join(sys.argv[1:]), lambda who: out.print(f"Waiting for {who} to finish.")):
            _bind(settings, folder, parameters)
            _plan(last, *span)
        show.results(out, _settings(home))


@app.command()
def status(home: HomeOption = None) -> None:
    """What has been landed, planned and published."""
    with _told():
        show.status(out, _settings(home))


@app.command()
def publish(
    home: HomeOption = None,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Return to the snapshot before the one in force.")
    ] = False,
) -> None:
    """Show the published snapshots, or return to the last good one."""
    with _told():
        settings = _settings(home)
        from orchestration.resources.publisher import Publisher

        publisher = Publisher(folder=str(settings.published), warehouse_path=str(settings.warehouse_file))
        if rollback:
            with sole_writer(settings.home, "publish --rollback", lambda who: out.print(f"Waiting for {who}.")):
                snapshot = publisher.rollback()
            out.print(f"In force again: {snapshot.folder.name}")
        show.snapshots(out, publisher)


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
    app()


def _settings(home: Path | None) -> Settings:
    """The settings in force; the home goes into the environment, where Dagster and dbt look for it too."""
    if home is not None:
        os.environ["STOCKSTRATA_HOME"] = str(home.expanduser().resolve())
    settings = read_settings()
    check_home(settings.home)
    return settings


def _validate(settings: Settings, folder: Path) -> SourceValidation:
    from orchestration.resources.landing import Landing

    company = settings.company.model_copy(update={"source_folder": folder})
    return Landing.from_settings(settings.model_copy(update={"company": company})).validate_extract()


def _bind(settings: Settings, folder: Path, parameters: Path | None) -> None:
    """Judge source and parameters, then make the home theirs; nothing is written when either cannot be used."""
    from orchestration.resources.landing import Landing, first_demand_date
    from orchestration.resources.parameters import ParameterStore
    from stockstrata.periods import period_start

    store = ParameterStore(folder=str(parameters.expanduser().resolve()) if parameters else None)
    store.in_force(dt.datetime.now(dt.UTC).date())
    draft = settings.model_copy(update={"company": settings.company.model_copy(update={"source_folder": folder})})
    source = Landing.from_settings(draft).source()
    check_binding(settings.home, source_name=source.name, period_type=source.period, grain=source.grain)
    with show.step(out, "check the source"):
        validation = _validate(settings, folder)
    show.quarantine_summary(out, validation)
    bind_company(
        settings.home,
        source_name=source.name,
        folder=folder,
        period_type=source.period,
        grain=source.grain,
        currency_code=source.currency,
        first_period=period_start(first_demand_date(validation), source.period),
        parameters=Path(store.folder) if store.folder else None,
    )


def _plan(last: int | None, first: dt.date | None, final: dt.date | None) -> None:
    settings = read_settings()
    prepare_home(settings)
    from orchestration.resources.dbt import prepare_manifest

    with show.step(out, "prepare the dbt project"):
        prepare_manifest(settings)
    from orchestration import runner

    try:
        out.print("[bold]Landing[/bold]")
        show.load(out, runner.land(show.StepLines(out)))
        periods = runner.periods_to_plan(last, first, final)
        for number, period in enumerate(periods, start=1):
            out.print(f"[bold]Cycle {number} of {len(periods)}: period {period}[/bold]")
            runner.plan(period, show.StepLines(out))
    except runner.RunFailedError as error:
        out.print(f"[red]Failed[/red] in step {error.step}:\n{show.escaped(error.reason)}")
        out.print(
            f"The snapshot published before is still in force. Output of the run: {runner.log_file(error.run_id)}"
        )
        out.print(f"In Dagster (`make dev`) it is run {error.run_id}.")
        raise typer.Exit(RUN_FAILED) from None


def _day(flag: str, text: str | None) -> dt.date | None:
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{flag} {text}: expected a day as YYYY-MM-DD, such as 2025-10-01.") from None


@contextmanager
def _told() -> Iterator[None]:
    """A user's mistake becomes a message and exit code 2, any fault of ours that we know a message and 1."""
    try:
        yield
    except InputError as error:
        out.print(f"[red]Cannot go on:[/red] {show.escaped(str(error))}")
        raise typer.Exit(BAD_INPUT) from None
    except StockstrataError as error:
        out.print(f"[red]Failed:[/red] {show.escaped(str(error))}")
        raise typer.Exit(RUN_FAILED) from None


if __name__ == "__main__":
    main()
