"""The dbt models: facts of a window of periods, features of one cycle, marts. The SQL lives in `dbt_project`."""

import datetime as dt
import os
from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from orchestration.automation import WRITER_POOL
from orchestration.partitions import DATE_FORMAT, PERIODS, SETTINGS
from orchestration.resources.dbt import (
    DbtCommandLine,
    Translator,
    assemble_project,
    dbt_variables,
    keep_lineage,
    prepare_manifest,
    project_fingerprint,
)
from orchestration.resources.dbt_metadata import built_models, failures, model_metadata, read_run_results, with_figures
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.warehouse import Warehouse, hand_back, raise_known_fault
from stockstrata.errors import InputError, PlanningError

MANIFEST = prepare_manifest(SETTINGS)
CYCLE_TAG = "cycle"
FACTS_TAG = "facts"
PARAMETERS_TAG = "parameters"
# A cycle that is run again without what its first run found implausible must not take it in again.
KEEP_ISOLATED_TAG = "stockstrata/keep_isolated"
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
    context: dg.AssetExecutionContext, dbt: DbtCommandLine, warehouse: Warehouse, parameter_store: ParameterStore
) -> Iterator[Any]:
    """Parameters, typed views of the landed entities, facts of the window, features of the cycle."""
    if len(context.partition_keys) > 1 and _is_cycle_selected(context):
        raise InputError(
            f"A cycle plans one period, but this run asks for {len(context.partition_keys)}. Launch a backfill, which "
            "takes one run per period, or select only assets tagged facts."
        )
    warehouse.create_tables()
    models_hash = project_fingerprint()
    if _is_cycle_selected(context):
        _refuse_unbuilt_facts(warehouse, models_hash, context)
    if KEEP_ISOLATED_TAG not in context.run.tags and _is_cycle_selected(context):
        warehouse.forget_isolated_results([dt.date.fromisoformat(key) for key in context.partition_keys])
    assemble_project(SETTINGS, parameter_store)
    yield from _build(context, dbt, warehouse)
    if _is_selected_whole(context, FACTS_TAG):
        window = context.partition_time_window
        warehouse.note_built_facts(window.start.date(), window.end.date(), models_hash)


@dbt_assets(
    manifest=MANIFEST,
    name="marts",
    select="tag:marts",
    dagster_dbt_translator=_TRANSLATOR,
    pool=WRITER_POOL,
)
def marts(context: dg.AssetExecutionContext, dbt: DbtCommandLine, warehouse: Warehouse) -> Iterator[Any]:
    """The tables that people read, contracts enforced."""
    yield from _build(context, dbt, warehouse)


def _is_cycle_selected(context: dg.AssetExecutionContext) -> bool:
    specs = {spec.key: spec for spec in context.assets_def.specs}
    return any(CYCLE_TAG in specs[key].tags for key in context.selected_asset_keys if key in specs)


def _is_selected_whole(context: dg.AssetExecutionContext, tag: str) -> bool:
    """Whether a run builds every model of a tag that is filled window by window."""
    wanted = {spec.key for spec in context.assets_def.specs if tag in spec.tags and spec.partitions_def is not None}
    return wanted <= context.selected_asset_keys


def _refuse_unbuilt_facts(warehouse: Warehouse, models_hash: str, context: dg.AssetExecutionContext) -> None:
    """A cycle builds the facts of its own period; without those of the periods before it would plan on gaps."""
    period = context.partition_key
    missing = [str(found) for found in warehouse.unbuilt_facts(models_hash) if str(found) < period]
    missing = [found for found in PERIODS.get_partition_keys() if found in missing]
    if missing:
        raise PlanningError(
            f"The cycle of {period} needs facts that were landed but not built, of {len(missing)} periods from "
            f"{missing[0]} to {missing[-1]}: a run that died left them, or the models have changed. Run `stockstrata "
            "run SOURCE`, or the job `land` over these periods, and then plan again."
        )


def _build(context: dg.AssetExecutionContext, dbt: DbtCommandLine, warehouse: Warehouse) -> Iterator[Any]:
    window = context.partition_time_window
    # In the environment, because vars that change make dbt parse the whole project anew.
    os.environ["STOCKSTRATA_WINDOW_START"] = window.start.strftime(DATE_FORMAT)
    os.environ["STOCKSTRATA_WINDOW_END"] = window.end.strftime(DATE_FORMAT)
    target = SETTINGS.dbt_target / context.op.name
    target.mkdir(parents=True, exist_ok=True)
    # A run that breaks off writes no results: those of the run before must not pass for its own.
    (target / "run_results.json").unlink(missing_ok=True)
    hand_back(warehouse.path)
    invocation = dbt.cli(
        ["build", "--exclude-resource-type", "unit_test", "--vars", dbt_variables(SETTINGS.company)],
        context=context,
        target_path=target,
    )
    events = list(invocation.stream())
    returned = invocation.process.wait()
    if returned < 0:
        raise PlanningError(f"dbt was killed by signal {-returned} before it had finished; what it had built stays.")
    run_results = read_run_results(target, warehouse.path)
    lineage = SETTINGS.dbt_target / f"lineage_{context.op.name}.json"
    with warehouse.connect(read_only=True) as connection:
        models = built_models(run_results, invocation.manifest)
        metadata = model_metadata(connection, models, lineage)
    keep_lineage(lineage)
    for event in events:
        yield with_figures(event, metadata)
    if not invocation.is_successful():
        told = failures(run_results)
        raise_known_fault(warehouse.path, told)
        raise PlanningError(told)
