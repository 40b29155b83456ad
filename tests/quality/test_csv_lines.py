from pathlib import Path

import pytest

from data_quality.csv_records import read_csv_records
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
