"""DuckDB expressions that turn text into typed values: whole columns, and NULL where the text is not of the type."""

from collections.abc import Iterable, Sequence

from data_quality.contracts import Contract, ContractColumn
from data_quality.csv_format import CsvFormat

_DAY = r"\d{4}-\d{2}-\d{2}"
_MIDNIGHT = r"([ T]00:00(:00(\.0+)?)?(Z|[+-]00(:?00)?)?)?"
_CLOCK = r"([ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?"
_OFFSET = r"[+-]\d{2}(:?\d{2})?"
DAYS_IN_USE = "BETWEEN DATE '1900-01-01' AND DATE '2200-12-31'"
_WHOLE = r"[+-]?\d{1,18}(\.0*)?"


def text_name(column: ContractColumn) -> str:
    """Name of the column that holds the text; strings are their own text."""
    return column.name if column.type == "string" else f"{column.name}__text"


def typed_sql(column: ContractColumn, csv_format: CsvFormat) -> str:
    """The typed value of a column, from its text column.

    Args:
        column: the column.
        csv_format: how numbers and days are written.
    """
    text, logical_type = f'"{text_name(column)}"', column.type
    if logical_type in ("number", "integer") and not csv_format.has_plain_numbers:
        text = csv_format.number_sql(text)
    if logical_type in ("date", "timestamp"):
        text = csv_format.iso_sql(text)
    if logical_type == "number":
        # DuckDB reads inf, nan, 1_000 and +-1 as numbers too; everything else it reads is a plain decimal.
        number = f"TRY_CAST({text} AS DOUBLE)"
        plain = f"NOT contains({text}, '_') AND NOT contains({text}, '+-')"
        return f"CASE WHEN isfinite({number}) AND {plain} THEN {number} END"
    if logical_type == "integer":
        return f"CASE WHEN regexp_full_match({text}, '{_WHOLE}') THEN TRY_CAST({text} AS BIGINT) END"
    if logical_type == "date":
        # DuckDB reads 2024-1-1 and 2024-01-1T as days too, but writes a day in one way only. The slower pattern sees
        # nothing but what is longer than a day.
        day, cut = f"TRY_CAST({text} AS DATE)", f"TRY_CAST(left({text}, 10) AS DATE)"
        return (
            f"CASE WHEN strlen({text}) = 10 "
            f"THEN CASE WHEN {day} {DAYS_IN_USE} AND CAST({day} AS VARCHAR) = {text} THEN {day} END "
            f"ELSE CASE WHEN regexp_full_match({text}, '{_DAY}{_MIDNIGHT}') AND {cut} {DAYS_IN_USE} THEN {cut} END END"
        )
    if logical_type == "timestamp":
        return _timestamp_sql(text)
    if logical_type == "boolean":
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


def folded_sql(code: str) -> str:
    """A code without what people do not see when they compare two: letter case, blanks, invisible signs."""
    return rf"lower(regexp_replace(nfc_normalize({code}), '[\s\p{{Z}}\p{{Cf}}]', '', 'g'))"


def loosely_folded_sql(code: str) -> str:
    """A folded code that also lacks what spreadsheets take from or add to it: leading zeros, a decimal zero."""
    return rf"regexp_replace(regexp_replace({folded_sql(code)}, '^0+(.)', '\1'), '\.0$', '')"


def row_key_sql(contract: Contract, present: Iterable[str]) -> str:
    """The key of a row as text: `<number of the key alternative>|<part>|<part>`.

    A missing location counts as ALL. A row has the first alternative whose columns are all filled, else the last.
    """
    here = set(present)
    texts = [", ".join(_key_text(contract.column(name), name in here) for name in key) for key in contract.keys]
    return _by_alternative(contract, here, [f"concat_ws('|', {place}, {text})" for place, text in enumerate(texts, 1)])


def key_number_sql(contract: Contract, present: Iterable[str]) -> str:
    """Which key alternative a row has, from 1."""
    return _by_alternative(contract, set(present), [str(place) for place in range(1, len(contract.keys) + 1)])


def key_columns_sql(contract: Contract, present: Iterable[str]) -> list[list[str]]:
    """The parts of each key alternative, as typed values."""
    here = set(present)
    return [[_key_part(contract.column(name), name in here) for name in key] for key in contract.keys]


def _by_alternative(contract: Contract, present: set[str], values: Sequence[str]) -> str:
    """The value of the key alternative that a row has."""
    branches = [
        "WHEN " + " AND ".join(f"{part} IS NOT NULL" for part in parts) + f" THEN {value}"
        for parts, value in zip(key_columns_sql(contract, present)[:-1], values, strict=False)
    ]
    return f"CASE {' '.join(branches)} ELSE {values[-1]} END" if branches else values[-1]


def row_hash_sql(contract: Contract, present: Iterable[str]) -> str:
    """Lower half of the MD5 over `name=value` of the filled contract columns, in contract order, as a whole number.

    Absent and empty columns weigh alike. The half is enough to tell two versions of one row apart, and half as wide.
    """
    here = set(present)
    parts = [f"'{name}=' || CAST(\"{name}\" AS VARCHAR)" for name in contract.column_names if name in here]
    return f"md5_number_lower(concat_ws(chr(31), {', '.join(parts)}))"


def content_hash_sql(contract: Contract) -> str:
    """DuckDB's own hash of all contract columns: it tells versions of a row apart within one process.

    It costs a fifteenth of `row_hash_sql`, but another version of DuckDB may give other numbers, so it is never stored.
    """
    values = ", ".join(f'CAST("{column.name}" AS {column.physical_type})' for column in contract.columns)
    return f"hash({values})"


def _key_part(column: ContractColumn, is_present: bool) -> str:
    value = f'"{column.name}"' if is_present else "CAST(NULL AS VARCHAR)"
    is_location = column.references is not None and column.references.entity == "locations"
    return f"coalesce({value}, 'ALL')" if is_location and not column.required else value


def _key_text(column: ContractColumn, is_present: bool) -> str:
    part = _key_part(column, is_present)
    if column.type != "string":
        return f"coalesce(CAST({part} AS VARCHAR), '')"
    # A bar inside a value is escaped, so that two different keys never read the same. Hardly any value has one, and
    # looking is cheaper than replacing.
    escaped = rf"replace(replace({part}, '\', '\\'), '|', '\|')"
    return rf"coalesce(CASE WHEN contains({part}, '|') OR contains({part}, '\') THEN {escaped} ELSE {part} END, '')"
