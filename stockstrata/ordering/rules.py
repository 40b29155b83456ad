"""Limits from which an order is an exception, by segment."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stockstrata.parameters import OrderExceptionRule
from stockstrata.tracking.segment_rules import values_by_segment


@dataclass(frozen=True)
class OrderLimits:
    """The rows of `order_exception_rules.csv` in force."""

    rules: Sequence[OrderExceptionRule]

    def of(self, rule_code: str, segment_code: np.ndarray, *, without: float = np.inf) -> np.ndarray:
        """Limit of a rule for each segment; where no row holds one by which nothing is an exception, (n,).

        Example: a row `early, *, 1` gives 1 for every segment.
        """
        rows = [row for row in self.rules if row.rule_code == rule_code]
        found = values_by_segment(rows, "threshold_value", segment_code)
        return np.where(np.isfinite(found), found, without)
