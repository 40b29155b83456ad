"""Reading demand by day for the segments that are forecast so."""

import datetime as dt

import pandas as pd

from orchestration.partitions import SETTINGS, cut_off
from orchestration.resources.warehouse import Warehouse
from stockstrata.forecasting.days import DayHistory, day_history, day_parts
from stockstrata.panel import DemandPanel
from stockstrata.parameters import PlanningParameters

# What came back is no day's demand; how it lowers a bucket's is part of the history that the days share out.
_DAYS = """
    select item_id, location_id, demand_date, cast(sum(cast(demand_qty as decimal(38, 9))) as double) as demand_qty
    from staging.stg_demand
    semi join asked using (item_id, location_id)
    where known_from_at < $cut_off and known_to_at >= $cut_off and demand_date < $cut_off and demand_qty > 0
    group by all
    order by all
"""


def days_to_learn(
    warehouse: Warehouse,
    panel: DemandPanel,
    assignment: pd.DataFrame,
    period: dt.date,
    parameters: PlanningParameters,
) -> DayHistory | None:
    """Demand by day, as known at the cut-off, of the item-locations whose segment asks for days.

    None where no segment does, or the source does not tell days.
    """
    asking = {
        row.segment_code for row in parameters.segment_strategies if day_parts(row.bucket_type, panel.season_length) > 1
    }
    by_key = assignment.set_index(["item_id", "location_id"])["segment_code"]
    segments = by_key.reindex(pd.MultiIndex.from_frame(panel.keys)).isin(asking).to_numpy()
    if SETTINGS.company.grain != "day" or not segments.any():
        return None
    asked = panel.keys.loc[segments].reset_index(drop=True)
    with warehouse.connect(read_only=True) as connection:
        connection.register("asked", asked)
        daily = connection.execute(_DAYS, {"cut_off": cut_off(period)}).df()
    return day_history(daily, panel, segments.nonzero()[0])
