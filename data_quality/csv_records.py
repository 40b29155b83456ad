"""CSV bytes cut into records that know their physical line, without a Python object for each row.

Ready-made readers lose the line number as soon as a quoted value holds a line break or a line is broken, and one
stray quote can swallow the rest of the file. Here lines are found first, records second, and each record is proven
well-formed before Arrow's reader sees it; what is not well-formed is one broken line, and the next line goes on.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import compute
from pyarrow import csv as arrow_csv

from data_quality.problems import input_problem

_NEWLINE, _RETURN, _QUOTE, _COMMA, _NUL = 10, 13, 34, 44, 0
_QUOTED = r'"[^"]*(?:""[^"]*)*"'
_VALUE = rf'(?:{_QUOTED}|[^",\r\n]*)'
# A quoted value that runs over more lines than this is taken for a stray quote.
_MAX_LINES_A_RECORD = 1000


@dataclass(frozen=True)
class CsvRecords:
    """The records of a CSV file below its header.

    Attributes:
        header: column names as they stand in line 1.
        values: one string column a wanted column, one row a well-formed record, in file order.
        row_numbers: line in which each record starts; the header is line 1.
        broken: `row_number, line_text` of the lines that are no record.
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


def header_of(data: bytes, path: Path) -> tuple[str, ...]:
    """Column names in line 1, as they stand there.

    Raises:
        InputError: the file is empty, not UTF-8, or its header is no record.
    """
    lines = _lines(data, path)
    return _header(lines, path)


def read_csv_records(data: bytes, path: Path, *, wanted: tuple[int, ...] | None = None) -> CsvRecords:
    """Cut the bytes of a CSV file into records.

    Args:
        data: the file's bytes.
        path: the file, for messages.
        wanted: positions of the header's columns to read; all where None.

    Raises:
        InputError: the file is empty, not UTF-8, ends its lines with CR alone, or its header is no record.
    """
    lines = _lines(data, path)
    header = _header(lines, path)
    starts, good, skipped = _records(lines, len(header))
    # Line 1 is the header, neither record nor broken.
    starts, good = starts[starts > 0], good.copy()
    good[0], skipped[0] = False, True
    broken = np.flatnonzero(~good & ~skipped)
    trim = compute.TrimOptions(characters="\r\n")
    text = compute.call_function("utf8_rtrim", [lines.text.take(broken)], trim)
    values = _parse(lines, good, starts, len(header), wanted, path)
    return CsvRecords(
        header,
        values,
        starts + 1,
        pa.table({"row_number": broken + 1, "line_text": text}),
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
        path, found=found, expected="a file in UTF-8", next_step="Export or save it as CSV UTF-8 and try again."
    )


def _first_bad_line(view: np.ndarray, offsets: np.ndarray) -> int:
    try:
        view.tobytes().decode("utf-8")
    except UnicodeDecodeError as error:
        return int(np.searchsorted(offsets, error.start, side="right"))
    return 0


def _header(lines: _Lines, path: Path) -> tuple[str, ...]:
    line = lines.text[0].as_py().rstrip("\r\n")
    try:
        (names,) = csv.reader([line], strict=True) if line.strip() else ([],)
    except (csv.Error, ValueError):
        names = []
    if names:
        return tuple(names)
    raise input_problem(
        f"{path}, line 1",
        found=repr(line[:80]) if line else "an empty line",
        expected="the column names, comma-separated",
        next_step="Put the header in line 1.",
    )


def _records(lines: _Lines, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lines that start a record, mask of lines inside a well-formed record, mask of blank lines."""
    quotes = lines.count(_QUOTE)
    good = (lines.count(_COMMA) == width - 1) & (quotes == 0) & (lines.lone_returns() == 0)
    blank = lines.count(_NEWLINE) + lines.count(_RETURN) == np.diff(lines.offsets)
    good &= ~blank
    quoted = np.flatnonzero((quotes > 0) & (quotes % 2 == 0))
    if quoted.size:
        pattern = rf"\A{_VALUE}(?:,{_VALUE}){{{width - 1}}}\r?\n?\z"
        options = compute.MatchSubstringOptions(pattern)
        matches = compute.call_function("match_substring_regex", [lines.text.take(quoted)], options)
        good[quoted] = matches.to_numpy(zero_copy_only=False)
    starts_record = good.copy()
    for first, last in _spans(lines, np.flatnonzero(quotes % 2), width):
        starts_record[first : last + 1] = False
        good[first : last + 1] = starts_record[first] = True
        blank[first : last + 1] = False
    nul = lines.count(_NUL) > 0
    if nul.any():
        good, starts_record = _without_nul(good, starts_record, nul)
    return np.flatnonzero(starts_record), good, blank.copy()


def _without_nul(good: np.ndarray, starts: np.ndarray, nul: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Records with a NUL byte anywhere count as broken, all lines of them."""
    record = np.cumsum(starts)
    bad = np.isin(record, record[nul & good]) & good
    return good & ~bad, starts & ~bad


def _spans(lines: _Lines, odd: np.ndarray, width: int) -> list[tuple[int, int]]:
    """First and last line of the records that run over several lines.

    Only lines with an odd number of quotes can open or close one. A line that opens nothing sound stands alone as
    broken, so one stray quote costs one line.
    """
    record = re.compile(rf"{_VALUE}(?:,{_VALUE}){{{width - 1}}}\r?\n?".encode())
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
    lines: _Lines, good: np.ndarray, starts: np.ndarray, width: int, wanted: tuple[int, ...] | None, path: Path
) -> pa.Table:
    """The values of the well-formed records, one string column `c<position>` for each wanted column."""
    names = [f"c{position}" for position in range(width)]
    kept = names if wanted is None else [names[position] for position in wanted]
    if not starts.size:
        return pa.table({name: pa.array([], pa.string()) for name in kept})
    kept_bytes = slice(lines.offsets[1], None) if good[1:].all() else np.repeat(good, np.diff(lines.offsets))
    body = lines.data[kept_bytes]
    longest = int(np.diff(lines.offsets[starts], append=lines.offsets[-1]).max())
    table = arrow_csv.read_csv(
        pa.BufferReader(pa.py_buffer(np.ascontiguousarray(body))),
        arrow_csv.ReadOptions(column_names=names, block_size=min(max(1 << 22, 2 * longest), 2**31 - 1)),
        arrow_csv.ParseOptions(newlines_in_values=bool((lines.data == _QUOTE).any())),
        arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), include_columns=kept, strings_can_be_null=False
        ),
    )
    if table.num_rows != starts.size:
        raise input_problem(
            path,
            found=f"{starts.size} records, of which {table.num_rows} could be read",
            expected="records that can all be read",
            next_step="Report this file as a fault of Stockstrata.",
        )
    return table
