"""How much to order: economic order quantity, minimum and multiple, and the parameters of each policy family.

An order is *feasible* when it is at least the supplier's minimum and a whole number of the supplier's multiple; items
counted in whole units have a multiple of one where none is given. Zero or unknown stands for "no minimum" and "no
multiple". Yearly cost of an order quantity Q without shortages: `K D / Q + h Q / 2`.
"""

from dataclasses import dataclass

import numpy as np

from stockstrata.families.kanban import cards_for_level, container_qty

Real = np.ndarray | float

_TINY = 1e-9  # share of a multiple that counts as rounding error of floats


@dataclass(frozen=True)
class OrderRule:
    """Parameters of a policy for every row, units.

    Attributes:
        reorder_point_qty: order when the inventory position is at or below it.
        order_qty: quantity of one order; where the family orders up to a level, the usual quantity.
        order_up_to_qty: level that an order lifts the position to.
    """

    reorder_point_qty: np.ndarray
    order_qty: np.ndarray
    order_up_to_qty: np.ndarray


def economic_order_quantity(annual_demand: Real, order_cost: Real, holding_cost: Real) -> np.ndarray:
    """`sqrt(2 K D / h)`, units; zero without demand or order cost.

    Args:
        annual_demand: D, units per year.
        order_cost: K, currency per order.
        holding_cost: h > 0, currency per unit and year.

    Example:
        Snyder & Shen, Fundamentals of Supply Chain Theory, ex. 3.1: K = 8, D = 1300, h = 0.225 gives 304.05.
    """
    return np.sqrt(2 * np.asarray(order_cost) * np.maximum(annual_demand, 0.0) / holding_cost)


def order_quantity_cost(order_qty: Real, annual_demand: Real, order_cost: Real, holding_cost: Real) -> np.ndarray:
    """Yearly cost of ordering and holding, `K D / Q + h Q / 2`, currency.

    Example:
        Snyder & Shen, ex. 3.1: Q = 304.05 costs 68.41.
    """
    return np.asarray(order_cost) * annual_demand / order_qty + np.asarray(holding_cost) * order_qty / 2


def smallest_feasible_order(minimum: Real, multiple: Real) -> np.ndarray:
    """Least positive feasible quantity, units; zero where neither minimum nor multiple is given."""
    minimum, multiple = _known(minimum), _known(multiple)
    return _up(np.maximum(minimum, multiple), multiple)


def feasible_order_up(quantity: Real, minimum: Real, multiple: Real) -> np.ndarray:
    """Least feasible quantity that is no smaller than `quantity`, units; nothing wanted stays nothing."""
    minimum, multiple = _known(minimum), _known(multiple)
    quantity = np.asarray(quantity, dtype=float)
    return np.where(quantity > _TINY * np.maximum(multiple, 1.0), _up(np.maximum(quantity, minimum), multiple), 0.0)


def feasible_order_quantity(
    annual_demand: Real, order_cost: Real, holding_cost: Real, minimum: Real, multiple: Real
) -> np.ndarray:
    """Feasible quantity of least yearly cost, units; zero without demand.

    The cost is convex in Q, so the best feasible quantity is one of the two feasible neighbours of the economic order
    quantity; of two equal ones the smaller is taken.

    Args:
        annual_demand: D, units per year.
        order_cost: K, currency per order.
        holding_cost: h > 0, currency per unit and year.
        minimum: least order, units; zero or NaN where there is none.
        multiple: orders are whole numbers of it, units; zero or NaN where any quantity will do.
    """
    minimum, multiple = _known(minimum), _known(multiple)
    economic = economic_order_quantity(annual_demand, order_cost, holding_cost)
    least = smallest_feasible_order(minimum, multiple)
    step = np.where(multiple > 0, multiple, 1.0)
    low = np.where(multiple > 0, np.floor(economic / step + _TINY) * multiple, economic)
    low, high = np.maximum(low, least), np.maximum(_up(economic, multiple), least)
    demand = np.maximum(annual_demand, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        dearer = order_quantity_cost(high, demand, order_cost, holding_cost) < order_quantity_cost(
            low, demand, order_cost, holding_cost
        )
    return np.where(demand > 0, np.where(dearer, high, low), 0.0)


def order_rule(
    policy_family: np.ndarray,
    base_qty: np.ndarray,
    order_qty: np.ndarray,
    review_demand: np.ndarray,
    *,
    is_whole: np.ndarray,
    minimum: Real,
    multiple: Real,
) -> OrderRule:
    """Reorder point, order quantity and order-up-to level of each policy family.

    - `s_Q`: at or below s order the smallest number of Q that lifts the position above s; S = s + Q is the level
      reached from exactly s.
    - `s_S`, `R_s_S`, `min_max`, `ddmrp`: at or below s order up to S = s + Q.
    - `kanban`: cards of one container each (the supplier's multiple, else Q), as many as keep the position above s
      (`families.kanban`): S holds all cards, and an order is due when one of them is free.
    - `newsvendor`: one order up to the level for a season of one review period; none while any of it is left.
    - `R_S`: at every review order up to S. After a review the position must be no less than the base-stock level that
      meets the target. The reorder point is S minus the smallest feasible order. With whole units and single-unit
      orders S is the base-stock level itself; a larger minimum or multiple raises S, so that skipping an order that
      would be too small never breaks the target. Without demand, or where no stock is needed, both are zero.
    - `make_to_order`, `do_not_stock`: all zero.

    Args:
        policy_family: family of each row.
        base_qty: level that meets the service target: s, or for `R_S` the base-stock level, units.
        order_qty: feasible order quantity Q, units.
        review_demand: expected demand between two reviews, units.
        is_whole: whether the item is counted in whole units.
        minimum: least order, units.
        multiple: order multiple, units.
    """
    multiple = whole_multiple(multiple, is_whole)
    least = smallest_feasible_order(minimum, multiple)
    periodic = policy_family == "R_S"
    stocked = ~np.isin(policy_family, ("make_to_order", "do_not_stock"))
    card = container_qty(multiple, order_qty)
    cards = cards_for_level(base_qty, np.where(card > 0, card, 1.0))
    reorder = np.where(periodic & (least > 0), base_qty - np.where(is_whole, 1.0, 0.0), base_qty)
    usual = np.where(periodic, feasible_order_up(review_demand, minimum, multiple), order_qty)
    top = reorder + np.where(periodic, least, order_qty)
    idle = periodic & ((review_demand <= 0) | (base_qty <= 0))
    reorder, top = np.where(idle, base_qty, reorder), np.where(idle, base_qty, top)
    is_kanban, is_season = (policy_family == "kanban") & (card > 0), policy_family == "newsvendor"
    reorder = np.select([is_kanban, is_season], [(cards - 1) * card, 0.0], reorder)
    top = np.select([is_kanban, is_season], [cards * card, base_qty], top)
    usual = np.select([is_kanban, is_season], [card, base_qty], usual)
    return OrderRule(np.where(stocked, reorder, 0.0), np.where(stocked, usual, 0.0), np.where(stocked, top, 0.0))


def whole_multiple(multiple: Real, is_whole: np.ndarray) -> np.ndarray:
    """The multiple in force: one unit for items in whole units where none is given; zero where any quantity will do."""
    known = _known(multiple)
    return np.where((known <= 0) & is_whole, 1.0, known)


def _known(value: Real) -> np.ndarray:
    value = np.asarray(value, dtype=float)
    return np.where(value > 0, value, 0.0)


def _up(quantity: np.ndarray, multiple: np.ndarray) -> np.ndarray:
    step = np.where(multiple > 0, multiple, 1.0)
    return np.where(multiple > 0, np.ceil(quantity / step - _TINY) * multiple, quantity)
