"""What comes of an order: good units received of those ordered, and what that means for orders and buffers.

With a yield `Y` of mean `y` and standard deviation `s`, an order of `Q / y` brings `Q` on average, with a standard
deviation of `Q s / y`. All orders of an interval of demand `D` together, at least one, add
`max(D / Q, 1) (Q s / y)^2` to the variance of what the interval is short of (Snyder & Shen, Fundamentals of Supply
Chain Theory, section 9.4, multiplicative yield).
"""

import datetime as dt

import numpy as np
import pandas as pd

from stockstrata.columns import numbers, texts
from stockstrata.parameters import PlanningParameters
from stockstrata.supply.observations import is_given_up

_PAIR = ["item_id", "supplier_id"]
COLUMNS = ("yield_rate", "yield_sd_rate", "short_rate", "reject_rate", "yield_line_count")


def yields(
    item_locations: pd.DataFrame, order_lines: pd.DataFrame, *, parameters: PlanningParameters, cut_off_date: dt.date
) -> pd.DataFrame:
    """Yield of each item-location's item at its supplier, drawn to the supplier's as far as it rests on few lines.

    Closed lines are those of which all has come, or whose rest is given up. Mean and variance are those of all lines of
    the supplier, and of the item's own: `(sum + k usual) / (n + k)` with `k` of the parameters.

    Args:
        item_locations: frame of `int_item_locations__planned`.
        order_lines: order lines as known at the cut-off, with `ordered_qty, received_qty, rejected_qty,
            last_receipt_date`.
        parameters: shrinkage, and when a rest counts as given up.
        cut_off_date: the day that it is told on.

    Returns:
        `COLUMNS`, one row for each row of `item_locations`; yield 1 without spread where the supplier has no closed
        line.
    """
    settings = parameters.settings
    ordered, received = numbers(order_lines, "ordered_qty"), np.nan_to_num(numbers(order_lines, "received_qty"))
    given_up = is_given_up(order_lines, settings=settings, cut_off_date=cut_off_date)
    closed = (ordered > 0) & ((received >= ordered) | given_up)
    rejected = np.minimum(np.nan_to_num(numbers(order_lines, "rejected_qty")), received)
    lines = pd.DataFrame({name: texts(order_lines, name) for name in _PAIR})
    good = np.clip((received - rejected) / np.where(ordered > 0, ordered, 1.0), 0.0, 1.0)
    short = np.clip(1 - received / np.where(ordered > 0, ordered, 1.0), 0.0, 1.0)
    refused = rejected / np.where(received > 0, received, 1.0)
    lines = lines.assign(good=good, good2=good**2, short=short, refused=refused, line_count=1.0)[closed]
    lines = lines[(lines["supplier_id"] != "").to_numpy()]
    wanted = pd.DataFrame({name: texts(item_locations, name) for name in _PAIR})
    figures = ["good", "good2", "short", "refused", "line_count"]
    by_supplier = wanted[["supplier_id"]].merge(
        lines.groupby("supplier_id")[figures].sum().reset_index(), on="supplier_id", how="left"
    )
    by_pair = wanted.merge(lines.groupby(_PAIR)[figures].sum().reset_index(), on=_PAIR, how="left").fillna(0.0)
    all_lines = numbers(by_supplier, "line_count")
    known = all_lines > 0
    k = settings.yield_shrinkage_lines

    def drawn(name: str, without: float) -> np.ndarray:
        usual = np.where(known, numbers(by_supplier, name) / np.where(known, all_lines, 1.0), without)
        return (numbers(by_pair, name) + k * usual) / (numbers(by_pair, "line_count") + k)

    mean, second = drawn("good", 1.0), drawn("good2", 1.0)
    variance = np.maximum(second - mean**2, 0.0)
    return pd.DataFrame(
        {
            "yield_rate": np.clip(mean, 0.0, 1.0),
            "yield_sd_rate": np.where(variance > 1e-12, np.sqrt(variance), 0.0),
            "short_rate": np.clip(drawn("short", 0.0), 0.0, 1.0),
            "reject_rate": np.clip(drawn("refused", 0.0), 0.0, 1.0),
            "yield_line_count": numbers(by_pair, "line_count").astype(np.int64),
        }
    )


def order_inflation(yield_rate: np.ndarray, *, max_inflation_rate: float) -> np.ndarray:
    """Factor on orders that makes up for what does not come, at most `1 + max_inflation_rate`.

    Example: `order_inflation(np.array([0.8]), max_inflation_rate=0.5)` is 1.25.
    """
    least = 1 / (1 + max_inflation_rate)
    return 1 / np.clip(yield_rate, least, 1.0)


def yield_sd(
    order_qty: np.ndarray, demand_qty: np.ndarray, yield_rate: np.ndarray, yield_sd_rate: np.ndarray
) -> np.ndarray:
    """Standard deviation of what the orders of an interval bring too little or too much, units.

    `sqrt(max(D / Q, 1)) Q s / y`; 0 for a supplier that always brings what was ordered.

    Args:
        order_qty: good units that an order is to bring, units.
        demand_qty: demand over the interval, units.
        yield_rate: mean yield, above 0 to 1.
        yield_sd_rate: its standard deviation from order to order.

    Example: `yield_sd(np.array([100.0]), np.array([50.0]), np.array([0.8]), np.array([0.1]))` is 12.5.
    """
    some = order_qty > 0
    orders = np.maximum(demand_qty / np.where(some, order_qty, 1.0), 1.0)
    return np.where(some, np.sqrt(orders) * order_qty * yield_sd_rate / np.maximum(yield_rate, 1e-9), 0.0)
