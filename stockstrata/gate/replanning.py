"""Past cut-offs planned again with the rules of today on what was known then.

Rules are parameters and code. Cycles have stored what they knew: segments, lead times, lead-time demand. Before the
first cycle there is only demand, so its moments stand in (`moments`), with the master data, segments and lead times of
the first cycle.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.columns import texts
from stockstrata.gate.moments import KEY, lead_time_demand_of_moments
from stockstrata.parameters import PlanningParameters
from stockstrata.policy import stock_policies
from stockstrata.service_targets import review_periods
from stockstrata.tables import REPLAYED_POLICY

COLUMNS = [column.name for column in REPLAYED_POLICY.columns if column.name != "period_start_date"]
# Between item-location and cut-off in the key of plans of several cut-offs; no identifier holds it.
_BETWEEN = "\x1f"


@dataclass(frozen=True)
class StoredCycle:
    """What the cycle of a past cut-off knew, as it stored it.

    Attributes:
        item_locations: frame of `int_item_locations__planned`.
        assignment: frame of `segmentation.segment_assignment`.
        lead_times: frame of `policy.lead_time`.
        lead_time_demand: frame of `forecast.lead_time_demand`; what has no row in one of the four is left out.
        last_policies: the policies before it: key, family and buffer.
        period_start_date: first day of its period.
    """

    item_locations: pd.DataFrame
    assignment: pd.DataFrame
    lead_times: pd.DataFrame
    lead_time_demand: pd.DataFrame
    last_policies: pd.DataFrame
    period_start_date: dt.date


def replanned_cycle(cycle: StoredCycle, cut_off_date: dt.date, parameters: PlanningParameters) -> pd.DataFrame:
    """Policies of a past cut-off by the rules given, on what its cycle had stored.

    Args:
        cycle: what the cycle knew.
        cut_off_date: its cut-off.
        parameters: the rules. Segments that they no longer know are left out.

    Returns:
        Rows of `simulation.replayed_policy` without period and stamp; maybe none.

    Example: with the parameters of then, the policies that the cycle published.
    """
    planned = _plannable(cycle.item_locations, cycle.assignment, parameters, cycle.lead_times, cycle.lead_time_demand)
    if planned.empty:
        return _no_rows()
    policies = stock_policies(
        planned,
        cycle.assignment,
        cycle.lead_times,
        cycle.lead_time_demand,
        parameters=parameters,
        period_start_date=cycle.period_start_date,
        cut_off_date=cut_off_date,
        last_policies=cycle.last_policies,
    )
    return replayed_rows(policies, cut_off_date, "frozen")


def replanned_from_moments(
    known: Mapping[dt.date, pd.DataFrame],
    item_locations: pd.DataFrame,
    assignment: pd.DataFrame,
    lead_times: pd.DataFrame,
    *,
    parameters: PlanningParameters,
    bucket_days: float,
    cycle_days: float,
) -> pd.DataFrame:
    """Policies of cut-offs before the first cycle by the rules given, from the moments of demand known then.

    All cut-offs are planned in one go, each item-location and cut-off as an item-location of its own: solving for
    levels costs little more for many than for few. A mix of targets over a segment, where parameters apply one, is
    therefore mixed over all cut-offs, and phase-outs do not count.

    Args:
        known: by cut-off `item_id, location_id, mean_qty, sd_qty, is_whole` of the demand of a bucket.
        item_locations: frame of `int_item_locations__planned` of the first cycle.
        assignment: its frame of `segmentation.segment_assignment`.
        lead_times: its frame of `policy.lead_time`.
        parameters: the rules. Segments that they no longer know are left out.
        bucket_days: days in a bucket.
        cycle_days: days from one cycle to the next.

    Returns:
        As `replanned_cycle`.

    Example: `replanned_from_moments({dt.date(2025, 7, 1): known}, planned, segments, lead_times, ...)`.
    """
    planned = _plannable(item_locations, assignment, parameters, lead_times)
    parts = {
        name: [
            _labelled(of_keys(frame, moments), cut_off)
            for cut_off, moments in known.items()
        ]
        for name, frame in (("planned", planned), ("assignment", assignment), ("lead_times", lead_times))
    }  # fmt: skip
    stacked = {name: pd.concat(frames, ignore_index=True) for name, frames in parts.items() if frames}
    if not stacked or stacked["planned"].empty:
        return _no_rows()
    moments = pd.concat([_labelled(frame, cut_off) for cut_off, frame in known.items()], ignore_index=True)
    moments = of_keys(moments, stacked["planned"]).sort_values(KEY, ignore_index=True)
    planned = stacked["planned"].sort_values(KEY, ignore_index=True)
    reviews = review_periods(planned, stacked["assignment"], parameters=parameters, cycle_days=cycle_days)
    policies = stock_policies(
        planned,
        stacked["assignment"],
        stacked["lead_times"],
        lead_time_demand_of_moments(
            moments,
            stacked["lead_times"],
            reviews["review_period_days"].to_numpy(dtype=float),
            bucket_days=bucket_days,
        ),
        parameters=parameters,
        period_start_date=min(known),
    )
    label = texts(policies, "location_id").str.rsplit(_BETWEEN, n=1)
    rows = policies.assign(location_id=label.str[0], cut_off_date=pd.to_datetime(label.str[1]), source_code="moments")
    return _sorted(rows)


def replayed_rows(policies: pd.DataFrame, cut_off_date: dt.date, source_code: str) -> pd.DataFrame:
    """Rows of `policy.stock_policy` of a cut-off in the form of `simulation.replayed_policy`."""
    return _sorted(policies.assign(cut_off_date=pd.Timestamp(cut_off_date), source_code=source_code))


def _sorted(rows: pd.DataFrame) -> pd.DataFrame:
    dated = rows.assign(cut_off_date=rows["cut_off_date"].astype("datetime64[s]"))
    return dated.loc[:, COLUMNS].sort_values([*KEY, "cut_off_date"], ignore_index=True)


def _no_rows() -> pd.DataFrame:
    return pd.DataFrame(columns=pd.Index(COLUMNS))


def _plannable(
    item_locations: pd.DataFrame, assignment: pd.DataFrame, parameters: PlanningParameters, *needed: pd.DataFrame
) -> pd.DataFrame:
    """Item-locations with a row in every frame and a segment that the rules know."""
    segments = {row.segment_code for row in parameters.segment_strategies}
    found = of_keys(item_locations, assignment.loc[assignment["segment_code"].isin(segments)])
    for frame in needed:
        found = of_keys(found, frame)
    return found


def of_keys(frame: pd.DataFrame, keys: pd.DataFrame) -> pd.DataFrame:
    """Rows of a frame whose item-location stands among some keys, numbered anew.

    Example: of lead times of a and b, with planned a and c, that of a.
    """
    is_there = pd.MultiIndex.from_frame(frame[KEY]).isin(pd.MultiIndex.from_frame(keys[KEY]))
    return frame.loc[np.asarray(is_there)].reset_index(drop=True)


def _labelled(frame: pd.DataFrame, cut_off_date: dt.date) -> pd.DataFrame:
    return frame.assign(location_id=frame["location_id"].astype(str) + f"{_BETWEEN}{cut_off_date}")
