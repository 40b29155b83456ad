"""The asset graph: it loads, holds the agreed keys and groups, and every asset says whose, what and how."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from orchestration.automation import WRITER_POOL
from orchestration.resources.settings import PROJECT_ROOT, read_settings
from stockstrata.tables import TABLES

GOLDEN = Path(__file__).with_name("asset_keys.txt")
GROUPS = {
    "raw", "quality", "parameters", "staging", "intermediate", "history", "segmentation", "forecast", "policy",
    "simulation", "audit", "marts", "published",
}  # fmt: skip
SLOW = ("great_expectations", "statsforecast", "sklearn", "scipy.special", "scipy.optimize", "scipy.stats")
# Imports the code location of a company that plans weeks, as Dagster does, and tells what it found.
TELL = """
import datetime, json, sys
from orchestration.definitions import defs
import dagster as dg
loaded = sorted(sys.modules)
tick = lambda day: defs.resolve_schedule_def("plan_closed_period").evaluate_tick(
    dg.build_schedule_context(scheduled_execution_time=datetime.datetime.fromisoformat(day + "T04:00:00+00:00"))
)
print(json.dumps({
    "modules": loaded,
    "cron": defs.resolve_schedule_def("plan_closed_period").cron_schedule,
    "planned": [tick("2025-01-06").run_requests[0].partition_key, tick("2025-03-03").run_requests[0].partition_key],
}))
"""


@pytest.fixture(scope="session")
def graph(definitions):
    return definitions.resolve_asset_graph()


@pytest.fixture(scope="session")
def specs(definitions) -> dict[dg.AssetKey, dg.AssetSpec]:
    return {spec.key: spec for spec in definitions.resolve_all_asset_specs()}


@pytest.fixture(scope="session")
def weekly(definitions, tmp_path_factory) -> dict:
    """What a fresh process finds that loads the code location of a company planning weeks."""
    home = tmp_path_factory.mktemp("weekly")
    (home / "company.yaml").write_text("period_type: week\nfirst_period_date: 2024-01-01\n", encoding="utf-8")
    # The dbt project parsed once for these tests serves this home too.
    shutil.copytree(read_settings().home / "dbt", home / "dbt", symlinks=True)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TELL],
        env={**os.environ, "STOCKSTRATA_HOME": str(home), "DAGSTER_HOME": ""},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_definitions_load(definitions):
    dg.Definitions.validate_loadable(definitions)


def test_slow_libraries_wait_for_the_first_run(weekly):
    assert [name for name in SLOW if name in weekly["modules"]] == []


def test_asset_keys_are_the_agreed_ones(specs):
    """A key added or dropped is a reviewed act: change the list on purpose."""
    assert sorted(key.to_user_string() for key in specs) == GOLDEN.read_text(encoding="utf-8").split()


def test_group_is_the_schema_except_for_what_prepares_the_marts(specs):
    elsewhere = {key.to_user_string(): spec.group_name for key, spec in specs.items() if spec.group_name != key.path[0]}
    assert set(elsewhere.values()) == {"marts"}
    assert all(name.startswith("intermediate/") for name in elsewhere)
    assert {spec.group_name for spec in specs.values()} == GROUPS


@pytest.mark.parametrize("field", ["owners", "group_name", "kinds", "description", "code_version"])
def test_every_asset_says(specs, field):
    assert [key.to_user_string() for key, spec in specs.items() if not getattr(spec, field)] == []


def test_every_asset_is_made_here(graph, specs):
    assert [key.to_user_string() for key in specs if not graph.get(key).is_materializable] == []


def test_every_writer_is_in_the_writers_pool(graph, specs):
    assert {key.to_user_string() for key in specs if graph.get(key).pools != {WRITER_POOL}} == set()


def test_every_table_that_python_writes_has_a_blocking_check(graph):
    blocking = {spec.asset_key for assets in graph.assets_defs for spec in assets.check_specs if spec.blocking}
    engine = {dg.AssetKey(name.split(".")) for name in TABLES}
    raw = {key for key in graph.materializable_asset_keys if key.path[0] == "raw"}
    assert [key.to_user_string() for key in (engine | raw) - blocking] == []


def test_dbt_tests_stand_as_checks_on_their_models(graph):
    checked = {key.asset_key for key in graph.asset_check_keys}
    marts = [key for key in graph.materializable_asset_keys if key.path[0] == "marts"]
    assert [key.to_user_string() for key in marts if key not in checked] == []
    assert dg.AssetKey(["intermediate", "int_item_locations__planned"]) in checked


def test_what_is_published_rests_on_every_mart_and_on_the_record_of_their_hashes(graph):
    marts = {key for key in graph.materializable_asset_keys if key.path[0] == "marts"}
    record = dg.AssetKey(["audit", "cycle_mart"])
    assert graph.get(dg.AssetKey(["published", "marts"])).parent_keys == marts | {record}
    assert graph.get(record).parent_keys == {key for key in marts if not key.path[1].startswith("audit_")}


def test_lineage_leads_from_raw_to_published_without_a_gap(graph):
    ancestors = {key.to_user_string() for key in graph.get_ancestor_asset_keys(dg.AssetKey(["published", "marts"]))}
    assert {name.replace(".", "/") for name in TABLES} <= ancestors
    assert {"raw/demand", "raw/items", "staging/stg_demand", "quality/load"} <= ancestors
    assert {"parameters/segment_strategies", "intermediate/int_demand__bucketed"} <= ancestors


def test_weeks_are_planned_on_the_monday_after_their_end(weekly):
    assert weekly["cron"] == "0 4 * * 1"
    assert weekly["planned"] == ["2024-12-30", "2025-02-24"]
