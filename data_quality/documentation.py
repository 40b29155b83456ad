"""`docs/input-contract.md`, written from the contracts: run `python -m data_quality.documentation`."""

import json
from pathlib import Path
from typing import get_args

from pydantic import BaseModel

from data_quality.contracts import Contract, ContractColumn, load_contracts
from data_quality.csv_format import CsvFormat
from data_quality.source import ReadLimits

CONTRACT_PAGE = Path(__file__).parent.parent / "docs" / "input-contract.md"

_HEAD = """# Input contract

<!-- Written by `python -m data_quality.documentation` from data_quality/contracts; edit those files. -->

What a company brings: one extract an entity, as `<entity>.csv`, `<entity>.csv.gz`, `<entity>.parquet` or `<entity>.sql`
(one SELECT over the source's own files). Only {required} are required; every other entity and column makes the plans
better.

- Files: CSV in UTF-8, with a header, comma-separated, values quoted with `"` where they hold a comma, a quote (doubled)
  or a line break. Column order is free; names are compared without outer blanks and letter case. Columns that the
  contract does not know are left out with a message. A file whose last line breaks off is refused whole.
- Values: blanks around a value do not count; an empty value is a missing one. Numbers are plain (`12.5`, `1e3`),
  without thousands separators. Dates are `YYYY-MM-DD`. Timestamps are `YYYY-MM-DD HH:MM:SS` in UTC; one with an
  offset is turned into UTC. A date has no clock but midnight in UTC: a moment such as `2024-01-31 23:30+02:00` may be
  another day elsewhere, so it is no date. Booleans are `true/false`, `yes/no`, `y/n`, `1/0`.
- CSV files that are written otherwise are described in `source.yaml` (see below); nothing is guessed.
- Parquet and SQL give typed columns; lists, structures and bytes are refused. Their rows count from line 2, as if a
  header stood in line 1; a SELECT may name the true place as `source_file` and `source_line`.
- Codes are compared as they stand, letter case and inner blanks included. Codes of master data that differ in these
  alone are both kept, with a warning that names both; an unknown code is told the known one that looks like it.
- A missing location is the one location `ALL`, which every location column may name.
- Severity: **block** stops the load, **quarantine** sets the row aside with its file, line and reason, **warn** keeps
  the row and says so. A value of a warn column that is not of its type is kept as missing.
- A key names a row. Where several are listed, a row has the first whose columns are all filled, else the last. Of
  rows with the same key the first is kept and later ones are quarantined.
- A missing required entity, file content or required column blocks.

## CSV files written otherwise

Key `csv` of `source.yaml` says how the CSV files of the source are written. What is left out is as above.

| setting | default | values |
|---|---|---|
| `delimiter` | `","` | {delimiters} |
| `encoding` | `utf-8` | {encodings} |
| `decimal` | `"."` | `"."`, `","` |
| `thousands` | none | `"."`, `","`, `"'"`, `" "`; between groups of three digits, and optional |
| `date_format` | `yyyy-mm-dd` | such as `dd.mm.yyyy`, `mm/dd/yyyy`, `yyyymmdd`; `yyyy-Www`, `yyyyww` for ISO weeks |

Days as `YYYY-MM-DD` are read beside another `date_format`. A week becomes its Monday. A German extract may need

```yaml
csv: {{delimiter: ";", encoding: windows-1252, decimal: ",", thousands: ".", date_format: dd.mm.yyyy}}
```

Files of one source that are written in different ways are best mapped by a SELECT each. Key `limits` says what reading
one entity may take: `limits: {{seconds: {seconds:g}, memory_mb: {memory_mb}}}` unless given.
"""


def input_contract_markdown() -> str:
    """The page as text."""
    contracts = load_contracts()
    required = " and ".join(f"`{name}`" for name, contract in contracts.items() if contract.required)
    order = sorted(contracts.values(), key=lambda contract: (not contract.required, contract.name))
    head = _HEAD.format(
        required=required,
        delimiters=_listed(CsvFormat, "delimiter"),
        encodings=_listed(CsvFormat, "encoding"),
        **ReadLimits().model_dump(),
    )
    return "\n".join([head, *(_entity(contract) for contract in order)])


def _listed(model: type[BaseModel], field: str) -> str:
    """The values that a field allows, as code, in double quotes where YAML needs them."""
    values = [str(value) for value in get_args(model.model_fields[field].annotation)]
    listed = ", ".join(f"`{value}`" if value[0].isalnum() else f"`{json.dumps(value)}`" for value in values)
    return listed.replace("|", "\\|")


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
    if column.earliest_date is not None:
        rules.append(f"from {column.earliest_date} on")
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
