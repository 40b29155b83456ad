"""Violations that are the same fault again and again, told once: how many rows, and some of them."""

from dataclasses import dataclass

import pandas as pd

from data_quality.contracts import clauses, load_contracts

# Enough to see that a fault is not one slip, few enough to read.
_SHOWN_REASONS = 5


@dataclass(frozen=True)
class ViolationGroup:
    """Rows of an entity that break one clause in one way.

    Attributes:
        clause_name: the clause.
        severity_code: what it does to a row.
        violation_count: how many rows break it so.
        reasons: messages of the first rows, at most five.
    """

    clause_name: str
    severity_code: str
    violation_count: int
    reasons: tuple[str, ...]


def violation_groups(violations: pd.DataFrame) -> list[ViolationGroup]:
    """Group violations by clause, and values of the wrong type by the way they are written, most frequent first.

    Args:
        violations: `entity_name` and the violation columns, such as `EntityValidation.quarantine`.
    """
    if violations.empty:
        return []
    contracts = load_contracts()
    type_clauses = {
        (name, clause.name)
        for name in violations["entity_name"].unique()
        for clause in clauses(contracts[name])
        if clause.kind == "type"
    }
    keys = pd.Series(list(zip(violations["entity_name"], violations["clause_name"], strict=True)))
    is_type = keys.isin(type_clauses).to_numpy()
    shapes = violations["found_value"].fillna("").astype(str).where(is_type, "").drop_duplicates()
    shape_of = dict(zip(shapes, _shape(shapes), strict=True))
    shape = violations["found_value"].fillna("").astype(str).where(is_type, "").map(shape_of)
    grouped = violations.groupby(["clause_name", "severity_code", shape.rename("shape")], sort=False)
    found = [
        ViolationGroup(str(clause), str(severity), len(rows), tuple(rows["reason"].head(_SHOWN_REASONS)))
        for (clause, severity, _), rows in grouped
    ]
    return sorted(found, key=lambda group: -group.violation_count)


def _shape(texts: pd.Series) -> pd.Series:
    """How a text is written: runs of digits as 9, runs of letters as a, everything else as it is."""
    return texts.str.replace(r"\d+", "9", regex=True).str.replace(r"[^\W\d_]+", "a", regex=True)
