"""The mappings of five real data sets, run over the real files: a row comes out or is left out by a rule.

The tables of docs/real-data.md are compared with the data here, so the document cannot drift from the mappings.
"""

import os
import re
import tarfile
from datetime import date
from pathlib import Path

import duckdb
import pytest
import yaml

from data_quality.source import open_source
from data_quality.validation import validate_source

ROOT = Path(__file__).resolve().parents[2]
REAL_DATA = Path(os.environ.get("STOCKSTRATA_REAL_DATA") or ROOT.parent / "shared" / "data").resolve()
ENTITIES = {
    "online_retail": ["customers", "demand", "items"],
    "mfg_man": ["demand", "item_suppliers", "items", "suppliers"],
    "contraceptive": ["demand", "items", "locations", "stock", "stock_movements"],
    "raf_spares": ["demand", "item_suppliers", "items", "suppliers"],
    "carparts": ["demand", "items"],
}
MAPPINGS = [(source, entity) for source, entities in ENTITIES.items() for entity in entities]
NO_PRODUCT = (
    r"POST|DOT|C2|C3|M|D|S|B|BANK CHARGES|AMAZONFEE|CRUK|PADS|GIFT|GIFT_.*|ADJUST.*|TEST.*"  # whole codes, upper case
)

pytestmark = pytest.mark.skipif(
    not all((REAL_DATA / source).is_dir() for source in ENTITIES),
    reason=f"issue 2: the real data sets do not stand in {REAL_DATA}; docs/real-data.md says where to get them",
)


def contract(entity):
    schema = yaml.safe_load((ROOT / "data_quality" / "contracts" / f"{entity}.yaml").read_text())["schema"][0]
    properties = {p["property"]: p["value"] for p in schema["customProperties"]}
    return schema["properties"], properties


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(REAL_DATA / "online_retail" / "daily_2010_2011.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def warehouse(unpacked):
    """Each mapping as a table `<source>.<entity>`, made by a connection that reads the data folders alone."""
    connection = duckdb.connect(config={"threads": 2})
    connection.execute(f"set allowed_directories = ['{REAL_DATA}', '{unpacked}']")
    connection.execute("set enable_external_access = false")
    connection.execute("set variable unpacked = ?", [str(unpacked)])
    for source, entities in ENTITIES.items():
        connection.execute(f"create schema {source}")
        connection.execute("set variable data = ?", [str(REAL_DATA / source)])
        for entity in entities:
            select = (ROOT / "sources" / source / f"{entity}.sql").read_text()
            connection.execute(f"create table {source}.{entity} as {select}")
    connection.execute(
        f"""create table raw_invoice_lines as
        select InvoiceNo, upper(trim(StockCode)) as code, Description, Quantity::double as qty,
               InvoiceDate::timestamp as invoiced_at, UnitPrice::double as price, CustomerID::double as customer,
               Country, true as is_year_one
        from read_parquet('{REAL_DATA}/online_retail/transactions_2009_2010.parquet')
        union all
        select InvoiceNo, upper(trim(StockCode)), Description, Quantity::double, InvoiceDate::timestamp,
               UnitPrice::double, CustomerID::double, Country, false
        from read_csv('{unpacked}/daily_csv/*.csv', header = true, all_varchar = true)"""
    )
    yield connection
    connection.close()


def rows(connection, query):
    return connection.execute(query).fetchall()


def value(connection, query):
    return connection.execute(query).fetchone()[0]


def documented_counts(source):
    """The first table under the source's heading: label to number, raw rows first."""
    text = (ROOT / "docs" / "real-data.md").read_text().split(f"\n## {source}\n")[1].split("\n## ")[0]
    table = re.search(r"\|---\|---:\|\n((?:\|.*\n)+)", text)
    assert table, f"no table of counts under {source}"
    cells = [line.strip("|\n").split("|") for line in table.group(1).splitlines()]
    return {label.strip(): int(number.replace(",", "")) for label, number in cells}


@pytest.mark.parametrize("source", ENTITIES)
def test_source_folder_holds_the_mappings_that_are_tested(source):
    settings = yaml.safe_load((ROOT / "sources" / source / "source.yaml").read_text())
    assert settings["name"] == source
    assert settings["grain"] in {"day", "week", "month"}
    assert sorted(p.stem for p in (ROOT / "sources" / source).glob("*.sql")) == ENTITIES[source]


@pytest.mark.parametrize(("source", "entity"), MAPPINGS)
def test_mapping_yields_contract_columns_only(warehouse, source, entity):
    columns = [row[0] for row in rows(warehouse, f"describe {source}.{entity}")]
    known = {column["name"] for column in contract(entity)[0]}
    required = {column["name"] for column in contract(entity)[0] if column.get("required")}
    assert set(columns) - {"source_file", "source_line"} <= known
    assert required <= set(columns)
    assert ("source_file" in columns) == ("source_line" in columns)
    assert value(warehouse, f"select count(*) from {source}.{entity}") > 0


@pytest.mark.parametrize(("source", "entity"), MAPPINGS)
def test_mapped_values_read_as_the_contract_types(warehouse, source, entity):
    columns = {row[0] for row in rows(warehouse, f"describe {source}.{entity}")}
    for column in contract(entity)[0]:
        name, kind = column["name"], column["physicalType"]
        if name in columns:
            unread = f"{name} is not null and try_cast({name}::varchar as {kind}) is null"
            assert value(warehouse, f"select count(*) from {source}.{entity} where {unread}") == 0, name
            if column.get("required"):
                assert value(warehouse, f"select count(*) from {source}.{entity} where {name} is null") == 0, name


@pytest.mark.parametrize(("source", "entity"), MAPPINGS)
def test_keys_are_unique_but_for_exact_copies_of_invoice_lines(warehouse, source, entity):
    columns = {row[0] for row in rows(warehouse, f"describe {source}.{entity}")}
    keys = [[column for column in key if column in columns] for key in contract(entity)[1]["keys"]]
    key = ", ".join(next(key for key in keys if key))
    doubles = value(warehouse, f"select count(*) - count(distinct ({key})) from {source}.{entity}")
    assert doubles == (11_800 if (source, entity) == ("online_retail", "demand") else 0)


@pytest.mark.parametrize(("source", "entity"), MAPPINGS)
def test_foreign_keys_hold(warehouse, source, entity):
    columns = {row[0] for row in rows(warehouse, f"describe {source}.{entity}")}
    for column in contract(entity)[0]:
        for relation in column.get("relationships", []):
            parent, parent_column = relation["to"].split(".")
            if column["name"] in columns:
                orphans = f"""select count(*) from {source}.{entity} child anti join {source}.{parent} parent
                    on child.{column["name"]} = parent.{parent_column} where child.{column["name"]} is not null"""
                assert value(warehouse, orphans) == 0, relation["to"]


@pytest.mark.parametrize("source", ENTITIES)
def test_documented_counts_add_up(source):
    counts = documented_counts(source)
    raw = sum(number for label, number in counts.items() if label.startswith("raw"))
    assert raw == sum(number for label, number in counts.items() if not label.startswith("raw"))


def test_online_retail_conserves_every_invoice_line(warehouse):
    reasons = rows(
        warehouse,
        f"""with lines as (
            select *, case
                when is_year_one and invoiced_at >= timestamp '2010-12-01' then 'left out: overlap'
                when InvoiceNo like 'A%' then 'left out: bad debt'
                when regexp_full_match(code, '{NO_PRODUCT}') then 'left out: no product'
                when qty < 0 and InvoiceNo not like 'C%' then 'left out: stock write-off'
                when price = 0 and customer is null
                    and count(*) over (partition by InvoiceNo, is_year_one) = 1 then 'left out: stock found'
                else 'mapped to demand' end as reason
            from raw_invoice_lines)
        select reason, count(*), sum(qty) from lines group by reason""",
    )
    computed = {reason: count for reason, count, _ in reasons}
    computed["raw, year one (one Parquet file)"] = value(
        warehouse, "select count(*) from raw_invoice_lines where is_year_one"
    )
    computed["raw, year two (305 daily files)"] = value(
        warehouse, "select count(*) from raw_invoice_lines where not is_year_one"
    )
    assert computed == documented_counts("online_retail")
    mapped = rows(warehouse, "select count(*), sum(demand_qty::double) from online_retail.demand")[0]
    assert [(count, qty) for reason, count, qty in reasons if reason == "mapped to demand"] == [mapped]


def test_online_retail_overlap_is_the_same_in_both_years(warehouse):
    both = """select * exclude (is_year_one) from raw_invoice_lines
        where invoiced_at >= '2010-12-01' and invoiced_at < '2010-12-10' and"""
    first, second = f"({both} is_year_one)", f"({both} not is_year_one)"
    assert value(warehouse, f"select count(*) from {first}") == 22_523
    assert rows(warehouse, f"{first} except all {second}") == []
    assert rows(warehouse, f"{second} except all {first}") == []


def test_online_retail_copies_of_a_line_share_its_key_and_its_values(warehouse):
    copies = rows(
        warehouse,
        """select count(*) as n, count(distinct (item_id, demand_date, demand_qty, coalesce(customer_id, ''),
                coalesce(unit_price, ''))) as different_lines
        from online_retail.demand group by order_id, line having n > 1""",
    )
    assert sum(n - 1 for n, _ in copies) == 11_800
    assert {different for _, different in copies} == {1}
    several = "select order_id from online_retail.demand group by order_id, item_id having count(distinct line) > 1"
    assert value(warehouse, f"select count(*) from ({several})") == 11_055


def test_online_retail_source_lines_point_at_the_real_rows(warehouse, unpacked):
    sample = rows(
        warehouse,
        """select source_file, source_line, order_id, item_id, demand_qty from online_retail.demand
        where source_file like 'daily_csv/%' order by hash(source_file, source_line) limit 200""",
    )
    for file, line, order_id, item_id, qty in sample:
        fields = (unpacked / file).read_text().splitlines()[line - 1].split(",")
        assert (fields[0], fields[1].upper().strip()) == (order_id, item_id)
        assert qty in fields
    year_one = rows(
        warehouse,
        f"""select count(*) from online_retail.demand mapped
        join read_parquet('{REAL_DATA}/online_retail/transactions_2009_2010.parquet', file_row_number = true) raw
          on mapped.source_line = raw.file_row_number + 2
        where source_file like '%.parquet'
          and mapped.order_id = raw.InvoiceNo and mapped.demand_qty::int = raw.Quantity""",
    )
    mapped = value(warehouse, "select count(*) from online_retail.demand where source_file like '%.parquet'")
    assert year_one == [(mapped,)]


def test_online_retail_extremes_net_to_zero_on_their_day(warehouse):
    extremes = rows(
        warehouse,
        """select item_id, demand_date, max(demand_qty::double), sum(demand_qty::double), count(*) filter (is_return)
        from online_retail.demand
        where (item_id, demand_date) in (('23843', '2011-12-09'), ('23166', '2011-01-18'))
        group by item_id, demand_date order by item_id""",
    )
    assert extremes == [("23166", "2011-01-18", 74_215, 0, 1), ("23843", "2011-12-09", 80_995, 0, 1)]


def test_online_retail_returns_are_the_negative_rows(warehouse):
    demand = "from online_retail.demand"
    assert value(warehouse, f"select count(*) {demand} where is_return") == 17_973
    assert value(warehouse, f"select count(*) {demand} where is_return <> (demand_qty::double < 0)") == 0
    assert value(warehouse, f"select count(*) {demand} where is_return and reason is null") == 0
    assert value(warehouse, f"select count(*) {demand} where unit_price::double <= 0") == 0
    assert value(warehouse, f"select count(*) {demand} where unit_price is null") == 769
    dates = rows(warehouse, f"select min(demand_date), max(demand_date) {demand}")
    assert dates == [("2009-12-01", "2011-12-09")]


def test_online_retail_items_and_customers_are_those_of_the_demand_lines(warehouse):
    for entity, column, count in [("items", "item_id", 4_740), ("customers", "customer_id", 5_876)]:
        master = f"select {column} from online_retail.{entity}"
        used = f"select distinct {column} from online_retail.demand where {column} is not null"
        assert rows(warehouse, f"({master} except all {used}) union all ({used} except all {master})") == []
        assert value(warehouse, f"select count(*) from ({master})") == count
    assert value(warehouse, "select count(*) from online_retail.items where item_id <> upper(trim(item_id))") == 0
    priced = rows(warehouse, "select name, unit_price from online_retail.items where item_id = '85123A'")
    assert priced == [("WHITE HANGING HEART T-LIGHT HOLDER", 2.95)]
    assert value(warehouse, "select count(*) from online_retail.items where unit_price is null") == 16


def test_mfg_man_conserves_every_week_and_every_unit(warehouse):
    raw = f"read_parquet('{REAL_DATA}/mfg_man/weekly_demand.parquet')"
    computed = {
        "raw": value(warehouse, f"select count(*) from {raw}"),
        "mapped to demand": value(warehouse, "select count(*) from mfg_man.demand"),
    }
    assert computed == documented_counts("mfg_man")
    raw_qty = value(warehouse, f"select sum(demand) from {raw}")
    assert value(warehouse, "select sum(demand_qty) from mfg_man.demand") == pytest.approx(raw_qty, rel=1e-12)
    assert value(warehouse, "select count(*) from mfg_man.demand where demand_qty <> floor(demand_qty)") == 4_142
    sold = "(select item_id from mfg_man.demand where demand_qty > 0)"
    unsold = f"select count(*) from mfg_man.items anti join {sold} using (item_id)"
    assert value(warehouse, unsold) == 1_510


def test_mfg_man_weeks_become_the_mondays_of_iso_weeks(warehouse):
    weeks = rows(
        warehouse,
        f"""select distinct raw.week, mapped.demand_date from mfg_man.demand mapped
        join read_parquet('{REAL_DATA}/mfg_man/weekly_demand.parquet', file_row_number = true) raw
          on mapped.source_line = raw.file_row_number + 2""",
    )
    assert ("2012-W01", "2012-01-02") in weeks or ("2012-W02", "2012-01-09") in weeks
    assert ("2013-W01", "2012-12-31") in weeks
    assert not [week for week, _ in weeks if week.endswith("W53")]
    for week, monday in weeks:
        year, number = week.split("-W")
        assert date.fromisocalendar(int(year), int(number), 1).isoformat() == monday


def test_mfg_man_week_labels_that_do_not_exist_stay_text(tmp_path):
    """2015 has a week 53 (Monday 2015-12-28), 2014 has none: that label reaches the contract as it is spelled."""
    connection = duckdb.connect()
    connection.execute(
        f"""copy (select * from (values (1, '2015-W53', 2.0), (1, '2014-W53', 3.0), (1, '2012-W01', 4.0), (1, 'x', 5.0),
        (1, '2012-W02', 0.0)) as t(sku, week, demand)) to '{tmp_path}/weekly_demand.parquet' (format parquet)"""
    )
    connection.execute("set variable data = ?", [str(tmp_path)])
    select = (ROOT / "sources" / "mfg_man" / "demand.sql").read_text()
    found = [(row[1], row[2]) for row in connection.execute(select).fetchall()]
    assert found == [
        ("2015-12-28", 2.0), ("2014-W53", 3.0), ("2012-01-02", 4.0), ("x", 5.0), ("2012-01-09", 0.0)
    ]  # fmt: skip


def test_mfg_man_terms_are_the_sources(warehouse):
    terms = "from mfg_man.item_suppliers"
    assert rows(warehouse, f"select distinct lead_time_days {terms} order by all") == [(49,), (112,)]
    assert value(warehouse, f"select count(*) {terms} where moq is null") == 38
    assert value(warehouse, f"select count(*) {terms} where moq <= 0 or order_multiple is not null") == 0
    items = f"from read_parquet('{REAL_DATA}/mfg_man/items.parquet')"
    assert value(warehouse, f"select count(*) {items} where units_per_subpack > moq_units") == 2_757
    assert rows(warehouse, "select supplier_id from mfg_man.suppliers") == [("MAN-SUPPLIER",)]
    held = "select max(abs(holding_cost_per_unit_year / unit_cost - 0.2)) from mfg_man.items"
    assert value(warehouse, held) < 1e-9


def test_contraceptive_conserves_every_book(warehouse):
    raw = f"read_parquet('{REAL_DATA}/contraceptive/logistics.parquet')"
    computed = {
        "raw": value(warehouse, f"select count(*) from {raw}"),
        "left out: nothing distributed": value(warehouse, f"select count(*) from {raw} where stock_distributed = 0"),
        "mapped to demand": value(warehouse, "select count(*) from contraceptive.demand"),
    }
    assert computed == documented_counts("contraceptive")
    distributed = value(warehouse, f"select sum(stock_distributed) from {raw}")
    assert value(warehouse, "select sum(demand_qty) from contraceptive.demand") == distributed
    assert value(warehouse, "select count(*) from contraceptive.stock") == computed["raw"]
    assert value(warehouse, "select count(*) from contraceptive.stock where on_hand_qty = 0") == 11_976


def test_contraceptive_dates_are_first_and_last_days_of_months(warehouse):
    demand = "select min(demand_date::date), max(demand_date::date), bool_and(day(demand_date::date) = 1)"
    assert rows(warehouse, f"{demand} from contraceptive.demand") == [(date(2016, 1, 1), date(2019, 6, 1), True)]
    for entity, column in [("stock", "stock_date"), ("stock_movements", "movement_date")]:
        ends = f"select max({column}::date), bool_and({column}::date = last_day({column}::date))"
        assert rows(warehouse, f"{ends} from contraceptive.{entity}") == [(date(2019, 6, 30), True)]


def test_contraceptive_movements_close_every_book(warehouse):
    open_books = rows(
        warehouse,
        f"""with moved as (select source_line, sum(qty) as qty from contraceptive.stock_movements group by source_line)
        select count(*) from contraceptive.stock closing
        join read_parquet('{REAL_DATA}/contraceptive/logistics.parquet', file_row_number = true) raw
          on closing.source_line = raw.file_row_number + 2
        left join moved on moved.source_line = closing.source_line
        where raw.stock_initial + coalesce(moved.qty, 0) <> closing.on_hand_qty
           or raw.site_code <> closing.location_id""",
    )
    assert open_books == [(0,)]
    kinds = dict(rows(warehouse, "select movement_type, count(*) from contraceptive.stock_movements group by 1"))
    assert kinds == {"receipt": 6_393, "issue": 18_015, "adjustment": 1_740}


@pytest.mark.parametrize(("source", "months"), [("raf_spares", 84), ("carparts", 51)])
def test_monthly_parts_conserve_every_month_and_every_unit(warehouse, source, months):
    raw = f"read_parquet('{REAL_DATA}/{source}/monthly_demand.parquet')"
    computed = {
        "raw": value(warehouse, f"select count(*) from {raw}"),
        "mapped to demand": value(warehouse, f"select count(*) from {source}.demand"),
    }
    assert computed == documented_counts(source)
    assert value(warehouse, f"select sum(demand_qty) from {source}.demand") == value(
        warehouse, f"select sum(demand) from {raw}"
    )
    dates = f"select count(distinct demand_date), bool_and(day(demand_date::date) = 1) from {source}.demand"
    assert rows(warehouse, dates) == [(months, True)]
    sold = f"(select item_id from {source}.demand where demand_qty > 0)"
    assert value(warehouse, f"select count(*) from {source}.items anti join {sold} using (item_id)") == 0


def test_raf_spares_terms_are_the_sources(warehouse):
    terms = "from raf_spares.item_suppliers"
    assert value(warehouse, f"select count(*) {terms} where lead_time_days is null") == 627
    assert rows(warehouse, f"select min(lead_time_days), max(lead_time_days) {terms}") == [(60.88, 1004.44)]
    assert rows(warehouse, "select item_id from raf_spares.items where unit_cost is null") == [("3341",)]
    assert value(warehouse, "select count(distinct name) from raf_spares.items") == 2_197


def test_carparts_series_that_break_off(warehouse):
    series = """(select item_id, count(*) as months, min(demand_date) as first_date, max(demand_date) as last_date
        from carparts.demand group by item_id)"""
    found = rows(
        warehouse,
        f"""select count(*), min(months), max(months), sum(51 - months), max(first_date), max(last_date)
        from {series} where months < 51""",
    )
    assert found == [(165, 12, 14, 6_122, "1998-01-01", "1999-02-01")]


@pytest.mark.parametrize(
    ("source", "refused"),
    [
        ("online_retail", {"order_id_line_is_unique": 11_800}),
        *((source, {}) for source in ("mfg_man", "contraceptive", "raf_spares", "carparts")),
    ],
)
def test_check_quarantines_only_the_known_copies_and_loses_no_row(source, refused, tmp_path):
    folder = ROOT / "sources" / source
    opened = open_source(folder, variables={"STOCKSTRATA_REAL_DATA": str(REAL_DATA)}, scratch=tmp_path)
    validation = validate_source(opened)
    found = {}
    for name, entity in validation.entities.items():
        assert entity.landed_row_count > 0
        assert entity.accepted_row_count + entity.quarantined_row_count == entity.landed_row_count
        assert entity.messages == ()
        assert len(entity.warnings) == 0
        counts = entity.quarantine["clause_name"].value_counts().to_dict()
        print(f"{source}.{name}: {entity.landed_row_count} landed, {counts or 'nothing'} quarantined")
        found.update(counts)
    assert sorted(validation.entities) == ENTITIES[source]
    assert found == refused
    mapped = documented_counts(source)["mapped to demand"]
    assert validation.entities["demand"].landed_row_count == mapped
