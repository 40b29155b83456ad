"""Several at one home: one writes at a time, the others say for whom they wait, readers see one cycle or the next."""

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.resources.publisher import Publisher
from orchestration.resources.writer import sole_writer

NEW = "2025-12-01"
_PUBLISH = ("dagster", "asset", "materialize", "-m", "orchestration.definitions", "--partition", NEW, "--select",
            "published/marts")  # fmt: skip
_READ_AGAIN_AND_AGAIN = """
import sys, threading, duckdb
file, done = sys.argv[1], threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), done.set()), daemon=True).start()
cycles, reads = [], 0
print("reading", flush=True)
is_last = False
while not is_last:
    is_last = done.is_set()
    with duckdb.connect(file, read_only=True) as connection:
        seen = {connection.execute(f"select max(cycle) from {name}").fetchall()[0][0] for name in ("fct_a", "fct_b")}
    assert len(seen) == 1, f"a mix of cycles: {seen}"
    reads += 1
    cycles += [] if cycles[-1:] == list(seen) else list(seen)
print(reads, *cycles)
"""


def holder(home: Path) -> str:
    """Who holds the home, as it stands in the home."""
    try:
        return (home / ".lock-holder.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


@pytest.fixture(scope="module")
def queue(copied, background):
    """This process holds the home and a Dagster run waits for it; then a command waits for the Dagster run."""
    home = copied()
    with sole_writer(home, "a long test", print):
        run = background(home, *_PUBLISH)
        run.wait_for("Waiting for process")
        assert run.process.poll() is None
    while "Dagster run" not in holder(home):
        assert run.process.poll() is None, run.output
        time.sleep(0.005)
    run.process.send_signal(signal.SIGSTOP)
    command = background(home, "orchestration.cli", "publish", "--rollback")
    command.wait_for("Waiting for process")
    run.process.send_signal(signal.SIGCONT)
    assert (run.end(), command.end()) == (0, 0), run.output + command.output
    return home, run, command


def test_a_dagster_run_says_in_its_event_log_for_whom_it_waits(queue):
    home, _, _ = queue
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        newest = instance.get_runs(limit=1)[0]
        told = [entry.user_message for entry in instance.all_logs(newest.run_id)]
    waits = [line for line in told if line.startswith("Waiting for")]
    assert len(waits) == 1
    assert f"process {os.getpid()} (`a long test`, since" in waits[0]


def test_a_command_says_for_which_dagster_run_it_waits(queue):
    _, run, command = queue
    (waits,) = [line for line in command.lines if line.startswith("Waiting for")]
    assert f"process {run.pid} (`Dagster run " in waits
    assert command.lines.index(waits) < next(n for n, line in enumerate(command.lines) if "In force again" in line)


def test_the_home_is_free_afterwards(queue, is_cleared):
    home, _, _ = queue
    assert holder(home) == ""
    is_cleared(home)


def test_a_reader_sees_one_cycle_or_the_next_and_never_an_error(tmp_path):
    """Twenty publications, each of which also removes an old snapshot, under a process that opens them all the time."""
    warehouse, publisher = (
        tmp_path / "warehouse.duckdb",
        Publisher(folder=str(tmp_path / "published"), warehouse_path=str(tmp_path / "warehouse.duckdb")),
    )

    def publish(cycle: int) -> None:
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute("create schema if not exists marts")
            for name in ("fct_a", "fct_b"):
                connection.execute(
                    f"create or replace table marts.{name} as select {cycle} as cycle, i from range(20000) as r(i)"
                )
        publisher.publish(dt.date(2024, 1, 1).isoformat(), f"run {cycle}", keep=2)

    publish(0)
    with subprocess.Popen(
        [sys.executable, "-c", _READ_AGAIN_AND_AGAIN, str(tmp_path / "published" / "current" / "marts.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdout.readline() == "reading\n"
        for cycle in range(1, 21):
            publish(cycle)
        told, errors = reader.communicate()
    assert reader.returncode == 0, errors
    reads, *cycles = map(int, told.split())
    assert reads > 20
    assert cycles == sorted(cycles)
    assert cycles[-1] == 20
    assert len(cycles) > 5
