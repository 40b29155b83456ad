"""Planning an old period again, after a later one was planned, gives the same numbers."""

import shutil

import dagster as dg
import pytest

from orchestration.resources.warehouse import Warehouse
from stockstrata.tables import TABLES

ENGINE = [name for name in TABLES if not name.startswith("audit.")]
OLD, NEW = "2025-11-01", "2025-12-01"


@pytest.fixture(scope="module")
def planned_again(planned, cli, tmp_path_factory):
    """A copy of the planned home in which the older of both periods was planned once more."""
    home = tmp_path_factory.mktemp("again") / "home"
    shutil.copytree(planned.home, home, symlinks=True)
    outcome = cli(home, "run", str(planned.source), "--from", OLD, "--to", OLD)
    assert outcome.code == 0, outcome.output
    assert f"Cycle 1 of 1: period {OLD}" in outcome.output
    return home


def hashes(home, period: str) -> dict[str, tuple[str, int]]:
    warehouse = Warehouse(path=str(home / "warehouse.duckdb"))
    return {name: warehouse.content_hash(name, where=f"period_start_date = date '{period}'") for name in ENGINE}


@pytest.mark.parametrize("period", [OLD, NEW])
def test_engine_tables_are_the_same(planned, planned_again, period):
    before = hashes(planned.home, period)
    assert sum(rows for _, rows in before.values()) > 0
    assert hashes(planned_again, period) == before


def test_it_was_planned_again_indeed(planned, planned_again):
    run_ids = [
        Warehouse(path=str(home / "warehouse.duckdb"))
        .read("select distinct run_id from policy.stock_policy where period_start_date = ?", [OLD])["run_id"]
        .tolist()
        for home in (planned.home, planned_again)
    ]
    assert len(run_ids[0]) == len(run_ids[1]) == 1
    assert run_ids[0] != run_ids[1]


def test_the_manifest_names_the_same_input_and_output(planned, planned_again):
    told = [
        Warehouse(path=str(home / "warehouse.duckdb")).read(
            "select input_hash, output_hash, load_count from audit.cycle_manifest where period_start_date = ?", [OLD]
        )
        for home in (planned.home, planned_again)
    ]
    assert told[0].to_dict("records") == told[1].to_dict("records")


def test_landing_has_not_grown(planned, planned_again):
    loads = [
        sorted(file.name for file in (home / "landing" / "loads").iterdir()) for home in (planned.home, planned_again)
    ]
    assert loads[0] == loads[1]
    assert len(loads[0]) == 1


def test_no_series_was_forecast_again(planned_again):
    with dg.DagsterInstance.from_config(str(planned_again / "dagster")) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["forecast", "champion"]))
        told = event.asset_materialization.metadata["recomputed"].value
    assert told == "reused 48 of 48 series; recomputed 0"
