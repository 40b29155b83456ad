"""Fixtures shared by all tests: homes of their own, the command line as a user runs it, a planned tiny company."""

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import filelock
import pytest

PROJECT_ROOT = Path(__file__).resolve().parents[1]


def pytest_configure(config: pytest.Config) -> None:
    """One folder of caches for all workers, that nobody else has written to."""
    if not hasattr(config, "workerinput"):
        caches = tempfile.TemporaryDirectory(prefix="stockstrata-caches-")
        config.add_cleanup(caches.cleanup)
        os.environ["XDG_CACHE_HOME"] = caches.name


@dataclass(frozen=True)
class Outcome:
    """What a command gave back."""

    code: int
    output: str


@dataclass(frozen=True)
class PlannedCompany:
    """A tiny sample company that `stockstrata run` has landed and planned."""

    home: Path
    source: Path
    truth: Path
    outcome: Outcome

    @property
    def marts_file(self) -> Path:
        return self.home / "published" / "current" / "marts.duckdb"

    def marts(self, query: str) -> list[tuple]:
        with duckdb.connect() as connection:
            connection.execute(f"attach '{self.marts_file}' as published (read_only)")
            connection.execute("use published")
            return connection.execute(query).fetchall()

    def warehouse(self, query: str) -> list[tuple]:
        with duckdb.connect(str(self.home / "warehouse.duckdb"), read_only=True) as connection:
            return connection.execute(query).fetchall()


class _PreparedCommands:
    """The process that commands are copied from (see `prepared_commands.py`)."""

    def __init__(self) -> None:
        self._process: subprocess.Popen | None = None

    def run(self, environment: Mapping[str, str], arguments: Sequence[str], days_later: int) -> Outcome:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(Path(__file__).with_name("prepared_commands.py"))],
                # Where nothing is shown the command line takes its look from the environment when it is loaded.
                env={**os.environ, "COLUMNS": "250", "NO_COLOR": "1"},
                cwd=PROJECT_ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "output.txt"
            asked = {"arguments": arguments, "environment": dict(environment), "output": str(output)}
            self._process.stdin.write(json.dumps({**asked, "days_later": days_later}) + "\n")
            self._process.stdin.flush()
            code = int(self._process.stdout.readline())
            return Outcome(code, output.read_text(encoding="utf-8", errors="replace"))

    def end(self) -> None:
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait()


_COMMANDS = _PreparedCommands()
atexit.register(_COMMANDS.end)


def stockstrata(
    home: Path, *arguments: str, environment: Mapping[str, str] | None = None, days_later: int = 0
) -> Outcome:
    """Run the command line in a process of its own, as a user would."""
    variables = {**os.environ, "STOCKSTRATA_HOME": str(home), "COLUMNS": "250", "NO_COLOR": "1", **(environment or {})}
    variables.pop("DAGSTER_HOME", None)
    return _COMMANDS.run(variables, arguments, days_later)


@pytest.fixture(scope="session")
def cli() -> Callable[..., Outcome]:
    """The command line as a function of home and arguments."""
    return stockstrata


@pytest.fixture(scope="session")
def planned(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> PlannedCompany:
    """The tiny sample, landed, with its last two months planned. Tests read it and change nothing.

    All workers of a test run share it; the first one that needs it makes it.
    """
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "company"
    told = folder / "outcome.txt"
    with filelock.FileLock(folder.with_suffix(".lock")):
        if not told.exists():
            told.write_text(_plan_tiny(folder).output, encoding="utf-8")
    home = folder / "home"
    return PlannedCompany(
        home, folder / "tiny", home / "sample" / "tiny" / "truth", Outcome(0, told.read_text(encoding="utf-8"))
    )


def _plan_tiny(folder: Path) -> Outcome:
    home, source = folder / "home", folder / "tiny"
    made = stockstrata(home, "sample", "--size", "tiny")
    assert made.code == 0, made.output
    source.mkdir(exist_ok=True)
    extract = home / "sample" / "tiny" / "extract"
    (source / "source.yaml").write_text(f"name: tiny\ngrain: day\ncurrency: EUR\ndata: {extract}\n", encoding="utf-8")
    outcome = stockstrata(home, "run", str(source), "--last", "2")
    assert outcome.code == 0, outcome.output
    return outcome
