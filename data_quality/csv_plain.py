"""Rows of a CSV file whose lines are its rows, read as text by Arrow's reader without a look at each line."""

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

_BLOCK_BYTES = 1 << 22


def plain_values(data: bytes, width: int, delimiter: str, wanted: tuple[int, ...] | None) -> pa.Table | None:
    """The values below the header of a file whose lines are its rows; None where a line is or may be something else.

    Args:
        data: the file's bytes.
        width: columns of the header.
        delimiter: the one ASCII character between values.
        wanted: positions of the columns to read; all where None.
    """
    start = data.find(b"\n") + 1
    if not 0 < start < len(data) or data.find(b'"', start) >= 0 or b"\0" in data:
        return None
    # A carriage return that ends no line is no line end here, but it is one for Arrow.
    if b"\r" in data and data.count(b"\r", start) != data.count(b"\r\n", start):
        return None
    rows = data.count(b"\n", start) + (not data.endswith(b"\n"))
    offsets = np.array([start, len(data)], dtype=np.int64)
    text = pa.LargeStringArray.from_buffers(1, pa.py_buffer(offsets), pa.py_buffer(data))
    try:
        text.validate(full=True)
        values = read_values(pa.py_buffer(data)[start:], width, delimiter, wanted)
    except pa.ArrowInvalid:
        return None
    # Blank lines are no rows for Arrow: they are looked at line by line.
    return values if values.num_rows == rows else None


def read_values(
    body: pa.Buffer,
    width: int,
    delimiter: str,
    wanted: tuple[int, ...] | None,
    *,
    longest: int = 0,
    has_quotes: bool = False,
) -> pa.Table:
    """The wanted columns of rows without a header, as text, named `c<position>`.

    Args:
        body: the rows.
        width: how many values each of them has.
        delimiter: the one ASCII character between values.
        wanted: positions of the columns to read; all where None.
        longest: bytes of the longest row, where that is known.
        has_quotes: whether a line break may stand inside quotes.

    Raises:
        pa.ArrowInvalid: if a row has another number of values, or is longer than `longest` and than what is common.
    """
    names = [f"c{position}" for position in range(width)]
    return arrow_csv.read_csv(
        pa.BufferReader(body),
        arrow_csv.ReadOptions(column_names=names, block_size=min(max(_BLOCK_BYTES, 2 * longest), 2**31 - 1)),
        arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=has_quotes),
        arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=names if wanted is None else [names[position] for position in wanted],
            strings_can_be_null=False,
        ),
    )
