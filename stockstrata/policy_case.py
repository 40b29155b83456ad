"""From rows of policies to the cases that service is computed for."""

import numpy as np
import pandas as pd

from stockstrata.buffers import LONGEST_LEAD_TIME_SHARE, ServiceCase
from stockstrata.columns import aligned, numbers, texts
from stockstrata.safety_stock import back_order_fill_rate
from stockstrata.shaped import shapes_of


def service_case(out: pd.DataFrame) -> ServiceCase:
    """What the service of policies depends on.

    Args:
        out: columns of `policy.stock_policy` and `demand_sd_qty`, `supply_sd_qty`, `standard_quantiles` of
            `forecast.lead_time_demand` (`lead_time_sd_qty` there).
    """
    mean, total_sd = out["lead_time_demand_qty"].to_numpy(), out["lead_time_demand_sd_qty"].to_numpy()
    review = out["review_period_days"].to_numpy()
    order_qty = out["order_qty"].to_numpy()
    measure, target = out["service_measure"].to_numpy(dtype=str), out["service_target"].to_numpy(dtype=float)
    is_lost = (measure == "fill_rate") & (out["unmet_demand_code"] == "lost_sale").to_numpy()
    return ServiceCase(
        method=out["method_code"].to_numpy(dtype=str),
        measure=np.where(measure == "economic", "cycle_service_level", measure),
        target=np.where(is_lost, back_order_fill_rate(target), target),
        is_periodic=(out["policy_family"] == "R_S").to_numpy(),
        is_order_up=out["policy_family"].isin(("s_S", "R_s_S")).to_numpy(),
        mean=mean,
        demand_sd=out["demand_sd_qty"].to_numpy(),
        supply_sd=out["supply_sd_qty"].to_numpy(),
        total_sd=total_sd,
        lead_time_share=np.clip(
            1 - review / np.maximum(out["protection_interval_days"].to_numpy(), review), 0.0, LONGEST_LEAD_TIME_SHARE
        ),
        order_qty=np.where(order_qty > 0, order_qty, np.where(mean > 0, mean, 1.0)),
        shape=shapes_of(out["standard_quantiles"].tolist()),
    )


def case_of_policies(policies: pd.DataFrame, lead_time_demand: pd.DataFrame) -> ServiceCase:
    """The case of each row of `policy.stock_policy`, with the spreads and shapes of `forecast.lead_time_demand`."""
    demand = aligned(lead_time_demand, policies, table="forecast.lead_time_demand")
    total = numbers(policies, "lead_time_demand_sd_qty")
    return service_case(
        policies.assign(
            demand_sd_qty=np.fmin(numbers(demand, "demand_sd_qty"), total),
            supply_sd_qty=np.fmin(numbers(demand, "lead_time_sd_qty"), total),
            standard_quantiles=demand["standard_quantiles"].to_numpy(dtype=object),
        )
    )


def level_of(policies: pd.DataFrame) -> np.ndarray:
    """The level that a policy's service follows from, units: of `R_S` the base stock, else the reorder point."""
    buffer, protected = numbers(policies, "safety_stock_qty"), numbers(policies, "protected_demand_qty")
    point = numbers(policies, "reorder_point_qty")
    is_periodic = (texts(policies, "policy_family") == "R_S").to_numpy()
    return np.where(buffer > 0, protected + buffer, np.where(is_periodic, np.minimum(protected, point + 1), point))
