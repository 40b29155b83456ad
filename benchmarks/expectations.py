"""Benchmark `great_expectations`: what its suites cost on raw rows, and on the tables of one cycle."""

import datetime as dt
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.report import Report
from benchmarks.step_log import runs_of
from benchmarks.suite_time import SuiteTime
from benchmarks.workbench import Workbench
from data_quality.source import open_source
from data_quality.suites.engine import verify_frame
from data_quality.validation import validate_source
from orchestration.resources.warehouse import Warehouse
from stockstrata.tables import CYCLE_REPLAY, TABLES

_ROWS = 1_000_000
_ITEMS = 2_000


def measure_expectations(bench: Workbench) -> Report:
    """Seconds per million rows of raw demand, and the share of a cycle."""
    report = Report("great_expectations", f"generated demand of {_ROWS:,} rows, and the newest cycle of the sample")
    started = time.perf_counter()
    import great_expectations  # noqa: F401

    report.add("import", time.perf_counter() - started, "s", "once a process")
    _measure_raw(bench.folder / "expectations", report)
    _measure_cycle(bench, report)
    return report


def _measure_raw(folder: Path, report: Report) -> None:
    _write_source(folder)
    source, spent = open_source(folder, variables={}, scratch=folder / "scratch"), SuiteTime()
    started = time.perf_counter()
    with spent.noted():
        validation = validate_source(source)
    whole = time.perf_counter() - started
    rows = sum(entity.landed_row_count for entity in validation.entities.values())
    clauses = sum(len(entity.clause_results) for entity in validation.entities.values())
    report.add("raw: rows", rows, "rows", f"{validation.quarantined_row_count:,} quarantined")
    report.add("raw: whole check of the source", whole, "s")
    report.add("raw: Great Expectations", spent.seconds, "s", f"{spent.seconds / whole:.1%} of the check")
    note = f"{clauses} clauses on their worst rows, {spent.expectations} of them on all rows that can break them"
    report.add("raw: Great Expectations per million rows", spent.seconds / rows * 1e6, "s", note)
    report.add_ratio("raw: check with to check without", whole, whole - spent.seconds)


def _measure_cycle(bench: Workbench, report: Report) -> None:
    home = bench.planned_sample().home
    newest = [run for run in runs_of(home) if run.job == "plan_cycle"][-1]
    period = dt.date.fromisoformat(newest.partition or "")
    warehouse = Warehouse(path=str(home / "warehouse.duckdb"))
    # A cycle writes every table but the verdict of its replay.
    frames = {name: warehouse.read_period(name, period) for name in TABLES if name != CYCLE_REPLAY.name}
    started = time.perf_counter()
    clauses = sum(len(verify_frame(frame, TABLES[name]).results) for name, frame in frames.items())
    seconds, cycle = time.perf_counter() - started, sum(newest.seconds.values())
    rows = sum(len(frame) for frame in frames.values())
    report.add("cycle: rows of all tables from Python", rows, "rows", f"{len(frames)} tables, {clauses} clauses")
    report.add("cycle: their suites", seconds, "s", f"{seconds / cycle:.1%} of the steps of the cycle")
    report.add("cycle: all steps", cycle, "s", f"period {period}")
    report.add_ratio("cycle: steps with to steps without", cycle, cycle - seconds)


def _write_source(folder: Path) -> None:
    """Sound rows but for one in a thousand: an unknown item, a negative price, a delivery before its day."""
    folder.mkdir(parents=True)
    rng, place = np.random.default_rng(20250101), np.arange(_ROWS)
    items = np.array([f"ITM-{number:05d}" for number in range(_ITEMS + 1)])
    day = np.datetime64("2023-01-01") + np.sort(rng.integers(0, 1000, _ROWS))
    odd = rng.integers(0, 1000, _ROWS)
    demand = pd.DataFrame(
        {
            "order_id": pd.Series(place // 4).astype(str),
            "line": place % 4 + 1,
            # The last item is not in the item master.
            "item_id": items[np.where(odd == 0, _ITEMS, rng.integers(0, _ITEMS, _ROWS))],
            "demand_date": day,
            "demand_qty": rng.integers(1, 100, _ROWS),
            "shipped_date": day + np.where(odd == 1, -2, rng.integers(0, 5, _ROWS)),
            "shipped_qty": rng.integers(0, 100, _ROWS),
            "unit_price": np.where(odd == 2, -1.0, rng.integers(100, 10_000, _ROWS) / 100),
        }
    )
    demand.to_parquet(folder / "demand.parquet", index=False)
    pd.DataFrame({"item_id": items[:_ITEMS], "name": items[:_ITEMS]}).to_parquet(folder / "items.parquet", index=False)
    text = "name: expectations\ngrain: day\ncurrency: EUR\n"
    (folder / "source.yaml").write_text(text, encoding="utf-8")
