"""Facts are built for what was landed since they were last built, also when the run between died."""

import pytest

from orchestration.partitions import PERIODS, SETTINGS
from orchestration.sensors import RANGE_END_TAG, RANGE_START_TAG


@pytest.fixture
def runner(definitions, monkeypatch, small_company):
    """The runner with its jobs replaced: landing lands, building facts is noted or fails."""
    from orchestration import runner

    built: list[tuple[str, str]] = []

    def execute(_job, tags, _listener, steps):
        if steps == ["raw"]:
            small_company.land()
        elif runner.fails:
            raise RuntimeError("died")
        else:
            built.append((tags[RANGE_START_TAG], tags[RANGE_END_TAG]))

    monkeypatch.setattr(runner, "_execute", execute)
    monkeypatch.setattr(runner, "fails", False, raising=False)
    monkeypatch.setattr(runner.Landing, "from_settings", lambda _: small_company.landing)
    monkeypatch.setattr(runner, "Warehouse", lambda **_: small_company.warehouse)
    runner.built = built
    yield runner
    (SETTINGS.dbt_target / "facts.fingerprint").unlink(missing_ok=True)


def land(runner):
    runner.built.clear()
    load = runner.land(lambda *_: None)
    return load.is_new, list(runner.built)


def test_a_load_builds_the_periods_that_it_touches(runner, small_company):
    assert land(runner) == (True, [("2024-01-01", "2024-02-01")])
    assert land(runner) == (False, [])
    small_company.bring({"2024-01-10": 5, "2024-02-10": 8})
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


def test_demand_of_the_future_alone_is_refused(runner, monkeypatch):
    monkeypatch.setattr(runner, "PERIODS", PERIODS.__class__(start_date="2200-01-01"))
    with pytest.raises(runner.InputError, match="no closed period"):
        land(runner)
