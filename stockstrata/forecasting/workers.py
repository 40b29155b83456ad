"""Running chunks of series in other processes: the same outcome on any number of them, and no process left behind."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import active_children, connection, get_context, parent_process
from typing import Protocol, TypeVar

from stockstrata.errors import PlanningError
from stockstrata.forecasting import engine
from stockstrata.forecasting.outcome import PoolTask, SeriesOutcome
from stockstrata.forecasting.pool import forecast_pool

T = TypeVar("T")
R = TypeVar("R")

DEAR_WORK_MILLISECONDS = 20_000.0
"""Work from which processes pay: each costs two to three seconds of imports."""


class TaskMap(Protocol):
    """Whatever can apply a function to tasks: this process, processes beside it, or a cluster."""

    def __call__(self, function: Callable[[T], R], tasks: Sequence[T], *, milliseconds: float) -> list[R]:
        """The result of each task, in their order.

        Args:
            function: at the top of a module, so that other processes can import it.
            tasks: picklable.
            milliseconds: rough work of all tasks on one core.
        """
        ...


def forecast_tasks(tasks: Sequence[PoolTask], workers: int, task_map: TaskMap | None = None) -> list[SeriesOutcome]:
    """The outcome of each task, in their order.

    Args:
        tasks: chunks of series.
        workers: processes that may be used on this machine.
        task_map: where the tasks are worked on; None for this machine.

    Raises:
        PlanningError: a worker process died.
    """
    work = sum(len(task.horizon) * engine.milliseconds([model.model_code for model in task.models]) for task in tasks)
    return (task_map or LocalMap(workers))(forecast_pool, tasks, milliseconds=work)


@dataclass(frozen=True)
class LocalMap:
    """Tasks on this machine: in this process where there is little work, else in processes of their own.

    Attributes:
        workers: processes that may be used.

    Example: `LocalMap(2)(forecast_pool, tasks, milliseconds=60_000.0)`.
    """

    workers: int

    def __call__(self, function: Callable[[T], R], tasks: Sequence[T], *, milliseconds: float) -> list[R]:
        """The result of each task, in their order.

        Raises:
            PlanningError: a worker process died.
        """
        if self.workers <= 1 or len(tasks) < 2 or milliseconds < DEAR_WORK_MILLISECONDS:
            return [function(task) for task in tasks]
        count = min(self.workers, len(tasks))
        others = set(active_children())
        executor = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_end_with_parent)
        try:
            return list(executor.map(function, tasks))
        except BrokenProcessPool:
            # The executor asks its other processes to end, but waits for ever for one that it had only just started.
            for process in set(active_children()) - others:
                process.kill()
            raise PlanningError(
                f"forecast: one of {count} worker processes was ended from outside while models were fitted, as the "
                "system does when memory runs out; nothing was written. Free memory, or set STOCKSTRATA_WORKERS to "
                "fewer processes (1 forecasts in the main process), and run again."
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
