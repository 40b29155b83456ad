"""What runs took: time and rows of every step and asset, taken from Dagster's record into a table that SQL can read.

Dagster's event log is where these figures are kept. The table is a copy of them, taken when a cycle is published; the
step that takes it is not at its end then, so its own figures come with the next publication.
"""

import datetime as dt
from collections.abc import Iterator

import dagster as dg
import pandas as pd

from orchestration.resources.warehouse import Warehouse

_COLUMNS = (
    "run_id", "job_name", "period_start_date", "run_status_code", "step_name", "asset_name", "started_at",
    "step_duration_seconds", "asset_duration_seconds", "row_count",
)  # fmt: skip
# What dagster-dbt says of a model; other steps are timed as a whole.
_OWN_DURATION = "Execution Duration"
_ROWS = "dagster/row_count"


def note_run_steps(warehouse: Warehouse, instance: dg.DagsterInstance, own_run_id: str) -> None:
    """Bring the steps of all runs that are not in `quality.run_step` yet, or were not at their end then."""
    noted = set(
        warehouse.read("select distinct run_id from quality.run_step where run_status_code <> 'STARTED'")["run_id"]
    )
    runs = [run for run in instance.get_runs() if run.run_id not in noted]
    runs = [run for run in runs if run.is_finished or run.run_id == own_run_id]
    rows = pd.DataFrame([row for run in runs for row in _rows(instance, run)], columns=pd.Index(_COLUMNS))
    with warehouse.connect() as connection:
        connection.register("rows", rows)
        connection.begin()
        connection.execute("delete from quality.run_step where run_id in (select run_id from rows)")
        connection.execute("insert into quality.run_step by name select * from rows")
        connection.commit()


def _rows(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[tuple[object, ...]]:
    partition = run.tags.get("dagster/partition")
    period = dt.date.fromisoformat(partition) if partition else None
    assets: dict[str, list[tuple[str, object, object]]] = {}
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
        event = entry.get_dagster_event()
        materialization = event.step_materialization_data.materialization
        figures = {name: value.value for name, value in materialization.metadata.items()}
        name = ".".join(materialization.asset_key.path)
        assets.setdefault(str(event.step_key), []).append((name, figures.get(_OWN_DURATION), figures.get(_ROWS)))
    for step in instance.get_run_step_stats(run.run_id):
        if step.start_time is None or step.end_time is None:
            continue
        # A step that asks for a retry ends twice; the newest materialisation of an asset counts.
        made = {asset[0]: asset for asset in assets.get(step.step_key, [])} or {"": ("", None, None)}
        started, seconds = dt.datetime.fromtimestamp(step.start_time, dt.UTC), step.end_time - step.start_time
        for name, own_seconds, count in made.values():
            yield (
                run.run_id, run.job_name, period, run.status.value, step.step_key, name, started.replace(tzinfo=None),
                seconds, own_seconds, count,
            )  # fmt: skip
