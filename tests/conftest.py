"""Fixtures shared by all tests: homes of their own, the command line as a user runs it, a planned tiny company."""

import atexit
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import uuid
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
        os.environ["STOCKSTRATA_CACHE"] = caches.name


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


class Command:
    """A command under way in a process of its own.

    Attributes:
        pid: of the process.
    """

    def __init__(self, told: Path) -> None:
        self._told = told.open(encoding="utf-8")
        self.pid = int(self._told.readline())
        self._code: int | None = None

    def poll(self) -> int | None:
        """Its exit code, below zero the signal that killed it; None while it runs."""
        is_over = self._code is not None or select.select([self._told], [], [], 0)[0]
        return self.wait() if is_over else None

    def wait(self) -> int:
        """Wait for its end; its exit code."""
        if self._code is None:
            with self._told:
                self._code = int(self._told.readline())
        return self._code

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)


class PreparedCommands:
    """The process that commands are copied from (see `prepared_commands.py`)."""

    def __init__(self) -> None:
        self._process: subprocess.Popen | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="stockstrata-commands-"))

    def start(
        self, module: str, arguments: Sequence[str], environment: Mapping[str, str], output: Path, days_later: int = 0
    ) -> Command:
        """Start `python -m module arguments`, all it prints going to a file or a named pipe."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(Path(__file__).with_name("prepared_commands.py"))],
                # Where nothing is shown the command line takes its look from the environment when it is loaded.
                env={**os.environ, "COLUMNS": "250", "NO_COLOR": "1"},
                cwd=PROJECT_ROOT,
                stdin=subprocess.PIPE,
                # Never read: what was opened as a pipe can be followed by a file or a pipe.
                stdout=subprocess.PIPE,
                text=True,
            )
        told = self._folder / uuid.uuid4().hex
        os.mkfifo(told)
        asked = {"module": module, "arguments": list(arguments), "environment": dict(environment)}
        asked |= {"output": str(output), "days_later": days_later, "told": str(told)}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return Command(told)

    def end(self) -> None:
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait()
        shutil.rmtree(self._folder)


COMMANDS = PreparedCommands()
atexit.register(COMMANDS.end)


@pytest.fixture(scope="session")
def prepared_commands() -> PreparedCommands:
    """Starts commands in processes of their own, without loading the libraries anew for each."""
    return COMMANDS


def stockstrata(
    home: Path, *arguments: str, environment: Mapping[str, str] | None = None, days_later: int = 0
) -> Outcome:
    """Run the command line in a process of its own, as a user would."""
    variables = {**os.environ, "STOCKSTRATA_HOME": str(home), "COLUMNS": "250", "NO_COLOR": "1", **(environment or {})}
    variables.pop("DAGSTER_HOME", None)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output.txt"
        command = COMMANDS.start("orchestration.cli", arguments, variables, output, days_later)
        return Outcome(command.wait(), output.read_text(encoding="utf-8", errors="replace"))


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
