"""A source of purchase orders alone: it is checked and landed whole, and planning says what is missing."""

import os
from pathlib import Path

import duckdb
import pytest

from data_quality.source import open_source
from data_quality.validation import validate_source

ROOT = Path(__file__).resolve().parents[2]
REAL_DATA = Path(os.environ.get("STOCKSTRATA_REAL_DATA") or ROOT.parent / "shared" / "data").resolve()
ORDERS = """order_id,line,item_id,supplier_id,order_date,ordered_qty,receipt_date,received_qty
P1,1,A,S,2026-07-01,10,2026-07-20,10
P2,1,A,S,2026-08-03,10,2026-08-17,10
P3,1,A,S,2026-08-20,10,2026-08-01,10
"""


@pytest.fixture
def orders_alone(tmp_path):
    folder = tmp_path / "orders"
    folder.mkdir()
    (folder / "source.yaml").write_text("name: orders\ngrain: day\ncurrency: EUR\nentities: supply_only\n")
    (folder / "purchase_orders.csv").write_text(ORDERS)
    return folder


def test_it_lands_and_planning_ends_with_2_and_says_what_to_bring(cli, tmp_path, orders_alone):
    home = tmp_path / "home"
    outcome = cli(home, "run", str(orders_alone))
    assert outcome.code == 2, outcome.output
    assert "Traceback" not in outcome.output
    told = " ".join(outcome.output.split())
    assert "planning needs demand and items" in told
    assert "entities: supply_only" in told
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        landed = connection.execute("select order_id from raw.purchase_orders order by all").fetchall()
        refused = connection.execute("select clause_name from quality.quarantine").fetchall()
        planned = connection.execute("select count(*) from policy.stock_policy").fetchone()
    assert landed == [("P1",), ("P2",)]
    assert refused == [("receipt_date_is_not_before_order_date",)]
    assert planned == (0,)
    assert not (home / "published").exists()


def test_without_the_key_the_same_folder_is_blocked_and_nothing_lands(cli, tmp_path, orders_alone):
    (orders_alone / "source.yaml").write_text("name: orders\ngrain: day\ncurrency: EUR\n")
    outcome = cli(tmp_path / "home", "run", str(orders_alone))
    assert outcome.code == 2
    assert "no file for demand" in outcome.output
    assert not (tmp_path / "home" / "landing").exists()


@pytest.fixture(scope="module")
def scms(tmp_path_factory):
    if not (REAL_DATA / "scms").is_dir():
        pytest.skip(
            f"issue 2: the real data sets do not stand in {REAL_DATA}; docs/real-data.md says where to get them"
        )
    scratch = tmp_path_factory.mktemp("scratch")
    variables = {"STOCKSTRATA_REAL_DATA": str(REAL_DATA)}
    return validate_source(open_source(ROOT / "sources" / "scms", variables=variables, scratch=scratch))


def test_scms_every_delivery_line_of_a_vendor_is_accepted_or_set_aside_with_its_reason(scms):
    assert list(scms.entities) == ["purchase_orders"]
    found = scms.entities["purchase_orders"]
    assert (found.landed_row_count, found.accepted_row_count, found.quarantined_row_count) == (4920, 4587, 333)
    assert found.quarantine["clause_name"].value_counts().to_dict() == {
        "order_date_is_a_date": 328,
        "receipt_date_is_not_before_order_date": 5,
    }
    undated = found.quarantine.loc[found.quarantine["clause_name"] == "order_date_is_a_date", "found_value"]
    assert undated.str.contains("Date Not Captured").all()
    raw = duckdb.sql(f"""select count(*), count(*) filter ("Fulfill Via" = 'From RDC')
        from read_parquet('{REAL_DATA}/scms/delivery_history.parquet')""").fetchone()
    assert raw == (10_324, 5_404)
    assert raw[0] - raw[1] == found.landed_row_count


def test_scms_lead_times_are_those_of_the_source(scms):
    accepted = scms.entities["purchase_orders"].accepted.to_pandas()
    days = (accepted["receipt_date"].astype("datetime64[s]") - accepted["order_date"].astype("datetime64[s]")).dt.days
    assert (days < 0).sum() == 0
    assert (days == 0).sum() == 352
    assert days.mean() == pytest.approx(105.8, abs=0.2)
    assert accepted["order_date"].astype(str).agg(["min", "max"]).tolist() == ["2006-04-19", "2015-08-24"]
    assert accepted["supplier_id"].nunique() <= 72
    assert accepted["unit_cost"].min() > 0
