"""Parquet files that are broken, or typed in another way than the contract."""

import datetime as dt
import io

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from data_quality.problems import BlockedSource
from data_quality.validation import validate_source

DAY = dt.date(2025, 1, 31)
KNOWN = {"items": ["A1", "7"]}
SOUND = {"item_id": pa.array(["A1"]), "demand_date": pa.array([DAY]), "demand_qty": pa.array([5.0])}


def written(**columns):
    buffer = io.BytesIO()
    parquet.write_table(pa.table(SOUND | columns), buffer)
    return buffer.getvalue()


def of(values, kind):
    return pa.array(values, kind)


BLOCKED = {
    "empty file": (b"", "found an empty file; expected a whole Parquet file"),
    "no Parquet": (b"item_id,demand_date,demand_qty\n", "found a file that is not Parquet"),
    "cut off": (written()[:-20], "found a Parquet file without its end"),
    "scrambled": (b"PAR1" + b"x" * 200 + b"PAR1", "found a fault ("),
    "scrambled inside": (
        written()[:20] + b"\xff" * 60 + written()[80:],
        "found a fault (",
    ),
    "list": (written(demand_qty=of([[1.0]], pa.list_(pa.float64()))), "column demand_qty: found values of type list"),
    "structure": (
        written(item_id=of([{"code": "A1"}], pa.struct([("code", pa.string())]))),
        "column item_id: found values of type struct",
    ),
    "map": (written(item_id=of([[("a", "b")]], pa.map_(pa.string(), pa.string()))), "column item_id: found values of"),
    "bytes": (written(item_id=of([b"A1"], pa.binary())), "column item_id: found values of type binary"),
    "Latin-1": (written(item_id=pa.array(["Größe".encode("latin-1")]).view(pa.string())), "is not valid UTF8"),
    "true and false": (written(demand_qty=of([True], pa.bool_())), "found 'true', expected a plain finite number"),
    "days as numbers": (
        written(demand_date=of([45678], pa.int32())),
        "It may be a day number of Excel, for 2025-01-21",
    ),
    "moments": (
        written(demand_date=of([pd.Timestamp("2025-01-31 22:00")], pa.timestamp("us", "Europe/Berlin"))),
        "found '2025-01-31 22:00:00+00', expected a date YYYY-MM-DD, years 1900 to 2200. Give the day alone",
    ),
    "times": (written(demand_date=of([dt.time(10)], pa.time64("us"))), "found '10:00:00', expected a date"),
    "not a number": (
        written(demand_qty=of([float("nan")], pa.float64())),
        "Leave the value empty where there is none.",
    ),
    "infinite": (written(demand_qty=of([float("-inf")], pa.float32())), "expected a plain finite number"),
    "year 1": (written(demand_date=of([dt.date(1, 1, 1)], pa.date32())), "found '0001-01-01', expected a date"),
    "German text": (written(demand_qty=of(["1,5"], pa.string())), "let a SELECT cast it"),
    "missing column": (
        written(item_id=of([[1]], pa.list_(pa.int8()))).replace(b"demand_qty", b"demand_???"),
        "also the required demand_qty",
    ),
}


@pytest.mark.parametrize(("data", "told"), BLOCKED.values(), ids=BLOCKED.keys())
def test_a_file_without_a_sound_row_blocks_and_says_why(make_source, data, told):
    source = make_source(demand_csv=None, demand_parquet=data)
    with pytest.raises(BlockedSource, match=r"demand\.parquet") as caught:
        validate_source(source, entities=["demand"], known_reference_keys=KNOWN)
    assert told in str(caught.value)
    assert "; expected " in str(caught.value)


@pytest.mark.parametrize(
    ("column", "values", "kind", "text"),
    [
        ("item_id", [7], pa.int64(), "7"),
        ("item_id", ["A1"], pa.large_string(), "A1"),
        ("item_id", ["A1"], pa.dictionary(pa.int8(), pa.string()), "A1"),
        ("demand_qty", [5], pa.uint64(), "5.0"),
        ("demand_qty", [0.1], pa.float32(), "0.1"),
        ("demand_qty", ["5.50"], pa.string(), "5.5"),
        ("demand_date", [pd.Timestamp("2025-01-31")], pa.timestamp("ns"), "2025-01-31"),
        ("demand_date", [pd.Timestamp("2025-01-31")], pa.timestamp("s", "UTC"), "2025-01-31"),
        ("demand_date", [DAY], pa.date64(), "2025-01-31"),
    ],
    ids=str,
)
def test_other_types_that_hold_the_same_value_are_read(make_source, column, values, kind, text):
    source = make_source(demand_csv=None, demand_parquet=written(**{column: of(values, kind)}))
    found = validate_source(source, entities=["demand"], known_reference_keys=KNOWN).entities["demand"]
    (row,) = found.accepted.to_pylist()
    assert str(row[column]) == text


def test_codes_that_became_decimals_are_told_the_code_that_is_known(make_source):
    data = written(
        item_id=of([7.0, None], pa.float64()), demand_date=of([DAY] * 2, pa.date32()), demand_qty=of([1, 2], pa.int8())
    )
    source = make_source(demand_csv=None, demand_parquet=data, items_csv="item_id\n7\n")
    with pytest.raises(BlockedSource, match=r"found '7\.0', expected a value that items has as item_id; items has '7'"):
        validate_source(source)


def test_the_run_goes_on_for_the_good_rows_and_names_the_place_of_the_bad_one(make_source):
    data = written(
        item_id=of(["A1", "A1", "A2"], pa.string()),
        demand_date=of([DAY, dt.date(9999, 12, 31), DAY], pa.date32()),
        demand_qty=of([1, 2, 3], pa.decimal128(20, 3)),
    )
    found = validate_source(make_source(demand_csv=None, demand_parquet=data)).entities["demand"]
    assert found.accepted.column("row_number").to_pylist() == [2, 4]
    (reason,) = found.quarantine["reason"]
    assert reason.startswith("demand.parquet, line 3, column demand_date: found '9999-12-31'")


def test_columns_that_differ_in_letter_case_alone_are_one_too_many(make_source):
    buffer = io.BytesIO()
    parquet.write_table(pa.table(SOUND | {"ITEM_ID": pa.array(["A2"])}), buffer)
    with pytest.raises(BlockedSource, match="column item_id twice"):
        validate_source(make_source(demand_csv=None, demand_parquet=buffer.getvalue()))
