"""SELECTs that are wrong, slow, greedy or reach for what is not theirs."""

import pytest

from data_quality.problems import BlockedSource
from data_quality.source import ReadLimits
from data_quality.validation import validate_source

GOOD = "select 'A1' as item_id, date '2025-01-31' as demand_date, 5 as demand_qty"
REST = "date '2025-01-31' as demand_date, 5 as demand_qty"

REFUSED = {
    "a syntax error": ("select 'A1' as item_id,, 1", 'syntax error at or near ","'),
    "a missing column": ("select * from (select 1 as x) where y = 1", 'Referenced column "y" not found'),
    "a missing contract column": ("select 'A1' as item_id, 5 as demand_qty", "also the required demand_date"),
    "a missing file": ("select * from read_csv(getvariable('data') || '/x.csv')", "No files found"),
    "the password file": ("select * from read_csv('/etc/passwd')", "Cannot access file"),
    "the password file by a way round": (
        "select * from read_text(getvariable('data') || '/../../../../../../etc/passwd')",
        "Cannot access file",
    ),
    "the process environment": ("select content as item_id from read_blob('/proc/self/environ')", "Cannot access file"),
    "getenv": (f"select getenv('HOME') as item_id, {REST}", "getenv does not exist"),
    "a variable of this program": ("select * from source", "Table with name source does not exist"),
    "stored secrets": ("select * from duckdb_secrets()", "file system operations are disabled"),
    "a web page": ("select * from read_csv('https://example.com/x.csv')", "found a fault"),
    "another database": ("attach '/tmp/x.db' as x", "a statement of type ATTACH; expected exactly one SELECT"),
    "another database by a function": ("select * from read_duckdb('/tmp/x.db')", "Cannot access file"),
    "an extension": ("install httpfs", "a statement of type LOAD; expected exactly one SELECT"),
    "a file to write": (f"copy ({GOOD}) to '/tmp/x.csv'", "a statement of type COPY; expected exactly one SELECT"),
    "a file to write in the folder": (f"copy ({GOOD}) to 'x.csv'", "a statement of type COPY"),
    "a file to write by a function": ("select * from query('copy (select 1) to ''/tmp/x.csv''')", "single SELECT"),
    "a setting": ("set enable_external_access = true", "a statement of type SET"),
    "several statements": (f"{GOOD}; {GOOD}", "2 statements (SELECT, SELECT)"),
    "a pivot without its values": (f"pivot ({GOOD}) on item_id using sum(demand_qty)", "ON column IN (values)"),
    "parameters": (f"select $x as item_id, {REST}", "a SELECT with parameters"),
    "an error of its own": (f"select error('so there') as item_id, {REST}", "so there"),
    "an error in the middle": (
        f"select if(range < 150000, 'A1', error('so there')) as item_id, {REST} from range(300000)",
        "found a fault (Invalid Input Error: so there)",
    ),
    "a list for a code": (f"select ['A1'] as item_id, {REST}", "column item_id: found values of type list"),
    "not UTF-8": (b"select '\xff'", "not UTF-8"),
    "deep nesting": (f"select {'(' * 100_000}1{')' * 100_000} as item_id, {REST}", "SQL that cannot be parsed"),
}
ENDLESS = {
    "counting": "select count(*) as item_id from range(1000000000) a, range(1000000000) b where a.range = -b.range",
    "recursion": "with recursive t(n) as (select 1 union all select n + 1 from t) select n as item_id from t",
    "sleep": "select sleep_ms(60000) as item_id",
}
GREEDY = {
    "one long text": "select repeat('x', 1000000000) as item_id",
    "one long list": "select list_sum(range(400000000)) as item_id",
    "a large aggregate": "select string_agg(repeat('x', 1000000), '') as item_id from range(100000)",
    "many rows": "select repeat('x', 1000) as item_id from range(10000000)",
}


@pytest.mark.parametrize(("query", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_one_sound_select_inside_the_folders_blocks(make_source, tmp_path, query, told):
    with pytest.raises(BlockedSource, match=r"demand\.sql.*: found .*; expected ") as caught:
        validate_source(make_source(demand_csv=None, demand_sql=query), entities=["demand"])
    assert told in str(caught.value)
    assert "root:" not in str(caught.value)
    assert not list(tmp_path.rglob("x.csv"))


@pytest.mark.parametrize("query", ENDLESS.values(), ids=ENDLESS.keys())
def test_a_select_that_runs_for_ever_is_ended(make_source, query):
    source = make_source(demand_csv=None, demand_sql=query)
    with pytest.raises(BlockedSource, match=r"ran longer than 0\.5 seconds.*`limits: \{seconds: N\}` in source\.yaml"):
        validate_source(source, entities=["demand"], limits=ReadLimits(seconds=0.5, memory_mb=512))


@pytest.mark.parametrize("query", GREEDY.values(), ids=GREEDY.keys())
def test_a_select_that_eats_memory_is_ended_at_the_limit(make_source, query):
    source = make_source(demand_csv=None, demand_sql=query)
    with pytest.raises(BlockedSource, match=r"more than 64 MB.*`limits: \{memory_mb: N\}` in source\.yaml"):
        validate_source(source, entities=["demand"], limits=ReadLimits(seconds=20, memory_mb=64))


def test_limits_of_source_yaml_hold(make_source):
    yaml = "name: acme\ngrain: day\ncurrency: EUR\nlimits: {seconds: 0.5}\n"
    with pytest.raises(BlockedSource, match=r"ran longer than 0\.5 seconds"):
        validate_source(make_source(source_yaml=yaml, demand_csv=None, demand_sql=ENDLESS["sleep"]))


def test_the_run_goes_on_for_the_good_rows_and_names_the_place_that_the_select_gives(make_source):
    query = f"{GOOD}, 'orders.dat' as source_file, 7 as source_line union all "
    query += "select 'A1', date '2025-02-01', 'NaN'::double, 'orders.dat', 9"
    found = validate_source(make_source(demand_csv=None, demand_sql=query)).entities["demand"]
    assert found.accepted_row_count == 1
    (reason,) = found.quarantine["reason"]
    assert reason.startswith("orders.dat, line 9, column demand_qty: found 'nan', expected a plain finite number")


def test_folders_with_odd_names_are_found(make_source, tmp_path):
    yaml = 'name: acme\ngrain: day\ncurrency: EUR\ndata: "my data\'s [x] *ü"\n'
    query = "select * from read_csv(getvariable('data') || '/orders (1) ü.csv')"
    data = tmp_path / "acme" / "my data's [x] *ü"
    data.mkdir(parents=True)
    (data / "orders (1) ü.csv").write_text("item_id,demand_date,demand_qty\nA1,2025-01-31,5\n")
    source = make_source(source_yaml=yaml, demand_csv=None, demand_sql=query)
    assert validate_source(source).entities["demand"].accepted_row_count == 1
