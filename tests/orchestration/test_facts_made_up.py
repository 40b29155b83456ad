"""Facts are built for what was landed since they were last built, also when the run between died."""

import datetime as dt
from pathlib import Path

import dagster as dg
import pytest

from orchestration.definitions import build_defs
from orchestration.partitions import PERIODS
from orchestration.sensors import RANGE_END_TAG, RANGE_START_TAG


@pytest.fixture
def runner(definitions, monkeypatch, small_company):
    """The runner with its jobs replaced: landing lands, building facts is noted, as by the asset, or fails."""
    from orchestration import runner

    built: list[tuple[str, str]] = []

    def execute(_job, tags, _listener, steps):
        if steps == ["raw"]:
            small_company.land()
        elif runner.fails:
            raise RuntimeError("died")
        else:
            window = (tags[RANGE_START_TAG], tags[RANGE_END_TAG])
            built.append(window)
            first, last = map(dt.date.fromisoformat, window)
            end = last + dt.timedelta(days=1)
            small_company.warehouse.note_built_facts(first, end, runner.project_fingerprint())

    monkeypatch.setattr(runner, "_execute", execute)
    monkeypatch.setattr(runner, "fails", False, raising=False)
    monkeypatch.setattr(runner.Landing, "from_settings", lambda _: small_company.landing)
    monkeypatch.setattr(runner, "Warehouse", lambda **_: small_company.warehouse)
    runner.built = built
    return runner


def land(runner):
    runner.built.clear()
    load = runner.land(lambda *_: None)
    return load.is_new, list(runner.built)


def test_a_load_builds_the_periods_that_it_touches(runner, small_company):
    assert land(runner) == (True, [("2024-01-01", "2024-02-01")])
    assert land(runner) == (False, [])
    small_company.bring({"2024-01-10": 5, "2024-02-10": 8})
    assert land(runner) == (True, [("2024-02-01", "2024-02-01")])


def test_periods_between_two_that_are_touched_are_left_alone(runner, small_company):
    demand = {"2024-01-10": 5, "2024-02-10": 7, "2024-03-10": 4}
    small_company.bring(demand)
    land(runner)
    small_company.bring({**demand, "2024-01-10": 6, "2024-04-10": 1})
    assert land(runner) == (True, [("2024-01-01", "2024-01-01"), ("2024-04-01", "2024-04-01")])


def test_a_retraction_builds_the_period_that_lost_a_row(runner, small_company):
    small_company.settings("extract: {kind: full, max_retracted_share: 1}")
    small_company.bring({"2024-01-10": 5, "2024-02-10": 7, "2024-03-10": 4})
    land(runner)
    small_company.bring({"2024-01-10": 5, "2024-03-10": 4})
    assert land(runner) == (True, [("2024-02-01", "2024-02-01")])


def test_facts_that_a_dead_run_left_out_are_made_up(runner, small_company, monkeypatch):
    land(runner)
    small_company.bring({"2024-01-10": 5, "2024-02-10": 8})
    monkeypatch.setattr(runner, "fails", True)
    with pytest.raises(RuntimeError, match="died"):
        land(runner)
    monkeypatch.setattr(runner, "fails", False)
    assert land(runner) == (False, [("2024-02-01", "2024-02-01")])
    assert land(runner) == (False, [])


def test_changed_models_build_all_periods_again(runner, monkeypatch):
    land(runner)
    monkeypatch.setattr(runner, "project_fingerprint", lambda: "another")
    assert land(runner) == (False, [("2024-01-01", "2024-02-01")])


def test_a_warehouse_made_again_from_landing_builds_all_periods(runner, small_company):
    land(runner)
    Path(small_company.warehouse.path).unlink()
    small_company.warehouse.create_tables()
    assert land(runner) == (False, [("2024-01-01", "2024-02-01")])


def test_a_cycle_is_not_planned_on_facts_that_were_not_built(small_company):
    """A run of Dagster builds the facts of its own period only; those before must be there."""
    small_company.land()
    found = (
        build_defs({"warehouse": small_company.warehouse})
        .resolve_job_def("plan_cycle")
        .execute_in_process(
            partition_key="2024-02-01",
            asset_selection=[dg.AssetKey(["intermediate", "int_item_locations__planned"])],
            raise_on_error=False,
        )
    )
    (failure,) = [event for event in found.all_events if event.is_step_failure]
    assert "needs facts that were landed but not built" in failure.step_failure_data.error.cause.message
    assert "from 2024-01-01 to 2024-01-01" in failure.step_failure_data.error.cause.message


def test_demand_of_the_future_alone_is_refused(runner, monkeypatch):
    monkeypatch.setattr(runner, "PERIODS", PERIODS.__class__(start_date="2200-01-01"))
    with pytest.raises(runner.InputError, match="no closed period"):
        land(runner)
