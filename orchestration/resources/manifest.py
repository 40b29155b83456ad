"""The manifest of a cycle: every input it could see and every table it wrote, each with rows and a hash.

Equal inputs, code and environment give equal tables, on any day, in any home and on any number of threads. So the
hashes over content (`input_hash`, `output_hash`) leave out what differs between such runs: load ids, times, file names.
"""

import datetime as dt
import hashlib
import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import duckdb
import pandas as pd

from data_quality.contracts import contracts_hash, load_contracts
from orchestration.resources.archive import Archive
from orchestration.resources.code import LOCK_FILE, RUNNING_CODE_HASH, code_hash, packed_code
from orchestration.resources.landing import Landing
from orchestration.resources.load_record import Load
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.seen_files import JUDGED, SeenFiles, seen_files
from orchestration.resources.settings import Company
from orchestration.resources.warehouse import Warehouse, table_hash
from stockstrata.errors import PlanningError
from stockstrata.tables import TABLES

OBJECT_COLUMNS = ("object_type_code", "object_name", "row_count", "content_hash")
CODE_SUFFIX, PARAMETER_SUFFIX, COMPANY_SUFFIX = ".zip", ".csv", ".json"
# What every number passes through. The lock file names the rest.
_LIBRARIES = (
    "coreforecast",
    "dbt-core",
    "dbt-duckdb",
    "duckdb",
    "hierarchicalforecast",
    "lightgbm",
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "statsforecast",
    "statsmodels",
)
# What the company file tells the models; where the files of a home stand changes no number.
_COMPANY_FIELDS = ("source_name", "period_type", "grain", "currency_code")

_Object = tuple[str, str, int | None, str]


@dataclass(frozen=True)
class CycleManifest:
    """Frames for `audit.cycle_manifest` (one row) and `audit.cycle_object` (one row per thing)."""

    summary: pd.DataFrame
    objects: pd.DataFrame


@dataclass(frozen=True)
class CycleInputs:
    """Where a cycle finds what it rests on.

    Attributes:
        warehouse: what the cycle read and wrote.
        landing: the loads that the warehouse is projected from.
        parameters: the parameter files in force.
        company: what the home plans.
        archive: where the inputs that may be edited later are kept.
        features: tables of the schema `intermediate` with one set of rows per cycle.
    """

    warehouse: Warehouse
    landing: Landing
    parameters: ParameterStore
    company: Company
    archive: Archive
    features: Sequence[str]

    def manifest(self, period: dt.date, cut_off: dt.date) -> CycleManifest:
        """Hash what the cycle of a period read and wrote, and keep what may be edited later.

        Args:
            period: first day of the period.
            cut_off: nothing learnt at or after this day was used.

        Raises:
            PlanningError: if a parameter file was edited while the cycle ran.
        """
        loads = {load.load_id: load for load in self.landing.loads()}
        with self.warehouse.connect(read_only=True) as connection:
            seen = seen_files(connection, loads, period, cut_off)
            known = [
                *(_known_rows(connection, name, cut_off) for name in load_contracts()),
                _refused(connection, period),
            ]
            cycles = _other_cycles(connection, period)
            made = [*_tables(connection, "feature", self.features, period), *_written(connection, period)]
            (newest,) = connection.execute("select max(load_id) from quality.load").fetchone() or ("",)
        files = [*_landing_files(seen, loads), *_extract_files(seen, loads), *self._parameter_files(), self._company()]
        read = [*files, *known, *_environment()]
        objects = pd.DataFrame([*read, *cycles, *made], columns=pd.Index(OBJECT_COLUMNS))
        if code_hash() == RUNNING_CODE_HASH:
            self.archive.keep_as(RUNNING_CODE_HASH, packed_code(), CODE_SUFFIX)
        summary = pd.DataFrame(
            {
                "cut_off_at": [pd.Timestamp(cut_off)],
                "source_name": [self.company.source_name],
                "code_version": [version("stockstrata")],
                "code_hash": [RUNNING_CODE_HASH],
                "lock_hash": [hashlib.sha256(LOCK_FILE.read_bytes()).hexdigest()],
                "contracts_hash": [contracts_hash()],
                "input_hash": [_input_hash([*read, *cycles], period)],
                "output_hash": [_joined(made, {"table"})],
                "load_count": [len({*seen.load_of.values(), *(load_id for load_id, _ in seen.extracts)})],
                "newest_load_id": [newest],
                "seed": [self.parameters.in_force(cut_off).settings.order_path_seed],
            }
        )
        return CycleManifest(summary, objects.astype({"row_count": "Int64"}))

    def _parameter_files(self) -> Iterator[_Object]:
        if self.parameters.version() != self.warehouse.parameters_version:
            raise PlanningError(
                "The parameter files were edited while the cycle ran, so its tables may rest on two versions of them. "
                "Run the cycle again."
            )
        for name, file in sorted(self.parameters.files().items()):
            content = file.read_bytes()
            rows = max(content.count(b"\n") - 1, 0)
            yield "parameter", f"{name}.csv", rows, self.archive.keep(content, PARAMETER_SUFFIX)

    def _company(self) -> _Object:
        content = json.dumps(self.company.model_dump(mode="json", include=set(_COMPANY_FIELDS)), sort_keys=True)
        return "company", "company.yaml", None, self.archive.keep(content.encode(), COMPANY_SUFFIX)


def _landing_files(seen: SeenFiles, loads: Mapping[str, Load]) -> Iterator[_Object]:
    for name, load_id in seen.load_of.items():
        noted = loads[load_id].files[name]
        yield "landing_file", name, noted.row_count, noted.sha256


def _extract_files(seen: SeenFiles, loads: Mapping[str, Load]) -> Iterator[_Object]:
    for load_id, entity in seen.extracts:
        extract = loads[load_id].entities[entity]
        yield "extract_file", f"{load_id}/{entity}: {extract.file_name}", extract.landed_row_count, extract.file_hash


def _other_cycles(connection: duckdb.DuckDBPyConnection, period: dt.date) -> list[_Object]:
    """The other cycles in the warehouse, by what their manifest says they wrote.

    A cycle reads those before it: frozen forecasts, segments, last good policies. Those after it bound the validity of
    its segments, and the newest of all says as of when the marts without a period stand.
    """
    found = connection.execute(
        "select distinct period_start_date::varchar, coalesce(output_hash, '') "
        "from segmentation.segment_assignment left join audit.cycle_manifest using (period_start_date) "
        "where period_start_date <> ? order by all",
        [period],
    ).fetchall()
    return [("cycle", name, None, output) for name, output in found]


def output_hash(connection: duckdb.DuckDBPyConnection, tables: Sequence[str], period: dt.date) -> str:
    """Hash over what the tables of a cycle hold now, as its manifest would tell."""
    return _joined(list(_tables(connection, "table", tables, period)), {"table"})


def mart_hashes(warehouse: Warehouse, marts: Mapping[str, bool], period: dt.date) -> pd.DataFrame:
    """Rows and hash of what a cycle publishes, in the form of `audit.cycle_mart`.

    Args:
        warehouse: where the marts stand.
        marts: each mart by its full name, and whether its rows belong to a period each; else it counts whole.
        period: first day of the period.
    """
    found = []
    with warehouse.connect(read_only=True) as connection:
        for name, has_periods in sorted(marts.items()):
            content, rows = table_hash(connection, name, where=_of_period(period) if has_periods else "true")
            found.append((name, rows, content))
    return pd.DataFrame(found, columns=pd.Index(["mart_name", "row_count", "content_hash"]))


def _written(connection: duckdb.DuckDBPyConnection, period: dt.date) -> Iterator[_Object]:
    yield from _tables(connection, "table", [name for name in sorted(TABLES) if not name.startswith("audit.")], period)


def _tables(
    connection: duckdb.DuckDBPyConnection, type_code: str, names: Sequence[str], period: dt.date
) -> Iterator[_Object]:
    for name in names:
        content, rows = table_hash(connection, name, where=_of_period(period))
        yield type_code, name, rows, content


def _of_period(period: dt.date) -> str:
    return f"period_start_date = date '{period}'"


def _known_rows(connection: duckdb.DuckDBPyConnection, entity: str, cut_off: dt.date) -> _Object:
    """Rows of an entity known at the cut-off; versions replaced before it count too, for some models compare them."""
    found = connection.execute(
        # The hash of a row is half an MD5 of its columns: their sum needs no order and counts equal rows.
        f"select known_to_at >= timestamp '{cut_off}' as is_in_force, count(*), sum(row_hash::hugeint)::varchar "
        f"from raw.{entity} where known_from_at < timestamp '{cut_off}' group by all order by all desc"
    ).fetchall()
    in_force = sum(rows for is_in_force, rows, _ in found if is_in_force)
    return "known_rows", f"raw.{entity}", in_force, hashlib.sha256(repr(found).encode()).hexdigest()


def _refused(connection: duckdb.DuckDBPyConnection, period: dt.date) -> _Object:
    """Quarantined rows of the feeds as the cycle knew them: it leaves out what has too many of them."""
    judged = f"(select load_id, entity_name from {JUDGED} where {_of_period(period)})"
    table = f"(select * from quality.quarantine semi join {judged} using (load_id, entity_name))"
    content, rows = table_hash(connection, table)
    return "known_rows", "quality.quarantine", rows, content


def _environment() -> Iterator[_Object]:
    yield "environment", "python", None, platform.python_version()
    yield "environment", "processor", None, platform.machine()
    for name in _LIBRARIES:
        yield "environment", name, None, version(name)


def _input_hash(objects: Sequence[_Object], period: dt.date) -> str:
    earlier = [found for found in objects if found[0] != "cycle" or found[1] < period.isoformat()]
    return _joined(earlier, {"known_rows", "parameter", "company", "cycle"})


def _joined(objects: Sequence[_Object], types: set[str]) -> str:
    chosen = sorted((kind, name, content) for kind, name, _, content in objects if kind in types)
    return hashlib.sha256("|".join(f"{name}={content}" for _, name, content in chosen).encode()).hexdigest()
