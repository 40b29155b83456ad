import duckdb
import pytest

from data_quality.contracts import clauses, contracts_hash, load_contracts, raw_columns
from data_quality.documentation import CONTRACT_PAGE, input_contract_markdown
from data_quality.raw_tables import raw_table_ddl


def test_eighteen_entities_and_only_items_and_demand_are_required():
    contracts = load_contracts()
    assert len(contracts) == 18
    assert {name for name, contract in contracts.items() if contract.required} == {"items", "demand"}


def test_entities_come_after_those_they_point_at():
    names = list(load_contracts())
    for position, contract in enumerate(load_contracts().values()):
        targets = {column.references.entity for column in contract.columns if column.references} - {contract.name}
        assert targets <= set(names[:position]), contract.name


def test_every_column_named_by_a_key_date_or_reference_exists():
    contracts = load_contracts()
    for contract in contracts.values():
        named = {name for key in contract.keys for name in key} | set(contract.event_date) | set(contract.known_date)
        named |= {column.not_before for column in contract.columns if column.not_before}
        assert named <= set(contract.column_names), contract.name
        for column in contract.columns:
            if column.references:
                contracts[column.references.entity].column(column.references.column)


def test_clause_names_are_unique_claims():
    for contract in load_contracts().values():
        names = [clause.name for clause in clauses(contract)]
        assert len(names) == len(set(names)), contract.name
        assert all(name.replace("_", "").isalnum() and name == name.lower() for name in names)
    demand = {clause.name: clause for clause in clauses(load_contracts()["demand"])}
    assert {"demand_qty_is_present", "demand_qty_is_a_number", "order_id_line_is_unique"} <= demand.keys()
    assert demand["demand_date_column_exists"].is_blocking
    assert not demand["customer_id_is_known_in_customers"].is_blocking
    assert demand["customer_id_is_known_in_customers"].severity == "warn"
    stock = {clause.name for clause in clauses(load_contracts()["stock"])}
    assert "on_hand_qty_is_at_least_0" in stock


@pytest.mark.parametrize("name", list(load_contracts()))
def test_raw_table_has_the_columns_of_the_contract_then_those_of_landing(name):
    contract = load_contracts()[name]
    with duckdb.connect(":memory:") as connection:
        connection.execute("CREATE SCHEMA landed; CREATE SCHEMA raw; CREATE SCHEMA quality")
        connection.execute(
            "CREATE TABLE quality.load (load_id VARCHAR, entity_name VARCHAR, source_name VARCHAR, file_name VARCHAR, "
            "loaded_at TIMESTAMP)"
        )
        for statement in 2 * raw_table_ddl(contract):
            connection.execute(statement)
        found = connection.execute(f"DESCRIBE raw.{name}").fetchall()
    assert [(row[0], row[1]) for row in found] == list(raw_columns(contract))
    assert found[-1][0] == "is_late_row"


def test_hash_is_stable():
    assert contracts_hash() == contracts_hash()
    assert len(contracts_hash()) == 64


def test_the_page_in_docs_is_up_to_date():
    page = CONTRACT_PAGE.read_text(encoding="utf-8")
    assert page == input_contract_markdown(), "run python -m data_quality.documentation"
