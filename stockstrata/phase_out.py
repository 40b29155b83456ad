"""Policies that end with their item: no order that could not be sold, and lots no larger than what is still wanted."""

import datetime as dt

import numpy as np
import pandas as pd

from stockstrata.columns import days, numbers
from stockstrata.replenishment import OrderRule


def residual_demand(item_locations: pd.DataFrame, daily_qty: np.ndarray, cut_off_date: dt.date) -> np.ndarray:
    """Demand expected from the cut-off to the day of phase-out, units; NaN where none is announced.

    Args:
        item_locations: `phase_out_date`, the day from which the item is no longer sold.
        daily_qty: expected demand a day, units.
        cut_off_date: day that orders are dated.

    Example: 2 a day and phase-out in 30 days leave 60.
    """
    left = (days(item_locations, "phase_out_date") - np.datetime64(cut_off_date, "D")).astype(float)
    announced = ~np.isnat(days(item_locations, "phase_out_date"))
    return np.where(announced, np.maximum(left, 0.0) * daily_qty, np.nan)


def arrives_too_late(item_locations: pd.DataFrame, lead_time_days: np.ndarray, cut_off_date: dt.date) -> np.ndarray:
    """Whether an order of the cut-off would arrive on the day of phase-out or after it."""
    phase_out = days(item_locations, "phase_out_date")
    arrival = np.datetime64(cut_off_date, "D") + np.ceil(lead_time_days).astype("timedelta64[D]")
    return ~np.isnat(phase_out) & (arrival >= phase_out)


def ended(rule: OrderRule, residual_qty: np.ndarray, is_whole: np.ndarray) -> OrderRule:
    """Levels and lots no larger than residual demand, minimum or not; unchanged where it is NaN.

    Args:
        rule: of the policy without an end.
        residual_qty: demand expected until phase-out, units.
        is_whole: whether the item is counted in whole units.
    """
    most = np.where(np.isnan(residual_qty), np.inf, np.where(is_whole, np.ceil(residual_qty - 1e-9), residual_qty))
    return OrderRule(*(np.minimum(getattr(rule, name), most) for name in rule.__dataclass_fields__))


def limited_order(order_qty: np.ndarray, position_qty: np.ndarray, policy: pd.DataFrame) -> np.ndarray:
    """Orders that lift the position no higher than residual demand, units; whatever the minimum.

    Args:
        order_qty: without an end, units.
        position_qty: inventory position, units.
        policy: `residual_demand_qty`, null where no phase-out is announced.
    """
    residual = numbers(policy, "residual_demand_qty")
    room = np.maximum(np.ceil(residual - 1e-9) - position_qty, 0.0)
    return np.where(np.isnan(residual), order_qty, np.minimum(order_qty, room))
