"""Extract table of demand: what was sold, which is less than what was asked for when stock ran out."""

import numpy as np
import pandas as pd

from stockstrata.sample.order_lines import OrderLines
from stockstrata.sample.partners import TIER_DISCOUNT
from stockstrata.sample.plan import Plan
from stockstrata.sample.sizes import codes

_SHORT_RATE = 0.03
_LATE_RATE = 0.08
_TRANSIT_DAYS = (1, 3)  # shortest and longest way to the customer
_REASONS = ("damaged", "wrong item", "not needed", "quality")


def order_line_frame(plan: Plan, lines: OrderLines, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Demand as order lines, returns included as negative lines.

    Args:
        plan: the company.
        lines: lines asked for.
        rng: source of randomness.

    Returns:
        The extract table sorted by day and order, and the units sold but not shipped yet at the end of each day
        (item-locations, days).
    """
    served = lines.serve(plan.history.sold_qty)
    kept = np.flatnonzero(served)
    sold = OrderLines(lines.series[kept], lines.day[kept], lines.customer[kept], served[kept])
    frame, shipped_day = _sold_lines(plan, sold, rng)
    frame = pd.concat([frame, _return_lines(plan, lines, rng)], ignore_index=True)
    frame = frame.sort_values(["demand_date", "order_id", "line"], ignore_index=True)
    return frame, _allocated(plan, sold, shipped_day)


def _sold_lines(plan: Plan, sold: OrderLines, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    n = len(sold.qty)
    order_id, line = _number_orders(plan, sold)
    requested = sold.day + rng.choice([0, 1, 2, 3, 5, 7], n, p=[0.3, 0.25, 0.2, 0.1, 0.1, 0.05])
    planned = np.maximum(requested, sold.day + 1) + rng.choice([0, 2], n, p=[0.9, 0.1])
    delay = np.where(rng.random(n) < _LATE_RATE, rng.integers(1, 8, n), 0)
    shipped = planned + delay
    # Nobody promises less than the longest transit, so only a shipment that left late can arrive late.
    promised = planned + _TRANSIT_DAYS[1]
    is_short = (rng.random(n) < _SHORT_RATE) & (sold.qty > 1)
    shipped_qty = np.where(is_short, np.floor(sold.qty * rng.uniform(0.3, 0.9, n)), sold.qty)
    week = (plan.scale.days - plan.scale.first_monday).astype(int)[sold.day] // 7
    promotion = plan.running_promotion[sold.series, week]
    is_shipped = shipped < plan.scale.day_count
    frame = pd.DataFrame(
        {
            "order_id": order_id,
            "line": line,
            **plan.ids(sold.series),
            "customer_id": plan.customers["customer_id"].to_numpy(dtype=object)[sold.customer],
            "channel": plan.customers["channel"].to_numpy(dtype=object)[sold.customer],
            "demand_date": plan.dates(sold.day),
            "demand_qty": sold.qty,
            "requested_date": _future_dates(plan, requested),
            "promised_date": _future_dates(plan, promised),
            "shipped_date": plan.dates(shipped),
            "delivered_date": plan.dates(shipped + rng.integers(_TRANSIT_DAYS[0], _TRANSIT_DAYS[1] + 1, n)),
            "shipped_qty": pd.array(np.where(is_shipped, shipped_qty, -1), dtype="Int64"),
            "unit_price": _prices_paid(plan, sold, promotion),
            "is_return": np.zeros(n, dtype=bool),
            "reason": np.full(n, None, dtype=object),
            "promotion_id": _promotion_ids(plan, promotion),
        }
    )
    frame.loc[~is_shipped, "shipped_qty"] = pd.NA
    return frame, shipped


def _number_orders(plan: Plan, sold: OrderLines) -> tuple[np.ndarray, np.ndarray]:
    """A customer's lines of one day at one location are one order."""
    location = plan.series["location"].to_numpy()[sold.series]
    key = (sold.day * plan.scale.location_count + location) * plan.scale.customer_count + sold.customer
    _, number = np.unique(key, return_inverse=True)
    line = pd.Series(number).groupby(number).cumcount().to_numpy() + 1
    return codes("SO-", number + 1, 7), line


def _future_dates(plan: Plan, day: np.ndarray) -> np.ndarray:
    """Planned days may lie after the history."""
    return (plan.scale.first_date + day.astype("timedelta64[D]")).astype("datetime64[ns]")


def _promotion_ids(plan: Plan, promotion: np.ndarray) -> np.ndarray:
    names = np.append(plan.promotions["promotion_id"].to_numpy(dtype=object), np.array([None], dtype=object))
    return names[promotion]


def _prices_paid(plan: Plan, sold: OrderLines, promotion: np.ndarray) -> np.ndarray:
    version = np.searchsorted(plan.price_dates, plan.scale.days[sold.day], side="right") - 1
    listed = plan.prices[version, plan.series["item"].to_numpy()[sold.series]]
    tier = plan.customers["tier"].map(TIER_DISCOUNT.__getitem__).to_numpy()[sold.customer]
    discount = np.append(plan.promotions["discount"].to_numpy(), 0.0)[promotion]
    return np.round(listed * (1 - tier) * (1 - discount), 2)


def _return_lines(plan: Plan, lines: OrderLines, rng: np.random.Generator) -> pd.DataFrame:
    """Each return goes back to the customer who was served first on the day of sale."""
    returns = plan.history.returns
    cell = lines.series * plan.scale.day_count + lines.day
    wanted = returns["series"].to_numpy() * plan.scale.day_count + returns["sale_day"].to_numpy()
    customer = lines.customer[np.searchsorted(cell, wanted)]
    n = len(returns)
    back = OrderLines(returns["series"].to_numpy(), returns["sale_day"].to_numpy(), customer, returns["qty"].to_numpy())
    return pd.DataFrame(
        {
            "order_id": codes("RT-", np.arange(1, n + 1), 7),
            "line": np.ones(n, dtype=np.int64),
            **plan.ids(back.series),
            "customer_id": plan.customers["customer_id"].to_numpy(dtype=object)[customer],
            "channel": plan.customers["channel"].to_numpy(dtype=object)[customer],
            "demand_date": plan.dates(returns["day"].to_numpy()),
            "demand_qty": -back.qty,
            "shipped_qty": pd.array([pd.NA] * n, dtype="Int64"),
            "unit_price": _prices_paid(plan, back, np.full(n, -1)),
            "is_return": np.ones(n, dtype=bool),
            "reason": rng.choice(np.array(_REASONS, dtype=object), n),
        }
    )


def _allocated(plan: Plan, sold: OrderLines, shipped_day: np.ndarray) -> np.ndarray:
    """Units between order and shipment: plus on the order day, minus on the day of shipment, summed up."""
    days = plan.scale.day_count
    size = plan.scale.series_count * days
    placed = np.bincount(sold.series * days + sold.day, weights=sold.qty, minlength=size)
    gone = shipped_day < days
    cell = sold.series[gone] * days + shipped_day[gone]
    left = np.bincount(cell, weights=sold.qty[gone], minlength=size)
    return np.cumsum((placed - left).reshape(-1, days), axis=1)


def weekly_sales_frame(plan: Plan) -> pd.DataFrame:
    """Demand as one row an item-location and week while the item is on sale, zeros included.

    Args:
        plan: the company; its steps are weeks.

    Returns:
        The extract table; `in_stock` tells weeks whose sales stock did not cut.
    """
    series, week = np.nonzero(plan.demand.is_active)
    sold = plan.history.sold_qty[series, week].astype(np.int64)
    return pd.DataFrame(
        {
            **plan.ids(series),
            "demand_date": plan.scale.week_starts[week].astype("datetime64[ns]"),
            "demand_qty": sold,
            "in_stock": plan.history.closing_qty[series, week] > 0,
        }
    )
