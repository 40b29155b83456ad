"""Segment rules: the first rule by priority whose codes all match names the segment."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stockstrata.errors import ParameterError
from stockstrata.parameters import SegmentRule

_CODES = ("abc_code", "xyz_code", "pattern_code", "lifecycle_code")


def assign_segments(classes: pd.DataFrame, rules: Sequence[SegmentRule]) -> pd.DataFrame:
    """Segment and deciding rule of each row.

    Args:
        classes: `abc_code, xyz_code, pattern_code, lifecycle_code`.
        rules: a code of `*` matches anything; a lower priority number comes first, ties go by rule code.

    Returns:
        `segment_code`, `rule_code`.

    Raises:
        ParameterError: if no rule matches a row; names its codes.
    """
    segment = np.full(len(classes), None, dtype=object)
    decided_by = np.full(len(classes), None, dtype=object)
    open_rows = np.ones(len(classes), dtype=bool)
    for rule in sorted(rules, key=lambda row: (row.priority, row.rule_code)):
        match = open_rows.copy()
        for name in _CODES:
            wanted = getattr(rule, name)
            if wanted != "*":
                match &= (classes[name] == wanted).to_numpy()
        segment[match], decided_by[match] = rule.segment_code, rule.rule_code
        open_rows &= ~match
    if open_rows.any():
        first = classes.loc[open_rows].iloc[0]
        codes = ", ".join(f"{name} {first[name]}" for name in _CODES)
        raise ParameterError(
            f"segment_rules.csv: no rule matches {codes} ({int(open_rows.sum())} item-locations without a segment); "
            "add a rule for these codes, or a last one with * everywhere."
        )
    return pd.DataFrame({"segment_code": segment, "rule_code": decided_by})
