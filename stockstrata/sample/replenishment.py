"""Stock through the history: receipts, sales cut to what is there, returns, transfers and (R, s, S) orders.

The loop runs over days or weeks, never over items.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.sample.erp_policy import ErpPolicy
from stockstrata.sample.sizes import Scale
from stockstrata.sample.suppliers import draw_lead_times, takes_orders

RETURN_RATE = 0.012
_TRANSFER_DAYS = np.array([0, 2, 4])


@dataclass(frozen=True)
class StockHistory:
    """What happened to stock; arrays are (item-locations, steps), units.

    Attributes:
        opening_qty: stock before the first step (item-locations,).
        received_qty: good units received from suppliers.
        sold_qty: units sold.
        returned_qty: units that came back and were put on stock.
        moved_in_qty: units that arrived from another location.
        moved_out_qty: units sent to another location.
        transit_qty: units on the way between locations to this one at the end of the step.
        rejected_qty: units refused at the door; they stand blocked for a while and are no part of stock.
        closing_qty: stock not sold at the end of the step.
        orders: one row a purchase order line: `series, day, qty, supplier, first_day, first_qty, first_rejected_qty,
            second_day, second_qty` (days from 0; second_day -1 when it came in one piece).
        returns: `series, sale_day, day, qty`.
        transfers: `origin, series, day, arrival_day, qty`.
    """

    opening_qty: np.ndarray
    received_qty: np.ndarray
    sold_qty: np.ndarray
    returned_qty: np.ndarray
    moved_in_qty: np.ndarray
    moved_out_qty: np.ndarray
    transit_qty: np.ndarray
    rejected_qty: np.ndarray
    closing_qty: np.ndarray
    orders: pd.DataFrame
    returns: pd.DataFrame
    transfers: pd.DataFrame


def run_replenishment(
    demand_qty: np.ndarray,
    first_line_qty: np.ndarray,
    *,
    policy: ErpPolicy,
    items: pd.DataFrame,
    series: pd.DataFrame,
    suppliers: pd.DataFrame,
    scale: Scale,
    rng: np.random.Generator,
) -> StockHistory:
    """Run the company's replenishment against true demand.

    Args:
        demand_qty: true demand (item-locations, steps), whole units.
        first_line_qty: units of the order line served first in each step; the most that one customer can send back.
        policy: what the ERP holds.
        items: frame of `plan_items`.
        series: frame of `plan_series`.
        suppliers: frame of `plan_suppliers`.
        scale: extent of the company.
        rng: source of randomness.

    Returns:
        The history of stock with every order, return and transfer.
    """
    run = _Run(demand_qty, first_line_qty, policy, items, series, suppliers, scale, rng)
    for step in range(scale.step_count):
        run.advance(step)
    return run.history()


class _Run:
    """Mutable state of one simulation; arrays are time first, as each step touches one row."""

    def __init__(
        self,
        demand_qty: np.ndarray,
        first_line_qty: np.ndarray,
        policy: ErpPolicy,
        items: pd.DataFrame,
        series: pd.DataFrame,
        suppliers: pd.DataFrame,
        scale: Scale,
        rng: np.random.Generator,
    ) -> None:
        n, steps = demand_qty.shape
        item = series["item"].to_numpy()
        self.scale, self.policy, self.suppliers, self.rng = scale, policy, suppliers, rng
        self.demand = np.ascontiguousarray(demand_qty.T, dtype=float)
        self.first_line = np.ascontiguousarray(first_line_qty.T, dtype=float)
        self.first_supplier = items["supplier"].to_numpy()[item]
        self.second_supplier = items["second_supplier"].to_numpy()[item]
        self.share = items["share"].to_numpy()[item]
        self.moq = items["moq"].to_numpy()[item]
        self.multiple = items["multiple"].to_numpy()[item]
        self.open_days = takes_orders(suppliers)[self.first_supplier]
        self.listed_from, self.listed_to = _listed_days(items, item, policy.lead_time_days, scale)
        self.version = np.searchsorted(policy.valid_from_dates, scale.days[:: scale.step_days], side="right") - 1
        self.opening = np.where(self.listed_from == 0, policy.order_up_to_qty[0], 0.0)
        self.stock = self.opening.copy()
        self.on_order, self.transit = np.zeros(n), np.zeros(n)
        (
            self.good, self.arriving, self.sold, self.returned, self.moved_in,
            self.moved_out, self.rejected, self.closing, self.transits,
        ) = (np.zeros((steps, n)) for _ in range(9))  # fmt: skip
        self.orders: list[np.ndarray] = []
        self.returns: list[np.ndarray] = []
        self.transfers: list[np.ndarray] = []

    def advance(self, step: int) -> None:
        self.stock += self.good[step] + self.returned[step] + self.moved_in[step]
        self.on_order -= self.arriving[step]
        self.transit -= self.moved_in[step]
        sold = np.minimum(self.demand[step], self.stock)
        self.stock -= sold
        self.sold[step] = sold
        if self.scale.step_days == 1:
            self._take_back(step, sold)
            self._transfer(step)
        self._order(step)
        self.closing[step] = self.stock
        self.transits[step] = self.transit

    def _take_back(self, step: int, sold: np.ndarray) -> None:
        some = np.flatnonzero(sold)
        some = some[self.rng.random(len(some)) < RETURN_RATE]
        day = step + self.rng.integers(15, 40, len(some))
        most = np.minimum(self.first_line[step, some], sold[some])
        qty = np.ceil(most * self.rng.uniform(0.2, 1.0, len(some)))
        seen = day < self.scale.step_count
        some, day, qty = some[seen], day[seen], qty[seen]
        self.returned[day, some] += qty
        self.returns.append(np.stack([some, np.full(len(some), step), day, qty]))

    def _transfer(self, step: int) -> None:
        """On the first Monday of a month the first location helps out the others from what it has too much of."""
        date = self.scale.first_date + step
        weekday = (int(date.astype(int)) + 3) % 7
        if weekday != 0 or int(str(date)[8:]) > 7:
            return
        places = self.scale.location_count
        up_to = self.policy.order_up_to_qty[self.version[step]]
        floor = self.policy.reorder_point_qty[self.version[step]]
        for place in range(1, places):
            spare = np.maximum(self.stock[0::places] - 0.6 * up_to[0::places], 0.0)
            short = floor[place::places] - self.stock[place::places] - self.transit[place::places]
            lacks = self.stock[place::places] <= 0.25 * floor[place::places]
            is_listed = (self.listed_from[place::places] <= step) & (step < self.listed_to[place::places])
            qty = np.floor(np.where(lacks & is_listed, np.minimum(spare, short), 0.0))
            item = np.flatnonzero(qty > 0)
            origin, target, sent = item * places, item * places + place, qty[item]
            self.stock[origin] -= sent
            self.moved_out[step, origin] += sent
            self.transit[target] += sent
            arrival = step + int(_TRANSFER_DAYS[place])
            if arrival < self.scale.step_count:
                self.moved_in[arrival, target] += sent
            same = np.ones(len(item))
            self.transfers.append(np.stack([origin, target, step * same, arrival * same, sent]))

    def _order(self, step: int) -> None:
        day = step * self.scale.step_days + self.scale.step_days - 1
        weekday = (int((self.scale.first_date + day).astype(int)) + 3) % 7
        version = self.version[step]
        position = self.stock + self.on_order + self.transit
        due = (position <= self.policy.reorder_point_qty[version]) & (self.listed_from <= day) & (day < self.listed_to)
        if self.scale.step_days == 1:
            due &= self.open_days[:, weekday]
        rows = np.flatnonzero(due)
        if not len(rows):
            return
        missing = self.policy.order_up_to_qty[version, rows] - position[rows]
        qty = np.maximum(np.ceil(missing / self.multiple[rows]) * self.multiple[rows], self.moq[rows])
        self._place(rows, day, qty)

    def _place(self, rows: np.ndarray, day: int, qty: np.ndarray) -> None:
        n, rng = len(rows), self.rng
        is_first = (rng.random(n) < self.share[rows]) | (self.second_supplier[rows] < 0)
        supplier = np.where(is_first, self.first_supplier[rows], self.second_supplier[rows])
        has_jumped = bool(self.scale.first_date + day >= self.scale.jump_date)
        first_day = day + draw_lead_times(self.suppliers, supplier, has_jumped=has_jumped, rng=rng)
        is_split = (rng.random(n) < self.suppliers["partial_rate"].to_numpy()[supplier]) & (qty >= 4)
        first_qty = np.where(is_split, np.floor(qty * rng.uniform(0.5, 0.8, n)), qty)
        second_day = np.where(is_split, first_day + rng.integers(3, 21, n), -1)
        is_faulty = rng.random(n) < self.suppliers["reject_rate"].to_numpy()[supplier]
        refused = np.where(is_faulty, np.ceil(first_qty * rng.uniform(0.05, 0.3, n)), 0.0)
        self.on_order[rows] += qty
        self._arrive(rows, first_day, first_qty, refused)
        self._arrive(rows[is_split], second_day[is_split], (qty - first_qty)[is_split], np.zeros(int(is_split.sum())))
        columns = [rows, np.full(n, day), qty, supplier, first_day, first_qty, refused, second_day, qty - first_qty]
        self.orders.append(np.stack(columns))

    def _arrive(self, rows: np.ndarray, day: np.ndarray, qty: np.ndarray, refused: np.ndarray) -> None:
        seen = day < self.scale.day_count
        at = (day[seen] // self.scale.step_days, rows[seen])
        self.arriving[at] += qty[seen]
        self.good[at] += (qty - refused)[seen]
        self.rejected[at] += refused[seen]

    def history(self) -> StockHistory:
        order_columns = ["series", "day", "qty", "supplier", "first_day", "first_qty", "first_rejected_qty"]
        return StockHistory(
            self.opening, self.good.T, self.sold.T, self.returned.T, self.moved_in.T, self.moved_out.T,
            self.transits.T, self.rejected.T, self.closing.T,
            orders=_table(self.orders, [*order_columns, "second_day", "second_qty"]),
            returns=_table(self.returns, ["series", "sale_day", "day", "qty"]),
            transfers=_table(self.transfers, ["origin", "series", "day", "arrival_day", "qty"]),
        )  # fmt: skip


def _table(parts: list[np.ndarray], columns: list[str]) -> pd.DataFrame:
    rows = np.concatenate([np.zeros((len(columns), 0)), *parts], axis=1)
    return pd.DataFrame(rows.T.astype(np.int64), columns=pd.Index(columns))


def _listed_days(
    items: pd.DataFrame, item: np.ndarray, lead_time_days: np.ndarray, scale: Scale
) -> tuple[np.ndarray, np.ndarray]:
    """First day of ordering, and the day from which there is none.

    Ordering begins a lead time and three weeks before launch and ends a lead time before an announced end; after an
    end that nobody announced it goes on as the ERP says.
    """
    start = items["start_date"].fillna(pd.Timestamp("1900-01-01")).to_numpy().astype("datetime64[D]")[item]
    end = items["phase_out_date"].fillna(pd.Timestamp("2200-01-01")).to_numpy().astype("datetime64[D]")[item]
    first = (start - scale.first_date).astype(int) - lead_time_days.astype(int) - 21
    last = (end - scale.first_date).astype(int) - lead_time_days.astype(int)
    return np.maximum(first, 0), last
