"""The dbt models: facts of a window of periods, features of one cycle, marts. The SQL lives in `dbt_project`."""

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, dbt_assets

from orchestration.automation import WRITER_POOL
from orchestration.partitions import PERIODS, SETTINGS
from orchestration.resources.dbt import Translator, prepare_manifest
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.warehouse import Warehouse
from stockstrata.errors import InputError

MANIFEST = prepare_manifest(SETTINGS)
CYCLE_TAG = "cycle"
_TRANSLATOR = Translator()


@dbt_assets(
    manifest=MANIFEST,
    name="transform",
    select="tag:facts tag:cycle",
    partitions_def=PERIODS,
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
    parameter_store.copy_to(SETTINGS.parameters_in_force)
    yield from _build(context, dbt)


@dbt_assets(
    manifest=MANIFEST,
    name="marts",
    select="tag:marts",
    partitions_def=PERIODS,
    dagster_dbt_translator=_TRANSLATOR,
    pool=WRITER_POOL,
)
def marts(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
    """The tables that people read, contracts enforced."""
    yield from _build(context, dbt)


def _is_cycle_selected(context: dg.AssetExecutionContext) -> bool:
    specs = {spec.key: spec for spec in context.assets_def.specs}
    return any(CYCLE_TAG in specs[key].tags for key in context.selected_asset_keys if key in specs)


def _build(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
    window = context.partition_time_window
    variables = {
        "window_start": window.start.strftime("%Y-%m-%d"),
        "window_end": window.end.strftime("%Y-%m-%d"),
        "period_type": SETTINGS.company.period_type,
        "bucket_type": SETTINGS.company.bucket_type,
        "currency_code": SETTINGS.company.currency_code,
        "source_name": SETTINGS.company.source_name,
    }
    invocation = dbt.cli(
        ["build", "--vars", json.dumps(variables)],
        context=context,
        target_path=SETTINGS.dbt_target / context.op.name,
    )
    yield from invocation.stream().fetch_row_counts().fetch_column_metadata()
