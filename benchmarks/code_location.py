"""Benchmark `code_location`: importing the definitions, which every Dagster process does before anything else."""

import json
import statistics
import sys

from benchmarks.processes import watch
from benchmarks.report import Report
from benchmarks.workbench import Workbench
from orchestration.resources.settings import PROJECT_ROOT

_RUNS = 5
_HEAVY = (
    "great_expectations", "statsforecast", "numba", "statsmodels", "sklearn", "matplotlib", "scipy", "pandas",
    "pyarrow", "duckdb", "dbt", "sqlglot", "dagster_webserver", "IPython",
)  # fmt: skip
_PROBE = """
import json, sys, time
started = time.perf_counter()
import {module}
seconds = time.perf_counter() - started
print(json.dumps({{"seconds": seconds, "heavy": [name for name in {heavy!r} if name in sys.modules]}}))
"""


def measure_code_location(bench: Workbench) -> Report:
    """Seconds to import our definitions beside those to import Dagster and its dbt integration alone."""
    home = bench.folder / "code_location"
    home.mkdir(parents=True)
    environment = {"STOCKSTRATA_HOME": str(home)}
    first, _ = _imported("orchestration.definitions", environment)
    ours, heavy = zip(*(_imported("orchestration.definitions", environment) for _ in range(_RUNS)), strict=True)
    bare, bare_heavy = zip(*(_imported("dagster, dagster_dbt", environment) for _ in range(_RUNS)), strict=True)
    report = Report("code_location", f"import in a fresh process, {_RUNS} times each")
    report.add("first import in a new home", first, "s", "parses the dbt project")
    report.add("orchestration.definitions, best", min(ours), "s")
    report.add("orchestration.definitions, median", statistics.median(ours), "s")
    report.add("dagster and dagster_dbt alone, best", min(bare), "s")
    report.add("dagster and dagster_dbt alone, median", statistics.median(bare), "s")
    report.add_ratio("ratio of the medians", statistics.median(ours), statistics.median(bare))
    absent = [name for name in _HEAVY if name not in heavy[-1]]
    report.add("heavy modules loaded", ", ".join(heavy[-1]) or "none")
    report.add("of which by dagster and dagster_dbt", ", ".join(bare_heavy[-1]) or "none")
    report.add("heavy modules not loaded", ", ".join(absent) or "none")
    return report


def _imported(module: str, environment: dict[str, str]) -> tuple[float, list[str]]:
    program = _PROBE.format(module=module, heavy=_HEAVY)
    done = watch([sys.executable, "-c", program], environment=environment, folder=PROJECT_ROOT)
    found = json.loads(done.output.splitlines()[-1])
    return found["seconds"], found["heavy"]
