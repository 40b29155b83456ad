"""Every kind of clause, judged by Great Expectations: one value it accepts and one it rejects."""

import pytest

from data_quality.source import open_source
from data_quality.validation import validate_source

ITEM = "item_id\nA1\nA2\n"
# entity, header, a row that keeps the clause, a row that breaks it, clause, column
CASES = [
    ("items", "item_id,name", "B1,x", ",x", "item_id_is_present", "item_id"),
    ("items", "item_id,name", "B1,x", "B1,x,y", "line_is_readable", None),
    ("items", "item_id,unit_cost", "B1,1e3", "B1,12.5.1", "unit_cost_is_a_number", "unit_cost"),
    ("items", "item_id,unit_cost", "B1,0", "B1,-0.01", "unit_cost_is_at_least_0", "unit_cost"),
    ("items", "item_id,launch_date", "B1,2024-02-29", "B1,2023-02-29", "launch_date_is_a_date", "launch_date"),
    ("items", "item_id,substitutable", "B1,Yes", "B1,maybe", "substitutable_is_true_or_false", "substitutable"),
    ("items", "item_id,known_at", "B1,2024-01-01 10:00", "B1,10:00", "known_at_is_a_timestamp", "known_at"),
    ("items", "item_id,abc_override", "B1,A", "B1,D", "abc_override_is_an_allowed_value", "abc_override"),
    ("items", "item_id,name", "B1,x", "A1,x", "item_id_is_unique", "item_id"),
    (
        "locations",
        "location_id,holding_cost_rate",
        "L,5",
        "L,5.1",
        "holding_cost_rate_is_at_most_5",
        "holding_cost_rate",
    ),
    (
        "demand",
        "item_id,demand_date,demand_qty",
        "A1,2024-01-02,-5",
        "A9,2024-01-01,5",
        "item_id_is_known_in_items",
        "item_id",
    ),
    (
        "promotions",
        "promotion_id,start_date,end_date",
        "P,2024-01-01,2024-01-01",
        "P,2024-01-02,2024-01-01",
        "end_date_is_not_before_start_date",
        "end_date",
    ),
    (
        "demand",
        "item_id,demand_date,demand_qty,order_id,line",
        "A1,2024-01-01,5,O2,1",
        "A1,2024-01-01,5,O1,1",
        "order_id_line_is_unique",
        None,
    ),
    (
        "demand",
        "item_id,demand_date,demand_qty",
        "A2,2024-01-01,5",
        "A1,2024-01-01,6",
        "item_id_location_id_customer_id_channel_demand_date_is_unique",
        None,
    ),
]
# A sound first row of the file, by header.
FIRST = {
    "item_id,demand_date,demand_qty": "A1,2024-01-01,1",
    "item_id,demand_date,demand_qty,order_id,line": "A1,2024-01-01,1,O1,1",
    "promotion_id,start_date,end_date": "Q,2024-01-01,2024-01-01",
    "location_id,holding_cost_rate": "M,0.2",
}


def judged(write_source, tmp_path, entity, header, row):
    first = FIRST.get(header, "A1" + "," * header.count(","))
    files = {"items_csv": ITEM, f"{entity}_csv": f"{header}\n{first}\n{row}\n"}
    source = open_source(write_source(**files), variables={}, scratch=tmp_path / "scratch")
    wanted = dict.fromkeys(["items", entity])
    return validate_source(source, entities=wanted).entities[entity]


@pytest.mark.parametrize(("entity", "header", "good", "bad", "clause", "column"), CASES, ids=[c[4] for c in CASES])
def test_the_clause_accepts_the_good_row_and_rejects_the_bad_one(
    write_source, tmp_path, entity, header, good, bad, clause, column
):
    accepted = judged(write_source, tmp_path, entity, header, good)
    assert accepted.quarantine.empty
    assert accepted.warnings.empty
    assert accepted.verdict.is_passed
    assert clause in {result.clause_name for result in accepted.clause_results}

    refused = judged(write_source, tmp_path, entity, header, bad)
    assert (refused.landed_row_count, refused.accepted_row_count, refused.quarantined_row_count) == (2, 1, 1)
    (violation,) = refused.quarantine.to_dict("records")
    assert violation["clause_name"] == clause
    assert violation["column_name"] == column
    assert violation["severity_code"] == "quarantine"
    assert violation["row_number"] == 3
    assert violation["reason"].startswith(f"{entity}.csv, line 3")
    if clause.endswith("is_unique"):
        assert "stands already in line 2, which is kept" in violation["reason"]
    elif clause.endswith("is_present"):
        assert "found nothing, expected a value" in violation["reason"]
    else:
        assert f"found '{violation['found_value']}', expected {violation['expected_text']}" in violation["reason"]
    assert not refused.verdict.is_passed
    failed = {result.clause_name: result.failed_row_count for result in refused.clause_results if not result.is_passed}
    assert failed == {clause: 1}


@pytest.mark.parametrize(
    "text",
    [
        "12,5",
        "1.234,5",
        "NaN",
        "nan",
        "inf",
        "-Infinity",
        "1e999",
        "1_000",
        "0x10",
        "12 5",
        "1e",
        "--1",
        "abc",
        "€5",
        ".",
    ],
)
def test_what_is_no_plain_number_is_refused(write_source, tmp_path, text):
    found = judged(write_source, tmp_path, "items", "item_id,unit_cost", f'B1,"{text}"')
    assert found.quarantine["clause_name"].tolist() == ["unit_cost_is_a_number"]
    assert found.quarantine["found_value"].tolist() == [text]


@pytest.mark.parametrize(("text", "number"), [("5", 5), ("+5.", 5), (".5", 0.5), ("1E+2", 100), (" 7 ", 7), ("", None)])
def test_plain_numbers_are_read(write_source, tmp_path, text, number):
    found = judged(write_source, tmp_path, "items", "item_id,unit_cost", f"B1,{text}")
    assert found.accepted.column("unit_cost").to_pylist()[1] == number


@pytest.mark.parametrize(
    "text",
    ["01.02.2024", "2024-1-1", "2024/01/01", "20240101", "2024-01-01 10:00", "1899-12-31", "2201-01-01", "today"],
)
def test_what_is_no_iso_day_is_refused(write_source, tmp_path, text):
    found = judged(write_source, tmp_path, "items", "item_id,launch_date", f"B1,{text}")
    assert found.quarantine["clause_name"].tolist() == ["launch_date_is_a_date"]


@pytest.mark.parametrize("text", ["2024-01-31", "2024-01-31 00:00", "2024-01-31T00:00:00Z", "2024-01-31 00:00:00.000"])
def test_a_day_with_midnight_is_a_day(write_source, tmp_path, text):
    found = judged(write_source, tmp_path, "items", "item_id,launch_date", f"B1,{text}")
    assert str(found.accepted.column("launch_date").to_pylist()[1]) == "2024-01-31"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-01", "2024-01-01 00:00:00"),
        ("2024-01-01 10:00", "2024-01-01 10:00:00"),
        ("2024-01-01T10:00:30Z", "2024-01-01 10:00:30"),
        ("2024-01-01T10:00+02:00", "2024-01-01 08:00:00"),
        ("2024-01-01 10:00:00-0530", "2024-01-01 15:30:00"),
        ("2024-01-01 10:00:00+00", "2024-01-01 10:00:00"),
    ],
)
def test_timestamps_come_out_in_utc(write_source, tmp_path, text, moment):
    found = judged(write_source, tmp_path, "items", "item_id,known_at", f"B1,{text}")
    assert str(found.accepted.column("known_at").to_pylist()[1]) == moment


@pytest.mark.parametrize("text", ["2024-01-01 24:00", "2024-13-01 10:00", "2024-01-01 10", "1700-01-01 10:00:00"])
def test_what_is_no_timestamp_is_refused(write_source, tmp_path, text):
    found = judged(write_source, tmp_path, "items", "item_id,known_at", f"B1,{text}")
    assert found.quarantine["clause_name"].tolist() == ["known_at_is_a_timestamp"]


def test_warn_clauses_keep_the_row_and_lose_only_an_unreadable_value(write_source, tmp_path):
    header = "item_id,demand_date,demand_qty,unit_price"
    FIRST[header] = "A1,2024-01-01,1,1"
    found = judged(write_source, tmp_path, "demand", header, "A2,2024-01-01,5,-1\nA2,2024-01-02,5,dear")
    assert found.quarantined_row_count == 0
    assert found.accepted.column("unit_price").to_pylist() == [1.0, -1.0, None]
    assert found.warnings["clause_name"].tolist() == ["unit_price_is_at_least_0", "unit_price_is_a_number"]
    assert set(found.warnings["severity_code"]) == {"warn"}
    assert not found.verdict.is_passed
