"""DuckDB expressions that turn text into typed values: whole columns, and NULL where the text is not of the type."""

from collections.abc import Callable, Iterable

from data_quality.contracts import Contract, ContractColumn

KeyValue = Callable[[int, list[str]], str]

_DAY = r"\d{4}-\d{2}-\d{2}"
_MIDNIGHT = r"([ T]00:00(:00(\.0+)?)?(Z|[+-]00(:?00)?)?)?"
_CLOCK = r"([ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?"
_OFFSET = r"[+-]\d{2}(:?\d{2})?"
_WHOLE = r"[+-]?\d{1,18}(\.0*)?"


def text_name(column: ContractColumn) -> str:
    """Name of the column that holds the text; strings are their own text."""
    return column.name if column.type == "string" else f"{column.name}__text"


def typed_sql(column: ContractColumn) -> str:
    """The typed value of a column, from its text column."""
    text = f'"{text_name(column)}"'
    if column.type == "number":
        # DuckDB reads inf, nan, 1_000 and +-1 as numbers too; everything else it reads is a plain decimal.
        number = f"TRY_CAST({text} AS DOUBLE)"
        plain = f"NOT contains({text}, '_') AND NOT contains({text}, '+-')"
        return f"CASE WHEN isfinite({number}) AND {plain} THEN {number} END"
    if column.type == "integer":
        return f"CASE WHEN regexp_full_match({text}, '{_WHOLE}') THEN TRY_CAST({text} AS BIGINT) END"
    if column.type == "date":
        # DuckDB reads 2024-1-1 and 2024-01-1T as days too, but writes a day in one way only. The slower pattern sees
        # nothing but what is longer than a day.
        day = f"TRY_CAST(left({text}, 10) AS DATE)"
        return (
            f"CASE WHEN year({day}) BETWEEN 1900 AND 2200 AND "
            f"CASE WHEN length({text}) = 10 THEN CAST({day} AS VARCHAR) = {text} "
            f"ELSE regexp_full_match({text}, '{_DAY}{_MIDNIGHT}') END THEN {day} END"
        )
    if column.type == "timestamp":
        return _timestamp_sql(text)
    if column.type == "boolean":
        return (
            f"CASE WHEN lower({text}) IN ('true', 'yes', 'y', '1') THEN true "
            f"WHEN lower({text}) IN ('false', 'no', 'n', '0') THEN false END"
        )
    return text


def _timestamp_sql(text: str) -> str:
    # DuckDB drops an offset when it casts to TIMESTAMP; only TIMESTAMPTZ honours it, and only in the form +HH or
    # +HH:MM after seconds. Seconds are added where they are missing.
    clock = rf"regexp_replace({text}, '^({_DAY}[ T]\d\d:\d\d)(Z|[+-]|$)', '\1:00\2')"
    moment = f"CAST(TRY_CAST({clock} AS TIMESTAMPTZ) AS TIMESTAMP)"
    return (
        f"CASE WHEN regexp_full_match({text}, '{_DAY}{_CLOCK}(Z|{_OFFSET})?)?') "
        f"AND year({moment}) BETWEEN 1900 AND 2200 THEN {moment} END"
    )


def row_key_sql(contract: Contract, present: Iterable[str]) -> str:
    """The key of a row as text: `<number of the key alternative>|<part>|<part>`.

    A missing location counts as ALL. A row has the first alternative whose columns are all filled, else the last.
    """
    here = set(present)
    return f"CASE {key_case_sql(contract, here, _joined)} END"


def key_number_sql(contract: Contract, present: Iterable[str]) -> str:
    """Which key alternative a row has, from 1."""
    return f"CASE {key_case_sql(contract, set(present), lambda place, _: str(place))} END"


def key_case_sql(contract: Contract, present: set[str], value: KeyValue) -> str:
    """The WHEN branches over the key alternatives."""
    branches = []
    for place, key in enumerate(contract.keys, start=1):
        parts = [_key_part(contract.column(name), name in present) for name in key]
        filled = " AND ".join(f"{part} IS NOT NULL" for part in parts)
        branches.append(f"{'WHEN ' + filled + ' THEN' if place < len(contract.keys) else 'ELSE'} {value(place, parts)}")
    return " ".join(branches) if len(branches) > 1 else f"WHEN true THEN {branches[0].removeprefix('ELSE ')}"


def row_hash_sql(contract: Contract, present: Iterable[str]) -> str:
    """MD5 over `name=value` of the filled contract columns, in contract order; absent and empty columns weigh alike."""
    here = set(present)
    parts = [f"'{name}=' || CAST(\"{name}\" AS VARCHAR)" for name in contract.column_names if name in here]
    return f"md5(concat_ws(chr(31), {', '.join(parts)}))"


def _key_part(column: ContractColumn, is_present: bool) -> str:
    value = f'CAST("{column.name}" AS VARCHAR)' if is_present else "CAST(NULL AS VARCHAR)"
    is_location = column.references is not None and column.references.entity == "locations"
    return f"coalesce({value}, 'ALL')" if is_location and not column.required else value


def _joined(place: int, parts: list[str]) -> str:
    # A bar inside a value is escaped, so that two different keys never read the same.
    escaped = [rf"coalesce(replace(replace({part}, '\', '\\'), '|', '\|'), '')" for part in parts]
    return " || '|' || ".join([f"'{place}'", *escaped])
