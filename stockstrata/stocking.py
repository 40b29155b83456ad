"""Whether to keep an item in stock at all: the expected yearly cost of either side.

In stock: holding of what lies there on average, orders, and what falls short. Not in stock: every unit asked for counts
as short, and nothing is held. Where no cost of falling short is known, nothing is decided. An item whose criticality
has a floor stays in stock whatever it costs (Silver, Pyke & Thomas, 8.5).
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class StockingDecision:
    """Yearly costs, currency, NaN where not known, and `stock`, `do_not_stock`, `criticality_floor` or `not_judged`."""

    stocked_cost_amount: np.ndarray
    unstocked_cost_amount: np.ndarray
    decision_code: np.ndarray


def average_stock(safety_stock_qty: np.ndarray, order_qty: np.ndarray) -> np.ndarray:
    """Stock on the shelf on average, units: the buffer and half an order."""
    return safety_stock_qty + order_qty / 2


def stocking_decision(
    *,
    annual_demand_qty: np.ndarray,
    stock_qty: np.ndarray,
    order_qty: np.ndarray,
    fill_rate: np.ndarray,
    holding_cost: np.ndarray,
    order_cost: np.ndarray,
    shortage_cost: np.ndarray,
    has_floor: np.ndarray,
) -> StockingDecision:
    """The cheaper side of each item-location.

    Args:
        annual_demand_qty: D, units.
        stock_qty: average stock under the policy, units.
        order_qty: Q, units.
        fill_rate: share of demand served from the shelf under the policy.
        holding_cost: h, currency per unit and year.
        order_cost: K, currency.
        shortage_cost: p, currency per unit short.
        has_floor: whether criticality keeps the item in stock.

    Example: D = 2, stock of 2 at h = 10 and K = 0 costs 20 a year; with p = 5 doing without costs 10, so do without.
    """
    orders = np.divide(annual_demand_qty, order_qty, out=np.zeros_like(stock_qty), where=order_qty > 0)
    missed = (1 - np.nan_to_num(fill_rate, nan=1.0)) * annual_demand_qty * shortage_cost
    stocked = stock_qty * holding_cost + orders * order_cost + missed
    unstocked = annual_demand_qty * shortage_cost
    is_known = np.isfinite(stocked) & np.isfinite(unstocked)
    code = np.select(
        [has_floor, ~is_known, stocked <= unstocked], ["criticality_floor", "not_judged", "stock"], "do_not_stock"
    )
    return StockingDecision(stocked, unstocked, code)
