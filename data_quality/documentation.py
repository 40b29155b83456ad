"""`docs/input-contract.md`, written from the contracts: run `python -m data_quality.documentation`."""

from pathlib import Path

from data_quality.contracts import Contract, ContractColumn, load_contracts

CONTRACT_PAGE = Path(__file__).parent.parent / "docs" / "input-contract.md"

_HEAD = """# Input contract

<!-- Written by `python -m data_quality.documentation` from data_quality/contracts; edit those files. -->

What a company brings: one extract an entity, as `<entity>.csv`, `<entity>.csv.gz`, `<entity>.parquet` or `<entity>.sql`
(one SELECT over the source's own files). Only {required} are required; every other entity and column makes the plans
better.

- Files: CSV in UTF-8, with a header, comma-separated, values quoted with `"` where they hold a comma, a quote (doubled)
  or a line break. Column order is free; names are compared without outer blanks and letter case. Columns that the
  contract does not know are left out with a message.
- Values: blanks around a value do not count; an empty value is a missing one. Numbers are plain (`12.5`, `1e3`),
  without thousands separators. Dates are `YYYY-MM-DD`. Timestamps are `YYYY-MM-DD HH:MM:SS` in UTC, or
  with an offset. Booleans are `true/false`, `yes/no`, `y/n`, `1/0`.
- A missing location is the one location `ALL`, which every location column may name.
- Severity: **block** stops the load, **quarantine** sets the row aside with its file, line and reason, **warn** keeps
  the row and says so. A value of a warn column that is not of its type is kept as missing.
- A key names a row. Where several are listed, a row has the first whose columns are all filled, else the last. Of
  rows with the same key the first is kept and later ones are quarantined.
- A missing required entity, file content or required column blocks.
"""


def input_contract_markdown() -> str:
    """The page as text."""
    contracts = load_contracts()
    required = " and ".join(f"`{name}`" for name, contract in contracts.items() if contract.required)
    order = sorted(contracts.values(), key=lambda contract: (not contract.required, contract.name))
    return "\n".join([_HEAD.format(required=required), *(_entity(contract) for contract in order)])


def _entity(contract: Contract) -> str:
    need = "required" if contract.required else "optional"
    keys = ", or ".join("`" + ", ".join(key) + "`" for key in contract.keys)
    lines = [
        f"## {contract.name}",
        "",
        contract.description,
        "",
        f"{need.capitalize()}, {contract.kind}, owner {contract.owner}, version {contract.version}. Key: {keys}.",
        "",
        "| column | type | required | unit | rule | otherwise | meaning |",
        "|---|---|---|---|---|---|---|",
        *(_row(column) for column in contract.columns),
        "",
    ]
    return "\n".join(lines)


def _row(column: ContractColumn) -> str:
    cells = (
        f"`{column.name}`",
        column.type,
        "yes" if column.required else "",
        column.unit or "",
        "; ".join(_rules(column)),
        column.severity,
        column.description,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _rules(column: ContractColumn) -> list[str]:
    rules = []
    if column.minimum is not None:
        rules.append(f"at least {column.minimum:.15g}")
    if column.maximum is not None:
        rules.append(f"at most {column.maximum:.15g}")
    if column.allowed_values:
        rules.append("one of " + ", ".join(f"`{value}`" for value in column.allowed_values))
    if column.references:
        rules.append(f"known in {column.references.entity}, where that is given")
    if column.not_before:
        rules.append(f"not before `{column.not_before}`")
    return rules


def write_input_contract() -> Path:
    """Write the page and return its path."""
    CONTRACT_PAGE.parent.mkdir(exist_ok=True)
    CONTRACT_PAGE.write_text(input_contract_markdown(), encoding="utf-8")
    return CONTRACT_PAGE


if __name__ == "__main__":
    write_input_contract()
