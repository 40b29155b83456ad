"""Everything that the sample company is and does, before it is written into extract tables."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.sample.erp_policy import ErpPolicy
from stockstrata.sample.order_lines import OrderLines
from stockstrata.sample.replenishment import StockHistory
from stockstrata.sample.sizes import Scale
from stockstrata.sample.true_demand import WeeklyDemand


@dataclass(frozen=True)
class Plan:
    """One company: positions in one table (item, location, supplier, customer) are rows of the other.

    Attributes:
        scale: extent.
        items: frame of `plan_items`.
        series: frame of `plan_series`, one row an item-location.
        locations: extract table of locations.
        suppliers: frame of `plan_suppliers`.
        customers: extract table of customers.
        promotions: frame of `plan_promotions`.
        running_promotion: row of the promotion that runs, -1 for none (item-locations, weeks).
        calendar: extract table of the calendar.
        prices: list price a year, (years, items), with `price_dates`.
        price_dates: first day of each list price.
        demand: true demand a week.
        lines: order lines asked for; None where the grain is the week.
        policy: ERP policy.
        history: stock through time.
    """

    scale: Scale
    items: pd.DataFrame
    series: pd.DataFrame
    locations: pd.DataFrame
    suppliers: pd.DataFrame
    customers: pd.DataFrame
    promotions: pd.DataFrame
    running_promotion: np.ndarray
    calendar: pd.DataFrame
    prices: np.ndarray
    price_dates: np.ndarray
    demand: WeeklyDemand
    lines: OrderLines | None
    policy: ErpPolicy
    history: StockHistory

    def ids(self, series: np.ndarray) -> dict[str, np.ndarray]:
        """Columns `item_id` and `location_id` of the item-locations given by position."""
        names = ("item_id", "location_id")
        return {name: self.series[name].to_numpy(dtype=object)[series] for name in names}

    def dates(self, day: np.ndarray) -> np.ndarray:
        """Days of the history as `datetime64[ns]`; NaT where the day is negative or after the last one."""
        known = (day >= 0) & (day < self.scale.day_count)
        dates = self.scale.first_date + np.where(known, day, 0).astype("timedelta64[D]")
        return np.where(known, dates, np.datetime64("NaT", "D")).astype("datetime64[ns]")
