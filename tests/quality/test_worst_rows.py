"""Judging the rows that decide gives what judging all rows gives; typed columns give what their text gives."""

import datetime as dt
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_quality.contracts import ContractColumn
from data_quality.csv_format import CsvFormat
from data_quality.entity_rows import EntityRows
from data_quality.native_values import is_native, native_sql
from data_quality.source import open_source
from data_quality.suites.raw import RawCheck
from data_quality.typed_values import typed_sql
from data_quality.validation import validate_source

ITEM = st.sampled_from(["A1", "A2", "a1", "A9", ""])
DAY = st.sampled_from(["2024-01-01", "2024-01-02", "1970-05-05", "2024-02-31", ""])
NUMBER = st.sampled_from(["1", "-3", "2e9", "x", "5.5", ""])
ROW = st.tuples(ITEM, DAY, DAY, NUMBER, st.sampled_from(["O1", "O2", ""]), st.sampled_from(["1", "2"]))
HEAD = "supplier_id,item_id,order_date,receipt_date,ordered_qty,order_id,line\n"


def outcome(rows):
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        (source / "source.yaml").write_text("name: acme\ngrain: day\ncurrency: EUR\n")
        (source / "purchase_orders.csv").write_text(HEAD + "".join(",".join(("S", *row)) + "\n" for row in rows))
        opened = open_source(source, variables={}, scratch=source / "scratch")
        keys = {"items": ["A1", "A2"]}
        found = validate_source(opened, entities=["purchase_orders"], known_reference_keys=keys)
    entity = found.entities["purchase_orders"]
    return entity.quarantine.to_dict("records"), entity.warnings.to_dict("records"), entity.clause_results


@settings(max_examples=5, deadline=None)
@given(st.lists(ROW, min_size=15, max_size=40))
def test_the_rows_that_decide_give_the_verdict_of_all_rows(rows):
    found = outcome(rows)
    with pytest.MonkeyPatch.context() as all_rows:
        all_rows.setattr(EntityRows, "_broken_by_worst_rows", lambda _, checks, __: checks)
        all_rows.setattr(RawCheck, "can_break", "true")
        assert outcome(rows) == found


def moments(unit, *texts):
    return pa.array(np.array(texts, dtype=f"datetime64[{unit}]"))


def typed(column, values, sql):
    with duckdb.connect() as connection:
        connection.register("given", pa.table({f"{column.name}__text": values}))
        return [row[0] for row in connection.execute(f"select {sql} from given").fetchall()]


@pytest.mark.parametrize(
    ("logical_type", "values"),
    [
        ("number", pa.array([0, 5, -7, 2**53 + 1, None], pa.int64())),
        ("number", pa.array([0, 255, None], pa.uint8())),
        ("number", pa.array([0.1, -0.0, 1e300, float("nan"), float("inf"), None])),
        ("integer", pa.array([10**18 - 1, 10**18, -(10**18), -(10**18) + 1, None], pa.int64())),
        ("date", pa.array([dt.date(1899, 12, 31), dt.date(1900, 1, 1), dt.date(2200, 12, 31), dt.date(1, 1, 1), None])),
        ("date", moments("ns", "2024-01-01", "2024-01-01T12", "NaT")),
        ("date", moments("s", "2024-01-01", "2201-01-01", "NaT")),
        ("timestamp", moments("us", "2024-01-01T10:00:00.000005", "1700-01-01", "NaT")),
        ("timestamp", pa.array([dt.date(2024, 1, 1), dt.date(1700, 1, 1), None])),
        ("boolean", pa.array([True, False, None])),
    ],
)
def test_a_column_with_a_type_gives_what_its_text_gives(logical_type, values):
    column = ContractColumn(name="x", type=logical_type, physical_type="", description="")
    assert is_native(column, values.type)
    with duckdb.connect() as connection:
        connection.register("given", pa.table({"x": values}))
        texts = connection.execute("select cast(x as varchar) as x from given").to_arrow_table().column("x")
    assert typed(column, values, native_sql(column)) == typed(column, texts, typed_sql(column, CsvFormat()))


@pytest.mark.parametrize(
    ("logical_type", "given_type"),
    [
        ("number", pa.float32()),
        ("number", pa.uint64()),
        ("number", pa.decimal128(12, 2)),
        ("number", pa.string()),
        ("date", pa.timestamp("us", "UTC")),
        ("timestamp", pa.timestamp("ns")),
        ("string", pa.int64()),
    ],
)
def test_a_type_that_would_give_something_else_goes_by_way_of_text(logical_type, given_type):
    assert not is_native(ContractColumn(name="x", type=logical_type, physical_type="", description=""), given_type)


def test_a_parquet_file_is_judged_like_a_csv_file_of_the_same_values(tmp_path):
    rows = pd.DataFrame(
        {
            "item_id": ["A1", "A2", "A1", "A9"],
            "demand_date": pd.to_datetime(["2024-01-01", "1970-01-01", "2024-01-03", "2024-01-04"]),
            "demand_qty": [1.5, 2.0, np.nan, 1e12],
            "is_return": [True, False, False, True],
        }
    )
    found = {}
    for kind in ("csv", "parquet"):
        folder = tmp_path / kind
        folder.mkdir()
        (folder / "source.yaml").write_text("name: acme\ngrain: day\ncurrency: EUR\n")
        (folder / "items.csv").write_text("item_id\nA1\nA2\n")
        file = folder / f"demand.{kind}"
        rows.to_csv(file, index=False) if kind == "csv" else rows.to_parquet(file, index=False)
        found[kind] = validate_source(open_source(folder, variables={}, scratch=folder / "x")).entities["demand"]
    csv, parquet = found["csv"], found["parquet"]
    assert parquet.accepted.drop_columns("file_name").equals(csv.accepted.drop_columns("file_name"))
    columns = ["row_number", "column_name", "clause_name"]
    assert parquet.quarantine[columns].equals(csv.quarantine[columns])
    assert parquet.clause_results == csv.clause_results
