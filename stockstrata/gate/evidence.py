"""From replays to tables: figures of item-locations, figures and verdicts of segments."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.columns import numbers
from stockstrata.gate.facts import Plans, Realised, UniformRule, WhatCame
from stockstrata.gate.replays import replayed_sides
from stockstrata.gate.segments import segment_figures
from stockstrata.gate.twin import realised_figures
from stockstrata.gate.verdicts import judged_segments
from stockstrata.parameters import PlanningParameters
from stockstrata.tables import REPLAY_ITEM_LOCATION

KEY = ["item_id", "location_id"]
_COLUMNS = [column.name for column in REPLAY_ITEM_LOCATION.columns if column.name != "period_start_date"]
_LEVELS = ("reorder_point_qty", "order_qty", "order_up_to_qty")
_COUNTS = ("cut_off_count", "frozen_cut_off_count")


@dataclass(frozen=True)
class Evidence:
    """Frames without period and stamp.

    Attributes:
        items: of `simulation.replay_item_location`, one row for each candidate policy.
        segments: of `simulation.replay_segment`.
    """

    items: pd.DataFrame
    segments: pd.DataFrame


def gate_evidence(
    plans: Plans,
    came: WhatCame,
    realised: Realised,
    uniform: UniformRule,
    *,
    parameters: PlanningParameters,
    cut_off_date: dt.date,
    rules_hash: str,
) -> Evidence:
    """Replay both rules and the uniform policy, compare with what really happened, and judge each segment.

    Args:
        plans: what is compared.
        came: demand and lead times that orders meet.
        realised: what really happened.
        uniform: the rule of thumb.
        parameters: limits and overrides.
        cut_off_date: of the cycle.
        rules_hash: of the candidate's rules.

    Example: equal rules on both sides give verdict `passed` for every segment with rules in force.
    """
    policies = plans.policies.sort_values(KEY, ignore_index=True)
    replayed = replayed_sides(plans.candidate, plans.in_force, policies, plans.item_locations, came, uniform)
    places = pd.MultiIndex.from_frame(replayed[KEY]).get_indexer(pd.MultiIndex.from_frame(policies[KEY]))
    found = replayed.drop(columns=KEY).reindex(np.where(places >= 0, places, -1)).reset_index(drop=True)
    items = pd.concat(
        [policies[[*KEY, "segment_code"]], found, realised_figures(policies, realised, came.grid).drop(columns=KEY)],
        axis=1,
    )
    cost = numbers(policies, "unit_cost_amount")
    items = items.assign(
        is_compared=found["is_compared"].eq(True).to_numpy(),
        demand_qty=np.nan_to_num(numbers(found, "demand_qty")),
        **{f"candidate_{name}": numbers(policies, name) for name in _LEVELS},
        unit_cost_amount=cost,
        actual_stock_value_amount=numbers(items, "actual_mean_stock_qty") * cost,
        replayed_from_date=pd.to_datetime(found["replayed_from_date"]).astype("datetime64[s]"),
        **{name: np.nan_to_num(numbers(found, name)).astype("int64") for name in _COUNTS},
    )
    segments = judged_segments(
        segment_figures(items, policies, plans.last_policies),
        parameters=parameters,
        cut_off_date=cut_off_date,
        rules_hash=rules_hash,
    )
    return Evidence(items.loc[:, _COLUMNS], segments)
