"""Order proposals: what to order now, from the inventory position and the policy.

Inventory position = on hand + on order + in transit - allocated; each pipeline is counted once, and with a supplier
whose orders are raised for what does not come, at what is expected to come of it. An order is due when
the position, less what is expected to be used until the supplier's next order day, is at or below the reorder point.
An order below the supplier's least value is made up by what costs least to hold (`ordering.baskets`). Releasing every
proposal and running again on unchanged data proposes nothing: `s_Q` orders the smallest number of Q that lifts the
position *above* the reorder point, the other families order up to a level above it. Where unmet demand is lost, the
order follows from projected stock instead (`projections`); a released one is among the arrivals of the next
projection.
"""

import datetime as dt

import numpy as np
import pandas as pd

from stockstrata.columns import aligned, days, flags, numbers, texts
from stockstrata.evidence import worst_grade
from stockstrata.ordering.calendar import days_until_open, order_weekdays
from stockstrata.ordering.constraints import Situation, basket_additions, constraint_figures, told_constraints
from stockstrata.ordering.quantities import due_quantities
from stockstrata.parameters import PlanningParameters
from stockstrata.phase_out import limited_order
from stockstrata.policy import KEY
from stockstrata.projections import Supply, projected_orders
from stockstrata.tables import ORDER_PROPOSAL

_COLUMNS = [column.name for column in ORDER_PROPOSAL.columns if column.name != "period_start_date"]
_LONGEST_DAYS = 36_500  # need dates end a century ahead, so that tiny demand cannot overflow a date


def order_proposals(
    policies: pd.DataFrame,
    positions: pd.DataFrame,
    item_locations: pd.DataFrame,
    lead_time_demand: pd.DataFrame,
    *,
    parameters: PlanningParameters,
    cut_off_date: dt.date,
    supply: Supply | None = None,
) -> pd.DataFrame:
    """One row for each item-location that should order at the cut-off.

    Item-locations without a stock figure get no proposal, nor do families that keep no stock. A stock figure older than
    `max_stock_age_days` is weak evidence: the proposal is graded degraded and says how old the figure is.

    The *need date* is the day on which the inventory position is used up at the forecast rate, the *buffer date* the
    day on which it reaches the safety stock. Urgency: `overdue` when the need date lies before the earliest receipt, so
    that a stock-out is expected whatever is ordered now; `urgent` when the buffer date does, so that the order comes in
    time and the safety stock is drawn on until then, as the policy allows for; else `normal`.

    Args:
        policies: frame of `policy.stock_policy`.
        positions: frame of `int_stock__positions`.
        item_locations: frame of `int_item_locations__planned`: supplier, minimum, multiple.
        lead_time_demand: frame of `forecast.lead_time_demand`: `daily_mean_qty`.
        parameters: for the age from which a stock figure is weak.
        cut_off_date: day that the orders are dated.
        supply: forecasts and open orders for projected stock; without them the position decides everywhere.

    Returns:
        The columns of `policy.order_proposal` without period and stamp, sorted by item and location; maybe no row.

    Raises:
        PlanningError: if an item-location with a stock figure has no policy, forecast or planned row.
    """
    stock = positions.loc[flags(positions, "has_stock_feed")].sort_values(KEY, ignore_index=True)
    policy = aligned(policies, stock, table="policy.stock_policy")
    quantities = {name: np.nan_to_num(numbers(stock, name)) for name in _POSITION if name in stock}
    under_way = quantities["on_order_qty"] + quantities["in_transit_qty"]
    quantities["expected_shortfall_qty"] = under_way - under_way / numbers(policy, "order_inflation_ratio")
    position = sum((sign * quantities[name] for name, sign in _POSITION.items()), start=np.zeros(len(stock)))
    item = aligned(item_locations, stock, table="int_item_locations__planned")
    daily = numbers(aligned(lead_time_demand, stock, table="forecast.lead_time_demand"), "daily_mean_qty")
    wait_days = days_until_open(order_weekdays(texts(item, "order_days")), cut_off_date)
    at = Situation(policy, item, position - wait_days * daily, daily, wait_days)
    order_qty = due_quantities(policy, at.position_qty, item)
    projected = pd.DataFrame(np.nan, index=stock.index, columns=pd.Index(["order_qty", *_PROJECTED]))
    if supply is not None:
        projected = projected_orders(
            policy, stock, item, supply, settings=parameters.settings, cut_off_date=cut_off_date, wait_days=wait_days
        )
        order_qty = projected["order_qty"].fillna(pd.Series(order_qty)).to_numpy()
    order_qty = limited_order(order_qty, position, policy)
    basket_qty = basket_additions(at, order_qty)
    figures = constraint_figures(at, order_qty, basket_qty, projected["order_qty"].notna().to_numpy())
    order_qty = order_qty + basket_qty
    due = order_qty > 0
    policy, item, stock = (frame.loc[due].reset_index(drop=True) for frame in (policy, item, stock))
    out = policy.loc[:, [*KEY, "reorder_point_qty", "order_inflation_ratio", "evidence_grade"]].copy()
    out[list(_PROJECTED)] = projected.loc[due, list(_PROJECTED)].to_numpy()
    out["supplier_id"] = texts(item, "supplier_id").replace("", None)
    out["order_qty"], out["inventory_position_qty"] = order_qty[due], position[due]
    out["order_value_amount"] = out["order_qty"] * policy["unit_cost_amount"]
    for name, values in quantities.items():
        out[name] = values[due]
    out = out.assign(**{name: values[due] for name, values in figures.items()})
    out["stock_date"] = days(stock, "stock_date").astype("datetime64[s]")
    out = _with_dates(out, policy, daily[due], cut_off_date)
    age_days = (pd.Timestamp(cut_off_date) - out["stock_date"]).dt.days
    is_old = age_days > parameters.settings.max_stock_age_days
    weak = pd.Series(np.where(is_old, "degraded", "full"), index=out.index)
    out["evidence_grade"] = worst_grade(out["evidence_grade"], weak)
    aged = " The stock figure is " + age_days.astype(str) + " days old: count before ordering."
    is_stale = texts(policy, "policy_status_code").isin(("stale", "held"))
    stale = " The policy is that of the cycle of " + policy["policy_period_start_date"].astype(str).str[:10]
    stale += ", because " + texts(policy, "isolation_reason") + "."
    reason = pd.Series(_reasons(out), index=out.index, dtype=str)
    is_projected = out["expected_arrival_stock_qty"].notna()
    if is_projected.any():
        reason[is_projected] = np.array(_projected_reasons(out[is_projected], policy[is_projected]), dtype=object)
    ahead = out["policy_qty"].to_numpy() <= 0
    if ahead.any():
        reason[ahead] = np.array(_ahead_reasons(out[ahead]), dtype=object)
    out["reason"] = reason + told_constraints(out) + aged.where(is_old, "")
    out["reason"] += stale.where(is_stale, "")
    return out.loc[:, _COLUMNS]


_PROJECTED = ("expected_arrival_stock_qty", "window_demand_qty", "no_stock_out_rate")
_POSITION = {
    "on_hand_qty": 1.0,
    "on_order_qty": 1.0,
    "in_transit_qty": 1.0,
    "allocated_qty": -1.0,
    "expected_shortfall_qty": -1.0,
}


def _with_dates(out: pd.DataFrame, policy: pd.DataFrame, daily_qty: np.ndarray, cut_off_date: dt.date) -> pd.DataFrame:
    today = np.datetime64(cut_off_date, "D")
    position = out["inventory_position_qty"].to_numpy()
    need = today + _cover(position, daily_qty)
    buffer = today + _cover(position - numbers(policy, "safety_stock_qty"), daily_qty)
    order = today + out["order_wait_days"].to_numpy().astype("timedelta64[D]")
    receipt = order + np.ceil(numbers(policy, "lead_time_days")).astype("timedelta64[D]")
    urgency = np.select([need < receipt, buffer < receipt], ["overdue", "urgent"], "normal")
    return out.assign(
        order_date=order.astype("datetime64[s]"),
        need_date=need.astype("datetime64[s]"),
        buffer_date=buffer.astype("datetime64[s]"),
        expected_receipt_date=receipt.astype("datetime64[s]"),
        urgency_code=urgency,
        protection_interval_days=out["order_wait_days"] + numbers(policy, "protection_interval_days"),
    )


def _cover(quantity: np.ndarray, daily_qty: np.ndarray) -> np.ndarray:
    """Whole days that a quantity lasts."""
    quantity = np.maximum(quantity, 0.0)
    cover = np.divide(quantity, daily_qty, out=np.zeros(len(quantity)), where=daily_qty > 0)
    return np.floor(np.minimum(cover, _LONGEST_DAYS)).astype("timedelta64[D]")


def _reasons(out: pd.DataFrame) -> list[str]:
    after = out["inventory_position_qty"] + out["order_qty"] / out["order_inflation_ratio"]
    rows = zip(
        *(out[name] for name in ("inventory_position_qty", *_POSITION, "reorder_point_qty", "order_qty")),
        after,
        out["stock_date"].dt.strftime("%Y-%m-%d"),
        np.where(
            out["inventory_position_qty"] <= out["reorder_point_qty"],
            "is at or below",
            "will have come down by the order day to",
        ),
        strict=True,
    )
    return [
        f"Inventory position {position:.10g} (on hand {hand:.10g} + on order {order:.10g} + in transit {transit:.10g} "
        f"- allocated {allocated:.10g}{_not_coming(lost)}, stock of {day}) {is_low} the reorder point {reorder:.10g}; "
        f"ordering {quantity:.10g} lifts it to {top:.10g}."
        for position, hand, order, transit, allocated, lost, reorder, quantity, top, day, is_low in rows
    ]


def _not_coming(quantity: float) -> str:
    return f" - not expected to come {quantity:.10g}" if quantity > 0 else ""


def _ahead_reasons(out: pd.DataFrame) -> list[str]:
    names = ("inventory_position_qty", "stock_date", "reorder_point_qty", "order_qty", "supplier_min_order_amount")
    return [
        f"Inventory position {position:.10g} (stock of {day:%Y-%m-%d}) is above the reorder point {reorder:.10g}; "
        f"ordering {quantity:.10g} ahead, because the supplier takes orders from {minimum:.10g} only."
        for position, day, reorder, quantity, minimum in zip(*(out[name] for name in names), strict=True)
    ]


def _projected_reasons(out: pd.DataFrame, policy: pd.DataFrame) -> list[str]:
    is_economic = (texts(policy, "service_measure") == "economic").to_numpy()
    costs = zip(
        numbers(policy, "holding_cost_per_unit_week_amount"),
        numbers(policy, "shortage_cost_per_unit_amount"),
        strict=True,
    )
    because = np.where(
        is_economic,
        [
            f"at a holding cost of {holding:.4g} per unit and week and {short:.4g} per unit lost"
            for holding, short in costs
        ],
        "for the service target of " + texts(policy, "service_measure").str.replace("_", " ").to_numpy(dtype=object),
    )
    rows = zip(
        *(out[name] for name in (*_PROJECTED, "on_hand_qty", "on_order_qty", "in_transit_qty", "order_qty")),
        because,
        out["expected_receipt_date"].dt.strftime("%Y-%m-%d"),
        out["stock_date"].dt.strftime("%Y-%m-%d"),
        strict=True,
    )
    return [
        f"Unmet demand is lost: of {hand:.10g} on hand (stock of {day}), {order:.10g} on order and {transit:.10g} in "
        f"transit, {left:.4g} are expected to be in stock when this order arrives on {arrival}, and {asked:.4g} to be "
        f"asked for until the next can arrive; ordering {quantity:.10g} suffices with a chance of {chance:.3g}, {why}."
        for left, asked, chance, hand, order, transit, quantity, why, arrival, day in rows
    ]
