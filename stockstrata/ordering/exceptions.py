"""Orders that need a second look: of the period outside policy, open at the wrong time, proposed and not placed."""

import datetime as dt
from collections.abc import Mapping

import numpy as np
import pandas as pd

from stockstrata.ordering.open_orders import open_order_messages
from stockstrata.ordering.placed_orders import judged_orders
from stockstrata.ordering.rules import OrderLimits
from stockstrata.ordering.unreleased import unreleased_proposals
from stockstrata.parameters import PlanningParameters
from stockstrata.tables import ORDER_EXCEPTION

_COLUMNS = [column.name for column in ORDER_EXCEPTION.columns if column.name != "period_start_date"]
_GRAIN = [name for name in ORDER_EXCEPTION.grain if name != "period_start_date"]
_FINE = ("matched", "in_policy")
_ACTIONS = {
    "emergency": "Find out what made it urgent; raise the buffer or the reorder point if it comes again.",
    "early": "Ask the buyer why it could not wait for the reorder point.",
    "oversized": "Ask the buyer why more was ordered than the policy needs; return or cancel the rest.",
    "undersized": "Order the rest, or tell why less will do.",
    "late_release": "Find out what held the order up.",
    "not_released": "Release the proposal, or tell why it is not wanted.",
    "not_stocked": "Check that a customer waits for it; the policy keeps no stock of it.",
    "unplanned_item": "Add the item to the planned ones, or stop ordering it.",
    "expedite": "Ask the supplier to deliver by the wanted day, or find another source.",
    "late": "Ask the supplier for a new date.",
    "defer": "Ask the supplier to deliver on the wanted day.",
    "cancel": "Cancel it as long as the supplier agrees.",
}


def order_exceptions(
    placed: pd.DataFrame,
    earlier: Mapping[str, pd.DataFrame],
    open_lines: pd.DataFrame,
    current: Mapping[str, pd.DataFrame],
    earlier_exceptions: pd.DataFrame,
    *,
    parameters: PlanningParameters,
    cut_off_date: dt.date,
) -> pd.DataFrame:
    """Judge every order placed in the period, and tell of open orders that should come sooner, later or not at all.

    Args:
        placed: frame of `int_purchase_orders__placed`.
        earlier: `policies` (with `moq_qty, order_multiple_qty`) and `proposals` of the cycle before, in force when the
            orders were placed; without rows where there was none.
        open_lines: frame of `int_purchase_orders__open_lines`.
        current: `policies` and `positions` (frame of `int_stock__positions`) of this cycle.
        earlier_exceptions: key columns and `exception_code` of the exceptions of the cycle before.
        parameters: rules of orders and owners of segments.
        cut_off_date: last day known, exclusive.

    Returns:
        The columns of `policy.order_exception` without period and stamp, sorted by key: one row for every order of the
        period, one for each open order with a message, and one for each proposal that was not released.

    Example: an order of 80 where the proposal asked for 30 is `oversized` by 50.
    """
    limits = OrderLimits(parameters.order_exception_rules)
    judged = judged_orders(placed, earlier["policies"], earlier["proposals"], limits=limits)
    messages = open_order_messages(
        open_lines, current["policies"], current["positions"], limits=limits, cut_off_date=cut_off_date
    )
    forgotten = unreleased_proposals(
        placed, earlier["proposals"], current["policies"], current["positions"], open_lines, limits=limits,
        cut_off_date=cut_off_date,
    )  # fmt: skip
    out = pd.concat([part for part in (judged, messages, forgotten) if len(part)] or [judged], ignore_index=True)
    code, segment = out["exception_code"], out["segment_code"]
    owners = {row.segment_code: row.owner for row in parameters.segment_strategies}
    is_exception = ~code.isin((*_FINE, "unjudged"))
    known = pd.MultiIndex.from_frame(earlier_exceptions[[*_GRAIN, "exception_code"]].astype(str))
    approval = limits.of("approval", segment.to_numpy(dtype=object))
    value = pd.to_numeric(out["order_value_amount"]).to_numpy(dtype=float)
    out = out.assign(
        owner=segment.map(owners).fillna(""),
        is_exception=is_exception,
        is_new=is_exception & ~pd.MultiIndex.from_frame(out[[*_GRAIN, "exception_code"]].astype(str)).isin(known),
        needs_approval=is_exception.to_numpy() & np.isfinite(approval) & (value >= approval),
        action=code.map(_ACTIONS).fillna(""),
    )
    return out.loc[:, _COLUMNS].sort_values(_GRAIN, ignore_index=True)
