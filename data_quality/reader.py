"""One entity's extract as text rows that know their file and line, whatever kind of file it came from."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from data_quality.archives import file_hash
from data_quality.column_matching import match_columns
from data_quality.connection import locked_connection, run_limited, run_select, work_connection
from data_quality.contracts import Contract
from data_quality.csv_bytes import csv_text, file_bytes
from data_quality.csv_format import CsvFormat
from data_quality.csv_records import NO_BROKEN_LINES, header_of, read_csv_records
from data_quality.native_values import is_native
from data_quality.problems import input_problem
from data_quality.source import ReadLimits, Source, files_like
from data_quality.trimmed_text import trimmed

_LINE_COLUMNS = ("source_file", "source_line")
_MAX_SQL_BYTES = 1_000_000
# Two marks, an empty footer and its length.
_LEAST_PARQUET_BYTES = 12


@dataclass(frozen=True)
class Extract:
    """An entity's file, read.

    Attributes:
        contract: the entity's contract.
        file_name: name of the file.
        file_hash: SHA-256 of its bytes; for SQL of its text and the rows it gives, in whatever order.
        rows: `position` (from 0), `file_name`, `row_number` and the contract columns that the file has, as
            text without outer blanks; empty text is NULL. Columns of a Parquet file whose type fits stay as they are.
        broken: `row_number, line_text, opening_line` of lines that are no record, as in `CsvRecords`.
        warnings: what was left out, in words.
        csv_format: how a CSV file writes its values; None for other files.
    """

    contract: Contract
    file_name: str
    file_hash: str
    rows: pa.Table
    broken: pa.Table
    warnings: tuple[str, ...]
    csv_format: CsvFormat | None

    @property
    def columns(self) -> tuple[str, ...]:
        """The contract columns that the file has, in contract order."""
        return tuple(self.rows.column_names[3:])

    @property
    def is_one_file(self) -> bool:
        """Whether all rows stand in the file itself; a SELECT may say otherwise of each."""
        return pa.types.is_dictionary(self.rows.schema.field("file_name").type)

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
            next_step=_next_step_for_missing(source, contract),
        )
    limits = limits or source.limits
    try:
        # A link may lead to anything: to nothing, to a folder, to a pipe that never ends.
        if not path.is_file():
            raise input_problem(
                path, found="no regular file", expected="a file with rows", next_step="Put the file itself there."
            )
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


def _next_step_for_missing(source: Source, contract: Contract) -> str:
    near = files_like(source, contract.name)
    if near:
        names = ", ".join(path.name for path in near[:3])
        return f"{names} may be meant: export or rename it as {contract.name}.csv."
    return f"Bring the {contract.name}; docs/input-contract.md lists the columns."


def _read(source: Source, contract: Contract, path: Path, limits: ReadLimits) -> Extract:
    name = path.name.lower()
    if name.endswith(".sql"):
        return _read_sql(source, contract, path, limits)
    if name.endswith(".parquet"):
        return _read_parquet(source, contract, path, limits)
    return _read_csv(contract, path, source.csv, limits)


def _read_csv(contract: Contract, path: Path, csv_format: CsvFormat, limits: ReadLimits) -> Extract:
    raw = file_bytes(path, limits)
    data = csv_text(raw, path, csv_format, limits)
    header = header_of(data, path, delimiter=csv_format.delimiter)
    chosen, warnings = match_columns(contract, header, f"{path}, line 1", delimiter=csv_format.delimiter)
    records = read_csv_records(data, path, wanted=tuple(chosen.values()), delimiter=csv_format.delimiter)
    values = records.values.rename_columns(list(chosen))
    rows = _with_lines(values, path.name, records.row_numbers)
    # The hash is that of the bytes read: a file that grows meanwhile is another one.
    digest = hashlib.sha256(raw).hexdigest()
    return Extract(contract, path.name, digest, rows, records.broken, warnings, csv_format)


def _read_parquet(source: Source, contract: Contract, path: Path, limits: ReadLimits) -> Extract:
    _check_parquet_marks(path)
    # Folders named like `item_id=7` are no column of a file in them.
    literal = "'" + str(path).replace("'", "''") + "'"
    scan = f"read_parquet({literal}, hive_partitioning = false)"
    with locked_connection(source, limits) as connection:
        head = run_limited(connection, f"SELECT * FROM {scan} LIMIT 0", path, limits)
        tree = run_limited(connection, f"SELECT name, num_children FROM parquet_schema({literal})", path, limits)
        chosen, warnings = match_columns(contract, _column_names(tree), str(path))
        _refuse_types_without_text(contract, head.select(list(chosen.values())), path)
        wanted = ", ".join(f'"{_quoted(head.column_names[place])}"' for place in chosen.values())
        found = run_limited(connection, f"SELECT {wanted} FROM {scan}", path, limits)
    _refuse_broken_text(found, path)
    found = found.rename_columns(list(chosen))
    native = [name for name in chosen if is_native(contract.column(name), found.schema.field(name).type)]
    values = _as_text(found, path, but=native)
    rows = _with_lines(values, path.name, np.arange(found.num_rows) + 2)
    return Extract(contract, path.name, file_hash(path), rows, NO_BROKEN_LINES, warnings, None)


def _column_names(tree: pa.Table) -> list[str]:
    """Names of the columns as the file has them; DuckDB renames those that differ in letter case alone.

    Args:
        tree: `name, num_children` of the root and of every column, each before the fields inside it.
    """
    names, inside = [], 0
    for name, children in zip(*(column.to_pylist()[1:] for column in tree.columns), strict=True):
        if inside:
            inside -= 1
        else:
            names.append(name)
        inside += children or 0
    return names


def _check_parquet_marks(path: Path) -> None:
    with path.open("rb") as stream:
        first = stream.read(4)
        stream.seek(-min(4, path.stat().st_size), 2)
        last = stream.read(4)
    if (first, last) != (b"PAR1", b"PAR1") or path.stat().st_size < _LEAST_PARQUET_BYTES:
        found = "a Parquet file without its end" if first == b"PAR1" else "a file that is not Parquet"
        raise input_problem(
            path,
            found=found if first else "an empty file",
            expected="a whole Parquet file, which begins and ends with PAR1",
            next_step="Export or transfer it again; a text file is named .csv.",
        )


def _refuse_broken_text(found: pa.Table, path: Path) -> None:
    """A Parquet file can call bytes text that are none, and DuckDB does not look at all of them."""
    for name, column in zip(found.column_names, found.columns, strict=True):
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            raise input_problem(
                f"{path}, column {name}",
                found="values that are broken, or text that is not UTF-8",
                expected="text in UTF-8",
                next_step="Export it again.",
            ) from None


def _refuse_types_without_text(contract: Contract, found: pa.Table, path: Path) -> None:
    """Lists, structures and bytes have a text form, but no company means it as a code or a number."""
    for field in found.schema:
        if pa.types.is_nested(field.type) or pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
            raise input_problem(
                f"{path}, column {field.name}",
                found=f"values of type {field.type}",
                expected=f"plain values of type {contract.column(field.name.strip().lower()).type}",
                next_step="Write it as a plain column, or map it by a SELECT (decode() makes text of bytes).",
            )


def _read_sql(source: Source, contract: Contract, path: Path, limits: ReadLimits) -> Extract:
    if path.stat().st_size > _MAX_SQL_BYTES:
        raise input_problem(
            path, found=f"more than {_MAX_SQL_BYTES:,} bytes", expected="one SELECT", next_step="Read data from files."
        )
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise input_problem(
            path, found="a file that is not UTF-8", expected="SQL in UTF-8", next_step="Save it as UTF-8."
        ) from None
    with locked_connection(source, limits) as connection:
        query = _single_select(connection, text, path)
    found = run_select(source, query, path, limits)
    _refuse_broken_text(found, path)
    chosen, warnings = match_columns(contract, found.column_names, str(path), also_known=_LINE_COLUMNS)
    _refuse_types_without_text(contract, found.select(list(chosen.values())), path)
    values = _as_text(found.select(list(chosen.values())).rename_columns(list(chosen)), path)
    names, numbers = _source_lines(found, path)
    digest = hashlib.sha256(text.encode() + _content_sum(values)).hexdigest()
    rows = _with_lines(values, names, numbers)
    return Extract(contract, path.name, digest, rows, NO_BROKEN_LINES, warnings, None)


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
    found = f"a statement of type {kinds[0]}" if len(kinds) == 1 else f"{len(kinds)} statements ({', '.join(kinds)})"
    if kinds == ["SELECT"]:
        found = "a SELECT with parameters"
    # DuckDB first creates a type for the columns of a PIVOT whose values it has to find out.
    is_pivot = kinds == ["CREATE", "SELECT"] and "pivot" in text.lower()
    raise input_problem(
        path,
        found=found,
        expected="exactly one SELECT and nothing else",
        next_step="Give PIVOT its values: ON column IN (values)." if is_pivot else "Leave only the SELECT.",
    )


def _source_lines(found: pa.Table, path: Path) -> tuple[str | pa.ChunkedArray, np.ndarray]:
    """File and line of every row: the SELECT's own `source_file` and `source_line`, else the .sql and the position."""
    lowered = [name.strip().lower() for name in found.column_names]
    names: str | pa.ChunkedArray = path.name
    numbers = np.arange(found.num_rows) + 2
    if _LINE_COLUMNS[0] in lowered:
        names = _as_text(found.select([lowered.index(_LINE_COLUMNS[0])]), path).column(0).fill_null(path.name)
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


def _as_text(table: pa.Table, path: Path, but: Collection[str] = ()) -> pa.Table:
    """Every column as DuckDB writes it as text, but for some that stay as they are."""
    names = [name for name in table.column_names if name not in but]
    if not names:
        return table
    columns = ", ".join(f'CAST("{_quoted(name)}" AS VARCHAR) AS "{_quoted(name)}"' for name in names)
    try:
        with work_connection() as connection:
            connection.register("found", table)
            texts = connection.execute(f"SELECT {columns} FROM found").to_arrow_table()
    except duckdb.Error as error:
        raise input_problem(
            path,
            found=f"values that cannot be written as text ({' '.join(str(error).split())[:400]})",
            expected="plain values",
            next_step="Cast them in a SELECT.",
        ) from None
    for name in names:
        table = table.set_column(table.column_names.index(name), name, texts.column(name))
    return table


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
        column = values.column(name)
        is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        head = head.append_column(name, trimmed(column) if is_text else column)
    return head


def _quoted(name: str) -> str:
    return name.replace('"', '""')
