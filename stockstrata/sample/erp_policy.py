"""The policy that the sample company's ERP holds: one rule for all items, with drift from good values."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.sample.sizes import Scale
from stockstrata.sample.true_demand import WeeklyDemand

_SAFETY_DAYS = 14.0
_COVER_DAYS = 28.0
_DRIFT_SD = 0.3
_REVISED_SHARE = 0.6
_PLANNED_WEEKS = 26
_YEAR_WEEKS = 52
_RELIABLE_WEEKS = 8


@dataclass(frozen=True)
class ErpPolicy:
    """Policy values of n item-locations in V versions; all quantities in units.

    Attributes:
        valid_from_dates: first day of each version (V,).
        is_revised: whether the item-location gets the later versions at all (n,).
        safety_stock_qty: (V, n).
        reorder_point_qty: order when the position is at or below it (V, n).
        order_qty: usual lot (V, n).
        order_up_to_qty: (V, n).
        lead_time_days: contract lead time (n,).
    """

    valid_from_dates: np.ndarray
    is_revised: np.ndarray
    safety_stock_qty: np.ndarray
    reorder_point_qty: np.ndarray
    order_qty: np.ndarray
    order_up_to_qty: np.ndarray
    lead_time_days: np.ndarray


def erp_policy(
    demand: WeeklyDemand,
    *,
    items: pd.DataFrame,
    series: pd.DataFrame,
    suppliers: pd.DataFrame,
    scale: Scale,
    rng: np.random.Generator,
) -> ErpPolicy:
    """Set reorder points to lead-time demand plus the same days of safety for every item, from a drifted mean.

    The first version rests on the first half year on sale; 60 percent of the item-locations are revised each January
    on the year before, the others never are. Contract lead times stand in for real ones, before and after the jump.

    Args:
        demand: true demand with its expectation.
        items: frame of `plan_items`.
        series: frame of `plan_series`.
        suppliers: frame of `plan_suppliers`.
        scale: extent of the company.
        rng: source of randomness.

    Returns:
        The policy in all its versions.
    """
    item = series["item"].to_numpy()
    starts = _version_dates(scale)
    drift = rng.lognormal(-(_DRIFT_SD**2) / 2, _DRIFT_SD, len(series))
    daily = _daily_means(demand, starts, scale) * drift / 7.0
    is_revised = rng.random(len(series)) < _REVISED_SHARE
    daily[1:] = np.where(is_revised, daily[1:], daily[0])
    lead_time = suppliers["contract_days"].to_numpy()[items["supplier"].to_numpy()[item]]
    moq = items["moq"].to_numpy()[item]
    multiple = items["multiple"].to_numpy()[item]
    safety = np.ceil(daily * _SAFETY_DAYS)
    reorder_point = np.maximum(np.ceil(daily * lead_time + safety), 1.0)
    lot = np.maximum(np.ceil(daily * _COVER_DAYS / multiple) * multiple, moq)
    return ErpPolicy(starts, is_revised, safety, reorder_point, lot, reorder_point + lot, lead_time)


def _version_dates(scale: Scale) -> np.ndarray:
    first_year = int(str(scale.first_date)[:4])
    last_year = int(str(scale.last_date)[:4])
    januaries = np.array([np.datetime64(f"{year}-01-01", "D") for year in range(first_year + 1, last_year + 1)])
    return np.append(scale.first_date, januaries[januaries > scale.first_date])


def _daily_means(demand: WeeklyDemand, starts: np.ndarray, scale: Scale) -> np.ndarray:
    """Expected demand a week that each version rests on, (V, n)."""
    age = np.cumsum(demand.is_active, axis=1)
    early = demand.is_active & (age <= _PLANNED_WEEKS)
    planned = (demand.expected_qty * early).sum(axis=1) / np.maximum(early.sum(axis=1), 1)
    means = [planned]
    for start in starts[1:]:
        past = (scale.week_starts < start) & (scale.week_starts >= start - 7 * _YEAR_WEEKS)
        active = demand.is_active & past
        weeks = active.sum(axis=1)
        measured = (demand.expected_qty * active).sum(axis=1) / np.maximum(weeks, 1)
        means.append(np.where(weeks >= _RELIABLE_WEEKS, measured, planned))
    return np.stack(means)
