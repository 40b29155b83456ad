"""Worker processes of the forecast: one that dies is told, and none outlives the run."""

import dataclasses
import datetime as dt
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from stockstrata.errors import PlanningError
from stockstrata.forecasting import workers
from stockstrata.forecasting.outcome import PoolTask
from stockstrata.forecasting.workers import forecast_tasks
from stockstrata.parameters import planning_parameters

_PARENT = """
import os, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from stockstrata.forecasting.workers import _end_with_parent

if __name__ == "__main__":
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_end_with_parent) as executor:
        print(executor.submit(os.getpid).result(), flush=True)
        time.sleep(60)
"""

# One of two workers is killed from outside, as soon as one process is there or once both are at work.
_KILLED = """
import os, signal, sys, threading, time
from pathlib import Path
import psutil
from stockstrata.errors import PlanningError
from stockstrata.forecasting.workers import LocalMap

def slow(folder):
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(120)

def workers():
    children = psutil.Process().children(recursive=True)
    return [one for one in children if any("spawn_main" in part for part in one.cmdline())]

def kill(folder, awaited):
    while len(os.listdir(folder) if awaited == "both at work" else workers()) < (2 if awaited == "both at work" else 1):
        time.sleep(0.001)
    workers()[0].send_signal(signal.SIGKILL)

if __name__ == "__main__":
    # Workers inherit this: like one that has only just started, they do not end when they are asked to.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=kill, args=sys.argv[1:], daemon=True).start()
    try:
        LocalMap(2)(slow, [sys.argv[1]] * 6, milliseconds=1e9)
    except PlanningError as error:
        print(error)
    print("left:", len(workers()))
"""


class _Killer:
    """Ends the process that unpickles it, as the system does when memory runs out."""

    def __reduce__(self):
        return os._exit, (1,)


def test_a_worker_that_dies_is_told_and_nobody_waits(parameter_tables, monkeypatch):
    monkeypatch.setattr(workers, "DEAR_WORK_MILLISECONDS", 0.0)
    parameters = planning_parameters(parameter_tables, as_of=dt.date(2025, 1, 1), version="test")
    models = tuple(model for model in parameters.forecast_pools if model.pool_code == "short")
    settings = next(found for found in parameters.forecast_settings if found.pool_code == "short")
    task = PoolTask(models, settings, 52, np.ones((1, 60)), np.array([4.0]), 13, np.array([""]))
    with pytest.raises(PlanningError, match=r"memory runs out.*STOCKSTRATA_WORKERS"):
        forecast_tasks([task, dataclasses.replace(task, demand_qty=_Killer())], 2)


@pytest.mark.parametrize("awaited", ["one started", "both at work"])
def test_a_worker_killed_in_its_task_ends_the_call_at_once_and_leaves_no_process(tmp_path, awaited):
    program, folder = tmp_path / "killed.py", tmp_path / "at_work"
    program.write_text(_KILLED, encoding="utf-8")
    folder.mkdir()
    # The tasks would take six minutes: to be back within one, nobody may have waited for them.
    done = subprocess.run(
        [sys.executable, str(program), str(folder), awaited], capture_output=True, text=True, timeout=60, check=True
    )
    assert "one of 2 worker processes was ended from outside" in done.stdout, done.stderr
    assert "left: 0" in done.stdout


def test_a_worker_ends_when_the_run_is_killed(tmp_path):
    program = tmp_path / "parent.py"
    program.write_text(_PARENT, encoding="utf-8")
    parent = subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 20
    while _is_running(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_running(worker)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # Where nobody collects orphans, a process that has ended stays as a zombie.
    stat = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    return stat.stdout.strip() != "" and not stat.stdout.startswith("Z")
