"""The warehouse made again from landing, beside the old one, and put in its place by one rename.

What was planned is planned again, oldest period first, each cycle with the parameter files that it used, from the
archive. Which cycles there were is told by the old warehouse where it can be read, by the newest published snapshot and
by Dagster's record. Nothing is published: what readers see was checked when it was published.
"""

import datetime as dt
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import duckdb

from data_quality.archives import file_hash
from orchestration.resources.archive import Archive
from orchestration.resources.dbt import prepare_manifest
from orchestration.resources.durable import to_disk
from orchestration.resources.landing import Landing
from orchestration.resources.load_record import Load
from orchestration.resources.manifest import PARAMETER_SUFFIX
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.parse_cache import cache_folder
from orchestration.resources.publisher import Publisher
from orchestration.resources.settings import Settings, write_company
from orchestration.resources.warehouse import Warehouse, WarehouseDamagedError, table_hash
from stockstrata.errors import InputError, PlanningError, StockstrataError

Tell = Callable[[str], None]
StepListener = Callable[[str, str, float], None]
# What the new warehouse shares with the home: it is made from these, and what it adds to them stays.
_SHARED = ("landing", "archive", "logs")
_DRAFT = ".rebuild"
_CYCLES = "select period_start_date, output_hash from {schema}{cycle} order by all"
_PARAMETERS = (
    "select period_start_date, object_name, content_hash from {schema}{objects} "
    "where object_type_code = 'parameter' order by all"
)


@dataclass(frozen=True)
class PlannedCycle:
    """A cycle that was planned.

    Attributes:
        period: first day of its period.
        output_hash: over the tables that it wrote; None where nothing tells.
        parameters: hash by file name of the parameters that it used; empty where nothing tells.
    """

    period: dt.date
    output_hash: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)


def rebuild(settings: Settings, tell: Tell, listener: StepListener) -> None:
    """Make the warehouse of a home again. Call it as the home's only writer, once a process.

    Args:
        settings: of the home.
        tell: told what is done, and how the result compares with what was.
        listener: told of every step.

    Raises:
        InputError: if nothing was landed.
        StockstrataError: if landing is not whole; the old warehouse stays.
        RunFailedError: if a step fails; the old warehouse stays.
    """
    loads = Landing.from_settings(settings).loads()
    _wait_until_free(settings, tell)
    if not loads:
        raise InputError(
            f"{settings.landing} holds no load, so there is nothing to rebuild from. Delete {settings.warehouse_file} "
            "if it is damaged, and run `stockstrata run SOURCE`."
        )
    _check_files(settings.landing, loads)
    cycles = planned_cycles(settings)
    tell(f"{len(loads)} loads and {len(cycles)} planned cycles to bring into a new warehouse.")
    draft = _lay_out(settings)
    try:
        _project(draft, tell)
        _plan(draft, settings, cycles, tell, listener)
        _swap(draft.warehouse_file, settings.warehouse_file)
    finally:
        shutil.rmtree(draft.home, ignore_errors=True)
    _compare(settings, cycles, tell)


def planned_cycles(settings: Settings) -> list[PlannedCycle]:
    """Every cycle that the old warehouse, the newest published snapshot or Dagster knows of, oldest period first."""
    with dg.DagsterInstance.get() as instance:
        recorded = instance.get_materialized_partitions(dg.AssetKey(["audit", "cycle_manifest"]))
    found = {period: PlannedCycle(period) for period in map(dt.date.fromisoformat, recorded)}
    for cycle in [*_published_cycles(settings), *_warehouse_cycles(settings)]:
        found[cycle.period] = cycle
    return [found[period] for period in sorted(found)]


def _wait_until_free(settings: Settings, tell: Tell) -> None:
    try:
        Warehouse(path=str(settings.warehouse_file)).wait_until_free(tell)
    except WarehouseDamagedError:
        tell(f"{settings.warehouse_file} is damaged and is made again.")


def _warehouse_cycles(settings: Settings) -> list[PlannedCycle]:
    if not settings.warehouse_file.exists():
        return []
    try:
        with Warehouse(path=str(settings.warehouse_file)).connect(read_only=True) as connection:
            return _cycles(connection, schema="audit.", cycle="cycle_manifest", objects="cycle_object")
    except (StockstrataError, duckdb.Error):
        return []


def _published_cycles(settings: Settings) -> list[PlannedCycle]:
    publisher = Publisher(folder=str(settings.published), warehouse_path=str(settings.warehouse_file))
    folders = sorted(
        [*publisher.snapshots(), *publisher.withdrawn()], key=lambda folder: folder.name.split("_")[-2], reverse=True
    )
    for folder in folders:
        try:
            with duckdb.connect(str(folder / "marts.duckdb"), read_only=True) as connection:
                return _cycles(connection, schema="", cycle="audit_cycle", objects="audit_cycle_object")
        except duckdb.Error:
            continue
    return []


def _cycles(connection: duckdb.DuckDBPyConnection, **names: str) -> list[PlannedCycle]:
    parameters: dict[dt.date, dict[str, str]] = {}
    for period, name, digest in connection.execute(_PARAMETERS.format(**names)).fetchall():
        parameters.setdefault(period, {})[name] = digest
    rows = connection.execute(_CYCLES.format(**names)).fetchall()
    return [PlannedCycle(period, output, parameters.get(period, {})) for period, output in rows]


def _check_files(landing: Path, loads: Sequence[Load]) -> None:
    for load in loads:
        for name, kept in load.files.items():
            file = landing / name
            found = file_hash(file) if file.exists() else None
            if found != kept.sha256:
                state = "is missing" if found is None else "is not what was landed"
                raise StockstrataError(
                    f"{file}: {state} (load {load.load_id}). Landing is what the warehouse is made from: put the file "
                    "back from a backup of the home and run `stockstrata rebuild` again. The old warehouse stays."
                )


def _lay_out(settings: Settings) -> Settings:
    """A home inside the home for the new warehouse; from here on this process works in it."""
    draft = settings.model_copy(update={"home": settings.home / _DRAFT})
    shutil.rmtree(draft.home, ignore_errors=True)
    draft.home.mkdir()
    for name in _SHARED:
        (settings.home / name).mkdir(exist_ok=True)
        (draft.home / name).symlink_to(settings.home / name)
    write_company(draft.home, settings.company)
    os.environ.setdefault("STOCKSTRATA_CACHE", str(cache_folder(settings.home)))
    # Dagster's record stays the home's own, so that the runs of the rebuild can be looked up like all others.
    os.environ["STOCKSTRATA_HOME"] = str(draft.home)
    prepare_manifest(draft)
    return draft


def _project(draft: Settings, tell: Tell) -> None:
    warehouse = Warehouse(path=str(draft.warehouse_file))
    warehouse.create_tables()
    Landing.from_settings(draft).project_missing(warehouse)
    tell("Every load is in the new warehouse.")


def _plan(
    draft: Settings, settings: Settings, cycles: Sequence[PlannedCycle], tell: Tell, listener: StepListener
) -> None:
    from orchestration import runner
    from orchestration.definitions import build_defs, defs
    from orchestration.partitions import DATE_FORMAT, PERIODS

    closed = PERIODS.get_partition_keys()
    early = [cycle.period for cycle in cycles if cycle.period.strftime(DATE_FORMAT) not in closed]
    if early:
        raise StockstrataError(
            f"The period {early[0]} was planned, but by this machine's clock it has not closed yet. Set the clock "
            "right and run `stockstrata rebuild` again. The old warehouse stays."
        )
    runner.build_facts(closed=closed, listener=listener)
    folder = settings.company.parameters_folder
    in_force = ParameterStore(folder=str(folder) if folder else None)
    made = {_digests(in_force): defs}
    for number, cycle in enumerate(cycles, start=1):
        tell(f"Cycle {number} of {len(cycles)}: period {cycle.period}")
        store = _parameters_of(cycle, in_force, Archive(settings.archive), draft.home / "parameters", tell)
        digests = _digests(store)
        if digests not in made:
            made[digests] = build_defs(parameters_folder=Path(str(store.folder)))
        runner.plan(cycle.period, listener, is_published=False, definitions=made[digests])


def _parameters_of(
    cycle: PlannedCycle, in_force: ParameterStore, archive: Archive, folder: Path, tell: Tell
) -> ParameterStore:
    """The parameter files that a cycle used, from the archive; those in force where one of them is not there."""
    if not cycle.parameters or cycle.parameters == dict(_digests(in_force)):
        return in_force
    own = folder / cycle.period.isoformat()
    own.mkdir(parents=True)
    try:
        for name, digest in cycle.parameters.items():
            (own / name).write_bytes(archive.read_checked(digest, PARAMETER_SUFFIX))
    except PlanningError as error:
        tell(f"Period {cycle.period} is planned with the parameters in force today: {error}")
        return in_force
    return ParameterStore(folder=str(own))


def _digests(store: ParameterStore) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((f"{name}.csv", file_hash(file)) for name, file in store.files().items()))


def _swap(new: Path, old: Path) -> None:
    """Put the new file in the place of the old one; what is not in the files themselves yet is written first."""
    with duckdb.connect(str(new)) as connection:
        connection.execute("force checkpoint")
    to_disk(new)
    # A log of the old file would be replayed into the new one. An old file that can be opened takes its log in.
    log = old.with_name(f"{old.name}.wal")
    if log.exists():
        try:
            with duckdb.connect(str(old)) as connection:
                connection.execute("force checkpoint")
        except duckdb.Error:
            pass
        log.unlink(missing_ok=True)
    new.replace(old)


def _compare(settings: Settings, cycles: Sequence[PlannedCycle], tell: Tell) -> None:
    with Warehouse(path=str(settings.warehouse_file)).connect(read_only=True) as connection:
        now = {
            cycle.period: cycle.output_hash
            for cycle in _cycles(connection, schema="audit.", cycle="cycle_manifest", objects="cycle_object")
        }
        for cycle in cycles:
            if cycle.output_hash is None:
                tell(f"Period {cycle.period}: planned again; nothing is left to compare it with.")
            elif cycle.output_hash == now[cycle.period]:
                tell(f"Period {cycle.period}: the same tables as before.")
            else:
                tell(
                    f"Period {cycle.period}: other tables than before. Code, parameters or loads have changed since it "
                    "was planned; `audit_cycle` in the published snapshot tells which."
                )
        publisher = Publisher(folder=str(settings.published), warehouse_path=str(settings.warehouse_file))
        snapshot = publisher.current()
        if snapshot is None:
            return
        differing = [
            name
            for name, mart in snapshot.marts.items()
            if not name.startswith("audit_")
            and table_hash(connection, f"marts.{name}") != (mart["content_hash"], mart["row_count"])
        ]
    if differing:
        tell(f"Readers still see {snapshot.folder.name}; the next run publishes what differs: {', '.join(differing)}.")
    else:
        tell(f"The marts are those of the snapshot in force, {snapshot.folder.name}.")
