"""Kanban: how many cards of one container each circulate."""

import numpy as np

Real = np.ndarray | float


def card_count(daily_demand: Real, replenishment_days: Real, safety_rate: Real, container_qty: Real) -> np.ndarray:
    """`ceil(d L (1 + a) / C)` cards, whole number.

    Args:
        daily_demand: d, units per day.
        replenishment_days: L, production or transport and waiting, days.
        safety_rate: a, what is kept beyond expected demand as a share of it.
        container_qty: C > 0, units in a container.

    Example: 100 a day, 2 days, a tenth more, containers of 25: 220 / 25 = 8.8, so 9 cards (Monden, Toyota Production
    System).
    """
    level = np.asarray(daily_demand) * replenishment_days * (1 + np.asarray(safety_rate))
    return np.ceil(np.round(level / container_qty, 9))


def cards_for_level(level_qty: Real, container_qty: Real) -> np.ndarray:
    """Cards with which the position never stays at or below a level: those that cover it, and the one being emptied.

    A card is free once its container is empty, so with N cards the position lies between (N - 1) C and N C.

    Example: a level of 110 and containers of 25 take 5 + 1 cards: the position goes from 150 down to 125.
    """
    return np.ceil(np.round(np.asarray(level_qty) / container_qty, 9)) + 1


def container_qty(order_multiple: Real, lot_qty: Real) -> np.ndarray:
    """Units in a container: the supplier's multiple where it is more than one, else the usual order."""
    multiple = np.nan_to_num(np.asarray(order_multiple, dtype=float))
    return np.where(multiple > 1, multiple, lot_qty)
