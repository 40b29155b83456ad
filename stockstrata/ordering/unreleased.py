"""Proposals of the cycle before that nobody released, and that are still due."""

import datetime as dt

import numpy as np
import pandas as pd

from stockstrata.columns import DAYS_PER_YEAR, days, flags, numbers, texts
from stockstrata.ordering.rules import OrderLimits
from stockstrata.policy import KEY, NOT_STOCKED


def unreleased_proposals(
    placed: pd.DataFrame,
    proposals: pd.DataFrame,
    policies: pd.DataFrame,
    positions: pd.DataFrame,
    open_lines: pd.DataFrame,
    *,
    limits: OrderLimits,
    cut_off_date: dt.date,
) -> pd.DataFrame:
    """One row for each proposal without any order since, longer ago than the limit, whose need has not gone.

    The need is there as long as stock and open orders stand at or below the reorder point of today. Cost: the units
    that demand takes from the position by the day that an order of today would arrive, beyond what it holds, at the
    cost of one short.

    Args:
        placed: frame of `int_purchase_orders__placed`.
        proposals: frame of `policy.order_proposal` of the cycle before: `order_qty, order_date`.
        policies: frame of `policy.stock_policy` of this cycle.
        positions: frame of `int_stock__positions`.
        open_lines: frame of `int_purchase_orders__open_lines`.
        limits: limits of each segment; rule `late_release`, days.
        cut_off_date: day that the judgement is dated.

    Returns:
        Columns of `policy.order_exception` that hold for a proposal by itself; `order_id` and `line` are empty.

    Example: proposed on 1 January, still not ordered on 1 February, with 5 on hand at a reorder point of 20.
    """
    ordered = pd.MultiIndex.from_frame(placed[KEY])
    rows = proposals.loc[~pd.MultiIndex.from_frame(proposals[KEY]).isin(ordered), [*KEY, "order_qty", "order_date"]]
    stocked = positions.loc[flags(positions, "has_stock_feed")]
    coming = open_lines.groupby(KEY, as_index=False)["open_qty"].sum()
    rows = (
        rows.merge(policies[[*KEY, *_POLICY]], on=KEY, validate="one_to_one")
        .merge(stocked[[*KEY, "on_hand_qty", "in_transit_qty", "allocated_qty"]], on=KEY, validate="one_to_one")
        .merge(coming, on=KEY, how="left", validate="one_to_one")
        .sort_values(KEY, ignore_index=True)
    )
    held = [np.nan_to_num(numbers(rows, name)) for name in ("on_hand_qty", "in_transit_qty", "open_qty")]
    position = sum(held, start=np.zeros(len(rows))) - np.nan_to_num(numbers(rows, "allocated_qty"))
    since = (np.datetime64(cut_off_date, "D") - days(rows, "order_date")).astype(float)
    segment = rows["segment_code"].to_numpy(dtype=object)
    is_due = (position <= numbers(rows, "reorder_point_qty")) & (since > limits.of("late_release", segment))
    is_due &= ~np.isin(rows["policy_family"].to_numpy(dtype=str), NOT_STOCKED)
    daily = numbers(rows, "annual_demand_qty") / DAYS_PER_YEAR
    short = np.clip(daily * numbers(rows, "lead_time_days") - np.maximum(position, 0.0), 0.0, None)
    out = rows.loc[:, [*KEY, "order_date", "order_qty"]].assign(
        judged_code="proposed",
        order_id="",
        line="",
        supplier_id=None,
        segment_code=texts(rows, "segment_code"),
        exception_code="not_released",
        due_date=pd.Series(np.datetime64("NaT", "s"), index=rows.index),
        wanted_date=rows["order_date"],
        wanted_qty=rows["order_qty"],
        deviation_days=since,
        order_value_amount=rows["order_qty"] * numbers(rows, "unit_cost_amount"),
        cost_amount=np.minimum(short, rows["order_qty"]) * numbers(rows, "shortage_cost_per_unit_amount"),
        reason=_reasons(rows, position, since),
    )
    return out.loc[is_due].reset_index(drop=True)


_POLICY = (
    "segment_code",
    "policy_family",
    "reorder_point_qty",
    "lead_time_days",
    "annual_demand_qty",
    "unit_cost_amount",
    "shortage_cost_per_unit_amount",
)


def _reasons(rows: pd.DataFrame, position: np.ndarray, since: np.ndarray) -> list[str]:
    told = zip(rows["order_qty"], rows["order_date"].dt.strftime("%Y-%m-%d"), since, position,
               rows["reorder_point_qty"], strict=True)  # fmt: skip
    return [
        f"{quantity:.10g} were proposed on {day} and nothing was ordered in {waited:.0f} days; the inventory position "
        f"of {have:.10g} is still at or below the reorder point {point:.10g}."
        for quantity, day, waited, have, point in told
    ]
