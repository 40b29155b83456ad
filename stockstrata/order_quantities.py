"""Order quantities under price breaks, shelf life and shortages: what to order at once, beside the plain EOQ.

Textbook names and examples are those of Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., chapters 3 and 5.
"""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.distributions import Method, loss, quantile
from stockstrata.replenishment import economic_order_quantity, feasible_order_quantity, smallest_feasible_order

Real = np.ndarray | float

_PAIR = re.compile(r"^\s*([0-9.]+)\s*:\s*([0-9.]+)\s*$")
_ITERATIONS = 50


@dataclass(frozen=True)
class PriceBreaks:
    """All-unit prices of n items in up to B tiers; each tier holds for the whole order from its quantity on.

    Attributes:
        from_qty: least quantity of each tier, ascending, (n, B); infinite where an item has fewer tiers.
        price_amount: price of every unit of an order in the tier, (n, B).
    """

    from_qty: np.ndarray
    price_amount: np.ndarray

    def price_at(self, quantity: np.ndarray) -> np.ndarray:
        """Price of a unit in an order of a quantity, currency, (n,)."""
        tier = np.maximum((self.from_qty <= quantity[:, None] * (1 + 1e-12)).sum(axis=1) - 1, 0)
        return self.price_amount[np.arange(len(quantity)), tier]


def price_breaks(stated: pd.Series, unit_cost: np.ndarray) -> PriceBreaks:
    """Tiers of `quantity:price;quantity:price`; below the first stated quantity the unit cost holds.

    Pairs that cannot be read are left out, and so are prices of zero.

    Args:
        stated: text of each item; empty where there are no breaks.
        unit_cost: currency per unit, (n,).

    Example: "200:19.18" and a unit cost of 20.19 give 20.19 below 200 units and 19.18 from there.
    """
    found = [[pair.groups() for pair in map(_PAIR.match, text.split(";")) if pair] for text in stated]
    tiers = [sorted({_number(qty): _number(price) for qty, price in pairs}.items()) for pairs in found]
    tiers = [[(qty, price) for qty, price in pairs if qty > 0 and price > 0] for pairs in tiers]
    width = max(map(len, tiers), default=0) + 1
    from_qty, price = np.full((len(tiers), width), np.inf), np.tile(unit_cost[:, None], (1, width)).astype(float)
    from_qty[:, 0] = 0.0
    for row in np.flatnonzero([bool(pairs) for pairs in tiers]):
        pairs = np.array(tiers[row])
        from_qty[row, 1 : len(pairs) + 1], price[row, 1 : len(pairs) + 1] = pairs[:, 0], pairs[:, 1]
    return PriceBreaks(from_qty, price)


def discounted_order_quantity(
    annual_demand: np.ndarray,
    order_cost: np.ndarray,
    breaks: PriceBreaks,
    holding_cost: np.ndarray,
    minimum: Real,
    multiple: Real,
    *,
    most: Real = np.inf,
) -> np.ndarray:
    """Feasible quantity of least yearly cost `c D + K D / Q + h Q / 2` under all-unit discounts, units, (n,).

    In each tier the best feasible quantity is the one nearest its economic quantity, so one candidate a tier is
    enough. Of two of equal cost the smaller is taken; a larger tier must not ask for more than `most`.

    Args:
        annual_demand: D, units per year, (n,).
        order_cost: K, currency per order, (n,).
        breaks: tiers.
        holding_cost: h in each tier, currency per unit and year, (n, B).
        minimum: least order, units; zero or NaN where there is none.
        multiple: orders are whole numbers of it; zero or NaN where any quantity will do.
        most: most that a discount may lead to, units.

    Example: Snyder & Shen, ex. 3.5: K = 8, D = 1300, i = 0.3, prices 0.75, from 400 0.72, from 800 0.68: 800 units at
    978.60 a year.
    """
    best = np.zeros(len(annual_demand))
    least_cost = np.full(len(annual_demand), np.inf)
    floor = np.nan_to_num(np.broadcast_to(np.asarray(minimum, dtype=float), best.shape))
    for tier in range(breaks.from_qty.shape[1]):
        start = breaks.from_qty[:, tier]
        is_open = np.isfinite(start)
        least = np.maximum(floor, np.where(is_open, start, 0.0))
        order = feasible_order_quantity(annual_demand, order_cost, holding_cost[:, tier], least, multiple)
        is_open &= (order <= most) | (tier == 0)
        cost = purchase_cost(order, annual_demand, order_cost, breaks, holding_cost)
        is_better = is_open & (cost < least_cost * (1 - 1e-12))
        best, least_cost = np.where(is_better, order, best), np.where(is_better, cost, least_cost)
    return best


def purchase_cost(
    order_qty: np.ndarray,
    annual_demand: np.ndarray,
    order_cost: np.ndarray,
    breaks: PriceBreaks,
    holding_cost: np.ndarray,
) -> np.ndarray:
    """Yearly cost of buying, ordering and holding with a quantity, currency, (n,); zero without demand."""
    tier = np.maximum((breaks.from_qty <= order_qty[:, None] * (1 + 1e-12)).sum(axis=1) - 1, 0)
    holding = holding_cost[np.arange(len(order_qty)), tier]
    lot = np.where(order_qty > 0, order_qty, 1.0)
    cost = annual_demand * (breaks.price_at(order_qty) + order_cost / lot) + holding * lot / 2
    return np.where(order_qty > 0, cost, 0.0)


def within_shelf_life(
    order_qty: np.ndarray,
    daily_demand: np.ndarray,
    shelf_life_days: np.ndarray,
    buffer_qty: np.ndarray,
    minimum: Real,
    multiple: Real,
) -> np.ndarray:
    """The order, but no more than is used before it expires: `Q <= d H - B`, units, (n,).

    The oldest stock goes first, so the last unit of an order waits until the buffer and the rest of the order are
    used: (B + Q) / d days. The smallest feasible order stays, and so does what does not expire.

    Args:
        order_qty: Q, units.
        daily_demand: d, units per day.
        shelf_life_days: H, days from receipt; NaN where it keeps.
        buffer_qty: B, stock expected when the order arrives, units.
        minimum: least order, units.
        multiple: orders are whole numbers of it, units.

    Example: 2 a day, 30 days and a buffer of 15 allow 45; in boxes of 12 that is 36.
    """
    most = daily_demand * shelf_life_days - buffer_qty
    step = np.nan_to_num(np.asarray(multiple, dtype=float))
    size = np.where(step > 0, step, 1.0)
    down = np.where(step > 0, np.floor(most / size + 1e-9) * step, most)
    capped = np.maximum(np.maximum(down, smallest_feasible_order(minimum, multiple)), 0.0)
    return np.where(np.isfinite(most) & (order_qty > most) & (capped > 0), np.minimum(order_qty, capped), order_qty)


@dataclass(frozen=True)
class Joint:
    """Order quantity and reorder point chosen together, units, and their yearly cost, (n,)."""

    order_qty: np.ndarray
    reorder_point_qty: np.ndarray
    cost_amount: np.ndarray


def joint_order_quantity(
    method: Method,
    mean: np.ndarray,
    sd: np.ndarray,
    *,
    annual_demand: np.ndarray,
    order_cost: np.ndarray,
    holding_cost: np.ndarray,
    shortage_cost: np.ndarray,
    is_lost: bool,
    shape: np.ndarray | None = None,
) -> Joint:
    """Q and s of least expected cost: ordering, holding, and p for each unit short.

    In turn `s` with `P(X > s) = h Q / (p D)` (lost sales: `h Q / (p D + h Q)`) and `Q = sqrt(2 D (K + p n(s)) / h)`,
    from the economic quantity on; n(s) is what is short in a cycle. The cheapest pair met is kept, so the result never
    costs more than choosing Q first and then s (Hadley & Whitin, Analysis of Inventory Systems, 1963, 4-2 and 4-3).

    Args:
        method: distribution of lead-time demand.
        mean: of lead-time demand, units, (n,).
        sd: of lead-time demand, units, (n,).
        annual_demand: D, units per year.
        order_cost: K, currency per order.
        holding_cost: h > 0, currency per unit and year.
        shortage_cost: p > 0, currency per unit short.
        is_lost: whether what is short is lost.
        shape: as in `distributions.quantile`.

    Example: Snyder & Shen, ex. 5.1: K = 8, h = 0.225, p = 7.5, D = 1300 and lead-time demand of 108.33 with sd 43.30
    give s = 213.97 and Q = 318.59.
    """
    order = economic_order_quantity(annual_demand, order_cost, holding_cost)
    best = Joint(order, np.full(len(order), np.nan), np.full(len(order), np.inf))
    for _ in range(_ITERATIONS):
        owed = shortage_cost * annual_demand + (holding_cost * order if is_lost else 0.0)
        chance = np.clip(1 - holding_cost * order / np.where(owed > 0, owed, 1.0), 0.0, 1 - 1e-9)
        point = np.where(chance > 0, quantile(method, np.maximum(chance, 1e-9), mean, sd, shape), 0.0)
        short = loss(method, point, mean, sd, shape)
        cost = _joint_cost(order, point, short, mean, annual_demand, order_cost, holding_cost, shortage_cost, is_lost)
        is_better = cost < best.cost_amount
        best = Joint(
            np.where(is_better, order, best.order_qty),
            np.where(is_better, point, best.reorder_point_qty),
            np.where(is_better, cost, best.cost_amount),
        )
        new = economic_order_quantity(annual_demand, order_cost + shortage_cost * short, holding_cost)
        if np.allclose(new, order, rtol=1e-10, atol=0.0):
            break
        order = new
    return best


def _joint_cost(
    order: np.ndarray, point: np.ndarray, short: np.ndarray, mean: np.ndarray, demand: np.ndarray, fixed: np.ndarray,
    holding: np.ndarray, penalty: np.ndarray, is_lost: bool,
) -> np.ndarray:  # fmt: skip
    cycles = np.divide(demand, order, out=np.zeros(len(order)), where=order > 0)
    stock = order / 2 + point - mean + (short if is_lost else 0.0)
    return cycles * (fixed + penalty * short) + holding * np.maximum(stock, 0.0)


def production_quantity(annual_demand: Real, annual_capacity: Real, order_cost: Real, holding_cost: Real) -> np.ndarray:
    """Lot of least cost that is made while it is used, `sqrt(2 K D / (h (1 - D / P)))`, units.

    Args:
        annual_demand: D, units per year.
        annual_capacity: P > D, units per year.
        order_cost: K, currency per lot.
        holding_cost: h, currency per unit and year.

    Example: Snyder & Shen, problem 3.22: D = 80, P = 110, K = 4, h = 0.08 give 171.27.
    """
    share = 1 - np.asarray(annual_demand) / annual_capacity
    return economic_order_quantity(annual_demand, order_cost, np.asarray(holding_cost) * share)


def indifferent_band(order_qty: Real, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Quantities between which ordering and holding cost at most a rate more than at the economic quantity, units.

    With x = Q / Q* the cost is (x + 1 / x) / 2 times the least, so x lies between `1 + e -+ sqrt((1 + e)^2 - 1)`.

    Example: five percent more cost lets an economic quantity of 100 lie between 73 and 137.
    """
    half = np.sqrt((1 + rate) ** 2 - 1)
    return np.asarray(order_qty) * (1 + rate - half), np.asarray(order_qty) * (1 + rate + half)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
