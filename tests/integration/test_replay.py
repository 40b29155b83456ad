"""A planned cycle is computed again from what was kept, whatever happened since, and held against its manifest."""

import csv
import datetime as dt
import shutil
import zipfile
from io import BytesIO
from pathlib import Path

import duckdb
import pytest
import yaml

from orchestration.resources.archive import Archive
from orchestration.resources.code import code_hash, unpack_code
from orchestration.resources.landing import Landing
from orchestration.resources.manifest import CODE_SUFFIX, PARAMETER_SUFFIX
from orchestration.resources.replay import Record, held_objects, replay_cycle, verdicts
from orchestration.resources.settings import PROJECT_ROOT, Settings, read_settings
from orchestration.resources.warehouse import Warehouse, table_hash
from stockstrata.errors import PlanningError
from stockstrata.tables import TABLES

PERIOD = dt.date(2025, 12, 1)
ENGINE = {name for name in TABLES if not name.startswith("audit.")}


def copy_of(home: Path, folder: Path) -> Settings:
    """A copy of a home, and its settings."""
    shutil.copytree(home, folder / "home", symlinks=True)
    return read_settings({"STOCKSTRATA_HOME": str(folder / "home")})


def bring_later_data(planned, folder: Path) -> Path:
    """The extract of a month later: new lines of January 2026, and a correction and a straggler of December 2025."""
    shutil.copytree(planned.home / "sample" / "tiny" / "extract", folder / "extract")
    file = folder / "extract" / "demand.csv"
    with file.open(newline="", encoding="utf-8") as source:
        rows = list(csv.DictReader(source))
    december = [row for row in rows if row["demand_date"][:7] == "2025-12" and row["demand_qty"].isdecimal()]
    january = [
        {**row, "order_id": f"NEW-{number}", "demand_date": "2026-01-15", "requested_date": "", "promised_date": ""}
        for number, row in enumerate(december[:50])
    ]
    straggler = {**december[1], "order_id": "LATE-1"}
    december[0]["demand_qty"] = str(int(december[0]["demand_qty"]) + 1000)
    with file.open("w", newline="", encoding="utf-8") as target:
        writer = csv.DictWriter(target, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows([*rows, *january, straggler])
    (folder / "source.yaml").write_text(
        f"name: tiny\ngrain: day\ncurrency: EUR\ndata: {folder / 'extract'}\n", encoding="utf-8"
    )
    return folder


def state(home: Path) -> dict[str, object]:
    """Everything in a home that a replay may not touch."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        names = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() order by all"
        ).fetchall()
        hashes = {name: table_hash(connection, name) for (name,) in names if name != "audit.cycle_replay"}
    published = {file: file.stat().st_mtime_ns for file in sorted((home / "published").rglob("*"))}
    return {"tables": hashes, "published": published, "archive": sorted((home / "archive").iterdir())}


@pytest.fixture(scope="module")
def later(planned, tmp_path_factory) -> Settings:
    """A copy of the planned home where later data has landed and other parameters are in force."""
    folder = tmp_path_factory.mktemp("later")
    settings = copy_of(planned.home, folder)
    source = bring_later_data(planned, folder / "source")
    landing = Landing.from_settings(
        settings.model_copy(update={"company": settings.company.model_copy(update={"source_folder": source})})
    )
    load = landing.land(Warehouse(path=str(settings.warehouse_file)))
    demand = load.entities["demand"]
    assert (demand.new_row_count, demand.changed_row_count, demand.late_row_count) == (51, 1, 1)
    parameters = folder / "parameters"
    parameters.mkdir()
    rates = (PROJECT_ROOT / "dbt_project" / "seeds" / "parameters" / "cost_rates.csv").read_text(encoding="utf-8")
    (parameters / "cost_rates.csv").write_text(rates.replace("0.2", "0.4"), encoding="utf-8")
    company = yaml.safe_load((settings.home / "company.yaml").read_text(encoding="utf-8"))
    changed = {**company, "parameters_folder": str(parameters)}
    (settings.home / "company.yaml").write_text(yaml.safe_dump(changed), encoding="utf-8")
    return settings


@pytest.fixture(scope="module")
def replayed(later, cli):
    """The state before, and what the replay of the newest cycle told; with one worker instead of all."""
    before = state(later.home)
    return before, cli(later.home, "replay", "2025-12-31", environment={"STOCKSTRATA_WORKERS": "1"})


def test_later_data_other_parameters_and_another_number_of_workers_change_nothing(replayed):
    _, outcome = replayed
    assert outcome.code == 0, outcome.output
    assert "Identical" in outcome.output


def test_every_table_and_mart_is_compared(later, replayed):
    assert replayed[1].code == 0, replayed[1].output
    verdict = Warehouse(path=str(later.warehouse_file)).read("select * from audit.cycle_replay")
    assert set(verdict["verdict_code"]) == {"same"}
    assert set(verdict["period_start_date"].dt.date) == {PERIOD}
    compared = verdict.groupby("object_type_code")["object_name"].agg(set)
    assert compared["table"] == ENGINE
    assert {"marts.fct_policy", "marts.fct_demand", "marts.dim_item", "marts.kpi_segment_period"} <= compared["mart"]
    assert "intermediate.int_item_locations__planned" in compared["feature"]
    assert compared["cycle"] == {"2025-11-01"}
    assert {"code", "lock", "contracts", "environment", "parameter", "landing_file"} <= set(compared.index)


def test_the_home_is_as_it_was(later, replayed):
    before, outcome = replayed
    assert outcome.code == 0, outcome.output
    assert state(later.home) == before
    assert not list(later.home.glob(".replay-*"))


def test_a_value_that_was_tampered_with_is_named(planned, tmp_path):
    file = tmp_path / "warehouse.duckdb"
    shutil.copyfile(planned.home / "warehouse.duckdb", file)
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            "update policy.stock_policy set reorder_point_qty = reorder_point_qty + 1 "
            "where period_start_date = ? and item_id = (select min(item_id) from policy.stock_policy)",
            [PERIOD],
        )
    warehouse = Warehouse(path=str(file))
    recorded = Record.of(warehouse, PERIOD)
    held = held_objects(warehouse, planned.home / "landing", recorded, PERIOD)
    verdict = verdicts(recorded.objects, recorded.objects, held).query("verdict_code != 'same'")
    assert verdict[["object_name", "verdict_code"]].to_numpy().tolist() == [["policy.stock_policy", "altered"]]


def test_a_landing_file_that_was_tampered_with_is_named(planned, tmp_path):
    shutil.copytree(planned.home / "landing", tmp_path / "landing")
    file = next((tmp_path / "landing" / "demand" / "2025-10-01").glob("*.parquet"))
    file.write_bytes(file.read_bytes() + b" ")
    warehouse = Warehouse(path=str(planned.home / "warehouse.duckdb"))
    recorded = Record.of(warehouse, PERIOD)
    held = held_objects(warehouse, tmp_path / "landing", recorded, PERIOD)
    verdict = verdicts(recorded.objects, recorded.objects, held).query("verdict_code != 'same'")
    name = file.relative_to(tmp_path / "landing").as_posix()
    assert verdict[["object_name", "verdict_code"]].to_numpy().tolist() == [[name, "altered"]]


def test_the_code_of_then_is_run_and_a_replay_that_fails_leaves_nothing_behind(planned, tmp_path):
    settings = copy_of(planned.home, tmp_path)
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("orchestration/__init__.py", "")
        archive.writestr("orchestration/replayed_cycle.py", "raise SystemExit('This is the code of then.')")
    unpack_code(packed.getvalue(), tmp_path / "then")
    then = code_hash(tmp_path / "then")
    Archive(settings.archive).keep_as(then, packed.getvalue(), CODE_SUFFIX)
    with duckdb.connect(str(settings.warehouse_file)) as connection:
        connection.execute("update audit.cycle_manifest set code_hash = ?", [then])
    warehouse = Warehouse(path=str(settings.warehouse_file))
    before = state(settings.home)
    with pytest.raises(PlanningError, match=r"broke off and nothing was compared: This is the code of then\."):
        replay_cycle(settings, warehouse, Landing.from_settings(settings), PERIOD)
    assert state(settings.home) == before
    assert not list(settings.home.glob(".replay-*"))


def test_parameters_that_the_archive_no_longer_holds_stop_the_replay(planned, tmp_path):
    settings = copy_of(planned.home, tmp_path)
    warehouse = Warehouse(path=str(settings.warehouse_file))
    digest = Record.of(warehouse, PERIOD).of_type("parameter")["cost_rates.csv"]
    (settings.archive / f"{digest}{PARAMETER_SUFFIX}").unlink()
    with pytest.raises(PlanningError, match=f"{digest}.csv is missing; the cycle that used it cannot be replayed"):
        replay_cycle(settings, warehouse, Landing.from_settings(settings), PERIOD)
    assert not list(settings.home.glob(".replay-*"))


def test_a_period_that_was_never_planned_is_a_mistake(copied, cli):
    outcome = cli(copied(), "replay", "2024-05-01")
    assert outcome.code == 2
    assert "Period 2024-05-01 was never planned to its end; planned are 2025-11-01, 2025-12-01." in outcome.output
