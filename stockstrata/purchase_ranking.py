"""Which lots of the proposed orders to buy first: the value of each next lot for the money it takes.

A lot q that lifts the position from y to y + q saves `G(y) - G(y + q)` units from falling short over the protection
interval, each worth its margin (or its stated shortage cost), and leaves the rest of the lot over for a review period,
at its holding cost. Savings of an item's lots fall from lot to lot, so lots in the order of their return never skip one
of the same item, and cutting the list at a budget is the exact optimum of the separable problem (Fox, Management
Science 13 (1966) 210), up to the lot at the cut.
"""

import numpy as np
import pandas as pd

from stockstrata.columns import aligned, numbers, texts
from stockstrata.distributions import DISCRETE, METHODS, SHAPED, loss
from stockstrata.parameters import PlanningParameters
from stockstrata.replenishment import feasible_order_up, whole_multiple
from stockstrata.shaped import shapes_of
from stockstrata.tables import PURCHASE_RANKING

KEY = ["item_id", "location_id"]
_MOST_LOTS = 5


def purchase_ranking(
    proposals: pd.DataFrame,
    policies: pd.DataFrame,
    lead_time_demand: pd.DataFrame,
    item_locations: pd.DataFrame,
    *,
    parameters: PlanningParameters,
) -> pd.DataFrame:
    """Lots of all proposals, ranked by return, with the cut of the purchase budget.

    An order is split into at most five lots that keep minimum and multiple. Lots without a known cost or margin come
    last: nothing tells what they are worth.

    Args:
        proposals: frame of `policy.order_proposal`.
        policies: frame of `policy.stock_policy`.
        lead_time_demand: frame of `forecast.lead_time_demand`.
        item_locations: frame of `int_item_locations__planned`: price, minimum, multiple.
        parameters: `purchase_budget_amount` in the row `*` of `service_mix.csv`; empty means no cut.

    Returns:
        The columns of `policy.purchase_ranking` without period and stamp, best first.
    """
    orders = proposals.sort_values(KEY, ignore_index=True)
    policy = aligned(policies, orders, table="policy.stock_policy")
    demand = aligned(lead_time_demand, orders, table="forecast.lead_time_demand")
    item = aligned(item_locations, orders, table="int_item_locations__planned")
    lots = _lots(numbers(orders, "order_qty"), policy, item)
    row = lots["row"].to_numpy()
    before = numbers(orders, "inventory_position_qty")[row] + lots["before_qty"].to_numpy()
    size = lots["lot_qty"].to_numpy()
    saved = np.maximum(_short(policy, demand, row, before) - _short(policy, demand, row, before + size), 0.0)
    cost = numbers(policy, "unit_cost_amount")
    margin = np.maximum(numbers(item, "unit_price_amount") - cost, 0.0)
    stated = numbers(policy, "shortage_cost_per_unit_amount")
    worth = np.where(np.isfinite(stated), stated, margin)[row]
    weeks = numbers(policy, "review_period_days")[row] / 7
    carried = np.nan_to_num(numbers(policy, "holding_cost_per_unit_week_amount"))[row] * weeks
    value = saved * worth - np.maximum(size - saved, 0.0) * carried
    amount = size * cost[row]
    rate = np.divide(value, amount, out=np.full(len(row), np.nan), where=amount > 0)
    out = orders.loc[row, [*KEY, "supplier_id"]].reset_index(drop=True)
    out = out.assign(
        segment_code=texts(policy, "segment_code").to_numpy()[row],
        lot_number=lots["lot_number"].to_numpy(),
        lot_qty=size,
        lot_value_amount=amount,
        saved_qty=saved,
        marginal_value_amount=value,
        return_rate=rate,
        evidence_grade=texts(orders, "evidence_grade").to_numpy()[row],
    )
    return _cut(out, next(r.purchase_budget_amount for r in parameters.service_mix if r.segment_code == "*"))


def _cut(out: pd.DataFrame, budget: float | None) -> pd.DataFrame:
    """Rank lots by return, add up what they cost, and mark those that the budget carries."""
    out = out.assign(_key=-out["return_rate"].fillna(-np.inf))
    out = out.sort_values(["_key", *KEY, "lot_number"], ignore_index=True).drop(columns="_key")
    total = out["lot_value_amount"].fillna(0.0).cumsum()
    fits = np.ones(len(out), dtype=bool) if budget is None else (total <= budget + 1e-9).to_numpy()
    out = out.assign(rank_number=np.arange(1, len(out) + 1), cumulative_amount=total, is_within_budget=fits)
    return out.loc[:, [column.name for column in PURCHASE_RANKING.columns if column.name != "period_start_date"]]


def _lots(order_qty: np.ndarray, policy: pd.DataFrame, item: pd.DataFrame) -> pd.DataFrame:
    """`row, lot_number, before_qty, lot_qty`: lots of the smallest feasible size from a fifth of the order up."""
    is_whole = policy["method_code"].isin(DISCRETE).to_numpy()
    multiple = whole_multiple(numbers(item, "order_multiple_qty"), is_whole)
    first = feasible_order_up(order_qty / _MOST_LOTS, numbers(item, "moq_qty"), multiple)
    later = feasible_order_up(order_qty / _MOST_LOTS, np.zeros_like(order_qty), multiple)
    frames, done = [], np.zeros_like(order_qty)
    for number in range(1, _MOST_LOTS + 1):
        left = order_qty - done
        row = np.flatnonzero(left > 1e-9 * np.maximum(order_qty, 1.0))
        size = np.minimum(first if number == 1 else later, left)
        # The last lot takes all that is left.
        size = left if number == _MOST_LOTS else size
        frames.append(pd.DataFrame({"row": row, "lot_number": number, "before_qty": done[row], "lot_qty": size[row]}))
        done = done + np.where(left > 0, size, 0.0)
    return pd.concat(frames, ignore_index=True).sort_values(["row", "lot_number"], ignore_index=True)


def _short(policy: pd.DataFrame, demand: pd.DataFrame, row: np.ndarray, stock: np.ndarray) -> np.ndarray:
    """Units expected short over the protection interval with a position, units."""
    mean, sd = numbers(policy, "lead_time_demand_qty")[row], numbers(policy, "lead_time_demand_sd_qty")[row]
    method = texts(policy, "method_code").to_numpy(dtype=str)[row]
    shape = shapes_of(demand["standard_quantiles"].tolist())[row]
    out = np.zeros(len(row))
    for code in METHODS:
        held = method == code
        if held.any():
            own = shape[held] if code in SHAPED else None
            out[held] = loss(code, stock[held], mean[held], sd[held], own)
    return out
