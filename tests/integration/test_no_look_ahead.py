"""A cycle sees only what was known at its cut-off: what happens later changes nothing in it."""

import csv
import shutil

import duckdb
import pytest

CUT_OFF = "2025-12-01"


def _spoil_later_rows(file, date_column, value_column, value):
    with file.open(newline="", encoding="utf-8") as source:
        rows = list(csv.DictReader(source))
    later = [row for row in rows if row[date_column] >= CUT_OFF and row[value_column]]
    for row in later:
        row[value_column] = value
    with file.open("w", newline="", encoding="utf-8") as target:
        writer = csv.DictWriter(target, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return len(later)


@pytest.fixture(scope="module")
def spoilt_home(cli, planned, tmp_path_factory):
    """The same company with another future: demand times a thousand, empty shelves, doubled receipts.

    It stands in another home and is landed and planned on another day, with one worker instead of all.
    """
    folder = tmp_path_factory.mktemp("future")
    extract = folder / "extract"
    shutil.copytree(planned.home / "sample" / "tiny" / "extract", extract)
    assert _spoil_later_rows(extract / "demand.csv", "demand_date", "demand_qty", "99999") > 100
    assert _spoil_later_rows(extract / "stock.csv", "stock_date", "on_hand_qty", "0") > 100
    assert _spoil_later_rows(extract / "purchase_orders.csv", "receipt_date", "received_qty", "77777") > 0
    source = folder / "source"
    source.mkdir()
    (source / "source.yaml").write_text(f"name: tiny\ngrain: day\ncurrency: EUR\ndata: {extract}\n", encoding="utf-8")
    outcome = cli(
        folder / "home",
        *("run", str(source), "--from", "2025-11-01", "--to", "2025-11-30"),
        environment={"STOCKSTRATA_WORKERS": "1"},
        days_later=400,
    )
    assert outcome.code == 0, outcome.output
    assert "are landed and wait: the cycle knows what lies before its cut-off, 2025-12-01" in outcome.output
    return folder / "home"


def _rows(home, query):
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def _differing(planned, other, query):
    expected, found = dict(_rows(planned.home, query)), dict(_rows(other, query))
    assert set(expected) == set(found)
    assert len(expected) > 1
    return {name for name in expected if expected[name] != found[name]}


@pytest.mark.parametrize("type_code", ["parameter", "environment", "feature", "table"])
def test_another_future_home_day_and_number_of_workers_give_the_same_cycle(planned, spoilt_home, type_code):
    query = (
        "select object_name, content_hash from audit.cycle_object "
        f"where period_start_date = '2025-11-01' and object_type_code = '{type_code}'"
    )
    assert _differing(planned, spoilt_home, query) == set()


def test_only_orders_whose_receipt_lies_ahead_are_other_rows(planned, spoilt_home):
    """A line ordered in time is known; the receipt that it already carries is left out by the models."""
    query = (
        "select object_name, content_hash from audit.cycle_object "
        "where period_start_date = '2025-11-01' and object_type_code = 'known_rows'"
    )
    assert _differing(planned, spoilt_home, query) == {"raw.purchase_orders"}


def test_they_give_the_same_marts_but_for_what_tells_of_the_whole_extract(planned, spoilt_home):
    query = "select mart_name, content_hash from audit.cycle_mart where period_start_date = '2025-11-01'"
    assert _differing(planned, spoilt_home, query) <= {"marts.fct_quality_result", "marts.fct_quarantine"}


def test_it_was_another_day_indeed(planned, spoilt_home):
    query = (
        "select max(loaded_at)::date, max(computed_at)::date from quality.load, audit.cycle_manifest "
        "where period_start_date = '2025-11-01'"
    )
    ((landed, computed),), ((landed_later, computed_later),) = _rows(planned.home, query), _rows(spoilt_home, query)
    assert (landed_later - landed).days >= 399
    assert (computed_later - computed).days >= 399
