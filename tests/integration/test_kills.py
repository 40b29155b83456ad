"""Runs that are killed: the next one says so and takes over, readers notice nothing, and no number differs."""

import random
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.resources.landing import Landing
from orchestration.resources.unfinished import unfinished_periods
from orchestration.resources.warehouse import Warehouse

OLD = "2025-11-01"
SEED = 20250101
_DIED = re.compile(r" died (in step (?P<step>\w+)|between two steps)")
_MATERIALIZE = ("dagster", "asset", "materialize", "-m", "orchestration.definitions", "--partition", OLD, "--select")


class Reader(threading.Thread):
    """A BI tool that opens the published snapshot again and again."""

    def __init__(self, file: Path) -> None:
        super().__init__(daemon=True)
        self._file, self._done = file, threading.Event()
        self.seen: Counter[tuple] = Counter()
        self.errors: list[str] = []

    def run(self) -> None:
        while not self._done.wait(0.05):
            try:
                self.seen[self.once()] += 1
            except duckdb.Error as error:
                self.errors.append(str(error))

    def once(self) -> tuple:
        with duckdb.connect() as connection:
            connection.execute(f"attach '{self._file}' as published (read_only)")
            return connection.execute(
                "select count(*), sum(hash(reorder_point_qty))::varchar, max(period_start_date)::varchar, "
                "(select max(period_start_date)::varchar from published.marts.audit_cycle) "
                "from published.marts.fct_policy"
            ).fetchall()[0]

    def end(self) -> None:
        self._done.set()
        self.join()


@dataclass
class Story:
    """A home whose runs were killed one after the other until one was let through."""

    home: Path
    outputs: list[str]
    reader: Reader
    seen_before_the_end: set[tuple]
    old_view: tuple
    half_planned: dict
    refused: str


@pytest.fixture(scope="module")
def story(planned, cli, copied, background) -> Story:
    """An older snapshot is in force and a period is planned again; four kills, spread over the steps of a run."""
    home, chance = copied(), random.Random(SEED)  # noqa: S311  # moments, not secrets
    assert cli(home, "publish", "--rollback").code == 0
    reader = Reader(home / "published" / "current" / "marts.duckdb")
    old_view = reader.once()
    reader.start()
    results = home / "dbt" / "target" / "transform" / "run_results.json"
    run = ("orchestration.cli", "run", str(planned.source), "--from", OLD, "--to", OLD)
    outputs = [
        background(home, *_MATERIALIZE, "published/marts").kill(
            after="published__marts - STEP_START", seconds=chance.uniform(0, 0.3)
        ),
        background(home, *run).kill(
            # The results of the invocation before go when dbt is about to begin.
            after="Cycle 1 of 1",
            until=lambda: not results.exists(),
            seconds=chance.uniform(0.5, 3),
        ),
        background(home, *run).kill(after="done   segmentation", seconds=chance.uniform(0, 1)),
        background(home, *_MATERIALIZE, "policy/stock_policy,policy/order_proposal").kill(
            after="policy__stock_policy - STEP_START", seconds=chance.uniform(0, 0.3)
        ),
    ]
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        half_planned = unfinished_periods(Warehouse(path=str(home / "warehouse.duckdb")), instance)
    publication = background(home, *_MATERIALIZE, "published/marts")
    assert publication.end() != 0
    last = background(home, *run)
    last.wait_for("done   cycle_mart")
    seen = set(reader.seen)
    assert last.end() == 0, last.output
    story = Story(
        home, [*outputs, publication.output, last.output], reader, seen, old_view, half_planned, publication.output
    )
    reader.end()
    return story


def test_the_next_run_says_which_one_died_and_where(story):
    told = [line for output in story.outputs for line in output.splitlines() if _DIED.search(line)]
    steps = [_DIED.search(line)["step"] for line in told]
    assert (len(told), steps[:2], steps[-1]) == (4, ["published__marts", "transform"], "policy__stock_policy"), told
    # A run may also die between two steps.
    after_segmentation = {"segmentation__segment_assignment", "history__demand_signal", "forecast"}
    assert steps[2] in {*after_segmentation, "forecast__judged_forecast", "policy__stock_policy", None}
    assert "pid" in told[-1]
    assert "Going on" in told[-1]


def test_a_half_planned_period_is_known_and_planned_again(story):
    assert [str(period) for period in story.half_planned] == [OLD]
    assert f"Nothing is published while periods are half planned: {OLD}" in story.refused
    assert f"Period {OLD} was left half planned" in story.outputs[-1]


def test_readers_saw_the_old_snapshot_all_along_and_then_the_new_one(planned, story):
    new_view = Reader(planned.marts_file).once()
    assert story.reader.errors == []
    assert story.seen_before_the_end == {story.old_view}
    assert set(story.reader.seen) <= {story.old_view, new_view}
    assert Reader(story.home / "published" / "current" / "marts.duckdb").once() == new_view != story.old_view


def test_no_table_differs_from_an_undisturbed_run(planned, story, hashes):
    assert hashes(story.home) == hashes(planned.home)


def test_planning_again_reads_and_writes_the_same_and_computes_no_series_anew(planned, story):
    homes = (planned.home, story.home)
    told = [
        Warehouse(path=str(home / "warehouse.duckdb")).read(
            "select input_hash, output_hash, load_count, run_id from audit.cycle_manifest where period_start_date = ?",
            [OLD],
        )
        for home in homes
    ]
    hashes = ["input_hash", "output_hash", "load_count"]
    assert told[0][hashes].to_dict("records") == told[1][hashes].to_dict("records")
    assert told[0]["run_id"].tolist() != told[1]["run_id"].tolist()
    loads = [
        sorted(file.name for file in (home / "landing" / "loads").iterdir()) for home in (planned.home, story.home)
    ]
    assert loads[0] == loads[1]
    assert len(loads[0]) == 1
    assert "nothing has changed" in story.outputs[-1]
    with dg.DagsterInstance.from_config(str(story.home / "dagster")) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["forecast", "champion"]))
    assert event.asset_materialization.metadata["recomputed"].value == "reused 48 of 48 series; recomputed 0"


def test_nothing_is_left_behind(story, is_cleared):
    is_cleared(story.home)
    assert not (story.home / ".lock-holder.json").exists()
    assert not (story.home / "warehouse.duckdb.wal").exists()


def test_dead_runs_count_as_failed_in_dagster(story):
    with dg.DagsterInstance.from_config(str(story.home / "dagster")) as instance:
        status = Counter(run.status.value for run in instance.get_runs())
    # Four that were killed, and the publication that was refused.
    assert status["FAILURE"] == 5
    assert set(status) == {"FAILURE", "SUCCESS"}


def test_a_load_that_is_killed_again_and_again_lands_whole(planned, tmp_path, hashes):
    """Landing alone, in an empty home: killed at three moments, then let through."""
    home, chance = tmp_path / "home", random.Random(SEED)  # noqa: S311  # moments, not secrets
    landing = Landing(
        folder=str(home / "landing"),
        source_folder=str(planned.source),
        scratch=str(home / "unpacked"),
        period_type="month",
        variables={},
        warehouse_path=str(home / "warehouse.duckdb"),
    )
    program = (
        "from orchestration.resources.landing import Landing\n"
        "from orchestration.resources.warehouse import Warehouse\n"
        f"landing = Landing(**{landing.model_dump()!r})\n"
        "print('ready', flush=True)\n"
        "landing.land(Warehouse(path=landing.warehouse_path))\n"
    )
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "ready\n"
            try:
                process.wait(timeout=chance.uniform(0.5, 4))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
    landing.land(Warehouse(path=landing.warehouse_path))
    found, expected = hashes(home), hashes(planned.home)
    raw = [name for name in expected if name.startswith("raw.")]
    assert {name: found[name] for name in raw} == {name: expected[name] for name in raw}
    assert len(landing.loads()) == 1
    assert not list((home / "landing").glob(".draft-*"))
