"""The cycle of a period computed once more in a scratch home, as a process of its own: `python -m ... PERIOD`.

`orchestration.resources.replay` lays the scratch home out and starts this module with the code that the cycle ran with,
which may be years older than the module that starts it. So the argument, `STOCKSTRATA_HOME` and the file with the rows
of the other cycles are a fixed agreement.
"""

import datetime as dt
import sys

import duckdb

from orchestration.home import prepare_home
from orchestration.resources.dbt import prepare_manifest
from orchestration.resources.landing import Landing
from orchestration.resources.replay import OTHER_CYCLES_FILE
from orchestration.resources.settings import Settings, read_settings
from orchestration.resources.warehouse import Warehouse, sql_text

# Bound to the real output: while a job runs, what libraries print goes to the run's log.
_OUT = sys.stdout


def main(period: dt.date) -> None:
    """Project landing, take the other cycles over, build the facts, plan the period."""
    settings = read_settings()
    prepare_home(settings)
    prepare_manifest(settings)
    from orchestration import runner
    from orchestration.partitions import DATE_FORMAT, PERIODS

    warehouse = Warehouse(path=str(settings.warehouse_file))
    warehouse.create_tables()
    landing = Landing.from_settings(settings)
    landing.project_missing(warehouse)
    newest = max([period, *_take_over_other_cycles(settings, warehouse)])
    closed = [key for key in PERIODS.get_partition_keys() if key <= newest.strftime(DATE_FORMAT)]
    runner.build_facts(closed=closed, listener=_tell)
    runner.plan(period, _tell)


def _take_over_other_cycles(settings: Settings, warehouse: Warehouse) -> list[dt.date]:
    """Insert the rows of the other cycles; returns their periods."""
    with warehouse.connect() as connection:
        connection.execute(f"attach {sql_text(settings.home / OTHER_CYCLES_FILE)} as others (read_only)")
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'others'"
        ).fetchall()
        connection.begin()
        for schema, table in tables:
            _take_over(connection, f"{schema}.{table}")
        connection.commit()
        if not tables:
            return []
        found = connection.execute(
            "select distinct period_start_date from others.segmentation.segment_assignment"
        ).fetchall()
    return [period for (period,) in found]


def _take_over(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Insert a table's rows; columns that came with a later version of the code are left out."""
    connection.execute(f"create schema if not exists {table.split('.')[0]}")
    connection.execute(f"create table if not exists {table} as from others.{table} limit 0")
    own, theirs = (
        [row[0] for row in connection.execute(f"describe {name}").fetchall()] for name in (table, f"others.{table}")
    )
    columns = ", ".join(f'"{name}"' for name in own if name in theirs)
    connection.execute(f"insert into {table} by name select {columns} from others.{table}")


def _tell(event: str, step: str, seconds: float) -> None:
    print(f"{event} {step} {seconds:.1f} s", file=_OUT, flush=True)


if __name__ == "__main__":
    main(dt.date.fromisoformat(sys.argv[1]))
