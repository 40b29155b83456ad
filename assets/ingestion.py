"""Tables of the schemas `raw`, one per contract entity, and `quality`, what loading them found.

Rows stand here as landed and accepted, or as set aside with their reasons. Typing and joins live in dbt.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.output import held_figures
from data_quality.contracts import Contract, load_contracts, raw_columns
from orchestration.automation import PLATFORM_OWNERS, WRITER_POOL
from orchestration.partitions import PERIODS
from orchestration.resources.landing import Landing
from orchestration.resources.load_record import EntityLoad
from orchestration.resources.warehouse import Warehouse

CONTRACTS = load_contracts()
_BALANCE = "accepted_plus_quarantined_is_landed"
_CONTRACT = "rows_keep_the_contract"
_QUALITY = {
    dg.AssetKey(["quality", name]): description
    for name, description in (
        ("load", "One row per load and entity: read or not and why, its file with hash, its rows landed, new or gone."),
        ("load_period", "One row per load, entity and period of facts: rows new, changed, late and retracted there."),
        ("quarantine", "One row per load, row set aside and clause it broke: where, what was found and expected."),
        ("clause_result", "One row per load, entity and clause of its contract: rows checked and rows failed."),
        # Made here, empty; steps of a cycle add to it, and the next run of the cycle reads it.
        ("isolated_result", "One row per cycle, item-location and table whose row a step found implausible."),
        ("run_step", "One row per run, step and asset: time and rows, from Dagster's record. Filled at publication."),
    )
}


def _key(entity: str) -> dg.AssetKey:
    return dg.AssetKey(["raw", entity])


def _spec(contract: Contract) -> dg.AssetSpec:
    return dg.AssetSpec(
        _key(contract.name),
        group_name="raw",
        owners=[contract.owner],
        kinds={"python", "duckdb", "parquet"},
        code_version=contract.version,
        description=contract.description,
        # Master data has no event date: its versions are told apart by when they became known.
        partitions_def=PERIODS if contract.event_date else None,
        metadata={"dagster/column_schema": _schema(contract)},
    )


def _quality_spec(key: dg.AssetKey) -> dg.AssetSpec:
    return dg.AssetSpec(
        key,
        deps=[_key(name) for name in CONTRACTS],
        group_name="quality",
        owners=PLATFORM_OWNERS,
        kinds={"python", "duckdb"},
        code_version="1",
        description=_QUALITY[key],
    )


def _schema(contract: Contract) -> dg.TableSchema:
    described = {column.name: column for column in contract.columns}
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, type_, description=described[name].description if name in described else None)
            for name, type_ in raw_columns(contract)
        ]
    )


def _check_specs(contract: Contract) -> Iterator[dg.AssetCheckSpec]:
    # A number downstream would be wrong if rows had been lost; a row that breaks a clause is set aside or told of.
    yield dg.AssetCheckSpec(
        _BALANCE, asset=_key(contract.name), blocking=True, description="Every row read was accepted or quarantined."
    )
    # Clause by clause the verdicts stand in quality.clause_result; a check each would be hundreds of events.
    yield dg.AssetCheckSpec(
        _CONTRACT, asset=_key(contract.name), description="No row breaks a clause of the input contract (GX suite)."
    )


@dg.multi_asset(
    name="raw",
    specs=[*(_spec(contract) for contract in CONTRACTS.values()), *map(_quality_spec, _QUALITY)],
    check_specs=[spec for contract in CONTRACTS.values() for spec in _check_specs(contract)],
    # One load brings all entities or none; entities that the source lacks have no checks to report.
    can_subset=True,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool=WRITER_POOL,
)
def raw(
    context: dg.AssetExecutionContext, landing: Landing, warehouse: Warehouse
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """One row per version of a landed row: with source, file, row number, row hash, load and time of knowledge."""
    load = landing.land(warehouse)
    context.log.info(f"load {load.load_id}: {'landed' if load.is_new else 'nothing has changed since'}")
    for name in sorted(CONTRACTS):
        if _key(name) not in context.selected_asset_keys:
            continue
        entity = load.entities.get(name)
        yield dg.MaterializeResult(
            asset_key=_key(name),
            metadata=_figures(entity, load.load_id, is_new=load.is_new),
            check_results=list(_check_results(entity)) if entity else [],
        )
    for key in _QUALITY:
        if key in context.selected_asset_keys:
            yield dg.MaterializeResult(asset_key=key, metadata=held_figures(warehouse, key))


def _figures(entity: EntityLoad | None, load_id: str, *, is_new: bool) -> dict[str, Any]:
    if entity is None:
        return {"dagster/row_count": 0, "is_provided": False}
    columns = ("new", "changed", "late", "retracted")
    periods = [
        f"| {period} | " + " | ".join(str(getattr(rows, f"{name}_row_count")) for name in columns) + " |"
        for period, rows in sorted(entity.period_rows.items())
    ]
    return {
        "dagster/row_count": entity.accepted_row_count,
        "is_provided": True,
        "load_id": load_id,
        "is_new_load": is_new,
        "read_code": entity.read_code,
        "read_reason": entity.read_reason,
        "landed_row_count": entity.landed_row_count,
        "quarantined_row_count": entity.quarantined_row_count,
        **{f"{name}_row_count": getattr(entity, f"{name}_row_count") for name in columns},
        "retraction_code": entity.reading.retraction_code,
        "rows_by_period": dg.MetadataValue.md(
            "\n".join([f"| period | {' | '.join(columns)} |", "|---|---|---|---|---|", *periods])
        ),
    }


def _check_results(entity: EntityLoad) -> Iterator[dg.AssetCheckResult]:
    balanced = entity.accepted_row_count + entity.quarantined_row_count == entity.landed_row_count
    yield dg.AssetCheckResult(
        asset_key=_key(entity.entity_name),
        check_name=_BALANCE,
        passed=balanced and entity.landed_row_count > 0,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"landed": entity.landed_row_count, "accepted": entity.accepted_row_count},
    )
    broken = [result for result in entity.clause_results if not result["is_passed"]]
    lines = [f"| {r['clause_name']} | {r['severity_code']} | {r['failed_row_count']} |" for r in broken]
    yield dg.AssetCheckResult(
        asset_key=_key(entity.entity_name),
        check_name=_CONTRACT,
        passed=not broken,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            # A reused entity keeps of its verdict what was broken.
            **({"clauses": len(entity.clause_results)} if entity.read_code == "read" else {}),
            "broken_clauses": dg.MetadataValue.md("\n".join(["| clause | severity | rows |", "|---|---|---|", *lines])),
        },
    )
