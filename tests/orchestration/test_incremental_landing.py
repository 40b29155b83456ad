"""A load reads what has changed since the load before, and says of every entity whether it was read, and why."""

import os

import pytest

from data_quality import validation


@pytest.fixture
def read(monkeypatch):
    """Entities that were read since it was last cleared."""
    names, original = [], validation.read_extract

    def note(source, contract, limits=None):
        names.append(contract.name)
        return original(source, contract, limits)

    monkeypatch.setattr(validation, "read_extract", note)
    return names


def land(company, read):
    read.clear()
    return company.land()


def test_an_entity_whose_file_did_not_change_is_not_read_again(small_company, read):
    first = land(small_company, read)
    assert read == ["items", "demand"]
    assert {name: entity.read_reason for name, entity in first.entities.items()} == {
        "items": "none was held yet",
        "demand": "none was held yet",
    }
    small_company.bring({"2024-01-10": 5, "2024-02-10": 8})
    load = land(small_company, read)
    assert read == ["demand"]
    assert {name: (entity.read_code, entity.read_reason) for name, entity in load.entities.items()} == {
        "items": ("reused", "items.csv is as before"),
        "demand": ("read", "demand.csv changed"),
    }
    items = load.entities["items"]
    assert (items.accepted_row_count, items.new_row_count, items.unchanged_row_count) == (1, 0, 1)
    told = small_company.warehouse.read(
        "select entity_name, read_code, read_reason from quality.load where load_id = ? order by all", [load.load_id]
    )
    assert told.values.tolist() == [
        ["demand", "read", "demand.csv changed"],
        ["items", "reused", "items.csv is as before"],
    ]


def test_a_reused_entity_gets_no_new_verdict(small_company):
    small_company.land()
    small_company.bring({"2024-01-10": 5, "2024-02-10": 8})
    load = small_company.land()
    judged = small_company.warehouse.read(
        "select distinct entity_name from quality.clause_result where load_id = ?", [load.load_id]
    )
    assert judged["entity_name"].tolist() == ["demand"]


def test_a_file_that_was_touched_but_not_changed_is_hashed_and_not_read(small_company, read):
    land(small_company, read)
    os.utime(small_company.source / "demand.csv", ns=(1, 1))
    assert not land(small_company, read).is_new
    assert read == []
    assert len(small_company.landing.loads()) == 1


def test_a_changed_price_of_an_item_does_not_read_the_demand_again(small_company, read):
    land(small_company, read)
    small_company.bring_items("A,3")
    load = land(small_company, read)
    assert read == ["items"]
    assert load.entities["demand"].read_reason == "demand.csv and the keys it refers to are as before"


def test_a_new_item_reads_the_demand_again_only_where_a_row_had_missed_its_item(small_company, read):
    land(small_company, read)
    small_company.bring_items("A,2.5", "B,1")
    land(small_company, read)
    assert read == ["items"]
    with (small_company.source / "demand.csv").open("a", encoding="utf-8") as lines:
        lines.write("C,2024-02-11,9\n")
    assert land(small_company, read).entities["demand"].quarantined_row_count == 1
    assert read == ["demand"]
    small_company.bring_items("A,2.5", "B,1", "C,4")
    demand = land(small_company, read).entities["demand"]
    assert read == ["items", "demand"]
    assert demand.read_reason == "items has other keys than before, and demand refers to it"
    assert (demand.quarantined_row_count, demand.new_row_count, demand.late_row_count) == (0, 1, 0)


def test_an_entity_that_is_given_for_the_first_time_judges_those_that_refer_to_it(small_company, read):
    lines = "item_id,demand_date,demand_qty,location_id\nA,2024-01-10,5,L1\nA,2024-01-11,5,L2\n"
    (small_company.source / "demand.csv").write_text(lines, encoding="utf-8")
    land(small_company, read)
    (small_company.source / "locations.csv").write_text("location_id\nL1\n", encoding="utf-8")
    load = land(small_company, read)
    assert read == ["locations", "demand"]
    assert load.entities["demand"].quarantined_row_count == 1


def test_the_reason_of_a_refused_row_knows_rows_that_an_earlier_load_refused(small_company, read):
    small_company.bring_items("A,2.5", "B,dear")
    land(small_company, read)
    with (small_company.source / "demand.csv").open("a", encoding="utf-8") as lines:
        lines.write("B,2024-02-11,9\n")
    load = land(small_company, read)
    assert read == ["demand"]
    told = small_company.warehouse.read("select reason from quality.quarantine where load_id = ?", [load.load_id])
    assert "its row in items is quarantined itself" in told["reason"].item()


def test_a_select_depends_on_all_files_of_the_data_folder(small_company, read):
    (small_company.source / "demand.csv").rename(small_company.source / "sales.txt")
    query = "select * from read_csv(getvariable('data') || '/sales.txt', header = true, all_varchar = true)"
    (small_company.source / "demand.sql").write_text(query, encoding="utf-8")
    land(small_company, read)
    lines = "item_id,demand_date,demand_qty\nA,2024-01-10,6\n"
    (small_company.source / "sales.txt").write_text(lines, encoding="utf-8")
    load = land(small_company, read)
    assert read == ["demand"]
    assert load.entities["demand"].read_reason == "sales.txt changed"
    assert load.entities["demand"].changed_row_count == 1


def test_a_source_that_has_moved_is_the_same(small_company, read):
    land(small_company, read)
    moved = small_company.source.rename(small_company.source.with_name("moved"))
    landing = small_company.landing.model_copy(update={"source_folder": str(moved)})
    read.clear()
    assert not landing.land(small_company.warehouse).is_new
    assert read == []


def test_what_source_yaml_says_of_reading_is_read_again(small_company, read):
    land(small_company, read)
    small_company.settings("extract: {entities: {demand: full}}")
    load = land(small_company, read)
    assert read == ["demand"]
    assert load.entities["demand"].read_reason == "source.yaml says otherwise how demand is read"


def test_a_missing_required_file_still_blocks(small_company, read):
    land(small_company, read)
    (small_company.source / "demand.csv").unlink()
    with pytest.raises(validation.BlockedSource, match="no file for demand"):
        land(small_company, read)
