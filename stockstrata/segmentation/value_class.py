"""ABC: rank by value inside a scope; the item that crosses a cut belongs to the upper class."""

import numpy as np
import pandas as pd

from stockstrata.columns import numbers, texts
from stockstrata.parameters import PlanningSettings, ValueMetric

_SHARE_DIGITS = 12  # shares are compared after rounding, so that a change of currency cannot move a tie at a cut


def item_value(item_locations: pd.DataFrame, costs: pd.DataFrame, *, metric: ValueMetric) -> pd.DataFrame:
    """Value of each row over the ABC look-back, and how well it is known.

    - consumption_value: demand times unit cost, currency; negative where returns exceed sales. The median of the known
      unit costs stands in for one that nothing tells; where none is known, units are ranked.
    - revenue: revenue of the demand lines; without prices there, demand times unit price, else demand times unit cost
      over the cost-to-price rate; currency.
    - margin: revenue less consumption value, currency.
    - volume: demand, units. hits: demand lines.

    Args:
        item_locations: frame of `int_item_locations__planned`.
        costs: `costs.item_costs` of the same rows.
        metric: what to rank by.

    Returns:
        `abc_value`, `evidence_grade`.
    """
    quantity = np.nan_to_num(numbers(item_locations, "abc_demand_qty"))
    full = np.full(len(quantity), "full", dtype=object)
    if metric == "volume":
        return pd.DataFrame({"abc_value": quantity, "evidence_grade": full})
    if metric == "hits":
        return pd.DataFrame(
            {"abc_value": np.nan_to_num(numbers(item_locations, "abc_line_count")), "evidence_grade": full}
        )
    consumption = quantity * _comparable_cost(costs)
    cost_grade = costs["evidence_grade"].to_numpy(dtype=object)
    if metric == "consumption_value":
        return pd.DataFrame({"abc_value": consumption, "evidence_grade": cost_grade})
    booked, price = numbers(item_locations, "abc_revenue_amount"), numbers(item_locations, "unit_price_amount")
    is_booked, has_price = np.isfinite(booked), price > 0
    estimate = np.where(has_price, quantity * price, consumption / costs["cost_to_price_rate"].to_numpy())
    revenue = np.where(is_booked, booked, estimate)
    grade = np.where(is_booked, "full", np.where(has_price, "degraded", cost_grade))
    grade = np.where(~is_booked & ~has_price & (grade == "full"), "degraded", grade)
    if metric == "revenue":
        return pd.DataFrame({"abc_value": revenue, "evidence_grade": grade})
    grade = np.where((grade == "full") | (cost_grade == "assumed"), cost_grade, grade)
    return pd.DataFrame({"abc_value": revenue - consumption, "evidence_grade": grade})


def _comparable_cost(costs: pd.DataFrame) -> np.ndarray:
    cost = costs["unit_cost_amount"]
    return cost.fillna(cost.median()).fillna(1.0).to_numpy(dtype=float)


def classify_value(item_locations: pd.DataFrame, value: np.ndarray, *, settings: PlanningSettings) -> pd.DataFrame:
    """ABC class and shares of each row.

    Rows are sorted by value, largest first, ties by item and location. A row whose share of value *before* it lies
    below the A cut is A, below the B cut is B, else C; so the largest row is always A. Rows without value, or with a
    negative one, are C with share zero. A class fixed by the business wins.

    Args:
        item_locations: `item_id, location_id, abc_override_code`.
        value: value of each row.
        settings: scope and cuts.

    Returns:
        `abc_code`, `value_share_rate` (sums to 1 in each scope that has value), `cumulative_share_rate`.
    """
    rows = pd.DataFrame(
        {
            "item_id": texts(item_locations, "item_id"),
            "location_id": texts(item_locations, "location_id"),
            "value": np.where(np.isfinite(value), np.maximum(value, 0.0), 0.0),
        }
    )
    rows["scope"] = rows["location_id"] if settings.abc_scope == "location" else ""
    ranked = rows.sort_values(
        ["scope", "value", "item_id", "location_id"], ascending=[True, False, True, True], kind="stable"
    )
    running = ranked.groupby("scope")["value"].cumsum()
    total = running.groupby(ranked["scope"]).transform("last")
    share = (ranked["value"] / total).fillna(0.0)
    cumulative = (running / total).fillna(0.0)
    before = ((running - ranked["value"]) / total).fillna(0.0).round(_SHARE_DIGITS)
    code = np.select([before < settings.abc_cut_a_rate, before < settings.abc_cut_b_rate], ["A", "B"], "C")
    ranked["abc_code"] = np.where(ranked["value"] > 0, code, "C")
    out = ranked.assign(value_share_rate=share, cumulative_share_rate=cumulative).sort_index()
    override = texts(item_locations, "abc_override_code").str.strip().str.upper()
    fixed = override.isin(["A", "B", "C"])
    out["abc_code"] = np.where(fixed, override, out["abc_code"])
    return out.loc[:, ["abc_code", "value_share_rate", "cumulative_share_rate"]]
