"""Optimal policies of single items, exact for whole demand: what planned policies are measured against.

Heavier than the planned ones: one item at a time, for benchmarks and reference figures.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Optimum:
    """An optimal policy and its cost per period (or unit of time), currency.

    Attributes:
        reorder_point_qty: s or r, units: order at or below it.
        order_up_to_qty: S, or r + Q, units.
        cost_amount: expected cost of a period.
    """

    reorder_point_qty: int
    order_up_to_qty: int
    cost_amount: float


def optimal_reorder_and_level(
    demand_pmf: np.ndarray, *, order_cost: float, holding_cost: float, backlog_cost: float
) -> Optimum:
    """The (s, S) policy of least cost under periodic review without lead time, demand waiting.

    Source: Zheng & Federgruen, Operations Research 39 (1991) 654.

    Args:
        demand_pmf: probability of a demand of 0, 1, 2, ... units in a period.
        order_cost: K, currency per order.
        holding_cost: currency per unit left at the end of a period.
        backlog_cost: currency per unit waiting at the end of a period.

    Example: Snyder & Shen, ex. 4.7: Poisson demand of 6, K = 5, 1 and 4 give (4, 10) at 8.034111561.
    """
    sizes = np.arange(len(demand_pmf))
    one_period = {}

    def cost_at(level: int) -> float:
        if level not in one_period:
            left = level - sizes
            rates = holding_cost * np.maximum(left, 0) + backlog_cost * np.maximum(-left, 0)
            one_period[level] = float(rates @ demand_pmf)
        return one_period[level]

    renewal = [1 / (1 - demand_pmf[0])]
    reached = [0.0, renewal[0]]

    def cost_of(low: int, high: int) -> float:
        span = high - low
        while len(renewal) < span:
            j = len(renewal)
            back = min(j, len(demand_pmf) - 1)
            earlier = sum(demand_pmf[size] * renewal[j - size] for size in range(1, back + 1))
            renewal.append(earlier / (1 - demand_pmf[0]))
            reached.append(reached[-1] + renewal[-1])
        total = order_cost + sum(renewal[j] * cost_at(high - j) for j in range(span))
        return total / reached[span]

    level = int(np.searchsorted(np.cumsum(demand_pmf), backlog_cost / (backlog_cost + holding_cost)))
    low = level - 1
    while cost_of(low, level) > cost_at(low):
        low -= 1
    best_low, best_high, best = low, level, cost_of(low, level)
    high = level + 1
    while cost_at(high) <= best:
        cost = cost_of(best_low, high)
        if cost < best:
            best_high = high
            while cost_of(best_low, best_high) <= cost_at(best_low + 1):
                best_low += 1
            best = cost_of(best_low, best_high)
        high += 1
    return Optimum(best_low, best_high, best)


def optimal_point_and_lot(
    demand_rate: float, lead_time: float, *, order_cost: float, holding_cost: float, backlog_cost: float
) -> Optimum:
    """The (r, Q) policy of least cost under continuous review, Poisson demand that waits.

    Levels are taken in the order of their cost, on either side of the best one, until the next would raise the mean.
    Source: Federgruen & Zheng, Operations Research 40 (1992) 808.

    Args:
        demand_rate: units per unit of time.
        lead_time: units of time.
        order_cost: K, currency per order.
        holding_cost: currency per unit and unit of time.
        backlog_cost: currency per unit waiting and unit of time.

    Example: Snyder & Shen, ex. 5.8: 1.5 a month, 2 months, K = 100, 20 and 150 give r = 3, Q = 5 at 107.92.
    """
    mean = demand_rate * lead_time

    def cost_at(level: int) -> float:
        waiting = mean * stats.poisson.sf(level - 2, mean) - level * stats.poisson.sf(level - 1, mean)
        waiting = max(float(waiting), mean - level) if level > 0 else mean - level
        return holding_cost * (level - mean + waiting) + backlog_cost * waiting

    best = int(stats.poisson.ppf(backlog_cost / (backlog_cost + holding_cost), mean))
    low, high, total = best - 1, best + 1, order_cost * demand_rate + cost_at(best)
    while True:
        count = high - low - 1
        below, above = cost_at(low), cost_at(high)
        if min(below, above) >= total / count:
            return Optimum(low, high - 1, total / count)
        if below <= above:
            low, total = low - 1, total + below
        else:
            high, total = high + 1, total + above


def dynamic_lots(demand: np.ndarray, *, order_cost: float, holding_cost: float) -> tuple[np.ndarray, float]:
    """Orders of each period at the least cost of known demand, units, and that cost.

    Source: Wagner & Whitin, Management Science 5 (1958) 89.

    Args:
        demand: units in each of T periods.
        order_cost: K, currency per order.
        holding_cost: currency per unit carried into the next period.

    Example: Snyder & Shen, ex. 3.9: 90, 120, 80, 70 units at K = 500 and h = 2 are ordered as 210 and, in the third
    period, 150, for 1380.
    """
    count = len(demand)
    least, until = np.zeros(count + 1), np.zeros(count, dtype=np.int64)
    for first in range(count - 1, -1, -1):
        carried = np.cumsum(np.arange(count - first) * demand[first:]) * holding_cost
        cost = np.where(np.cumsum(demand[first:]) > 0, order_cost, 0.0) + carried + least[first + 1 :]
        until[first] = first + 1 + int(np.argmin(cost))
        least[first] = cost.min()
    orders, first = np.zeros(count), 0
    while first < count:
        orders[first] = demand[first : until[first]].sum()
        first = int(until[first])
    return orders, float(least[0])
