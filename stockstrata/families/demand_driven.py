"""Demand-driven buffers: red, yellow and green zones, and where the net flow stands in them.

Source: Ptak & Smith, Demand Driven Material Requirements Planning, 3rd ed., chapters 7 to 9.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stockstrata.errors import ParameterError
from stockstrata.parameters import BufferProfile

Real = np.ndarray | float
ZONES = ("red", "yellow", "green", "above")


@dataclass(frozen=True)
class Zones:
    """Sizes of the zones, units, (n,) each.

    Attributes:
        red: safety: red base and red safety.
        yellow: demand over the lead time.
        green: the usual order.
    """

    red: np.ndarray
    yellow: np.ndarray
    green: np.ndarray

    @property
    def top_of_yellow(self) -> np.ndarray:
        """Order when the net flow is at or below it."""
        return self.red + self.yellow

    @property
    def top_of_green(self) -> np.ndarray:
        """Order up to it."""
        return self.top_of_yellow + self.green


def zones(
    daily_demand: Real,
    lead_time_days: Real,
    *,
    lead_time_factor: Real,
    variability_factor: Real,
    least_order: Real = 0.0,
    order_cycle_days: Real = 0.0,
) -> Zones:
    """Red, yellow and green zone.

    Yellow = d L; red = d L f (1 + v); green = the largest of d L f, the least order and the demand of an order cycle.

    Args:
        daily_demand: d, average daily usage, units per day.
        lead_time_days: L, decoupled lead time, days.
        lead_time_factor: f, from 0 to 1; the smaller the longer the lead time.
        variability_factor: v, from 0 to 1; the larger the more variable.
        least_order: units.
        order_cycle_days: days between orders wanted or imposed.

    Example: 10 a day, 12 days, factors 0.5 and 0.5, a least order of 50, a cycle of 7 days: yellow 120, red base 60 and
    red safety 30, green 70.
    """
    yellow = np.asarray(daily_demand, dtype=float) * lead_time_days
    base = yellow * lead_time_factor
    green = np.maximum(np.maximum(base, np.nan_to_num(np.asarray(least_order, dtype=float))),
                       np.asarray(daily_demand) * order_cycle_days)  # fmt: skip
    return Zones(base * (1 + np.asarray(variability_factor)), yellow, green)


def zone_of(net_flow: np.ndarray, sizes: Zones) -> np.ndarray:
    """Zone in which a net flow (on hand + on order - what is owed) stands; at a border the lower zone, (n,)."""
    tops = [sizes.red, sizes.top_of_yellow, sizes.top_of_green]
    return np.select([net_flow <= top for top in tops], ZONES[:3], ZONES[3])


def profile_of(lead_time_days: np.ndarray, demand_cv: np.ndarray, profiles: Sequence[BufferProfile]) -> np.ndarray:
    """Position of the first profile, by priority, whose limits an item-location keeps, (n,).

    Raises:
        ParameterError: no profile holds for one of them.
    """
    by_priority = sorted(range(len(profiles)), key=lambda row: (profiles[row].priority, profiles[row].profile_code))
    holds = [
        (lead_time_days <= _limit(profiles[row].max_lead_time_days))
        & (demand_cv <= _limit(profiles[row].max_demand_cv))
        for row in by_priority
    ]
    if not holds or not np.logical_or.reduce(holds).all():
        raise ParameterError("buffer_profiles.csv: no profile holds for some item-locations; add one without limits.")
    return np.array(by_priority)[np.argmax(np.stack(holds), axis=0)]


def planned_zones(
    daily_demand: np.ndarray,
    lead_time_days: np.ndarray,
    demand_cv: np.ndarray,
    least_order: np.ndarray,
    order_cycle_days: np.ndarray,
    profiles: Sequence[BufferProfile],
) -> Zones:
    """Zones by the profile of each item-location; arguments as in `zones` and `profile_of`, (n,)."""
    place = profile_of(lead_time_days, np.nan_to_num(demand_cv), profiles)
    return zones(
        daily_demand,
        lead_time_days,
        lead_time_factor=np.array([row.lead_time_factor_rate for row in profiles])[place],
        variability_factor=np.array([row.variability_factor_rate for row in profiles])[place],
        least_order=least_order,
        order_cycle_days=order_cycle_days,
    )


def _limit(value: float | None) -> float:
    return np.inf if value is None else value
