"""Running chunks of series in other processes: the same outcome on any number of them, and no process left behind."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, connection, get_context, parent_process
from typing import TypeVar

from stockstrata.errors import PlanningError
from stockstrata.forecasting import engine
from stockstrata.forecasting.outcome import PoolTask, SeriesOutcome
from stockstrata.forecasting.pool import forecast_pool

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

DEAR_WORK_MILLISECONDS = 20_000.0
"""Work from which processes pay: each costs two to three seconds of imports."""


def forecast_tasks(tasks: Sequence[PoolTask], workers: int) -> list[SeriesOutcome]:
    """The outcome of each task, in their order.

    Args:
        tasks: chunks of series.
        workers: processes that may be used.

    Raises:
        PlanningError: a worker process died.
    """
    work = sum(len(task.horizon) * engine.milliseconds([model.model_code for model in task.models]) for task in tasks)
    return spread(forecast_pool, tasks, workers, work_milliseconds=work)


def spread(
    function: Callable[[_Task], _Result], tasks: Sequence[_Task], workers: int, *, work_milliseconds: float
) -> list[_Result]:
    """What a function gives for each task, in their order, on several processes where the work is worth them.

    Args:
        function: importable by name, depends on nothing but its task.
        tasks: picklable.
        workers: processes that may be used.
        work_milliseconds: rough time of all tasks on one core.

    Raises:
        PlanningError: a worker process died.
    """
    if workers <= 1 or len(tasks) < 2 or work_milliseconds < DEAR_WORK_MILLISECONDS:
        return [function(task) for task in tasks]
    count = min(workers, len(tasks))
    others = set(active_children())
    executor = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_end_with_parent)
    try:
        return list(executor.map(function, tasks))
    except BrokenProcessPool:
        # The executor asks its other processes to end, but waits for ever for one that it had only just started then.
        for process in set(active_children()) - others:
            process.kill()
        raise PlanningError(
            f"forecast: one of {count} worker processes was ended from outside while models were fitted, as the system "
            "does when memory runs out; nothing was written. Free memory, or set STOCKSTRATA_WORKERS to fewer "
            "processes (1 forecasts in the main process), and run again."
        ) from None
    finally:
        executor.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """End this worker when the main process dies: nobody else would, and it would hold its memory for ever."""
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_await_end, args=(parent.sentinel,), daemon=True).start()


def _await_end(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
