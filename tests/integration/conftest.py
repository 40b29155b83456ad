"""What the tests of faults share: commands in the background, homes to do harm to, and what must be left of them."""

import os
import shutil
import signal
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from orchestration.resources.warehouse import table_hash

# When a row became known is the moment of the run that landed it.
CLOCK_COLUMNS = ("known_from_at", "known_to_at")
SCHEMAS = ("raw", "quality", "parameters", "intermediate", "segmentation", "forecast", "policy", "simulation", "marts")


class Background:
    """A command under way in a process of its own, and what it has printed."""

    def __init__(self, start: Callable[..., Any], output: Path, home: Path, module: str, *arguments: str) -> None:
        environment = {**os.environ, "STOCKSTRATA_HOME": str(home), "DAGSTER_HOME": str(home / "dagster")}
        os.mkfifo(output)
        self._output = output
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.process = start(module, arguments, {**environment, "COLUMNS": "250", "NO_COLOR": "1"}, output)
        self.pid = self.process.pid

    def _read(self) -> None:
        with self._output.open(encoding="utf-8", errors="replace") as output:
            for line in output:
                self.lines.append(line.rstrip())

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, text: str) -> None:
        """Wait until it has printed a text."""
        while text not in self.output:
            assert self.process.poll() is None, f"ended before it printed {text!r}:\n{self.output}"
            time.sleep(0.01)

    def kill(self, *, after: str, seconds: float, until: Callable[[], bool] = lambda: True) -> str:
        """kill -9, so many seconds after it has printed a text and something is the case; what it had printed."""
        self.wait_for(after)
        while not until() and self.process.poll() is None:
            time.sleep(0.01)
        time.sleep(seconds)
        assert self.process.poll() is None, f"ended before it could be killed:\n{self.output}"
        self.process.send_signal(signal.SIGKILL)
        self.end()
        return self.output

    def end(self) -> int:
        """Wait for its end; its exit code."""
        code = self.process.wait()
        self._reader.join(timeout=5)
        return code


@pytest.fixture(scope="session")
def background(prepared_commands, tmp_path_factory) -> Callable[..., Background]:
    """Start `python -m ...` on a home: `background(home, "orchestration.cli", "run", ...)`."""
    folder = tmp_path_factory.mktemp("outputs")
    return lambda *command: Background(prepared_commands.start, folder / uuid.uuid4().hex, *command)


@pytest.fixture(scope="session")
def copied(planned, tmp_path_factory) -> Callable[[], Path]:
    """Copies of the planned home, to do harm to."""

    def copy() -> Path:
        home = tmp_path_factory.mktemp("harmed") / "home"
        shutil.copytree(planned.home, home, symlinks=True)
        return home

    return copy


def _hashes(home: Path) -> dict[str, tuple[str, int]]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        names = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() "
            f"where schema_name in {SCHEMAS} and not starts_with(table_name, 'audit_') and table_name <> 'run_step' "
            "union all select schema_name || '.' || view_name from duckdb_views() where schema_name = 'raw' "
            "order by all"
        ).fetchall()
        return {name: table_hash(connection, name, leave_out=CLOCK_COLUMNS) for (name,) in names}


@pytest.fixture(scope="session")
def hashes() -> Callable[..., dict[str, tuple[str, int]]]:
    """Content hash and rows of every table of a home's warehouse, what tells of the run itself left out."""
    return _hashes


def _is_cleared(home: Path) -> None:
    """No draft, lock or run in progress is left in a home, and no place in a pool is taken."""
    strays = [path for path in home.rglob(".*") if path.name not in {".lock", ".running"}]
    assert [path for path in strays if "dagster" not in path.parts and path.name != ".user.yml"] == []
    assert list((home / ".running").iterdir()) == []
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        assert [run for run in instance.get_runs() if not run.is_finished] == []
        for pool in instance.event_log_storage.get_concurrency_keys():
            claims = instance.event_log_storage.get_concurrency_info(pool)
            assert (claims.claimed_slots, claims.pending_steps) == ([], [])


@pytest.fixture(scope="session")
def is_cleared() -> Callable[[Path], None]:
    """Asserts that nothing is left behind in a home of runs that died."""
    return _is_cleared
