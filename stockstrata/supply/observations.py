"""What a lead time may be measured from: receipts of orders placed inside the look-back, and orders still open.

The look-back goes by the day of the order, closed or open. By the day of the receipt, orders from before it that took
long would be in and those that were quick would not, and open orders on top would count the slow ones twice.
"""

import datetime as dt

import numpy as np
import pandas as pd

from stockstrata.columns import days, numbers, texts
from stockstrata.parameters import PlanningSettings

COLUMNS = ("item_id", "location_id", "supplier_id", "transport_mode_code", "lead_time_days", "weight_qty", "is_open")
_TEXTS = ("item_id", "location_id", "supplier_id", "transport_mode_code")


def usable_receipts(receipts: pd.DataFrame, *, settings: PlanningSettings, cut_off_date: dt.date) -> pd.DataFrame:
    """Receipts that a lead time may be measured from.

    Known at the cut-off, received before it, of an order inside the look-back, with a quantity above zero and a lead
    time above zero and no longer than the longest that is taken for real. A receipt without a quantity weighs as much
    as the mean receipt of its item and supplier.

    Returns:
        `COLUMNS`, `receipt_date` and `receipt_number`, the row of `receipts` by its place; one row a receipt.
    """
    cut_off = np.datetime64(cut_off_date, "D")
    received, length = days(receipts, "receipt_date"), numbers(receipts, "lead_time_days")
    quantity = numbers(receipts, "received_qty")
    known_from, known_to = (
        receipts[name].astype("datetime64[s]").to_numpy() for name in ("known_from_at", "known_to_at")
    )
    keep = (received < cut_off) & (known_from < cut_off) & (known_to >= cut_off)
    keep &= (length > 0) & (length <= settings.lead_time_max_days) & ~(quantity <= 0)
    ordered = received - np.where(keep, length, 0).astype("timedelta64[D]")
    keep &= ordered >= cut_off - np.timedelta64(round(settings.lead_time_lookback_days), "D")
    out = pd.DataFrame({name: texts(receipts, name) for name in _TEXTS})
    out = out.assign(lead_time_days=length, weight_qty=quantity, is_open=False, receipt_date=received)
    out["receipt_number"] = np.arange(len(out))
    out = out[keep].reset_index(drop=True)
    usual = pd.Series(out.groupby(["item_id", "supplier_id"])["weight_qty"].transform("mean"))
    return out.assign(weight_qty=pd.Series(out["weight_qty"]).fillna(usual).fillna(1.0))


def open_orders(lines: pd.DataFrame, *, settings: PlanningSettings, cut_off_date: dt.date) -> pd.DataFrame:
    """What is open of order lines, with its age: a lead time that is longer than that.

    The rest of a line counts as given up where nothing has come of it for `supply_short_after_days` since its last
    receipt; a line of which nothing has come, where it is older than the longest lead time that is taken for real.

    Args:
        lines: order lines as known at the cut-off: `item_id, location_id, supplier_id, transport_mode_code, order_date,
            ordered_qty, received_qty, last_receipt_date`.
        settings: look-back, longest lead time, and when a rest counts as given up.
        cut_off_date: the day that ages are told on.

    Returns:
        `COLUMNS`, one row a line with something open.
    """
    age = _days_until(cut_off_date, lines, "order_date")
    rest = numbers(lines, "ordered_qty") - np.nan_to_num(numbers(lines, "received_qty"))
    keep = (age > 0) & (age <= min(settings.lead_time_max_days, settings.lead_time_lookback_days)) & (rest > 0)
    keep &= ~is_given_up(lines, settings=settings, cut_off_date=cut_off_date)
    out = pd.DataFrame({name: texts(lines, name) for name in _TEXTS})
    return out.assign(lead_time_days=age, weight_qty=rest, is_open=True)[keep].reset_index(drop=True)


def is_given_up(lines: pd.DataFrame, *, settings: PlanningSettings, cut_off_date: dt.date) -> np.ndarray:
    """Whether the rest of each order line is no longer waited for, because its last receipt lies so far back."""
    return _days_until(cut_off_date, lines, "last_receipt_date") > settings.supply_short_after_days


def _days_until(cut_off_date: dt.date, lines: pd.DataFrame, name: str) -> np.ndarray:
    """Days from a date to the cut-off, NaN where the date is not known."""
    dates = days(lines, name)
    passed = (np.datetime64(cut_off_date, "D") - dates).astype("timedelta64[D]").astype(float)
    return np.where(np.isnat(dates), np.nan, passed)
