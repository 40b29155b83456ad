"""Running jobs in this process on the home's own Dagster instance, so that every run shows in the UI."""

import contextlib
import datetime as dt
import io
import itertools
import uuid
from collections.abc import Callable, Collection, Sequence

import dagster as dg

from assets.planned import isolated_result_count
from assets.transform import FACTS_TAG, KEEP_ISOLATED_TAG, PARAMETERS_TAG
from orchestration.definitions import defs
from orchestration.failure import RunFailedError
from orchestration.partitions import DATE_FORMAT, PERIODS, SETTINGS, cut_off
from orchestration.resources import unfinished
from orchestration.resources.dbt import project_fingerprint
from orchestration.resources.faults import advice
from orchestration.resources.landing import Landing
from orchestration.resources.load_record import Load
from orchestration.resources.recovery import IN_PROCESS_TAG
from orchestration.resources.warehouse import Warehouse
from orchestration.resources.writer import running, sole_writer
from orchestration.sensors import RANGE_END_TAG, RANGE_START_TAG
from stockstrata.errors import InputError

StepListener = Callable[[str, str, float], None]
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
# The last run of the cycle was the one that found results implausible: the run without them never came.
_NOT_PLANNED_WITHOUT = """
    select distinct period_start_date
    from quality.isolated_result inner join audit.cycle_manifest using (period_start_date, run_id)
"""
_SUPPLY_ALONE = (
    "What there is was landed, and nothing is planned: source {name} brings purchase orders alone (entities: "
    "supply_only in source.yaml), and planning needs demand and items. Add demand and items as .csv, .parquet or .sql "
    "(docs/input-contract.md says with which columns), take the line `entities` out of {folder}/source.yaml and run "
    "again."
)
_NO_CLOSED_PERIOD = "The demand holds no closed period; a period closes when the calendar has passed its end"


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
    intake = landing.take_in(Warehouse(path=str(SETTINGS.warehouse_file)))
    is_new, newest = intake.is_new, intake.newest_event_date
    # The step that lands has the rows too, and lets go of them.
    del intake
    if is_new:
        covered = [period for period in closed if newest and period <= newest.strftime(DATE_FORMAT)] or closed[:1]
        _execute("land", {RANGE_START_TAG: covered[0], RANGE_END_TAG: covered[-1]}, listener, steps=["raw"])
    build_facts(closed=closed, listener=listener)
    return landing.loads()[-1].model_copy(update={"is_new": is_new})


def plan(
    period: dt.date, listener: StepListener, *, is_published: bool = True, definitions: dg.Definitions = defs
) -> None:
    """Run the cycle of one period.

    Item-locations whose result a step found implausible have taken part in its steps before, such as the shares of
    value that ABC ranks by. The cycle is run again without them, so that all others stand as if they were not there.

    Args:
        period: first day of the period.
        listener: told of every step.
        is_published: whether readers get to see it.
        definitions: with other resources than those of the settings in force, such as other parameters.

    Raises:
        RunFailedError: if a step fails.
    """
    tags = {"dagster/partition": period.strftime(DATE_FORMAT)}
    warehouse = Warehouse(path=str(SETTINGS.warehouse_file))
    but = set() if is_published else {dg.AssetKey(["published", "marts"])}
    # A cycle that is run by itself makes the facts of its own period; here they were made just now.
    if period not in warehouse.unbuilt_facts(project_fingerprint()):
        but |= _facts()
    held = 0
    while True:
        _execute("plan_cycle", tags, listener, but=but, definitions=definitions)
        found = isolated_result_count(warehouse, period)
        if found == held:
            return
        listener("note", f"{found - held} item-locations gave implausible results: planning again without them", 0.0)
        held, tags = found, {**tags, KEEP_ISOLATED_TAG: "true"}


def replay(period: dt.date, listener: StepListener) -> None:
    """Compute the cycle of one period again beside the home; the verdict goes to `audit.cycle_replay`.

    Raises:
        RunFailedError: if it cannot be computed.
    """
    _execute("replay", {"dagster/partition": period.strftime(DATE_FORMAT)}, listener)


def periods_to_plan(last: int | None, first: dt.date | None, final: dt.date | None) -> list[dt.date]:
    """The closed periods wanted, oldest first.

    Args:
        last: the newest so many closed periods that hold demand; 1 when nothing is given.
        first: plan from the period that holds this day.
        final: plan up to the period that holds this day.

    Raises:
        InputError: if no closed period with demand is meant, or the source holds purchase orders alone.
    """
    source = Landing.from_settings(SETTINGS).source()
    if source.entities == "supply_only":
        raise InputError(_SUPPLY_ALONE.format(name=source.name, folder=source.folder))
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


def unfinished_periods() -> dict[dt.date, str]:
    """Closed periods whose cycle a run left half planned, oldest first, and what became of that run."""
    warehouse = Warehouse(path=str(SETTINGS.warehouse_file))
    with dg.DagsterInstance.get() as instance:
        found = unfinished.unfinished_periods(warehouse, instance)
    alone = warehouse.read(_NOT_PLANNED_WITHOUT)["period_start_date"]
    found |= {period.date(): "it was not planned again without what gave implausible results" for period in alone}
    closed = set(PERIODS.get_partition_keys())
    return {period: told for period, told in sorted(found.items()) if period.strftime(DATE_FORMAT) in closed}


def demand_periods() -> list[dt.date]:
    """Periods that hold landed demand, oldest first."""
    warehouse = Warehouse(path=str(SETTINGS.warehouse_file))
    found = warehouse.read("select distinct landing_period_start_date as period from raw.demand order by all")
    return [period.date() for period in found["period"]]


def build_facts(*, closed: Sequence[str], listener: StepListener) -> None:
    """Build the facts of all periods that loads brought rows for since, or whose facts other models built.

    Args:
        closed: periods that may be built, oldest first.
        listener: told of every step.

    Raises:
        RunFailedError: if a step fails.
    """
    unbuilt = Warehouse(path=str(SETTINGS.warehouse_file)).unbuilt_facts(project_fingerprint())
    wanted = {period.strftime(DATE_FORMAT) for period in unbuilt} & set(closed)
    # A correction of an old period and the rows of the newest one leave the periods between them as they are.
    for is_wanted, window in itertools.groupby(closed, key=wanted.__contains__):
        if is_wanted:
            first, *others = window
            last = others[-1] if others else first
            _execute("land", {RANGE_START_TAG: first, RANGE_END_TAG: last}, listener, steps=["transform"])


def _execute(
    job: str,
    tags: dict[str, str],
    listener: StepListener,
    *,
    steps: Sequence[str] = (),
    but: Collection[dg.AssetKey] = (),
    definitions: dg.Definitions = defs,
) -> None:
    """Run a job, or some of its steps, or all but some assets."""
    period = tags.get("dagster/partition") or f"{tags[RANGE_START_TAG]} to {tags[RANGE_END_TAG]}"
    run_id = str(uuid.uuid4())
    logs = SETTINGS.home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    # In a scratch home the folder is a link to that of the home.
    log = logs.resolve() / f"{run_id}.log"
    with (
        # Shown before Dagster knows of the run, so that no moment of it goes unnoticed if this process dies.
        running(SETTINGS.home, run_id),
        sole_writer(
            SETTINGS.home, job, lambda who: listener("note", f"Waiting for {who} to finish.", 0.0), run_id=run_id
        ),
        dg.DagsterInstance.get() as instance,
        log.open("w", encoding="utf-8") as output,
    ):
        watcher = _Watcher(listener)
        instance.add_event_listener(run_id, watcher)
        # dbt's and the libraries' own words go to the run's log, not between our progress lines.
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            result = definitions.resolve_job_def(job).execute_in_process(
                run_config=_QUIET,
                instance=instance,
                tags={**tags, IN_PROCESS_TAG: "true"},
                run_id=run_id,
                raise_on_error=False,
                asset_selection=_assets_of(job, steps, but) if steps or but else None,
            )
    if not result.success:
        reason = watcher.reason or "unknown; see the run"
        told = "\n".join(part for part in (reason, advice(reason, SETTINGS.home)) if part)
        raise RunFailedError(job, period, watcher.failed_step or "?", told, run_id, log)


def _facts() -> set[dg.AssetKey]:
    """What `build_facts` makes, but for the parameters: their files may have changed since, and are always read."""
    graph = defs.resolve_asset_graph()
    tags = {key: graph.get(key).tags for key in graph.get_all_asset_keys()}
    return {key for key, held in tags.items() if FACTS_TAG in held and PARAMETERS_TAG not in held}


def _assets_of(job: str, steps: Sequence[str], but: Collection[dg.AssetKey]) -> list[dg.AssetKey]:
    keys = defs.resolve_job_def(job).asset_layer.selected_asset_keys
    graph = defs.resolve_asset_graph()
    step_by_key = {key: graph.get(key).assets_def.node_def.name for key in keys}
    return sorted(key for key, step in step_by_key.items() if (not steps or step in steps) and key not in but)


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
