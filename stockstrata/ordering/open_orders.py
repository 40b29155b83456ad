"""Messages on open purchase orders: needed sooner, later or not at all."""

import datetime as dt

import numpy as np
import pandas as pd

from stockstrata.columns import DAYS_PER_YEAR, days, flags, numbers, texts
from stockstrata.ordering.rules import OrderLimits
from stockstrata.policy import KEY

_LONGEST_DAYS = 36_500


def open_order_messages(
    open_lines: pd.DataFrame,
    policies: pd.DataFrame,
    positions: pd.DataFrame,
    *,
    limits: OrderLimits,
    cut_off_date: dt.date,
) -> pd.DataFrame:
    """One row for each open order line that should come at another time than it is due.

    Lines of an item-location come in the order of their due dates; each is needed for what stock and the lines before
    it do not cover. Its *need date* is the day on which these are used up at the forecast rate, its *buffer date* the
    one on which they reach the safety stock.

    - `cancel`: without it the safety stock lasts longer than the limit of days; or the item is no longer stocked and
      nothing is owed.
    - `expedite`: due after the need date by more than a limit of days, or due already and needed now.
    - `late`: its due date has passed, and the buffer still covers.
    - `defer`: due before the buffer date by more than a limit of days.

    A line with another due date is judged anew: once it is moved to where it is wanted, it has no message.

    Args:
        open_lines: frame of `int_purchase_orders__open_lines`.
        policies: frame of `policy.stock_policy`.
        positions: frame of `int_stock__positions`; lines without a stock figure have no message.
        limits: limits of each segment.
        cut_off_date: day that messages are dated; what was due before it is taken to come on it.

    Returns:
        Columns of `policy.order_exception` that hold for a line by itself.
    """
    stocked = positions.loc[flags(positions, "has_stock_feed")]
    lines = open_lines.merge(
        stocked[[*KEY, "on_hand_qty", "in_transit_qty", "allocated_qty"]], on=KEY, validate="many_to_one"
    ).merge(policies[[*KEY, *_POLICY]], on=KEY, validate="many_to_one")
    today = np.datetime64(cut_off_date, "D")
    promised, placed = days(lines, "due_date"), days(lines, "order_date")
    expected = placed + np.ceil(np.nan_to_num(numbers(lines, "lead_time_days"))).astype("timedelta64[D]")
    lines = lines.assign(due_date=np.where(np.isnat(promised), expected, promised).astype("datetime64[s]"))
    lines = lines.sort_values([*KEY, "due_date", "order_id", "line"], ignore_index=True)
    due = days(lines, "due_date")
    open_qty, daily = numbers(lines, "open_qty"), numbers(lines, "annual_demand_qty") / DAYS_PER_YEAR
    before = pd.Series(open_qty).groupby([lines[name] for name in KEY]).cumsum().to_numpy() - open_qty
    held = [np.nan_to_num(numbers(lines, name)) for name in ("on_hand_qty", "in_transit_qty", "allocated_qty")]
    covered = held[0] + held[1] - held[2] + before
    need_days = _cover_days(covered, daily)
    buffer_days = _cover_days(covered - numbers(lines, "safety_stock_qty"), daily)
    wait_days = np.maximum((due - today).astype(float), 0.0)
    segment = lines["segment_code"].to_numpy(dtype=object)
    is_idle = lines["policy_family"].to_numpy(dtype=str) == "do_not_stock"
    tests = {
        "cancel": np.where(is_idle, covered >= 0, buffer_days > limits.of("cancel", segment)),
        "expedite": (wait_days - need_days > limits.of("expedite", segment)) | ((due < today) & (need_days <= 0)),
        "late": due < today,
        "defer": buffer_days - wait_days > limits.of("defer", segment),
    }
    code = np.select(list(tests.values()), list(tests), "")
    gap = np.select([code == "expedite", code == "defer"], [wait_days - need_days, buffer_days - wait_days], 0.0)
    short = np.minimum(gap * daily, open_qty) * numbers(lines, "shortage_cost_per_unit_amount")
    idle_days = np.where(code == "cancel", DAYS_PER_YEAR, gap)
    holding = open_qty * idle_days / 7 * numbers(lines, "holding_cost_per_unit_week_amount")
    wanted_days = np.select([code == "expedite", code == "defer"], [need_days, buffer_days], np.nan)
    wanted = np.where(
        np.isnan(wanted_days), np.datetime64("NaT"), today + np.nan_to_num(wanted_days).astype("timedelta64[D]")
    )
    out = lines.loc[:, ["order_id", "line", *KEY, "supplier_id", "order_date", "due_date"]].assign(
        judged_code="open",
        segment_code=texts(lines, "segment_code"),
        exception_code=code,
        wanted_date=wanted.astype("datetime64[s]"),
        order_qty=open_qty,
        wanted_qty=np.where(code == "cancel", 0.0, open_qty),
        deviation_days=np.where(code == "late", (today - due).astype(float), gap),
        order_value_amount=open_qty * numbers(lines, "unit_cost_amount"),
        cost_amount=np.select([code == "expedite", code == "late"], [short, 0.0], holding),
    )
    reason = _reasons(out, covered, numbers(lines, "safety_stock_qty"), daily)
    return out.assign(reason=reason).loc[code != ""].reset_index(drop=True)


_POLICY = (
    "segment_code",
    "policy_family",
    "lead_time_days",
    "safety_stock_qty",
    "annual_demand_qty",
    "unit_cost_amount",
    "holding_cost_per_unit_week_amount",
    "shortage_cost_per_unit_amount",
)


def _cover_days(quantity: np.ndarray, daily: np.ndarray) -> np.ndarray:
    """Whole days that a quantity lasts; a century where nothing is used."""
    quantity = np.maximum(quantity, 0.0)
    idle = np.where(quantity > 0, _LONGEST_DAYS, 0.0)
    return np.floor(np.minimum(np.divide(quantity, daily, where=daily > 0, out=idle), _LONGEST_DAYS))


def _reasons(out: pd.DataFrame, covered: np.ndarray, safety: np.ndarray, daily: np.ndarray) -> list[str]:
    told = {
        "expedite": "needed on {wanted}",
        "defer": "needed on {wanted}",
        "late": "not yet received",
        "cancel": "not needed within reach",
        "": "on time",
    }
    rows = zip(
        out["exception_code"].map(told),
        out["order_qty"],
        out["due_date"].dt.strftime("%Y-%m-%d"),
        out["wanted_date"].dt.strftime("%Y-%m-%d"),
        covered,
        safety,
        daily,
        strict=True,
    )
    return [
        f"{quantity:.10g} due on {due}, {form.format(wanted=wanted)}: stock and orders before it come to "
        f"{have:.10g}, at {rate:.4g} a day and a safety stock of {buffer:.4g}."
        for form, quantity, due, wanted, have, buffer, rate in rows
    ]
