"""Columns that a file brings with a type: which of them need no detour over text, and what their values become.

The values are the same as by way of text, clause for clause; columns of other types are written as text first.
"""

import pyarrow as pa

from data_quality.contracts import ContractColumn
from data_quality.typed_values import DAYS_IN_USE, text_name

# A whole number of the contract has at most 18 digits.
_LARGEST_WHOLE = 10**18 - 1


def is_native(column: ContractColumn, given: pa.DataType) -> bool:
    """Whether values of that Arrow type can stay as they are in a contract column."""
    # Unsigned 64-bit numbers and 32-bit floats do not become the double that their text becomes.
    is_whole = pa.types.is_signed_integer(given) or given in (pa.uint8(), pa.uint16(), pa.uint32())
    is_moment = pa.types.is_timestamp(given) and given.tz is None
    if column.type == "number":
        return is_whole or pa.types.is_float64(given)
    if column.type == "integer":
        return is_whole
    if column.type == "date":
        return pa.types.is_date32(given) or is_moment
    if column.type == "timestamp":
        return pa.types.is_date32(given) or (is_moment and given.unit != "ns")
    if column.type == "boolean":
        return pa.types.is_boolean(given)
    return pa.types.is_string(given) or pa.types.is_large_string(given)


def native_sql(column: ContractColumn) -> str:
    """The typed value of a native column; NULL where it is none, such as NaN or a day in the year 1."""
    value = f'"{text_name(column)}"'
    if column.type == "number":
        number = f"CAST({value} AS DOUBLE)"
        return f"CASE WHEN isfinite({number}) THEN {number} END"
    if column.type == "integer":
        return f"CASE WHEN {value} BETWEEN -{_LARGEST_WHOLE} AND {_LARGEST_WHOLE} THEN CAST({value} AS BIGINT) END"
    if column.type == "date":
        day = f"CAST({value} AS DATE)"
        return f"CASE WHEN {day} {DAYS_IN_USE} AND {day} = {value} THEN {day} END"
    if column.type == "timestamp":
        moment = f"CAST({value} AS TIMESTAMP)"
        return f"CASE WHEN year({moment}) BETWEEN 1900 AND 2200 THEN {moment} END"
    return value
