"""Benchmarks `demo` and the real sources: whole runs of the command line, their memory and their steps."""

from pathlib import Path

import duckdb

from benchmarks.processes import Watched
from benchmarks.report import MEBIBYTE, Report, SkippedError
from benchmarks.step_log import runs_of, seconds_by_step
from benchmarks.workbench import PLANNED_CYCLES, Workbench

_LEAST_SHARE = 0.005


def measure_demo(bench: Workbench) -> Report:
    """What `make demo` takes once everything is installed."""
    sample = bench.planned_sample()
    report = Report("demo", f"sample company generated, landed and planned for {PLANNED_CYCLES} periods")
    report.add("generate the sample", sample.generated.seconds, "s")
    report.add("land, plan, publish", sample.planned.seconds, "s")
    report.add("together", sample.generated.seconds + sample.planned.seconds, "s")
    _add_run(report, sample.home, sample.planned)
    return report


def measure_real(bench: Workbench, name: str) -> Report:
    """What landing a public data set and planning its newest period take.

    Raises:
        SkippedError: if the data set is not there.
    """
    if not (bench.real_data / name).is_dir():
        raise SkippedError(f"{bench.real_data / name} is not there; STOCKSTRATA_REAL_DATA names the folder above it.")
    home = bench.folder / name
    done = bench.stockstrata(home, "run", name, "--last", "1")
    report = Report(name, "landed whole, newest period planned and published")
    report.add("land, plan, publish", done.seconds, "s")
    _add_run(report, home, done)
    return report


def _add_run(report: Report, home: Path, done: Watched) -> None:
    report.add("processor time of the run", done.processor_seconds, "s", "user and system, all processes")
    report.add("peak memory of the run", done.peak_bytes / MEBIBYTE, "MiB", "all processes; shared pages count twice")
    _add_rows(report, home)
    steps = seconds_by_step(runs_of(home))
    for (job, step), seconds in steps.items():
        if seconds >= _LEAST_SHARE * done.seconds:
            report.add(f"{job} / {step}", seconds, "s", f"{seconds / done.seconds:.1%} of the run")
    outside = done.seconds - sum(steps.values())
    told = f"{outside / done.seconds:.1%} of the run: imports, first reading of the source, dbt's parser, Dagster"
    report.add("outside steps", outside, "s", told)


def _add_rows(report: Report, home: Path) -> None:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        landed, set_aside = _one_row(
            connection, "select sum(landed_row_count)::bigint, sum(quarantined_row_count)::bigint from quality.load"
        )
    with duckdb.connect() as connection:
        # Opened by itself, its catalogue would have the name of its schema.
        connection.execute(f"attach '{home / 'published' / 'current' / 'marts.duckdb'}' as published (read_only)")
        policies, periods = _one_row(
            connection, "select count(*), count(distinct period_start_date) from published.marts.fct_policy"
        )
    report.add("rows landed", landed, "rows")
    report.add("rows quarantined", set_aside, "rows")
    report.add("rows of fct_policy", policies, "rows", f"{periods} periods")


def _one_row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, int]:
    first, second = connection.execute(query).fetchall()[0]
    return int(first), int(second)
