"""Fitting models on a cluster: tasks go out and outcomes come back through Fugue, on Dask, Ray or Spark.

What a task gives depends on the task alone, so a cluster changes no byte (docs/decisions/0086). Each engine finds its
cluster by settings of its own, which docs/runbook.md names.
"""

import base64
import pickle
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import pandas as pd

from orchestration.resources.forecast_code import code_version
from orchestration.resources.settings import COMPANY_FILE, EngineCode
from stockstrata.errors import InputError, PlanningError
from stockstrata.forecasting.workers import R, T, TaskMap

_PACKAGES = {"dask": "distributed", "ray": "ray", "spark": "pyspark"}
"""What an engine imports; `fugue[<engine>]` installs it."""

_OUTCOME_COLUMNS = "task_number:long,outcome_text:str"

LONGEST_WAIT_SECONDS = 60
"""A cluster that shows no worker within a minute has none."""


def task_map(engine: EngineCode) -> TaskMap | None:
    """Where models are fitted.

    Args:
        engine: as in company.yaml.

    Returns:
        None for this machine.

    Raises:
        InputError: the engine's package is not installed.

    Example: `forecast_segments(..., task_map=task_map("dask"))`.
    """
    if engine == "local":
        return None
    module = _PACKAGES[engine]
    if find_spec(module) is None:
        raise InputError(
            f"{COMPANY_FILE}: forecast_engine is {engine}, but the package {module} is not installed. Run `pip install "
            f"'fugue[{engine}]'` here and on every worker, or set forecast_engine to local."
        )
    return ClusterMap(engine)


@dataclass(frozen=True)
class ClusterMap:
    """Tasks on the workers of a cluster, each in a partition of its own.

    Attributes:
        engine: dask, ray or spark.
    """

    engine: EngineCode

    def __call__(self, function: Callable[[T], R], tasks: Sequence[T], *, milliseconds: float) -> list[R]:
        """The result of each task, in their order; what a task raises is raised here.

        Raises:
            PlanningError: the cluster failed, a worker died, or a worker holds other code.
        """
        if not tasks:
            return []
        frame = pd.DataFrame(
            {
                "task_number": range(len(tasks)),
                "code_text": code_version(),
                # Text, because Dask reads columns of bytes as UTF-8.
                "task_text": [_text((function, task)) for task in tasks],
            }
        )
        try:
            found = self._worked(frame)
        except Exception as error:
            raise PlanningError(
                f"forecast: {self.engine} did not finish the {len(tasks)} tasks of the forecast "
                f"({type(error).__name__}: {_first_line(error)}); nothing was written. A worker that is ended from "
                "outside mostly ran out of memory: see the cluster's log, give workers more memory or fewer threads, "
                f"and run again, or set forecast_engine in {COMPANY_FILE} to local."
            ) from error
        outcomes = dict(zip(found["task_number"], found["outcome_text"], strict=True))
        return [_outcome(outcomes[number]) for number in range(len(tasks))]

    def _worked(self, frame: pd.DataFrame) -> pd.DataFrame:
        # Imported here because the import costs a second, which only a cluster should pay.
        from fugue.dataframe.api import as_pandas
        from fugue.workflow.api import transform

        with _cluster(self.engine) as engine:
            answer = transform(
                frame,
                _work,
                schema=_OUTCOME_COLUMNS,
                partition={"num": len(frame), "algo": "even"},
                engine=engine,
                as_fugue=True,
            )
            return as_pandas(answer)


@contextmanager
def _cluster(engine: EngineCode) -> Iterator[Any]:
    """What Fugue knows the engine by; a Dask client is closed again, and with it a cluster that it had to start."""
    if engine != "dask":
        yield engine
        return
    from distributed import Client

    with Client() as client:
        client.wait_for_workers(1, timeout=LONGEST_WAIT_SECONDS)
        yield client


def _work(frame: pd.DataFrame) -> pd.DataFrame:
    """Work on the tasks of a partition, on a worker."""
    outcomes = [_answer(code, task) for code, task in zip(frame["code_text"], frame["task_text"], strict=True)]
    return pd.DataFrame({"task_number": frame["task_number"], "outcome_text": outcomes})


def _answer(code_text: str, task_text: str) -> str:
    if code_text != code_version():
        return _text(
            PlanningError(
                "forecast: a worker of the cluster holds other code or other versions of the numeric libraries than "
                "the run; install the same release and requirements.lock on every worker."
            )
        )
    try:
        function, task = _value(task_text)
        return _text((function(task),))
    except Exception as error:  # noqa: BLE001 - goes home and is raised there, as on one machine
        error.add_note(f"On a worker of the cluster:\n{traceback.format_exc()}")
        return _text(error)


def _outcome(text: str) -> Any:
    answer = _value(text)
    if isinstance(answer, Exception):
        raise answer
    return answer[0]


def _text(value: object) -> str:
    return base64.b64encode(pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)).decode("ascii")


def _value(text: str) -> Any:
    return pickle.loads(base64.b64decode(text))  # noqa: S301 - written by this module, on this company's own cluster


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no message"])[0]
