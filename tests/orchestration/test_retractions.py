"""Rows that an extract no longer brings: retracted where source.yaml says that it brings all, and only there."""

import itertools
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_quality.problems import BlockedSource

OPEN = "9999-12-31 00:00:00"
FIRST, SECOND, THIRD = "2024-06-01 06:00:00", "2024-07-01 06:00:00", "2024-08-01 06:00:00"
DAYS = {"2024-01-10": 5, "2024-01-20": 3, "2024-02-10": 7, "2024-03-10": 4}
ALL_MAY_GO = "extract: {kind: full, max_retracted_share: 1}"


def without(*days: str) -> dict[str, float]:
    return {day: qty for day, qty in DAYS.items() if day not in days}


def in_force(company) -> dict[str, float]:
    return {day: qty for day, qty, _, until, _ in company.demand() if until == OPEN}


def landed(company, clock, moment, demand):
    clock(moment)
    company.bring(demand)
    return company.land().entities["demand"]


def test_by_default_a_missing_row_means_nothing(small_company, clock):
    landed(small_company, clock, FIRST, DAYS)
    load = landed(small_company, clock, SECOND, {"2024-04-10": 1})
    assert (load.retracted_row_count, load.reading.retraction_code) == (0, "not_asked")
    assert in_force(small_company) == {**DAYS, "2024-04-10": 1}


def test_a_row_that_a_full_extract_lacks_is_closed_at_the_load(small_company, clock):
    small_company.settings(ALL_MAY_GO)
    landed(small_company, clock, FIRST, DAYS)
    load = landed(small_company, clock, SECOND, without("2024-01-20"))
    assert (load.retracted_row_count, load.reading.retraction_code) == (1, "done")
    assert {str(day): rows.retracted_row_count for day, rows in load.period_rows.items()} == {"2024-01-01": 1}
    assert ("2024-01-20", 3, "2024-01-20 00:00:00", SECOND, False) in small_company.demand()
    assert in_force(small_company) == without("2024-01-20")
    told = small_company.warehouse.read("select retracted_row_count from quality.load where entity_name = 'demand'")
    assert told["retracted_row_count"].tolist() == [0, 1]


def test_a_window_retracts_only_between_its_own_first_and_last_day(small_company, clock):
    small_company.settings("extract: {kind: window, max_retracted_share: 1}")
    landed(small_company, clock, FIRST, DAYS)
    landed(small_company, clock, SECOND, {"2024-01-15": 9, "2024-02-20": 1})
    assert in_force(small_company) == {"2024-01-10": 5, "2024-01-15": 9, "2024-02-20": 1, "2024-03-10": 4}


def test_master_rows_of_a_window_stay_and_those_of_a_full_extract_go(small_company, clock):
    small_company.settings("extract: {kind: window, max_retracted_share: 1}")
    small_company.bring_items("A,2.5", "B,1")
    small_company.land()
    small_company.bring_items("A,2.5")
    assert small_company.land().entities["items"].retracted_row_count == 0
    small_company.settings("extract: {kind: window, entities: {items: full}, max_retracted_share: 1}")
    load = small_company.land().entities["items"]
    assert load.retracted_row_count == 1
    assert load.read_reason == "source.yaml says otherwise how items is read"


def test_a_row_that_comes_back_is_known_from_its_return_on(small_company, clock):
    small_company.settings(ALL_MAY_GO)
    small_company.bring_items("A,2.5", "B,1")
    landed(small_company, clock, FIRST, DAYS)
    small_company.bring_items("A,2.5")
    landed(small_company, clock, SECOND, without("2024-01-20"))
    small_company.bring_items("A,2.5", "B,1")
    load = landed(small_company, clock, THIRD, DAYS)
    assert (load.new_row_count, load.late_row_count) == (1, 1)
    versions = [row[2:] for row in small_company.demand() if row[0] == "2024-01-20"]
    assert versions == [("2024-01-20 00:00:00", SECOND, False), (THIRD, OPEN, True)]
    items = small_company.warehouse.read(
        "select known_from_at::varchar as f, known_to_at::varchar as t from raw.items where item_id = 'B' order by f"
    )
    assert items.values.tolist() == [["1900-01-01 00:00:00", SECOND], [THIRD, OPEN]]


def test_a_row_that_comes_back_with_its_old_known_at_does_not_rewrite_the_past(small_company, clock):
    small_company.settings(ALL_MAY_GO)
    known = {"2024-01-20": "2024-01-21 00:00:00"}
    for moment, demand in ((FIRST, DAYS), (SECOND, without("2024-01-20")), (THIRD, DAYS)):
        clock(moment)
        small_company.bring(demand, known_at=known)
        small_company.land()
    versions = [row[2:4] for row in small_company.demand() if row[0] == "2024-01-20"]
    assert versions == [("2024-01-21 00:00:00", SECOND), (THIRD, OPEN)]


def test_a_refused_row_is_not_missing(small_company, clock):
    small_company.settings(ALL_MAY_GO)
    landed(small_company, clock, FIRST, DAYS)
    load = landed(small_company, clock, SECOND, {**DAYS, "2024-01-20": "x"})
    assert (load.quarantined_row_count, load.retracted_row_count, load.reading.retraction_code) == (1, 0, "done")
    assert in_force(small_company) == DAYS


def test_nothing_is_retracted_while_a_row_without_readable_key_may_be_the_missing_one(small_company, clock):
    small_company.settings(ALL_MAY_GO)
    landed(small_company, clock, FIRST, DAYS)
    spoilt = {**without("2024-01-20"), "20.01.2024": 3}
    assert landed(small_company, clock, SECOND, spoilt).reading.retraction_code == "withheld"
    again = {**without("2024-01-20", "2024-03-10"), "20.01.2024": 3}
    assert landed(small_company, clock, THIRD, again).reading.retraction_code == "withheld"
    assert in_force(small_company) == DAYS
    load = landed(small_company, clock, "2024-09-01 06:00:00", without("2024-03-10"))
    assert (load.retracted_row_count, load.reading.retraction_code) == (1, "done")
    assert in_force(small_company) == without("2024-03-10")


def test_a_row_without_readable_key_that_was_always_there_holds_nothing_back(small_company, clock):
    small_company.settings(ALL_MAY_GO)
    landed(small_company, clock, FIRST, {**DAYS, "20.01.2024": 3})
    load = landed(small_company, clock, SECOND, {**without("2024-01-10"), "20.01.2024": 3})
    assert (load.retracted_row_count, load.reading.retraction_code) == (1, "done")


def test_a_sudden_loss_blocks_and_says_how_to_allow_it(small_company, clock):
    small_company.settings("extract: full")
    landed(small_company, clock, FIRST, DAYS)
    with pytest.raises(BlockedSource) as caught:
        landed(small_company, clock, SECOND, without("2024-01-10", "2024-01-20"))
    told = str(caught.value)
    assert "demand.csv: found 2 of the 4 rows of demand that it should hold missing (50.0%)" in told
    assert "expected at most 10.0%" in told
    assert "`max_retracted_share: 0.5` under `extract` in source.yaml" in told
    assert len(small_company.landing.loads()) == 1
    assert in_force(small_company) == DAYS
    small_company.settings("extract: {kind: full, max_retracted_share: 0.5}")
    assert small_company.land().entities["demand"].retracted_row_count == 2


def test_an_open_order_line_that_was_received_is_closed_and_is_no_loss(small_company, clock):
    small_company.settings("extract: full")
    lines = "order_id,line,supplier_id,item_id,order_date,ordered_qty,receipt_date\n"
    orders = small_company.source / "purchase_orders.csv"
    clock(FIRST)
    orders.write_text(f"{lines}P1,1,S,A,2024-01-05,5,\nP2,1,S,A,2024-01-06,5,\n", encoding="utf-8")
    small_company.land()
    clock(SECOND)
    orders.write_text(f"{lines}P1,1,S,A,2024-01-05,5,2024-06-20\nP2,1,S,A,2024-01-06,5,\n", encoding="utf-8")
    load = small_company.land().entities["purchase_orders"]
    assert (load.new_row_count, load.retracted_row_count) == (1, 1)
    held = small_company.warehouse.read(
        "select order_id, receipt_date::varchar as day from raw.purchase_orders where known_to_at >= '9999-01-01' "
        "order by all"
    )
    assert held.values.tolist() == [["P1", "2024-06-20"], ["P2", None]]
    orders.write_text(f"{lines}P1,1,S,A,2024-01-05,5,2024-06-20\n", encoding="utf-8")
    with pytest.raises(BlockedSource, match=r"1 of the 2 rows of purchase_orders .* missing \(50\.0%\)"):
        small_company.land()


def test_an_extract_without_rows_retracts_nothing(small_company, clock):
    small_company.settings(ALL_MAY_GO)
    (small_company.source / "locations.csv").write_text("location_id\nL1\n", encoding="utf-8")
    small_company.land()
    (small_company.source / "locations.csv").write_text("location_id\n", encoding="utf-8")
    assert small_company.land().entities["locations"].retracted_row_count == 0
    (small_company.source / "locations.csv").unlink()
    assert "locations" not in small_company.land().entities
    held = small_company.warehouse.read("select count(*) as n from raw.locations where known_to_at >= '9999-01-01'")
    assert held["n"].tolist() == [1]


def test_retractions_are_replayed_from_landing_alone(small_company, clock):
    small_company.settings(ALL_MAY_GO)
    for moment, demand in ((FIRST, DAYS), (SECOND, without("2024-01-20")), (THIRD, {**DAYS, "2024-02-10": 8})):
        landed(small_company, clock, moment, demand)
    tables = ["raw.demand", "raw.items", "quality.load", "quality.load_period", "quality.clause_result"]
    before = [small_company.warehouse.content_hash(table) for table in tables], small_company.demand()
    Path(small_company.warehouse.path).unlink()
    small_company.landing.project_missing(small_company.warehouse)
    assert ([small_company.warehouse.content_hash(table) for table in tables], small_company.demand()) == before


SOME_DAYS = st.sampled_from([f"2024-0{month}-{day}" for month in range(1, 5) for day in (10, 20)])
EXTRACT = st.dictionaries(SOME_DAYS, st.integers(1, 3), min_size=1)


@settings(max_examples=6, deadline=None)
@given(extracts=st.lists(EXTRACT, min_size=2, max_size=3))
def test_after_any_full_extracts_the_rows_in_force_are_those_of_the_last(company_in, extracts):
    with tempfile.TemporaryDirectory() as folder:
        company = company_in(Path(folder))
        company.settings(ALL_MAY_GO)
        for extract in extracts:
            company.bring(extract)
            company.land()
        assert in_force(company) == extracts[-1]
        rows = company.demand()
        for day in {row[0] for row in rows}:
            spans = sorted((known_from, known_to) for found, _, known_from, known_to, _ in rows if found == day)
            overlaps = [(end, start) for (_, end), (start, _) in itertools.pairwise(spans) if end > start]
            assert not overlaps, "two versions of a row in force at one moment"
