"""The stock level that meets a service target, and the service that a level gives, for rows of mixed kinds."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from stockstrata.distributions import DISCRETE, SHAPED, Method, cdf
from stockstrata.parameters import RateMeasure
from stockstrata.safety_stock import (
    fill_rate,
    order_up_to_fill_rate,
    order_up_to_for_fill_rate,
    order_up_to_for_ready_rate,
    order_up_to_ready_rate,
    reorder_point_for_cycle_service,
    reorder_point_for_fill_rate,
)


@dataclass(frozen=True)
class ServiceCase:
    """What a service level depends on, one element a row.

    Attributes:
        method: distribution of demand over the protection interval.
        measure: cycle_service_level, fill_rate or ready_rate.
        target: target of the measure, 0 to 1.
        is_periodic: whether the policy orders up to a level at every review (`R_S`).
        mean: expected demand over the protection interval, units.
        demand_sd: standard deviation of it that comes from demand, units.
        supply_sd: standard deviation of it that comes from the lead time, units.
        total_sd: standard deviation of it in all, units.
        lead_time_share: lead time as a share of the protection interval.
        order_qty: order quantity, units.
        shape: standard quantiles of methods whose shape comes from data, NaN for the others, (n, G).
    """

    method: np.ndarray
    measure: np.ndarray
    target: np.ndarray
    is_periodic: np.ndarray
    mean: np.ndarray
    demand_sd: np.ndarray
    supply_sd: np.ndarray
    total_sd: np.ndarray
    lead_time_share: np.ndarray
    order_qty: np.ndarray
    shape: np.ndarray

    @property
    def is_whole(self) -> np.ndarray:
        """Whether the row is planned in whole units."""
        return np.isin(self.method, DISCRETE)

    def rows(self, mask: np.ndarray) -> "ServiceCase":
        """The rows of a mask."""
        return ServiceCase(**{name: getattr(self, name)[mask] for name in self.__dataclass_fields__})

    def shape_of(self, method: Method) -> np.ndarray | None:
        """The shapes, where the method has them."""
        return self.shape if method in SHAPED else None

    def measured_by(self, measure: np.ndarray | str, target: np.ndarray | float) -> "ServiceCase":
        """The same case with another measure and target."""
        size = len(self.mean)
        return replace(self, measure=np.broadcast_to(measure, size), target=np.broadcast_to(target, size))

    def without_supply(self) -> "ServiceCase":
        """The same case with a certain lead time."""
        return replace(self, supply_sd=np.zeros_like(self.supply_sd), total_sd=self.demand_sd)

    def lead_time_moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of demand over the lead time alone, demand taken as independent by day."""
        variance = self.demand_sd**2 * self.lead_time_share + self.supply_sd**2
        return self.mean * self.lead_time_share, np.minimum(np.sqrt(variance), self.total_sd)


def service_level_stock(case: ServiceCase) -> np.ndarray:
    """Level that meets the target, before rounding and caps, units; zero without demand.

    For `R_S` the base-stock level; else the reorder point. A ready rate and a fill rate have the same reorder point.
    """
    out = np.zeros(len(case.mean))
    for mask, method, measure, periodic in _kinds(case):
        rows = case.rows(mask)
        shape = rows.shape_of(method)
        if measure == "cycle_service_level":
            out[mask] = reorder_point_for_cycle_service(
                rows.target, rows.mean, rows.total_sd, method=method, shape=shape
            )
        elif periodic and measure == "ready_rate":
            short = rows.lead_time_moments()
            out[mask] = order_up_to_for_ready_rate(
                rows.target, rows.mean, rows.total_sd, *short, method=method, shape=shape
            )
        elif periodic:
            short_mean, short_sd = rows.lead_time_moments()
            out[mask] = order_up_to_for_fill_rate(
                *(rows.target, rows.mean - short_mean, rows.mean, rows.total_sd, short_mean, short_sd),
                method=method,
                shape=shape,
            )
        else:
            out[mask] = reorder_point_for_fill_rate(
                rows.target, rows.order_qty, rows.mean, rows.total_sd, method=method, shape=shape
            )
    return out


def achieved_service(case: ServiceCase, level_qty: np.ndarray) -> np.ndarray:
    """The measure's value with a level (base stock for `R_S`, else reorder point), 0 to 1; one without demand."""
    out = np.ones(len(case.mean))
    for mask, method, measure, periodic in _kinds(case):
        rows, level = case.rows(mask), level_qty[mask]
        shape = rows.shape_of(method)
        if measure == "cycle_service_level":
            out[mask] = cdf(method, level, rows.mean, rows.total_sd, shape)
        elif periodic and measure == "ready_rate":
            short = rows.lead_time_moments()
            out[mask] = order_up_to_ready_rate(level, rows.mean, rows.total_sd, *short, method=method, shape=shape)
        elif periodic:
            short_mean, short_sd = rows.lead_time_moments()
            out[mask] = order_up_to_fill_rate(
                *(level, rows.mean - short_mean, rows.mean, rows.total_sd, short_mean, short_sd),
                method=method,
                shape=shape,
            )
        else:
            out[mask] = fill_rate(level, rows.order_qty, rows.mean, rows.total_sd, method=method, shape=shape)
    return out


def _kinds(case: ServiceCase) -> Iterator[tuple[np.ndarray, Method, str, bool]]:
    for method in get_args(Method):
        for measure in get_args(RateMeasure):
            for periodic in (False, True):
                kind = (case.method == method) & (case.measure == measure) & (case.is_periodic == periodic)
                mask = kind & (case.mean > 0)
                if mask.any():
                    yield mask, method, measure, periodic
