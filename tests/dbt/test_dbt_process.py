"""dbt by a process that is kept ready: what it answers, what it keeps, and what is known when it is killed."""

import json
import os
import signal
from typing import Any

import psutil
import pytest

from orchestration.resources.dbt import PARTIAL_PARSE
from orchestration.resources.dbt_process import start_dbt

WORKER = "dbt_worker.py"


@pytest.fixture
def start(project: Any, parsed_project: Any, dbt_folder: Any):
    """Starts an invocation of dbt on the project's warehouse."""
    parsed, target = parsed_project / PARTIAL_PARSE, project.folder / "served"
    target.mkdir(exist_ok=True)
    places = {"DBT_TARGET_PATH": target, "DBT_LOG_PATH": target}
    places |= {"DBT_PROJECT_DIR": dbt_folder, "DBT_PROFILES_DIR": dbt_folder}
    environment = {**os.environ, **{name: str(place) for name, place in places.items()}}
    return lambda *arguments: start_dbt(arguments, environment, parsed)


def workers() -> list[psutil.Process]:
    children = psutil.Process().children()
    return [child for child in children if child.is_running() and any(WORKER in part for part in child.cmdline())]


def events(process: Any) -> list[dict]:
    with process.stdout:
        return [json.loads(line) for line in process.stdout]


def test_invocations_answer_with_events_and_leave_results(start, project):
    built = start("seed", "--select", "kpi_targets")
    told = [event["info"]["name"] for event in events(built)]
    assert built.wait() == 0
    assert "LogSeedResult" in told
    assert (project.folder / "served" / "run_results.json").exists()
    (kept,) = workers()
    again = start("seed", "--select", "kpi_targets")
    assert "LogSeedResult" in [event["info"]["name"] for event in events(again)]
    assert again.wait() == 0
    assert workers() == [kept], "the second one was served by another process"
    assert project.query("select count(*) > 0 from parameters.kpi_targets") == [(True,)]


def test_a_failure_has_dbts_exit_code_and_its_message_in_the_log(start, project):
    failed = start("run", "--select", "dim_item")  # its parents were never built
    assert any("does not exist" in event["info"]["msg"] for event in events(failed))
    assert failed.wait() == 1
    log = (project.folder / "served" / "dbt.log").read_text(encoding="utf-8").splitlines()
    assert any(json.loads(line)["info"]["level"] == "error" for line in log)
    misused = start("run", "--no-such-option")
    assert "no-such-option" in b"".join(misused.stdout).decode()
    assert misused.wait() == 2


def test_an_invocation_that_is_killed_says_by_which_signal_and_the_next_one_runs(start):
    kept, killed = workers(), start("build")
    next(iter(killed.stdout))
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert start("parse").wait() == 0
    assert workers() == kept


def test_when_the_process_that_is_kept_is_killed_the_invocation_counts_as_killed_and_another_one_serves(start):
    assert start("parse").wait() == 0
    (kept,) = workers()
    orphan = start("build")
    next(iter(orphan.stdout))
    kept.kill()
    os.kill(orphan.pid, signal.SIGKILL)
    assert orphan.wait() == -signal.SIGKILL
    assert start("parse").wait() == 0
    (other,) = workers()
    assert other != kept


def test_an_invocation_that_was_let_go_of_is_ended_before_the_next(start):
    let_go = start("build")
    next(iter(let_go.stdout))
    assert start("parse").wait() == 0
    assert not psutil.pid_exists(let_go.pid)


def test_the_process_that_is_kept_is_known_by_its_environment_when_its_run_dies(start, project):
    assert start("parse").wait() == 0
    (kept,) = workers()
    assert kept.environ()["STOCKSTRATA_WAREHOUSE"] == str(project.warehouse)
