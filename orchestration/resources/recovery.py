"""What a writer that died left open or half made: closed and cleared by the next one, which says what happened."""

import datetime as dt
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from orchestration.resources.orphans import end_orphans
from orchestration.resources.writer import Writer, is_running, remove_marks_of_dead_runs, running, sole_writer

_LAUNCHED = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
_OPEN = (dg.DagsterRunStatus.NOT_STARTED, *_LAUNCHED)
# A run that Dagster has just launched imports the project before it can show that it lives.
_LAUNCH_TIME = dt.timedelta(minutes=10)
IN_PROCESS_TAG = "stockstrata/in_process"
"""On runs that show that they live before Dagster knows of them: without a mark, nobody executes such a run."""

# Drafts that are renamed into place when they are whole, and what DuckDB spills to disk.
_REMAINS = (
    ".company.yaml.*",
    ".lock-holder.json.*",
    "warehouse.duckdb.tmp",
    "landing/.draft-*",
    ".replay-*",
    ".rebuild",
)


@contextmanager
def turn_of_run(home: Path, context: dg.InitResourceContext) -> Iterator[None]:
    """Hold the home while a Dagster run executes, whoever started it; its event log tells for whom it waits."""
    run, instance, log = context.run, context.instance, context.log
    if run is None or instance is None or log is None:
        yield
        return
    what = f"Dagster run {run.run_id} of {run.job_name}"
    with (
        running(home, run.run_id),
        sole_writer(home, what, lambda who: log.info(f"Waiting for {who} to finish."), run_id=run.run_id) as fallen,
    ):
        for told in clear_remains(home, instance, fallen, own_run_id=run.run_id):
            log.warning(told)
        yield


def clear_remains(
    home: Path, instance: dg.DagsterInstance, fallen: Writer | None, *, own_run_id: str | None = None
) -> list[str]:
    """End, close, free and remove what dead processes left: processes, Dagster runs, places in pools, drafts.

    Call it as the sole writer.

    Args:
        home: the home.
        instance: its Dagster instance.
        fallen: the writer before, where it died.
        own_run_id: the run that the caller executes itself.

    Returns:
        What happened, one sentence a writer or run that died, or process of it that was still at work.
    """
    told = end_orphans(home)
    for record in instance.get_run_records(dg.RunsFilter(statuses=list(_OPEN))):
        run = record.dagster_run
        if run.run_id == own_run_id or not _is_dead(home, record, fallen):
            continue
        is_of_fallen = fallen is not None and run.run_id == fallen.run_id
        message = _died(instance, run, fallen if is_of_fallen else None)
        if run.status is dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, message=message)
        else:
            instance.report_run_failed(run, message=message)
        told.append(f"{message} Going on.")
        fallen = None if is_of_fallen else fallen
    if fallen is not None:
        told.append(f"{_who(fallen)} died before it had finished. Going on.")
    _free_pools(instance, own_run_id)
    remove_marks_of_dead_runs(home)
    for pattern in _REMAINS:
        for remains in home.glob(pattern):
            if remains.is_dir():
                shutil.rmtree(remains)
            else:
                remains.unlink(missing_ok=True)
    return told


def _is_dead(home: Path, record: dg.RunRecord, fallen: Writer | None) -> bool:
    run_id = record.dagster_run.run_id
    if fallen is not None and fallen.run_id == run_id:
        return True
    found = is_running(home, run_id)
    if found is None:
        # A run that ended on a full disk could not even be noted as ended.
        if IN_PROCESS_TAG in record.dagster_run.tags:
            return True
        is_old = dt.datetime.now(dt.UTC) - record.create_timestamp > _LAUNCH_TIME
        return is_old and record.dagster_run.status in _LAUNCHED
    return not found


def _died(instance: dg.DagsterInstance, run: dg.DagsterRun, writer: Writer | None) -> str:
    started = [step for step in instance.get_run_step_stats(run.run_id) if step.start_time and not step.end_time]
    where = f"in step {started[-1].step_key}" if started else "between two steps"
    period = run.tags.get("dagster/partition")
    what = f"Dagster run {run.run_id}, {run.job_name}{f' of {period}' if period else ''}"
    return f"{_who(writer)} died {where} ({what})." if writer else f"{what}, died {where}."


def _who(writer: Writer) -> str:
    return f"The run of {writer.started_at:%Y-%m-%d %H:%M} UTC (pid {writer.pid}, `{writer.command}`)"


def _free_pools(instance: dg.DagsterInstance, own_run_id: str | None) -> None:
    """Give back the places in pools that dead runs hold: only the sole writer can hold one."""
    storage = instance.event_log_storage
    for pool in storage.get_concurrency_keys():
        info = storage.get_concurrency_info(pool)
        for run_id in {claim.run_id for claim in [*info.claimed_slots, *info.pending_steps]} - {own_run_id}:
            storage.free_concurrency_slots_for_run(run_id)
