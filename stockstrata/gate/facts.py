"""What a replay is made of: the plans that are compared, what came, what really happened, and the rule of thumb."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from stockstrata.gate.grid import ReplayGrid

SIDES = ("candidate", "in_force", "baseline")
"""The three ways to plan that are replayed."""


@dataclass(frozen=True)
class Plans:
    """What is compared.

    Attributes:
        policies: frame of `policy.candidate_policy`: what the cycle would put in force.
        item_locations: frame of `int_item_locations__planned`.
        candidate: rows of `simulation.replayed_policy` by its rules.
        in_force: the same by the rules in force.
        last_policies: newest earlier policies: key, `segment_code, order_up_to_qty`.
    """

    policies: pd.DataFrame
    item_locations: pd.DataFrame
    candidate: pd.DataFrame
    in_force: pd.DataFrame
    last_policies: pd.DataFrame


@dataclass(frozen=True)
class WhatCame:
    """What orders meet: the same for every side.

    Attributes:
        grid: periods of the replay; the first cut-off is its start.
        demand: `item_id, location_id, demand_date, demand_qty`, units.
        receipts: `item_id, location_id, order_date, lead_time_days` of orders that arrived.
    """

    grid: ReplayGrid
    demand: pd.DataFrame
    receipts: pd.DataFrame


@dataclass(frozen=True)
class Realised:
    """What really happened in the time of a replay; frames have `item_id, location_id`.

    Attributes:
        snapshots: `stock_date, free_qty`: stock that could be sold at the end of a day, units.
        flows: `flow_date, in_qty, out_qty`: receipts, returns, sales and transfers, units; days without are left out.
        served: `demand_qty, short_qty, is_service_known`: demand, and what of it was not shipped, units.
        lost: `hidden_lost_qty`: sales estimated to be lost while stock was out, units.
    """

    snapshots: pd.DataFrame
    flows: pd.DataFrame
    served: pd.DataFrame
    lost: pd.DataFrame


@dataclass(frozen=True)
class UniformRule:
    """The uniform policy: `R_S` with `S = m (L + R) + z s sqrt(L)` (`simulation.baselines`).

    Attributes:
        moments: by cut-off `item_id, location_id, mean_qty, sd_qty` of the demand of a bucket known then, units.
        bucket_days: days in a bucket.
        safety_factor: z.
        review_days: R, days.
    """

    moments: Mapping[dt.date, pd.DataFrame]
    bucket_days: float
    safety_factor: float
    review_days: float
