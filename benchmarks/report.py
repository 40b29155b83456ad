"""What a benchmark found: shown as a table, kept as one JSON line."""

import datetime as dt
import importlib.metadata
import json
import os
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

MEBIBYTE = 1024 * 1024
_PACKAGES = ("dagster", "dagster-dbt", "dbt-core", "duckdb", "great-expectations", "pandas", "numpy", "statsforecast")


class SkippedError(Exception):
    """A benchmark cannot run here; the message says what is missing."""


@dataclass(frozen=True)
class Figure:
    """One number that was measured.

    Attributes:
        name: what was measured, unique within the benchmark.
        value: the number, or a word.
        unit: seconds, MiB, rows and so on; empty where the value is a word.
        note: what the reader must know to read it.
        parts: figures behind it, kept in the file and not shown.
    """

    name: str
    value: float | int | str
    unit: str = ""
    note: str = ""
    parts: dict[str, float] = field(default_factory=dict)


@dataclass
class Report:
    """Figures of one benchmark, in the order in which they are shown."""

    benchmark: str
    title: str
    figures: list[Figure] = field(default_factory=list)

    def add(
        self, name: str, value: float | str, unit: str = "", note: str = "", *, parts: dict[str, float] | None = None
    ) -> None:
        """Add a figure."""
        self.figures.append(Figure(name, value, unit, note, parts or {}))

    def add_ratio(self, name: str, ours: float, bare: float, note: str = "") -> None:
        """Add how many times our side takes the bare side's time."""
        self.add(name, ours / bare if bare > 0 else float("nan"), "times", note)


def machine_facts() -> dict[str, Any]:
    """Cores, memory, load, Python and versions: what a figure cannot be read without."""
    facts: dict[str, Any] = {
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }
    if hasattr(os, "sched_getaffinity"):
        facts["usable_cores"] = len(os.sched_getaffinity(0))
    if hasattr(os, "sysconf"):
        facts["memory_mib"] = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MEBIBYTE
    if hasattr(os, "getloadavg"):
        facts["load_average_1m"] = round(os.getloadavg()[0], 2)
    return facts


def show_machine(out: Console) -> None:
    """One paragraph about the machine."""
    facts = machine_facts()
    versions = ", ".join(f"{name} {version}" for name, version in facts.pop("versions").items())
    out.print(", ".join(f"{name} {value}" for name, value in facts.items()))
    out.print(f"[dim]{versions}[/dim]")


def show(out: Console, report: Report) -> None:
    """The figures as a table."""
    table = Table(title=f"{report.benchmark}: {report.title}", title_justify="left", title_style="bold")
    table.add_column("what")
    table.add_column("figure", justify="right")
    table.add_column("unit")
    table.add_column("note", style="dim")
    for figure in report.figures:
        table.add_row(figure.name, _shown(figure.value), figure.unit, figure.note)
    out.print(table)


def keep(file: Path, report: Report) -> None:
    """Append the figures and the machine's facts to a file, one JSON line a benchmark."""
    line = {
        "benchmark": report.benchmark,
        "measured_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "machine": machine_facts(),
        "figures": {
            figure.name: {"value": figure.value, "unit": figure.unit}
            | ({"parts": figure.parts} if figure.parts else {})
            for figure in report.figures
        },
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(line) + "\n")


def _shown(value: float | str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.2f}"
