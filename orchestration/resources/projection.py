"""Loads projected into the warehouse: rows inserted, the versions they replace or retract closed, verdicts noted.

It reads nothing but the files of the loads, so the same loads in the same order give the same tables in any warehouse.
"""

from pathlib import Path

import duckdb
import pandas as pd

from orchestration.resources.entity_load import RETRACTED_FOLDER
from orchestration.resources.load_record import EntityLoad, Load
from orchestration.resources.warehouse import OPEN_END, Warehouse, note_unbuilt_facts


def project(warehouse: Warehouse, landing: Path, load: Load) -> None:
    """Bring one load into the warehouse, in one transaction."""
    with warehouse.connect() as connection:
        connection.begin()
        for name, entity in load.entities.items():
            _project_rows(connection, landing, load, name)
            _project_retracted(connection, landing, load, name)
            _project_verdict(connection, load, entity)
        quarantine = landing / "quarantine" / f"{load.load_id}.parquet"
        if quarantine.exists():
            connection.execute(
                "insert into quality.quarantine by name select * from read_parquet(?)", [str(quarantine)]
            )
        note_unbuilt_facts(connection, load.touched_periods())
        connection.commit()


def _project_rows(connection: duckdb.DuckDBPyConnection, landing: Path, load: Load, entity: str) -> None:
    files = [str(file) for file in sorted((landing / entity).glob(f"*/{load.load_id}.parquet"))]
    if not files:
        return
    connection.execute(
        f"insert into raw.{entity} by name select *, timestamp '{OPEN_END}' as known_to_at "
        "from read_parquet(?, hive_partitioning = false)",
        [files],
    )
    if load.entities[entity].changed_row_count:
        connection.execute(
            f"update raw.{entity} as held set known_to_at = newer.known_from_at from raw.{entity} as newer "
            f"where newer.load_id = ? and held.row_key = newer.row_key and held.load_id <> newer.load_id "
            f"and held.known_to_at = timestamp '{OPEN_END}'",
            [load.load_id],
        )


def _project_retracted(connection: duckdb.DuckDBPyConnection, landing: Path, load: Load, entity: str) -> None:
    file = landing / RETRACTED_FOLDER / entity / f"{load.load_id}.parquet"
    if file.exists():
        connection.execute(
            f"update raw.{entity} as held set known_to_at = retracted.known_to_at from read_parquet(?) as retracted "
            f"where held.row_key = retracted.row_key and held.load_id <> ? "
            f"and held.known_to_at = timestamp '{OPEN_END}'",
            [str(file), load.load_id],
        )


def _project_verdict(connection: duckdb.DuckDBPyConnection, load: Load, entity: EntityLoad) -> None:
    common = {"load_id": load.load_id, "entity_name": entity.entity_name, "loaded_at": load.loaded_at}
    row = {**entity.figures(), **common, "source_name": load.source_name}
    frame = pd.DataFrame([row])  # noqa: F841  (DuckDB reads it by name)
    connection.execute("insert into quality.load by name select * from frame")
    if entity.period_rows:
        periods = pd.DataFrame(  # noqa: F841
            [{"period_start_date": period, **rows.model_dump()} for period, rows in sorted(entity.period_rows.items())]
        ).assign(**common)
        connection.execute(
            "insert into quality.load_period by name "
            "select * replace (period_start_date::date as period_start_date) from periods"
        )
    # A reused entity was not judged in this load: its verdict stands with the load that read it.
    if entity.read_code == "read" and entity.clause_results:
        results = pd.DataFrame(entity.clause_results).assign(**common)  # noqa: F841
        connection.execute("insert into quality.clause_result by name select * from results")
