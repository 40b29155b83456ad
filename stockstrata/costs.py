"""What an item costs to buy, to order and to hold: known figures first, then the cost rates of the parameters."""

import numpy as np
import pandas as pd

from stockstrata.columns import numbers, rows_by_scope, texts
from stockstrata.parameters import PlanningParameters


def item_costs(
    item_locations: pd.DataFrame, *, parameters: PlanningParameters, segment_code: pd.Series | None = None
) -> pd.DataFrame:
    """Costs of each item-location, in the row order of `item_locations`, index from 0.

    A known value beats a rate. A rate is taken by scope: item, else segment, else category, else default. The rates are
    the company's own parameters, so they do not weaken the evidence; a unit cost that a parameter stands in for does.

    Args:
        item_locations: frame of `int_item_locations__planned`.
        parameters: the cost rates.
        segment_code: segment of each row, in the same order; left out before segmentation.

    Returns:
        `unit_cost_amount` (currency per unit; a cost of zero counts as unknown), `unit_cost_source_code` (known,
        price or default), `cost_to_price_rate`, `order_cost_amount` (currency per order), `holding_cost_rate` (share of
        unit cost and year), `evidence_grade` (full, degraded or assumed, after the source of the unit cost).
    """
    codes = {"category": texts(item_locations, "category")}
    if segment_code is not None:
        codes["segment"] = segment_code.reset_index(drop=True)
    codes["item"] = texts(item_locations, "item_id")
    rates = parameters.cost_rates
    chosen = rows_by_scope(rates, codes, len(item_locations))

    def rate(name: str) -> np.ndarray:
        return np.array([getattr(row, name) for row in rates], dtype=float)[chosen]

    known, price = numbers(item_locations, "unit_cost_amount"), numbers(item_locations, "unit_price_amount")
    source = np.where(known > 0, "known", np.where(price > 0, "price", "default"))
    unit_cost = np.select(
        [source == "known", source == "price"],
        [known, price * rate("cost_to_price_rate")],
        default=rate("default_unit_cost_amount"),
    )
    per_unit_year = numbers(item_locations, "holding_cost_per_unit_year_amount")
    location_rate = numbers(item_locations, "location_holding_cost_rate")
    order_cost = numbers(item_locations, "order_cost_amount")
    return pd.DataFrame(
        {
            "unit_cost_amount": unit_cost,
            "unit_cost_source_code": source,
            "cost_to_price_rate": rate("cost_to_price_rate"),
            "order_cost_amount": np.where(order_cost >= 0, order_cost, rate("order_cost_amount")),
            "holding_cost_rate": np.select(
                [per_unit_year > 0, location_rate > 0],
                [per_unit_year / unit_cost, location_rate],
                default=rate("holding_cost_rate"),
            ),
            "evidence_grade": np.select([source == "known", source == "price"], ["full", "degraded"], "assumed"),
        }
    )
