"""What every model must keep to, read from the manifest that dbt makes of the project."""

import csv
import json
import re
from typing import Any

import pytest
import yaml

GRAIN_LINE = re.compile(r"^-- Grain: one row per \(([^)]*)\)")
# Nothing may stand here without a reason.
MAY_READ_SOURCES: set[str] = set()


@pytest.fixture(scope="module")
def manifest(parsed_project: Any) -> dict[str, Any]:
    return json.loads((parsed_project / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def models(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}


@pytest.fixture(scope="module")
def marts(models: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: model for name, model in models.items() if model["schema"] == "marts"}


def parents(model: dict[str, Any]) -> list[str]:
    return model["depends_on"]["nodes"]


def test_the_marts_of_the_architecture_exist(marts):
    assert set(marts) >= {
        "dim_item", "dim_location", "dim_segment", "dim_period", "dim_kpi", "fct_demand", "fct_stock", "fct_segment",
        "fct_forecast", "fct_forecast_accuracy", "fct_lead_time_demand", "fct_policy", "fct_order_proposal",
        "kpi_segment_period", "rpt_readiness", "fct_quality_result", "fct_quarantine", "audit_cycle",
        "audit_cycle_object", "audit_replay",
    }  # fmt: skip


def test_every_model_states_its_grain_in_the_first_line_and_in_meta(models):
    for name, model in models.items():
        stated = GRAIN_LINE.match(model["raw_code"])
        assert stated, f"{name}: the first line must be '-- Grain: one row per (...)'"
        assert model["config"]["meta"].get("grain"), f"{name}: config.meta.grain is missing"
        comment = {column.strip() for column in stated.group(1).split(",")}
        assert comment == {column.strip() for column in model["config"]["meta"]["grain"].split(",")}, name


def test_every_mart_proves_its_grain(manifest, marts):
    proven = {}
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") == "is_unique_by":
            proven[node["attached_node"]] = node["test_metadata"]["kwargs"]["columns"]
            assert node["config"]["severity"].lower() == "error"
    for name, mart in marts.items():
        grain = [column.strip() for column in mart["config"]["meta"]["grain"].split(",")]
        assert proven.get(mart["unique_id"]) == grain, f"{name}: no is_unique_by over its grain"


def test_what_the_parser_finds_does_not_depend_on_the_company(dbt_folder):
    """What it found in one home serves all others: variables are read in SQL alone, never where a model is declared."""
    declared = [file.read_text(encoding="utf-8") for file in dbt_folder.rglob("*.yml")]
    configured = [
        found
        for file in dbt_folder.rglob("*.sql")
        for found in re.findall(
            r"\{\{\s*(?:config|ref|source)\(.*?\)\s*\}\}", file.read_text(encoding="utf-8"), re.DOTALL
        )
    ]
    assert len(configured) > 100
    assert not [text for text in (*declared, *configured) if re.search(r"\bvar\(", text)]


def test_every_mart_is_a_contract_for_the_public_with_an_owner(manifest, marts):
    owners = {group["name"]: group["owner"]["email"] for group in manifest["groups"].values()}
    for name, mart in marts.items():
        assert mart["config"]["contract"]["enforced"], name
        assert mart["access"] == "public", name
        assert "@" in owners[mart["group"]], name


def test_every_model_and_seed_has_a_group_and_one_stage(manifest):
    for node in manifest["nodes"].values():
        if node["resource_type"] in {"model", "seed"}:
            assert node.get("group") or node["config"].get("group"), node["name"]
            assert len({"facts", "cycle", "marts"} & set(node["tags"])) == 1, node["name"]


def test_every_mart_column_is_described(marts):
    for name, mart in marts.items():
        assert mart["description"], name
        for column in mart["columns"].values():
            assert column["description"], f"{name}.{column['name']}"
            assert column["data_type"], f"{name}.{column['name']}"


UNITS = {
    "_qty": ("units",), "_amount": ("currency",), "_days": ("day",),
    "_rate": ("0 to 1", "share", "sum", "yearly", "bias"),
}  # fmt: skip


def test_columns_with_a_unit_in_their_name_have_it_in_their_description(marts):
    for name, mart in marts.items():
        for column in mart["columns"].values():
            for suffix, words in UNITS.items():
                if column["name"].endswith(suffix):
                    text = column["description"].lower()
                    assert any(word in text for word in words), f"{name}.{column['name']}: {text}"


def test_amounts_come_with_their_currency(marts):
    for name, mart in marts.items():
        if any(column.endswith("_amount") for column in mart["columns"]):
            assert "currency_code" in mart["columns"], name


def test_staging_reads_one_source_and_no_model(models):
    for name, model in models.items():
        if model["schema"] == "staging":
            assert len(parents(model)) == 1, name
            assert parents(model)[0].startswith("source."), name


def test_only_staging_reads_sources(models):
    for name, model in models.items():
        if model["schema"] != "staging" and name not in MAY_READ_SOURCES:
            assert not [parent for parent in parents(model) if parent.startswith("source.")], name


def test_models_stay_small(models):
    for name, model in models.items():
        assert len(model["raw_code"].splitlines()) <= 100, name
        assert len(set(parents(model))) <= 7, name


def test_readers_are_told_about_marts_only_and_about_every_mart(manifest, marts):
    read = {parent for exposure in manifest["exposures"].values() for parent in exposure["depends_on"]["nodes"]}
    assert read == {mart["unique_id"] for mart in marts.values()}


def test_every_source_has_its_asset_key(manifest):
    for source in manifest["sources"].values():
        meta = source["config"].get("meta") or source["meta"]
        assert meta["dagster"]["asset_key"] == [source["schema"], source["name"]]


def test_engine_sources_equal_the_tables_that_python_writes(planning_tables, declared_tables):
    assert declared_tables("engine") == planning_tables


def test_staging_covers_every_column_of_the_contract(models, input_contract, manifest):
    assert {source["name"] for source in manifest["sources"].values() if source["source_name"] == "raw"} == set(
        input_contract
    )
    for entity, columns in input_contract.items():
        code = models[f"stg_{entity}"]["raw_code"]
        named = set(re.findall(r"\w+", code)) | ({"location_id"} if "location_or_all()" in code else set())
        assert not set(columns) - named, f"stg_{entity} leaves out columns of the contract"
        assert "lineage_columns()" in code


def test_staging_of_python_tables_covers_every_column(models, planning_tables):
    for table, columns in planning_tables.items():
        code = models[f"stg_engine__{table.split('.')[1]}"]["raw_code"]
        assert not set(columns) - set(re.findall(r"\w+", code)), table


def test_every_input_of_a_capability_is_looked_for(models, dbt_folder):
    with (dbt_folder / "seeds/reference/capabilities.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    looked_for = set(re.findall(r"as has_(\w+)", models["int_item_locations__evidence"]["raw_code"]))
    looked_for.add("several_locations")
    assert {row["input_code"] for row in rows} <= looked_for
    assert {row["grade_when_missing"] for row in rows} <= {"degraded", "assumed", "blocked"}


def test_every_parameter_seed_declares_the_type_of_every_column(dbt_folder):
    seeds = yaml.safe_load((dbt_folder / "models/_seeds.yml").read_text(encoding="utf-8"))["seeds"]
    declared = {seed["name"]: seed["config"]["column_types"] for seed in seeds}
    for file in [*dbt_folder.glob("seeds/*/*.csv")]:
        header = file.read_text(encoding="utf-8").splitlines()[0].split(",")
        assert list(declared[file.stem]) == header, file.stem
        assert all(kind == "date" for name, kind in declared[file.stem].items() if name.endswith("_date"))
