"""Processes that a run left behind when it died: nobody waits for them, but they keep the warehouse open."""

from collections.abc import Iterator
from pathlib import Path

import psutil

_PATIENCE_SECONDS = 10.0
_DBT = ("DAGSTER_DBT_CLI", "STOCKSTRATA_WAREHOUSE")


def end_orphans(home: Path) -> list[str]:
    """End what still works in a home for a run that died. Call it as the home's sole writer.

    dbt works on the warehouse, and a replay in a scratch home, as processes of their own: they go on when the run that
    started them is killed. A model that dbt is building is a transaction, so ending it leaves no half table.

    Args:
        home: the home.

    Returns:
        What was ended, one sentence each.
    """
    found = list(_orphans(home))
    for process, _ in found:
        _end(process)
    return [f"{what} (process {process.pid}), left by a run that is dead, was ended." for process, what in found]


def _orphans(home: Path) -> Iterator[tuple[psutil.Process, str]]:
    own = psutil.Process()
    ours = {own.pid, *(process.pid for process in (*own.parents(), *own.children(recursive=True)))}
    for process in psutil.process_iter():
        try:
            environment = {} if process.pid in ours else process.environ()
        except psutil.Error:
            continue
        flag, warehouse = (environment.get(name, "") for name in _DBT)
        if flag and warehouse and Path(warehouse).is_relative_to(home):
            yield process, "dbt"
        elif home in Path(environment.get("STOCKSTRATA_HOME", "/")).parents:
            yield process, "A computation in a scratch home"


def _end(process: psutil.Process) -> None:
    try:
        process.terminate()
        process.wait(_PATIENCE_SECONDS)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(_PATIENCE_SECONDS)
    except psutil.NoSuchProcess:
        pass
