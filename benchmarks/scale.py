"""Benchmark `scale`: a month landed and a cycle planned on ever larger companies, beside bare StatsForecast calls.

The company is the sample's `large` with fewer or as many items: weekly sums of 130 weeks at three locations. All of it
but December 2025 is landed and November planned first; then December comes as an extract of that month and is planned,
which is what is measured. At last one line of three item-locations is corrected and December planned again.
"""

import datetime as dt
import json
import math
import os
import shutil
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import duckdb

from benchmarks.processes import Watched, watch
from benchmarks.report import MEBIBYTE, Report
from benchmarks.step_log import RunSteps, runs_of
from benchmarks.workbench import Workbench
from data_quality.suites.engine import verify_frame
from orchestration.resources.settings import PROJECT_ROOT
from orchestration.resources.warehouse import Warehouse
from orchestration.sample_files import write_sample
from stockstrata.tables import TABLES

_SEED = 20250101
_LOCATIONS = 3
_PERIOD = dt.date(2025, 12, 1)
_CORRECTED = 3
# The day that decides which extract brings a row; other entities come with both.
_EVENT_DAY = {
    "demand": "demand_date",
    "stock": "stock_date",
    "purchase_orders": "coalesce(receipt_date, order_date)",
}
_TAGS = ("parameters", "facts", "cycle", "marts")


@dataclass(frozen=True)
class Measured:
    """Seconds of one size: of the cycle, and of the processor for the month landed and planned."""

    series: int
    cycle_seconds: float
    processor_seconds: float


def measure_scale(bench: Workbench) -> Report:
    """Time, memory and share by step at each size, and how they grow."""
    report = Report("scale", f"one month landed and planned after 29, {os.cpu_count()} processes on both sides")
    measured = [_measure(bench, wanted, report) for wanted in bench.item_locations]
    for small, big in pairwise(measured):
        more = math.log(big.series / small.series)
        power = math.log(big.cycle_seconds / small.cycle_seconds) / more
        told = "seconds of the cycle grow with this power of the series; at most 1 is the goal"
        report.add(f"{small.series:,} to {big.series:,}: power", power, "", told)
        power = math.log(big.processor_seconds / small.processor_seconds) / more
        report.add(f"{small.series:,} to {big.series:,}: power of processor time", power, "", "landing included")
    return report


def _measure(bench: Workbench, wanted: int, report: Report) -> Measured:
    folder = bench.folder / f"scale_{wanted}"
    home, source = folder / "home", folder / "source"
    extract = write_sample(folder / "sample", "large", _SEED, item_count=-(-wanted // _LOCATIONS))
    _split(extract, folder)
    history = _run(bench, home, source, folder / "history")
    month = _run(bench, home, source, folder / "month")
    runs = {run.job: run for run in runs_of(home)[-3:]}
    cycle = runs["plan_cycle"]
    series = _planned(home)
    name = f"{series:,}"
    report.add(f"{name}: land 29 months, plan one", history.seconds, "s")
    report.add(f"{name}: peak memory of that", history.peak_bytes / MEBIBYTE, "MiB")
    report.add(f"{name}: land a month, plan it", month.seconds, "s", f"{month.processor_seconds:,.0f} s of processor")
    report.add(f"{name}: peak memory", month.peak_bytes / MEBIBYTE, "MiB", "all processes; goal: under 6,144")
    report.add(f"{name}: the cycle alone", cycle.whole_seconds, "s", "the Dagster run plan_cycle")
    _add_steps(report, name, month, cycle, home)
    done, bare = _bare(home)
    told = f"cross_validation and forecast, nothing else; {done.processor_seconds:,.0f} s of processor with imports"
    report.add(f"{name}: bare StatsForecast", bare["elapsed"], "s", told)
    report.add_ratio(f"{name}: cycle to bare calls", cycle.whole_seconds, bare["elapsed"], "goal: at most 2.5")
    report.add_ratio(f"{name}: month landed and planned to bare calls", month.seconds, bare["elapsed"])
    told = "whatever else the machine was doing"
    report.add_ratio(f"{name}: the same in processor time", month.processor_seconds, done.processor_seconds, told)
    rest = bare["elapsed"] * (1 - bare.get("stl_ets", 0.0) / (sum(bare.values()) - bare["elapsed"]))
    told = "MSTL, the dearest by far, left out on the bare side alone"
    report.add_ratio(f"{name}: cycle to bare calls without MSTL", cycle.whole_seconds, rest, told)
    _add_correction(bench, home, source, folder, report, name)
    shutil.rmtree(folder)
    return Measured(series, cycle.whole_seconds, month.processor_seconds)


def _split(extract: Path, folder: Path) -> None:
    """The extract without its last month, and that month alone."""
    (folder / "source").mkdir()
    with duckdb.connect() as connection:
        for file in sorted(extract.glob("*.parquet")):
            day = _EVENT_DAY.get(file.stem)
            for part, condition in (("history", f"{day} < date '{_PERIOD}'"), ("month", f"{day} >= date '{_PERIOD}'")):
                target = folder / part / file.name
                target.parent.mkdir(exist_ok=True)
                connection.execute(
                    f"copy (from '{file}' where {condition if day else 'true'}) to '{target}' (format parquet)"
                )


def _run(bench: Workbench, home: Path, source: Path, data: Path) -> Watched:
    text = f"name: scale\ngrain: week\ncurrency: EUR\nperiod: month\ndata: {data}\n"
    (source / "source.yaml").write_text(text, encoding="utf-8")
    return bench.stockstrata(home, "run", str(source))


def _planned(home: Path) -> int:
    query = f"select count(*) as n from policy.stock_policy where period_start_date = date '{_PERIOD}'"
    return int(Warehouse(path=str(home / "warehouse.duckdb")).read(query)["n"].iloc[0])


def _add_steps(report: Report, name: str, month: Watched, cycle: RunSteps, home: Path) -> None:
    steps = {f"{run.job} / {step}": seconds for run in runs_of(home)[-3:] for step, seconds in run.seconds.items()}
    for step, seconds in steps.items():
        report.add(f"{name}:   {step}", seconds, "s", f"{seconds / month.seconds:.1%}")
    for tag, seconds in _dbt_seconds(home).items():
        report.add(f"{name}:     of which dbt's {tag}", seconds, "s", f"{seconds / month.seconds:.1%}, two at a time")
    suites = _suite_seconds(home)
    told = f"{suites / cycle.whole_seconds:.1%} of the cycle, inside its steps"
    report.add(f"{name}:     of which suites of Great Expectations", suites, "s", told)
    between = cycle.whole_seconds - sum(cycle.seconds.values())
    report.add(f"{name}:   plan_cycle, between its steps", between, "s", f"{between / month.seconds:.1%}: Dagster")
    outside = month.seconds - sum(steps.values()) - between
    told = f"{outside / month.seconds:.1%}: imports, the check of the source, Dagster"
    report.add(f"{name}:   outside steps", outside, "s", told)


def _dbt_seconds(home: Path) -> dict[str, float]:
    """Seconds of dbt's nodes by the tag of their stage, in the newest cycle."""
    target = home / "dbt" / "target"
    nodes = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    seconds: dict[str, float] = dict.fromkeys(_TAGS, 0.0)
    for operation in ("transform", "marts"):
        results = json.loads((target / operation / "run_results.json").read_text(encoding="utf-8"))["results"]
        for result in results:
            tags = nodes.get(result["unique_id"], {}).get("tags", [])
            stage = next((tag for tag in _TAGS if tag in tags), "cycle" if operation == "transform" else "marts")
            seconds[stage] += result["execution_time"]
    return seconds


def _suite_seconds(home: Path) -> float:
    warehouse = Warehouse(path=str(home / "warehouse.duckdb"))
    names = [name for name in TABLES if name.split(".")[0] in {"segmentation", "forecast", "policy"}]
    frames = {name: warehouse.read_period(name, _PERIOD) for name in names}
    verify_frame(frames["policy.lead_time"], TABLES["policy.lead_time"])  # pays the imports
    started = time.perf_counter()
    for table, frame in frames.items():
        verify_frame(frame, TABLES[table])
    return time.perf_counter() - started


def _bare(home: Path) -> tuple[Watched, dict[str, float]]:
    command = [sys.executable, "-m", "benchmarks.bare_forecasts", _PERIOD.isoformat(), str(os.cpu_count() or 1)]
    done = watch(command, environment={"STOCKSTRATA_HOME": str(home)}, folder=PROJECT_ROOT)
    return done, json.loads(done.output.splitlines()[-1])["seconds"]


def _add_correction(bench: Workbench, home: Path, source: Path, folder: Path, report: Report, name: str) -> None:
    """One line of three item-locations corrected, and the month planned again."""
    file = folder / "month" / "demand.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"create table demand as from '{file}'; "
            # Known with the month, or the cycle of that month would be right not to look at it.
            "alter table demand add column known_at timestamp; "
            "update demand set demand_qty = demand_qty + 7, known_at = demand_date + interval 1 day where "
            "(item_id, location_id, demand_date) in (select (item_id, location_id, min(demand_date)) from demand "
            f"where demand_qty > 0 group by item_id, location_id order by item_id, location_id limit {_CORRECTED}); "
            f"copy demand to '{file}' (format parquet)"
        )
    again = _run(bench, home, source, folder / "month")
    seconds = runs_of(home)[-1].seconds["forecast"]
    told = f"{again.processor_seconds:,.0f} s of processor"
    report.add(f"{name}: {_CORRECTED} corrected, planned again", again.seconds, "s", told)
    report.add(f"{name}:   plan_cycle / forecast", seconds, "s", _recomputed(home))


def _recomputed(home: Path) -> str:
    import dagster as dg

    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["forecast", "champion"]))
    told = event.asset_materialization if event else None
    return str(told.metadata["recomputed"].value) if told else "not told"
