"""What suppliers ask of orders: their least value, and what each constraint adds and costs."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.columns import numbers, texts
from stockstrata.distributions import DISCRETE
from stockstrata.ordering.baskets import Candidates, advance_cost, filled_basket
from stockstrata.ordering.quantities import due_quantities
from stockstrata.policy import NOT_STOCKED
from stockstrata.replenishment import smallest_feasible_order, whole_multiple


@dataclass(frozen=True)
class Situation:
    """Where n item-locations stand when orders are chosen; all of the same length.

    Attributes:
        policy: frame of `policy.stock_policy`.
        item: frame of `int_item_locations__planned`: supplier, minimum, multiple, least value of the supplier's order.
        position_qty: inventory position expected on the order day, units.
        daily_qty: expected demand of a day, units.
        wait_days: days until the order day.
    """

    policy: pd.DataFrame
    item: pd.DataFrame
    position_qty: np.ndarray
    daily_qty: np.ndarray
    wait_days: np.ndarray

    @property
    def holding_amount(self) -> np.ndarray:
        """Cost of holding a unit for a day, currency; NaN where nothing tells it."""
        return numbers(self.policy, "holding_cost_per_unit_week_amount") / 7

    def advance_cost(self, before_qty: np.ndarray, added_qty: np.ndarray) -> np.ndarray:
        """Extra holding of what is added to an order, currency."""
        return advance_cost(added_qty, self.ahead_days(before_qty), self.daily_qty, self.holding_amount)

    def ahead_days(self, ordered_qty: np.ndarray) -> np.ndarray:
        """Days until the next order if so much is ordered now; endless without demand."""
        above = self.position_qty + ordered_qty - numbers(self.policy, "reorder_point_qty")
        endless = np.full(len(above), np.inf)
        return np.divide(np.maximum(above, 0.0), self.daily_qty, out=endless, where=self.daily_qty > 0)


def basket_additions(at: Situation, order_qty: np.ndarray) -> np.ndarray:
    """What to add, units, (n,), so that each supplier's orders of a day reach its least value at the least holding.

    Added to may be every stocked item-location of the supplier with a cost, also one that is not due: then at least its
    smallest order. An order without any is not made up. Where no cost is known, the value is not known either, and
    nothing is added.

    Args:
        at: the item-locations.
        order_qty: what is due, units, (n,).
    """
    supplier = texts(at.item, "supplier_id").to_numpy(dtype=str)
    minimum = np.nan_to_num(numbers(at.item, "supplier_min_order_amount"))
    cost = np.nan_to_num(numbers(at.policy, "unit_cost_amount"))
    is_whole = at.policy["method_code"].isin(DISCRETE).to_numpy()
    multiple = whole_multiple(numbers(at.item, "order_multiple_qty"), is_whole)
    # Where any quantity will do, a day's demand is fine enough.
    step = np.where(multiple > 0, multiple, np.maximum(at.daily_qty, 1e-3))
    least = np.maximum(smallest_feasible_order(numbers(at.item, "moq_qty"), multiple), step)
    may_take = (supplier != "") & (minimum > 0) & (cost > 0) & np.isfinite(at.holding_amount)
    may_take &= ~np.isin(at.policy["policy_family"].to_numpy(dtype=str), NOT_STOCKED)
    values = pd.DataFrame({"supplier": supplier, "wait": at.wait_days, "value": order_qty * cost, "minimum": minimum})
    baskets = values.groupby(["supplier", "wait"], sort=True).agg(value=("value", "sum"), minimum=("minimum", "max"))
    short = baskets.loc[(baskets["value"] > 0) & (baskets["value"] < baskets["minimum"])]
    added = np.zeros(len(order_qty))
    ahead_days = at.ahead_days(order_qty)
    for basket in short.reset_index().to_dict("records"):
        rows = np.flatnonzero(may_take & (supplier == basket["supplier"]) & (at.wait_days == basket["wait"]))
        items = Candidates(
            np.where(order_qty[rows] > 0, step[rows], least[rows]),
            step[rows],
            cost[rows],
            ahead_days[rows],
            at.daily_qty[rows],
            at.holding_amount[rows],
        )
        added[rows] = filled_basket(float(basket["minimum"] - basket["value"]), items)
    return added


def constraint_figures(at: Situation, due_qty: np.ndarray, basket_qty: np.ndarray, is_projected: np.ndarray) -> dict:
    """What minimum and multiple, order days and baskets add to each order, and what the extra holding costs.

    Without them a due order would be the economic quantity, or the gap to the level. Waiting for the order day is paid
    by its demand on the shelf for a review period more.

    Args:
        at: the item-locations.
        due_qty: what is due with minimum and multiple, units, (n,).
        basket_qty: what the basket adds, units, (n,).
        is_projected: orders by projected stock, whose parts are not told apart, (n,).
    """
    economic = numbers(at.policy, "economic_order_qty")
    lot = np.where(economic > 0, economic, numbers(at.policy, "order_qty"))
    unbound = at.item.assign(moq_qty=np.nan, order_multiple_qty=np.nan)
    wanted = due_quantities(at.policy.assign(order_qty=lot), at.position_qty, unbound)
    wanted = np.where(is_projected | (due_qty <= 0), due_qty, np.minimum(wanted, due_qty))
    waited = at.wait_days * at.daily_qty * numbers(at.policy, "review_period_days") * at.holding_amount
    cost = np.nan_to_num(numbers(at.policy, "unit_cost_amount"))
    basket = pd.Series((due_qty + basket_qty) * cost).groupby([texts(at.item, "supplier_id"), at.wait_days])
    return {
        "order_wait_days": at.wait_days,
        "policy_qty": wanted,
        "rounding_qty": due_qty - wanted,
        "basket_qty": basket_qty,
        "rounding_cost_amount": at.advance_cost(wanted, due_qty - wanted),
        "basket_cost_amount": at.advance_cost(due_qty, basket_qty),
        "wait_cost_amount": np.where((due_qty > 0) & (at.wait_days > 0), waited, 0.0),
        "supplier_order_value_amount": basket.transform("sum").to_numpy(),
        "supplier_min_order_amount": numbers(at.item, "supplier_min_order_amount"),
    }


def told_constraints(out: pd.DataFrame) -> pd.Series:
    """What order days and baskets did to each proposal, in words; empty where nothing."""
    rows = zip(out["order_wait_days"], out["policy_qty"], out["basket_qty"], strict=True)
    told = [
        (f" The supplier takes orders next in {wait:.0f} days; demand until then is reckoned with." if wait else "")
        + (f" Of it {basket:.10g} make up the supplier's least order value." if basket > 0 and wanted > 0 else "")
        for wait, wanted, basket in rows
    ]
    return pd.Series(told, index=out.index, dtype=str)
