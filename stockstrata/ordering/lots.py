"""The usual order of each policy: economic under price breaks and shortage costs, and used before it expires."""

import numpy as np
import pandas as pd

from stockstrata.columns import DAYS_PER_YEAR, numbers, texts
from stockstrata.distributions import SHAPED
from stockstrata.order_quantities import (
    discounted_order_quantity,
    joint_order_quantity,
    price_breaks,
    within_shelf_life,
)
from stockstrata.replenishment import economic_order_quantity, feasible_order_quantity
from stockstrata.service_targets import ECONOMIC
from stockstrata.shaped import shapes_of


def joint_order_cost(
    out: pd.DataFrame, annual_demand: np.ndarray, order_cost: np.ndarray, holding_cost: np.ndarray
) -> np.ndarray:
    """Cost of an order with what its cycle falls short, `K + p n(s)`, currency, (n,).

    With it in place of K the economic quantity is the one of `joint_order_quantity`. It holds for economic targets with
    known costs; elsewhere the service is given and the order costs what it costs.

    Args:
        out: policies with demand, target and costs.
        annual_demand: D, units per year.
        order_cost: K, currency per order; zero where money decides nothing.
        holding_cost: h, currency per unit and year.
    """
    found = order_cost.astype(float).copy()
    shortage = numbers(out, "shortage_cost_per_unit_amount")
    is_economic = (out["service_measure"] == ECONOMIC).to_numpy() & (shortage > 0)
    is_economic &= (order_cost > 0) & (annual_demand > 0) & (holding_cost > 0)
    methods = out["method_code"].to_numpy(dtype=str)
    for method in np.unique(methods[is_economic]):
        rows = np.flatnonzero(is_economic & (methods == method))
        demand, holding = annual_demand[rows], holding_cost[rows]
        shape = shapes_of(out["standard_quantiles"].iloc[rows].tolist()) if method in SHAPED else None
        joint = joint_order_quantity(
            method,
            numbers(out, "lead_time_demand_qty")[rows],
            numbers(out, "lead_time_demand_sd_qty")[rows],
            annual_demand=demand,
            order_cost=order_cost[rows],
            holding_cost=holding,
            shortage_cost=shortage[rows],
            is_lost=True,
            shape=shape,
        )
        plain = economic_order_quantity(demand, order_cost[rows], holding)
        found[rows] = order_cost[rows] * (joint.order_qty / plain) ** 2
    return found


def economic_lots(
    out: pd.DataFrame,
    annual_demand: np.ndarray,
    order_cost: np.ndarray,
    holding_cost: np.ndarray,
    multiple: np.ndarray,
    max_cover_days: np.ndarray,
) -> np.ndarray:
    """Feasible order of least yearly cost, with the supplier's price breaks where money can weigh them, units, (n,).

    A discount never leads to more than the longest cover. Where holding is a share of cost, it falls with the price.

    Args:
        out: policies with costs, minimum and `price_breaks`.
        annual_demand: D, units per year.
        order_cost: K, currency per order, already so low that the plain order keeps the longest cover.
        holding_cost: h, currency per unit and year.
        multiple: order multiple, units.
        max_cover_days: longest demand that an order may cover, days, (n,).
    """
    minimum = numbers(out, "moq_qty")
    order = feasible_order_quantity(annual_demand, order_cost, holding_cost, minimum, multiple)
    stated, cost = texts(out, "price_breaks"), numbers(out, "unit_cost_amount")
    rows = np.flatnonzero(
        (stated != "").to_numpy() & (cost > 0) & (order > 0) & out["is_holding_known"].to_numpy(dtype=bool)
    )
    if not len(rows):
        return order
    breaks = price_breaks(stated.iloc[rows], cost[rows])
    is_stated = out["is_holding_cost_stated"].to_numpy(dtype=bool)[rows]
    by_price = holding_cost[rows, None] * breaks.price_amount / cost[rows, None]
    holding = np.where(is_stated[:, None], holding_cost[rows, None], by_price)
    order[rows] = discounted_order_quantity(
        annual_demand[rows],
        order_cost[rows],
        breaks,
        holding,
        minimum[rows],
        multiple[rows],
        most=annual_demand[rows] * max_cover_days[rows] / DAYS_PER_YEAR,
    )
    return order


def usable_lots(out: pd.DataFrame, buffer_qty: np.ndarray, multiple: np.ndarray) -> pd.DataFrame:
    """Policies whose orders are used before they expire.

    Args:
        out: policies with `order_qty, annual_demand_qty, moq_qty, shelf_life_days`.
        buffer_qty: stock expected when an order arrives, units.
        multiple: order multiple, units.
    """
    order = within_shelf_life(
        out["order_qty"].to_numpy(dtype=float),
        numbers(out, "annual_demand_qty") / DAYS_PER_YEAR,
        numbers(out, "shelf_life_days"),
        buffer_qty,
        numbers(out, "moq_qty"),
        multiple,
    )
    return out.assign(order_qty=order)
