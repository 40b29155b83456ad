"""Benchmark `chaos`: runs that are killed, run out of disk or find the warehouse locked, and what is left of it.

Every case works on a copy of a planned home with a changed source. Afterwards the same command runs again without a
fault, and every table must equal that of a run that nothing disturbed.
"""

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import duckdb
import pandas as pd
import psutil

from benchmarks.report import Report
from benchmarks.workbench import Workbench
from orchestration.resources.settings import PROJECT_ROOT
from orchestration.resources.warehouse import table_hash

SEED = 20250101
_OLD, _NEW = "2025-11-01", "2025-12-01"
_LONGEST_CHAIN = 4
# When a row became known is the moment of the run that landed it.
_CLOCK_COLUMNS = ("known_from_at", "known_to_at")
_SCHEMAS = ("raw", "quality", "parameters", "intermediate", "segmentation", "forecast", "policy", "marts")
_DIED = re.compile(r" died (?:in step (\w+)|between two steps|before it had finished)")
_WORKER = "dbt_worker.py"
_FAULT_WORDS = ("no room left", "No space left")
Hashes = dict[str, tuple[str, int]]


@dataclass
class Findings:
    """What the cases found that should not have been."""

    cases: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    def expect(self, case: str, *, found: object, expected: object, what: str) -> None:
        """Note a difference."""
        if found != expected:
            self.differences.append(f"{case}: {what}: found {found}, expected {expected}")

    def note_deaths(self, output: str) -> None:
        """Note where runs died, as the run after them tells."""
        self.steps.update(f"in step {step}" if step else "between steps" for step in _DIED.findall(output))


@dataclass(frozen=True)
class Moment:
    """A moment of a run: so long after it has printed a line."""

    line: str
    seconds: float


class Started:
    """A command under way in a session of its own, with what it prints and when."""

    def __init__(self, home: Path, command: Sequence[str]) -> None:
        environment = {
            **os.environ, "STOCKSTRATA_HOME": str(home), "DAGSTER_HOME": str(home / "dagster"), "NO_COLOR": "1",
            "PYTHONUNBUFFERED": "1",
        }  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, "-m", *command],
            env=environment,
            cwd=PROJECT_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.started = time.monotonic()
        self.lines: list[tuple[float, str]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self.lines.append((time.monotonic() - self.started, line.rstrip()))

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def output(self) -> str:
        """What it has printed."""
        return "\n".join(line for _, line in self.lines)

    def wait_for(self, moment: Moment) -> bool:
        """Whether the moment came before the command ended."""
        while self._process.poll() is None:
            seen = next((at for at, line in self.lines if moment.line in line), None)
            if seen is not None and time.monotonic() - self.started >= seen + moment.seconds:
                return True
            time.sleep(0.02)
        return False

    @property
    def has_ended(self) -> bool:
        """Whether it is through."""
        return self._process.poll() is not None

    def kill(self, *, with_children: bool) -> None:
        """End it without notice, as the system does; or all its processes, as when the machine dies."""
        if with_children:
            os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.kill()
        self.end()

    def end(self) -> int:
        """Wait for its end; its exit code."""
        code = self._process.wait()
        self._reader.join(timeout=5)
        return code


class Reader(threading.Thread):
    """A BI tool: opens the published snapshot again and again and notes what it reads."""

    _QUERY = """
        select (select count(*) || '/' || sum(hash(reorder_point_qty))::varchar from published.marts.fct_policy)
            || ' ' || (select string_agg(period_start_date::varchar, ',' order by period_start_date)
                from published.marts.audit_cycle)
    """

    def __init__(self, home: Path) -> None:
        super().__init__(daemon=True)
        self._file, self._done = home / "published" / "current" / "marts.duckdb", threading.Event()
        self.read: Counter[str] = Counter()
        self.errors: list[str] = []

    def run(self) -> None:
        """Read until told to end."""
        while not self._done.wait(0.2):
            try:
                self.read[self.once()] += 1
            except duckdb.Error as error:
                self.errors.append(str(error))

    def once(self) -> str:
        """What a reader sees now."""
        with duckdb.connect() as connection:
            connection.execute(f"attach '{self._file}' as published (read_only)")
            return str(connection.execute(self._QUERY).fetchall()[0][0])

    def end(self) -> None:
        """Stop reading."""
        self._done.set()
        self.join()


class Stage:
    """The homes that the cases start from and are held against."""

    def __init__(self, bench: Workbench) -> None:
        self._bench, self.folder = bench, bench.folder / "chaos"
        self.origin, self.source = self.folder / "origin", self.folder / "source"
        self.command = ("orchestration.cli", "run", str(self.source), "--from", _NEW, "--to", _NEW)
        extract = self.folder / "extract"
        bench.stockstrata(self.origin, "sample", "--size", "tiny")
        shutil.move(self.origin / "sample" / "tiny" / "extract", extract)
        self.source.mkdir()
        (self.source / "source.yaml").write_text(f"name: tiny\ngrain: day\ncurrency: EUR\ndata: {extract}\n")
        bench.stockstrata(self.origin, "run", str(self.source), "--from", _OLD, "--to", _OLD)
        _correct(extract / "demand.csv")
        self.undisturbed = self.copy("undisturbed")
        started = Started(self.undisturbed, self.command)
        if started.end() != 0:
            raise RuntimeError(f"The undisturbed run failed:\n{started.output}")
        self.lines = [(at, line.strip()) for at, line in started.lines if line.strip()]
        self.seconds = self.lines[-1][0]
        self.expected = hashes(self.undisturbed)
        self.files = files(self.undisturbed)
        self.old_view, self.new_view = Reader(self.origin).once(), Reader(self.undisturbed).once()

    def copy(self, name: str) -> Path:
        """A copy of the planned home."""
        home = self.folder / name
        shutil.copytree(self.origin, home, symlinks=True)
        return home

    def moment(self, chance: random.Random) -> Moment:
        """A moment anywhere in the run, every second as likely as the other."""
        at = chance.uniform(0, self.seconds)
        before = [(when, line) for when, line in self.lines if when <= at]
        if not before:
            return Moment("", at)
        when, line = before[-1]
        # The seconds at the end of a line differ from run to run.
        return Moment("   ".join(line.split()[:2]) if line.startswith("done") else line, at - when)

    def dagster_moment(self, chance: random.Random) -> Moment:
        """A moment anywhere in the steps of a cycle, as Dagster's own log tells of them."""
        begun = next(number for number, (_, line) in enumerate(self.lines) if line.startswith("Cycle"))
        done = [line.split() for _, line in self.lines[begun:] if line.startswith("done")]
        seconds = {step: float(took) for _, step, took, _ in done}
        (step,) = chance.choices(list(seconds), weights=list(seconds.values()))
        return Moment(f"{step} - STEP_START", chance.uniform(0, seconds[step]))


def _correct(file: Path) -> None:
    """Change quantities here and there, so that a load brings corrections to many periods."""
    rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    rows.loc[::97, "demand_qty"] = "3"
    rows.to_csv(file, index=False)


def hashes(home: Path) -> Hashes:
    """Content hash and rows of every table, what tells of the run itself left out."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        names = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() "
            f"where schema_name in {_SCHEMAS} and not starts_with(table_name, 'audit_') and table_name <> 'run_step' "
            "union all select schema_name || '.' || view_name from duckdb_views() where schema_name = 'raw' "
            "order by all"
        ).fetchall()
        return {name: table_hash(connection, name, leave_out=_CLOCK_COLUMNS) for (name,) in names}


def files(home: Path) -> list[str]:
    """Files of a home, but those of the records of runs, each of which has its own; load ids hold the time."""
    found = (path.relative_to(home) for path in home.rglob("*") if not path.is_dir())
    kept = [path for path in found if path.parts[0] not in {"dagster", "logs"} and path.suffix != ".parquet"]
    # dbt begins a new log when one is large.
    kept = [path for path in kept if not path.name.startswith("dbt.log")]
    return sorted(str(path) for path in kept if path.parts[:2] != ("landing", "loads"))


def measure_chaos(bench: Workbench) -> Report:
    """Kill, fill the disk and lock the warehouse at seeded moments; count what differs afterwards."""
    chance, findings = random.Random(SEED), Findings()  # noqa: S311  # moments, not secrets
    stage = Stage(bench)
    # Hours long: who ends it with Ctrl+C gets what was found so far.
    with contextlib.suppress(KeyboardInterrupt):
        _all_cases(stage, findings, chance, bench.kill_count)
    report = Report("chaos", "tiny sample; faults at seeded moments of `run`, then the same run again")
    for kind, count in sorted(findings.cases.items()):
        report.add(kind, count, "cases")
    for step, count in findings.steps.most_common():
        report.add(f"died {step}", count, "times")
    report.add("differences", len(findings.differences), "", "tables, snapshots, files, runs and messages")
    for number, told in enumerate(findings.differences, start=1):
        report.add(f"difference {number}", told)
    return report


def _all_cases(stage: Stage, findings: Findings, chance: random.Random, kill_count: int) -> None:
    rest = kill_count
    while rest:
        length = min(chance.randint(1, _LONGEST_CHAIN), rest)
        _kill_chain(stage, findings, chance, f"kills {kill_count - rest + 1} and on", length)
        rest -= length
    for number in range(1, kill_count // 10 + 2):
        _full_disk(stage, findings, chance, f"disk {number}")
    for number in range(1, kill_count // 20 + 2):
        _locked(stage, findings, chance, f"lock {number}")
        _dbt_killed(stage, findings, chance, f"dbt {number}")


def _kill_chain(stage: Stage, findings: Findings, chance: random.Random, case: str, length: int) -> None:
    """Kill a run, then the run that takes it up, and so on; at last let one finish."""
    with _case(stage, findings, case) as home:
        while length:
            is_dagsters, with_children = chance.random() < 0.25, chance.random() < 0.5
            command, moment = (
                (_DAGSTER_RUN, stage.dagster_moment(chance)) if is_dagsters else (stage.command, stage.moment(chance))
            )
            started = Started(home, command)
            if started.wait_for(moment):
                started.kill(with_children=with_children)
                findings.note_deaths(started.output)
                findings.cases["kill -9 of a Dagster run" if is_dagsters else "kill -9 of `run`"] += 1
                length -= 1


_DAGSTER_RUN = (
    "dagster", "job", "execute", "-m", "orchestration.definitions", "-j", "plan_cycle",
    "--tags", f'{{"dagster/partition": "{_NEW}"}}',
)  # fmt: skip


def _full_disk(stage: Stage, findings: Findings, chance: random.Random, case: str) -> None:
    """Let the disk of the home run full at some moment, then make room again."""
    with _case(stage, findings, case, own_disk=True) as home:
        filler, started = home / "filler", Started(home, stage.command)
        if started.wait_for(stage.moment(chance)):
            _fill(filler)
        code = started.end()
        filler.unlink(missing_ok=True)
        findings.cases["disk full" if code else "disk full that nothing had to be written on"] += 1
        if code:
            findings.expect(case, found=code, expected=1, what="exit code on a full disk")
            is_told = any(word in started.output for word in _FAULT_WORDS)
            findings.expect(case, found=is_told, expected=True, what=f"a message about the disk in\n{started.output}\n")
        findings.expect(case, found="Traceback" in started.output, expected=False, what="a traceback")


def _locked(stage: Stage, findings: Findings, chance: random.Random, case: str) -> None:
    """Have another program open the warehouse at some moment for a few seconds."""
    with _case(stage, findings, case) as home:
        started = Started(home, stage.command)
        if started.wait_for(stage.moment(chance)):
            _hold_warehouse(home, seconds=chance.uniform(1, 12))
        code = started.end()
        findings.cases["warehouse opened by another program"] += 1
        if code:
            findings.expect(case, found="has the warehouse open" in started.output, expected=True, what="who has it")
            findings.cases["of which the run gave up"] += 1


def _dbt_killed(stage: Stage, findings: Findings, chance: random.Random, case: str) -> None:
    """Kill dbt under the run, as the system does when memory runs out."""
    with _case(stage, findings, case) as home:
        started, dbt = Started(home, stage.command), None
        while dbt is None and not started.has_ended:
            dbt = _invocation(started.pid)
            time.sleep(0.02)
        time.sleep(chance.uniform(0, 3))
        if dbt is not None and dbt == _invocation(started.pid):
            os.kill(dbt, signal.SIGKILL)
            findings.cases["kill -9 of dbt"] += 1
            findings.expect(case, found=started.end(), expected=1, what="exit code of a run whose dbt was killed")
            is_told = "dbt was killed by signal 9" in started.output
            findings.expect(case, found=is_told, expected=True, what=f"a message about dbt in\n{started.output}\n")
        started.end()


def _invocation(run: int) -> int | None:
    """The process of dbt that builds for a run: a child of the one that the run keeps ready."""
    try:
        kept = [child for child in psutil.Process(run).children() if _WORKER in " ".join(child.cmdline())]
        builds = [build.pid for worker in kept for build in worker.children()]
    except psutil.NoSuchProcess:
        return None
    return builds[0] if builds else None


@contextmanager
def _case(stage: Stage, findings: Findings, case: str, *, own_disk: bool = False) -> Iterator[Path]:
    """A home to do harm to; afterwards the run without harm, and the comparison."""
    home = stage.folder / case.replace(" ", "_")
    home.mkdir()
    with _disk(home) if own_disk else _nothing():
        shutil.copytree(stage.origin, home, symlinks=True, dirs_exist_ok=True)
        reader = Reader(home)
        reader.start()
        yield home
        last = Started(home, stage.command)
        code = last.end()
        reader.end()
        findings.expect(case, found=code, expected=0, what=f"exit code of the run afterwards\n{last.output}\n")
        findings.note_deaths(last.output)
        _compare(stage, findings, case, home, reader)
    shutil.rmtree(home, ignore_errors=True)


def _compare(stage: Stage, findings: Findings, case: str, home: Path, reader: Reader) -> None:
    found = hashes(home)
    for name in sorted(stage.expected.keys() | found.keys()):
        findings.expect(case, found=found.get(name), expected=stage.expected.get(name), what=name)
    findings.expect(case, found=reader.errors, expected=[], what="errors of the reader")
    others = set(reader.read) - {stage.old_view, stage.new_view}
    findings.expect(case, found=others, expected=set(), what="snapshots of neither cycle that the reader saw")
    findings.expect(case, found=Reader(home).once(), expected=stage.new_view, what="the snapshot in force")
    # Snapshots of runs that were killed behind their publication count on; drafts begin with a point.
    is_snapshot = re.compile(r"published/\d{5}_")
    strays = [name for name in sorted(set(files(home)) - set(stage.files)) if not is_snapshot.match(name)]
    findings.expect(case, found=strays, expected=[], what="files left behind")
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        is_open = [run.run_id for run in instance.get_runs() if not run.is_finished]
        claims = instance.event_log_storage.get_concurrency_info("warehouse_writer").claimed_slots
    findings.expect(case, found=is_open, expected=[], what="runs still in progress")
    findings.expect(case, found=len(claims), expected=0, what="places in the pool still taken")


def _hold_warehouse(home: Path, seconds: float) -> None:
    """Open the warehouse for writing from another process as soon as it is free, and keep it open."""
    held = (
        "import duckdb, sys, time\n"
        "end = time.monotonic() + 60\n"
        "while time.monotonic() < end:\n"
        "    try:\n"
        f"        connection = duckdb.connect({str(home / 'warehouse.duckdb')!r})\n"
        "        break\n"
        "    except duckdb.IOException:\n"
        "        time.sleep(0.01)\n"
        f"time.sleep({seconds})\n"
    )
    subprocess.run([sys.executable, "-c", held], check=True)


def _fill(file: Path) -> None:
    """Write until nothing more fits."""
    with file.open("wb") as stream:
        try:
            while True:
                stream.write(b"\0" * 65536)
                stream.flush()
        except OSError:
            return


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    """A small disk of its own at a folder."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512m", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def _nothing() -> Iterator[None]:
    yield
