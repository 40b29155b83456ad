import json

import pytest

from data_quality import verdict
from data_quality.contracts import load_contracts
from data_quality.problems import BlockedSource
from data_quality.suites import raw
from data_quality.validation import validate_source

HEAD = "item_id,demand_date,demand_qty,order_id,line,location_id\n"


def demand(*lines):
    return HEAD + "".join(line + "\n" for line in lines)


def test_accepted_rows_are_typed_and_carry_file_line_key_and_hash(make_source):
    found = validate_source(make_source(demand_csv=demand("A1,2024-01-01,5,O1,1,", "A1,2024-01-01,5.0,,,"))).entities
    accepted = found["demand"].accepted
    contract = load_contracts()["demand"]
    tail = ["file_name", "row_number", "row_key", "row_hash"]
    assert accepted.column_names == [*contract.column_names, *tail]
    first, second = accepted.to_pylist()
    assert (first["demand_qty"], str(first["demand_date"]), first["location_id"]) == (5.0, "2024-01-01", None)
    assert first["row_key"] == "1|O1|1"
    assert second["row_key"] == "2|A1|ALL|||2024-01-01"
    assert (first["file_name"], first["row_number"]) == ("demand.csv", 2)
    assert first["row_hash"] != second["row_hash"]
    assert {str(field.type) for field in accepted.schema if field.name == "known_at"} == {"timestamp[us]"}


def test_hash_ignores_how_a_value_is_written_and_columns_without_values(make_source):
    plain = validate_source(make_source(demand_csv="item_id,demand_date,demand_qty\nA1,2024-01-01,5\n"))
    other = validate_source(
        make_source(demand_csv="demand_qty,reason,item_id,demand_date\n5.00,,A1,2024-01-01 00:00:00\n")
    )
    hashes = [found.entities["demand"].accepted.column("row_hash").to_pylist() for found in (plain, other)]
    assert hashes[0] == hashes[1]


def test_parts_of_a_key_cannot_run_into_each_other(make_source):
    text = demand("A1,2024-01-01,5,a|b,c,", "A1,2024-01-01,5,a,b|c,")
    assert validate_source(make_source(demand_csv=text)).entities["demand"].quarantined_row_count == 0


def test_the_first_of_doubled_rows_is_kept_and_the_reason_tells_whether_they_differ(make_source):
    text = demand(
        "A1,2024-01-01,5,O1,1,",
        "A1,2024-01-01,5.0,O1,1,",
        "A2,2024-01-01,6,O1,1,ALL",
        "A1,2024-01-01,x,O2,1,",
        "A1,2024-01-01,7,O2,1,",
    )
    found = validate_source(make_source(demand_csv=text)).entities["demand"]
    assert found.accepted.column("row_number").to_pylist() == [2, 6], "a row that is bad itself takes no key"
    reasons = dict(zip(found.quarantine["row_number"], found.quarantine["reason"], strict=True))
    same = "line O1, 1 stands already in line 2, which is kept; the values are the same. Export each row once."
    assert same in reasons[3]
    differ = "which is kept; the values differ in item_id, demand_qty, location_id. Export only the row that is right."
    assert differ in reasons[4]
    assert "demand_qty" in reasons[5]


def test_location_all_and_a_missing_location_are_one_location(make_source):
    text = "item_id,demand_date,demand_qty,location_id\nA1,2024-01-01,5,\nA1,2024-01-01,5,ALL\n"
    found = validate_source(make_source(demand_csv=text, locations_csv="location_id\nL1\n")).entities["demand"]
    assert found.quarantine["clause_name"].tolist() == ["item_id_location_id_customer_id_channel_demand_date_is_unique"]


def test_rows_of_a_quarantined_item_are_quarantined_too(make_source):
    source = make_source(
        items_csv="item_id,unit_cost\nA1,1\nA2,dear\n",
        demand_csv=demand("A1,2024-01-01,5,O1,1,", "A2,2024-01-01,5,O1,2,"),
    )
    found = validate_source(source).entities["demand"]
    (violation,) = found.quarantine.to_dict("records")
    assert violation["clause_name"] == "item_id_is_known_in_items"
    assert "its row in items is quarantined itself" in violation["reason"]


def test_a_reference_is_only_checked_where_its_entity_is_given(make_source):
    text = demand("A1,2024-01-01,5,O1,1,", "A1,2024-01-01,5,O1,2,L9")
    assert validate_source(make_source(demand_csv=text)).quarantined_row_count == 0
    assert validate_source(make_source(demand_csv=text, locations_csv="location_id\nL1\n")).quarantined_row_count == 1
    found = validate_source(make_source(demand_csv=text, locations_csv="location_id\n"))
    assert found.quarantined_row_count == 0
    assert "counts as not given" in found.entities["locations"].messages[0]
    assert not found.entities["locations"].verdict.is_passed, "an empty table never passes"


def test_keys_known_from_elsewhere_count(make_source):
    source = make_source(demand_csv=demand("A1,2024-01-01,5,O1,1,", "A7,2024-01-01,5,O1,2,", "A8,2024-01-01,5,O1,3,"))
    found = validate_source(source, entities=["demand"], known_reference_keys={"items": ["A7"]})
    assert found.entities["demand"].accepted.column("item_id").to_pylist() == ["A7"]
    both = validate_source(source, known_reference_keys={"items": ["A7"]})
    assert both.entities["demand"].accepted.column("item_id").to_pylist() == ["A1", "A7"]


def test_an_unknown_successor_warns(make_source):
    source = make_source(items_csv="item_id,successor_item_id\nA1,A2\nA2,A9\n")
    found = validate_source(source).entities["items"]
    assert found.accepted_row_count == 2
    assert found.warnings["reason"].tolist()[0].startswith("items.csv, line 3, column successor_item_id: found 'A9'")


def test_lines_are_right_after_line_breaks_and_broken_lines(make_source):
    text = 'item_id,name,unit_cost\nA1,"two\nlines",1\nbroken\nA2,x,dear\n"A3",y,1\n'
    found = validate_source(make_source(items_csv=text)).entities["items"]
    assert found.quarantine[["row_number", "clause_name"]].values.tolist() == [
        [4, "line_is_readable"],
        [5, "unit_cost_is_a_number"],
    ]
    assert found.accepted.column("row_number").to_pylist() == [2, 6]
    assert (found.landed_row_count, found.accepted_row_count, found.quarantined_row_count) == (4, 2, 2)
    assert [json.loads(row) for row in found.quarantine["row_json"]] == [
        {"line": "broken"},
        {"item_id": "A2", "name": "x", "unit_cost": "dear"},
    ]


def test_a_row_with_two_faults_is_one_row_with_two_violations(make_source):
    found = validate_source(make_source(demand_csv=demand("A1,2024-01-01,5,O1,1,", "A9,never,5,O1,2,"))).entities[
        "demand"
    ]
    assert found.quarantined_row_count == 1
    assert set(found.quarantine["column_name"]) == {"item_id", "demand_date"}


def test_all_blocking_faults_are_told_together(make_source):
    source = make_source(
        items_csv="", demand_csv="item_id\nA1\n", stock_csv="x\n1\n", locations_csv="location_id\nL1\n"
    )
    with pytest.raises(BlockedSource) as caught:
        validate_source(source)
    assert len(caught.value.problems) == 3
    text = str(caught.value)
    assert "items.csv" in text
    assert "demand_date" in text
    assert "stock.csv" in text
    assert list(caught.value.validation.entities) == ["locations"]


def test_a_missing_required_entity_blocks(make_source):
    with pytest.raises(BlockedSource, match="no file for demand"):
        validate_source(make_source(demand_csv=None))


SUPPLY_ONLY = "name: acme\ngrain: day\ncurrency: EUR\nentities: supply_only\n"
ORDER = "order_id,line,item_id,supplier_id,order_date,ordered_qty\nP1,1,A1,S1,2024-01-01,5\n"


def test_purchase_orders_alone_are_enough_where_the_source_says_so(make_source):
    source = make_source(source_yaml=SUPPLY_ONLY, items_csv=None, demand_csv=None, purchase_orders_csv=ORDER)
    found = validate_source(source).entities
    assert list(found) == ["purchase_orders"]
    assert found["purchase_orders"].accepted_row_count == 1


@pytest.mark.parametrize("orders", [None, ORDER.replace("2024-01-01", "never")])
def test_a_source_of_purchase_orders_alone_must_bring_some(make_source, orders):
    with pytest.raises(BlockedSource, match="purchase_orders"):
        validate_source(
            make_source(source_yaml=SUPPLY_ONLY, items_csv=None, demand_csv=None, purchase_orders_csv=orders)
        )


def test_a_required_entity_without_a_single_good_row_blocks_and_names_rows(make_source):
    with pytest.raises(
        BlockedSource, match=r"none of which keeps the contract of demand.*demand\.csv, line 2"
    ) as caught:
        validate_source(make_source(demand_csv=demand("A9,2024-01-01,5,O1,1,")))
    assert len(caught.value.validation.entities["demand"].quarantine) == 1


def test_the_same_source_gives_the_same_result_twice(make_source):
    source = make_source(demand_csv=demand("A1,2024-01-01,5,O1,1,", "A2,bad,5,O1,2,"))
    first, second = (validate_source(source).entities["demand"] for _ in range(2))
    assert first.accepted.equals(second.accepted)
    assert first.quarantine.equals(second.quarantine)
    assert first.file_hash == second.file_hash


def test_an_exception_inside_great_expectations_is_an_error(make_source, monkeypatch):
    def broken(*_, **__):
        raise ValueError("no")

    monkeypatch.setattr("pandas.Series.isnull", broken)
    with pytest.raises((verdict.SuiteError, ValueError)):
        validate_source(make_source())


def test_a_column_that_is_not_there_is_an_error_and_no_verdict():
    contract = load_contracts()["items"]
    checks = raw.row_checks(contract, columns=["item_id"], known_entities=[])
    import pandas as pd

    with pytest.raises(verdict.SuiteError, match="item_id_is_present"):
        verdict.run_suite(raw.raw_suite(contract, checks), lambda _: pd.DataFrame({"other": [1]}))
