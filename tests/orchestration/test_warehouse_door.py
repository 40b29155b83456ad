"""The door to the warehouse: one period replaced whole or not at all, one process at a time."""

import datetime as dt
import subprocess
import sys

import dagster as dg
import duckdb
import pandas as pd
import pytest

from orchestration.resources.warehouse import Warehouse, WarehouseLockedError, WarehouseOutdatedError, hand_back
from stockstrata.errors import PlanningError
from stockstrata.tables import LEAD_TIME, MODEL_SCORE, STAMP

JANUARY, FEBRUARY = dt.date(2024, 1, 1), dt.date(2024, 2, 1)


def lead_times(*days: object) -> pd.DataFrame:
    rows = [
        {
            "item_id": f"I{number}", "location_id": "L", "supplier_id": None, "lead_time_days": value,
            "lead_time_sd_days": 1.0, "receipt_count": 3, "lead_time_source_code": "contract",
            "contract_lead_time_days": None, "evidence_grade": "full",
        }
        for number, value in enumerate(days)
    ]  # fmt: skip
    return pd.DataFrame(
        rows, columns=[column.name for column in LEAD_TIME.columns if column.name != "period_start_date"]
    )


@pytest.fixture
def warehouse(tmp_path) -> Warehouse:
    made = Warehouse(path=str(tmp_path / "warehouse.duckdb"), parameters_version="v1")
    made.create_tables()
    return made


def held(warehouse: Warehouse) -> list[tuple]:
    found = warehouse.read(
        "select period_start_date::varchar as p, item_id, lead_time_days from policy.lead_time order by all"
    )
    return list(found.itertuples(index=False, name=None))


def test_replacing_a_period_twice_changes_nothing(warehouse):
    assert warehouse.replace_period(LEAD_TIME, lead_times(3.0, 4.0), JANUARY) == 2
    warehouse.replace_period(LEAD_TIME, lead_times(9.0), FEBRUARY)
    once = held(warehouse), warehouse.content_hash(LEAD_TIME.name)
    warehouse.replace_period(LEAD_TIME, lead_times(3.0, 4.0), JANUARY)
    assert (held(warehouse), warehouse.content_hash(LEAD_TIME.name)) == once


def test_replacing_a_period_leaves_the_others_alone(warehouse):
    warehouse.replace_period(LEAD_TIME, lead_times(3.0, 4.0), JANUARY)
    warehouse.replace_period(LEAD_TIME, lead_times(9.0), FEBRUARY)
    warehouse.replace_period(LEAD_TIME, lead_times(5.0), JANUARY)
    assert held(warehouse) == [("2024-01-01", "I0", 5.0), ("2024-02-01", "I0", 9.0)]


def test_a_frame_that_breaks_half_way_leaves_the_old_rows(warehouse):
    warehouse.replace_period(LEAD_TIME, lead_times(3.0, 4.0), JANUARY)
    before = held(warehouse)
    with pytest.raises(Exception, match="twelve"):
        warehouse.replace_period(LEAD_TIME, lead_times("11", "twelve"), JANUARY)
    assert held(warehouse) == before


def test_rows_are_stamped_with_parameters_run_and_time(warehouse):
    warehouse.replace_period(LEAD_TIME, lead_times(3.0), JANUARY)
    stamps = warehouse.read(f"select {', '.join(column.name for column in STAMP)} from policy.lead_time")
    assert stamps["parameters_version"].tolist() == ["v1"]
    assert stamps.notna().to_numpy().all()


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (lead_times(3.0).drop(columns="receipt_count"), "receipt_count"),
        (lead_times(3.0).assign(guess=1), "guess"),
        (lead_times(3.0).assign(run_id="mine"), "run_id"),
        (lead_times(), "no rows"),
    ],
    ids=["missing column", "unknown column", "stamp by hand", "empty"],
)
def test_frames_that_do_not_fit_are_refused(warehouse, frame, told):
    warehouse.replace_period(LEAD_TIME, lead_times(3.0), JANUARY)
    with pytest.raises(PlanningError, match=told) as refused:
        warehouse.replace_period(LEAD_TIME, frame, JANUARY)
    assert LEAD_TIME.name in str(refused.value)
    assert held(warehouse) == [("2024-01-01", "I0", 3.0)]


def test_a_table_that_may_be_empty_takes_no_rows(warehouse):
    columns = [column.name for column in MODEL_SCORE.columns if column.name != "period_start_date"]
    assert warehouse.replace_period(MODEL_SCORE, pd.DataFrame(columns=columns), JANUARY) == 0
    assert warehouse.read_period(MODEL_SCORE.name, JANUARY).empty


def test_reading_a_period_that_nobody_wrote_names_the_table(warehouse):
    with pytest.raises(PlanningError, match=r"policy\.lead_time has no row for the period 2024-01-01"):
        warehouse.read_period(LEAD_TIME.name, JANUARY)


def test_content_hash_follows_content_and_neither_order_nor_run(warehouse):
    warehouse.replace_period(LEAD_TIME, lead_times(3.0, 4.0), JANUARY)
    first = warehouse.content_hash(LEAD_TIME.name)
    warehouse.replace_period(LEAD_TIME, lead_times(3.0, 4.0).iloc[::-1], JANUARY)
    assert warehouse.content_hash(LEAD_TIME.name) == first
    warehouse.replace_period(LEAD_TIME, lead_times(3.0, 4.5), JANUARY)
    assert warehouse.content_hash(LEAD_TIME.name) != first


def test_a_file_held_by_another_process_says_so(warehouse):
    hold = f"import duckdb; held = duckdb.connect({warehouse.path!r}); print('held', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(WarehouseLockedError, match=r"warehouse\.duckdb is locked by another program"):
            warehouse.read("select 1")
        with pytest.raises(WarehouseLockedError):
            warehouse.replace_period(LEAD_TIME, lead_times(3.0), JANUARY)
        holder.communicate("\n")
    assert warehouse.replace_period(LEAD_TIME, lead_times(3.0), JANUARY) == 1


def test_a_warehouse_of_an_earlier_version_leads_to_rebuild(warehouse):
    with warehouse.connect() as connection:
        connection.execute("alter table policy.lead_time drop column receipt_count")
    with pytest.raises(
        WarehouseOutdatedError, match=r"such as policy\.lead_time\.receipt_count\. Run `stockstrata reb"
    ):
        warehouse.create_tables()


def opens_elsewhere(warehouse: Warehouse) -> bool:
    program = "import duckdb, sys; duckdb.connect(sys.argv[1]).close()"
    done = subprocess.run([sys.executable, "-c", program, warehouse.path], capture_output=True, check=False)
    return done.returncode == 0


def test_a_run_keeps_the_file_until_it_hands_it_back_or_ends(warehouse):
    seen = []

    @dg.asset
    def at_work(warehouse: Warehouse) -> None:
        warehouse.replace_period(LEAD_TIME, lead_times(3.0, 4.0), JANUARY)
        seen.append(opens_elsewhere(warehouse))
        # Another door of the same process opens all the same, and sees what is written.
        seen.append(len(Warehouse(path=warehouse.path).read(f"from {LEAD_TIME.name}")))
        hand_back(warehouse.path)
        seen.append(opens_elsewhere(warehouse))
        warehouse.replace_period(LEAD_TIME, lead_times(5.0), JANUARY)
        seen.append(opens_elsewhere(warehouse))

    assert dg.materialize([at_work], resources={"warehouse": warehouse}).success
    assert seen == [False, 2, True, False]
    assert opens_elsewhere(warehouse)
    assert held(warehouse) == [("2024-01-01", "I0", 5.0)]


def test_a_statement_that_fails_does_not_end_the_run(warehouse):
    @dg.asset
    def at_work(warehouse: Warehouse) -> None:
        with pytest.raises(duckdb.Error, match="no_such_table"):
            warehouse.read("from no_such_table")
        warehouse.replace_period(LEAD_TIME, lead_times(3.0), JANUARY)

    assert dg.materialize([at_work], resources={"warehouse": warehouse}).success
    assert held(warehouse) == [("2024-01-01", "I0", 3.0)]
