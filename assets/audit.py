"""Tables of the schema `audit`: what a cycle read and with which code, what it wrote, what a replay of it gave."""

import dagster as dg

from assets.output import Events, Output, asset_key, border_check, code_counts, hand_over, hand_over_all
from assets.transform import CYCLE_TAG, marts, transform
from orchestration.automation import PLATFORM_OWNERS, WRITER_POOL
from orchestration.partitions import PERIODS, SETTINGS, cut_off, period_of
from orchestration.resources.archive import Archive
from orchestration.resources.landing import Landing
from orchestration.resources.manifest import CycleInputs, mart_hashes
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.replay import is_identical, replay_cycle
from orchestration.resources.warehouse import Warehouse
from stockstrata.tables import (
    CERTIFICATE,
    CYCLE_MANIFEST,
    CYCLE_MART,
    CYCLE_OBJECT,
    CYCLE_REPLAY,
    ORDER_EXCEPTION,
    ORDER_PROPOSAL,
    POLICY_DETAIL,
    REPLAYED_POLICY,
    STOCK_POLICY,
    Table,
)

_FEATURES = sorted(
    ".".join(spec.key.path) for spec in transform.specs if CYCLE_TAG in spec.tags and spec.partitions_def is not None
)
# The tables of this schema tell of the others, and one of them is not complete before the replay.
_MARTS = {
    ".".join(spec.key.path): spec.partitions_def is not None
    for spec in marts.specs
    if spec.key.path[0] == "marts" and not spec.key.path[1].startswith("audit_")
}
_REPLAY_CHECK = "replay_gives_what_was_recorded"


def _spec(table: Table, description: str, deps: list[dg.AssetKey]) -> dg.AssetSpec:
    return dg.AssetSpec(
        asset_key(table),
        deps=deps,
        group_name="audit",
        owners=PLATFORM_OWNERS,
        kinds={"python", "duckdb"},
        code_version="1",
        description=description,
        partitions_def=PERIODS,
    )


_WRITTEN = [
    asset_key(STOCK_POLICY),
    asset_key(CERTIFICATE),
    asset_key(REPLAYED_POLICY),
    asset_key(ORDER_PROPOSAL),
    asset_key(ORDER_EXCEPTION),
    asset_key(POLICY_DETAIL),
    dg.AssetKey(["policy", "buffer_plan"]),
    dg.AssetKey(["policy", "mix_target"]),
    dg.AssetKey(["policy", "purchase_ranking"]),
    dg.AssetKey(["forecast", "forecast_accuracy"]),
    dg.AssetKey(["forecast", "forecast_exception"]),
]


@dg.multi_asset(
    specs=[
        _spec(
            CYCLE_MANIFEST,
            "One row per cycle: its cut-off, code, lock file, and hashes of input and output.",
            _WRITTEN,
        ),
        _spec(
            CYCLE_OBJECT,
            "One row per cycle and thing read or written: rows and content hash.",
            [*_WRITTEN, *(dg.AssetKey(name.split(".")) for name in _FEATURES)],
        ),
    ],
    check_specs=[border_check(CYCLE_MANIFEST), border_check(CYCLE_OBJECT)],
    pool=WRITER_POOL,
)
def cycle_manifest(
    context: dg.AssetExecutionContext, warehouse: Warehouse, landing: Landing, parameter_store: ParameterStore
) -> Events:
    """What the cycle rests on and what it wrote, so that it can be replayed and compared."""
    period = period_of(context)
    inputs = CycleInputs(
        warehouse, landing, parameter_store, SETTINGS.company, Archive(SETTINGS.archive), features=_FEATURES
    )
    manifest = inputs.manifest(period, cut_off(period))
    figures = {name: manifest.summary[name].iloc[0] for name in ("input_hash", "output_hash")}
    yield from hand_over_all(
        warehouse,
        [Output(CYCLE_OBJECT, manifest.objects), Output(CYCLE_MANIFEST, manifest.summary, figures)],
        period,
    )


@dg.multi_asset(
    specs=[
        _spec(
            CYCLE_MART,
            "One row per cycle and published table: rows and content hash.",
            [dg.AssetKey(name.split(".")) for name in _MARTS],
        )
    ],
    check_specs=[border_check(CYCLE_MART)],
    pool=WRITER_POOL,
)
def cycle_mart(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Events:
    """What the cycle publishes: the period's rows of each mart, or all rows of a mart that is built whole."""
    period = period_of(context)
    yield from hand_over(warehouse, CYCLE_MART, mart_hashes(warehouse, _MARTS, period), period)


@dg.multi_asset(
    specs=[
        _spec(
            CYCLE_REPLAY,
            "One row per replayed cycle and thing: hash recorded, hash in the replay, verdict.",
            [asset_key(CYCLE_MANIFEST), asset_key(CYCLE_OBJECT)],
        )
    ],
    check_specs=[
        border_check(CYCLE_REPLAY),
        dg.AssetCheckSpec(
            _REPLAY_CHECK,
            asset=asset_key(CYCLE_REPLAY),
            description="Computed again from landing, the cycle gives the tables that its manifest names.",
        ),
    ],
    pool=WRITER_POOL,
)
def cycle_replay(context: dg.AssetExecutionContext, warehouse: Warehouse, landing: Landing) -> Events:
    """The cycle computed again in a scratch home, held against its manifest; nothing else is touched."""
    period = period_of(context)
    verdict = replay_cycle(SETTINGS, warehouse, landing, period)
    counts = {"verdicts": code_counts(verdict["verdict_code"])}
    yield from hand_over(warehouse, CYCLE_REPLAY, verdict, period, counts)
    yield dg.AssetCheckResult(
        asset_key=asset_key(CYCLE_REPLAY),
        check_name=_REPLAY_CHECK,
        passed=is_identical(verdict),
        metadata=counts,
    )
