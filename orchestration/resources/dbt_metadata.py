"""What dbt's models report beside dagster-dbt's own events: rows, column schema, column lineage.

dagster-dbt can fetch these too, but it asks the database again for each model and its parents, which took longer than
building them (docs/decisions/0008). Here one query gives all columns and rows, and the lineage of a model is worked out
once for each state of the project.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from orchestration.resources.warehouse import raise_known_fault
from stockstrata.errors import PlanningError

ColumnTypes = dict[str, dict[str, dict[str, str]]]
Sources = dict[str, list[tuple[str, str, str]]]
_DIALECT = "duckdb"
_SHOWN_ERRORS, _SHOWN_LETTERS = 5, 2000


@dataclass(frozen=True)
class BuiltModel:
    """One model or seed of an invocation: its schema and name, and its SQL as it ran (none for a seed)."""

    schema: str
    name: str
    sql: str
    checksum: str


def built_models(run_results: Mapping[str, Any], manifest: Mapping[str, Any]) -> list[BuiltModel]:
    """The models and seeds that an invocation built."""
    models = []
    for result in run_results["results"]:
        node = manifest["nodes"].get(result["unique_id"])
        if node and node["resource_type"] in {"model", "seed"} and result["status"] == "success":
            digest = hashlib.md5(node["raw_code"].encode(), usedforsecurity=False).hexdigest()
            models.append(BuiltModel(node["schema"], node["name"], result.get("compiled_code") or "", digest))
    return models


def model_metadata(
    connection: duckdb.DuckDBPyConnection, models: list[BuiltModel], cache: Path
) -> dict[dg.AssetKey, dict[str, Any]]:
    """Rows, column schema and column lineage of each model, ready to be attached to its event.

    Args:
        connection: the warehouse, read only.
        models: what was built.
        cache: JSON file that keeps the lineage of models whose SQL has not changed.
    """
    types = _column_types(connection)
    known = _kept_lineage(cache)
    found: dict[dg.AssetKey, dict[str, Any]] = {}
    for model in models:
        columns = types.get(model.schema, {}).get(model.name, {})
        key = f"{model.schema}.{model.name}:{model.checksum}"
        if key not in known:
            known[key] = column_sources(model.sql, list(columns), types) if model.sql else {}
        rows = connection.execute(f"select count(*) from {model.schema}.{model.name}").fetchone()
        found[dg.AssetKey([model.schema, model.name])] = {
            "dagster/row_count": rows[0] if rows else 0,
            "dagster/column_schema": dg.TableSchema(
                columns=[dg.TableColumn(name, type_) for name, type_ in columns.items()]
            ),
            "dagster/column_lineage": dg.TableColumnLineage(
                {
                    column: [dg.TableColumnDep(dg.AssetKey([schema, table]), name) for schema, table, name in sources]
                    for column, sources in known[key].items()
                }
            ),
        }
    draft = cache.with_suffix(".draft")
    draft.write_text(json.dumps(known), encoding="utf-8")
    draft.replace(cache)
    return found


def _kept_lineage(cache: Path) -> dict[str, Sources]:
    try:
        return json.loads(cache.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}


def with_figures(event: Any, metadata: Mapping[dg.AssetKey, Mapping[str, Any]]) -> Any:
    """The event of a built model with the model's figures; any other event as it is."""
    if isinstance(event, dg.Output):
        unique_id = str(event.metadata["unique_id"].value)
        for key, figures in metadata.items():
            if unique_id.endswith(f".{key.path[-1]}"):
                return event.with_metadata({**event.metadata, **figures})
    return event


def read_run_results(target: Path, warehouse_path: str) -> dict[str, Any]:
    """What an invocation did.

    Raises:
        WarehouseLockedError: if dbt could not open the warehouse because another process has it open.
        WarehouseDamagedError: if dbt found the warehouse damaged.
        PlanningError: if dbt broke off before it ran anything; with the errors in its log.
    """
    file = target / "run_results.json"
    if not file.exists():
        log = target / "dbt.log"
        told = _errors_in(log) if log.exists() else "it left no log"
        raise_known_fault(warehouse_path, told)
        raise PlanningError(f"dbt broke off before it built anything: {told}")
    return json.loads(file.read_text(encoding="utf-8"))


def _errors_in(log: Path) -> str:
    """Messages of errors in dbt's log of JSON lines; the end of the log where it tells of none."""
    text = log.read_text(encoding="utf-8", errors="replace")
    told = []
    for line in text.splitlines():
        try:
            info = json.loads(line)["info"]
        except (ValueError, KeyError, TypeError):
            continue  # the last line of a process that was killed is not whole
        if info.get("level") == "error":
            told.append(str(info.get("msg")).strip())
    return "\n".join(told[-_SHOWN_ERRORS:]) or text[-_SHOWN_LETTERS:]


def failures(run_results: Mapping[str, Any]) -> str:
    """What failed in an invocation: each model and test with dbt's message."""
    failed = [result for result in run_results["results"] if result["status"] in {"error", "fail", "runtime error"}]
    told = [f"{result['unique_id'].split('.')[2]}: {str(result['message']).strip()}" for result in failed]
    return "dbt: " + "\n".join(told or ["the invocation failed before any model ran; see the run's log"])


def column_sources(sql: str, columns: list[str], types: ColumnTypes) -> Sources:
    """For each column of a SELECT the columns of tables that it is made of, as schema, table, column.

    Args:
        sql: one SELECT in DuckDB's dialect.
        columns: names of its columns.
        types: types by schema, table and column; they tell what a star stands for.

    Returns:
        Only columns that come from somewhere; nothing at all for SQL that sqlglot cannot read.
    """
    try:
        tree = qualify(
            _without_database(parse_one(sql, dialect=_DIALECT)),
            schema=dict(types),
            dialect=_DIALECT,
            validate_qualify_columns=False,
        )
        _line_up_unions(tree)
        scope = build_scope(tree)
        found = {column: sorted(set(_leaves(column, tree, scope))) for column in columns}
    except SqlglotError:
        return {}
    return {column: sources for column, sources in found.items() if sources}


def _leaves(column: str, tree: Any, scope: Scope | None) -> Iterator[tuple[str, str, str]]:
    root: Node = lineage(
        column, tree, schema={}, sources={}, scope=scope, dialect=_DIALECT, copy=False, trim_selects=False
    )
    for node in root.walk():
        table = node.expression
        if isinstance(table, exp.Table) and table.db:
            yield table.db, table.name, node.name.split(".")[-1].strip('"')


def _line_up_unions(tree: Any) -> None:
    """Unions by name get their columns in one order, since lineage follows a union by place."""
    for union in tree.find_all(exp.Union):
        right = union.right
        if union.args.get("by_name") and isinstance(right, exp.Select):
            held = {found.alias_or_name: found for found in right.expressions}
            right.set("expressions", [held.get(name) or exp.alias_(exp.Null(), name) for name in union.named_selects])


def _without_database(tree: Any) -> Any:
    for table in tree.find_all(exp.Table):
        table.set("catalog", None)
    return tree


def _column_types(connection: duckdb.DuckDBPyConnection) -> ColumnTypes:
    types: ColumnTypes = {}
    rows = connection.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() where not internal "
        "order by schema_name, table_name, column_index"
    ).fetchall()
    for schema, table, column, type_ in rows:
        types.setdefault(schema, {}).setdefault(table, {})[column] = type_
    return types
