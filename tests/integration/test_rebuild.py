"""`stockstrata rebuild`: a warehouse that is damaged is made again from landing, with the same tables as before."""

import os

import duckdb
import pytest

from orchestration.resources.warehouse import Warehouse


@pytest.fixture(scope="module")
def rebuilt(planned, cli, copied, background):
    """A home with half a warehouse: a rebuild is killed on its way, the next one is let through."""
    home = copied()
    warehouse = home / "warehouse.duckdb"
    os.truncate(warehouse, warehouse.stat().st_size // 2)
    damaged = warehouse.read_bytes()
    target = home / ".rebuild" / "dbt" / "target" / "transform"
    background(home, "orchestration.cli", "rebuild").kill(
        after="Every load is in the new warehouse", until=target.exists, seconds=1
    )
    assert warehouse.read_bytes() == damaged
    outcome = cli(home, "rebuild")
    assert outcome.code == 0, outcome.output
    return home, outcome.output


def test_every_table_is_as_it_was(planned, rebuilt, hashes):
    home, _ = rebuilt
    assert hashes(home) == hashes(planned.home)


def test_every_period_was_planned_again_and_compared(rebuilt):
    _, told = rebuilt
    for period in ("2025-11-01", "2025-12-01"):
        assert f"Period {period}: the same tables as before." in told
    assert "The marts are those of the snapshot in force" in told


def test_the_manifests_are_as_they_were(planned, rebuilt):
    query = "select period_start_date, input_hash, output_hash, parameters_version from audit.cycle_manifest order by 1"
    home, _ = rebuilt
    assert (
        Warehouse(path=str(home / "warehouse.duckdb"))
        .read(query)
        .equals(Warehouse(path=str(planned.home / "warehouse.duckdb")).read(query))
    )


def test_the_rebuild_that_died_is_told_and_nothing_is_left_of_it(rebuilt, is_cleared):
    home, told = rebuilt
    assert "`rebuild`) died in step transform" in told
    is_cleared(home)
    assert not (home / ".rebuild").exists()


def test_readers_keep_the_snapshot_that_they_had(planned, rebuilt):
    home, _ = rebuilt
    assert (home / "published" / "current").readlink() == (planned.home / "published" / "current").readlink()
    with duckdb.connect(str(home / "published" / "current" / "marts.duckdb"), read_only=True) as connection:
        assert connection.execute("select count(*) from fct_policy").fetchall()[0][0] > 0


def test_a_landed_file_that_has_changed_stops_the_rebuild(rebuilt, cli):
    home, _ = rebuilt
    file = next((home / "landing" / "demand").rglob("*.parquet"))
    kept, before = file.read_bytes(), (home / "warehouse.duckdb").read_bytes()
    file.write_bytes(kept[:-1])
    outcome = cli(home, "rebuild")
    file.write_bytes(kept)
    assert outcome.code == 1, outcome.output
    assert f"{file}: is not what was landed" in outcome.output
    assert (home / "warehouse.duckdb").read_bytes() == before
