"""CSV files that are broken as a whole, in some lines, or written in another way than the contract's."""

import gzip

import pytest

from data_quality.problems import BlockedSource
from data_quality.source import ReadLimits
from data_quality.validation import validate_source

HEAD = "item_id,demand_date,demand_qty\n"
GOOD = HEAD + "A1,2025-01-01,5\nA2,2025-01-01,6\n"
YAML = "name: acme\ngrain: day\ncurrency: EUR\n"
# Files of demand, place, what is found, the next step.
BLOCKED = {
    "no file": ({"demand_csv": None}, "acme", "no file for demand", "docs/input-contract.md lists the columns"),
    "empty": ({"demand_csv": ""}, "demand.csv", "an empty file", "Export it again"),
    "header only": ({"demand_csv": HEAD}, "demand.csv", "no rows", "Export it again"),
    "blank lines only": ({"demand_csv": HEAD + "\n\r\n\n"}, "demand.csv", "no rows", "Export it again"),
    "missing column": (
        {"demand_csv": "item_id,demand_date,qty\nA1,2025-01-01,5\n"},
        "demand.csv, line 1",
        "columns item_id, demand_date, qty; expected also the required demand_qty",
        "Rename qty to demand_qty, or add the column",
    ),
    "column twice": (
        {"demand_csv": "Item_ID ," + GOOD},
        "demand.csv, line 1",
        "column item_id twice",
        "Remove or rename",
    ),
    "semicolons": (
        {"demand_csv": GOOD.replace(",", ";")},
        "demand.csv, line 1",
        "expected also the required",
        'set `csv: {delimiter: ";"}` in source.yaml',
    ),
    "tabs": (
        {"demand_csv": GOOD.replace(",", "\t")},
        "demand.csv, line 1",
        "expected also the required",
        'set `csv: {delimiter: "\\t"}` in source.yaml',
    ),
    "a line for Excel": (
        {"demand_csv": "sep=;\n" + GOOD},
        "line 1",
        "columns sep=;",
        "Remove line 1, which only Excel",
    ),
    "1001 columns": ({"demand_csv": ",".join(map(str, range(1001))) + "\n"}, "line 1", "1,001 columns", "as Parquet"),
    "Latin-1": (
        {"demand_csv": GOOD.replace("A2", "Ä2").encode("latin-1")},
        "demand.csv",
        "a byte that is not UTF-8 in line 3",
        "`csv: {encoding: windows-1252}`",
    ),
    "UTF-16": ({"demand_csv": GOOD.encode("utf-16")}, "demand.csv", "a file in UTF-16", "name its encoding"),
    "UTF-16 without mark": ({"demand_csv": GOOD.encode("utf-16-le")}, "demand.csv", "NUL bytes in line 1", "encoding"),
    "bare CR": ({"demand_csv": GOOD.replace("\n", "\r")}, "demand.csv", "carriage return alone", "Save the file"),
    "cut off in a row": (
        {"demand_csv": GOOD[:-3]},
        "demand.csv, line 3",
        "'A2,2025-01-01', where the file",
        "Export or",
    ),
    "cut off in quotes": ({"demand_csv": GOOD + '"A2,2025'}, "demand.csv, line 4", """'"A2,2025', where""", "transfer"),
    "gzip that is none": (
        {"demand_csv": None, "demand_csv_gz": GOOD},
        "demand.csv.gz",
        "a broken gzip file",
        "a file that is not zipped is named .csv",
    ),
    "gzip cut off": (
        {"demand_csv": None, "demand_csv_gz": gzip.compress(GOOD.encode())[:-9]},
        "demand.csv.gz",
        "a broken gzip file",
        "Compress or transfer it again",
    ),
    "gzip under .csv": ({"demand_csv": gzip.compress(GOOD.encode())}, "demand.csv", "gzip under the name", ".csv.gz"),
    "workbook under .csv": ({"demand_csv": b"PK\x03\x04rest"}, "demand.csv", "an Excel workbook", "Save the sheet"),
    "Parquet under .csv": ({"demand_csv": b"PAR1rest"}, "demand.csv", "Parquet under the name", "Name it .parquet"),
    "only broken lines": ({"demand_csv": HEAD + "x\ny\n"}, "demand.csv", "none of which keeps", "2 such as demand.csv"),
}


@pytest.mark.parametrize(("files", "place", "found", "next_step"), BLOCKED.values(), ids=BLOCKED.keys())
def test_a_file_that_is_broken_as_a_whole_blocks(make_source, files, place, found, next_step):
    with pytest.raises(BlockedSource) as caught:
        validate_source(make_source(**files), entities=["demand"])
    told = str(caught.value)
    assert place in told.split(": found")[0]
    assert found in told
    assert "; expected " in told
    assert next_step in told


def test_all_missing_files_are_told_with_the_files_that_may_be_meant(make_source):
    source = make_source(items_csv=None, demand_csv=None)
    for name in ("Items.xlsx", "demands.txt", "stock_movements.xlsx"):
        (source.folder / name).write_bytes(b"x")
    with pytest.raises(BlockedSource) as caught:
        validate_source(source)
    items, demand = caught.value.problems
    assert "Items.xlsx may be meant: export or rename it as items.csv" in items
    assert "demands.txt may be meant: export or rename it as demand.csv" in demand


def test_extra_and_reordered_columns_are_read_by_name_and_slips_are_pointed_out(make_source):
    text = "colour,Demand_Qty ,demand_date,item_id,shiped_qty,\nred,5,2025-01-01,A1,4,\n"
    found = validate_source(make_source(demand_csv=text)).entities["demand"]
    (row,) = found.accepted.to_pylist()
    assert (row["item_id"], row["demand_qty"], row["shipped_qty"]) == ("A1", 5.0, None)
    slip, other, unnamed = found.messages
    assert "column shiped_qty is not in the contract of demand and was left out; did you mean shipped_qty?" in slip
    assert "column colour is not in the contract of demand and was left out." in other
    assert "column 6 has no name" in unnamed


def test_broken_lines_are_set_aside_one_by_one_and_the_lines_after_them_count_on(make_source):
    text = (
        HEAD
        + "A1,2025-01-01,1,5\n"  # 2: a decimal comma without quotes
        + "A1\n"  # 3
        + 'A1,"2025-01-01\n'  # 4: never closed
        + "A1,2025-01-0\x001,5\n"  # 5
        + "A1,2025-01-01\r,5\n"  # 6
        + "\n"  # 7
        + '"A1","2025-01-02","5"\n'  # 8
        + '"A\n2",2025-01-02,5\n'  # 9 and 10: an item code with a line break
        + "A2,2025-01-31,x\n"  # 11
    )
    found = validate_source(make_source(demand_csv=text)).entities["demand"]
    assert found.accepted.column("row_number").to_pylist() == [8]
    reasons = dict(zip(found.quarantine["row_number"], found.quarantine["reason"], strict=True))
    assert list(reasons) == [2, 3, 4, 5, 6, 9, 11]
    assert (found.landed_row_count, found.quarantined_row_count) == (8, 7)
    assert reasons[2].startswith("demand.csv, line 2: found 'A1,2025-01-01,1,5', expected as many values as the header")
    assert reasons[2].endswith("Put values that hold a comma between quotes, and give every line all its values.")
    assert reasons[4].endswith('Close quoted values with ", and write a quote inside one twice.')
    assert reasons[5].endswith("Remove the NUL bytes; UTF-16 has them, too.")
    assert reasons[6].endswith("Quote values that hold a line break, and end lines with LF or CR LF.")
    assert "demand_qty: found 'x'" in reasons[11]


def test_rows_that_two_stray_quotes_swallow_are_all_set_aside_and_none_is_lost(make_source):
    names = ["plain", '"open', "swallowed", "swallowed too", 'pipe 5"', "plain"]
    text = "item_id,name\n" + "".join(f"I{number},{name}\n" for number, name in enumerate(names))
    text += 'L,"a text\nover two lines, and\na third"\n'
    found = validate_source(make_source(items_csv=text), entities=["items"]).entities["items"]
    assert found.accepted.column("row_number").to_pylist() == [2, 7, 8]
    assert found.quarantine["row_number"].tolist() == [3, 4, 5, 6]
    assert found.quarantine["found_value"].tolist()[1] == "I2,swallowed"
    assert all(
        reason.endswith("It stands in quotes that open in line 3: close them there, or write them twice.")
        for reason in found.quarantine["reason"]
    )


def test_a_byte_order_mark_a_missing_last_line_end_and_mixed_line_ends_do_no_harm(make_source):
    data = b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n", 2).rstrip("\n").encode()
    found = validate_source(make_source(demand_csv=data)).entities["demand"]
    assert found.accepted.column("demand_qty").to_pylist() == [5.0, 6.0]


GERMAN = (
    'csv: {delimiter: ";", encoding: windows-1252, decimal: ",", thousands: ".", date_format: dd.mm.yyyy}\n',
    "item_id;demand_date;demand_qty\nÄ1;31.1.2025;1.234,5\nÄ1;2025-02-01;7\nÄ1;31.02.2025;1\nÄ1;03.02.2025;12.5\n",
    "windows-1252",
)


def test_a_german_extract_is_read_as_its_settings_say_and_strictly(make_source):
    settings, text, encoding = GERMAN
    source = make_source(
        source_yaml=YAML + settings, items_csv="item_id\nÄ1\n".encode(encoding), demand_csv=text.encode(encoding)
    )
    found = validate_source(source).entities["demand"]
    rows = found.accepted.to_pylist()
    assert [(row["item_id"], str(row["demand_date"]), row["demand_qty"]) for row in rows] == [
        ("Ä1", "2025-01-31", 1234.5),
        ("Ä1", "2025-02-01", 7.0),
    ]
    no_day, no_number = found.quarantine["reason"]
    assert "line 4, column demand_date: found '31.02.2025', expected a date YYYY-MM-DD" in no_day
    assert "(or the day as dd.mm.yyyy). There is no such day." in no_day
    assert "found '12.5', expected a plain finite number such as 1.234,5." in no_number


@pytest.mark.parametrize(
    ("settings", "text", "day", "qty"),
    [
        (
            'decimal: ",", delimiter: "\\t"',
            "item_id\tdemand_date\tdemand_qty\nA1\t2025-01-31\t-1,5\n",
            "2025-01-31",
            -1.5,
        ),
        ('thousands: "\'"', HEAD + "A1,2025-01-31,1'234.5\n", "2025-01-31", 1234.5),
        ('thousands: " "', HEAD + "A1,2025-01-31,1\u00a0234\n", "2025-01-31", 1234.0),
        ('thousands: ","', HEAD + 'A1,2025-01-31,"1,234,567.5"\n', "2025-01-31", 1234567.5),
        ("date_format: mm/dd/yyyy", HEAD + "A1,1/31/2025,5\n", "2025-01-31", 5.0),
        ("date_format: yyyymmdd", HEAD + "A1,20250131,5\n", "2025-01-31", 5.0),
        ("date_format: yyyy-Www", HEAD + "A1,2020-W53,5\n", "2020-12-28", 5.0),
        ("date_format: yyyyww", HEAD + "A1,202101,5\n", "2021-01-04", 5.0),
        ("encoding: utf-16", (HEAD + "A1,2025-01-31,5\n").encode("utf-16"), "2025-01-31", 5.0),
        ("encoding: utf-16", b"\xef\xbb\xbf" + (HEAD + "A1,2025-01-31,5\n").encode(), "2025-01-31", 5.0),
    ],
)
def test_every_setting_is_honoured(make_source, settings, text, day, qty):
    source = make_source(source_yaml=YAML + f"csv: {{{settings}}}\n", demand_csv=text)
    found = validate_source(source, entities=["demand"], known_reference_keys={"items": ["A1"]}).entities["demand"]
    (row,) = found.accepted.to_pylist()
    assert (str(row["demand_date"]), row["demand_qty"]) == (day, qty)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ('thousands: ","', '"12,34"'),
        ('thousands: ","', '"1,2345"'),
        ('decimal: ","', "1.5"),
        ('decimal: ","', '"1,5,5"'),
        ('decimal: ","', '","'),
        ('decimal: ",", thousands: "."', '"1,234.5"'),
        ('thousands: "\'"', "'234"),
    ],
)
def test_a_number_of_another_format_is_no_number(make_source, settings, text):
    source = make_source(source_yaml=YAML + f"csv: {{{settings}}}\n", demand_csv=GOOD + f"A1,2025-01-02,{text}\n")
    found = validate_source(source).entities["demand"]
    assert found.quarantine["clause_name"].tolist() == ["demand_qty_is_a_number"]
    assert found.quarantine["row_number"].tolist() == [4]


def test_bytes_that_the_encoding_does_not_know_are_named_by_line(make_source):
    source = make_source(source_yaml=YAML + "csv: {encoding: windows-1252}\n", demand_csv=GOOD.encode() + b"\x81,,\n")
    with pytest.raises(BlockedSource, match=r"demand\.csv, line 4: found the bytes 81 2c 2c 0a, which mean nothing in"):
        validate_source(source)


@pytest.mark.parametrize("is_zipped", [True, False])
def test_a_file_above_the_memory_limit_is_refused_before_it_fills_the_memory(make_source, is_zipped):
    data = HEAD.encode() + b"A1,2025-01-01,5\n" * 600_000
    files = {"demand_csv": None, "demand_csv_gz": gzip.compress(data, 1)} if is_zipped else {"demand_csv": data}
    with pytest.raises(BlockedSource, match=r"found more than 8 MB.*in 64 MB of memory.*limits: \{memory_mb: N\}"):
        validate_source(make_source(**files), limits=ReadLimits(memory_mb=64))


def test_one_bad_line_among_many_is_found_with_its_number(make_source):
    lines = [f"A1,2025-01-01,{number % 90},O{number},1" for number in range(200_000)]
    lines[123_455] = lines[123_455].replace("2025-01-01", "2025-02-29")
    text = "item_id,demand_date,demand_qty,order_id,line\n" + "\n".join(lines) + "\n"
    found = validate_source(make_source(demand_csv=text)).entities["demand"]
    assert found.quarantine["row_number"].tolist() == [123_457]
    assert (found.landed_row_count, found.accepted_row_count) == (200_000, 199_999)
