"""The statement that creates the table of an entity in schema `raw`."""

from data_quality.contracts import Contract, raw_columns
from data_quality.typed_values import row_key_sql


def raw_table_ddl(contract: Contract) -> str:
    """The statement that creates the entity's table in schema `raw` when it is not there yet.

    `row_key` is computed from the contract columns when it is read: stored, it would be the widest column of all.
    """
    key = row_key_sql(contract, contract.column_names)
    columns = ",\n".join(
        f'    "{name}" {type_}' + (f" GENERATED ALWAYS AS ({key}) VIRTUAL" if name == "row_key" else "")
        for name, type_ in raw_columns(contract)
    )
    return f"CREATE TABLE IF NOT EXISTS raw.{contract.name} (\n{columns}\n)"
