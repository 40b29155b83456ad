import gzip
import io

import pandas as pd
import pytest

from data_quality.connection import work_connection
from data_quality.contracts import load_contracts
from data_quality.reader import read_extract
from data_quality.source import ReadLimits
from stockstrata.errors import InputError

DEMAND = load_contracts()["demand"]
ITEMS = load_contracts()["items"]
GOOD = "item_id,demand_date,demand_qty\nA1,2024-01-01,5\n"
SELECT = "select 'A1' as item_id, date '2024-01-01' as demand_date, 5 as demand_qty"


def parquet(**columns):
    buffer = io.BytesIO()
    pd.DataFrame(columns).to_parquet(buffer)
    return buffer.getvalue()


def test_csv_values_are_trimmed_text_and_columns_may_stand_in_any_order(make_source):
    extract = read_extract(make_source(demand_csv="Demand_Qty , item_id,demand_date\n 5 ,A1 ,\n"), DEMAND)
    assert extract.columns == ("item_id", "demand_date", "demand_qty")
    (row,) = extract.rows.to_pylist()
    assert row["item_id"] == "A1"
    assert row["demand_qty"] == "5"
    assert row["demand_date"] is None
    assert (row["file_name"], row["row_number"]) == ("demand.csv", 2)


def test_unknown_columns_are_left_out_with_a_message(make_source):
    extract = read_extract(
        make_source(demand_csv="item_id,demand_date,demand_qty,colour\nA1,2024-01-01,5,red\n"), DEMAND
    )
    assert "colour" in extract.warnings[0]
    assert "colour" not in extract.columns


def test_zipped_csv_reads_like_the_plain_one(make_source):
    zipped = gzip.compress(GOOD.encode())
    source = make_source(demand_csv=None, demand_csv_gz=zipped)
    assert read_extract(source, DEMAND).rows.num_rows == 1
    source.files["demand"].write_bytes(zipped[:-9])
    with pytest.raises(InputError, match=r"demand\.csv\.gz: found a broken gzip"):
        read_extract(source, DEMAND)


def test_parquet_rows_count_from_line_two(make_source):
    data = parquet(
        item_id=["A1", "A2"], demand_date=pd.to_datetime(["2024-01-01", "2024-01-02"]), demand_qty=[1.5, None]
    )
    extract = read_extract(make_source(demand_parquet=data), DEMAND)
    assert extract.rows.column("row_number").to_pylist() == [2, 3]
    assert extract.rows.column("demand_qty").to_pylist() == [1.5, None]
    assert str(extract.rows.column("demand_date").to_pylist()[0]) == "2024-01-01 00:00:00"


def test_sql_reads_the_files_of_its_folders_and_knows_lines(make_source):
    source = make_source(
        source_yaml="name: acme\ngrain: day\ncurrency: EUR\n",
        demand_sql="select *, 'x.csv' as source_file, 7 as source_line "
        "from read_csv(getvariable('source') || '/raw.txt', header = true);",
    )
    (source.folder / "raw.txt").write_text(GOOD)
    extract = read_extract(source, DEMAND)
    assert extract.rows.to_pylist()[0]["file_name"] == "x.csv"
    assert extract.rows.to_pylist()[0]["row_number"] == 7
    assert extract.warnings == ()


def test_sql_hash_follows_the_rows_and_not_their_order(make_source):
    def hash_of(values):
        query = f"select 'A'||x as item_id, '2024-01-01' as demand_date, x as demand_qty from {values} t(x)"
        source = make_source(demand_sql="select * from read_csv(getvariable('data') || '/rows.txt')")
        with work_connection() as connection:
            (source.folder / "rows.txt").write_text(connection.execute(query).df().to_csv(index=False))
        return read_extract(source, DEMAND).file_hash

    assert hash_of("(values (1), (2))") == hash_of("(values (2), (1))")
    assert hash_of("(values (1), (2))") != hash_of("(values (1), (3))")


@pytest.mark.parametrize(
    "query",
    [
        "select * from read_text('/etc/passwd')",
        "select * from read_csv('/etc/passwd')",
        "select * from '/etc/passwd'",
        "select * from glob('/etc/*')",
        "select * from read_text(getvariable('source') || '/../secret.txt')",
        "select * from read_csv('https://example.com/x.csv')",
        "attach '/tmp/x.db' as x",
        "install httpfs",
        "load httpfs",
        "copy (select 1) to '/tmp/x.csv'",
        "set variable data = '/etc'",
        "create table t as select 1",
        "pragma version; select 1",
        f"{SELECT}; {SELECT}",
        f"{SELECT}; drop table x",
        "",
        "-- nothing\n",
        "selec 1",
        "select * from no_such_table",
        "select 1/",
        "select ? as item_id",
        "select error('no') as item_id, 1 as demand_date, 1 as demand_qty",
        b"select '\xff'",
    ],
)
def test_sql_that_is_not_one_select_inside_the_folders_is_refused(make_source, tmp_path, query):
    (tmp_path / "secret.txt").write_text("secret")
    with pytest.raises(InputError, match=r"demand\.sql: found") as caught:
        read_extract(make_source(demand_sql=query), DEMAND)
    assert "expected" in str(caught.value)
    assert "secret" not in str(caught.value).replace("secret.txt", "")


def test_a_link_that_leads_outside_is_refused(make_source, tmp_path):
    (tmp_path / "secret.csv").write_text(GOOD)
    source = make_source(demand_sql="select * from read_csv(getvariable('source') || '/link.csv')")
    (source.folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(InputError, match=r"link\.csv: found a link"):
        read_extract(source, DEMAND)


def test_a_query_that_never_ends_or_grows_too_large_is_stopped(make_source):
    endless = "select count(*) as item_id from range(1000000000) a, range(1000000000) b where hash(a.range) = b.range"
    with pytest.raises(InputError, match=r"longer than 0\.5 seconds"):
        read_extract(make_source(demand_sql=endless), DEMAND, ReadLimits(seconds=0.5))
    large = "select repeat('x', 1000) as item_id, range as demand_date, 1 as demand_qty from range(1000000)"
    with pytest.raises(InputError, match="more than 64 MB"):
        read_extract(make_source(demand_sql=large), DEMAND, ReadLimits(memory_mb=64))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"demand_csv": None}, "no file for demand"),
        ({"demand_csv": ""}, "an empty file"),
        ({"demand_csv": "item_id,demand_date,demand_qty\n"}, "no rows"),
        ({"demand_csv": "item_id,demand_qty\nA1,5\n"}, "also the required demand_date"),
        ({"demand_csv": "item_id;demand_date;demand_qty\nA1;2024-01-01;5\n"}, "delimiter: "),
        ({"demand_csv": "item_id,demand_date,demand_qty,ITEM_ID \nA1,2024-01-01,5,A1\n"}, "column item_id twice"),
        ({"demand_csv": b"item_id,demand_date,demand_qty\n\xe9,2024-01-01,5\n"}, "UTF-8"),
        ({"demand_parquet": b"no parquet"}, "not Parquet"),
        ({"demand_parquet": b""}, "an empty file"),
        ({"demand_parquet": parquet(item_id=["A"])}, "also the required demand_date, demand_qty"),
        ({"demand_sql": "select 1 as item_id"}, "also the required demand_date, demand_qty"),
        ({"demand_sql": f"{SELECT} where false"}, "no rows"),
        ({"demand_sql": f"{SELECT}, 1 as item_id"}, "item_id"),
        ({"demand_sql": f"{SELECT}, 'x' as source_line"}, "source_line"),
    ],
)
def test_structural_faults_block(make_source, files, message):
    with pytest.raises(InputError, match=r"found .* expected") as caught:
        read_extract(make_source(**files), DEMAND)
    assert message in str(caught.value)
    assert "acme" in str(caught.value)
