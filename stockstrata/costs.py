"""What an item costs to buy, to order, to hold and to be short of: known figures first, then the parameters' rates."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from stockstrata.columns import DAYS_PER_YEAR, numbers, rows_by_scope, texts
from stockstrata.parameters import CostRate, PlanningParameters

WEEKS_PER_YEAR = DAYS_PER_YEAR / 7


def item_costs(
    item_locations: pd.DataFrame, *, parameters: PlanningParameters, segment_code: pd.Series | None = None
) -> pd.DataFrame:
    """Costs of each item-location, in the row order of `item_locations`, index from 0.

    A known value beats a rate. Each rate is taken by scope, from the narrowest row that states it: item, else segment,
    else category, else default. The rates are the company's own parameters, so they do not weaken the evidence; a unit
    cost that a parameter stands in for, or that nothing tells, does.

    Holding cost per unit and week: the item's own per unit and year over 52.18 weeks, else the rate per unit and week,
    else the yearly share (the location's, else the rate) times unit cost over 52.18.

    Args:
        item_locations: frame of `int_item_locations__planned`.
        parameters: the cost rates.
        segment_code: segment of each row, in the same order; left out before segmentation.

    Returns:
        `unit_cost_amount` (currency per unit; a cost of zero counts as unknown; NaN where nothing tells it),
        `unit_cost_source_code` (known, price, default or unknown), `cost_to_price_rate` (1 where no rate is given: the
        price then stands for the cost), `order_cost_amount` (currency per order, 0 where none is given),
        `holding_cost_rate` (share of unit cost and year, NaN without unit cost), `holding_cost_per_unit_year_amount`
        and `holding_cost_per_unit_week_amount` (currency per unit, NaN where nothing tells it),
        `is_holding_cost_stated` (whether it is given as money, so that it does not rest on the unit cost),
        `shortage_cost_per_unit_amount` (currency per unit short, NaN where none is given), `unmet_demand_code`
        (lost_sale or back_order, the latter where nothing is said), `evidence_grade` (full, degraded or assumed, after
        the source of the unit cost).
    """
    codes = {"category": texts(item_locations, "category")}
    if segment_code is not None:
        codes["segment"] = segment_code.reset_index(drop=True)
    codes["item"] = texts(item_locations, "item_id")
    rates = _Rates(parameters.cost_rates, codes, len(item_locations))
    known, price = numbers(item_locations, "unit_cost_amount"), numbers(item_locations, "unit_price_amount")
    assumed = rates.numbers("default_unit_cost_amount")
    to_price = np.nan_to_num(rates.numbers("cost_to_price_rate"), nan=1.0)
    source = np.select([known > 0, price > 0, assumed > 0], ["known", "price", "default"], "unknown")
    unit_cost = np.select(
        [source == "known", source == "price"],
        [known, price * to_price],
        default=np.where(assumed > 0, assumed, np.nan),
    )
    own_year, location_rate = (
        numbers(item_locations, name) for name in ("holding_cost_per_unit_year_amount", "location_holding_cost_rate")
    )
    share = np.where(location_rate > 0, location_rate, rates.numbers("holding_cost_rate"))
    stated_year = np.where(own_year > 0, own_year, rates.numbers("holding_cost_per_unit_week") * WEEKS_PER_YEAR)
    is_stated = stated_year > 0
    per_year = np.where(is_stated, stated_year, share * unit_cost)
    order_cost = numbers(item_locations, "order_cost_amount")
    unmet = rates.codes("unmet_demand")
    return pd.DataFrame(
        {
            "unit_cost_amount": unit_cost,
            "unit_cost_source_code": source,
            "cost_to_price_rate": to_price,
            "order_cost_amount": np.where(
                order_cost >= 0, order_cost, np.nan_to_num(rates.numbers("order_cost_amount"))
            ),
            "holding_cost_rate": np.where(
                is_stated, stated_year / unit_cost, np.where(np.isfinite(unit_cost), share, np.nan)
            ),
            "holding_cost_per_unit_year_amount": per_year,
            "holding_cost_per_unit_week_amount": per_year / WEEKS_PER_YEAR,
            "is_holding_cost_stated": is_stated,
            "shortage_cost_per_unit_amount": rates.numbers("shortage_cost_per_unit"),
            "unmet_demand_code": np.where(unmet == "", "back_order", unmet),
            "evidence_grade": np.select([source == "known", source == "price"], ["full", "degraded"], "assumed"),
        }
    )


class _Rates:
    """Cost rates of `count` item-locations: each column from the narrowest scope whose row states it."""

    def __init__(self, rows: tuple[CostRate, ...], codes: Mapping[str, pd.Series], count: int) -> None:
        self._rows, self._codes, self._count = rows, codes, count

    def numbers(self, name: str) -> np.ndarray:
        return self._chosen(name, np.nan).astype(float)

    def codes(self, name: str) -> np.ndarray:
        return self._chosen(name, "").astype(str)

    def _chosen(self, name: str, missing: float | str) -> np.ndarray:
        stating = [row for row in self._rows if row.scope == "default" or getattr(row, name) is not None]
        values = [getattr(row, name) for row in stating]
        values = np.array([missing if value is None else value for value in values], dtype=object)
        return values[rows_by_scope(stating, self._codes, self._count)]
