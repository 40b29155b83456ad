"""Exposure of each item-location to its supplier, and the cheapest of bearing it, a buffer and a second source."""

import numpy as np
import pandas as pd

from stockstrata.columns import DAYS_PER_YEAR, aligned, numbers, texts
from stockstrata.parameters import PlanningParameters
from stockstrata.supply.disruption import Exposure, break_even_rate, expected_loss
from stockstrata.tables import SUPPLY_RISK

KEY = ["item_id", "location_id"]
_COLUMNS = [column.name for column in SUPPLY_RISK.columns if column.name != "period_start_date"]
_LONGEST_COVER_DAYS = 3650.0  # Stock that nobody wants covers for ever; the table tells ten years.


def supply_risks(
    item_locations: pd.DataFrame,
    policies: pd.DataFrame,
    positions: pd.DataFrame,
    alternatives: pd.DataFrame,
    *,
    parameters: PlanningParameters,
) -> pd.DataFrame:
    """Yearly expected loss of each item-location with a supplier, and what would lower it.

    Args:
        item_locations: frame of `int_item_locations__planned`.
        policies: frame of `policy.stock_policy`.
        positions: frame of `int_stock__positions`; an item-location without a row has nothing on hand.
        alternatives: `item_id, location_id, line_down_cost_per_day_amount, supplier_count, alternative_supplier_id,
            alternative_lead_time_days`, one row for each item-location.
        parameters: disruption scenarios, costs of a second source.

    Returns:
        The columns of `policy.supply_risk` without period and stamp, largest expected loss first.
    """
    planned = item_locations[texts(item_locations, "supplier_id").to_numpy() != ""]
    if planned.empty:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in _COLUMNS})
    planned = planned.merge(policies[KEY], on=KEY).sort_values(KEY, ignore_index=True)
    policy = aligned(policies, planned, table="policy.stock_policy")
    other = aligned(alternatives, planned, table="alternatives")
    on_hand = np.nan_to_num(numbers(planned[KEY].merge(positions, on=KEY, how="left"), "on_hand_qty"))
    daily = numbers(policy, "annual_demand_qty") / DAYS_PER_YEAR
    cost = np.nan_to_num(numbers(policy, "unit_cost_amount"))
    margin = np.maximum(np.nan_to_num(numbers(planned, "unit_price_amount")) - cost, 0.0)
    line_down = np.where(daily > 0, np.nan_to_num(numbers(other, "line_down_cost_per_day_amount")), 0.0)
    cover = np.minimum(np.divide(on_hand, daily, out=np.full(len(daily), np.inf), where=daily > 0), _LONGEST_COVER_DAYS)
    waiting = numbers(other, "alternative_lead_time_days")
    has_other = texts(other, "alternative_supplier_id").to_numpy() != ""
    waiting = np.where(has_other, np.where(np.isfinite(waiting), waiting, numbers(policy, "lead_time_days")), np.inf)
    loss_a_day = daily * margin + line_down
    now = Exposure(cover, loss_a_day, waiting)
    settings, scenarios = parameters.settings, parameters.disruption_scenarios
    lead = numbers(policy, "lead_time_days")
    with_second = Exposure(cover, loss_a_day, np.minimum(waiting, lead))
    rate = sum(row.rate_per_year for row in scenarios)
    usual_days = sum(row.rate_per_year * row.duration_days for row in scenarios) / rate
    borne, dual = expected_loss(now, scenarios), expected_loss(with_second, scenarios)
    second_volume = settings.second_source_share_rate * daily * DAYS_PER_YEAR * cost
    second_cost = settings.second_source_cost_amount + settings.second_source_premium_rate * second_volume
    saved = (borne - dual) / rate
    buffer_qty = np.maximum(np.minimum(usual_days, waiting) - cover, 0.0) * daily
    holding = np.nan_to_num(numbers(policy, "holding_cost_per_unit_week_amount")) * DAYS_PER_YEAR / 7
    longer = np.divide(buffer_qty, daily, out=np.zeros(len(daily)), where=daily > 0)
    buffered = expected_loss(Exposure(cover + longer, loss_a_day, waiting), scenarios)
    # Where another supplier is qualified already, there is no second source to be found.
    totals = np.stack([borne, buffer_qty * holding + buffered, np.where(has_other, np.inf, second_cost + dual)])
    choice = np.array(["bear", "buffer", "second_source"], dtype=object)[np.argmin(totals, axis=0)]
    even = break_even_rate(second_cost, saved)
    return (
        pd.DataFrame(
            {
                **{name: planned[name] for name in KEY},
                "supplier_id": texts(planned, "supplier_id"),
                "criticality_code": texts(planned, "criticality_code").replace("", None),
                "supplier_count": numbers(other, "supplier_count").astype(np.int64),
                "is_single_source": ~has_other,
                "alternative_supplier_id": texts(other, "alternative_supplier_id").replace("", None),
                "alternative_lead_time_days": np.where(has_other, waiting, np.nan),
                "on_hand_qty": on_hand,
                "cover_days": cover,
                "daily_loss_amount": loss_a_day,
                "expected_loss_amount": borne,
                "buffer_qty": buffer_qty,
                "buffer_cost_amount": totals[1],
                "second_source_cost_amount": np.where(has_other, np.nan, totals[2]),
                "break_even_disruptions_per_year": np.where(np.isfinite(even) & ~has_other, even, np.nan),
                "mitigation_code": np.where(borne > 0, choice, "bear"),
            }
        )
        .sort_values(["expected_loss_amount", *KEY], ascending=[False, True, True], ignore_index=True)
        .assign(risk_rank=lambda frame: np.arange(1, len(frame) + 1))
        .loc[:, _COLUMNS]
    )
