from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyarrow import compute

from data_quality.csv_plain import plain_values
from data_quality.csv_records import read_csv_records
from data_quality.trimmed_text import trimmed
from stockstrata.errors import InputError

PATH = Path("demand.csv")


def test_lines_are_counted_through_line_breaks_blank_and_broken_lines():
    data = (
        b"a,b,c\n"  # 1
        b"1,2,3\n"  # 2
        b"\n"  # 3
        b'"x\ny",2,3\n'  # 4, 5
        b'5" pipe,2,3\n'  # 6 broken: a quote inside a bare value
        b"1,2\n"  # 7 broken: too few
        b'"q""u",2,3\r\n'  # 8
        b'"open,2,3\n'  # 9 broken: never closed
        b'z,"5",6\n'  # 10
        b'7,8,"9\n\n10"\n'  # 11 to 13
        b"1,\r2,3\n"  # 14 broken: a line end inside
        b"l,\x00,1\n"  # 15 broken
        b"last,1,1"  # 16
    )
    records = read_csv_records(data, PATH)
    assert records.header == ("a", "b", "c")
    assert records.row_numbers.tolist() == [2, 4, 8, 10, 11, 16]
    assert records.values.column("c0").to_pylist() == ["1", "x\ny", 'q"u', "z", "7", "last"]
    assert records.values.column("c2").to_pylist() == ["3", "3", "3", "6", "9\n\n10", "1"]
    assert records.broken.column("row_number").to_pylist() == [6, 7, 9, 14, 15]
    assert records.broken.column("line_text").to_pylist()[:2] == ['5" pipe,2,3', "1,2"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_line_ends_and_byte_order_mark_do_not_matter(end):
    data = b"\xef\xbb\xbfa,b" + end + b'"1,5",\xc3\xa9' + end
    records = read_csv_records(data, PATH)
    assert records.header == ("a", "b")
    assert records.values.to_pylist() == [{"c0": "1,5", "c1": "é"}]


def test_only_wanted_columns_are_read():
    records = read_csv_records(b"a,b,c\n1,2,3\n", PATH, wanted=(2, 0))
    assert records.values.to_pylist() == [{"c2": "3", "c0": "1"}]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "an empty file"),
        (b"\xef\xbb\xbf", "an empty file"),
        (b"\n1,2\n", "line 1: found"),
        (b'"a,b\n1,2\n', "line 1: found"),
        (b"a,b\rc,d\r", "carriage return alone"),
        ("a,b\n1,é\n".encode("latin-1"), "not UTF-8 in line 2"),
        ("a,b\n1,é\n".encode("utf-16"), "UTF-16"),
    ],
)
def test_a_file_that_cannot_be_cut_is_refused(data, message):
    with pytest.raises(InputError, match=r"demand\.csv") as caught:
        read_csv_records(data, PATH)
    assert message in str(caught.value)
    assert "expected" in str(caught.value)


def test_a_stray_quote_costs_one_line_of_many():
    lines = [b"a,b"] + [b"%d,x" % number for number in range(5000)]
    lines[2500] = b'7" bolt,x'
    records = read_csv_records(b"\n".join(lines), PATH)
    assert records.broken.column("row_number").to_pylist() == [2501]
    assert records.values.num_rows == 4999


# A last row in quotes: with it each line is looked at, and the other rows must come out as without it.
QUOTED = b'"end","end"\n'


@given(st.lists(st.sampled_from(["a,b", "c,", ",", "", "a", "a,b,c", "é,x", " ,y", "a,b\r", "\r", "a\rb,c", "n\0,x"])))
@example(["a,b", "", "a,b\rc,d"])
def test_a_plain_file_gives_the_rows_that_looking_at_each_line_gives(lines):
    data = b"a,b\n" + "".join(f"{line}\n" for line in lines).encode()
    slow, fast = read_csv_records(data + QUOTED, PATH), read_csv_records(data, PATH)
    assert fast.row_numbers.tolist() == slow.row_numbers.tolist()[:-1]
    assert fast.values.to_pylist() == slow.values.to_pylist()[:-1]
    assert fast.broken.equals(slow.broken)


@pytest.mark.parametrize(
    ("data", "is_plain"),
    [
        (b"a,b\n1,2\n3,4\n", True),
        (b"a,b\r\n1,2\r\n3,4", True),
        (b'"a","b"\n1,2\n', True),
        (b"a,b\n1,2\n\n3,4\n", False),
        (b"a,b\n1,2\n3\n", False),
        (b'a,b\n1,"2"\n', False),
        (b"a,b\n1,2\r3,4\n", False),
        (b"a,b\n1,\xff\n", False),
        (b"a,b\n1,\x00\n", False),
        (b"a,b\n", False),
    ],
)
def test_lines_that_may_be_no_rows_are_looked_at(data, is_plain):
    assert (plain_values(data, 2, ",", None) is not None) == is_plain


@given(st.lists(st.none() | st.text(alphabet="a1 \t\r\x1c\x85\u00a0\u3000é~!", max_size=4)), st.integers(0, 3))
@example(["", None], 0)
@example(["a", None], 0)
def test_values_lose_outer_blanks_and_nothing_else(values, start):
    for type_ in (pa.string(), pa.large_string()):
        texts = pa.chunked_array([pa.array(values, type_).slice(start), pa.array(["x"], type_)])
        bare = compute.call_function("utf8_trim_whitespace", [texts]).to_pylist()
        assert trimmed(texts).to_pylist() == [text or None for text in bare]
