"""Running jobs in this process on the home's own Dagster instance, so that every run shows in the UI."""

import contextlib
import datetime as dt
import io
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import dagster as dg

from orchestration.definitions import defs
from orchestration.partitions import DATE_FORMAT, PERIODS, SETTINGS, cut_off
from orchestration.resources.dbt import project_fingerprint
from orchestration.resources.landing import Landing, Load, newest_event_date
from orchestration.resources.warehouse import Warehouse
from orchestration.sensors import RANGE_END_TAG, RANGE_START_TAG
from stockstrata.errors import InputError

StepListener = Callable[[str, str, float], None]
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_FACTS_MARK = "facts.fingerprint"
_NO_CLOSED_PERIOD = "The demand holds no closed period; a period closes when the calendar has passed its end"


class RunFailedError(Exception):
    """A run ended in failure: which step, and why in the words of the step's own error."""

    def __init__(self, job: str, period: str, step: str, reason: str, run_id: str) -> None:
        super().__init__(f"{job} of {period} failed in step {step}: {reason}")
        self.step, self.reason, self.run_id = step, reason, run_id


def land(listener: StepListener) -> Load:
    """Land what is new and build the facts of the periods that it touches, or of all when the models have changed.

    Raises:
        RunFailedError: if a step fails.
        InputError: if no period has closed since the oldest demand.
    """
    landing = Landing.from_settings(SETTINGS)
    closed = PERIODS.get_partition_keys()
    if not closed:
        raise InputError(f"{_NO_CLOSED_PERIOD}; the oldest demand lies in {SETTINGS.company.first_period_date}.")
    validation = landing.validate_extract()
    is_new = not landing.is_landed(Warehouse(path=str(SETTINGS.warehouse_file)), validation)
    if is_new:
        newest = newest_event_date(validation).strftime(DATE_FORMAT)
        covered = [period for period in closed if period <= newest] or closed[:1]
        _execute("land", {RANGE_START_TAG: covered[0], RANGE_END_TAG: covered[-1]}, listener, steps=["raw"])
    _build_facts(landing.loads(), closed=closed, listener=listener)
    return landing.loads()[-1].model_copy(update={"is_new": is_new})


def plan(period: dt.date, listener: StepListener) -> None:
    """Run the cycle of one period.

    Raises:
        RunFailedError: if a step fails.
    """
    _execute("plan_cycle", {"dagster/partition": period.strftime(DATE_FORMAT)}, listener)


def periods_to_plan(last: int | None, first: dt.date | None, final: dt.date | None) -> list[dt.date]:
    """The closed periods wanted, oldest first.

    Args:
        last: the newest so many closed periods that hold demand; 1 when nothing is given.
        first: plan from the period that holds this day.
        final: plan up to the period that holds this day.

    Raises:
        InputError: if no closed period with demand is meant.
    """
    held = demand_periods()
    closed = [period for period in held if period.strftime(DATE_FORMAT) in set(PERIODS.get_partition_keys())]
    if not closed:
        raise InputError(f"{_NO_CLOSED_PERIOD}.")
    if first is None and final is None:
        return closed[-(last or 1) :]
    chosen = [
        period for period in closed if (first is None or cut_off(period) > first) and (final is None or period <= final)
    ]
    if not chosen:
        raise InputError(
            f"No closed period with demand lies from {first or 'the start'} to {final or 'the end'}; demand is there "
            f"for periods {closed[0]} to {closed[-1]}."
        )
    return chosen


def demand_periods() -> list[dt.date]:
    """Periods that hold landed demand, oldest first."""
    warehouse = Warehouse(path=str(SETTINGS.warehouse_file))
    found = warehouse.read("select distinct landing_period_start_date as period from raw.demand order by all")
    return [period.date() for period in found["period"]]


def _build_facts(loads: Sequence[Load], *, closed: Sequence[str], listener: StepListener) -> None:
    """Build what loads brought since facts were last built; the mark is written last, so a run that died is made up."""
    mark = SETTINGS.dbt_target / _FACTS_MARK
    models, newest = project_fingerprint(), loads[-1].load_id
    built_models, _, built_load = mark.read_text(encoding="utf-8").partition(" ") if mark.exists() else ("", "", "")
    if built_models != models or not built_load:
        touched = [period.strftime(DATE_FORMAT) for period in demand_periods()]
    else:
        missing = [load for load in loads if load.load_id > built_load]
        touched = sorted({period.strftime(DATE_FORMAT) for load in missing for period in load.touched_periods()})
    open_ones = [period for period in closed if touched and touched[0] <= period <= touched[-1]]
    if open_ones:
        _execute("land", {RANGE_START_TAG: open_ones[0], RANGE_END_TAG: open_ones[-1]}, listener, steps=["transform"])
    mark.write_text(f"{models} {newest}", encoding="utf-8")


def _execute(job: str, tags: dict[str, str], listener: StepListener, steps: Sequence[str] | None = None) -> None:
    period = tags.get("dagster/partition") or f"{tags[RANGE_START_TAG]} to {tags[RANGE_END_TAG]}"
    run_id = str(uuid.uuid4())
    log = SETTINGS.home / "logs" / f"{run_id}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with dg.DagsterInstance.get() as instance, log.open("w", encoding="utf-8") as output:
        watcher = _Watcher(listener)
        instance.add_event_listener(run_id, watcher)
        # dbt's and the libraries' own words go to the run's log, not between our progress lines.
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            result = defs.resolve_job_def(job).execute_in_process(
                run_config=_QUIET,
                instance=instance,
                tags=tags,
                run_id=run_id,
                raise_on_error=False,
                asset_selection=_assets_of(job, steps) if steps else None,
            )
    if not result.success:
        raise RunFailedError(job, period, watcher.failed_step or "?", watcher.reason or "unknown; see the run", run_id)


def _assets_of(job: str, steps: Sequence[str]) -> list[dg.AssetKey]:
    keys = defs.resolve_job_def(job).asset_layer.selected_asset_keys
    graph = defs.resolve_asset_graph()
    return sorted(key for key in keys if graph.get(key).assets_def.node_def.name in steps)


class _Watcher:
    """Turns Dagster's events into one line a step, and keeps the first failure."""

    def __init__(self, listener: StepListener) -> None:
        self._listener = listener
        self.failed_step: str | None = None
        self.reason: str | None = None

    def __call__(self, entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None or event.step_key is None:
            return
        if event.is_step_start:
            self._listener("start", event.step_key, 0.0)
        elif event.is_step_success:
            self._listener("success", event.step_key, event.step_success_data.duration_ms / 1000)
        elif event.is_step_failure:
            self._listener("failure", event.step_key, 0.0)
            if self.failed_step is None:
                self.failed_step, self.reason = event.step_key, _root_cause(event.step_failure_data.error)


def _root_cause(error: object) -> str:
    current = error
    while getattr(current, "cause", None) is not None:
        current = current.cause  # type: ignore[attr-defined]
    text = getattr(current, "message", str(current)).strip()
    with io.StringIO(text) as lines:
        first = lines.readline().rstrip()
        rest = lines.read().rstrip()
    name, _, told = first.partition(": ")
    return "\n".join(part for part in (told or name, rest) if part)


def log_file(run_id: str) -> Path:
    """Where a run's output stands."""
    return SETTINGS.home / "logs" / f"{run_id}.log"
