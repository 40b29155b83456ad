"""One entity's extract as text rows that know their file and line, whatever kind of file it came from."""

import gzip
import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from pyarrow import compute

from data_quality.archives import file_hash
from data_quality.connection import ReadLimits, locked_connection, run_limited, work_connection
from data_quality.contracts import Contract
from data_quality.csv_records import header_of, read_csv_records
from data_quality.problems import input_problem
from data_quality.source import Source
from stockstrata.errors import InputError

_LINE_COLUMNS = ("source_file", "source_line")
_MAX_UNZIPPED_BYTES = 16 * 1024**3
_NO_BROKEN_LINES = pa.schema([("row_number", pa.int64()), ("line_text", pa.large_string())]).empty_table()


@dataclass(frozen=True)
class Extract:
    """An entity's file, read.

    Attributes:
        contract: the entity's contract.
        file_name: name of the file.
        file_hash: SHA-256 of its bytes; for SQL of its text and the rows it gives, in whatever order.
        rows: `position` (from 0), `file_name`, `row_number` and the contract columns that the file has, as
            text without outer blanks; empty text is NULL.
        broken: `row_number, line_text` of lines that are no record.
        warnings: what was left out, in words.
    """

    contract: Contract
    file_name: str
    file_hash: str
    rows: pa.Table
    broken: pa.Table
    warnings: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The contract columns that the file has, in contract order."""
        return tuple(self.rows.column_names[3:])

    @property
    def landed_row_count(self) -> int:
        """Rows of the file, broken lines included."""
        return self.rows.num_rows + self.broken.num_rows


def read_extract(source: Source, contract: Contract, limits: ReadLimits | None = None) -> Extract:
    """Read the entity's file of a source.

    Raises:
        InputError: the file is missing, empty, unreadable, reaches outside the source's folders, lacks a required
            column, has a column twice, or has no rows although the entity is required.
    """
    path = source.files.get(contract.name)
    if path is None:
        raise input_problem(
            source.folder,
            found=f"no file for {contract.name}",
            expected=f"{contract.name}.csv, .csv.gz, .parquet or .sql here or in {source.data_folder}",
            next_step=f"Bring the {contract.name}; docs/input-contract.md lists the columns.",
        )
    limits = limits or ReadLimits()
    try:
        extract = _read(source, contract, path, limits)
    except OSError as error:
        raise input_problem(
            path,
            found=f"a file that cannot be read ({error})",
            expected="a readable file",
            next_step="Check its rights.",
        ) from None
    if contract.required and not extract.landed_row_count:
        raise input_problem(
            path, found="no rows", expected="at least one row", next_step="Export it again; planning needs these rows."
        )
    return extract


def _read(source: Source, contract: Contract, path: Path, limits: ReadLimits) -> Extract:
    name = path.name.lower()
    if name.endswith(".sql"):
        return _read_sql(source, contract, path, limits)
    if name.endswith(".parquet"):
        return _read_parquet(source, contract, path, limits)
    return _read_csv(contract, path)


def _read_csv(contract: Contract, path: Path) -> Extract:
    data = _unzipped(path) if path.name.lower().endswith(".gz") else path.read_bytes()
    header = header_of(data, path)
    chosen, warnings = _match_columns(contract, header, f"{path}, line 1")
    records = read_csv_records(data, path, wanted=tuple(chosen.values()))
    values = records.values.rename_columns(list(chosen))
    rows = _with_lines(values, path.name, records.row_numbers)
    return Extract(contract, path.name, file_hash(path), rows, records.broken, warnings)


def _unzipped(path: Path) -> bytes:
    try:
        with gzip.open(path) as stream:
            data = stream.read(_MAX_UNZIPPED_BYTES + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise input_problem(
            path, found=f"a broken gzip file ({error})", expected="a sound one", next_step="Compress it again."
        ) from None
    if len(data) > _MAX_UNZIPPED_BYTES:
        raise input_problem(
            path,
            found=f"more than {_MAX_UNZIPPED_BYTES:,} bytes unzipped",
            expected="a file that fits in memory",
            next_step="Bring it as Parquet, or split it by a SELECT.",
        )
    return data


def _read_parquet(source: Source, contract: Contract, path: Path, limits: ReadLimits) -> Extract:
    escaped = str(path).replace("'", "''")
    with locked_connection(source, limits) as connection:
        head = run_limited(connection, f"SELECT * FROM read_parquet('{escaped}') LIMIT 0", path, limits)
        chosen, warnings = _match_columns(contract, head.column_names, str(path))
        wanted = ", ".join(f'"{_quoted(head.column_names[place])}"' for place in chosen.values())
        found = run_limited(connection, f"SELECT {wanted} FROM read_parquet('{escaped}')", path, limits)
    values = _as_text(found.rename_columns(list(chosen)))
    rows = _with_lines(values, path.name, np.arange(found.num_rows) + 2)
    return Extract(contract, path.name, file_hash(path), rows, _NO_BROKEN_LINES, warnings)


def _read_sql(source: Source, contract: Contract, path: Path, limits: ReadLimits) -> Extract:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise input_problem(
            path, found="a file that is not UTF-8", expected="SQL in UTF-8", next_step="Save it as UTF-8."
        ) from None
    with locked_connection(source, limits) as connection:
        found = run_limited(connection, _single_select(connection, text, path), path, limits)
    chosen, warnings = _match_columns(contract, found.column_names, str(path), also_known=_LINE_COLUMNS)
    values = _as_text(found.select(list(chosen.values())).rename_columns(list(chosen)))
    names, numbers = _source_lines(found, path)
    digest = hashlib.sha256(text.encode() + _content_sum(values)).hexdigest()
    return Extract(contract, path.name, digest, _with_lines(values, names, numbers), _NO_BROKEN_LINES, warnings)


def _single_select(connection: duckdb.DuckDBPyConnection, text: str, path: Path) -> str:
    try:
        statements = connection.extract_statements(text)
    except duckdb.Error as error:
        raise input_problem(
            path,
            found=f"SQL that cannot be parsed ({' '.join(str(error).split())[:400]})",
            expected="one SELECT",
            next_step="Mend the statement.",
        ) from None
    kinds = [statement.type.name for statement in statements]
    if kinds == ["SELECT"] and not statements[0].named_parameters:
        return statements[0].query
    found = f"{len(kinds)} statements ({', '.join(kinds)})" if len(kinds) != 1 else f"a statement of type {kinds[0]}"
    if kinds == ["SELECT"]:
        found = "a SELECT with parameters"
    raise input_problem(
        path, found=found, expected="exactly one SELECT and nothing else", next_step="Leave only the SELECT."
    )


def _source_lines(found: pa.Table, path: Path) -> tuple[str | pa.ChunkedArray, np.ndarray]:
    """File and line of every row: the SELECT's own `source_file` and `source_line`, else the .sql and the position."""
    lowered = [name.strip().lower() for name in found.column_names]
    names: str | pa.ChunkedArray = path.name
    numbers = np.arange(found.num_rows) + 2
    if _LINE_COLUMNS[0] in lowered:
        names = _as_text(found.select([lowered.index(_LINE_COLUMNS[0])])).column(0).fill_null(path.name)
    if _LINE_COLUMNS[1] in lowered:
        try:
            numbers = found.column(lowered.index(_LINE_COLUMNS[1])).cast(pa.int64()).to_numpy()
        except (pa.ArrowException, ValueError, TypeError):
            numbers = None
        if numbers is None or numbers.dtype.kind != "i":
            raise input_problem(
                path,
                found="a column source_line that is not a whole number in every row",
                expected="the line of the row in its file, the header being line 1",
                next_step="Mend the SELECT or leave source_line out.",
            )
    return names, numbers


def _match_columns(
    contract: Contract, header: Sequence[str], where: str, also_known: Sequence[str] = ()
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Position of each contract column in the header, in contract order, and a message for what is left out."""
    names = [name.strip().lower() for name in header]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise input_problem(
            where,
            found=f"column {', '.join(doubled)} twice",
            expected="every column once (letter case and outer blanks do not count)",
            next_step="Remove or rename one of them.",
        )
    missing = [name for name in contract.required_columns if name not in names]
    if missing:
        raise input_problem(
            where,
            found=f"columns {', '.join(names)[:300]}",
            expected=f"also the required {', '.join(missing)}",
            next_step=_separator_hint(header)
            or f"Add the column; docs/input-contract.md tells what {contract.name} needs.",
        )
    chosen = {name: names.index(name) for name in contract.column_names if name in names}
    extra = [name for name in names if name not in chosen and name not in also_known]
    if not extra:
        return chosen, ()
    return chosen, (f"{where}: column {', '.join(extra)} is not in the contract of {contract.name} and was left out.",)


def _separator_hint(header: Sequence[str]) -> str:
    if len(header) == 1:
        for sign, spoken in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if sign in header[0]:
                return f"The file seems to separate values by {spoken}; export it comma-separated."
    return ""


def _as_text(table: pa.Table) -> pa.Table:
    """Every column as DuckDB writes it as text."""
    if not table.num_columns:
        return table
    columns = ", ".join(f'CAST("{_quoted(name)}" AS VARCHAR) AS "{_quoted(name)}"' for name in table.column_names)
    try:
        with work_connection() as connection:
            connection.register("found", table)
            return connection.execute(f"SELECT {columns} FROM found").to_arrow_table()
    except duckdb.Error as error:
        raise InputError(f"values that cannot be written as text ({error}); cast them in the SELECT.") from None


def _content_sum(values: pa.Table) -> bytes:
    """A sum over the rows that does not depend on their order."""
    columns = ", ".join(f"coalesce('{name}=' || \"{name}\", '')" for name in values.column_names)
    with work_connection() as connection:
        connection.register("found", values)
        total = connection.execute(
            f"SELECT count(*), sum(CAST(md5_number_lower(concat_ws(chr(31), {columns})) AS HUGEINT)) FROM found"
        ).fetchone()
    return repr(total).encode()


def _with_lines(values: pa.Table, names: "str | pa.ChunkedArray", numbers: np.ndarray) -> pa.Table:
    count = values.num_rows
    if isinstance(names, str):
        names = pa.DictionaryArray.from_arrays(np.zeros(count, dtype=np.int8), pa.array([names]))
    head = pa.table({"position": np.arange(count), "file_name": names, "row_number": numbers.astype(np.int64)})
    for name in values.column_names:
        head = head.append_column(name, _trimmed(values.column(name)))
    return head


def _trimmed(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values without outer blanks; those of which nothing is left are missing."""
    trimmed = compute.call_function("utf8_trim_whitespace", [texts])
    empty = compute.call_function("equal", [trimmed, pa.scalar("", trimmed.type)])
    return compute.call_function("if_else", [empty, pa.scalar(None, trimmed.type), trimmed])


def _quoted(name: str) -> str:
    return name.replace('"', '""')
