"""The sample extract against the input contracts: clean rows keep every clause, planted rows break theirs."""

import csv
import functools
import io
from pathlib import Path

import pandas as pd
import pytest
import yaml

from stockstrata.sample.company import SampleCompany, generate_company
from stockstrata.sample.files import to_csv_bytes

CONTRACTS = Path(__file__).parents[2] / "data_quality" / "contracts"
ENTITIES = sorted(path.stem for path in CONTRACTS.glob("*.yaml"))
KINDS = {
    "wrong_type", "impossible_date", "missing_required", "unknown_item", "unknown_location", "out_of_range",
    "exact_duplicate", "duplicate_key", "negative_stock", "receipt_before_order",
}  # fmt: skip


@functools.cache
def company(size: str = "tiny") -> SampleCompany:
    return generate_company(size, seed=20250101)  # type: ignore[arg-type]


def contract(entity: str) -> tuple[dict, dict]:
    """Table properties and columns of a contract."""
    schema = yaml.safe_load((CONTRACTS / f"{entity}.yaml").read_text(encoding="utf-8"))["schema"][0]
    custom = {prop["property"]: prop["value"] for prop in schema["customProperties"]}
    return custom, {column["name"]: column for column in schema["properties"]}


def csv_rows(table: pd.DataFrame) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv_bytes(table).decode("utf-8"))))


def clean_text(entity: str) -> pd.DataFrame:
    """The CSV of an entity without its planted lines, as text; empty fields are null."""
    made = company()
    planted = made.truth["planted_errors"]
    lines = planted.loc[planted["entity"] == entity, "row_number"].to_numpy()
    text = pd.read_csv(io.BytesIO(to_csv_bytes(made.extract[entity])), dtype=str)
    return text.drop(index=lines - 2)


def broken_clauses(text: pd.DataFrame, column: dict) -> list[str]:
    """Names of the clauses of one column that some row breaks."""
    found = text[column["name"]]
    values = found.dropna()
    options = column.get("logicalTypeOptions", {})
    custom = {prop["property"]: prop["value"] for prop in column.get("customProperties", [])}
    broken = []
    if column.get("required") and found.isna().any():
        broken.append("required")
    if column["logicalType"] == "number":
        numbers = pd.to_numeric(values)
        broken += ["minimum"] * bool((numbers < options.get("minimum", -1e300)).any())
        broken += ["maximum"] * bool((numbers > options.get("maximum", 1e300)).any())
    if column["logicalType"] == "date":
        pd.to_datetime(values, format="%Y-%m-%d")
    if column["logicalType"] == "boolean" and not values.isin(["true", "false"]).all():
        broken.append("boolean")
    if "allowedValues" in custom and not values.isin(custom["allowedValues"]).all():
        broken.append("allowedValues")
    if "notBefore" in custom and (found < text[custom["notBefore"]]).any():
        broken.append("notBefore")
    for relation in column.get("relationships", []):
        table, key = relation["to"].split(".")
        if not values.isin(company().extract[table][key]).all():
            broken.append(relation["to"])
    return broken


@pytest.mark.parametrize("entity", ENTITIES)
def test_columns_are_the_contracts_and_required_ones_are_there(entity: str) -> None:
    _, columns = contract(entity)
    table = company().extract[entity]
    assert set(table.columns) <= set(columns)
    assert {name for name, column in columns.items() if column.get("required")} <= set(table.columns)


@pytest.mark.parametrize("entity", ENTITIES)
def test_clean_rows_keep_every_clause(entity: str) -> None:
    _, columns = contract(entity)
    text = clean_text(entity)
    broken = {name: broken_clauses(text, columns[name]) for name in text.columns}
    assert {name: clauses for name, clauses in broken.items() if clauses} == {}


@pytest.mark.parametrize("entity", ENTITIES)
def test_clean_keys_are_unique(entity: str) -> None:
    custom, _ = contract(entity)
    text = clean_text(entity)
    key = [name for name in custom["keys"][0] if name in text.columns]
    assert key
    assert not text.duplicated(key).any()


@pytest.mark.parametrize("size", ["tiny", "demo"])
def test_every_planted_error_stands_in_its_line(size: str) -> None:
    made = company(size)
    planted = made.truth["planted_errors"]
    assert set(planted["kind"]) == KINDS
    assert 15 <= len(planted) <= 40
    lines = {entity: to_csv_bytes(made.extract[entity]).split(b"\n") for entity in planted["entity"].unique()}
    for fault in planted.itertuples():
        header, raw = lines[fault.entity][0], lines[fault.entity][fault.row_number - 1]
        row = next(csv.DictReader(io.StringIO(f"{header.decode()}\n{raw.decode()}\n")))
        assert ",".join(row[name] for name in fault.column_name.split(",")) == (fault.found_value or "")


def test_planted_rows_break_what_they_say() -> None:
    made = company()
    planted = made.truth["planted_errors"]
    rows = {entity: csv_rows(made.extract[entity]) for entity in planted["entity"].unique()}
    for fault in planted.itertuples():
        row = rows[fault.entity][fault.row_number - 2]
        if fault.kind == "exact_duplicate":
            assert row == rows[fault.entity][fault.original_row_number - 2]
        elif fault.kind == "duplicate_key":
            original = rows[fault.entity][fault.original_row_number - 2]
            changed = [name for name in row if row[name] != original[name]]
            assert changed == ["demand_qty" if fault.entity == "demand" else "on_hand_qty"]
        elif fault.kind == "receipt_before_order":
            assert row["receipt_date"] < row["order_date"]
        if fault.kind in ("exact_duplicate", "duplicate_key"):
            assert fault.original_row_number < fault.row_number


def test_a_key_is_doubled_only_where_planted() -> None:
    made = company()
    planted = made.truth["planted_errors"]
    doubled = planted[planted["kind"].isin(["exact_duplicate", "duplicate_key"])]
    for entity in planted["entity"].unique():
        custom, _ = contract(entity)
        table = made.extract[entity]
        key = [name for name in custom["keys"][0] if name in table.columns]
        found = table.index[table.duplicated(key)] + 2
        assert sorted(found) == sorted(doubled.loc[doubled["entity"] == entity, "row_number"])
