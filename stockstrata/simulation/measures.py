# ruff: noqa: ANN001, ANN202 - compiled helpers take arrays and numbers, whose types the compiler infers
"""From the sums of rows to measures of item-locations with Monte Carlo standard errors."""

import numpy as np
import pandas as pd

from stockstrata.simulation.compiling import compiled, part
from stockstrata.simulation.layout import (
    BACKLOG,
    CYCLES,
    DEMAND,
    GOOD_CYCLES,
    LOST,
    ON_HAND,
    ON_ORDER,
    ORDERED,
    ORDERS,
    READY_PERIODS,
    RECEIVED,
    SERVED,
    SHORT_PERIODS,
)

FIGURES = (
    "demand_qty", "served_qty", "cycle_count", "good_cycle_count", "mean_on_hand_qty", "mean_backlog_qty",
    "mean_on_order_qty", "stock_out_period_count", "ready_rate", "order_count", "ordered_qty", "received_qty",
    "lost_qty", "holding_cost_amount", "shortage_cost_amount", "order_cost_amount", "total_cost_amount",
)  # fmt: skip
"""What is worked out for each path. Services are ratios of two of them: fill rate of the second to the first, cycle
service level of the fourth to the third."""

_COUNT = len(FIGURES)
_SHOWN = tuple(name for name in FIGURES if name not in ("served_qty", "cycle_count", "good_cycle_count"))


class Moments:
    """Mean and spread of the figures over paths, taken in path by path, so that chunks change nothing.

    Attributes:
        count: paths so far, (items,).
        mean: (items, figures).
        square: sums of squared deviations, (items, figures).
        cross: sums of products of deviations: served with demand, good cycles with cycles, (items, 2).
    """

    def __init__(self, item_count: int) -> None:
        self.count = np.zeros(item_count)
        self.mean = np.zeros((item_count, _COUNT))
        self.square = np.zeros((item_count, _COUNT))
        self.cross = np.zeros((item_count, 2))

    def take(
        self, items: slice, sums: np.ndarray, costs: np.ndarray, period_count: int, less: np.ndarray | None = None
    ) -> None:
        """Take in the paths of some item-locations.

        Args:
            items: which.
            sums: measured sums, (items, SUMS, paths).
            costs: (items, 4), as `Costs.matrix`.
            period_count: measured periods.
            less: sums of another policy on the same draws, to take the figures' differences instead.
        """
        other = sums if less is None else less
        _take(
            sums, other, less is not None, costs[items], float(period_count),
            self.count[items], self.mean[items], self.square[items], self.cross[items],
        )  # fmt: skip

    def mean_of(self, name: str) -> np.ndarray:
        """Mean of a figure, (items,)."""
        return self.mean[:, FIGURES.index(name)]

    def error_of(self, name: str) -> np.ndarray:
        """Standard error of that mean, (items,); NaN with a single path."""
        return np.sqrt(self.square[:, FIGURES.index(name)] / self._freedom())

    def ratio(self, over: str, under: str, pair: int) -> tuple[np.ndarray, np.ndarray]:
        """Ratio of two means and its standard error (delta method: residuals `x - ratio y`), (items,).

        One where there is nothing under the line.
        """
        x, y = FIGURES.index(over), FIGURES.index(under)
        below = np.where(self.mean[:, y] > 0, self.mean[:, y], 1.0)
        found = np.where(self.mean[:, y] > 0, self.mean[:, x] / below, 1.0)
        spread = self.square[:, x] - 2 * found * self.cross[:, pair] + found**2 * self.square[:, y]
        return found, np.sqrt(np.maximum(spread, 0.0) / self._freedom()) / below

    def table(self, item_id: np.ndarray) -> pd.DataFrame:
        """One row for each item-location: services and figures, each with its standard error (`run.simulate`)."""
        columns: dict[str, np.ndarray] = {"item_id": item_id}
        columns["cycle_service_level"], columns["cycle_service_level_se"] = self.ratio(
            "good_cycle_count", "cycle_count", 1
        )
        columns["fill_rate"], columns["fill_rate_se"] = self.ratio("served_qty", "demand_qty", 0)
        return pd.DataFrame(columns | self._with_errors(_SHOWN))

    def differences(self, item_id: np.ndarray) -> pd.DataFrame:
        """As `table` for figures that are differences: without demand, which is equal, and cycle service."""
        ratio, error = self.ratio("served_qty", "demand_qty", 0)
        fill = {"fill_rate": np.where(self.mean_of("demand_qty") > 0, ratio, 0.0), "fill_rate_se": error}
        return pd.DataFrame({"item_id": item_id} | fill | self._with_errors(_SHOWN[1:]))

    def _with_errors(self, names: tuple[str, ...]) -> dict[str, np.ndarray]:
        columns: dict[str, np.ndarray] = {}
        for name in names:
            columns[name], columns[f"{name}_se"] = self.mean_of(name), self.error_of(name)
        return columns

    def _freedom(self) -> np.ndarray:
        return np.where(self.count > 1, (self.count - 1) * self.count, np.nan)


@part
def _figures(sums, i, p, costs, periods, out):
    row = sums[i, :, p]
    out[0], out[1] = row[DEMAND], row[SERVED]
    # A path in which no replenishment cycle ended is one cycle.
    out[2] = row[CYCLES] if row[CYCLES] > 0.0 else 1.0
    out[3] = row[GOOD_CYCLES] if row[CYCLES] > 0.0 else (1.0 if row[SHORT_PERIODS] == 0.0 else 0.0)
    out[4], out[5], out[6] = row[ON_HAND] / periods, row[BACKLOG] / periods, row[ON_ORDER] / periods
    out[7], out[8] = row[SHORT_PERIODS], row[READY_PERIODS] / periods
    out[9], out[10], out[11], out[12] = row[ORDERS], row[ORDERED], row[RECEIVED], row[LOST]
    out[13] = costs[i, 0] * row[ON_HAND]
    out[14] = costs[i, 1] * row[BACKLOG] + costs[i, 2] * row[LOST]
    out[15] = costs[i, 3] * row[ORDERS]
    out[16] = out[13] + out[14] + out[15]


@compiled
def _take(
    sums: np.ndarray,
    less: np.ndarray,
    is_difference: bool,
    costs: np.ndarray,
    periods: float,
    count: np.ndarray,
    mean: np.ndarray,
    square: np.ndarray,
    cross: np.ndarray,
) -> None:
    """Welford's update, one path after the other (Technometrics 4 (1962) 419)."""
    items, _, paths = sums.shape
    new, old, drift = np.empty(_COUNT), np.empty(_COUNT), np.empty(_COUNT)
    for i in range(items):
        for p in range(paths):
            _figures(sums, i, p, costs, periods, new)
            if is_difference:
                _figures(less, i, p, costs, periods, old)
                for k in range(1, _COUNT):  # demand stays: it is what differences of service are shares of
                    new[k] -= old[k]
            count[i] += 1.0
            share = 1.0 / count[i]
            for k in range(_COUNT):
                drift[k] = new[k] - mean[i, k]
                mean[i, k] += drift[k] * share
                square[i, k] += drift[k] * (new[k] - mean[i, k])
            cross[i, 0] += drift[1] * (new[0] - mean[i, 0])
            cross[i, 1] += drift[3] * (new[2] - mean[i, 2])
