"""Step durations, read from the Dagster event log of a home."""

from dataclasses import dataclass
from pathlib import Path

import dagster as dg


@dataclass(frozen=True)
class RunSteps:
    """One run: its job, the seconds of its steps in the order in which they started, and of the whole run."""

    job: str
    partition: str | None
    seconds: dict[str, float]
    whole_seconds: float


def runs_of(home: Path) -> list[RunSteps]:
    """All runs of a home, oldest first."""
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        records = instance.get_run_records(ascending=True)
        return [_steps(instance, record) for record in records]


def seconds_by_step(runs: list[RunSteps]) -> dict[tuple[str, str], float]:
    """Seconds by job and step, summed over runs."""
    total: dict[tuple[str, str], float] = {}
    for run in runs:
        for step, seconds in run.seconds.items():
            total[run.job, step] = total.get((run.job, step), 0.0) + seconds
    return total


def _steps(instance: dg.DagsterInstance, record: dg.RunRecord) -> RunSteps:
    run = record.dagster_run
    stats = [found for found in instance.get_run_step_stats(run.run_id) if found.start_time and found.end_time]
    ordered = sorted(stats, key=lambda found: found.start_time or 0.0)
    seconds = {found.step_key: (found.end_time or 0.0) - (found.start_time or 0.0) for found in ordered}
    whole = (record.end_time or 0.0) - (record.start_time or 0.0)
    return RunSteps(run.job_name, run.tags.get("dagster/partition"), seconds, whole)
