"""Which columns of a file are those of the contract, and what to say about the others."""

import difflib
from collections.abc import Collection, Sequence

from data_quality.contracts import Contract
from data_quality.problems import input_problem


def match_columns(
    contract: Contract, header: Sequence[str], where: str, *, delimiter: str = ",", also_known: Sequence[str] = ()
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Position of each contract column in the header, in contract order, and messages for what is left out.

    Args:
        contract: contract of the entity.
        header: names of the columns as they stand in the file.
        where: the file, for messages.
        delimiter: what separates the values of a CSV file.
        also_known: names beside the contract's that are read elsewhere.

    Raises:
        InputError: a column stands there twice, or a required one is missing.
    """
    names = [name.strip().lower() for name in header]
    doubled = sorted({name for name in names if name and names.count(name) > 1})
    if doubled:
        raise input_problem(
            where,
            found=f"column {', '.join(doubled)} twice",
            expected="every column once (letter case and outer blanks do not count)",
            next_step="Remove or rename one of them.",
        )
    chosen = {name: names.index(name) for name in contract.column_names if name in names}
    extra = [name for name in names if name and name not in chosen and name not in also_known]
    missing = [name for name in contract.required_columns if name not in names]
    if missing:
        raise input_problem(
            where,
            found=f"columns {', '.join(names)[:300]}",
            expected=f"also the required {', '.join(missing)}",
            next_step=_separator_hint(header, delimiter)
            or _renaming_hint(missing, extra)
            or f"Add the column; docs/input-contract.md tells what {contract.name} needs.",
        )
    return chosen, tuple(_left_out(contract, where, names, chosen, extra))


def _left_out(
    contract: Contract, where: str, names: Sequence[str], chosen: Collection[str], extra: Sequence[str]
) -> list[str]:
    """Messages for the columns that are not read, slips of the pen by themselves."""
    free = [name for name in contract.column_names if name not in chosen]
    close = {name: difflib.get_close_matches(name, free, n=1, cutoff=0.75) for name in extra}
    told = [
        f"{where}: column {name} is not in the contract of {contract.name} and was left out; did you mean {meant[0]}?"
        for name, meant in close.items()
        if meant
    ]
    others = [name for name, meant in close.items() if not meant]
    if others:
        what = ", ".join(others)[:300]
        told.append(f"{where}: column {what} is not in the contract of {contract.name} and was left out.")
    if "" in names:
        told.append(f"{where}: column {names.index('') + 1} has no name and was left out.")
    return told


def _separator_hint(header: Sequence[str], delimiter: str) -> str:
    if header[0].lower().startswith("sep="):
        return "Remove line 1, which only Excel understands."
    if len(header) == 1:
        for sign, written in ((";", ";"), ("\t", "\\t"), ("|", "|"), (",", ",")):
            if sign in header[0] and sign != delimiter:
                return (
                    f'The values seem to stand between {sign!r}: set `csv: {{delimiter: "{written}"}}` in source.yaml.'
                )
    return ""


def _renaming_hint(missing: Sequence[str], extra: Sequence[str]) -> str:
    """Which column of the file may be the missing one under another name."""
    parts = {name: [other for other in extra if other in name.split("_")] for name in missing}
    close = {name: parts[name] or difflib.get_close_matches(name, extra, n=1) for name in missing}
    told = [f"{found[0]} to {name}" for name, found in close.items() if found]
    return f"Rename {', '.join(told)}, or add the column." if told else ""
