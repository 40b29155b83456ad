"""Jobs, schedule and sensor: what they select, when they ask for a run, and for which period."""

import datetime as dt
import shutil
from pathlib import Path

import dagster as dg
import pytest

from orchestration.partitions import PERIODS, SETTINGS, period_partitions
from orchestration.sensors import RANGE_END_TAG, RANGE_START_TAG

LANDED = {"raw", "quality"}
FACTS = {"parameters", "staging", "intermediate"}
CYCLE = {"history", "segmentation", "forecast", "policy", "simulation", "audit", "marts", "published"}
REPLAY = dg.AssetKey(["audit", "cycle_replay"])


def selected(definitions, job: str) -> set[dg.AssetKey]:
    return set(definitions.resolve_job_def(job).asset_layer.selected_asset_keys)


@pytest.mark.parametrize(
    ("job", "groups"),
    [("land", LANDED | FACTS), ("plan_cycle", FACTS | CYCLE), ("backfill", LANDED | FACTS | CYCLE)],
)
def test_a_job_selects_its_groups(definitions, job, groups):
    assert {key.path[0] for key in selected(definitions, job)} == groups


def test_planning_a_cycle_takes_all_groups_whole(definitions):
    graph = definitions.resolve_asset_graph()
    wanted = {key for key in graph.materializable_asset_keys if key.path[0] in FACTS | CYCLE} - {REPLAY}
    assert selected(definitions, "plan_cycle") == wanted
    assert selected(definitions, "backfill") == set(graph.materializable_asset_keys) - {REPLAY}
    assert selected(definitions, "land") < selected(definitions, "backfill")


def test_a_replay_computes_nothing_of_the_home_itself(definitions):
    assert selected(definitions, "replay") == {REPLAY}


def test_landing_builds_facts_and_no_features_of_a_cycle(definitions):
    land = selected(definitions, "land")
    assert dg.AssetKey(["intermediate", "int_demand__bucketed"]) in land
    assert dg.AssetKey(["intermediate", "int_item_locations__planned"]) not in land


@pytest.mark.parametrize("job", ["land", "plan_cycle", "backfill", "replay"])
def test_jobs_run_by_planning_period(definitions, job):
    assert definitions.resolve_job_def(job).partitions_def == PERIODS


@pytest.mark.parametrize(
    ("now", "planned"),
    [
        ("2024-03-01T04:00:00", "2024-02-01"),
        ("2025-01-01T04:00:00", "2024-12-01"),
        ("2024-02-01T04:00:00", "2024-01-01"),
    ],
)
def test_the_schedule_plans_the_month_that_has_just_closed(definitions, now, planned):
    schedule = definitions.resolve_schedule_def("plan_closed_period")
    moment = dt.datetime.fromisoformat(now).replace(tzinfo=dt.UTC)
    tick = schedule.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=moment))
    assert schedule.cron_schedule == "0 4 1 * *"
    assert [request.partition_key for request in tick.run_requests] == [planned]


def test_weeks_begin_on_monday_and_close_after_seven_days():
    weeks = period_partitions("week", dt.date(2024, 12, 30))
    keys = weeks.get_partition_keys(current_time=dt.datetime(2025, 1, 20, 4, tzinfo=dt.UTC))
    assert keys == ["2024-12-30", "2025-01-06", "2025-01-13"]
    window = weeks.time_window_for_partition_key("2025-01-06")
    assert (window.start.weekday(), (window.end - window.start).days) == (0, 7)


def test_months_close_when_the_calendar_has_passed_their_end():
    months = period_partitions("month", dt.date(2024, 1, 1))
    assert months.get_partition_keys(current_time=dt.datetime(2024, 2, 29, 23, tzinfo=dt.UTC)) == ["2024-01-01"]
    assert months.get_partition_keys(current_time=dt.datetime(2024, 3, 1, tzinfo=dt.UTC)) == [
        "2024-01-01",
        "2024-02-01",
    ]


@pytest.fixture
def source() -> Path:
    folder = SETTINGS.company.source_folder
    folder.mkdir()
    (folder / "source.yaml").write_text("name: small\ngrain: day\ncurrency: EUR\n", encoding="utf-8")
    (folder / "items.csv").write_text("item_id\nA\n", encoding="utf-8")
    (folder / "demand.csv").write_text("item_id,demand_date,demand_qty\nA,2024-01-10,5\n", encoding="utf-8")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def tick(definitions):
    """One tick of the sensor on an instance that lives as long as the test."""
    sensor = definitions.resolve_sensor_def("new_files")
    with dg.DagsterInstance.ephemeral() as instance:
        yield lambda cursor=None: sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=cursor))


def test_new_files_ask_for_one_run_over_all_closed_periods(source, tick):
    (request,) = tick().run_requests
    closed = PERIODS.get_partition_keys()
    assert (closed[0], request.tags[RANGE_START_TAG], request.tags[RANGE_END_TAG]) == (
        "2024-01-01",
        closed[0],
        closed[-1],
    )


def test_without_a_change_nothing_is_asked_for(source, tick):
    again = tick(tick().cursor)
    assert not again.run_requests
    assert again.skip_message == "No file of the source has changed."


def test_a_changed_file_asks_again_and_so_does_changing_it_back(source, tick):
    demand, copy = source / "demand.csv", source.parent / "copy.csv"
    shutil.copy2(demand, copy)
    first = tick()
    demand.write_text("item_id,demand_date,demand_qty\nA,2024-01-10,55\n", encoding="utf-8")
    second = tick(first.cursor)
    shutil.copy2(copy, demand)
    third = tick(second.cursor)
    assert third.cursor == first.cursor
    # Dagster starts no second run of a key that it has seen.
    assert len({request.run_key for found in (first, second, third) for request in found.run_requests}) == 3


def test_a_missing_source_skips_and_says_what_is_missing(tick):
    skipped = tick()
    assert not skipped.run_requests
    assert str(SETTINGS.company.source_folder) in skipped.skip_message
    assert "a folder with a source.yaml" in skipped.skip_message
