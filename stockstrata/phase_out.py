"""Policies that end or fade with their item: no order that could not be sold, no lot beyond what is still wanted."""

import datetime as dt

import numpy as np
import pandas as pd

from stockstrata.columns import DAYS_PER_YEAR, days, numbers, texts
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


def decline_rate(assignment: pd.DataFrame, span_days: float) -> np.ndarray:
    """Share by which the demand of a declining item-location falls a day, continuously; 0 where it does not decline.

    Demand of a span over that of the span before is `exp(-rate * span)`. A span without demand counts as a hundredth.

    Args:
        assignment: frame of `segmentation.segment_assignment`: `lifecycle_code, demand_trend_ratio`.
        span_days: length of each span, days.

    Example: half the demand in 182 days is a rate of ln 2 / 182 = 0.0038 a day.
    """
    ratio = np.clip(numbers(assignment, "demand_trend_ratio"), 0.01, 1.0)
    falls = (texts(assignment, "lifecycle_code") == "decline").to_numpy() & np.isfinite(ratio)
    return np.where(falls, -np.log(np.where(falls, ratio, 1.0)) / span_days, 0.0)


def fading_demand(daily_qty: np.ndarray, rate: np.ndarray, horizon_days: float = np.inf) -> np.ndarray:
    """Demand of a horizon that begins with a daily demand and falls by a rate, units; of all time without a horizon.

    `m (1 - exp(-r H)) / r`; NaN where nothing falls and there is no horizon.

    Args:
        daily_qty: m, units a day, (n,).
        rate: r, a day, (n,).
        horizon_days: H, days.

    Example: one a day that halves in 182 days comes to 262.6 in all, and to 197.3 in a year.
    """
    flat = daily_qty * horizon_days if np.isfinite(horizon_days) else np.full(len(daily_qty), np.nan)
    weight = -np.expm1(-rate * horizon_days) if np.isfinite(horizon_days) else np.ones(len(rate))
    return np.divide(daily_qty * weight, rate, out=flat, where=rate > 0)


def yearly_demand(out: pd.DataFrame) -> np.ndarray:
    """Demand that lots of the coming year are weighed for, units; less than `annual_demand_qty` where it declines.

    Args:
        out: `annual_demand_qty, decline_rate`.
    """
    daily = out["annual_demand_qty"].to_numpy(dtype=float) / DAYS_PER_YEAR
    rate = out["decline_rate"].to_numpy(dtype=float)
    fading = fading_demand(daily, rate, DAYS_PER_YEAR)
    return np.where(rate > 0, fading, out["annual_demand_qty"].to_numpy(dtype=float))


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
