"""A deployment's own settings: parameters in a folder elsewhere, planning weeks instead of months."""

import shutil
from typing import Any

import pytest

from orchestration.resources.dbt import assemble_project
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.settings import Company, Settings

WEEK = {"start": "2024-01-29", "end": "2024-02-05", "period_type": "week"}


@pytest.fixture(scope="module")
def deployed(project: Any, dbt_folder: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Weekly planning with a look-back of 10 days, set in a folder that holds CSV files and nothing else."""
    folder = tmp_path_factory.mktemp("own_parameters")
    for file in (dbt_folder / "seeds" / "parameters").glob("*.csv"):
        shutil.copyfile(file, folder / file.name)
    own = folder / "planning_settings.csv"
    text = own.read_text(encoding="utf-8")
    assert "abc_lookback_days,365" in text
    own.write_text(text.replace("abc_lookback_days,365", "abc_lookback_days,10"), encoding="utf-8")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    project.land("items", [{"item_id": "A"}])
    project.land(
        "demand",
        [
            {"item_id": "A", "demand_date": day, "demand_qty": qty, "known_from_at": day}
            for day, qty in [("2024-01-20", 5.0), ("2024-01-30", 2.0), ("2024-02-04", 1.0), ("2024-02-05", 9.0)]
        ],
    )
    settings = Settings(home=folder.parent / "home", real_data=folder, company=Company())
    assemble_project(settings, ParameterStore(folder=str(folder)))
    selected = ["--select", "tag:facts", "tag:cycle", "--exclude-resource-type", "unit_test"]
    project.dbt("build", *selected, folder=settings.dbt_project, **WEEK)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before, "dbt wrote over the parameters"
    return project


def test_parameters_are_read_from_the_deployments_folder(deployed):
    assert deployed.query(
        "select setting_value, typeof(valid_from_date) from parameters.planning_settings "
        "where setting_code = 'abc_lookback_days'"
    ) == [("10", "DATE")]
    assert deployed.query("select abc_demand_qty from intermediate.int_item_locations__planned") == [(3,)]


def test_a_week_across_two_months_is_one_period_when_weeks_are_planned(deployed):
    assert deployed.query(
        "select period_start_date::varchar, bucket_start_date::varchar, demand_qty "
        "from intermediate.int_demand__bucketed"
    ) == [("2024-01-29", "2024-01-29", 3)]


def test_nothing_is_written_into_the_project(deployed, dbt_folder):
    assert not [name for name in ("target", "logs", "dbt_packages", ".user.yml") if (dbt_folder / name).exists()]
