"""Three ways to plan, replayed on the same demand and lead times: the candidate's rules, those in force, a uniform one.

All three are judged on the same item-locations and time: from the first cut-off on at which the candidate has a policy
and, where anything is in force, the rules in force have one too. A cut-off without a plan keeps the one before.
"""

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from stockstrata.columns import numbers
from stockstrata.gate.facts import SIDES, UniformRule, WhatCame
from stockstrata.gate.grid import ReplayGrid
from stockstrata.gate.moments import KEY
from stockstrata.simulation.baselines import uniform_policies_of_moments
from stockstrata.simulation.plan_replay import replay_plans
from stockstrata.simulation.planned import (
    PlannedCycle,
    lead_times_that_came,
    planned_cycle,
    replay_case,
    whole_periods,
)
from stockstrata.simulation.policies import Policies

_CHUNK = 4_000
"""Item-locations replayed at a time: what happened in each period of each is held in memory."""
_FIGURES = {
    "short_qty": "short_qty",
    "mean_stock_qty": "mean_on_hand_qty",
    "stock_value_amount": "mean_stock_amount",
    "order_count": "order_count",
}


def replayed_sides(
    candidate: pd.DataFrame,
    in_force: pd.DataFrame,
    policies: pd.DataFrame,
    item_locations: pd.DataFrame,
    came: WhatCame,
    uniform: UniformRule,
) -> pd.DataFrame:
    """What each side would have served, held and ordered, by item-location.

    Args:
        candidate: rows of `simulation.replayed_policy` by the candidate's rules.
        in_force: the same by the rules in force; maybe none.
        policies: frame of `policy.candidate_policy`: costs and planned lead times of today.
        item_locations: frame of `int_item_locations__planned`: minimum and multiple.
        came: demand and lead times.
        uniform: the rule of thumb.

    Returns:
        One row for each item-location with a candidate at a cut-off, sorted: key, `replayed_from_date`,
        `cut_off_count`, `frozen_cut_off_count`, `demand_qty`, `is_compared` (with rules in force), and for each side
        `_short_qty` (units not served at once), `_mean_stock_qty` (units), `_stock_value_amount` (currency),
        `_order_count`; NaN for rules in force that there are none of.

    Raises:
        PlanningError: as `simulation.plan_replay.replay_plans`.

    Example: equal frames for `candidate` and `in_force` give equal figures.
    """
    cut_offs = _cut_offs(candidate, came.grid)
    if not cut_offs:
        return _no_rows()
    plans = {"candidate": _carried(candidate, cut_offs), "in_force": _carried(in_force, cut_offs)}
    keys = pd.concat(plans["candidate"].values())[KEY].drop_duplicates().sort_values(KEY, ignore_index=True)
    found = [
        _chunk(keys.iloc[first : first + _CHUNK].reset_index(drop=True), plans, policies, item_locations, came, uniform)
        for first in range(0, len(keys), _CHUNK)
    ]
    return pd.concat(found, ignore_index=True)


def _chunk(
    keys: pd.DataFrame,
    plans: Mapping[str, Mapping[dt.date, pd.DataFrame]],
    policies: pd.DataFrame,
    item_locations: pd.DataFrame,
    came: WhatCame,
    uniform: UniformRule,
) -> pd.DataFrame:
    grid = came.grid
    cycles = {
        side: [
            planned_cycle(rows, keys, first_period=grid.first_period(day), period_days=grid.period_days)
            for day, rows in by_day.items()
        ]
        for side, by_day in plans.items()
    }
    is_there = {side: np.stack([cycle.is_planned for cycle in held], axis=1) for side, held in cycles.items()}
    is_compared = np.asarray((is_there["candidate"] & is_there["in_force"]).any(axis=1), dtype=bool).reshape(-1)
    judged = is_there["candidate"] & (is_there["in_force"] | ~is_compared[:, None])
    for side in ("candidate", "in_force"):
        cycles[side] = [_only(cycle, judged[:, at]) for at, cycle in enumerate(cycles[side])]
    days = list(plans["candidate"])
    cycles["baseline"] = [
        cycle.with_policies(_uniform(keys, uniform, day, policies, grid))
        for day, cycle in zip(days, cycles["candidate"], strict=True)
    ]
    case = replay_case(
        keys,
        _demand_of(keys, came),
        [policies],
        item_locations,
        period_days=grid.period_days,
        lead_time_periods=lead_times_that_came(
            came.receipts,
            keys,
            pd.DatetimeIndex(grid.edges - np.timedelta64(1, "D")),
            fallback_days=_planned_lead_days(keys, policies),
            period_days=grid.period_days,
        ),
    )
    out = keys.assign(**_span(judged, plans["candidate"], keys), is_compared=is_compared)
    for side in SIDES:
        figures = replay_plans(case, cycles[side]).item_locations
        is_known = is_compared if side == "in_force" else np.ones(len(keys), dtype=bool)
        if side == "candidate":
            out["demand_qty"] = figures["demand_qty"]
        for name, source in _FIGURES.items():
            out[f"{side}_{name}"] = np.where(is_known, figures[source], np.nan)
        unknown = ~np.isfinite(case.unit_cost_amount)
        out[f"{side}_stock_value_amount"] = out[f"{side}_stock_value_amount"].mask(unknown)
    return out


def _span(judged: np.ndarray, by_day: Mapping[dt.date, pd.DataFrame], keys: pd.DataFrame) -> dict[str, np.ndarray]:
    """From when each item-location is replayed, at how many cut-offs, and at how many of them from stored figures."""
    days = np.array(list(by_day), dtype="datetime64[s]")
    first = np.where(judged.any(axis=1), days[np.argmax(judged, axis=1)], np.datetime64("NaT"))
    index = pd.MultiIndex.from_frame(keys)
    frozen = np.zeros(judged.shape, dtype=bool)
    for at, (day, rows) in enumerate(by_day.items()):
        own = rows.loc[(rows["source_code"] == "frozen") & (rows["cut_off_date"] == pd.Timestamp(day)), KEY]
        frozen[:, at] = index.isin(pd.MultiIndex.from_frame(own))
    return {
        "replayed_from_date": first,
        "cut_off_count": judged.sum(axis=1),
        "frozen_cut_off_count": (judged & frozen).sum(axis=1),
    }


def _cut_offs(candidate: pd.DataFrame, grid: ReplayGrid) -> list[dt.date]:
    """Cut-offs with a plan, oldest first; of two before the same period the later."""
    if candidate.empty:
        return []
    days = sorted(pd.Timestamp(day).date() for day in candidate["cut_off_date"].unique())
    by_period = {grid.first_period(day): day for day in days}
    return [day for period, day in by_period.items() if period < grid.period_count]


def _carried(rows: pd.DataFrame, cut_offs: Sequence[dt.date]) -> dict[dt.date, pd.DataFrame]:
    """Plans in force after each cut-off: its own, and where there is none that of the cut-off before."""
    found: dict[dt.date, pd.DataFrame] = {}
    held = rows.iloc[:0]
    for day in cut_offs:
        own = rows.loc[rows["cut_off_date"] == pd.Timestamp(day)]
        held = pd.concat([own, held], ignore_index=True).drop_duplicates(KEY) if len(held) else own
        found[day] = held
    return found


def _only(cycle: PlannedCycle, kept: np.ndarray) -> PlannedCycle:
    """The cycle with the plans of some item-locations, as if it had planned no others."""
    none = np.where(kept, cycle.policies.family, "do_not_stock")
    return dataclasses.replace(
        cycle,
        policies=dataclasses.replace(cycle.policies, family=none),
        segment_code=np.where(kept, cycle.segment_code, ""),
        is_planned=kept,
        period_demand_qty=np.where(kept, cycle.period_demand_qty, 0.0),
        interval_days=np.where(kept, cycle.interval_days, np.nan),
    )


def _uniform(keys: pd.DataFrame, rule: UniformRule, day: dt.date, policies: pd.DataFrame, grid: ReplayGrid) -> Policies:
    """The uniform policy of a cut-off; what nothing was known of then gets a level of zero."""
    known = rule.moments[day]
    places = pd.MultiIndex.from_frame(known[KEY]).get_indexer(pd.MultiIndex.from_frame(keys))
    mean, sd = (np.append(numbers(known, name), 0.0)[places] for name in ("mean_qty", "sd_qty"))
    is_whole = np.append(known["is_whole"].to_numpy(dtype=bool), True)[places]
    review = int(whole_periods(rule.review_days, rule.bucket_days, least=1))
    found = uniform_policies_of_moments(
        mean,
        sd,
        z=rule.safety_factor,
        lead_time_periods=_planned_lead_days(keys, policies) / rule.bucket_days,
        review_periods=review,
        is_whole=is_whole,
    )
    periods = whole_periods(review * rule.bucket_days, grid.period_days, least=1)
    return dataclasses.replace(found, review_periods=np.full(len(keys), periods, dtype=np.int64))


def _planned_lead_days(keys: pd.DataFrame, policies: pd.DataFrame) -> np.ndarray:
    places = pd.MultiIndex.from_frame(policies[KEY]).get_indexer(pd.MultiIndex.from_frame(keys))
    return np.nan_to_num(np.append(numbers(policies, "lead_time_days"), 0.0)[places])


def _demand_of(keys: pd.DataFrame, came: WhatCame) -> np.ndarray:
    """Demand of each period, units, (n, T)."""
    row = pd.MultiIndex.from_frame(keys).get_indexer(pd.MultiIndex.from_frame(came.demand[KEY]))
    period = came.grid.period_of(came.demand["demand_date"].to_numpy())
    kept = (row >= 0) & (period >= 0) & (period < came.grid.period_count)
    out = np.zeros((len(keys), came.grid.period_count))
    np.add.at(out, (row[kept], period[kept]), numbers(came.demand, "demand_qty")[kept])
    return out


def _no_rows() -> pd.DataFrame:
    names = [f"{side}_{name}" for side in SIDES for name in _FIGURES]
    columns = [*KEY, "replayed_from_date", "cut_off_count", "frozen_cut_off_count", "is_compared", "demand_qty", *names]
    return pd.DataFrame(columns=pd.Index(columns))
