"""Benchmark `landing`: checking and landing a demand file beside DuckDB reading the same file into the same types."""

import time
from pathlib import Path

import duckdb
import pyarrow.parquet

from benchmarks.report import Report
from benchmarks.workbench import Workbench
from data_quality.contracts import Contract, load_contracts
from orchestration.resources.landing import Landing
from orchestration.resources.settings import Company, Settings
from orchestration.resources.warehouse import Warehouse

# What demand points at; a few hundred rows, landed with it on our side only.
_POINTED_AT = ("items", "locations", "customers", "promotions")


def measure_landing(bench: Workbench) -> Report:
    """Rows a second with everything that landing does, and without any of it."""
    report = Report("landing", "demand file of the sample, once each")
    _load_libraries(report)
    for size in ("demo", "large") if bench.is_large else ("demo",):
        _measure(bench, size, report)
    return report


def _load_libraries(report: Report) -> None:
    started = time.perf_counter()
    import great_expectations  # noqa: F401

    report.add("import Great Expectations", time.perf_counter() - started, "s", "once a process, not counted below")


def _measure(bench: Workbench, size: str, report: Report) -> None:
    home = bench.folder / f"landing_{size}"
    bench.stockstrata(home, "sample", "--size", size)
    extract = home / "sample" / size / "extract"
    (demand,) = extract.glob("demand.*")
    landing, warehouse = _landing(home, extract, size)
    started = time.perf_counter()
    validation = landing.validate_extract()
    validated = time.perf_counter()
    landing.land(warehouse, validation)
    ours, landed = time.perf_counter() - started, time.perf_counter() - validated
    rows = validation.entities["demand"].landed_row_count
    bare, held = _bare(home / "bare.duckdb", demand, load_contracts()["demand"])
    what = f"{size}, {demand.name}"
    report.add(f"{what}: rows", rows, "rows", f"{demand.stat().st_size / 1e6:,.0f} MB; bare DuckDB keeps {held:,}")
    report.add(f"{what}: check", validated - started, "s", "read as text, judge every clause, hash every row")
    report.add(f"{what}: land", landed, "s", "differences as Parquet, projected into the warehouse")
    report.add(f"{what}: Stockstrata", rows / ours, "rows/s")
    report.add(f"{what}: bare DuckDB", rows / bare, "rows/s", f"{bare:.2f} s, same columns and types, nothing judged")
    report.add_ratio(f"{what}: ratio of the times", ours, bare)


def _landing(home: Path, extract: Path, size: str) -> tuple[Landing, Warehouse]:
    folder = home / "source"
    folder.mkdir()
    for name in ("demand", *_POINTED_AT):
        for file in extract.glob(f"{name}.*"):
            (folder / file.name).hardlink_to(file)
    grain = "week" if size == "large" else "day"
    text = f"name: landing\ngrain: {grain}\ncurrency: EUR\nperiod: month\n"
    (folder / "source.yaml").write_text(text, encoding="utf-8")
    company = Company(source_name="landing", source_folder=folder, grain=grain)
    settings = Settings(home=home, real_data=home, company=company)
    return Landing.from_settings(settings), Warehouse(path=str(settings.warehouse_file))


def _bare(file: Path, demand: Path, contract: Contract) -> tuple[float, int]:
    types = {column.name: column.physical_type for column in contract.columns}
    if demand.suffix == ".parquet":
        names = pyarrow.parquet.read_schema(demand).names
        cast = ", ".join(f"{name}::{types[name]} as {name}" for name in names)
        reader = f"(select {cast} from read_parquet('{demand}'))"
    else:
        with demand.open(encoding="utf-8") as stream:
            names = stream.readline().strip().split(",")
        listed = ", ".join(f"'{name}': '{types[name]}'" for name in names)
        # Lines that do not fit their types are left out; without that the planted errors would stop it.
        reader = f"read_csv('{demand}', header = true, columns = {{{listed}}}, ignore_errors = true)"
    started = time.perf_counter()
    with duckdb.connect(str(file)) as connection:
        connection.execute(f"create table demand as select * from {reader}")
        (held,) = connection.execute("select count(*) from demand").fetchall()[0]
    return time.perf_counter() - started, int(held)
