"""The benchmarks' command line: `make bench`, or `.venv/bin/python benchmarks/run.py NAME ...`."""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import report as reports
from benchmarks.accuracy import measure_accuracy
from benchmarks.broken_lines import measure_broken_lines
from benchmarks.chaos import measure_chaos
from benchmarks.code_location import measure_code_location
from benchmarks.cycles import measure_demo, measure_real
from benchmarks.expectations import measure_expectations
from benchmarks.explained_history import measure_explained_history
from benchmarks.forecasting import measure_forecast
from benchmarks.granularity import measure_granularity
from benchmarks.installation import measure_install
from benchmarks.landing import measure_landing
from benchmarks.lost_sales import measure_lost_sales
from benchmarks.new_products import measure_new_products
from benchmarks.policies import measure_policies
from benchmarks.pooled_models import measure_pooled_models
from benchmarks.processes import CommandError
from benchmarks.promise import measure_promise
from benchmarks.scale import measure_scale
from benchmarks.simulator import measure_simulator
from benchmarks.value import measure_value
from benchmarks.workbench import Workbench
from orchestration.resources.settings import read_settings

REAL_SOURCES = ("online_retail", "mfg_man", "contraceptive", "raf_spares", "carparts")
BENCHMARKS: dict[str, Callable[[Workbench], reports.Report]] = {
    "code_location": measure_code_location,
    "demo": measure_demo,
    "landing": measure_landing,
    "broken_lines": measure_broken_lines,
    "great_expectations": measure_expectations,
    "forecast": measure_forecast,
    "lost_sales": measure_lost_sales,
    "simulator": measure_simulator,
    "policies": measure_policies,
    **{name: partial(measure_real, name=name) for name in REAL_SOURCES},
    "accuracy": measure_accuracy,
    "new_products": measure_new_products,
    "explained_history": measure_explained_history,
    "granularity": measure_granularity,
    "pooled_models": measure_pooled_models,
    "value": measure_value,
    "promise": measure_promise,
    "install": measure_install,
    "chaos": measure_chaos,
    "scale": measure_scale,
}
ONLY_BY_NAME = frozenset(
    {
        "accuracy",
        "explained_history",
        "granularity",
        "new_products",
        "pooled_models",
        "value",
        "promise",
        "install",
        "chaos",
        "scale",
    }
)

out = Console(width=None if Console().is_terminal else 150, highlight=False)


def main(
    names: Annotated[list[str] | None, typer.Argument(help=f"Some of: {', '.join(BENCHMARKS)}.")] = None,
    large: Annotated[bool, typer.Option("--large", help="Measure landing on the large sample too.")] = False,
    item_locations: Annotated[
        list[int] | None, typer.Option(min=100, help="A size that `scale` measures; may be given again.")
    ] = None,
    series: Annotated[
        int | None,
        typer.Option(min=50, help="Series of a set that `accuracy`, `granularity` and the like take."),
    ] = None,
    kills: Annotated[int, typer.Option(min=1, help="How many runs `chaos` kills.")] = 100,
) -> None:
    """Measure; without names all but those that take long. Figures go to benchmarks.jsonl too."""
    unknown = sorted(set(names or ()) - set(BENCHMARKS))
    if unknown:
        out.print(f"No benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}.")
        raise typer.Exit(2)
    chosen = names or [name for name in BENCHMARKS if name not in ONLY_BY_NAME]
    file = read_settings().home / "benchmarks.jsonl"
    reports.show_machine(out)
    has_failed = False
    with tempfile.TemporaryDirectory(prefix="stockstrata_bench_") as folder:
        bench = Workbench(Path(folder), is_large=large, kill_count=kills, most_series=series)
        if item_locations:
            bench.item_locations = tuple(item_locations)
        for name in chosen:
            has_failed |= not _measured(name, bench, file)
    out.print(f"Kept in {file}")
    if has_failed:
        raise typer.Exit(1)


def _measured(name: str, bench: Workbench, file: Path) -> bool:
    """Whether the benchmark ran, or was rightly skipped."""
    try:
        with out.status(f"Measuring {name}"):
            found = BENCHMARKS[name](bench)
    except reports.SkippedError as reason:
        out.print(f"[yellow]{name} skipped[/yellow]: {reason}", markup=True)
        return True
    except CommandError as error:
        out.print(f"[red]{name} failed[/red]")
        out.print(str(error), markup=False)
        return False
    reports.show(out, found)
    reports.keep(file, found)
    return True


if __name__ == "__main__":
    typer.run(main)
