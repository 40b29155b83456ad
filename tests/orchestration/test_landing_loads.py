"""Landing: loads are written once, found again after a death, and say when each row became known."""

import datetime as dt

import pytest

from orchestration.resources import projection
from orchestration.resources.history import History, history_of

OPEN = "9999-12-31 00:00:00"
FIRST, SECOND, THIRD = "2024-03-01 06:00:00", "2024-04-01 06:00:00", "2024-05-01 06:00:00"


def parquet_files(company) -> set[str]:
    folder = company.source.parent / "landing"
    return {str(file.relative_to(folder)) for file in folder.rglob("*.parquet")}


def test_history_of_the_first_load_is_known_from_its_event_date(small_company, clock):
    clock(FIRST)
    load = small_company.land()
    assert load.is_new
    assert small_company.demand() == [
        ("2024-01-10", 5, "2024-01-10 00:00:00", OPEN, False),
        ("2024-02-10", 7, "2024-02-10 00:00:00", OPEN, False),
    ]
    assert small_company.warehouse.read("select known_from_at::varchar as k from raw.items")["k"].tolist() == [
        "1900-01-01 00:00:00"
    ]


def test_the_same_files_add_no_load(small_company):
    small_company.land()
    before = parquet_files(small_company)
    small_company.bring({"2024-01-10": 5, "2024-02-10": 7})
    again = small_company.land()
    assert not again.is_new
    assert len(small_company.landing.loads()) == 1
    assert parquet_files(small_company) == before


def test_a_load_holds_only_what_is_new_or_changed(small_company, clock):
    clock(FIRST)
    small_company.land()
    small_company.bring({"2024-01-10": 5, "2024-02-10": 9, "2024-03-10": 4})
    clock(SECOND)
    demand = small_company.land().entities["demand"]
    assert (demand.new_row_count, demand.changed_row_count, demand.unchanged_row_count) == (1, 1, 1)
    assert sorted(str(period) for period in demand.period_rows) == ["2024-02-01", "2024-03-01"]


def test_a_correction_closes_the_version_before(small_company, clock):
    clock(FIRST)
    small_company.land()
    small_company.bring({"2024-01-10": 6, "2024-02-10": 7})
    clock(SECOND)
    small_company.land()
    assert small_company.demand() == [
        ("2024-01-10", 5, "2024-01-10 00:00:00", SECOND, False),
        ("2024-01-10", 6, SECOND, OPEN, False),
        ("2024-02-10", 7, "2024-02-10 00:00:00", OPEN, False),
    ]


def test_new_history_is_known_from_its_event_date_and_a_late_row_from_its_load(small_company, clock):
    clock(FIRST)
    small_company.land()
    small_company.bring({"2024-01-10": 5, "2024-01-20": 1, "2024-02-10": 7, "2024-03-10": 4})
    clock(SECOND)
    load = small_company.land()
    assert load.entities["demand"].late_row_count == 1
    versions = {row[0]: row[2:] for row in small_company.demand()}
    assert versions["2024-01-20"] == (SECOND, OPEN, True)
    assert versions["2024-03-10"] == ("2024-03-10 00:00:00", OPEN, False)


def test_a_stated_known_at_wins(small_company, clock):
    clock(FIRST)
    small_company.bring({"2024-01-10": 5, "2024-02-10": 7}, known_at={"2024-01-10": "2024-01-15"})
    small_company.land()
    assert [row[2] for row in small_company.demand()] == ["2024-01-15 00:00:00", "2024-02-10 00:00:00"]
    small_company.bring({"2024-01-10": 6, "2024-02-10": 7}, known_at={"2024-01-10": "2024-02-20", "2024-02-10": ""})
    clock(SECOND)
    small_company.land()
    assert small_company.demand()[:2] == [
        ("2024-01-10", 5, "2024-01-15 00:00:00", "2024-02-20 00:00:00", False),
        ("2024-01-10", 6, "2024-02-20 00:00:00", OPEN, False),
    ]


def test_a_master_row_has_versions_from_its_load_on(small_company, clock):
    clock(FIRST)
    small_company.land()
    small_company.bring_items("A,3.5")
    clock(SECOND)
    small_company.land()
    found = small_company.warehouse.read(
        "select unit_cost, known_from_at::varchar as f, known_to_at::varchar as t from raw.items order by f"
    )
    assert list(found.itertuples(index=False, name=None)) == [
        (2.5, "1900-01-01 00:00:00", SECOND),
        (3.5, SECOND, OPEN),
    ]


def test_a_clock_set_back_keeps_the_order_of_loads(small_company, clock):
    clock(SECOND)
    small_company.land()
    for quantity, moment in ((6, FIRST), (8, THIRD)):
        small_company.bring({"2024-01-10": quantity, "2024-02-10": 7})
        clock(moment)
        small_company.land()
    loads = small_company.landing.loads()
    assert [str(load.loaded_at) for load in loads] == [SECOND, SECOND, THIRD]
    assert sorted(load.load_id for load in loads) == [load.load_id for load in loads]
    assert [row[1:4] for row in small_company.demand()[:3]] == [
        (5, "2024-01-10 00:00:00", SECOND),
        (6, SECOND, THIRD),
        (8, THIRD, OPEN),
    ]


def test_remains_of_a_dead_run_are_removed(small_company, clock):
    clock(FIRST)
    small_company.land()
    whole = parquet_files(small_company)
    folder = small_company.source.parent / "landing"
    for stray in ("demand/2024-01-01/000002-x.parquet", "quarantine/000002-x.parquet", ".draft-1/demand/a.parquet"):
        (folder / stray).parent.mkdir(parents=True, exist_ok=True)
        (folder / stray).write_bytes(b"half a file")
    small_company.land()
    assert parquet_files(small_company) == whole
    assert not list(folder.glob(".draft-*"))


def test_a_whole_load_that_was_not_projected_is_projected_by_the_next_run(small_company, clock, monkeypatch):
    clock(FIRST)
    small_company.land()
    small_company.bring({"2024-01-10": 6, "2024-02-10": 7, "2024-03-10": 4})
    clock(SECOND)

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(projection, "_project_verdict", die)
        with pytest.raises(KeyboardInterrupt):
            small_company.land()
    assert len(small_company.landing.loads()) == 2
    assert len(small_company.demand()) == 2
    assert not small_company.land().is_new
    assert [row[:4] for row in small_company.demand()] == [
        ("2024-01-10", 5, "2024-01-10 00:00:00", SECOND),
        ("2024-01-10", 6, SECOND, OPEN),
        ("2024-02-10", 7, "2024-02-10 00:00:00", OPEN),
        ("2024-03-10", 4, "2024-03-10 00:00:00", OPEN),
    ]
    counted = small_company.warehouse.read("select count(*) as n, count(distinct load_id) as loads from quality.load")
    assert counted.to_dict("records") == [{"n": 4, "loads": 2}]


def test_a_lost_warehouse_is_projected_again_from_landing(small_company, clock):
    clock(FIRST)
    small_company.land()
    small_company.bring({"2024-01-10": 6, "2024-02-10": 7})
    clock(SECOND)
    small_company.land()
    tables = ["raw.demand", "raw.items", "quality.load", "quality.load_period", "quality.clause_result"]
    before = [small_company.warehouse.content_hash(table) for table in tables], small_company.demand()
    (small_company.source.parent / "warehouse.duckdb").unlink()
    assert not small_company.land().is_new
    assert ([small_company.warehouse.content_hash(table) for table in tables], small_company.demand()) == before


def test_an_order_line_that_moves_touches_the_period_it_left(small_company, clock):
    lines = "order_id,line,item_id,demand_date,demand_qty\nO1,1,A,2024-01-10,5\nO2,1,A,{day},7\n"
    clock(FIRST)
    (small_company.source / "demand.csv").write_text(lines.format(day="2024-01-20"), encoding="utf-8")
    small_company.land()
    clock(SECOND)
    (small_company.source / "demand.csv").write_text(lines.format(day="2024-03-20"), encoding="utf-8")
    assert [str(period) for period in small_company.land().touched_periods()] == ["2024-01-01", "2024-03-01"]


def test_a_date_far_ahead_does_not_make_later_rows_late(small_company, clock):
    clock(FIRST)
    small_company.bring({"2024-01-10": 5, "2062-02-10": 7})
    small_company.land()
    clock(SECOND)
    small_company.bring({"2024-01-10": 5, "2062-02-10": 7, "2024-03-10": 4})
    load = small_company.land()
    assert load.entities["demand"].late_row_count == 0
    assert ("2024-03-10", 4, "2024-03-10 00:00:00", OPEN, False) in small_company.demand()


def test_a_correction_that_repeats_its_known_at_does_not_rewrite_the_past(small_company, clock):
    clock(FIRST)
    small_company.bring({"2024-01-10": 5}, known_at={"2024-01-10": "2024-01-11 00:00:00"})
    small_company.land()
    clock(SECOND)
    small_company.bring({"2024-01-10": 50}, known_at={"2024-01-10": "2024-01-11 00:00:00"})
    small_company.land()
    assert small_company.demand() == [
        ("2024-01-10", 5, "2024-01-11 00:00:00", SECOND, False),
        ("2024-01-10", 50, SECOND, OPEN, False),
    ]


def test_history_starts_where_the_bulk_of_the_demand_does_or_where_source_yaml_says(small_company):
    days = {f"2024-0{month}-{day:02d}": 1 for month in (1, 2, 3) for day in range(1, 11)}
    small_company.bring({"1987-05-05": 1, **days})
    found = history_of(small_company.landing.take_in(small_company.warehouse), small_company.warehouse)
    assert found == History(dt.date(2024, 1, 1), 1, dt.date(1987, 5, 1))
    small_company.land()
    # A load of one late row alone does not move it.
    small_company.bring({"1987-06-05": 1})
    found = history_of(small_company.landing.take_in(small_company.warehouse), small_company.warehouse)
    assert found.first_date == dt.date(2024, 1, 1)
    small_company.settings("history_from: 1987-01-01")
    found = history_of(small_company.landing.take_in(small_company.warehouse), small_company.warehouse)
    assert found == History(dt.date(1987, 1, 1))


def test_a_receipt_is_news_by_the_receipts_before_it_and_not_by_an_order_of_that_day(small_company, clock):
    lines = "order_id,line,supplier_id,item_id,order_date,ordered_qty,receipt_date\n"
    orders = small_company.source / "purchase_orders.csv"
    open_lines = "P1,1,S,A,2024-02-01,5,\nP2,1,S,A,2024-02-05,5,\nP3,1,S,A,2024-03-01,5,\n"
    clock(FIRST)
    orders.write_text(lines + open_lines, encoding="utf-8")
    small_company.land()
    # P1 comes on the day that P3 was placed on.
    orders.write_text(f"{lines}{open_lines}P1,1,S,A,2024-02-01,5,2024-03-01\n", encoding="utf-8")
    clock(SECOND)
    small_company.land()
    # P2 had come before that, and nobody had told.
    orders.write_text(f"{lines}{open_lines}P2,1,S,A,2024-02-05,5,2024-02-20\n", encoding="utf-8")
    clock(THIRD)
    small_company.land()
    held = small_company.warehouse.read(
        "select order_id, known_from_at::varchar as known, is_late_row from raw.purchase_orders "
        "where receipt_date is not null order by order_id"
    )
    assert held.values.tolist() == [["P1", "2024-02-01 00:00:00", False], ["P2", THIRD, True]]
