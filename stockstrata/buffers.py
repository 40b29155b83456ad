"""The stock level that meets a service target, and the service that a level gives, for rows of mixed kinds."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from stockstrata.distributions import DISCRETE, SHAPED, Method, cdf, narrowed_sd
from stockstrata.parameters import RateMeasure
from stockstrata.reviewed import ReviewedDemand, reviewed_demand
from stockstrata.safety_stock import (
    order_up_to_fill_rate,
    order_up_to_for_fill_rate,
    order_up_to_for_ready_rate,
    order_up_to_ready_rate,
    reorder_point_for_cycle_service,
)

LONGEST_LEAD_TIME_SHARE = 1 - 1e-4
"""Of the lead time in the protection interval: what a shorter review period adds would be lost in rounding errors."""


@dataclass(frozen=True)
class ServiceCase:
    """What a service level depends on, one element a row.

    Attributes:
        method: distribution of demand over the protection interval.
        measure: cycle_service_level, fill_rate or ready_rate.
        target: target of the measure, 0 to 1.
        is_periodic: whether the policy orders up to a level at every review (`R_S`).
        is_order_up: whether an order at or below the reorder point lifts the position to a level (`s_S`, `R_s_S`).
        mean: expected demand over the protection interval, units.
        demand_sd: standard deviation of it that comes from demand, units.
        supply_sd: standard deviation of it that comes from the lead time, units.
        total_sd: standard deviation of it in all, units.
        lead_time_share: lead time as a share of the protection interval.
        order_qty: order quantity; for `s_S` and `R_s_S` order-up-to level less reorder point, units.
        shape: standard quantiles of methods whose shape comes from data, NaN for the others, (n, G).
    """

    method: np.ndarray
    measure: np.ndarray
    target: np.ndarray
    is_periodic: np.ndarray
    is_order_up: np.ndarray
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

    def scaled(self, ratio: np.ndarray) -> "ServiceCase":
        """The same case with demand and its spread multiplied, element by element."""
        moved = {name: getattr(self, name) * ratio for name in ("mean", "demand_sd", "supply_sd", "total_sd")}
        return replace(self, **moved)

    def without_supply(self) -> "ServiceCase":
        """The same case with a certain lead time."""
        return replace(self, supply_sd=np.zeros_like(self.supply_sd), total_sd=self.demand_sd)

    def without_review(self) -> "ServiceCase":
        """The same case looked at all the time: a ten thousandth of the interval stands for no review period."""
        mean, sd = self.lead_time_moments()
        return replace(
            self,
            mean=mean / LONGEST_LEAD_TIME_SHARE,
            demand_sd=self.demand_sd * np.sqrt(self.lead_time_share),
            total_sd=sd,
            lead_time_share=np.full(len(mean), LONGEST_LEAD_TIME_SHARE),
        )

    def lead_time_moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of demand over the lead time alone, demand taken as independent by day."""
        variance = self.demand_sd**2 * self.lead_time_share + self.supply_sd**2
        return self.mean * self.lead_time_share, np.minimum(np.sqrt(variance), self.total_sd)

    def reviewed(self, method: Method) -> ReviewedDemand:
        """What a reviewed reorder point of these rows meets; all rows have the method, demand and no level family."""
        review = self.mean * (1 - self.lead_time_share), self.demand_sd * np.sqrt(1 - self.lead_time_share)
        return reviewed_demand(
            method,
            order_qty=self.order_qty,
            is_order_up=self.is_order_up,
            lead_time=self.lead_time_moments(),
            review=review,
            protection=(self.mean, self.total_sd),
            shape=self.shape_of(method),
        )

    def narrowed(self, method: Method) -> "ServiceCase":
        """The rows no wider than quantiles are taken at (docs/decisions/0081): wider demand never needs less."""
        ratio = np.divide(
            narrowed_sd(method, self.target, self.mean, self.total_sd),
            self.total_sd,
            out=np.ones(len(self.mean)),
            where=self.total_sd > 0,
        )
        scaled = {name: getattr(self, name) * ratio for name in ("demand_sd", "supply_sd", "total_sd")}
        return replace(self, **scaled)


def protected_demand(case: ServiceCase) -> np.ndarray:
    """Demand expected until an order arrives, counted from the reorder point (`R_S`: from the level), units.

    Over lead time and review period for `R_S`; else over the lead time, and the undershoot on top. Zero without demand.
    """
    out = np.zeros(len(case.mean))
    for mask, method, _, periodic in _kinds(case):
        rows = case.rows(mask)
        short_mean, _ = rows.lead_time_moments()
        out[mask] = rows.mean if periodic else short_mean + rows.reviewed(method).undershoot_mean
    return out


def service_level_stock(case: ServiceCase) -> np.ndarray:
    """Level that meets the target, before rounding and caps, units; zero without demand.

    For `R_S` the base-stock level; else the reorder point, which is reviewed (`reviewed`).
    """
    out = np.zeros(len(case.mean))
    for mask, method, measure, periodic in _kinds(case):
        rows = case.rows(mask)
        shape = rows.shape_of(method)
        if not periodic:
            out[mask] = rows.reviewed(method).reorder_point(measure, rows.target)
            if measure == "cycle_service_level":
                narrow = rows.narrowed(method)
                wide = np.flatnonzero(mask)[narrow.total_sd < rows.total_sd]
                narrow = narrow.rows(narrow.total_sd < rows.total_sd)
                out[wide] = np.maximum(out[wide], narrow.reviewed(method).reorder_point(measure, narrow.target))
        elif measure == "cycle_service_level":
            out[mask] = reorder_point_for_cycle_service(
                rows.target, rows.mean, rows.total_sd, method=method, shape=shape
            )
        elif measure == "ready_rate":
            short = rows.lead_time_moments()
            out[mask] = order_up_to_for_ready_rate(
                rows.target, rows.mean, rows.total_sd, *short, method=method, shape=shape
            )
        else:
            short_mean, short_sd = rows.lead_time_moments()
            out[mask] = order_up_to_for_fill_rate(
                *(rows.target, rows.mean - short_mean, rows.mean, rows.total_sd, short_mean, short_sd),
                method=method,
                shape=shape,
            )
    return out


def achieved_service(case: ServiceCase, level_qty: np.ndarray) -> np.ndarray:
    """The measure's value with a level (base stock for `R_S`, else reorder point), 0 to 1; one without demand."""
    out = np.ones(len(case.mean))
    for mask, method, measure, periodic in _kinds(case):
        rows, level = case.rows(mask), level_qty[mask]
        shape = rows.shape_of(method)
        if not periodic:
            out[mask] = getattr(rows.reviewed(method), measure)(level)
        elif measure == "cycle_service_level":
            out[mask] = cdf(method, level, rows.mean, rows.total_sd, shape)
        elif measure == "ready_rate":
            short = rows.lead_time_moments()
            out[mask] = order_up_to_ready_rate(level, rows.mean, rows.total_sd, *short, method=method, shape=shape)
        else:
            short_mean, short_sd = rows.lead_time_moments()
            out[mask] = order_up_to_fill_rate(
                *(level, rows.mean - short_mean, rows.mean, rows.total_sd, short_mean, short_sd),
                method=method,
                shape=shape,
            )
    return out


def _kinds(case: ServiceCase) -> Iterator[tuple[np.ndarray, Method, str, bool]]:
    for method in get_args(Method):
        for measure in get_args(RateMeasure):
            for periodic in (False, True):
                kind = (case.method == method) & (case.measure == measure) & (case.is_periodic == periodic)
                mask = kind & (case.mean > 0)
                if mask.any():
                    yield mask, method, measure, periodic
