"""Lifecycle stage of each item-location: dates beat statistics.

In this order: `eol` when its phase-out date lies before the cut-off or as close ahead as an item counts as new, or
when its successor has been launched; `npi` until the age at which an item stops being new; `dormant` when there was no
demand for long, or never; `growth` or `decline` by the demand trend; else `mature`.
"""

import datetime as dt

import numpy as np
import pandas as pd

from stockstrata.columns import days, texts
from stockstrata.parameters import PlanningSettings
from stockstrata.segmentation.demand_trend import DemandTrend


def lifecycle_stage(
    item_locations: pd.DataFrame, trend: DemandTrend, *, settings: PlanningSettings, cut_off_date: dt.date
) -> np.ndarray:
    """Stage of each row: npi, growth, mature, decline, eol or dormant.

    Args:
        item_locations: `item_id, start_date, phase_out_date, last_demand_date, launch_date, successor_item_id`.
        trend: demand trend of the same rows.
        settings: ages and spans, days.
        cut_off_date: first day that is not known.
    """
    cut_off = np.datetime64(cut_off_date, "D")
    start, last = days(item_locations, "start_date"), days(item_locations, "last_demand_date")
    phase_out = days(item_locations, "phase_out_date")
    announced = phase_out < cut_off + np.timedelta64(round(settings.lifecycle_new_days), "D")
    age, idle = _days_until(cut_off, start), _days_until(cut_off, last)
    return np.select(
        [
            announced | _has_launched_successor(item_locations, cut_off),
            age < settings.lifecycle_new_days,
            ~(idle < settings.lifecycle_dormant_days),
            trend.is_declining,
            trend.is_growing,
        ],
        ["eol", "npi", "dormant", "decline", "growth"],
        default="mature",
    )


def _days_until(cut_off: np.datetime64, day: np.ndarray) -> np.ndarray:
    """Days from each day to the cut-off, NaN where the day is unknown."""
    return np.where(np.isnat(day), np.nan, (cut_off - day).astype(float))


def _has_launched_successor(item_locations: pd.DataFrame, cut_off: np.datetime64) -> np.ndarray:
    """Whether the successor item began (launch date, else first demand) before the cut-off at any location."""
    launch, start = days(item_locations, "launch_date"), days(item_locations, "start_date")
    begun = (launch < cut_off) | (np.isnat(launch) & (start < cut_off))
    item, successor = texts(item_locations, "item_id"), texts(item_locations, "successor_item_id")
    launched = set(item[begun])
    return (successor.isin(launched) & (successor != item) & (successor != "")).to_numpy()
