"""The statements that create what holds the landed rows of an entity: a table, and a view that adds the rest.

`row_key` and `row_hash` follow from the contract columns: stored they would be the widest columns of all, and generated
columns are evaluated for every row that is inserted. What is the same for all rows of a load stands in `quality.load`.
"""

from data_quality.contracts import Contract, raw_columns
from data_quality.typed_values import row_hash_sql, row_key_sql

LANDED_SCHEMA = "landed"
LOAD_NUMBER = "load_number"
_COMPUTED = {"row_key": row_key_sql, "row_hash": row_hash_sql}
_OF_THE_LOAD = ("source_name", "load_id", "loaded_at")


def landed_columns(contract: Contract) -> dict[str, str]:
    """Type by name of the columns that are stored; `file_name` is NULL where it is that of the load."""
    stored = {name: type_ for name, type_ in raw_columns(contract) if name not in (*_COMPUTED, *_OF_THE_LOAD)}
    return {**stored, LOAD_NUMBER: "INTEGER"}


def load_number(load_id: str) -> int:
    """The number that a load's id begins with."""
    return int(load_id.partition("-")[0])


def raw_table_ddl(contract: Contract) -> tuple[str, str]:
    """The statements that create table `landed.<entity>` and view `raw.<entity>` when they are not there yet.

    The view rests on `quality.load`.
    """
    columns = ", ".join(f'"{name}" {type_}' for name, type_ in landed_columns(contract).items())
    shown = ", ".join(f'{_shown(contract, name)} AS "{name}"' for name, _ in raw_columns(contract))
    load = (
        f"SELECT CAST(split_part(load_id, '-', 1) AS INTEGER) AS {LOAD_NUMBER}, file_name AS load_file_name, "
        f"{', '.join(_OF_THE_LOAD)} FROM quality.load WHERE entity_name = '{contract.name}'"
    )
    return (
        f"CREATE TABLE IF NOT EXISTS {LANDED_SCHEMA}.{contract.name} ({columns})",
        f"CREATE VIEW IF NOT EXISTS raw.{contract.name} AS SELECT {shown} "
        f"FROM {LANDED_SCHEMA}.{contract.name} JOIN ({load}) AS load USING ({LOAD_NUMBER})",
    )


def _shown(contract: Contract, name: str) -> str:
    if name in _COMPUTED:
        return _COMPUTED[name](contract, contract.column_names)
    return "coalesce(file_name, load_file_name)" if name == "file_name" else f'"{name}"'
