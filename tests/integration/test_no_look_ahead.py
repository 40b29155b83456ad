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
    """The same company with another future: demand times a thousand, empty shelves, doubled receipts."""
    folder = tmp_path_factory.mktemp("future")
    extract = folder / "extract"
    shutil.copytree(planned.home / "sample" / "tiny" / "extract", extract)
    assert _spoil_later_rows(extract / "demand.csv", "demand_date", "demand_qty", "99999") > 100
    assert _spoil_later_rows(extract / "stock.csv", "stock_date", "on_hand_qty", "0") > 100
    assert _spoil_later_rows(extract / "purchase_orders.csv", "receipt_date", "received_qty", "77777") > 0
    source = folder / "source"
    source.mkdir()
    (source / "source.yaml").write_text(f"name: tiny\ngrain: day\ncurrency: EUR\ndata: {extract}\n", encoding="utf-8")
    outcome = cli(folder / "home", "run", str(source), "--from", "2025-11-01", "--to", "2025-11-30")
    assert outcome.code == 0, outcome.output
    return folder / "home"


def _hashes(home):
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        return dict(
            connection.execute(
                "select object_name, content_hash from audit.cycle_object "
                "where period_start_date = '2025-11-01' and object_type_code = 'table'"
            ).fetchall()
        )


def test_another_future_gives_the_same_cycle(planned, spoilt_home):
    expected, found = _hashes(planned.home), _hashes(spoilt_home)
    assert len(expected) == 9
    assert {name for name in expected if expected[name] != found[name]} == set()
