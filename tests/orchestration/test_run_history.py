"""Run history: safe from a process that dies, followed while it is written, without a wait for the disk an event."""

import os
import signal
import subprocess
import sys
import threading

import dagster as dg
import psutil
import pytest
import sqlalchemy as sa
from dagster import DagsterRunStatus

from orchestration.resources.run_history import quicken_run_history

WRITE_AND_DIE = """
import os, signal, sys
import dagster as dg
from orchestration.resources.run_history import quicken_run_history
quicken_run_history()

@dg.op
def say(context):
    for number in range(20):
        context.log.info(f"line {number}")

@dg.job
def talk():
    say()

with dg.DagsterInstance.local_temp(sys.argv[1]) as instance:
    assert talk.execute_in_process(instance=instance, run_id=sys.argv[2]).success
    os.kill(os.getpid(), signal.SIGKILL)
"""
RUN_ID = "11111111-2222-4333-8444-555555555555"


def write_and_die(folder) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", WRITE_AND_DIE, str(folder), RUN_ID], capture_output=True, check=False)


def test_a_process_that_is_killed_loses_no_event(tmp_path):
    assert write_and_die(tmp_path).returncode == -signal.SIGKILL
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        told = [event.user_message for event in instance.all_logs(RUN_ID)]
        run = instance.get_run_by_id(RUN_ID)
    assert [line for line in told if line.startswith("line ")] == [f"line {number}" for number in range(20)]
    assert run is not None
    assert run.status is DagsterRunStatus.SUCCESS


def test_a_page_that_follows_a_run_hears_of_its_events_while_it_runs(tmp_path):
    heard, has_ended = [], threading.Event()

    def hear(event, _cursor) -> None:
        heard.append(event.user_message)
        if event.dagster_event and event.dagster_event.event_type_value == "PIPELINE_SUCCESS":
            has_ended.set()

    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        instance.watch_event_logs(RUN_ID, None, hear)
        try:
            write_and_die(tmp_path)
            assert has_ended.wait(20)
        finally:
            instance.end_watch_event_logs(RUN_ID, hear)
    assert "line 19" in heard


@pytest.fixture
def opened(tmp_path):
    """Opens a file as Dagster does: an engine without a pool, one connection a piece of work."""
    quicken_run_history()

    def open_(name: str) -> str:
        engine = sa.create_engine(f"sqlite:///{tmp_path / name}", poolclass=sa.pool.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql("pragma journal_mode = wal")
        with engine.connect() as connection, connection.begin():
            connection.exec_driver_sql("create table if not exists t (x)")
            return connection.exec_driver_sql("pragma synchronous").scalar()

    return open_


def test_commits_wait_for_no_disk_and_the_log_outlives_the_connection(opened, tmp_path):
    normal = 1
    assert opened("index.db") == normal
    assert (tmp_path / "index.db-wal").stat().st_size > 0


def test_a_process_that_looks_at_many_runs_keeps_few_files_open(opened, tmp_path):
    for number in range(30):
        opened(f"run{number}.db")
    kept = {file.path for file in psutil.Process(os.getpid()).open_files() if file.path.startswith(str(tmp_path))}
    assert {path for path in kept if path.endswith(".db")} == {str(tmp_path / f"run{n}.db") for n in range(22, 30)}
