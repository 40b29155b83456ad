"""What is stored of a landed row, what is computed when it is read, and landing files of earlier versions."""

import hashlib
import shutil

import pyarrow as pa
import pytest
from pyarrow import parquet

from data_quality.contracts import load_contracts, raw_columns
from orchestration.resources.projection import project
from orchestration.resources.warehouse import Warehouse, WarehouseOutdatedError

ALL_OF = "select * from raw.demand order by load_id, row_number"


def demand_files(company) -> list:
    return sorted((company.source.parent / "landing" / "demand").rglob("*.parquet"))


def test_a_row_in_the_warehouse_has_the_key_and_the_hash_of_the_row_that_was_judged(small_company):
    judged = small_company.landing.validate_extract().entities["demand"].accepted.to_pandas()
    small_company.land()
    found = small_company.warehouse.read(ALL_OF)
    for name in ("row_key", "row_hash", "file_name", "row_number"):
        assert found[name].tolist() == judged[name].tolist(), name
    assert found["row_hash"].nunique() == len(found) == 2
    assert found.columns.tolist() == [name for name, _ in raw_columns(load_contracts()["demand"])]


def test_the_hash_of_a_row_is_the_same_number_for_ever(small_company):
    small_company.land()
    found = small_company.warehouse.read(ALL_OF)
    # The lower half of the MD5, in the byte order of DuckDB.
    text = "\x1f".join(["item_id=A", "demand_date=2024-01-10", "demand_qty=5.0"])
    half = hashlib.md5(text.encode(), usedforsecurity=False).digest()[8:]
    assert found["row_hash"].tolist()[0] == int.from_bytes(half, "little") == 2817170636113134845


def test_a_landing_file_holds_nothing_that_its_mark_or_its_columns_tell(small_company):
    small_company.land()
    first, _ = demand_files(small_company)
    assert set(parquet.read_schema(first).names) == {
        "item_id", "demand_date", "demand_qty", "row_number", "landing_period_start_date", "known_from_at",
        "is_late_row",
    }  # fmt: skip


def test_rows_of_a_select_keep_the_file_that_each_came_from(small_company):
    (small_company.source / "demand.csv").unlink()
    (small_company.source / "demand.sql").write_text(
        "select 'A' as item_id, date '2024-01-10' as demand_date, 5 as demand_qty, 'north.csv' as source_file, "
        "7 as source_line union all select 'A', date '2024-02-10', 7, 'south.csv', 9",
        encoding="utf-8",
    )
    small_company.land()
    found = small_company.warehouse.read("select file_name, row_number from raw.demand order by all")
    assert found.to_numpy().tolist() == [["north.csv", 7], ["south.csv", 9]]
    items = small_company.warehouse.read("select distinct file_name from raw.items")
    assert items["file_name"].tolist() == ["items.csv"]


def test_every_load_shows_its_own_id_and_time(small_company, clock):
    clock("2024-03-01 06:00:00")
    first = small_company.land()
    small_company.bring({"2024-01-10": 5, "2024-02-10": 8})
    clock("2024-04-01 06:00:00")
    second = small_company.land()
    found = small_company.warehouse.read(
        "select load_id, loaded_at::varchar as at, source_name, demand_qty from raw.demand order by all"
    )
    assert found.to_numpy().tolist() == [
        [first.load_id, "2024-03-01 06:00:00", "small", 5.0],
        [first.load_id, "2024-03-01 06:00:00", "small", 7.0],
        [second.load_id, "2024-04-01 06:00:00", "small", 8.0],
    ]


def test_landing_files_that_repeat_in_each_row_what_their_mark_tells_give_the_same_tables(small_company, tmp_path):
    load = small_company.land()
    expected = small_company.warehouse.read(ALL_OF)
    folder = tmp_path / "earlier"
    shutil.copytree(tmp_path / "landing", folder)
    for file in sorted(folder.glob("demand/*/*.parquet")):
        rows = parquet.read_table(file)
        fixed = {"source_name": "small", "file_name": "demand.csv", "load_id": load.load_id, "row_hash": 1}
        for name, value in fixed.items():
            rows = rows.append_column(name, pa.array([value] * len(rows)))
        parquet.write_table(rows.append_column("loaded_at", pa.array([load.loaded_at] * len(rows))), file)
    other = Warehouse(path=str(tmp_path / "other.duckdb"))
    other.create_tables()
    project(other, folder, load)
    assert other.read(ALL_OF).equals(expected)


def test_a_warehouse_that_stores_what_is_computed_now_leads_to_rebuild(tmp_path):
    warehouse = Warehouse(path=str(tmp_path / "warehouse.duckdb"))
    with warehouse.connect() as connection:
        connection.execute("create schema raw; create table raw.demand (item_id varchar)")
    with pytest.raises(WarehouseOutdatedError, match=r"holds tables in raw.*Run `stockstrata rebuild`"):
        warehouse.create_tables()
