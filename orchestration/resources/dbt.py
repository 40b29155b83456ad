"""The dbt project: where it stands, its manifest, how its models appear as assets."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource

from orchestration.automation import PLATFORM_OWNERS
from orchestration.resources.settings import PROJECT_ROOT, Settings
from stockstrata.errors import StockstrataError

DBT_PROJECT_FOLDER = PROJECT_ROOT / "dbt_project"
_FINGERPRINT = "manifest.fingerprint"


class Translator(DagsterDbtTranslator):
    """Asset key = schema and name; group = schema; owner = the dbt group's, else the platform team."""

    def __init__(self) -> None:
        super().__init__(settings=DagsterDbtTranslatorSettings(enable_asset_checks=True, enable_code_references=False))

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """`schema/name` for models and seeds; what the source states for sources."""
        if dbt_resource_props["resource_type"] == "source":
            return super().get_asset_key(dbt_resource_props)
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The schema."""
        return dbt_resource_props["schema"]

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
    manifest, fingerprint = manifest_file(settings), settings.dbt_target / _FINGERPRINT
    current = project_fingerprint()
    if manifest.exists() and fingerprint.exists() and fingerprint.read_text(encoding="utf-8") == current:
        return manifest
    settings.dbt_target.mkdir(parents=True, exist_ok=True)
    parsed = subprocess.run(  # noqa: S603
        [
            *(sys.executable, "-m", "dbt.cli.main", "parse"),
            *("--project-dir", str(DBT_PROJECT_FOLDER), "--profiles-dir", str(DBT_PROJECT_FOLDER)),
            *("--target-path", str(settings.dbt_target), "--log-path", str(settings.dbt_target)),
        ],
        env={**os.environ, **dbt_environment(settings)},
        capture_output=True,
        text=True,
        check=False,
    )
    if parsed.returncode != 0:
        raise StockstrataError(f"dbt cannot parse {DBT_PROJECT_FOLDER}:\n{parsed.stdout[-4000:]}{parsed.stderr[-2000:]}")
    fingerprint.write_text(current, encoding="utf-8")
    return manifest


def project_fingerprint() -> str:
    """Hash of every file that dbt's parser reads."""
    digest = hashlib.sha256()
    for file in sorted(DBT_PROJECT_FOLDER.rglob("*")):
        if file.suffix in {".sql", ".yml", ".yaml", ".csv"} and file.is_file():
            digest.update(str(file.relative_to(DBT_PROJECT_FOLDER)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def dbt_environment(settings: Settings) -> dict[str, str]:
    """What the dbt project reads from its environment."""
    return {
        "STOCKSTRATA_WAREHOUSE": str(settings.warehouse_file),
        "STOCKSTRATA_PARAMETERS": str(settings.parameters_in_force),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def dbt_resource(settings: Settings) -> DbtCliResource:
    """The dbt command line; its environment is this process's, completed with what the project reads."""
    os.environ.update(dbt_environment(settings))
    return DbtCliResource(project_dir=str(DBT_PROJECT_FOLDER), profiles_dir=str(DBT_PROJECT_FOLDER))
