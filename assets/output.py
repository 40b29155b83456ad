"""How a planning step hands its rows over: judged at the border, then written, then reported."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import dagster as dg
import pandas as pd

from data_quality.suites.engine import verify_frame
from data_quality.verdict import Verdict
from orchestration.resources.warehouse import Warehouse
from stockstrata.errors import PlanningError
from stockstrata.tables import STAMP, Table

KEY = ["item_id", "location_id"]
ISOLATED_COLUMNS = (*KEY, "table_name", "reason")
_SHOWN_ROWS = 20

Events = Iterator[dg.MaterializeResult | dg.AssetCheckResult]


def asset_key(table: Table) -> dg.AssetKey:
    """Asset key of a table: its schema and name."""
    return dg.AssetKey(table.name.split("."))


def border_check(table: Table) -> dg.AssetCheckSpec:
    """The check of a table that Python writes: it blocks, because what follows would plan on its rows."""
    return dg.AssetCheckSpec(
        _claim(table),
        asset=asset_key(table),
        blocking=True,
        description="Keys present and unique, quantities finite and not negative, rates and grades within bounds.",
    )


@dataclass(frozen=True)
class Output:
    """Rows of one table, without the period and the stamps, and key figures to show beside them."""

    table: Table
    frame: pd.DataFrame
    metadata: Mapping[str, Any] = field(default_factory=dict)


def hand_over(
    warehouse: Warehouse,
    table: Table,
    frame: pd.DataFrame,
    period: dt.date,
    metadata: Mapping[str, Any] | None = None,
) -> Events:
    """Hand over one table; see `hand_over_all`."""
    yield from hand_over_all(warehouse, [Output(table, frame, metadata or {})], period)


def hand_over_all(warehouse: Warehouse, outputs: Sequence[Output], period: dt.date) -> Events:
    """Judge tables by their border suites and write them in one transaction, without what is implausible.

    An item-location with an implausible row in one of the tables is left out of all of them and noted in
    `quality.isolated_result`; the rest goes on. Rows that belong to no item-location stop the step.

    Args:
        warehouse: where to write.
        outputs: tables with their rows of one period.
        period: first day of the period.

    Raises:
        PlanningError: if what is left still fails a suite; names the clauses and up to 20 offending keys. Nothing is
            written then.
    """
    verdicts = [verify_frame(output.frame, output.table) for output in outputs]
    isolated = _isolated(outputs, verdicts)
    kept = list(outputs)
    if len(isolated):
        kept = [replace(output, frame=without(output.frame, isolated)) for output in outputs]
        verdicts = [verify_frame(output.frame, output.table) for output in kept]
    failed = [(output, verdict) for output, verdict in zip(kept, verdicts, strict=True) if not verdict.is_passed]
    if failed:
        for output, verdict in failed:
            yield _check_result(output.table, verdict, isolated)
        output, verdict = failed[0]
        raise PlanningError(f"{output.table.name}, period {period}: nothing written; failed: {_failed(verdict)}")
    warehouse.replace_periods([(output.table, output.frame) for output in kept], period, isolated)
    for output, verdict in zip(kept, verdicts, strict=True):
        yield dg.MaterializeResult(
            asset_key=asset_key(output.table),
            check_results=[_check_result(output.table, verdict, isolated)],
            metadata={
                "dagster/row_count": len(output.frame),
                "period_start_date": period.isoformat(),
                "dagster/column_schema": _schema(output.table),
                **output.metadata,
            },
        )


def held_figures(warehouse: Warehouse, key: dg.AssetKey) -> dict[str, Any]:
    """Metadata of a table as the warehouse holds it, of all periods: rows and columns."""
    table = ".".join(key.path)
    with warehouse.connect(read_only=True) as connection:
        counted = connection.execute(f"select count(*) from {table}").fetchone()
        columns = connection.execute(f"describe {table}").fetchall()
    return {
        "dagster/row_count": counted[0] if counted else 0,
        "dagster/column_schema": dg.TableSchema(columns=[dg.TableColumn(row[0], row[1]) for row in columns]),
    }


def without(frame: pd.DataFrame, isolated: pd.DataFrame) -> pd.DataFrame:
    """The rows of a frame that belong to none of the isolated item-locations."""
    if not set(KEY) <= set(frame.columns):
        return frame
    gone = pd.MultiIndex.from_frame(frame[KEY]).isin(pd.MultiIndex.from_frame(isolated[KEY]))
    return frame.loc[~gone].reset_index(drop=True)


def _isolated(outputs: Sequence[Output], verdicts: Sequence[Verdict]) -> pd.DataFrame:
    found = [pd.DataFrame(columns=pd.Index(ISOLATED_COLUMNS))]
    for output, verdict in zip(outputs, verdicts, strict=True):
        if verdict.is_passed or not set(KEY) <= set(output.table.grain):
            continue
        violations = verdict.violations
        rows = output.frame.iloc[violations["row_number"].to_numpy(dtype=int) - 1][KEY].reset_index(drop=True)
        rows = rows.assign(table_name=output.table.name, reason=violations["reason"].to_numpy())
        # A row without its key belongs to nobody who could be left out.
        found.append(rows.dropna(subset=KEY).loc[:, list(ISOLATED_COLUMNS)])
    return pd.concat(found, ignore_index=True).drop_duplicates(KEY, ignore_index=True)


def _check_result(table: Table, verdict: Verdict, isolated: pd.DataFrame) -> dg.AssetCheckResult:
    """Failed and blocking where the table cannot be written, failed with a warning where rows were left out."""
    own = isolated[isolated["table_name"] == table.name]
    return dg.AssetCheckResult(
        asset_key=asset_key(table),
        check_name=_claim(table),
        passed=verdict.is_passed and own.empty,
        severity=dg.AssetCheckSeverity.WARN if verdict.is_passed else dg.AssetCheckSeverity.ERROR,
        metadata={
            "clauses": len(verdict.results),
            "failed_clauses": _failed(verdict),
            "isolated_item_locations": len(own),
            "isolated": "; ".join(own["reason"].head(_SHOWN_ROWS)) or "none",
        },
    )


def code_counts(codes: pd.Series) -> dg.MetadataValue:
    """How many rows carry each code, as a small table."""
    counts = codes.value_counts().sort_index()
    rows = [f"| {code} | {count} |" for code, count in counts.items()]
    return dg.MetadataValue.md("\n".join(["| code | rows |", "|---|---|", *rows]))


def _failed(verdict: Verdict) -> str:
    """Failed clauses with up to 20 offending rows."""
    clauses = [
        f"{result.clause_name} ({result.failed_row_count})" for result in verdict.results if not result.is_passed
    ]
    return "; ".join([*clauses, *verdict.violations["reason"].head(_SHOWN_ROWS)]) or "none"


def _claim(table: Table) -> str:
    return f"{table.name.split('.')[1]}_rows_are_plausible"


def _schema(table: Table) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name=column.name, type=column.type, description=column.description)
            for column in (*table.columns, *STAMP)
        ]
    )
