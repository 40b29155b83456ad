"""Benchmark `broken_lines`: checking two million lines of demand of which one is bad, and of which every tenth is."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.processes import watch
from benchmarks.report import MEBIBYTE, Report
from benchmarks.workbench import Workbench
from orchestration.resources.settings import PROJECT_ROOT

_LINES = 2_000_000
_BAD_LINE = 1_500_000
_CHECK = """
import json, sys, time
from pathlib import Path
import great_expectations
from data_quality.source import open_source
from data_quality.validation import validate_source
from data_quality.violation_groups import violation_groups
started = time.perf_counter()
folder = Path(sys.argv[1])
found = validate_source(open_source(folder, variables={}, scratch=folder)).entities["demand"]
(group,) = violation_groups(found.quarantine)
seconds = time.perf_counter() - started
print(json.dumps({"seconds": seconds, "count": group.violation_count, "reason": group.reasons[0]}))
"""


def measure_broken_lines(bench: Workbench) -> Report:
    """Seconds and memory, and whether the line named is the bad one."""
    report = Report("broken_lines", f"{_LINES:,} lines of demand, checked in a process of their own")
    for name, step in (("one bad line", _LINES), ("every tenth line bad", 10)):
        folder = bench.folder / f"broken_lines_{step}"
        _write_source(folder, step)
        done = watch([sys.executable, "-c", _CHECK, str(folder)], environment={}, folder=PROJECT_ROOT)
        found = json.loads(done.output.splitlines()[-1])
        size = (folder / "demand.csv").stat().st_size
        report.add(f"{name}: check", found["seconds"], "s", f"file of {size / MEBIBYTE:,.0f} MiB")
        report.add(f"{name}: peak memory", done.peak_bytes / MEBIBYTE, "MiB", "libraries included")
        report.add(f"{name}: lines named", found["count"], "lines", found["reason"])
    return report


def _write_source(folder: Path, step: int) -> None:
    folder.mkdir()
    (folder / "source.yaml").write_text("name: broken\ngrain: day\ncurrency: EUR\n", encoding="utf-8")
    (folder / "items.csv").write_text("item_id\nA1\n", encoding="utf-8")
    with (folder / "demand.csv").open("w", encoding="utf-8") as file:
        file.writelines(_lines(step))


def _lines(step: int) -> Iterator[str]:
    """The header, then lines of which every `step`-th counted from the bad one holds 30 February."""
    yield "item_id,demand_date,demand_qty,order_id,line,location_id,customer_id\n"
    for line in range(2, _LINES + 2):
        day = "30" if (line - _BAD_LINE) % step == 0 else "01"
        yield f"A1,2025-02-{day},{line % 90},O{line},1,L{line % 50},C{line % 1000}\n"
