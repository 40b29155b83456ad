"""Cycles that were left half planned: some of their tables come from a run that did not get to its end."""

import datetime as dt

import dagster as dg

from orchestration.resources.warehouse import Warehouse
from stockstrata.tables import TABLES

_LAST_STEP = "marts"
_WRITTEN = " union ".join(
    f"select distinct period_start_date, run_id from {name}" for name in TABLES if not name.startswith("audit.")
)


def unfinished_periods(
    warehouse: Warehouse, instance: dg.DagsterInstance, *, own_run_id: str | None = None
) -> dict[dt.date, str]:
    """Periods whose tables and marts may not belong together, oldest first, each with the run that left it so.

    Args:
        warehouse: where the cycles stand.
        instance: the record of runs. A run that it no longer knows counts as one that came to its end.
        own_run_id: the run that asks, which is not at its end either.
    """
    written = warehouse.read(f"select * from ({_WRITTEN}) where run_id <> '' order by all")
    run_ids = sorted(set(written["run_id"]) - {own_run_id})
    runs = instance.get_runs(dg.RunsFilter(run_ids=run_ids)) if run_ids else []
    broken = {run.run_id: run for run in runs if not run.is_success and not _has_built_marts(instance, run.run_id)}
    days = written["period_start_date"].dt.date
    return {
        period: f"run {run_id} ended as {broken[run_id].status.value}"
        for period, run_id in zip(days, written["run_id"], strict=True)
        if run_id in broken
    }


def _has_built_marts(instance: dg.DagsterInstance, run_id: str) -> bool:
    found = instance.get_run_step_stats(run_id, step_keys=[_LAST_STEP])
    return any(step.status is not None and step.status.value == "SUCCESS" for step in found)
