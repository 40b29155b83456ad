"""A warehouse made by hand: every table that dbt reads, filled row by row, and dbt run over it."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt.parser.manifest import extended_mashumuro_decoder

from orchestration.resources.dbt import PARTIAL_PARSE, prepare_manifest
from orchestration.resources.settings import Company, Settings
from stockstrata.tables import STAMP, TABLES

PROJECT = Path(__file__).parents[2] / "dbt_project"
CONTRACTS = Path(__file__).parents[2] / "data_quality" / "contracts"
FOREVER = "9999-12-31"

LANDED = {
    "source_name": "VARCHAR", "file_name": "VARCHAR", "row_number": "BIGINT", "row_key": "VARCHAR",
    "row_hash": "VARCHAR", "load_id": "VARCHAR", "loaded_at": "TIMESTAMP", "landing_period_start_date": "DATE",
    "known_from_at": "TIMESTAMP", "known_to_at": "TIMESTAMP", "is_late_row": "BOOLEAN",
}  # fmt: skip


def contract_columns() -> dict[str, dict[str, str]]:
    """Column and DuckDB type of each entity of the input contract."""
    contracts = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(CONTRACTS.glob("*.yaml"))]
    return {
        contract["name"]: {column["name"]: column["physicalType"] for column in contract["schema"][0]["properties"]}
        for contract in contracts
    }


# Hashes of the marts are written when dbt has built them: it cannot read what comes after it.
# What the gate compares is told by the tables that it makes of it.
UNREAD = {"audit.cycle_mart", "policy.candidate_policy", "simulation.replayed_policy"}


def engine_columns() -> dict[str, dict[str, str]]:
    """Column and DuckDB type of each table that Python writes and dbt reads."""
    return {
        name: {c.name: c.type for c in (*table.columns, *STAMP)} for name, table in TABLES.items() if name not in UNREAD
    }


def declared_sources(name: str) -> dict[str, dict[str, str]]:
    """Column and type of each table of a dbt source, by `schema.table`, as the project declares them."""
    declared = yaml.safe_load((PROJECT / "models/staging/_sources.yml").read_text(encoding="utf-8"))["sources"]
    return {
        f"{source['schema']}.{table['name']}": {
            column["name"]: column["data_type"].upper() for column in table.get("columns", [])
        }
        for source in declared
        if source["name"] == name
        for table in source["tables"]
    }


@dataclass(frozen=True)
class Project:
    """The dbt project over one warehouse file; everything that dbt writes stands in `folder`.

    Attributes:
        folder: where dbt writes.
        parsed: the shipped project as dbt keeps it once parsed; where None, or the project is another, dbt parses.
    """

    folder: Path
    parsed: bytes | None = None

    @property
    def warehouse(self) -> Path:
        """The DuckDB file."""
        return self.folder / "warehouse.duckdb"

    def query(self, sql: str) -> list[tuple]:
        """Rows of a query."""
        with duckdb.connect(str(self.warehouse)) as connection:
            return connection.execute(sql).fetchall()

    def create_tables(self) -> None:
        """Create every table that dbt reads, empty."""
        raw = {f"raw.{name}": {**columns, **LANDED} for name, columns in contract_columns().items()}
        engine = engine_columns()
        with duckdb.connect(str(self.warehouse)) as connection:
            for table, columns in {**raw, **declared_sources("quality"), **engine}.items():
                connection.execute(f"create schema if not exists {table.split('.')[0]}")
                connection.execute(f"create table {table} ({', '.join(f'{n} {t}' for n, t in columns.items())})")

    def insert(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows that state some columns; the others are null."""
        with duckdb.connect(str(self.warehouse)) as connection:
            for row in rows:
                connection.execute(
                    f"insert into {table} ({', '.join(row)}) values ({', '.join('?' for _ in row)})", list(row.values())
                )

    def land(self, entity: str, rows: Sequence[Mapping[str, Any]], *, known: str = "1900-01-01") -> None:
        """Insert rows of an entity as accepted by one load, with line numbers."""
        common = {"source_name": "hand", "file_name": f"{entity}.csv", "load_id": "load-1", "known_to_at": FOREVER}
        self.insert(
            f"raw.{entity}",
            [
                {**common, "known_from_at": known, "row_number": line, "row_key": f"{entity}-{line}", **row}
                for line, row in enumerate(rows, start=2)
            ],
        )

    def dbt(
        self,
        command: str,
        *arguments: str,
        start: str = "2024-01-01",
        end: str = "2024-02-01",
        folder: Path = PROJECT,
        **more: str,
    ) -> Any:
        """Run dbt for a window and return its result; fails the test when dbt fails."""
        variables = {"window_start": start, "window_end": end, "currency_code": "EUR", "source_name": "hand", **more}
        # Each invocation takes its own: dbt compiles into the manifest that it is given.
        parsed = self.parsed if folder == PROJECT else None
        held = Manifest.from_msgpack(parsed, decoder=extended_mashumuro_decoder) if parsed is not None else None
        result = dbtRunner(manifest=held).invoke(
            [
                *(command, *arguments, "--vars", json.dumps(variables), "--quiet"),
                *("--project-dir", str(folder), "--profiles-dir", str(folder)),
                *("--target-path", str(self.folder / "target"), "--log-path", str(self.folder / "logs")),
            ]
        )
        failed = [f"{r.node.name}: {r.message}" for r in getattr(result.result, "results", []) if r.status not in OK]
        assert result.success, "\n".join([str(result.exception or ""), *failed])
        return result.result


OK = ("success", "pass", "warn")


@pytest.fixture(scope="session")
def dbt_folder() -> Path:
    """The dbt project."""
    return PROJECT


@pytest.fixture(scope="session")
def input_contract() -> dict[str, dict[str, str]]:
    """Columns of each entity of the input contract."""
    return contract_columns()


@pytest.fixture(scope="session")
def planning_tables() -> dict[str, dict[str, str]]:
    """Columns of each table that Python writes and dbt reads, stamps included."""
    return engine_columns()


@pytest.fixture(scope="session")
def declared_tables() -> Callable[[str], dict[str, dict[str, str]]]:
    """Columns of each table of a dbt source, as the project declares them."""
    return declared_sources


@pytest.fixture(scope="session")
def parsed_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of what dbt's parser made of the project, with its `manifest.json`."""
    home = tmp_path_factory.mktemp("parsed")
    return prepare_manifest(Settings(home=home, real_data=home, company=Company())).parent


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, parsed_project: Path) -> Iterator[Project]:
    """A project over a warehouse whose tables are there and empty, shared by the tests of a module."""
    kept = (parsed_project / PARTIAL_PARSE).read_bytes()
    made = Project(tmp_path_factory.mktemp("dbt"), kept)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STOCKSTRATA_WAREHOUSE", str(made.warehouse))
        made.create_tables()
        yield made
