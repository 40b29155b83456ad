"""What depending on one supplier costs, and from where a second source or a buffer is worth its money.

A disruption stops all deliveries for a time. Stock on hand bridges its first days; a supplier that is qualified already
ends it after its own lead time. What is short then costs the margin of the units and the cost of the lines that stand.
The yearly expected loss adds up over scenarios: `sum(p_i * loss(T_i))`.
"""

from dataclasses import dataclass

import numpy as np
import scipy  # loads its parts when they are first used: the code location does without

from stockstrata.parameters import DisruptionScenario


@dataclass(frozen=True)
class Exposure:
    """What a day without deliveries costs, one element an item-location.

    Attributes:
        cover_days: days that stock on hand lasts at expected demand; infinite without demand.
        daily_loss_amount: margin of a day's demand and cost of a day of standing lines, currency.
        alternative_days: days until another qualified supplier delivers; infinite where there is none.
    """

    cover_days: np.ndarray
    daily_loss_amount: np.ndarray
    alternative_days: np.ndarray


def disruption_loss(exposure: Exposure, duration_days: float) -> np.ndarray:
    """Loss of one disruption: `max(min(T, alternative) - cover, 0)` days at the daily loss, currency.

    Example: 90 days without an alternative, 30 days of cover and 100 a day lose 6,000.
    """
    out_days = np.maximum(np.minimum(duration_days, exposure.alternative_days) - exposure.cover_days, 0.0)
    return out_days * exposure.daily_loss_amount


def expected_loss(exposure: Exposure, scenarios: tuple[DisruptionScenario, ...]) -> np.ndarray:
    """Yearly expected loss, currency: the loss of each scenario with its yearly rate.

    Example: `expected_loss(exposure, parameters.disruption_scenarios)`.
    """
    parts = [row.rate_per_year * disruption_loss(exposure, row.duration_days) for row in scenarios]
    return np.sum(parts, axis=0)


def break_even_rate(yearly_cost: np.ndarray, saved_per_disruption: np.ndarray) -> np.ndarray:
    """Disruptions a year from which a measure pays: `p* = cost / saved loss`; infinite where it saves nothing.

    Example: a second source of 5,000 a year that saves 100,000 a disruption pays from 0.05 disruptions a year.
    """
    saves = saved_per_disruption > 0
    return np.where(saves, yearly_cost / np.where(saves, saved_per_disruption, 1.0), np.inf)


@dataclass(frozen=True)
class DisruptedOrder:
    """Order quantity, units, and its yearly cost, currency, of `order_quantity_with_disruptions`."""

    order_qty: float
    cost_amount: float


def order_quantity_with_disruptions(
    *,
    fixed_cost: float,
    holding_cost: float,
    stockout_cost: float,
    demand_rate: float,
    disruption_rate: float,
    recovery_rate: float,
) -> DisruptedOrder:
    """Economic order quantity where the supplier is up and down at random and what is short is lost.

    `g(Q) = (K + h Q^2 / (2 D) + p D psi / mu) / (Q / D + psi / mu)` with
    `psi = lambda / (lambda + mu) (1 - e^(-(lambda + mu) Q / D))` (Berk & Arreola-Risa, 1994, Naval Research Logistics
    41, 129; Snyder & Shen, Fundamentals of Supply Chain Theory, section 9.2).

    Args:
        fixed_cost: K, currency per order.
        holding_cost: h, currency per unit and year.
        stockout_cost: p, currency per unit lost.
        demand_rate: D, units per year.
        disruption_rate: lambda, disruptions per year that the supplier is up.
        recovery_rate: mu, recoveries per year that it is down.

    Example: example 9.1 there, with 8, 0.225, 5, 1300, 1.5 and 14, gives 772.81 units at 173.95 a year.
    """

    def cost(order_qty: float) -> float:
        both = disruption_rate + recovery_rate
        down = disruption_rate / both * (1 - np.exp(-both * order_qty / demand_rate)) / recovery_rate
        spent = fixed_cost + holding_cost * order_qty**2 / (2 * demand_rate) + stockout_cost * demand_rate * down
        return float(spent / (order_qty / demand_rate + down))

    largest = 10 * np.sqrt(2 * fixed_cost * demand_rate / holding_cost) + 10 * demand_rate / recovery_rate
    best = scipy.optimize.minimize_scalar(
        cost, bounds=(1e-9 * largest, largest), method="bounded", options={"xatol": 1e-9 * largest}
    )
    return DisruptedOrder(float(best.x), float(best.fun))
