"""Benchmark `landing`: checking and landing a demand file beside DuckDB reading the same file into the same types."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import pandas as pd
import pyarrow.parquet

from benchmarks.processes import own_peak_mib
from benchmarks.report import Report
from benchmarks.suite_time import SuiteTime
from benchmarks.workbench import Workbench
from data_quality.contracts import Contract, load_contracts
from data_quality.raw_tables import landed_columns
from orchestration.resources import landing as landing_module
from orchestration.resources.landing import Landing
from orchestration.resources.settings import Company, Settings
from orchestration.resources.warehouse import Warehouse

# What demand points at; a few hundred rows, landed with it on our side only.
_POINTED_AT = ("items", "locations", "customers", "promotions")
_REPEATS = 3


def measure_landing(bench: Workbench) -> Report:
    """Seconds with everything that landing does, and without any of it; the repeat with the middle ratio is shown.

    The sample `demo` is CSV and `large` Parquet; of `large` the same rows are measured as CSV too.
    """
    report = Report("landing", f"demand file of the sample, middle one of {_REPEATS} repeats")
    _load_libraries(report)
    for size in ("demo", "large") if bench.is_large else ("demo",):
        home = bench.folder / f"landing_{size}"
        bench.stockstrata(home, "sample", "--size", size)
        extract = home / "sample" / size / "extract"
        _measure_repeats(home, extract, size, report)
        if size == "large":
            _measure_repeats(home / "csv", _as_csv(extract, home / "extract_csv"), size, report)
        _measure_next_month(home, size, report)
    return report


def _measure_repeats(home: Path, extract: Path, size: str, report: Report) -> None:
    # One after the other, so that a busy machine slows both sides of a ratio.
    runs = [_measure(home / str(number), extract, size) for number in range(_REPEATS)]
    _report(sorted(runs, key=lambda run: run.ours / run.bare)[_REPEATS // 2], size, report)


def _as_csv(extract: Path, folder: Path) -> Path:
    """A folder with the demand of a Parquet extract as CSV, and what it points at."""
    folder.mkdir()
    for name in _POINTED_AT:
        (folder / f"{name}.parquet").hardlink_to(extract / f"{name}.parquet")
    rows = "select * replace (demand_date::date as demand_date)"
    duckdb.execute(f"copy ({rows} from '{extract}/demand.parquet') to '{folder}/demand.csv' (format csv, header true)")
    return folder


@dataclass(frozen=True)
class _Run:
    """Seconds of one repeat."""

    file: Path
    rows: int
    check: float
    suites: float
    write: float
    project: float
    ours: float
    ours_processor: float
    bare: float
    bare_processor: float
    stored: float

    @property
    def other(self) -> float:
        """What the parts do not account for: locks, marks, hashes of files."""
        return self.ours - self.check - self.write - self.project


def _load_libraries(report: Report) -> None:
    started = time.perf_counter()
    import great_expectations  # noqa: F401

    load_contracts()
    report.add("import Great Expectations", time.perf_counter() - started, "s", "once a process, not counted below")


def _measure(home: Path, extract: Path, size: str) -> _Run:
    landing, warehouse = _landing(home, extract, size)
    spent, timed = SuiteTime(), _Timed()
    with spent.noted(), timed.noted("write_differences", "project"):
        started, used = time.perf_counter(), time.process_time()
        intake = landing.take_in(warehouse)
        checked = time.perf_counter()
        rows = intake.validation.entities["demand"].landed_row_count
        landing.land(warehouse)
        landed, ours_processor = time.perf_counter(), time.process_time() - used
    (file,) = extract.glob("demand.*")
    contract = load_contracts()["demand"]
    used = time.process_time()
    bare = _bare(home / "bare.duckdb", file, contract)
    bare_processor = time.process_time() - used
    return _Run(
        file=file,
        rows=rows,
        check=checked - started,
        suites=spent.seconds,
        write=timed.seconds["write_differences"],
        project=timed.seconds["project"],
        ours=landed - started,
        ours_processor=ours_processor,
        bare=bare,
        bare_processor=bare_processor,
        stored=_stored(home, contract),
    )


class _Timed:
    """Seconds inside functions that landing calls."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def noted(self, *names: str) -> Iterator[None]:
        """Note the time of some functions of the module `landing`."""
        with ExitStack() as patches:
            for name in names:
                patches.enter_context(mock.patch.object(landing_module, name, self._wrapped(name)))
            yield

    def _wrapped(self, name: str) -> Callable[..., Any]:
        original = getattr(landing_module, name)
        self.seconds[name] = 0.0

        def timed(*arguments: Any) -> Any:
            started = time.perf_counter()
            found = original(*arguments)
            self.seconds[name] += time.perf_counter() - started
            return found

        return timed


def _report(run: _Run, size: str, report: Report) -> None:
    what = f"{size}, {run.file.name}"
    report.add(f"{what}: rows", run.rows, "rows", f"{run.file.stat().st_size / 1e6:,.0f} MB")
    report.add(f"{what}: read and judge", run.check, "s", "every clause through Great Expectations, worst rows first")
    report.add(f"{what}: of that Great Expectations", run.suites, "s", f"{run.suites / run.ours:.0%} of all")
    report.add(f"{what}: write", run.write, "s", "one Parquet file a period")
    report.add(f"{what}: project", run.project, "s", "the files into the warehouse")
    report.add(f"{what}: other", run.other, "s")
    report.add(f"{what}: Stockstrata", run.rows / run.ours, "rows/s")
    report.add(f"{what}: bare DuckDB", run.rows / run.bare, "rows/s", f"{run.bare:.2f} s, COPY, nothing judged")
    report.add_ratio(f"{what}: ratio of the times", run.ours, run.bare)
    report.add_ratio(f"{what}: ratio of the processor times", run.ours_processor, run.bare_processor)
    report.add(f"{what}: DuckDB storing the same", run.stored, "s", "Parquet by period and table; nothing judged")
    report.add_ratio(f"{what}: ratio to storing the same", run.ours, run.stored)
    report.add(f"{what}: peak memory of the process", own_peak_mib(), "MiB")


def _measure_next_month(home: Path, size: str, report: Report) -> None:
    """The demand file again with one row more: everything is compared, one row lands; then nothing has changed."""
    landing, warehouse = _landing(home / "next", home / "sample" / size / "extract", size)
    landing.land(warehouse)
    (file,) = (Path(landing.source_folder)).glob("demand.*")
    _append_row(file)
    started = time.perf_counter()
    load = landing.land(warehouse)
    report.add(f"{size}: land one row more", time.perf_counter() - started, "s", load.entities["demand"].read_reason)
    started = time.perf_counter()
    landing.land(warehouse)
    report.add(f"{size}: find that nothing changed", time.perf_counter() - started, "s")


def _append_row(file: Path) -> None:
    # The folder holds links to the sample's files: those are not to change.
    if file.suffix == ".parquet":
        rows = pd.read_parquet(file)
        more = rows.iloc[-1:].assign(demand_date=rows["demand_date"].max() + pd.Timedelta(days=7))
        file.unlink()
        pd.concat([rows, more], ignore_index=True).to_parquet(file, index=False)
        return
    text = file.read_text(encoding="utf-8")
    last = text.rstrip("\n").rpartition("\n")[2].split(",")
    file.unlink()
    file.write_text(f"{text}{','.join(['SO-NEXT', *last[1:]])}\n", encoding="utf-8")


def _landing(home: Path, extract: Path, size: str) -> tuple[Landing, Warehouse]:
    folder = home / "source"
    folder.mkdir(parents=True)
    for name in ("demand", *_POINTED_AT):
        for file in extract.glob(f"{name}.*"):
            (folder / file.name).hardlink_to(file)
    grain = "week" if size == "large" else "day"
    text = f"name: landing\ngrain: {grain}\ncurrency: EUR\nperiod: month\n"
    (folder / "source.yaml").write_text(text, encoding="utf-8")
    company = Company(source_name="landing", source_folder=folder, grain=grain)
    settings = Settings(home=home, real_data=home, company=company)
    return Landing.from_settings(settings), Warehouse(path=str(settings.warehouse_file))


def _bare(file: Path, demand: Path, contract: Contract) -> float:
    """Seconds of COPY into a table with the contract's columns."""
    types = {column.name: column.physical_type for column in contract.columns}
    if demand.suffix == ".parquet":
        names, options = pyarrow.parquet.read_schema(demand).names, "format parquet"
    else:
        with demand.open(encoding="utf-8") as stream:
            names = stream.readline().strip().split(",")
        # Lines that do not fit their types are left out; without that the planted errors would stop it.
        options = "format csv, header true, ignore_errors true"
    columns = ", ".join(f"{name} {type_}" for name, type_ in types.items())
    started = time.perf_counter()
    with duckdb.connect(str(file)) as connection:
        connection.execute(f"create table demand ({columns})")
        connection.execute(f"copy demand ({', '.join(names)}) from '{demand}' ({options})")
    return time.perf_counter() - started


def _stored(home: Path, contract: Contract) -> float:
    """Seconds of writing landed rows by period and inserting them into a table, by bare DuckDB."""
    landed = f"read_parquet('{home}/landing/demand/*/*.parquet', hive_partitioning = false)"
    with duckdb.connect() as memory:
        memory.execute(f"create table landed as select * from {landed}")
        started = time.perf_counter()
        memory.execute("set partitioned_write_max_open_files = 100000")
        memory.execute(
            f"copy (select * from landed) to '{home / 'stored'}' (format parquet, compression zstd, "
            "partition_by (landing_period_start_date), write_partition_columns true)"
        )
    with duckdb.connect(str(home / "stored.duckdb")) as connection:
        files = f"read_parquet('{home}/stored/*/*.parquet', hive_partitioning = false)"
        columns = ", ".join(f'"{name}" {type_}' for name, type_ in landed_columns(contract).items())
        connection.execute("set preserve_insertion_order = false")
        connection.execute(f"create table demand ({columns})")
        connection.execute(f"insert into demand by name select *, timestamp '9999-12-31' as known_to_at from {files}")
    return time.perf_counter() - started
