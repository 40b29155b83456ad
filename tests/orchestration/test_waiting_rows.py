"""Rows on and after the cut-off are told of; those before it, and versions no longer in force, are not."""

import datetime as dt

import pytest

from orchestration.resources.waiting import WaitingRows, waiting_rows
from orchestration.resources.warehouse import OPEN_END, Warehouse

CUT_OFF = dt.date(2024, 2, 1)


@pytest.fixture
def warehouse(tmp_path) -> Warehouse:
    made = Warehouse(path=str(tmp_path / "warehouse.duckdb"))
    made.create_tables()
    return made


def put(warehouse: Warehouse, entity: str, *rows: tuple[str, str]) -> None:
    with warehouse.connect() as connection:
        connection.execute("insert into quality.load (load_id, entity_name) values ('1-first', ?)", [entity])
        connection.executemany(
            f"insert into landed.{entity} (item_id, {entity}_date, known_to_at, load_number) values ('I', ?, ?, 1)",
            list(rows),
        )


def test_nothing_waits_in_an_empty_warehouse(warehouse):
    assert waiting_rows(warehouse, CUT_OFF) == []


def test_rows_from_the_cut_off_on_wait(warehouse):
    put(
        warehouse, "demand",
        ("2024-01-31", OPEN_END), ("2024-02-01", OPEN_END), ("2024-03-09", OPEN_END), ("2024-04-01", "2024-04-02"),
    )  # fmt: skip
    put(warehouse, "stock", ("2024-01-31", OPEN_END))
    assert waiting_rows(warehouse, CUT_OFF) == [WaitingRows("demand", 2, dt.date(2024, 2, 1), dt.date(2024, 3, 9))]
