"""What a cycle reads of its past, on rows whose answer is worked out by hand."""

import datetime as dt

import pandas as pd
import pytest

from assets.history_reads import (
    known_availability,
    known_promotions,
    known_returns,
    largest_orders,
)
from orchestration.resources.warehouse import Warehouse

CUT_OFF = dt.date(2024, 3, 1)
FOREVER = "9999-12-31"
WEEKS = [dt.date(2024, 1, 1) + dt.timedelta(weeks=week) for week in range(8)]  # Mondays
DDL = (
    "create schema staging", "create schema intermediate",
    "create table staging.stg_demand (item_id varchar, location_id varchar, demand_date date, demand_qty double, "
    "order_id varchar, customer_id varchar, reason varchar, is_in_stock boolean, known_from_at timestamp, "
    "known_to_at timestamp)",
    "create table staging.stg_stock (item_id varchar, location_id varchar, stock_date date, on_hand_qty double, "
    "allocated_qty double, stock_status_code varchar, known_from_at timestamp, known_to_at timestamp)",
    "create table staging.stg_promotions (item_id varchar, location_id varchar, promotion_id varchar, start_date date, "
    "end_date date, expected_uplift_rate double, known_from_at timestamp, known_to_at timestamp)",
    "create table intermediate.int_item_locations__planned (period_start_date date, item_id varchar, "
    "location_id varchar)",
)  # fmt: skip


@pytest.fixture
def warehouse(tmp_path):
    made = Warehouse(path=str(tmp_path / "warehouse.duckdb"))
    with made.connect() as connection:
        for statement in DDL:
            connection.execute(statement)
    return made


def insert(warehouse, table, *rows, known="1900-01-01"):
    with warehouse.connect() as connection:
        for row in rows:
            full = {"item_id": "A", "location_id": "L1", "known_from_at": known, "known_to_at": FOREVER, **row}
            connection.execute(
                f"insert into {table} ({', '.join(full)}) values ({', '.join('?' for _ in full)})", list(full.values())
            )


def by_week(found):
    return {
        row.bucket_start_date.date(): (round(row.in_stock_rate, 3), bool(row.is_dry), int(row.run_out_count))
        for row in found.itertuples()
    }


def stock(day, qty, **more):
    return {"stock_date": day, "on_hand_qty": qty, **more}


def test_stock_at_the_ends_of_weeks_tells_of_the_weeks_between(warehouse):
    sundays = [week + dt.timedelta(days=6) for week in WEEKS]
    insert(warehouse, "staging.stg_stock", *(stock(sundays[k], qty) for k, qty in enumerate([5, 0, 0, 8, 8])))
    found = known_availability(warehouse, CUT_OFF)
    assert set(found["source_code"]) == {"stock"}
    assert by_week(found) == {WEEKS[1]: (0.5, True, 1), WEEKS[2]: (0.0, False, 0), WEEKS[3]: (0.5, False, 0)}


def test_stock_of_every_day_tells_how_much_of_the_week(warehouse):
    days = [WEEKS[0] + dt.timedelta(days=day) for day in range(14)]
    held = [5, 5, 5, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9]
    insert(warehouse, "staging.stg_stock", *(stock(day, qty) for day, qty in zip(days, held, strict=True)))
    # Three days in stock and half of the fourth; on Monday the goods came in the course of the day.
    assert by_week(known_availability(warehouse, CUT_OFF)) == {
        WEEKS[0]: (0.5, False, 1),
        WEEKS[1]: (0.929, False, 0),
    }


def test_stock_that_is_reserved_or_blocked_cannot_be_sold(warehouse):
    sundays = [week + dt.timedelta(days=6) for week in WEEKS]
    insert(
        warehouse, "staging.stg_stock",
        stock(sundays[0], 9), stock(sundays[1], 4, allocated_qty=4), stock(sundays[2], 7, stock_status_code="blocked"),
        stock(sundays[3], 7),
    )  # fmt: skip
    assert set(by_week(known_availability(warehouse, CUT_OFF))) == {WEEKS[1], WEEKS[2], WEEKS[3]}


def test_a_snapshot_far_from_the_one_before_speaks_of_its_own_day(warehouse):
    insert(warehouse, "staging.stg_stock", stock(dt.date(2024, 1, 7), 5), stock(dt.date(2024, 2, 7), 0))
    assert by_week(known_availability(warehouse, CUT_OFF)) == {dt.date(2024, 2, 5): (0.857, False, 0)}


def test_flags_go_before_the_ledger_and_a_week_with_sales_and_a_flag_ran_dry(warehouse):
    flagged = [
        {"demand_date": WEEKS[0], "demand_qty": 5, "is_in_stock": True},
        {"demand_date": WEEKS[1], "demand_qty": 3, "is_in_stock": False},
        {"demand_date": WEEKS[2], "demand_qty": 0, "is_in_stock": False},
        {"demand_date": WEEKS[3], "demand_qty": 0, "is_in_stock": True},
    ]
    insert(warehouse, "staging.stg_demand", *flagged)
    insert(warehouse, "staging.stg_stock", stock(WEEKS[3] + dt.timedelta(days=6), 0))
    found = known_availability(warehouse, CUT_OFF)
    assert set(found["source_code"]) == {"flag"}
    assert by_week(found) == {WEEKS[1]: (0.5, True, 0), WEEKS[2]: (0.0, False, 0)}


def test_flags_by_day_count_days(warehouse):
    days = [
        {"demand_date": WEEKS[0] + dt.timedelta(days=day), "demand_qty": 1 if day < 4 else 0, "is_in_stock": day < 4}
        for day in range(7)
    ]
    insert(warehouse, "staging.stg_demand", *days)
    assert by_week(known_availability(warehouse, CUT_OFF)) == {WEEKS[0]: (round(4 / 7, 3), False, 0)}


def test_what_became_known_after_the_cut_off_is_not_read(warehouse):
    late = {"demand_date": WEEKS[1], "demand_qty": -2, "reason": "damaged", "is_in_stock": False}
    insert(warehouse, "staging.stg_demand", late, known="2024-03-05")
    insert(warehouse, "staging.stg_stock", stock(WEEKS[1], 0), known="2024-03-05")
    insert(
        warehouse, "staging.stg_promotions",
        {"promotion_id": "P", "start_date": WEEKS[0], "end_date": WEEKS[1]}, known="2024-03-05",
    )  # fmt: skip
    with warehouse.connect() as connection:
        connection.execute("insert into intermediate.int_item_locations__planned values ('2024-02-01', 'A', 'L1')")
    assert known_availability(warehouse, CUT_OFF).empty
    assert known_returns(warehouse, CUT_OFF).empty
    assert known_promotions(warehouse, CUT_OFF, dt.date(2024, 2, 1)).empty
    later = dt.date(2024, 4, 1)
    assert len(known_availability(warehouse, later)) == 1
    assert len(known_returns(warehouse, later)) == 1
    assert len(known_promotions(warehouse, later, dt.date(2024, 2, 1))) == 1


def test_returns_come_by_their_stated_reason(warehouse):
    insert(
        warehouse, "staging.stg_demand",
        {"demand_date": WEEKS[0], "demand_qty": 9},
        {"demand_date": WEEKS[0], "demand_qty": -2, "reason": "damaged"},
        {"demand_date": WEEKS[0] + dt.timedelta(days=2), "demand_qty": -1, "reason": "damaged"},
        {"demand_date": WEEKS[0], "demand_qty": -4},
    )  # fmt: skip
    found = known_returns(warehouse, CUT_OFF)
    assert dict(zip(found["return_reason"], found["returned_qty"], strict=True)) == {"damaged": 3, "not stated": 4}


def test_promotions_reach_the_item_locations_that_they_are_for(warehouse):
    with warehouse.connect() as connection:
        connection.execute(
            "insert into intermediate.int_item_locations__planned values "
            "('2024-02-01', 'A', 'L1'), ('2024-02-01', 'A', 'L2'), ('2024-02-01', 'B', 'L1'), ('2024-01-01', 'C', 'L1')"
        )
    span = {"start_date": WEEKS[0], "end_date": WEEKS[1]}
    insert(
        warehouse, "staging.stg_promotions",
        {"promotion_id": "one", **span}, {"promotion_id": "item", "location_id": "ALL", **span},
        {"promotion_id": "place", "item_id": None, **span},
    )  # fmt: skip
    found = known_promotions(warehouse, CUT_OFF, dt.date(2024, 2, 1))
    reached = found.groupby("promotion_id")[["item_id", "location_id"]].apply(lambda rows: rows.to_numpy().tolist())
    assert reached.to_dict() == {
        "one": [["A", "L1"]],
        "item": [["A", "L1"], ["A", "L2"]],
        "place": [["A", "L1"], ["B", "L1"]],
    }


def test_the_largest_order_of_a_bucket_is_compared_with_those_of_other_buckets(warehouse):
    lines = [(0, "O1", 40), (0, "O1", 40), (0, "O2", 5), (1, "O3", 12), (2, "O4", 7)]
    insert(
        warehouse, "staging.stg_demand",
        *({"demand_date": WEEKS[w], "demand_qty": q, "order_id": o, "customer_id": "C1"} for w, o, q in lines),
    )  # fmt: skip
    asked = pd.DataFrame({"item_id": ["A"], "location_id": ["L1"], "bucket_start_date": [pd.Timestamp(WEEKS[0])]})
    found = largest_orders(warehouse, CUT_OFF)(asked)
    assert len(found) == 1
    assert found.iloc[0][["order_code", "customer_code", "order_qty", "next_largest_qty", "order_count"]].tolist() == [
        "O1", "C1", 80, 12, 4,
    ]  # fmt: skip
