"""What Dagster's record of a planned company holds: rows, columns, lineage and checks of every table."""

import dagster as dg
import duckdb
import pytest

from orchestration.automation import WRITER_POOL
from stockstrata.tables import CYCLE_REPLAY, STAMP, TABLES

# No run plans it: the company's cycles were not replayed.
REPLAY = "audit/cycle_replay"
# Its rows come with each publication, after the model that reads it was built.
LATER = {"marts/audit_step", "quality/run_step"}
DBT_GROUPS = {"staging", "intermediate", "marts"}


@pytest.fixture(scope="session")
def specs(definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


@pytest.fixture(scope="session")
def reported(planned_instance, specs) -> dict[str, dict]:
    """Metadata of the newest materialisation of every asset, laid over what its definition says."""
    found = {}
    for name in specs.keys() - {REPLAY}:
        spec = specs[name]
        event = planned_instance.get_latest_materialization_event(spec.key)
        assert event is not None, f"{name} was never materialised"
        found[name] = {**spec.metadata, **event.asset_materialization.metadata}
    return found


def schema(metadata: dict) -> dg.TableSchema:
    value = metadata["dagster/column_schema"]
    return getattr(value, "value", value)


def lineage(metadata: dict) -> dict[str, list[dg.TableColumnDep]]:
    return dict(metadata["dagster/column_lineage"].value.deps_by_column)


def test_every_table_tells_its_rows_and_columns(reported):
    assert [name for name, told in reported.items() if "dagster/row_count" not in told] == []
    # The snapshot is a file of many tables; it tells the rows of each.
    assert [name for name, told in reported.items() if "dagster/column_schema" not in told] == ["published/marts"]
    assert set(reported["published/marts"]["rows_by_mart"].value) >= {"fct_policy", "audit_cycle"}


def test_columns_told_are_the_columns_held(planned, reported):
    with duckdb.connect(str(planned.home / "warehouse.duckdb"), read_only=True) as connection:
        for name in set(reported) - {"published/marts"}:
            held = [row[0] for row in connection.execute(f"describe {name.replace('/', '.')}").fetchall()]
            assert [column.name for column in schema(reported[name]).columns] == held, name


def test_rows_told_are_the_rows_held(planned, reported):
    with duckdb.connect(str(planned.home / "warehouse.duckdb"), read_only=True) as connection:
        for name, told in reported.items():
            if name in LATER:
                continue
            group, table = name.split("/")
            if group in DBT_GROUPS | {"parameters", "quality"}:
                where = "true"
            elif group in {"segmentation", "forecast", "policy", "audit"}:
                where = f"period_start_date = '{told['period_start_date'].value}'"
            else:
                continue
            held = connection.execute(f"select count(*) from {group}.{table} where {where}").fetchall()[0][0]
            assert told["dagster/row_count"].value == held, name


def test_dbt_models_carry_column_lineage_to_known_columns(reported):
    for name in (name for name in reported if name.split("/")[0] in DBT_GROUPS):
        sources = lineage(reported[name])
        assert set(sources) <= {column.name for column in schema(reported[name]).columns}, name
        for dependency in (found for columns in sources.values() for found in columns):
            origin = dependency.asset_key.to_user_string()
            if origin == REPLAY:
                known = {column.name for column in (*CYCLE_REPLAY.columns, *STAMP)}
            else:
                assert origin in reported, f"{name} comes from {origin}"
                known = {column.name for column in schema(reported[origin]).columns}
            assert dependency.column_name in known, f"{name} comes from {origin}.{dependency.column_name}"


def test_most_columns_of_models_know_where_they_come_from(reported):
    without_source = {"marts/dim_kpi"}  # written out in the model
    for name in (name for name in reported if name.split("/")[0] in DBT_GROUPS):
        share = len(lineage(reported[name])) / len(schema(reported[name]).columns)
        assert share >= (0 if name in without_source else 0.7), f"{name}: {share:.0%}"


def test_a_reorder_point_leads_back_column_by_column(reported):
    def step(name: str, column: str) -> set[tuple[str, str]]:
        return {(dep.asset_key.to_user_string(), dep.column_name) for dep in lineage(reported[name])[column]}

    assert step("marts/fct_policy", "reorder_point_qty") == {("policy/stock_policy", "reorder_point_qty")}
    assert ("raw/demand", "demand_qty") in step("staging/stg_demand", "demand_qty")


def test_checks_of_every_python_table_and_dbt_tests_were_carried_out(definitions, planned_instance):
    graph = definitions.resolve_asset_graph()
    keys = {key for key in graph.asset_check_keys if key.asset_key.to_user_string() != REPLAY}
    found = planned_instance.event_log_storage.get_latest_asset_check_execution_by_key(list(keys))
    status = {key: record.status.value for key, record in found.items()}
    assert set(status) == set(keys)
    passed = {key for key, told in status.items() if told == "SUCCEEDED"}
    engine = {name.replace(".", "/") for name in TABLES} - {REPLAY}
    assert engine <= {key.asset_key.to_user_string() for key in passed}
    # Clauses about columns that the source lacks have nothing to judge, and planted errors fail theirs as warnings.
    assert {key.asset_key.path[0] for key in set(status) - passed} == {"raw"}
    assert {key.asset_key.path[0] for key in passed} >= {"raw", "staging", "intermediate", "marts"}


def test_one_writer_at_a_time(planned_instance):
    assert [(pool.name, pool.limit) for pool in planned_instance.event_log_storage.get_pool_limits()] == [
        (WRITER_POOL, 1)
    ]
    config = planned_instance.get_concurrency_config()
    assert config.pool_config.default_pool_limit == 1
    assert config.run_queue_config.max_concurrent_runs == 1


def test_every_run_ended_well_and_names_its_period(planned_instance):
    runs = planned_instance.get_runs()
    assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
    planned = sorted(run.tags["dagster/partition"] for run in runs if run.job_name == "plan_cycle")
    assert planned == ["2025-11-01", "2025-12-01"]


def test_a_raw_table_tells_why_it_was_read_and_what_came(reported):
    told = {name: value.value for name, value in reported["raw/demand"].items() if hasattr(value, "value")}
    assert (told["read_code"], told["read_reason"]) == ("read", "none was held yet")
    assert told["retraction_code"] == "not_asked"
    assert told["new_row_count"] == told["dagster/row_count"]
    assert told["changed_row_count"] == told["late_row_count"] == told["retracted_row_count"] == 0
    assert told["rows_by_period"].startswith("| period | new | changed | late | retracted |")
