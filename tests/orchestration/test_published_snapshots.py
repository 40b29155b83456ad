"""Published snapshots: new only when marts changed, switched in one step, kept for a way back."""

import datetime as dt
import getpass
import os
import shutil
from pathlib import Path

import duckdb
import pytest

from orchestration.resources.mart_copy import copy_marts
from orchestration.resources.publisher import Publisher
from orchestration.resources.warehouse import Warehouse, table_hash
from stockstrata.errors import PlanningError


class Mart:
    """A warehouse with one mart, and its publisher."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "warehouse.duckdb"
        self.published = folder / "published"
        self.publisher = Publisher(folder=str(self.published), warehouse_path=str(self.file))
        self.fill("create schema marts", "create table marts.fct_policy (item_id varchar, qty double, run_id varchar)")
        self.fill("comment on table marts.fct_policy is 'One row per item''s policy.'")
        self.fill("comment on column marts.fct_policy.qty is 'Units.'")

    def fill(self, *statements: str) -> None:
        with duckdb.connect(str(self.file)) as connection:
            for statement in statements:
                connection.execute(statement)

    def publish(self, month: int, quantity: float, *, run_id: str = "r1", keep: int = 5):
        self.fill("delete from marts.fct_policy", f"insert into marts.fct_policy values ('A', {quantity}, '{run_id}')")
        return self.publisher.publish(dt.date(2024, month, 1).isoformat(), run_id, keep=keep)

    def quantity(self) -> float:
        """What a BI tool reads."""
        with duckdb.connect(str(self.published / "current" / "marts.duckdb"), read_only=True) as connection:
            return connection.execute("select qty from fct_policy").fetchall()[0][0]


@pytest.fixture
def mart(tmp_path) -> Mart:
    return Mart(tmp_path)


def test_readers_find_tables_with_their_descriptions(mart):
    mart.publish(1, 5)
    assert mart.quantity() == 5
    with duckdb.connect() as connection:
        connection.execute(f"attach '{mart.published / 'current' / 'marts.duckdb'}' as reader (read_only)")
        found = connection.execute(
            "select t.comment, c.comment from duckdb_tables() as t join duckdb_columns() as c using (table_name) "
            "where t.table_name = 'fct_policy' and c.column_name = 'qty' and c.schema_name = 'marts'"
        ).fetchall()
    assert found == [("One row per item's policy.", "Units.")]
    assert (mart.published / "current" / "marts.duckdb").stat().st_mode & 0o222 == 0


def test_marts_that_have_not_changed_are_not_published_again(mart):
    first = mart.publish(1, 5)
    again = mart.publish(2, 5, run_id="r2")
    assert first.is_new
    assert not again.is_new
    assert again.folder == first.folder
    assert [folder.name for folder in mart.publisher.snapshots()] == ["00001_2024-01-01"]


def test_a_change_is_published_beside_and_put_in_force(mart):
    mart.publish(1, 5)
    second = mart.publish(2, 6)
    assert second.is_new
    assert mart.quantity() == 6
    assert [folder.name for folder in mart.publisher.snapshots()] == ["00001_2024-01-01", "00002_2024-02-01"]
    assert not list(mart.published.glob(".*"))


def test_rollback_returns_to_the_one_before_until_there_is_none(mart):
    for month, quantity in enumerate((5, 6, 7), start=1):
        mart.publish(month, quantity)
    for quantity in (6, 5):
        mart.publisher.rollback()
        assert mart.quantity() == quantity
    with pytest.raises(PlanningError, match="oldest snapshot"):
        mart.publisher.rollback()
    assert mart.quantity() == 5


def test_rollback_before_anything_was_published_says_so(tmp_path):
    with pytest.raises(PlanningError, match="Nothing is published"):
        Publisher(folder=str(tmp_path), warehouse_path="").rollback()


def test_publishing_after_a_rollback_takes_a_number_of_its_own(mart):
    mart.publish(1, 5)
    mart.publish(2, 6)
    mart.publisher.rollback()
    assert mart.publish(2, 8).folder.name == "00003_2024-02-01"
    assert mart.quantity() == 8


def test_only_the_newest_are_kept(mart):
    for month in range(1, 6):
        mart.publish(month, month, keep=2)
    assert [folder.name for folder in mart.publisher.snapshots()] == ["00004_2024-04-01", "00005_2024-05-01"]
    assert mart.quantity() == 5


def test_a_reader_with_the_old_file_open_keeps_reading(mart):
    mart.publish(1, 5, keep=1)
    with duckdb.connect(str(mart.published / "current" / "marts.duckdb"), read_only=True) as reader:
        mart.publish(2, 6, keep=1)
        assert reader.execute("select qty from fct_policy").fetchall() == [(5.0,)]
    assert mart.quantity() == 6


def test_a_draft_left_by_a_dead_process_is_removed(mart):
    stray = mart.published / ".draft-1"
    stray.mkdir(parents=True)
    (stray / "marts.duckdb").write_bytes(b"half a file")
    mart.publish(1, 5)
    assert not stray.exists()
    assert mart.quantity() == 5


def test_a_warehouse_without_marts_publishes_nothing(tmp_path):
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("create schema marts")
    publisher = Publisher(folder=str(tmp_path / "published"), warehouse_path=str(tmp_path / "warehouse.duckdb"))
    with pytest.raises(PlanningError, match="no mart"):
        publisher.publish("2024-01-01", "r1", keep=5)
    assert publisher.current() is None
    assert publisher.snapshots() == []


def names(folders: list[Path]) -> list[str]:
    return [folder.name for folder in folders]


def test_a_rollback_tells_who_and_when_until_a_run_publishes(mart):
    for month in (1, 2, 3):
        mart.publish(month, month)
    assert mart.publisher.rollback_in_force() is None
    mart.publisher.rollback()
    mart.publisher.rollback()
    record = mart.publisher.rollback_in_force()
    assert (record.from_snapshot, record.to_snapshot) == ("00003_2024-03-01", "00001_2024-01-01")
    assert record.rolled_back_by == getpass.getuser()
    assert abs(dt.datetime.now(dt.UTC) - record.rolled_back_at) < dt.timedelta(minutes=1)
    mart.publish(3, 9)
    assert mart.publisher.rollback_in_force() is None


def test_snapshots_that_somebody_returned_from_are_kept_aside_and_never_returned_to(mart):
    for month in (1, 2, 3):
        mart.publish(month, month)
    mart.publisher.rollback()
    mart.publish(3, 9)
    assert names(mart.publisher.snapshots()) == ["00001_2024-01-01", "00002_2024-02-01", "00004_2024-03-01"]
    assert names(mart.publisher.withdrawn()) == ["withdrawn_00003_2024-03-01"]
    mart.publisher.rollback()
    assert mart.quantity() == 2


def test_a_run_that_gives_what_was_returned_to_ends_the_rollback(mart):
    mart.publish(1, 5)
    mart.publish(2, 6)
    mart.publisher.rollback()
    again = mart.publish(1, 5)
    assert not again.is_new
    assert mart.publisher.rollback_in_force() is None
    assert names(mart.publisher.withdrawn()) == ["withdrawn_00002_2024-02-01"]


def test_what_a_process_left_that_died_before_the_switch_counts_for_nothing(mart):
    mart.publish(1, 5)
    mart.publish(2, 6)
    shutil.copytree(mart.published / "00002_2024-02-01", mart.published / "00003_2024-03-01")
    (mart.published / ".current-7").symlink_to("00003_2024-03-01")
    (mart.published / "rollback.json").write_text(
        '{"from_snapshot": "00002_2024-02-01", "to_snapshot": "00001_2024-01-01", "rolled_back_by": "x", '
        '"rolled_back_at": "2024-01-01T00:00:00Z"}'
    )
    assert mart.quantity() == 6
    assert mart.publisher.rollback_in_force() is None
    mart.publish(3, 7)
    assert names(mart.publisher.snapshots()) == ["00001_2024-01-01", "00002_2024-02-01", "00003_2024-03-01"]
    assert mart.quantity() == 7
    assert not list(mart.published.glob(".*"))


def test_rollback_is_one_rename(mart, monkeypatch):
    """A reader finds the one or the other at every moment: the link is replaced, never removed first."""
    mart.publish(1, 5)
    mart.publish(2, 6)
    seen = []
    replace = Path.replace

    def watched(self, target):
        seen.append((Path(target).name, mart.quantity()))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    mart.publisher.rollback()
    assert seen == [("rollback.json", 6), ("current", 6)]
    assert mart.quantity() == 5


def test_a_damaged_snapshot_is_published_anew_and_not_returned_to(mart):
    mart.publish(1, 5)
    for month, quantity in ((2, 6), (3, 7)):
        file = mart.publish(month, quantity).marts_file
        file.chmod(0o644)
        os.truncate(file, 1000)
    assert mart.publish(3, 7).is_new
    assert mart.quantity() == 7
    mart.publisher.rollback()
    assert mart.quantity() == 5


def test_the_newest_two_are_always_kept(mart):
    for month in (1, 2, 3):
        mart.publish(month, month, keep=1)
    assert len(mart.publisher.snapshots()) == 2


def test_how_long_runs_took_is_published_but_no_reason_to_publish(mart):
    mart.fill("create schema quality", "create table quality.steps as select 'raw' as step_name, 1.0 as seconds")
    mart.fill("create view marts.audit_step as from quality.steps")
    assert mart.publish(1, 5).is_new
    mart.fill("update quality.steps set seconds = 2.0")
    assert not mart.publish(1, 5).is_new
    mart.publish(2, 6)
    with duckdb.connect(str(mart.published / "current" / "marts.duckdb"), read_only=True) as connection:
        assert connection.execute("from audit_step").fetchall() == [("raw", 2)]


class Periods(Mart):
    """A mart with periods and one without."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.fill(
            "drop table marts.fct_policy",
            "create table marts.fct_policy as select date '2024-01-01' + to_months(month::int) as period_start_date, "
            "'I' || item as item_id, month * item as qty, 'r1' as run_id from range(6) r(month), range(50) s(item)",
            "alter table marts.fct_policy alter period_start_date type date",
            "create table marts.dim_item as select 'I' || item as item_id from range(50) s(item)",
        )

    def rows(self, mart: str) -> list[tuple]:
        with duckdb.connect(str(self.published / "current" / "marts.duckdb"), read_only=True) as connection:
            return connection.execute(f"from {mart} order by all").fetchall()

    def expected(self, mart: str) -> list[tuple]:
        with duckdb.connect(str(self.file), read_only=True) as connection:
            return connection.execute(f"from marts.{mart} order by all").fetchall()


@pytest.mark.parametrize(
    "change",
    [
        "update marts.fct_policy set qty = qty + 1 where period_start_date = '2024-03-01' and item_id = 'I7'",
        "insert into marts.fct_policy values ('2024-07-01', 'I1', 5, 'r2')",
        "delete from marts.fct_policy where period_start_date = '2024-01-01'",
        "update marts.fct_policy set qty = qty + 1",
        "delete from marts.fct_policy",
        "alter table marts.fct_policy add column note varchar default 'x'",
        "insert into marts.dim_item values ('I99')",
        "drop table marts.dim_item",
        "create table marts.dim_new as select 1 as id",
        "update marts.fct_policy set period_start_date = null where item_id = 'I3'",
    ],
)
def test_what_is_copied_from_the_snapshot_before_equals_a_copy_of_all(tmp_path, change):
    mart = Periods(tmp_path)
    mart.publisher.publish("2024-06-01", "r1", keep=5)
    mart.fill(change)
    mart.publisher.publish("2024-07-01", "r2", keep=5)
    (tmp_path / "whole").mkdir()
    whole = copy_marts(str(mart.file), tmp_path / "whole" / "marts.duckdb", None)
    held = mart.publisher.current()
    assert held is not None
    assert held.marts == whole.marts()
    for name in held.marts:
        assert mart.rows(name) == mart.expected(name)
        with Warehouse(path=str(mart.file)).connect(read_only=True) as connection:
            assert table_hash(connection, f"marts.{name}") == tuple(held.marts[name].values())


def test_runs_that_changed_no_number_are_told_with_the_next_snapshot(tmp_path):
    mart = Periods(tmp_path)
    mart.publisher.publish("2024-06-01", "r1", keep=5)
    mart.fill("update marts.fct_policy set run_id = 'r2' where period_start_date = '2024-02-01'")
    assert not mart.publisher.publish("2024-06-01", "r2", keep=5).is_new
    mart.fill("insert into marts.dim_item values ('I99')")
    assert mart.publisher.publish("2024-06-01", "r3", keep=5).is_new
    assert mart.rows("fct_policy") == mart.expected("fct_policy")


def test_a_snapshot_that_rotted_is_not_built_upon(tmp_path):
    mart = Periods(tmp_path)
    first = mart.publisher.publish("2024-06-01", "r1", keep=5)
    first.marts_file.chmod(0o644)
    first.marts_file.write_bytes(b"\0" * first.marts_file.stat().st_size)
    mart.fill("insert into marts.dim_item values ('I99')")
    assert mart.publisher.publish("2024-07-01", "r2", keep=5).is_new
    assert mart.rows("fct_policy") == mart.expected("fct_policy")
    assert mart.rows("dim_item") == mart.expected("dim_item")
