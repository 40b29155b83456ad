"""Whatever a file holds: an input error, or every row of it accounted for, with its line.

A run of the test suite tries the same few examples each time. `STOCKSTRATA_PROPERTY_EXAMPLES=50` tries fifty times as
many, and others every time.
"""

import csv
import datetime as dt
import io
import math
import os
import re
import string
import tempfile
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from data_quality.contracts import ContractColumn
from data_quality.csv_format import CsvFormat
from data_quality.csv_records import read_csv_records
from data_quality.problems import BlockedSource
from data_quality.source import open_source
from data_quality.typed_values import typed_sql
from data_quality.validation import validate_source
from stockstrata.errors import InputError

FACTOR = int(os.environ.get("STOCKSTRATA_PROPERTY_EXAMPLES", "1"))
YAML = "name: acme\ngrain: day\ncurrency: EUR\n"


def examples(count):
    """Settings for so many examples: the same ones in every run unless more are asked for."""
    return settings(
        max_examples=count * FACTOR,
        deadline=None,
        derandomize=FACTOR == 1,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@contextmanager
def source_of(files, yaml_text=YAML):
    """An opened source of some files in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        source_folder = Path(folder, "acme")
        source_folder.mkdir()
        for name, data in ({"source.yaml": yaml_text.encode()} | files).items():
            (source_folder / name).write_bytes(data)
        yield open_source(source_folder, variables={}, scratch=Path(folder, "scratch"))


def validated(files, yaml_text=YAML):
    """What came of demand for the items A1 and A2, blocked or not; nothing where it could not even be read."""
    try:
        with source_of(files, yaml_text) as source:
            try:
                known = {"items": ["A1", "A2"]}
                validation = validate_source(source, entities=["demand"], known_reference_keys=known)
            except BlockedSource as error:
                validation = error.validation
    except InputError:
        return None
    for entity in validation.entities.values():
        assert entity.accepted_row_count == entity.accepted.num_rows
        assert entity.accepted_row_count + entity.quarantined_row_count == entity.landed_row_count
        assert entity.quarantine["row_number"].nunique() == entity.quarantined_row_count
        assert not set(entity.quarantine["row_number"]) & set(entity.accepted.column("row_number").to_pylist())
    return validation.entities.get("demand")


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


@examples(300)
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


@examples(200)
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


@examples(15)
@given(TEXT)
def test_a_file_gives_an_input_error_or_a_balanced_result(data):
    validated({"demand.csv": data})


# fmt: off
TEXTS = [
    "A1", "A2", "a1", " A1 ", "A9", "", "5", "-5", "1,5", "1.234,5", "1e15", "1e400", "NaN", "inf", "0x1F", "9" * 400,
    "2025-01-31", "2025-02-31", "31.01.2025", "1/2/2025", "45678", "2020-W53", "0001-01-01", "9999-12-31", "true",
    "2025-01-31T23:30:00+02:00", "\ufeff", "\u00a0", "A\u200b1", "'; drop table rows --", "=cmd", '"', "\\",
]
WORDS = st.sampled_from([
    "name", "grain", "currency", "period", "data", "unpack", "csv", "limits", "decimal", "delimiter", "seconds", "acme",
    "day", "EUR", "x", "&a", "*a", "{", "}", "[", "]", "!!set", "<<", "|", ">", "'", '"', "#", "%", "~", "2025-13-01",
    "0x",
    "1e999", "on", ".nan", "1_0:6:9", "", ": ", "- ", "? ", "\n", "\n  ", "\t", "\0", "\u2028", "\ud800",
])
TOKENS = st.sampled_from([
    "select", "*", "from", "'A1'", "as item_id", ",", "date '2025-01-31' as demand_date", "5 as demand_qty",
    "union all",
    "range(3)", "(", ")", "where", "values", "NULL", "1/0", "with x as (select 1)", ";", "--", "'", '"', "$$", "\0",
    "é",
])
HEADER = [
    "item_id", "demand_date", "demand_qty", "order_id", "line", "location_id", "unit_price", "is_return", "known_at",
]
# fmt: on
CELLS = st.sampled_from(TEXTS) | st.text(st.characters(codec="utf-8"), max_size=8)
FORMATS = st.fixed_dictionaries(
    {},
    optional={
        "delimiter": st.sampled_from([",", ";", "\t", "|"]),
        "encoding": st.sampled_from(["utf-8", "utf-16", "windows-1252", "iso-8859-15", "shift_jis", "gb18030"]),
        "decimal": st.sampled_from([".", ","]),
        "thousands": st.sampled_from([".", ",", "'", " "]),
        "date_format": st.sampled_from(["dd.mm.yyyy", "mm/dd/yyyy", "yyyymmdd", "yyyy-Www", "yyyyww"]),
    },
)


@st.composite
def csv_files(draw):
    """The bytes of a CSV file and its settings, which may lie."""
    form = draw(FORMATS)
    width = draw(st.integers(3, len(HEADER)))
    rows = draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=6))
    rows += draw(st.lists(st.lists(CELLS, max_size=width + 1), max_size=2))
    buffer = io.StringIO()
    writer = csv.writer(
        buffer,
        delimiter=draw(st.sampled_from([form.get("delimiter", ","), ","])),
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONE])),
        escapechar="\\",
        lineterminator=draw(st.sampled_from(["\n", "\r\n", "\r"])),
    )
    writer.writerows([draw(st.permutations(HEADER[:width])), *rows])
    data = buffer.getvalue().encode(draw(st.sampled_from([form.get("encoding", "utf-8"), "utf-8-sig"])), "replace")
    cut = draw(st.integers(0, len(data)))
    return (data[:cut] if draw(st.booleans()) and draw(st.booleans()) else data), form


@examples(15)
@given(csv_files())
def test_a_csv_file_of_any_format_gives_an_input_error_or_a_balanced_result(file):
    data, form = file
    validated({"demand.csv": data}, YAML + yaml.safe_dump({"csv": form}))


# What a row of demand may look like, and whether it is accepted as the first of its key.
ROWS = st.sampled_from(
    [
        (["A1", "2025-01-31", "5", "{}"], True),
        (["A2", "2025-01-31", "1e3", "{}\n\nmore"], True),
        (["A1", "2025-01-31", "-5", 'a "{}" quote'], True),
        (["A1", "2025-01-31", "5", "same"], True),
        (["A\n1", "2025-01-31", "5", "{}"], False),
        (["A1", "2025-02-31", "5", "{}\r\n"], False),
        (["A1", "2025-01-31", "5,0", "{}, and so on"], False),
        (["A1", "2025-01-31", "5"], False),
        (["A1", "2025-01-31", "5", "{}", "6"], False),
        (["\0A1", "2025-01-31", "5", "{}"], False),
        ([], None),
    ]
)


@examples(15)
@given(st.lists(ROWS, min_size=1, max_size=12), st.sampled_from(["\n", "\r\n"]), st.sampled_from([1, 2]))
def test_every_row_is_accepted_or_set_aside_under_the_line_in_which_it_starts(rows, end, quoting):
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator=end, quoting=quoting)
    writer.writerow(["item_id", "demand_date", "demand_qty", "customer_id"])
    good, bad, held = [], [], set()
    for number, (cells, is_sound) in enumerate(rows):
        line = buffer.getvalue().count("\n") + 1
        writer.writerow([cell.format(number) for cell in cells])
        if is_sound and "same" in cells and "same" in held:
            bad.append(line)
        elif is_sound is not None:
            (good if is_sound else bad).append(line)
        held |= {"same"} & set(cells)
    found = validated({"demand.csv": buffer.getvalue().encode()})
    if good or bad:
        assert found.accepted.column("row_number").to_pylist() == good
        assert found.quarantine["row_number"].drop_duplicates().tolist() == bad


KINDS = {
    pa.string(): CELLS,
    pa.large_string(): CELLS,
    pa.int8(): st.integers(-128, 127),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats(),
    pa.decimal128(38, 10): st.decimals(-(10**20), 10**20, places=10),
    pa.bool_(): st.booleans(),
    pa.date32(): st.dates(),
    pa.date64(): st.dates(),
    pa.timestamp("s"): st.datetimes(),
    pa.timestamp("us", "America/New_York"): st.datetimes(),
    pa.timestamp("ns"): st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)),  # noqa: DTZ001
    pa.time64("us"): st.times(),
    pa.duration("us"): st.timedeltas(dt.timedelta(-10_000), dt.timedelta(10_000)),
    pa.binary(): st.binary(max_size=4),
    pa.null(): st.none(),
    pa.list_(pa.string()): st.lists(st.text(max_size=2), max_size=2),
    pa.struct([("a", pa.int8())]): st.fixed_dictionaries({"a": st.integers(0, 9)}),
    pa.dictionary(pa.int8(), pa.string()): st.sampled_from(["A1", "A2", "A9", ""]),
}


@st.composite
def parquet_files(draw):
    """A Parquet file of demand: most columns of a type that fits, some of any type, some unknown."""
    count = draw(st.integers(0, 5))
    columns = {}
    for name in [*HEADER, "colour"]:
        if name in HEADER[:3] or draw(st.booleans()):
            kind = draw(st.sampled_from([pa.string(), *KINDS]))
            column = st.lists(st.none() | KINDS[kind], min_size=count, max_size=count)
            columns[name] = pa.array(draw(column), kind)
    buffer = io.BytesIO()
    parquet.write_table(pa.table(columns), buffer, compression=draw(st.sampled_from(["none", "snappy", "zstd"])))
    return buffer.getvalue(), count


@examples(15)
@given(parquet_files())
def test_a_parquet_file_of_any_types_gives_an_input_error_or_a_balanced_result(file):
    data, count = file
    found = validated({"demand.parquet": data})
    if found is not None:
        named = found.accepted.column("row_number").to_pylist() + found.quarantine["row_number"].unique().tolist()
        assert sorted(named) == list(range(2, count + 2))


@examples(20)
@given(parquet_files(), st.data())
def test_a_parquet_file_with_other_bytes_in_it_is_no_traceback(file, draw):
    data = bytearray(file[0])
    for place in draw.draw(st.lists(st.integers(4, len(data) - 5), min_size=1, max_size=3)):
        data[place] = draw.draw(st.integers(0, 255))
    validated({"demand.parquet": bytes(data)})


TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.text(string.printable, max_size=6)
    | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@examples(120)
@given(st.one_of(st.lists(WORDS, max_size=25).map("".join), TREES, st.binary(max_size=40)))
@example(
    {"name": "acme", "grain": "day", "currency": "EUR", "csv": {"thousands": "\0"}, "limits": {"seconds": math.nan}}
)
@example({"name": "acme", "grain": "day", "currency": "EUR", "data": "x" * 300, "unpack": ["."]})
def test_any_source_yaml_opens_a_source_or_gives_an_input_error(content):
    if not isinstance(content, str | bytes):
        content = yaml.safe_dump(content, allow_unicode=True)
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    told = "acme; expected "
    try:
        with source_of({"source.yaml": data}) as source:
            assert source.files == {}
    except InputError as error:
        told = str(error)
    assert "; expected " in told
    assert "acme" in told


@examples(8)
@given(st.lists(TOKENS, max_size=10).map(" ".join))
@example(
    "select 'A1' as item_id , date '2025-01-31' as demand_date , 5 as demand_qty union all select NULL, NULL, NULL"
)
def test_any_select_gives_an_input_error_or_a_balanced_result(query):
    validated({"demand.sql": query.encode()})


NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
DAY = re.compile(r"(\d{4}-\d{2}-\d{2})([ T]00:00(:00(\.0+)?)?(Z|[+-]00(:?00)?)?)?")


def typed(texts, kind, csv_format=None):
    column = ContractColumn(name="x", type=kind, physical_type="", description="")
    with duckdb.connect(":memory:") as connection:
        connection.register("texts", pa.table({"x__text": pa.array(texts, pa.string())}))
        return [
            row[0]
            for row in connection.execute(
                f"SELECT {typed_sql(column, csv_format or CsvFormat())} FROM texts"
            ).fetchall()
        ]


@examples(30)
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


@examples(30)
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


def grouped(whole, sign):
    return re.sub(r"(?<=\d)(?=(\d{3})+$)", sign, whole)


NUMBER_FORMATS = [CsvFormat(decimal=d, thousands=t) for d in ".," for t in (".", ",", "'", " ", None) if t != d]


@examples(20)
@given(
    st.sampled_from(NUMBER_FORMATS),
    st.lists(st.tuples(st.integers(-(10**12), 10**12), st.integers(0, 999)), min_size=20, max_size=50),
)
def test_a_number_is_read_in_the_format_in_which_it_is_written(csv_format, numbers):
    plain = [f"{whole}.{rest:03d}" for whole, rest in numbers]
    whole = [grouped(str(number), csv_format.thousands or "") for number, _ in numbers]
    written = [f"{head}{csv_format.decimal}{rest:03d}" for head, (_, rest) in zip(whole, numbers, strict=True)]
    assert typed(written, "number", csv_format) == [float(text) for text in plain]


DAY_FORMATS = {
    "dd.mm.yyyy": "%d.%m.%Y",
    "mm/dd/yyyy": "%m/%d/%Y",
    "yyyymmdd": "%Y%m%d",
    "ddmmyyyy": "%d%m%Y",
    "yyyy/mm/dd": "%Y/%m/%d",
    "dd-mm-yyyy": "%d-%m-%Y",
}


@examples(20)
@given(
    st.sampled_from(list(DAY_FORMATS)),
    st.lists(st.dates(dt.date(1900, 1, 1), dt.date(2200, 12, 31)), min_size=20, max_size=50),
)
def test_a_day_is_read_in_the_format_in_which_it_is_written(date_format, days):
    csv_format = CsvFormat(date_format=date_format)
    assert typed([day.strftime(DAY_FORMATS[date_format]) for day in days], "date", csv_format) == days
    assert typed([day.isoformat() for day in days], "date", csv_format) == days


@examples(20)
@given(st.lists(st.tuples(st.integers(1901, 2199), st.integers(0, 60)), min_size=50, max_size=100))
def test_a_week_is_its_monday_and_week_53_is_read_only_where_the_year_has_it(weeks):
    def monday(year, week):
        try:
            return dt.date.fromisocalendar(year, week, 1)
        except ValueError:
            return None

    expected = [monday(*week) for week in weeks]
    dashed, plain = CsvFormat(date_format="yyyy-Www"), CsvFormat(date_format="yyyyww")
    assert typed([f"{year}-W{week:02d}" for year, week in weeks], "date", dashed) == expected
    assert typed([f"{year}{week:02d}" for year, week in weeks], "date", plain) == expected
