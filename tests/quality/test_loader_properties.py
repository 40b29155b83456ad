"""Whatever bytes a CSV file holds: an input error, or every line accounted for."""

import csv
import datetime as dt
import io
import re
import tempfile
from pathlib import Path

import duckdb
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from data_quality.contracts import ContractColumn
from data_quality.csv_records import read_csv_records
from data_quality.problems import BlockedSource
from data_quality.source import open_source
from data_quality.typed_values import typed_sql
from data_quality.validation import validate_source
from stockstrata.errors import InputError

PIECES = [
    "A1", "A2", ",", ",", ",", "\n", "\n", "\r\n", "\r", '"', '""', " ", "2024-01-01", "5", "-1", "x", "é", "\x00", ";",
    "NaN", "\ufeff", "'", "\\", "item_id", "demand_qty", "|",
]  # fmt: skip
HEADS = ["item_id,demand_date,demand_qty\n", "item_id,demand_date,demand_qty,order_id,line\n", ""]
TEXT = st.builds(
    lambda head, parts: (head + "".join(parts)).encode(),
    st.sampled_from(HEADS),
    st.lists(st.sampled_from(PIECES), max_size=40),
)


@settings(max_examples=400, deadline=None)
@given(st.one_of(TEXT, st.binary(max_size=60)))
def test_every_line_below_the_header_is_a_record_part_of_one_broken_or_blank(data):
    try:
        records = read_csv_records(data, Path("demand.csv"))
    except InputError:
        return
    numbers = records.row_numbers.tolist()
    broken = records.broken.column("row_number").to_pylist()
    assert numbers == sorted(set(numbers))
    assert not set(numbers) & set(broken)
    assert records.values.num_rows == len(numbers)
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    named = set(numbers) | set(broken)
    for number, line in enumerate(lines, start=1):
        if number > 1 and line.strip(b"\r") and number not in named:
            assert any(start < number for start in numbers), "only a line inside a record may go unnamed"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(*[st.text(alphabet='ab,"\n é', max_size=5)] * 3), min_size=1, max_size=8))
def test_what_the_csv_module_writes_reads_back_with_its_lines(rows):
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(("a", "b", "c"))
    starts = []
    for row in rows:
        starts.append(buffer.getvalue().count("\n") + 1)
        writer.writerow(row)
    records = read_csv_records(buffer.getvalue().encode(), Path("demand.csv"))
    assert records.row_numbers.tolist() == starts
    assert [tuple(row.values()) for row in records.values.to_pylist()] == rows
    assert records.broken.num_rows == 0


@settings(max_examples=15, deadline=None)
@given(TEXT)
def test_a_file_gives_an_input_error_or_a_balanced_result(data):
    with tempfile.TemporaryDirectory() as folder:
        source_folder = Path(folder, "acme")
        source_folder.mkdir()
        (source_folder / "source.yaml").write_text("name: acme\ngrain: day\ncurrency: EUR\n")
        (source_folder / "items.csv").write_text("item_id\nA1\n")
        (source_folder / "demand.csv").write_bytes(data)
        source = open_source(source_folder, variables={}, scratch=Path(folder, "scratch"))
        try:
            validation = validate_source(source)
        except BlockedSource as error:
            validation = error.validation
        for entity in validation.entities.values():
            assert entity.accepted_row_count == entity.accepted.num_rows
            assert entity.accepted_row_count + entity.quarantined_row_count == entity.landed_row_count
            assert entity.quarantine["row_number"].nunique() == entity.quarantined_row_count


NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
DAY = re.compile(r"(\d{4}-\d{2}-\d{2})([ T]00:00(:00(\.0+)?)?(Z|[+-]00(:?00)?)?)?")


def typed(texts, kind):
    column = ContractColumn(name="x", type=kind, physical_type="", description="")
    with duckdb.connect(":memory:") as connection:
        connection.register("texts", pa.table({"x__text": pa.array(texts, pa.string())}))
        return [row[0] for row in connection.execute(f"SELECT {typed_sql(column)} FROM texts").fetchall()]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(alphabet="015.,-+eE_xd niaf", min_size=1, max_size=6).map(str.strip), min_size=50, max_size=200)
)
def test_a_number_is_read_exactly_where_it_is_plain_and_finite(texts):
    for text, value in zip(texts, typed(texts, "number"), strict=True):
        is_plain = NUMBER.fullmatch(text) is not None and abs(float(text)) < float("inf")
        assert (value is not None) == is_plain, text
        assert value is None or value == float(text)


SPOILT = st.builds(
    lambda tail, place, sign: (lambda text: text[: place % len(text)] + sign + text[place % len(text) + 1 :])(
        "2024-01-31" + tail
    ).strip(),
    st.sampled_from(["", " 00:00", "T00:00:00", "Z", "T00:00:00.0Z", "+00"]),
    st.integers(0, 40),
    st.sampled_from("0123-/ T:Z+."),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(SPOILT, min_size=50, max_size=200))
def test_a_day_is_read_exactly_where_it_is_an_iso_day(texts):
    for text, value in zip(texts, typed(texts, "date"), strict=True):
        assert value == iso_day(text), text


def iso_day(text):
    match = DAY.fullmatch(text)
    try:
        day = dt.date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None
    return day if day and 1900 <= day.year <= 2200 else None
