"""Levels of families that follow a rule of their own in place of a service target."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stockstrata.columns import DAYS_PER_YEAR, numbers
from stockstrata.distributions import DISCRETE
from stockstrata.families.demand_driven import planned_zones
from stockstrata.parameters import BufferProfile
from stockstrata.replenishment import feasible_order_up, whole_multiple


def with_own_levels(
    out: pd.DataFrame, solved: np.ndarray, profiles: Sequence[BufferProfile]
) -> tuple[pd.DataFrame, np.ndarray]:
    """Policies with the order quantity of their zones, and the level to plan with, units, (n,).

    `ddmrp`: the level is the top of yellow and the order the green zone, at least the smallest feasible one; what the
    service target would have asked for is not planned with, and `expected_service_rate` tells what the zones give.
    Other families keep the level that meets their target.

    Args:
        out: policies with demand, lead time, review period, minimum and multiple.
        solved: levels that meet the targets, units, (n,).
        profiles: rows of `buffer_profiles.csv`.
    """
    driven = (out["policy_family"] == "ddmrp").to_numpy()
    if not driven.any():
        return out, solved
    rows = out.loc[driven]
    daily = numbers(rows, "annual_demand_qty") / DAYS_PER_YEAR
    mean = numbers(rows, "lead_time_demand_qty")
    variation = np.divide(numbers(rows, "lead_time_demand_sd_qty"), mean, out=np.zeros(len(rows)), where=mean > 0)
    lead, review = numbers(rows, "lead_time_days"), numbers(rows, "review_period_days")
    sizes = planned_zones(daily, lead, variation, numbers(rows, "moq_qty"), review, profiles)
    is_whole = rows["method_code"].isin(DISCRETE).to_numpy()
    multiple = whole_multiple(numbers(rows, "order_multiple_qty"), is_whole)
    order, level = out["order_qty"].to_numpy(dtype=float).copy(), solved.copy()
    order[driven] = feasible_order_up(sizes.green, numbers(rows, "moq_qty"), multiple)
    level[driven] = sizes.top_of_yellow
    return out.assign(order_qty=order), level
