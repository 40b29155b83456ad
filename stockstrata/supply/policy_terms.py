"""What comes short or is rejected, as terms of a stock policy: larger orders, and a wider demand to be covered."""

import numpy as np
import pandas as pd

from stockstrata.columns import numbers
from stockstrata.distributions import DISCRETE
from stockstrata.parameters import PlanningSettings
from stockstrata.replenishment import whole_multiple
from stockstrata.supply.yields import order_inflation, yield_sd


def with_yield(out: pd.DataFrame, lead: pd.DataFrame, settings: PlanningSettings) -> pd.DataFrame:
    """Policies with the yield of their suppliers in order quantity and supply variance; unchanged where all comes.

    Orders are raised by `1 / yield`, at most by `max_yield_inflation_rate`, to the nearest multiple. The standard
    deviation of what they bring joins `supply_sd_qty` and `lead_time_demand_sd_qty` as an independent part.

    Args:
        out: policies with `order_qty, review_demand_qty, policy_family, lead_time_demand_qty, supply_sd_qty,
            lead_time_demand_sd_qty, order_multiple_qty, method_code`.
        lead: rows of `policy.lead_time` in the same order; without `yield_rate` all that is ordered comes.
        settings: largest raise of orders.

    Example: `with_yield(policies, lead_times, parameters.settings)["supply_sd_qty"]`.
    """
    if "yield_rate" not in lead:
        return out.assign(order_inflation_ratio=1.0)
    mean, sd = np.nan_to_num(numbers(lead, "yield_rate"), nan=1.0), np.nan_to_num(numbers(lead, "yield_sd_rate"))
    factor = order_inflation(mean, max_inflation_rate=settings.max_yield_inflation_rate)
    wanted = np.where(out["policy_family"] == "R_S", out["review_demand_qty"], out["order_qty"]).astype(float)
    demand = out["lead_time_demand_qty"].to_numpy(dtype=float)
    spread = yield_sd(wanted, demand, np.maximum(mean, 1 / factor), sd)
    order = out["order_qty"].to_numpy(dtype=float)
    multiple = whole_multiple(out["order_multiple_qty"].to_numpy(), out["method_code"].isin(DISCRETE).to_numpy())
    step = np.where(multiple > 0, multiple, 1.0)
    raised = np.where(multiple > 0, np.maximum(np.round(order * factor / step) * step, order), order * factor)
    return out.assign(
        order_inflation_ratio=factor,
        order_qty=np.where(factor > 1, raised, order),
        supply_sd_qty=np.hypot(out["supply_sd_qty"], spread),
        lead_time_demand_sd_qty=np.hypot(out["lead_time_demand_sd_qty"], spread),
    )
