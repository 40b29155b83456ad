"""The manifest of a cycle: every input it could see and every table it wrote, each with rows and a hash."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from data_quality.contracts import contracts_hash, load_contracts
from orchestration.resources.settings import PROJECT_ROOT, Settings
from orchestration.resources.warehouse import Warehouse, hash_sum_sql
from stockstrata.tables import TABLES

_CODE_FOLDERS = ("stockstrata", "data_quality", "assets", "orchestration", "dbt_project")
_CODE_SUFFIXES = {".py", ".sql", ".yml", ".yaml"}


@dataclass(frozen=True)
class CycleManifest:
    """Frames for `audit.cycle_manifest` (one row) and `audit.cycle_object` (one row per thing)."""

    summary: pd.DataFrame
    objects: pd.DataFrame

    @classmethod
    def collect(
        cls,
        warehouse: Warehouse,
        parameter_files: Mapping[str, Path],
        settings: Settings,
        period: dt.date,
        cut_off: dt.date,
    ) -> "CycleManifest":
        """Hash what the cycle of `period` read and wrote; run columns and clock columns are left out."""
        loads = [_known_rows(warehouse, name, cut_off) for name in load_contracts()]
        parameters = [("parameter", f"{name}.csv", *_file(file)) for name, file in sorted(parameter_files.items())]
        written = [
            ("table", name, rows, content)
            for name in sorted(TABLES)
            if not name.startswith("audit.")
            for content, rows in [warehouse.content_hash(name, where=f"period_start_date = date '{period}'")]
        ]
        objects = pd.DataFrame(
            [*loads, *parameters, *written], columns=["object_type_code", "object_name", "row_count", "content_hash"]
        )
        known_loads = warehouse.read(
            "select count(distinct load_id) as n from quality.load "
            "where first_event_date < ? or first_event_date is null",
            [cut_off],
        )
        summary = pd.DataFrame(
            {
                "cut_off_at": [pd.Timestamp(cut_off)],
                "source_name": [settings.company.source_name],
                "code_version": [version("stockstrata")],
                "code_hash": [_code_hash()],
                "lock_hash": [_file(PROJECT_ROOT / "requirements.lock")[1]],
                "contracts_hash": [contracts_hash()],
                "input_hash": [_joined(objects, {"load", "parameter"})],
                "output_hash": [_joined(objects, {"table"})],
                "load_count": [int(known_loads["n"].iloc[0])],
                "seed": [0],
            }
        )
        return cls(summary, objects)


def _known_rows(warehouse: Warehouse, entity: str, cut_off: dt.date) -> tuple[str, str, int, str]:
    where = f"known_from_at < timestamp '{cut_off}' and known_to_at >= timestamp '{cut_off}'"
    found = warehouse.read(
        f"select {hash_sum_sql('row_key || row_hash')} as content, count(*) as n from raw.{entity} where {where}"
    )
    return "load", f"raw.{entity}", int(found["n"].iloc[0]), str(found["content"].iloc[0])


def _file(file: Path) -> tuple[int, str]:
    content = file.read_bytes()
    return max(content.count(b"\n") - 1, 0), hashlib.sha256(content).hexdigest()


def _code_hash() -> str:
    digest = hashlib.sha256()
    for folder in _CODE_FOLDERS:
        for file in sorted((PROJECT_ROOT / folder).rglob("*")):
            if file.suffix in _CODE_SUFFIXES and "target" not in file.parts:
                digest.update(str(file.relative_to(PROJECT_ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _joined(objects: pd.DataFrame, types: set[str]) -> str:
    chosen = objects[objects["object_type_code"].isin(types)].sort_values(["object_type_code", "object_name"])
    return hashlib.sha256("|".join(chosen["object_name"] + "=" + chosen["content_hash"]).encode()).hexdigest()
