"""Column lineage worked out from SQL alone: through stars, joins, unions and windows."""

import pytest

from orchestration.resources.dbt_metadata import column_sources

DEMAND = {"item_id": "VARCHAR", "qty": "DOUBLE", "price": "DOUBLE"}
TYPES = {"raw": {"demand": DEMAND, "items": {"item_id": "VARCHAR", "name": "VARCHAR"}}}
QTY, PRICE, ITEM = ("raw", "demand", "qty"), ("raw", "demand", "price"), ("raw", "demand", "item_id")
NAME = ("raw", "items", "name")
BY_NAME = "select qty as x, price as y from raw.demand union all by name select"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select item_id as i, qty * price as amount from raw.demand", {"i": [ITEM], "amount": [PRICE, QTY]}),
        ("with d as (select * from raw.demand) select qty from d", {"qty": [QTY]}),
        ('select qty from "warehouse"."raw"."demand"', {"qty": [QTY]}),
        ("select d.qty, i.name from raw.demand d join raw.items i using (item_id)", {"qty": [QTY], "name": [NAME]}),
        ("select sum(qty) over (partition by item_id) as total from raw.demand", {"total": [ITEM, QTY]}),
        (f"{BY_NAME} price as y, qty as x from raw.demand", {"x": [QTY], "y": [PRICE]}),
        (f"{BY_NAME} qty as x from raw.demand", {"x": [QTY], "y": [PRICE]}),
    ],
    ids=["computed", "star", "database", "join", "window", "union by name", "union of fewer columns"],
)
def test_columns_lead_to_their_sources(sql, expected):
    assert column_sources(sql, list(expected), TYPES) == expected


def test_a_constant_comes_from_nowhere():
    assert column_sources("select 1 as one, qty from raw.demand", ["one", "qty"], TYPES) == {"qty": [QTY]}


def test_sql_that_cannot_be_read_has_no_lineage():
    assert column_sources("select from where (", ["a"], TYPES) == {}
