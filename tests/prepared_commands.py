"""The command line in processes of its own, copied from one that has loaded the libraries: run by `conftest.py`.

A command spends seconds on loading libraries before it reads its first setting. Here that is done once: each command
is a copy of this process that has read no setting, with an environment, arguments and output of its own. It reads
requests, a line of JSON each, and answers through a pipe that the request names.
"""

import atexit
import datetime as dt
import importlib
import json
import os
import runpy
import sys
import traceback
import types
import warnings
from typing import Any, NoReturn

# What a run loads besides: most of it inside functions, when it is wanted.
_LIBRARIES = (
    "dagster", "dagster_dbt", "duckdb", "great_expectations", "hierarchicalforecast", "lightgbm", "mlforecast", "numba",
    "pyarrow.parquet", "scipy.stats", "sqlalchemy.dialects.sqlite", "sqlglot.optimizer", "statsforecast.models",
    "statsmodels.api", "orchestration.cli",
)  # fmt: skip


def main() -> None:
    warnings.simplefilter("ignore")
    for name in _LIBRARIES:
        importlib.import_module(name)
    assert "orchestration.partitions" not in sys.modules, "settings are read there, and are a command's own"
    watchers = 0
    for line in sys.stdin:
        watchers += 1
        if os.fork() == 0:
            _watch(json.loads(line))
        while watchers and os.waitpid(-1, os.WNOHANG)[0]:
            watchers -= 1
    for _ in range(watchers):
        os.wait()


def _watch(asked: dict[str, Any]) -> NoReturn:
    """Tell the number of a command's process, and its exit code once it has ended."""
    told = os.open(asked.pop("told"), os.O_WRONLY)
    process = os.fork()
    if process == 0:
        os.close(told)
        _run(**asked)
    os.write(told, f"{process}\n".encode())
    _, status = os.waitpid(process, 0)
    os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _run(module: str, arguments: list[str], environment: dict[str, str], output: str, days_later: int) -> NoReturn:
    """Run one command and end as its process would, but for what libraries clear away of threads that are no copies."""
    _become(environment, output)
    code: object = 1
    try:
        sys.argv = [module, *arguments]
        if days_later:
            _shift_the_clock(days_later)
        if module == "orchestration.cli":
            importlib.import_module(module).main()
        else:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001  # shown as the interpreter would
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def _become(environment: dict[str, str], output: str) -> None:
    """Take on a process's environment and output; there is no input."""
    for place, flags, streams in (
        (output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, (1, 2)),
        (os.devnull, os.O_RDONLY, (0,)),
    ):
        file = os.open(place, flags)
        for stream in streams:
            os.dup2(file, stream)
        os.close(file)
    # Whoever follows the output waits for its lines.
    sys.stdout.reconfigure(line_buffering=True)
    os.environ.clear()
    os.environ.update(environment)


def _shift_the_clock(days_later: int) -> None:
    """Landing stamps loads, the warehouse stamps rows.

    Nothing else that is kept reads the clock, but for Dagster, whose periods are closed on both days.
    """
    from orchestration.resources import landing, warehouse

    days = dt.timedelta(days=days_later)

    class Shifted(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
            return dt.datetime.now(tz) + days

    for module in (landing, warehouse):
        module.dt = types.SimpleNamespace(**{**vars(dt), "datetime": Shifted})


if __name__ == "__main__":
    main()
