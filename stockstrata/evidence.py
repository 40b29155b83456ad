"""Evidence grades: how well the inputs support a number, and why a grade is not full."""

import numpy as np
import pandas as pd

GRADES = ("full", "degraded", "assumed", "blocked")  # from best to worst

_LEAD_TIME = {
    "supplier_receipts": "lead time measured on the supplier's other receipts",
    "lane_receipts": "lead time of few receipts, drawn to that of similar suppliers",
    "contract": "lead time from the contract, too few receipts",
    "assumption": "lead time assumed by parameter",
}
_DEMAND = {
    "degraded": "lead-time demand rests on weak history",
    "assumed": "lead-time demand is assumed",
    "blocked": "lead-time demand cannot be computed honestly",
}
_COST = {
    "price": "unit cost estimated from the price",
    "default": "unit cost assumed by parameter",
    "unknown": "unit cost unknown, so nothing is told in money but the costs of the parameters",
}


def worst_grade(*grades: pd.Series) -> np.ndarray:
    """The worst of several grades, row by row; an unknown grade counts as blocked."""
    order = {grade: position for position, grade in enumerate(GRADES)}
    ranks = [column.map(order).fillna(len(GRADES) - 1).to_numpy(dtype=int) for column in grades]
    return np.array(GRADES, dtype=object)[np.max(ranks, axis=0)]


def policy_grade_reason(
    *,
    lead_time_source: pd.Series,
    demand_grade: pd.Series,
    cost_source: pd.Series,
    policy_family: pd.Series,
    segment_code: pd.Series,
    is_hardly_wanted: pd.Series,
    fallback_reason: pd.Series,
) -> pd.Series:
    """What is missing or assumed behind a policy, in words; empty where nothing is.

    A family that keeps no stock is named first, since it explains the zeros of the row.
    """
    codes = pd.DataFrame(
        {
            "lead": lead_time_source.map(_LEAD_TIME),
            # What the forecast says of itself is more than its grade does.
            "demand": demand_grade.map(_DEMAND).mask(fallback_reason != "", fallback_reason),
            "cost": cost_source.map(_COST),
        }
    )
    idle = policy_family.isin(("make_to_order", "do_not_stock"))
    named = "segment " + segment_code + " is planned " + policy_family.str.replace("_", " ") + ": no stock is kept"
    named = named.mask(is_hardly_wanted, "expected demand of a year is below the least that stock is kept for")
    parts = pd.concat([named.where(idle).rename("idle"), codes], axis=1).fillna("").astype(str)
    kinds = parts.drop_duplicates()
    sentence = {kind: "; ".join(part for part in kind if part) for kind in kinds.itertuples(index=False, name=None)}
    return pd.Series([sentence[row] for row in parts.itertuples(index=False, name=None)], index=parts.index, dtype=str)
