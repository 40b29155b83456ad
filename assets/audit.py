"""Tables of the schema `audit`: what a cycle read, with which code and parameters, and what it wrote."""

import dagster as dg

from assets.output import Events, asset_key, border_check, hand_over
from orchestration.automation import PLATFORM_OWNERS, WRITER_POOL
from orchestration.partitions import PERIODS, SETTINGS, cut_off, period_of
from orchestration.resources.manifest import CycleManifest
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.warehouse import Warehouse
from stockstrata.tables import CYCLE_MANIFEST, CYCLE_OBJECT, ORDER_PROPOSAL, STOCK_POLICY


def _spec(table_key: dg.AssetKey, description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        table_key,
        deps=[asset_key(STOCK_POLICY), asset_key(ORDER_PROPOSAL), dg.AssetKey(["forecast", "forecast_accuracy"])],
        group_name="audit",
        owners=PLATFORM_OWNERS,
        kinds={"python", "duckdb"},
        code_version="1",
        description=description,
        partitions_def=PERIODS,
    )


@dg.multi_asset(
    specs=[
        _spec(
            asset_key(CYCLE_MANIFEST),
            "One row per cycle: its cut-off, code, lock file, and hashes of input and output.",
        ),
        _spec(asset_key(CYCLE_OBJECT), "One row per cycle and thing read or written: rows and content hash."),
    ],
    check_specs=[border_check(CYCLE_MANIFEST), border_check(CYCLE_OBJECT)],
    pool=WRITER_POOL,
)
def cycle_manifest(context: dg.AssetExecutionContext, warehouse: Warehouse, parameter_store: ParameterStore) -> Events:
    """What the cycle rests on and what it wrote, so that it can be replayed and compared."""
    period = period_of(context)
    manifest = CycleManifest.collect(warehouse, parameter_store.files(), SETTINGS, period, cut_off(period))
    yield from hand_over(warehouse, CYCLE_OBJECT, manifest.objects, period)
    yield from hand_over(
        warehouse, CYCLE_MANIFEST, manifest.summary, period, {"output_hash": manifest.summary["output_hash"].iloc[0]}
    )
