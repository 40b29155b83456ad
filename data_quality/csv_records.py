"""CSV bytes cut into records that know their physical line, without a Python object for each row.

Ready-made readers lose the line number as soon as a quoted value holds a line break or a line is broken, and one
stray quote can swallow the rest of the file. Here lines are found first, records second, and each record is proven
well-formed before Arrow's reader sees it; what is not well-formed is one broken line, and the next line goes on. A file
without quotes in which Arrow's reader finds a row in every line needs none of that: line and row are the same.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import compute

from data_quality.csv_plain import plain_values, read_values
from data_quality.problems import input_problem

_NEWLINE, _RETURN, _QUOTE, _NUL = 10, 13, 34, 0
_QUOTED = r'"[^"]*(?:""[^"]*)*"'
# A quoted value that runs over more lines than this is taken for a stray quote.
_MAX_LINES_A_RECORD = 1000
# The pattern of a record repeats a value once a column, and RE2 repeats nothing oftener.
_MAX_COLUMNS = 1000
_FEW_COLUMNS = 3
NO_BROKEN_LINES = pa.schema(
    [("row_number", pa.int64()), ("line_text", pa.large_string()), ("opening_line", pa.int64())]
).empty_table()


@dataclass(frozen=True)
class CsvRecords:
    """The records of a CSV file below its header.

    Attributes:
        header: column names as they stand in line 1.
        values: one string column a wanted column, one row a well-formed record, in file order.
        row_numbers: line in which each record starts; the header is line 1.
        broken: `row_number, line_text` of the lines that are no record, and `opening_line`, the line of the quotes in
            which they stand; missing where they stand in none.
    """

    header: tuple[str, ...]
    values: pa.Table
    row_numbers: np.ndarray
    broken: pa.Table


@dataclass(frozen=True)
class _Lines:
    """Physical lines: the bytes, where each starts (one more entry for the end), and the text."""

    data: np.ndarray
    offsets: np.ndarray
    text: pa.LargeStringArray

    def count(self, byte: int) -> np.ndarray:
        """How often the byte stands in each line."""
        return np.diff(np.searchsorted(np.flatnonzero(self.data == byte), self.offsets))

    def lone_returns(self) -> np.ndarray:
        """How many carriage returns of each line do not end it."""
        places = np.flatnonzero(self.data == _RETURN)
        last = self.data.size - 1
        lone = places[self.data[np.minimum(places + 1, last)] != _NEWLINE]
        return np.diff(np.searchsorted(lone, self.offsets))


def header_of(data: bytes, path: Path, *, delimiter: str = ",") -> tuple[str, ...]:
    """Column names in line 1, as they stand there.

    Raises:
        InputError: the file is empty, not UTF-8, or its header is no record.
    """
    first = data[: data.find(b"\n") + 1] or data
    return _header(_lines(first, path), path, delimiter)


def read_csv_records(
    data: bytes, path: Path, *, wanted: tuple[int, ...] | None = None, delimiter: str = ","
) -> CsvRecords:
    """Cut the bytes of a CSV file into records.

    Args:
        data: the file's bytes.
        path: the file, for messages.
        wanted: positions of the header's columns to read; all where None.
        delimiter: the one ASCII character between values.

    Raises:
        InputError: the file is empty, not UTF-8, ends its lines with CR alone, breaks off in its last line, or its
            header is no record.
    """
    header = header_of(data, path, delimiter=delimiter)
    plain = plain_values(data, len(header), delimiter, wanted)
    if plain is not None:
        return CsvRecords(header, plain, np.arange(plain.num_rows) + 2, NO_BROKEN_LINES)
    lines = _lines(data, path)
    starts, good, skipped, opening = _records(lines, len(header), delimiter)
    # Line 1 is the header, neither record nor broken.
    starts, good = starts[starts > 0], good.copy()
    good[0], skipped[0] = False, True
    broken = np.flatnonzero(~good & ~skipped)
    _refuse_cut_off(lines, broken, path)
    trim = compute.TrimOptions(characters="\r\n")
    text = compute.call_function("utf8_rtrim", [lines.text.take(broken)], trim)
    values = _parse(lines, good, starts, len(header), delimiter, wanted, path)
    return CsvRecords(
        header,
        values,
        starts + 1,
        pa.table(
            {
                "row_number": broken + 1,
                "line_text": text,
                "opening_line": pa.array(opening[broken] + 1, mask=opening[broken] < 0),
            }
        ),
    )


def _lines(data: bytes, path: Path) -> _Lines:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise _encoding_problem(path, "a file in UTF-16")
    view = np.frombuffer(data, dtype=np.uint8, offset=3 if data[:3] == b"\xef\xbb\xbf" else 0)
    if not view.size:
        raise input_problem(
            path,
            found="an empty file",
            expected="a header line and rows",
            next_step="Export it again, or remove the file if there is nothing to bring.",
        )
    ends = np.flatnonzero(view == _NEWLINE) + 1
    if not ends.size and (view == _RETURN).any():
        raise input_problem(
            path,
            found="lines that end with a carriage return alone",
            expected="lines that end with LF or CR LF",
            next_step="Save the file as CSV UTF-8 again.",
        )
    if not ends.size or ends[-1] != view.size:
        ends = np.append(ends, view.size)
    offsets = np.concatenate(([0], ends)).astype(np.int64)
    text = pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(view))
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        raise _encoding_problem(path, f"a byte that is not UTF-8 in line {_first_bad_line(view, offsets)}") from None
    return _Lines(view, offsets, text)


def _encoding_problem(path: Path, found: str) -> Exception:
    return input_problem(
        path,
        found=found,
        expected="a file in UTF-8",
        next_step="Save it as CSV UTF-8, or name its encoding in source.yaml, such as `csv: {encoding: windows-1252}`.",
    )


def _refuse_cut_off(lines: _Lines, broken: np.ndarray, path: Path) -> None:
    """A last line that is no record and has no line end: the rows after it may be lost, so none is taken."""
    last = len(lines.text) - 1
    if broken.size and broken[-1] == last and last > 0 and lines.data[-1] != _NEWLINE:
        raise input_problem(
            f"{path}, line {last + 1}",
            found=f"{lines.text[last].as_py()[:80]!r}, where the file ends",
            expected="a whole last row; the file seems to have been cut off, and rows after it to be lost",
            next_step="Export or transfer it again. If nothing is lost, end or remove the line.",
        )


def _first_bad_line(view: np.ndarray, offsets: np.ndarray) -> int:
    try:
        view.tobytes().decode("utf-8")
    except UnicodeDecodeError as error:
        return int(np.searchsorted(offsets, error.start, side="right"))
    return 0


def _header(lines: _Lines, path: Path, delimiter: str) -> tuple[str, ...]:
    line = lines.text[0].as_py().rstrip("\r\n")
    if "\0" in line:
        raise _encoding_problem(path, "NUL bytes in line 1, as in UTF-16 without a mark")
    try:
        (names,) = csv.reader([line], strict=True, delimiter=delimiter) if line.strip() else ([],)
    except (csv.Error, ValueError):
        names = []
    if len(names) > _MAX_COLUMNS:
        raise input_problem(
            f"{path}, line 1",
            found=f"{len(names):,} columns",
            expected=f"at most {_MAX_COLUMNS:,}",
            next_step="Export the columns of the contract alone, or bring the file as Parquet.",
        )
    if names:
        return tuple(names)
    raise input_problem(
        f"{path}, line 1",
        found=repr(line[:80]) if line else "an empty line",
        expected=f"the column names, with {delimiter!r} between them",
        next_step="Put the header in line 1.",
    )


def _record_pattern(width: int, delimiter: str) -> str:
    """A record of so many values, with its line end; fit for RE2 and for Python."""
    sign = re.escape(delimiter)
    value = rf'(?:{_QUOTED}|[^"{sign}\r\n]*)'
    return rf"{value}(?:{sign}{value}){{{width - 1}}}\r?\n?"


def _records(lines: _Lines, width: int, delimiter: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Lines that start a record, masks of lines inside a well-formed record and of blank ones, and opening lines.

    The opening line of a line is the one whose quotes swallow it although it looks like a whole row; -1 for the others.
    """
    quotes, delimiters = lines.count(_QUOTE), lines.count(ord(delimiter))
    good = (delimiters == width - 1) & (quotes == 0) & (lines.lone_returns() == 0)
    blank = lines.count(_NEWLINE) + lines.count(_RETURN) == np.diff(lines.offsets)
    good &= ~blank
    quoted = np.flatnonzero((quotes > 0) & (quotes % 2 == 0))
    if quoted.size:
        options = compute.MatchSubstringOptions(rf"\A{_record_pattern(width, delimiter)}\z")
        matches = compute.call_function("match_substring_regex", [lines.text.take(quoted)], options)
        good[quoted] = matches.to_numpy(zero_copy_only=False)
    starts_record, opening = good.copy(), np.full(len(good), -1)
    for first, last in _spans(lines, np.flatnonzero(quotes % 2), _record_pattern(width, delimiter)):
        # Where even the header is quoted, a row has quotes, and no stray one could swallow it.
        is_sound = quotes[0] >= 2 * width or not _swallows_rows(delimiters[first : last + 1], width)
        starts_record[first : last + 1] = False
        good[first : last + 1] = starts_record[first] = is_sound
        if is_sound:
            blank[first : last + 1] = False
        else:
            opening[first : last + 1] = first
    nul = lines.count(_NUL) > 0
    if nul.any():
        good, starts_record = _without_nul(good, starts_record, nul)
    return np.flatnonzero(starts_record), good, blank.copy(), opening


def _swallows_rows(delimiters: np.ndarray, width: int) -> bool:
    """Whether lines inside quotes have the delimiters of whole rows: then two stray quotes are likelier than a text."""
    if width == 1:
        return False
    is_row = delimiters == width - 1
    rows = int(is_row[1:-1].sum()) + int(is_row[0] and is_row[-1])
    # One comma or two stand in many a line of text.
    return rows >= (1 if width > _FEW_COLUMNS else 2)


def _without_nul(good: np.ndarray, starts: np.ndarray, nul: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Records with a NUL byte anywhere count as broken, all lines of them."""
    record = np.cumsum(starts)
    bad = np.isin(record, record[nul & good]) & good
    return good & ~bad, starts & ~bad


def _spans(lines: _Lines, odd: np.ndarray, pattern: str) -> list[tuple[int, int]]:
    """First and last line of the records that run over several lines.

    Only lines with an odd number of quotes can open or close one. A line that opens nothing sound stands alone as
    broken, so one stray quote costs one line.
    """
    record = re.compile(pattern.encode())
    data, offsets = lines.data.data, lines.offsets
    found, position = [], 0
    while position + 1 < odd.size:
        first, last = int(odd[position]), int(odd[position + 1])
        if (
            first > 0
            and last - first < _MAX_LINES_A_RECORD
            and record.fullmatch(data[offsets[first] : offsets[last + 1]])
        ):
            found.append((first, last))
            position += 2
        else:
            position += 1
    return found


def _parse(
    lines: _Lines,
    good: np.ndarray,
    starts: np.ndarray,
    width: int,
    delimiter: str,
    wanted: tuple[int, ...] | None,
    path: Path,
) -> pa.Table:
    """The values of the well-formed records, one string column `c<position>` for each wanted column."""
    if not starts.size:
        kept = range(width) if wanted is None else wanted
        return pa.table({f"c{position}": pa.array([], pa.string()) for position in kept})
    kept_bytes = slice(lines.offsets[1], None) if good[1:].all() else np.repeat(good, np.diff(lines.offsets))
    body = lines.data[kept_bytes]
    longest = int(np.diff(lines.offsets[starts], append=lines.offsets[-1]).max())
    table = read_values(
        pa.py_buffer(np.ascontiguousarray(body)),
        width,
        delimiter,
        wanted,
        longest=longest,
        has_quotes=bool((lines.data == _QUOTE).any()),
    )
    if table.num_rows != starts.size:
        raise input_problem(
            path,
            found=f"{starts.size} records, of which {table.num_rows} could be read",
            expected="records that can all be read",
            next_step="Report this file as a fault of Stockstrata.",
        )
    return table
