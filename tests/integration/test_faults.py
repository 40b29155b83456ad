"""Disks that are full or read-only, files that are damaged or held: told in words, survived, and made good afterwards.

The disks are real small file systems, mounted where the test may do that.
"""

import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import duckdb
import pandas as pd
import psutil
import pytest

from orchestration.resources.dbt_metadata import read_run_results
from orchestration.resources.faults import advice
from orchestration.resources.landing import Landing
from orchestration.resources.orphans import end_orphans
from orchestration.resources.publisher import Publisher
from orchestration.resources.recovery import IN_PROCESS_TAG, clear_remains
from orchestration.resources.warehouse import Warehouse, WarehouseDamagedError, WarehouseLockedError
from orchestration.resources.writer import Writer, running
from stockstrata.errors import StockstrataError
from stockstrata.tables import LEAD_TIME

PERIOD = dt.date(2024, 1, 1)
STARTED = dg.DagsterRunStatus.STARTED


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"this user may not mount a file system here: {done.stderr.strip()}")


@pytest.fixture
def disk(tmp_path) -> Iterator[Callable[[str], Path]]:
    """Mounts small disks, by their size."""
    mounted = []

    def mount(size: str) -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Use up what is left of a disk; the file that does."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as stream:
        size = 1 << 20
        while size:
            try:
                stream.write(b"\0" * size)
            except OSError:
                size //= 2
    return filler


def lead_times(count: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "item_id": [f"item number {number:,} with a long name" for number in range(count)], "location_id": "L",
            "supplier_id": None, "lead_time_days": 3.0, "lead_time_sd_days": 1.0, "receipt_count": 3,
            "lead_time_source_code": "contract", "contract_lead_time_days": None, "evidence_grade": "full",
        },
        columns=[column.name for column in LEAD_TIME.columns if column.name != "period_start_date"],
    )  # fmt: skip


# --- full disks ------------------------------------------------------------------------------------------------------


def test_landing_on_a_full_disk_leaves_no_load_and_lands_when_there_is_room(planned, disk, tmp_path, hashes):
    folder = disk("8m")
    home = tmp_path / "home"
    landing = Landing(
        folder=str(folder / "landing"),
        source_folder=str(planned.source),
        scratch=str(home / "unpacked"),
        period_type="month",
        variables={},
        warehouse_path=str(home / "warehouse.duckdb"),
    )
    filler = fill(folder)
    with pytest.raises(Exception, match="No space left") as failed:
        landing.land(Warehouse(path=landing.warehouse_path))
    told = advice(str(failed.value), home)
    assert "There is no room left" in told
    assert landing.loads() == []
    filler.unlink()
    landing.land(Warehouse(path=landing.warehouse_path))
    found, expected = hashes(home), hashes(planned.home)
    raw = [name for name in expected if name.startswith("raw.")]
    assert {name: found[name] for name in raw} == {name: expected[name] for name in raw}
    assert not list((folder / "landing").glob(".draft-*"))


def test_a_table_that_does_not_fit_on_the_disk_leaves_the_old_rows(disk):
    folder = disk("16m")
    warehouse = Warehouse(path=str(folder / "warehouse.duckdb"))
    warehouse.create_tables()
    warehouse.replace_period(LEAD_TIME, lead_times(10), PERIOD)
    before = warehouse.content_hash(LEAD_TIME.name)
    filler = fill(folder)
    with pytest.raises(duckdb.Error, match="No space left") as failed:
        warehouse.replace_period(LEAD_TIME, lead_times(200_000), PERIOD)
    assert str(folder / "warehouse.duckdb") in advice(str(failed.value), folder)
    assert warehouse.content_hash(LEAD_TIME.name) == before
    filler.unlink()
    assert warehouse.replace_period(LEAD_TIME, lead_times(20), PERIOD) == 20


def test_a_snapshot_that_does_not_fit_leaves_the_old_one_in_force_and_no_draft(disk, tmp_path):
    folder, warehouse = disk("4m"), str(tmp_path / "warehouse.duckdb")
    publisher = Publisher(folder=str(folder), warehouse_path=warehouse)

    def fill_mart(rows: int) -> None:
        with duckdb.connect(warehouse) as connection:
            connection.execute("create schema if not exists marts")
            connection.execute(
                f"create or replace table marts.fct_a as select md5(i::varchar) as i from range({rows}) r(i)"
            )

    fill_mart(10)
    first = publisher.publish("2024-01-01", "r1", keep=5)
    fill_mart(200_000)
    with pytest.raises(duckdb.Error, match="No space left") as failed:
        publisher.publish("2024-02-01", "r2", keep=5)
    assert str(folder) in advice(str(failed.value), tmp_path)
    assert publisher.current() == first.__class__(first.folder, first.marts, is_new=False)
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []
    fill_mart(20)
    assert publisher.publish("2024-02-01", "r2", keep=5).is_new


def test_a_run_on_a_full_disk_ends_with_1_and_says_where_room_is_needed(planned, cli, disk):
    home = disk("512m") / "home"
    shutil.copytree(planned.home, home, symlinks=True)
    fill(home.parent)
    outcome = cli(home, "run", str(planned.source), "--last", "1")
    assert outcome.code == 1, outcome.output
    assert "There is no room left to write" in outcome.output
    assert str(home) in outcome.output
    assert "Traceback" not in outcome.output
    assert cli(home, "status").code == 0


# --- read-only homes -------------------------------------------------------------------------------------------------


@pytest.fixture
def read_only_home(planned, tmp_path) -> Iterator[Path]:
    """The planned home, mounted where nothing can be written."""
    home = tmp_path / "read_only"
    home.mkdir()
    _mount("--bind", str(planned.home), str(home))
    subprocess.run(["mount", "-o", "remount,bind,ro", str(home)], check=True)
    yield home
    subprocess.run(["umount", "--lazy", str(home)], check=True)


def test_a_read_only_home_can_be_looked_at_but_not_run(planned, cli, read_only_home):
    outcome = cli(read_only_home, "run", str(planned.source))
    assert outcome.code == 2, outcome.output
    assert f"{read_only_home}: cannot be used as a home" in outcome.output
    assert "Read-only file system" in outcome.output
    looked = cli(read_only_home, "status")
    assert looked.code == 0, looked.output
    assert "2025-12-01" in looked.output


def test_a_table_on_a_disk_that_became_read_only_keeps_its_rows(disk):
    folder = disk("16m")
    warehouse = Warehouse(path=str(folder / "warehouse.duckdb"))
    warehouse.create_tables()
    warehouse.replace_period(LEAD_TIME, lead_times(10), PERIOD)
    before = warehouse.content_hash(LEAD_TIME.name)
    _mount("-o", "remount,ro", str(folder))
    with pytest.raises(duckdb.Error) as failed:
        warehouse.replace_period(LEAD_TIME, lead_times(20), PERIOD)
    assert "Make it writable" in advice(str(failed.value), folder)
    assert warehouse.content_hash(LEAD_TIME.name) == before
    _mount("-o", "remount,rw", str(folder))
    assert warehouse.replace_period(LEAD_TIME, lead_times(20), PERIOD) == 20


# --- damaged files ---------------------------------------------------------------------------------------------------


def _cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _garble(file: Path) -> None:
    file.chmod(0o644)
    file.write_bytes(os.urandom(20_000))


@pytest.mark.parametrize("damage", [_cut, _garble], ids=["cut off", "garbled"])
def test_a_damaged_warehouse_leads_to_rebuild(planned, cli, tmp_path, damage):
    home = tmp_path / "home"
    home.mkdir()
    for name in ("company.yaml", "warehouse.duckdb"):
        shutil.copyfile(planned.home / name, home / name)
    shutil.copytree(planned.home / "landing", home / "landing")
    damage(home / "warehouse.duckdb")
    with pytest.raises(WarehouseDamagedError, match="stockstrata rebuild"):
        Warehouse(path=str(home / "warehouse.duckdb")).read("select count(*) from raw.demand")
    outcome = cli(home, "run", str(planned.source))
    assert outcome.code == 1, outcome.output
    assert f"{home / 'warehouse.duckdb'} is damaged" in outcome.output
    assert "stockstrata rebuild" in outcome.output
    assert "Traceback" not in outcome.output


def test_a_warehouse_that_is_gone_leads_to_rebuild(planned, cli, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    shutil.copyfile(planned.home / "company.yaml", home / "company.yaml")
    shutil.copytree(planned.home / "landing", home / "landing")
    outcome = cli(home, "run", str(planned.source))
    assert outcome.code == 1, outcome.output
    assert "is missing or empty" in outcome.output
    assert "stockstrata rebuild" in outcome.output


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("company.yaml", 2, "not a company file"),
        ("landing/loads/*.json", 1, "cannot be read as the mark of a load"),
        ("published/current/marts.duckdb", 1, "publish --rollback"),
        ("published/current/manifest.json", 1, "publish --rollback"),
    ],
)
@pytest.mark.parametrize("damage", [_cut, _garble], ids=["cut off", "garbled"])
def test_status_of_a_home_with_a_damaged_file_names_it(planned, cli, tmp_path, name, code, told, damage):
    home = tmp_path / "home"
    for kept in ("company.yaml", "landing/loads", "published"):
        if (planned.home / kept).is_dir():
            shutil.copytree(planned.home / kept, home / kept, symlinks=True)
        else:
            home.mkdir()
            shutil.copyfile(planned.home / kept, home / kept)
    (file,) = home.glob(name)
    damage(file.resolve())
    outcome = cli(home, "status")
    assert outcome.code == code, outcome.output
    assert told in outcome.output
    assert file.name in outcome.output
    assert "Traceback" not in outcome.output


def test_a_run_that_dbt_broke_off_tells_dbts_own_errors(tmp_path):
    lines = [{"info": {"level": "info", "msg": "Running"}}, {"info": {"level": "error", "msg": "IO Error: odd thing"}}]
    (tmp_path / "dbt.log").write_text("\n".join(map(json.dumps, lines)) + '\n{"info": {"lev')
    with pytest.raises(StockstrataError, match=r"it built anything: IO Error: odd thing$"):
        read_run_results(tmp_path, "warehouse.duckdb")


# --- files that another program holds --------------------------------------------------------------------------------


@pytest.fixture
def held(tmp_path) -> Iterator[tuple[Warehouse, subprocess.Popen]]:
    """A warehouse that another program has open until it is told to close it."""
    warehouse = Warehouse(path=str(tmp_path / "warehouse.duckdb"))
    warehouse.create_tables()
    hold = f"import duckdb; held = duckdb.connect({warehouse.path!r}); print('held', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout.readline() == "held\n"
        yield warehouse, program
        program.kill()


def test_a_warehouse_that_another_program_keeps_open_names_its_process(held):
    warehouse, program = held
    told = []
    with pytest.raises(WarehouseLockedError, match=f"Process {program.pid} .* has the warehouse open"):
        warehouse.wait_until_free(told.append, seconds=0.1)
    assert f"Process {program.pid}" in told[0]
    with pytest.raises(dg.RetryRequested):
        warehouse.read("select 1")


def test_a_run_goes_on_when_the_other_program_closes_the_warehouse(held):
    warehouse, program = held
    warehouse.wait_until_free(lambda _: program.communicate("\n"), seconds=60)
    assert warehouse.read("select 1 as one")["one"].tolist() == [1]


def test_a_publication_that_finds_the_warehouse_locked_is_tried_again(held, tmp_path):
    warehouse, _ = held
    with pytest.raises(dg.RetryRequested):
        Publisher(folder=str(tmp_path / "published"), warehouse_path=warehouse.path).publish("2024-01-01", "r", keep=5)
    assert [path.name for path in (tmp_path / "published").iterdir()] == []


# --- what the next writer finds --------------------------------------------------------------------------------------


def test_a_writer_that_died_outside_a_run_is_told_and_its_drafts_are_removed(tmp_path):
    (tmp_path / "landing" / ".draft-7").mkdir(parents=True)
    (tmp_path / ".company.yaml.7").write_text("half")
    fallen = Writer(pid=7, command="publish --rollback", started_at=dt.datetime(2025, 1, 2, 10, 42, tzinfo=dt.UTC))
    with dg.DagsterInstance.ephemeral() as instance:
        (told,) = clear_remains(tmp_path, instance, fallen)
    assert told.startswith("The run of 2025-01-02 10:42 UTC (pid 7, `publish --rollback`) died")
    assert [path.name for path in tmp_path.rglob(".*") if path.name != ".running"] == []


def test_a_run_whose_end_could_not_be_noted_is_closed_by_the_next_writer(tmp_path):
    """On a full disk Dagster's record takes nothing any more; the process that executed the run lived on."""
    with dg.DagsterInstance.ephemeral() as instance:
        noted = instance.add_run(dg.DagsterRun("land", status=STARTED, tags={IN_PROCESS_TAG: "true"}))
        launched = instance.add_run(dg.DagsterRun("land", status=STARTED))
        with running(tmp_path, "at work"):
            at_work = instance.add_run(
                dg.DagsterRun("land", run_id="at work", status=STARTED, tags={IN_PROCESS_TAG: "true"})
            )
            (told,) = clear_remains(tmp_path, instance, None)
        found = [instance.get_run_by_id(run.run_id).status for run in (noted, launched, at_work)]
    assert noted.run_id in told
    # One that Dagster has launched may still be importing the project.
    assert found == [dg.DagsterRunStatus.FAILURE, STARTED, STARTED]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("OSError: [Errno 28] No space left on device: '/data/x/landing/a.parquet'", "df -h /data/x/landing"),
        ("(sqlite3.OperationalError) database or disk is full\n[SQL: '/no/path']", "room left to write /home/h."),
        ("[Errno 13] Permission denied: '/data/x'", "/data/x cannot be written to"),
        ("(sqlite3.OperationalError) attempt to write a readonly database", "/home/h cannot be written to"),
        ("dbt was killed by signal 9 before it had finished", "memory runs out"),
        ("(sqlite3.OperationalError) disk I/O error\n[SQL: PRAGMA main.table_xinfo]", "no room left on the disk"),
        ("[Errno 5] Input/output error: '/data/x'", "dmesg"),
        ("(sqlite3.DatabaseError) database disk image is malformed", "run history"),
        ("an error of the planning", None),
    ],
)  # fmt: skip
def test_faults_are_known_by_their_words(text, told):
    found = advice(text, Path("/home/h"))
    assert (found is None) == (told is None)
    assert told is None or told in found


def test_what_a_dead_run_left_at_work_in_the_home_is_ended_and_nothing_else(tmp_path):
    home, other = tmp_path / "home", tmp_path / "other"

    of_dbt = {"DAGSTER_DBT_CLI": "true", "STOCKSTRATA_WAREHOUSE": str(home / "warehouse.duckdb")}
    # Orphans, as those of a process that is killed: the shell that started them is gone.
    script = (
        "import os, subprocess; print(*(subprocess.Popen(['sleep', '60'], env={**os.environ, **variables}, "
        "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid for variables in (\n"
        f"    {of_dbt!r},\n"
        f"    dict(STOCKSTRATA_HOME={str(home / '.replay-x')!r}),\n"
        f"    dict(DAGSTER_DBT_CLI='true', STOCKSTRATA_WAREHOUSE={str(other / 'warehouse.duckdb')!r}),\n"
        f"    dict(STOCKSTRATA_HOME={str(home)!r}),\n"
        ")))"
    )
    started = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    dbt_pid, replay_pid, other_pid, dagster_pid = map(int, started.stdout.split())
    own = subprocess.Popen(["sleep", "60"], env={**os.environ, **of_dbt})  # a child of ours is no orphan
    try:
        told = end_orphans(home)
        assert sorted(told) == [
            f"A computation in a scratch home (process {replay_pid}), left by a run that is dead, was ended.",
            f"dbt (process {dbt_pid}), left by a run that is dead, was ended.",
        ]
        is_alive = {pid: _is_alive(pid) for pid in (dbt_pid, replay_pid, other_pid, dagster_pid, own.pid)}
        assert is_alive == {dbt_pid: False, replay_pid: False, other_pid: True, dagster_pid: True, own.pid: True}
    finally:
        own.kill()
        own.wait()
        for pid in (other_pid, dagster_pid):
            os.kill(pid, signal.SIGKILL)


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
