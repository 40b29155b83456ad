"""Loads projected into the warehouse: rows inserted, the versions they replace or retract closed, verdicts noted.

It reads nothing but the files of the loads, so the same loads in the same order give the same tables in any warehouse.
"""

from pathlib import Path

import duckdb
import pandas as pd

from data_quality.contracts import load_contracts
from data_quality.raw_tables import LANDED_SCHEMA, LOAD_NUMBER, landed_columns, load_number
from data_quality.typed_values import row_key_sql
from orchestration.resources.entity_load import RETRACTED_FOLDER
from orchestration.resources.load_record import EntityLoad, Load
from orchestration.resources.warehouse import OPEN_END, Warehouse, note_unbuilt_facts


def project(warehouse: Warehouse, landing: Path, load: Load) -> None:
    """Bring one load into the warehouse, in one transaction."""
    with warehouse.connect() as connection:
        # The rows of a file stand in no particular order, and to keep one costs a third of the insertion.
        connection.execute("set preserve_insertion_order = false")
        connection.begin()
        for name, entity in load.entities.items():
            # The rows are seen through what the verdict says of their load.
            _project_verdict(connection, load, entity)
            _project_rows(connection, landing, load, name)
            _project_retracted(connection, landing, load, name)
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
    scan = "read_parquet(?, hive_partitioning = false)"
    brought = {row[0] for row in connection.execute(f"select * from {scan} limit 0", [files[:1]]).description or ()}
    fixed = {
        LOAD_NUMBER: str(load_number(load.load_id)),
        "is_late_row": "false",
        "known_to_at": f"timestamp '{OPEN_END}'",
    }
    # Files of earlier versions repeat in every row what the view takes from elsewhere.
    columns = landed_columns(load_contracts()[entity])
    values = {name: f'"{name}"' if name in brought else fixed.get(name, "null") for name in columns}
    listed = ", ".join(f'{value} as "{name}"' for name, value in values.items())
    connection.execute(f"insert into {LANDED_SCHEMA}.{entity} by name select {listed} from {scan}", [files])
    if load.entities[entity].changed_row_count:
        newer = f"select row_key as closing_key, known_from_at as closing_at from raw.{entity} where load_id = ?"
        _close_versions(connection, load, entity, newer, load.load_id)


def _project_retracted(connection: duckdb.DuckDBPyConnection, landing: Path, load: Load, entity: str) -> None:
    file = landing / RETRACTED_FOLDER / entity / f"{load.load_id}.parquet"
    if file.exists():
        gone = "select row_key as closing_key, known_to_at as closing_at from read_parquet(?)"
        _close_versions(connection, load, entity, gone, str(file))


def _close_versions(
    connection: duckdb.DuckDBPyConnection, load: Load, entity: str, closing: str, parameter: str
) -> None:
    """End the open versions of earlier loads that a SELECT of `closing_key, closing_at` names."""
    contract = load_contracts()[entity]
    connection.execute(
        f"update {LANDED_SCHEMA}.{entity} set known_to_at = closing_at from ({closing}) as closing "
        f"where closing_key = {row_key_sql(contract, contract.column_names)} "
        f"and {LOAD_NUMBER} <> {load_number(load.load_id)} and known_to_at = timestamp '{OPEN_END}'",
        [parameter],
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
