"""When each item-location was launched, and what its first buckets looked like on the day another one was."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.columns import days
from stockstrata.forecasting.metrics import safe_ratio
from stockstrata.panel import DemandPanel
from stockstrata.parameters import NewProductSettings


@dataclass(frozen=True)
class Launches:
    """Beginnings of n item-locations.

    Attributes:
        start: bucket in which each begins, counted from the first of the panel; beyond the panel for a planned launch,
            -1 where there is neither a launch date nor demand, (n,).
        is_seen: whether the history begins before the item-location does, so that the launch lies inside it, (n,).
    """

    start: np.ndarray
    is_seen: np.ndarray


@dataclass(frozen=True)
class Levels:
    """What is known of n item-locations on the day that another one is launched.

    Attributes:
        is_known: whether there is enough history to compare with, (n,).
        is_launch: whether its own launch is compared; otherwise its newest year is, (n,).
        level_qty: demand of a bucket once settled, units, (n,).
        dispersion_qty: variance of a bucket's demand over its mean, units, (n,).
        bucket_count: buckets behind them, (n,).
    """

    is_known: np.ndarray
    is_launch: np.ndarray
    level_qty: np.ndarray
    dispersion_qty: np.ndarray
    bucket_count: np.ndarray


def launches(panel: DemandPanel, attributes: pd.DataFrame, settings: NewProductSettings) -> Launches:
    """Beginning of each item-location of the panel.

    Args:
        panel: demand history up to the cut-off.
        attributes: `start_date, launch_date`, NaT where unknown, rows as in `panel.keys`.
        settings: how long a history must be silent before a first sale is taken for a launch.

    Example: weeks from 2024-01-01 and a start on 2024-01-17 give 2.
    """
    started, dated = days(attributes, "start_date"), days(attributes, "launch_date")
    begin = np.where(np.isnat(started), dated, started)
    first = panel.bucket_start_dates[0].to_datetime64().astype("datetime64[D]")
    if panel.bucket_days == "MS":
        start = (begin.astype("datetime64[M]") - first.astype("datetime64[M]")).astype(float)
    else:
        start = np.floor((begin - first).astype(float) / panel.mean_bucket_days)
    is_unknown = np.isnat(begin)
    start = np.where(is_unknown, -1, np.maximum(np.where(is_unknown, 0.0, start), 0.0)).astype(np.int64)
    margin = np.ceil(settings.unseen_launch_days / panel.mean_bucket_days)
    return Launches(start, np.where(np.isnat(dated), start >= margin, start >= 1))


class KnownDemand:
    """Demand of a panel in the forms that many launch days ask for: sums of any span, and the first buckets of each."""

    def __init__(self, panel: DemandPanel, begun: Launches) -> None:
        self.panel, self.begun = panel, begun
        filled = np.nan_to_num(panel.demand_qty)
        zero = np.zeros((len(filled), 1))
        self._sums = np.concatenate([zero, np.cumsum(filled, axis=1)], axis=1)
        self._squares = np.concatenate([zero, np.cumsum(filled**2, axis=1)], axis=1)

    def first_buckets(self, rows: np.ndarray, count: int) -> np.ndarray:
        """Demand of the first `count` buckets of some rows, all of which have as many, (len(rows), count)."""
        places = self.begun.start[rows][:, None] + np.arange(count)[None, :]
        return self.panel.demand_qty[rows[:, None], places]

    def levels(self, end: int, curve: np.ndarray, settings: NewProductSettings) -> Levels:
        """Levels as known when buckets `end` and later lie in the future.

        A launch inside the history counts with its first buckets over what the curve gives them, so that launches of
        different ages compare; what is older counts with its newest year.

        Args:
            end: buckets known.
            curve: share of the settled level in each bucket of age, (A,).
            settings: buckets that a comparison needs.
        """
        start = np.minimum(self.begun.start, end)
        age = np.where(self.begun.start >= 0, end - start, 0)
        rows = np.arange(len(start))
        is_launch = self.begun.is_seen
        count = np.where(is_launch, np.minimum(age, len(curve)), np.minimum(age, self.panel.season_length))
        low = np.where(is_launch, start, end - count)
        total = self._sums[rows, low + count] - self._sums[rows, low]
        square = self._squares[rows, low + count] - self._squares[rows, low]
        shares = np.concatenate([[0.0], np.cumsum(curve)])
        exposure = np.where(is_launch, shares[np.minimum(count, len(curve))], count)
        level = safe_ratio(total, exposure)
        least = np.ceil(settings.least_analog_days / self.panel.mean_bucket_days)
        # Around its own mean, the curve aside: a ramp of a few buckets adds little to lumps of many.
        variance = safe_ratio(square - safe_ratio(total, count) * total, count - 1.0)
        return Levels(
            is_known=(age >= least) & (total > 0),
            is_launch=is_launch,
            level_qty=level,
            dispersion_qty=safe_ratio(np.maximum(variance, 0.0), safe_ratio(total, count)),
            bucket_count=count,
        )
