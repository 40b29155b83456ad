"""The statements that create what holds the landed rows of an entity: a table, and a view that adds what follows from it.

`row_key` and `row_hash` follow from the contract columns. DuckDB would evaluate generated columns for every row that is
inserted, and stored they would be the widest columns of all; a view computes them where they are read.
"""

from data_quality.contracts import Contract, raw_columns
from data_quality.typed_values import row_hash_sql, row_key_sql

LANDED_SCHEMA = "landed"
_COMPUTED = {"row_key": row_key_sql, "row_hash": row_hash_sql}


def landed_columns(contract: Contract) -> tuple[str, ...]:
    """The columns that are stored, in order."""
    return tuple(name for name, _ in raw_columns(contract) if name not in _COMPUTED)


def raw_table_ddl(contract: Contract) -> tuple[str, str]:
    """The statements that create table `landed.<entity>` and view `raw.<entity>` when they are not there yet."""
    stored = set(landed_columns(contract))
    table = ", ".join(f'"{name}" {type_}' for name, type_ in raw_columns(contract) if name in stored)
    view = ", ".join(
        f'"{name}"' if name in stored else f'{_COMPUTED[name](contract, contract.column_names)} AS "{name}"'
        for name, _ in raw_columns(contract)
    )
    landed = f"{LANDED_SCHEMA}.{contract.name}"
    return (
        f"CREATE TABLE IF NOT EXISTS {landed} ({table})",
        f"CREATE VIEW IF NOT EXISTS raw.{contract.name} AS SELECT {view} FROM {landed}",
    )
