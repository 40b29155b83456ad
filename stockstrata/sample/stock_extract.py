"""Extract tables of the warehouse: stock snapshots, purchase orders with receipts, transfers."""

import numpy as np
import pandas as pd

from stockstrata.sample.plan import Plan
from stockstrata.sample.sizes import codes

_BLOCKED_DAYS = 14
_DIVISION_ORDERS = 100_000
"""Order numbers that belong to one division: no two divisions share an order."""


def snapshot_days(plan: Plan) -> np.ndarray:
    """Days with a snapshot: Sundays and month ends; in a weekly company the last Sunday of each month.

    Args:
        plan: the company.

    Returns:
        Days of the history from 0, ascending.
    """
    days = plan.scale.days
    sundays = np.flatnonzero((days.astype(int) + 3) % 7 == 6)
    months = days.astype("datetime64[M]")
    if plan.scale.step_days == 7:
        month_of_sunday = months[sundays]
        return sundays[np.append(month_of_sunday[1:] != month_of_sunday[:-1], True)]
    ends = np.flatnonzero(np.append(months[1:] != months[:-1], True))
    return np.union1d(sundays, ends)


def stock_frame(plan: Plan, allocated_qty: np.ndarray | None) -> pd.DataFrame:
    """Stock snapshots: what can be sold plus what is sold and not shipped; refused goods stand blocked two weeks.

    Args:
        plan: the company.
        allocated_qty: units sold and not shipped (item-locations, days); None where the grain is the week.

    Returns:
        The extract table, sorted by day, item and location.
    """
    days = snapshot_days(plan)
    step = days // plan.scale.step_days
    free = plan.history.closing_qty[:, step]
    allocated = np.zeros_like(free) if allocated_qty is None else allocated_qty[:, days]
    ever = np.cumsum(plan.history.received_qty, axis=1)[:, step] + plan.history.opening_qty[:, None]
    ever = ever + np.cumsum(plan.history.moved_in_qty, axis=1)[:, step]
    column, row = np.nonzero(ever.T > 0)
    available = pd.DataFrame(
        {
            **plan.ids(row),
            "stock_date": plan.dates(days[column]),
            "on_hand_qty": (free + allocated)[row, column].astype(np.int64),
            "allocated_qty": allocated[row, column].astype(np.int64),
            "in_transit_qty": plan.history.transit_qty[:, step][row, column].astype(np.int64),
            "status": np.full(len(row), "available", dtype=object),
        }
    )
    frame = pd.concat([available, _blocked(plan, days)], ignore_index=True)
    return frame.sort_values(["stock_date", "item_id", "location_id", "status"], ignore_index=True)


def _blocked(plan: Plan, days: np.ndarray) -> pd.DataFrame:
    per_step = plan.scale.step_days
    total = np.cumsum(plan.history.rejected_qty, axis=1)
    before = np.maximum(days - _BLOCKED_DAYS, 0) // per_step
    held = total[:, days // per_step] - np.where(days >= _BLOCKED_DAYS, total[:, before], 0.0)
    row, column = np.nonzero(held)
    zero = np.zeros(len(row), dtype=np.int64)
    return pd.DataFrame(
        {
            **plan.ids(row),
            "stock_date": plan.dates(days[column]),
            "on_hand_qty": held[row, column].astype(np.int64),
            "allocated_qty": zero,
            "in_transit_qty": zero,
            "status": np.full(len(row), "blocked", dtype=object),
        }
    )


def purchase_order_frame(plan: Plan) -> pd.DataFrame:
    """Purchase order lines, one row a receipt; a line without a receipt inside the history is open.

    Args:
        plan: the company.

    Returns:
        The extract table, sorted by order, line and receipt.
    """
    orders = plan.history.orders
    orders = orders.sort_values(["day", "supplier", "series"], ignore_index=True)
    location = plan.series["location"].to_numpy()[orders["series"]]
    order_key = (orders["day"] * plan.scale.supplier_count + orders["supplier"]) * plan.scale.location_count + location
    number = np.unique(order_key, return_inverse=True)[1]
    line = pd.Series(number).groupby(number).cumcount().to_numpy() + 1
    orders = orders.assign(number=number, line=line)
    last = plan.scale.day_count
    first = orders.assign(
        receipt=orders["first_day"], received=orders["first_qty"], refused=orders["first_rejected_qty"]
    )
    second = orders[(orders["second_day"] >= 0) & (orders["second_day"] < last)]
    second = second.assign(receipt=second["second_day"], received=second["second_qty"], refused=0)
    rows = pd.concat([first, second], ignore_index=True).sort_values(["number", "line", "receipt"], ignore_index=True)
    is_open = rows["receipt"] >= last
    series, supplier, day = (rows[name].to_numpy() for name in ("series", "supplier", "day"))
    promised = day + plan.suppliers["contract_days"].to_numpy(dtype=int)[supplier]
    return pd.DataFrame(
        {
            "order_id": codes("PO-", plan.scale.division * _DIVISION_ORDERS + rows["number"].to_numpy() + 1, 7),
            "line": rows["line"],
            **plan.ids(series),
            "supplier_id": plan.suppliers["supplier_id"].to_numpy(dtype=object)[supplier],
            "order_date": plan.dates(day),
            "ordered_qty": rows["qty"],
            "promised_date": (plan.scale.first_date + promised.astype("timedelta64[D]")).astype("datetime64[ns]"),
            "receipt_date": plan.dates(rows["receipt"].to_numpy()),
            "received_qty": rows["received"].astype("Int64").mask(is_open),
            "rejected_qty": rows["refused"].astype("Int64").mask(is_open),
            "unit_cost": _order_cost(plan, series, day),
            "mode": plan.suppliers["mode"].to_numpy(dtype=object)[supplier],
        }
    )


def _order_cost(plan: Plan, series: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Today's cost, 2 percent less a year back; empty for items whose cost nobody knows."""
    item = plan.series["item"].to_numpy()[series]
    years_back = (plan.scale.day_count - 1 - day) // 365
    cost = np.round(plan.items["cost"].to_numpy()[item] * 0.98**years_back, 2)
    unknown = plan.items["role"].eq("no_cost").to_numpy()[item]
    return np.where(unknown, np.nan, cost)


def movement_frame(plan: Plan) -> pd.DataFrame:
    """Transfers between locations: one movement out, one in on arrival.

    Args:
        plan: the company.

    Returns:
        The extract table, sorted by day; other movements of stock are not kept by this company.
    """
    moves = plan.history.transfers
    arrived = moves[moves["arrival_day"] < plan.scale.day_count]
    series = np.concatenate([moves["origin"], arrived["series"]])
    day = np.concatenate([moves["day"], arrived["arrival_day"]])
    qty = np.concatenate([-moves["qty"], arrived["qty"]])
    order = np.lexsort((series, day))
    n = len(series)
    return pd.DataFrame(
        {
            "movement_id": codes("MV-", np.arange(1, n + 1), 6),
            **plan.ids(series[order]),
            "movement_date": plan.dates(day[order]),
            "qty": qty[order],
            "movement_type": np.full(n, "transfer", dtype=object),
            "reason": np.full(n, "rebalancing", dtype=object),
            "approver": np.full(n, "warehouse lead", dtype=object),
        }
    )
