"""Published snapshots: new only when marts changed, switched in one step, kept for a way back."""

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from orchestration.resources.publisher import Publisher
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
