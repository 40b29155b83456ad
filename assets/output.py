"""How a planning step hands its rows over: judged at the border, then written, then reported."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import pandas as pd

from data_quality.suites.engine import verify_frame
from data_quality.verdict import Verdict
from orchestration.resources.warehouse import Warehouse
from stockstrata.errors import PlanningError
from stockstrata.tables import STAMP, Table

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


def hand_over(
    warehouse: Warehouse,
    table: Table,
    frame: pd.DataFrame,
    period: dt.date,
    metadata: Mapping[str, Any] | None = None,
) -> Events:
    """Judge a frame by its border suite; write it when it passes, else report what failed and write nothing.

    Args:
        warehouse: where to write.
        table: contract of the table.
        frame: rows of one period, without the period and the stamps.
        period: first day of the period.
        metadata: key figures to show beside rows, period and column schema.

    Raises:
        PlanningError: if the frame fails its suite; names the clauses and up to 20 offending keys.
    """
    verdict = verify_frame(frame, table)
    check = dg.AssetCheckResult(
        asset_key=asset_key(table),
        check_name=_claim(table),
        passed=verdict.is_passed,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"clauses": len(verdict.results), "failed_clauses": _failed(verdict)},
    )
    if not verdict.is_passed:
        yield check
        raise PlanningError(f"{table.name}, period {period}: nothing written; failed: {_failed(verdict)}")
    rows = warehouse.replace_period(table, frame, period)
    yield dg.MaterializeResult(
        asset_key=asset_key(table),
        check_results=[check],
        metadata={
            "dagster/row_count": rows,
            "period_start_date": period.isoformat(),
            "dagster/column_schema": _schema(table),
            **(metadata or {}),
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
