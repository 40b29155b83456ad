"""The dbt models: facts of a window of periods, features of one cycle, marts. The SQL lives in `dbt_project`."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, dbt_assets

from orchestration.automation import WRITER_POOL
from orchestration.partitions import DATE_FORMAT, PERIODS, SETTINGS
from orchestration.resources.dbt import PARTIAL_PARSE, Translator, assemble_project, dbt_variables, prepare_manifest
from orchestration.resources.dbt_metadata import built_models, failures, model_metadata, read_run_results, with_figures
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.warehouse import Warehouse
from stockstrata.errors import InputError, PlanningError

MANIFEST = prepare_manifest(SETTINGS)
CYCLE_TAG = "cycle"
_TRANSLATOR = Translator(PERIODS)


@dbt_assets(
    manifest=MANIFEST,
    name="transform",
    select="tag:facts tag:cycle",
    # Facts of many periods come in one invocation; features of a cycle only one period at a time (see below).
    backfill_policy=dg.BackfillPolicy.single_run(),
    dagster_dbt_translator=_TRANSLATOR,
    pool=WRITER_POOL,
)
def transform(
    context: dg.AssetExecutionContext, dbt: DbtCliResource, warehouse: Warehouse, parameter_store: ParameterStore
) -> Iterator[Any]:
    """Parameters, typed views of the landed entities, facts of the window, features of the cycle."""
    if len(context.partition_keys) > 1 and _is_cycle_selected(context):
        raise InputError(
            f"A cycle plans one period, but this run asks for {len(context.partition_keys)}. Launch a backfill, which "
            "takes one run per period, or select only assets tagged facts."
        )
    warehouse.create_tables()
    assemble_project(SETTINGS, parameter_store)
    yield from _build(context, dbt, warehouse)


@dbt_assets(
    manifest=MANIFEST,
    name="marts",
    select="tag:marts",
    dagster_dbt_translator=_TRANSLATOR,
    pool=WRITER_POOL,
)
def marts(context: dg.AssetExecutionContext, dbt: DbtCliResource, warehouse: Warehouse) -> Iterator[Any]:
    """The tables that people read, contracts enforced."""
    yield from _build(context, dbt, warehouse)


def _is_cycle_selected(context: dg.AssetExecutionContext) -> bool:
    specs = {spec.key: spec for spec in context.assets_def.specs}
    return any(CYCLE_TAG in specs[key].tags for key in context.selected_asset_keys if key in specs)


def _build(context: dg.AssetExecutionContext, dbt: DbtCliResource, warehouse: Warehouse) -> Iterator[Any]:
    window = context.partition_time_window
    # In the environment, because vars that change make dbt parse the whole project anew.
    os.environ["STOCKSTRATA_WINDOW_START"] = window.start.strftime(DATE_FORMAT)
    os.environ["STOCKSTRATA_WINDOW_END"] = window.end.strftime(DATE_FORMAT)
    target = SETTINGS.dbt_target / context.op.name
    target.mkdir(parents=True, exist_ok=True)
    if not (target / PARTIAL_PARSE).exists():
        shutil.copyfile(SETTINGS.dbt_target / PARTIAL_PARSE, target / PARTIAL_PARSE)
    # A run that breaks off writes no results: those of the run before must not pass for its own.
    (target / "run_results.json").unlink(missing_ok=True)
    invocation = dbt.cli(
        ["build", "--exclude-resource-type", "unit_test", "--vars", dbt_variables(SETTINGS.company)],
        context=context,
        target_path=target,
        raise_on_error=False,
    )
    events = list(invocation.stream())
    run_results = read_run_results(target)
    with warehouse.connect(read_only=True) as connection:
        models = built_models(run_results, invocation.manifest)
        metadata = model_metadata(connection, models, SETTINGS.dbt_target / f"lineage_{context.op.name}.json")
    for event in events:
        yield with_figures(event, metadata)
    if not invocation.is_successful():
        raise PlanningError(failures(run_results))
