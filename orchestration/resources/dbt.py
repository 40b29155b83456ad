"""The dbt project: where it stands, its manifest, how its models appear as assets."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
import filelock
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliInvocation, DbtCliResource
from dagster_dbt.asset_utils import DBT_INDIRECT_SELECTION_ENV, get_updated_cli_invocation_params_for_context
from packaging.version import Version

from orchestration.automation import PLATFORM_OWNERS
from orchestration.resources import parse_cache
from orchestration.resources.dbt_process import start_dbt
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.settings import PROJECT_ROOT, Company, Settings
from stockstrata.errors import StockstrataError

DBT_PROJECT_FOLDER = PROJECT_ROOT / "dbt_project"
DBT_EXECUTABLE = str(Path(sys.executable).with_name("dbt"))
MARTS_TAG = "marts"
PARTIAL_PARSE = "partial_parse.msgpack"
_PARSED = ("manifest.json", PARTIAL_PARSE)
_FINGERPRINT = "manifest.fingerprint"


class DbtCommandLine(DbtCliResource):
    """dbt as dagster-dbt runs it, but by a process that is kept ready (see `dbt_process`), and without its connection.

    That connection serves `fetch_row_counts` and `fetch_column_metadata`; here one query gives the figures of all
    models (see `dbt_metadata`).
    """

    def cli(  # type: ignore[override]
        self, args: Sequence[str], *, context: dg.AssetExecutionContext, target_path: Path
    ) -> DbtCliInvocation:
        """Start dbt with what a run has selected of its assets; whether it succeeds is asked of the invocation.

        Args:
            args: command and arguments, without a selection.
            context: of the step.
            target_path: where dbt writes. Its folder holds the parsed project.
        """
        asked = get_updated_cli_invocation_params_for_context(context, {}, DagsterDbtTranslator())
        environment = {
            **os.environ,
            # An environment by which others know the process, see `orphans`.
            "DAGSTER_DBT_CLI": "true",
            "DBT_TARGET_PATH": str(target_path),
            "DBT_LOG_PATH": str(target_path),
            "DBT_PROJECT_DIR": self.project_dir,
            "DBT_PROFILES_DIR": self.project_dir,
            **({DBT_INDIRECT_SELECTION_ENV: asked.indirect_selection} if asked.indirect_selection else {}),
        }
        return DbtCliInvocation(
            process=start_dbt([*args, *asked.selection_args], environment, target_path.parent / PARTIAL_PARSE),  # type: ignore[arg-type]
            manifest=asked.manifest,
            dagster_dbt_translator=asked.dagster_dbt_translator,
            project_dir=Path(self.project_dir),
            target_path=target_path,
            raise_on_error=False,
            cli_version=Version(version("dbt-core")),
            context=context,
        )


class Translator(DagsterDbtTranslator):
    """Asset key = schema and name; group = stage of the cycle; owner = the dbt group's, else the platform team.

    Models that are filled window by window carry the partitions; views, seeds and whole tables have none.
    """

    def __init__(self, partitions: dg.PartitionsDefinition) -> None:
        super().__init__(settings=DagsterDbtTranslatorSettings(enable_asset_checks=True, enable_code_references=False))
        self._partitions = partitions

    def get_partitions_def(self, dbt_resource_props: Mapping[str, Any]) -> dg.PartitionsDefinition | None:
        """Planning periods for incremental models."""
        return self._partitions if dbt_resource_props["config"].get("materialized") == "incremental" else None

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """`schema/name` for models and seeds; what the source states for sources."""
        if dbt_resource_props["resource_type"] == "source":
            return super().get_asset_key(dbt_resource_props)
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The schema, but `marts` for the views and tables that only prepare the marts: they stand behind the plan."""
        return MARTS_TAG if MARTS_TAG in dbt_resource_props.get("tags", []) else dbt_resource_props["schema"]

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        """Owner of the dbt group."""
        return list(super().get_owners(dbt_resource_props) or PLATFORM_OWNERS)


def manifest_file(settings: Settings) -> Path:
    """The manifest that the asset graph is built from."""
    return settings.dbt_target / "manifest.json"


def prepare_manifest(settings: Settings) -> Path:
    """Parse the dbt project when its files have changed since the manifest was written.

    Raises:
        StockstrataError: if dbt cannot parse the project.
    """
    folder = settings.home / "dbt"
    folder.mkdir(parents=True, exist_ok=True)
    # One process parses at a time: Dagster's code server and a command may start together on a new home.
    with filelock.FileLock(folder / ".lock"):
        return _prepare_manifest(settings)


def _prepare_manifest(settings: Settings) -> Path:
    manifest, fingerprint = manifest_file(settings), settings.dbt_target / _FINGERPRINT
    current = _parse_fingerprint()
    is_laid_out = (settings.dbt_project / "dbt_project.yml").exists() and manifest.exists() and fingerprint.exists()
    if is_laid_out and fingerprint.read_text(encoding="utf-8") == current:
        return manifest
    folder = settings.company.parameters_folder
    assemble_project(settings, ParameterStore(folder=str(folder) if folder else None))
    if not parse_cache.fetch(_PARSED, current, settings.dbt_target):
        _parse(settings)
        parse_cache.keep(_PARSED, current, settings.dbt_target)
    fingerprint.write_text(current, encoding="utf-8")
    return manifest


def keep_lineage(lineage: Path) -> None:
    """Keep the column lineage of a build of all models for other homes; to work it out takes as long as to parse."""
    parse_cache.add(lineage, _parse_fingerprint())


def _parse_fingerprint() -> str:
    """Hash of what dbt's parser reads, with who reads it: another dbt may write its artefacts otherwise."""
    return "-".join([project_fingerprint(), *(version(name) for name in ("dbt-core", "dbt-duckdb"))])


def _parse(settings: Settings) -> None:
    parsed = subprocess.run(  # noqa: S603
        [
            # Whole, since it is done for changed files alone: a parse that starts from the one before was seen to miss
            # sources that are new.
            *(DBT_EXECUTABLE, "parse", "--no-partial-parse"),
            *("--project-dir", str(settings.dbt_project), "--profiles-dir", str(settings.dbt_project)),
            *("--target-path", str(settings.dbt_target), "--log-path", str(settings.dbt_target)),
            # dbt keeps its parse for as long as the vars stay the same.
            *("--vars", dbt_variables(settings.company)),
        ],
        env={**os.environ, **dbt_environment(settings)},
        capture_output=True,
        text=True,
        check=False,
    )
    if parsed.returncode != 0:
        raise StockstrataError(
            f"dbt cannot parse {DBT_PROJECT_FOLDER}:\n{parsed.stdout[-4000:]}{parsed.stderr[-2000:]}"
        )


def assemble_project(settings: Settings, store: ParameterStore) -> None:
    """Lay the home's dbt project out: links to the shipped one, with copies of the parameter files in force.

    A deployment's own parameters cannot be named by an absolute seed path: dbt would write its artefacts over them.
    """
    seeds = settings.dbt_project / "seeds"
    seeds.mkdir(parents=True, exist_ok=True)
    settings.dbt_target.mkdir(parents=True, exist_ok=True)
    shipped = [file for file in DBT_PROJECT_FOLDER.iterdir() if file.name not in {"seeds", "target", "logs"}]
    for origin in [*shipped, DBT_PROJECT_FOLDER / "seeds" / "reference"]:
        link = settings.dbt_project / origin.relative_to(DBT_PROJECT_FOLDER)
        if not link.is_symlink() or link.readlink() != origin:
            link.unlink(missing_ok=True)
            link.symlink_to(origin)
    store.copy_to(seeds / "parameters")


def project_fingerprint() -> str:
    """Hash of every file that dbt's parser reads."""
    digest = hashlib.sha256()
    for file in sorted(DBT_PROJECT_FOLDER.rglob("*")):
        if file.suffix in {".sql", ".yml", ".yaml", ".csv"} and file.is_file():
            digest.update(str(file.relative_to(DBT_PROJECT_FOLDER)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def dbt_variables(company: Company) -> str:
    """What dbt's models are told of the company, as JSON."""
    return json.dumps(
        {
            "period_type": company.period_type,
            "bucket_type": company.bucket_type,
            "currency_code": company.currency_code,
            "source_name": company.source_name,
        }
    )


def dbt_environment(settings: Settings) -> dict[str, str]:
    """What the dbt project reads from its environment."""
    return {
        "STOCKSTRATA_WAREHOUSE": str(settings.warehouse_file),
        "STOCKSTRATA_WORKERS": str(settings.worker_count),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def dbt_resource(settings: Settings) -> DbtCommandLine:
    """The dbt command line; its environment is this process's, completed with what the project reads."""
    os.environ.update(dbt_environment(settings))
    return DbtCommandLine(
        project_dir=str(settings.dbt_project), profiles_dir=str(settings.dbt_project), dbt_executable=DBT_EXECUTABLE
    )
