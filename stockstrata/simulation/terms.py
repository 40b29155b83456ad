"""What a policy meets: lead times, shares received, order sizes and days, unmet demand, costs, opening stock."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from stockstrata.errors import PlanningError
from stockstrata.simulation.outcomes import Outcomes, certain

Real = np.ndarray | float


@dataclass(frozen=True)
class Costs:
    """Cost rates of each item, (items,) or one for all, currency.

    Attributes:
        holding_amount: a unit on the shelf at the end of a period.
        backlog_amount: a unit that customers wait for at the end of a period.
        lost_amount: a unit of demand lost.
        order_amount: an order.
    """

    holding_amount: Real = 0.0
    backlog_amount: Real = 0.0
    lost_amount: Real = 0.0
    order_amount: Real = 0.0

    def matrix(self, item_count: int) -> np.ndarray:
        """(items, 4) in the order of the attributes."""
        rates = (self.holding_amount, self.backlog_amount, self.lost_amount, self.order_amount)
        return np.stack([np.broadcast_to(np.asarray(rate, dtype=float), (item_count,)) for rate in rates], axis=1)


@dataclass(frozen=True)
class Opening:
    """Where an item stands before the first period, (items,) or one for all, units.

    Attributes:
        on_hand_qty: None starts each policy full, at its order-up-to level (s + Q, all cards).
        backlog_qty: units that customers wait for.
        pipeline_qty: (items, periods), units that arrive at the start of each of the first periods; no order placed.
    """

    on_hand_qty: Real | None = None
    backlog_qty: Real = 0.0
    pipeline_qty: np.ndarray = field(default_factory=lambda: np.zeros((1, 0)))


@dataclass(frozen=True)
class Terms:
    """What the policy of each item-location meets; figures are (items,) unless said otherwise.

    Attributes:
        item_id: how errors and results name the item-locations.
        keys: number of each, from which its draws come: the same number gets the same draws in any company of others.
        is_whole: whether it is counted in whole units.
        lost_share_rate: share of unmet demand that is lost, from 0 (all waits) to 1.
        lead_time: lead time of an order, whole periods from 0; an order placed at the end of t with lead time L can be
            used for the demand of period t + L + 1.
        received_share: share of an order that is received; the order book sheds the whole order then.
        may_cross: whether a later order may arrive before an earlier one; else it arrives with the earlier one.
        moq_qty: smallest order, units.
        order_multiple_qty: orders are whole numbers of it, units; zero where any quantity will do. One for whole units.
        is_open: periods in which orders can be placed, (items, periods); without columns all.
        costs: cost rates.
        opening: where it begins.
    """

    item_id: np.ndarray
    keys: np.ndarray
    is_whole: np.ndarray
    lost_share_rate: np.ndarray
    lead_time: Outcomes
    received_share: Outcomes
    may_cross: np.ndarray
    moq_qty: np.ndarray
    order_multiple_qty: np.ndarray
    is_open: np.ndarray
    costs: Costs
    opening: Opening

    @property
    def item_count(self) -> int:
        """Number of item-locations."""
        return len(self.item_id)


def terms(
    item_id: np.ndarray | int,
    *,
    lead_time: Outcomes | Real,
    is_whole: np.ndarray | bool = True,
    lost_share_rate: Real = 0.0,
    received_share: Outcomes | Real = 1.0,
    may_cross: np.ndarray | bool = True,
    moq_qty: Real = 0.0,
    order_multiple_qty: Real = 0.0,
    is_open: np.ndarray | None = None,
    keys: np.ndarray | None = None,
    costs: Costs | None = None,
    opening: Opening | None = None,
) -> Terms:
    """Terms with single figures holding for all, checked.

    Args:
        item_id: names, or how many item-locations there are.
        lead_time: as in `Terms`, a number of periods where it is certain.
        is_whole: as in `Terms`.
        lost_share_rate: as in `Terms`.
        received_share: as in `Terms`, a share where it is certain.
        may_cross: as in `Terms`.
        moq_qty: as in `Terms`.
        order_multiple_qty: as in `Terms`.
        is_open: (periods,) or (items, periods); None is always.
        keys: None numbers the item-locations from 0; `stable_keys` gives numbers that do not depend on the others.
        costs: none by default.
        opening: full by default.

    Raises:
        PlanningError: a figure is out of its range.

    Example: `terms(1, lead_time=2, lost_share_rate=1.0)`.
    """
    names = np.arange(item_id).astype(str) if isinstance(item_id, int) else np.asarray(item_id)
    n = len(names)
    times = lead_time if isinstance(lead_time, Outcomes) else certain(lead_time, n)
    shares = received_share if isinstance(received_share, Outcomes) else certain(received_share, n)
    whole = _column(is_whole, n, bool)
    multiple = _column(order_multiple_qty, n, float)
    calendar = np.ones((n, 0), dtype=bool) if is_open is None else np.atleast_2d(np.asarray(is_open, dtype=bool))
    found = Terms(
        item_id=names,
        keys=np.arange(n, dtype=np.uint64) if keys is None else np.asarray(keys, dtype=np.uint64),
        is_whole=whole,
        lost_share_rate=_column(lost_share_rate, n, float),
        lead_time=_spread(times, n),
        received_share=_spread(shares, n),
        may_cross=_column(may_cross, n, bool),
        moq_qty=np.nan_to_num(_column(moq_qty, n, float)),
        order_multiple_qty=np.where(whole & ~(multiple > 0), 1.0, np.nan_to_num(multiple)),
        is_open=np.broadcast_to(calendar, (n, calendar.shape[1])),
        costs=costs or Costs(),
        opening=opening or Opening(),
    )
    _check(found)
    return found


def stable_keys(item_id: np.ndarray, location_id: np.ndarray) -> np.ndarray:
    """A number for each item-location that depends on its two names alone, (items,).

    Example: `stable_keys(np.array(["A"]), np.array(["L1"]))` is the same whatever else is simulated.
    """
    names = pd.DataFrame({"item": np.asarray(item_id, dtype=str), "location": np.asarray(location_id, dtype=str)})
    return pd.util.hash_pandas_object(names.astype(object), index=False).to_numpy(dtype=np.uint64)


def weekday_calendar(first_weekday: int, open_weekdays: tuple[int, ...], period_count: int) -> np.ndarray:
    """Days on which orders can be placed, (periods,).

    Args:
        first_weekday: weekday of period 0, from 0 for Monday.
        open_weekdays: weekdays with orders.
        period_count: number of days.

    Example: `weekday_calendar(5, (0,), 4)` is [False, False, True, False]: Saturday to Tuesday.
    """
    return np.isin((first_weekday + np.arange(period_count)) % 7, open_weekdays)


def _column(value: Real | bool, n: int, kind: type) -> np.ndarray:
    return np.broadcast_to(np.asarray(value, dtype=kind), (n,)).copy()


def _spread(outcomes: Outcomes, n: int) -> Outcomes:
    shape = (n, outcomes.values.shape[1])
    return Outcomes(np.broadcast_to(outcomes.values, shape), np.broadcast_to(outcomes.cumulative, shape))


def _check(found: Terms) -> None:
    times, shares = found.lead_time.values, found.received_share.values
    odd = {
        "a lead time that is no whole number of periods from 0 to 32,000": ~(
            (times >= 0) & (times <= 32_000) & (times == np.floor(times))
        ).all(axis=1),
        "a share received below 0 or above 10": ~((shares >= 0) & (shares <= 10)).all(axis=1),
        "a lost share outside 0 to 1": ~((found.lost_share_rate >= 0) & (found.lost_share_rate <= 1)),
        "a smallest order below 0 or endless": ~((found.moq_qty >= 0) & np.isfinite(found.moq_qty)),
        "an order multiple below 0 or, for whole units, broken": ~(
            (found.order_multiple_qty >= 0)
            & np.isfinite(found.order_multiple_qty)
            & (~found.is_whole | (found.order_multiple_qty == np.floor(found.order_multiple_qty)))
        ),
    }
    for fault, rows in odd.items():
        if rows.any():
            raise PlanningError(f"simulation: item {found.item_id[np.flatnonzero(rows)[0]]} has {fault}.")
