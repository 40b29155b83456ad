"""What a cycle knows of supply: lead times with their changes and yields, one row an item-location."""

import datetime as dt
from dataclasses import dataclass

import pandas as pd

from stockstrata.columns import texts
from stockstrata.lead_time import KEY, lead_times
from stockstrata.parameters import PlanningParameters
from stockstrata.supply.changes import LANE, in_force, lead_time_changes
from stockstrata.supply.yields import yields
from stockstrata.tables import LEAD_TIME

_COLUMNS = [column.name for column in LEAD_TIME.columns if column.name != "period_start_date"]


@dataclass(frozen=True)
class SupplyFigures:
    """Frames of `policy.lead_time` and `policy.lead_time_change`, without period and stamp."""

    lead_time: pd.DataFrame
    lead_time_change: pd.DataFrame


def supply_figures(
    item_locations: pd.DataFrame,
    receipts: pd.DataFrame,
    order_lines: pd.DataFrame,
    *,
    parameters: PlanningParameters,
    cut_off_date: dt.date,
) -> SupplyFigures:
    """Lead times, their changes and yields of each item-location.

    A confirmed change counts at once: older receipts of the supplier at the location are left out. A proposed one rests
    on too few receipts; the item-locations that depend on it carry its lead time as a proposal.

    Args:
        item_locations: frame of `int_item_locations__planned`.
        receipts: frame of `int_receipts__lead_times`.
        order_lines: order lines as known at the cut-off.
        parameters: parameters in force.
        cut_off_date: nothing received or learnt on or after this day is used.

    Example: `supply_figures(planned, receipts, lines, parameters=parameters, cut_off_date=day).lead_time`.
    """
    planned = item_locations.sort_values(KEY, ignore_index=True)
    changes = lead_time_changes(planned, receipts, parameters=parameters, cut_off_date=cut_off_date)
    confirmed, proposed = in_force(changes, "confirmed"), in_force(changes, "proposed")
    figures = lead_times(
        planned,
        receipts,
        parameters=parameters,
        cut_off_date=cut_off_date,
        order_lines=order_lines,
        changed=confirmed[[*LANE, "changed_from_date"]],
    )
    lanes = pd.MultiIndex.from_frame(pd.DataFrame({name: texts(planned, name) for name in LANE}))
    told = proposed.set_index(LANE)["proposed_lead_time_days"].astype(float)
    status = pd.Series("none", index=figures.index)
    status = status.mask(lanes.isin(pd.MultiIndex.from_frame(confirmed[LANE])), "confirmed")
    status = status.mask(lanes.isin(pd.MultiIndex.from_frame(proposed[LANE])), "proposed")
    figures = figures.assign(
        change_status_code=status,
        proposed_lead_time_days=told.reindex(lanes).to_numpy(dtype=float),
    )
    figures = pd.concat(
        [figures, yields(planned, order_lines, parameters=parameters, cut_off_date=cut_off_date)], axis=1
    )
    return SupplyFigures(figures.loc[:, _COLUMNS], changes)
