"""What a policy family has besides reorder point, quantity and level: why it was chosen, its cards and zones."""

import numpy as np
import pandas as pd

from stockstrata.columns import DAYS_PER_YEAR, aligned, numbers, texts
from stockstrata.costs import WEEKS_PER_YEAR
from stockstrata.families.choice import BY_RULE, rule_of, traits
from stockstrata.families.demand_driven import Zones, zone_of
from stockstrata.order_quantities import indifferent_band, price_breaks, purchase_cost
from stockstrata.parameters import PlanningParameters
from stockstrata.policy import KEY
from stockstrata.tables import POLICY_DETAIL

_COLUMNS = [column.name for column in POLICY_DETAIL.columns if column.name != "period_start_date"]


def policy_details(
    policies: pd.DataFrame,
    item_locations: pd.DataFrame,
    assignment: pd.DataFrame,
    positions: pd.DataFrame,
    *,
    parameters: PlanningParameters,
) -> pd.DataFrame:
    """One row for each policy of this cycle: its family, who chose it and why, cards, zones and net flow.

    The family comes from the strategy of the segment, from a rule, or from the demand and costs of the item-location
    that stand before both (`policy`). Zones are read off the policy: reorder point less lead-time demand is red, the
    lead-time demand yellow, the order green. Stale policies have no row.

    Args:
        policies: frame of `policy.stock_policy`.
        item_locations: frame of `int_item_locations__planned`.
        assignment: frame of `segmentation.segment_assignment`.
        positions: frame of `int_stock__positions`: net flow is on hand + on order + in transit - allocated.
        parameters: strategies and rules.

    Returns:
        The columns of `policy.policy_detail` without period and stamp, sorted by item and location.
    """
    out = policies.loc[texts(policies, "policy_status_code").to_numpy() == "current"]
    out = out.sort_values(KEY, ignore_index=True)
    family = texts(out, "policy_family").to_numpy(dtype=object)
    asked = texts(out, "segment_code").map(
        {row.segment_code: row.policy_family for row in parameters.segment_strategies}
    )
    by_rule, wanted_by_strategy = (asked == BY_RULE).to_numpy(), asked.to_numpy(dtype=object).copy()
    planned = aligned(item_locations, out, table="int_item_locations__planned")
    segments = aligned(assignment, out, table="segmentation.segment_assignment")
    rules, code, told = (
        parameters.policy_rules,
        np.full(len(out), "", dtype=object),
        np.full(len(out), "", dtype=object),
    )
    if by_rule.any():
        place = rule_of(traits(planned.loc[by_rule], segments.loc[by_rule], out.loc[by_rule]), rules)
        code[by_rule] = np.array([row.rule_code for row in rules], dtype=object)[place]
        told[by_rule] = np.array([row.told for row in rules], dtype=object)[place]
        wanted = np.array([row.policy_family for row in rules], dtype=object)[place]
        wanted_by_strategy[by_rule] = wanted
    is_other = family != wanted_by_strategy
    source = np.where(is_other, "policy", np.where(by_rule, "rule", "strategy"))
    found = _zones(out)
    economic = numbers(out, "economic_order_qty")
    band = indifferent_band(economic, parameters.settings.order_qty_band_rate)
    prices = _prices(out, planned)
    net_flow = _net_flow(out, positions)
    is_driven, is_kanban = family == "ddmrp", family == "kanban"
    size = numbers(out, "order_qty")
    return out.loc[:, [*KEY, "policy_family"]].assign(
        family_source_code=source,
        rule_code=np.where(source == "rule", code, ""),
        family_reason=np.select(
            [source == "policy", source == "rule"],
            ["hardly wanted, or ordering costs nothing: see the policy", told],
            "strategy of the segment",
        ),
        order_band_low_qty=band[0],
        order_band_high_qty=band[1],
        **prices,
        shelf_life_days=numbers(planned, "shelf_life_days"),
        card_count=pd.Series(
            np.where(is_kanban & (size > 0), numbers(out, "order_up_to_qty") / np.where(size > 0, size, 1), 0)
        )
        .round()
        .astype("int64"),
        card_qty=np.where(is_kanban, size, np.nan),
        red_zone_qty=np.where(is_driven, found.red, np.nan),
        yellow_zone_qty=np.where(is_driven, found.yellow, np.nan),
        green_zone_qty=np.where(is_driven, found.green, np.nan),
        net_flow_qty=np.where(is_driven, net_flow, np.nan),
        net_flow_zone_code=np.where(is_driven & np.isfinite(net_flow), zone_of(net_flow, found), ""),
    )[_COLUMNS]


def _prices(policies: pd.DataFrame, planned: pd.DataFrame) -> dict[str, np.ndarray]:
    """Price of a unit in the usual order, and what buying, ordering and holding cost a year with it."""
    cost, order = numbers(policies, "unit_cost_amount"), numbers(policies, "order_qty")
    breaks = price_breaks(texts(planned, "price_breaks"), cost)
    holding = numbers(policies, "holding_cost_per_unit_week_amount") * WEEKS_PER_YEAR
    by_tier = np.repeat(holding[:, None], breaks.price_amount.shape[1], axis=1)
    fixed = np.nan_to_num(numbers(policies, "order_cost_amount"))
    yearly = purchase_cost(order, numbers(policies, "annual_demand_qty"), fixed, breaks, by_tier)
    return {"order_unit_price_amount": breaks.price_at(order), "order_year_cost_amount": yearly}


def _zones(policies: pd.DataFrame) -> Zones:
    top = numbers(policies, "reorder_point_qty")
    yellow = numbers(policies, "annual_demand_qty") / DAYS_PER_YEAR * numbers(policies, "lead_time_days")
    yellow = np.minimum(yellow, top)
    return Zones(top - yellow, yellow, numbers(policies, "order_up_to_qty") - top)


def _net_flow(policies: pd.DataFrame, positions: pd.DataFrame) -> np.ndarray:
    signs = {"on_hand_qty": 1.0, "on_order_qty": 1.0, "in_transit_qty": 1.0, "allocated_qty": -1.0}
    flow = sum(
        (sign * np.nan_to_num(numbers(positions, name)) for name, sign in signs.items()), np.zeros(len(positions))
    )
    held = pd.Series(flow, index=pd.MultiIndex.from_frame(positions[KEY]))
    return held.reindex(pd.MultiIndex.from_frame(policies[KEY])).to_numpy(dtype=float)
