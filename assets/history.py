"""Reading the demand history that a cycle may see, as one panel: as it was, or as forecasts learn from it."""

import datetime as dt

import pandas as pd

from assets.history_reads import known_demand, known_promotions, newest_demand_date
from orchestration.partitions import SETTINGS, cut_off
from orchestration.resources.warehouse import Warehouse
from stockstrata.errors import PlanningError
from stockstrata.forecasting.signal_choice import CANDIDATES
from stockstrata.history.signal import LearntHistory, learnt_history, signal_table
from stockstrata.panel import DemandPanel, demand_panel
from stockstrata.parameters import PlanningParameters
from stockstrata.periods import BUCKET_FREQUENCY, fact_end, last_complete_bucket
from stockstrata.tables import DEMAND_ADJUSTMENT, DEMAND_SIGNAL, PROMOTION_EFFECT


def gross_history(warehouse: Warehouse, item_locations: pd.DataFrame, cut_off_date: dt.date) -> DemandPanel:
    """`demand_history` before returns."""
    return _panel(warehouse, item_locations, cut_off_date, "gross_demand_qty")


def demand_history(warehouse: Warehouse, item_locations: pd.DataFrame, cut_off_date: dt.date) -> DemandPanel:
    """The complete buckets of all planned item-locations after returns, as known at the cut-off.

    A feed that ends before the cut-off says nothing of the days after: they are left out, not read as zero demand.

    Raises:
        PlanningError: if no complete bucket of demand lies before the cut-off.
    """
    return _panel(warehouse, item_locations, cut_off_date, "demand_qty")


def default_history(
    warehouse: Warehouse, item_locations: pd.DataFrame, period: dt.date, parameters: PlanningParameters
) -> DemandPanel:
    """The history by the company's default signal: what segments are told by, before anybody knows the segment."""
    panel = gross_history(warehouse, item_locations, cut_off(period))
    adjustments = warehouse.read_period(DEMAND_ADJUSTMENT.name, period)
    everyone = pd.Series("*", index=panel.keys.index)
    return learnt_history(panel, adjustments, signal_table(panel, adjustments, everyone, parameters=parameters)).panel


def candidate_histories(
    warehouse: Warehouse,
    item_locations: pd.DataFrame,
    period: dt.date,
    segment_code: pd.Series,
    parameters: PlanningParameters,
) -> dict[str, LearntHistory]:
    """The histories that a segment may choose from: with lost sales and without, all else as its parameters ask.

    None where nothing was lost.
    """
    if censored_buckets(warehouse, period).empty:
        return {}
    panel = gross_history(warehouse, item_locations, cut_off(period))
    adjustments = warehouse.read_period(DEMAND_ADJUSTMENT.name, period)
    return {
        name: _learnt(
            warehouse,
            panel,
            signal_table(
                panel, adjustments, segment_code, parameters=parameters, chosen=dict.fromkeys(set(segment_code), name)
            ),
            period,
            parameters,
            ahead=0,
        )
        for name in CANDIDATES
    }


def history_to_learn(
    warehouse: Warehouse, item_locations: pd.DataFrame, period: dt.date, parameters: PlanningParameters, *, ahead: int
) -> LearntHistory:
    """The history that forecasts learn from, with promotions past and `ahead` buckets to come."""
    panel = gross_history(warehouse, item_locations, cut_off(period))
    return _learnt(warehouse, panel, warehouse.read_period(DEMAND_SIGNAL.name, period), period, parameters, ahead=ahead)


def _learnt(
    warehouse: Warehouse,
    panel: DemandPanel,
    signals: pd.DataFrame,
    period: dt.date,
    parameters: PlanningParameters,
    *,
    ahead: int,
) -> LearntHistory:
    return learnt_history(
        panel,
        warehouse.read_period(DEMAND_ADJUSTMENT.name, period),
        signals,
        promotions=known_promotions(warehouse, cut_off(period), period),
        effects=warehouse.read_period(PROMOTION_EFFECT.name, period),
        dip_days=parameters.settings.promotion_dip_days,
        ahead=ahead,
    )


def censored_buckets(warehouse: Warehouse, period: dt.date) -> pd.DataFrame:
    """Buckets whose demand nobody saw because stock ran out: `item_id, location_id, bucket_start_date`."""
    adjustments = warehouse.read_period(DEMAND_ADJUSTMENT.name, period)
    is_censored = adjustments["reason_code"] == "stockout_lost_sales"
    return adjustments.loc[is_censored, ["item_id", "location_id", "bucket_start_date"]]


def _panel(warehouse: Warehouse, item_locations: pd.DataFrame, cut_off_date: dt.date, measure: str) -> DemandPanel:
    bucket_type = SETTINGS.company.bucket_type
    demand = known_demand(warehouse, cut_off_date)
    newest = newest_demand_date(warehouse, cut_off_date)
    covered = cut_off_date if newest is None else min(cut_off_date, fact_end(newest, SETTINGS.company.grain))
    last = last_complete_bucket(covered, bucket_type)
    demand = demand[demand["bucket_start_date"] <= last]
    if demand.empty:
        raise PlanningError(
            f"No complete {bucket_type} of demand is known before {cut_off_date}; plan a later period, or bring "
            "earlier demand."
        )
    return demand_panel(
        demand.assign(demand_qty=demand[measure]),
        item_locations=item_locations[["item_id", "location_id", "start_date"]],
        first_bucket_date=demand["bucket_start_date"].min(),
        last_bucket_date=last,
        bucket_days=BUCKET_FREQUENCY[bucket_type],
    )


_REGIONS = """
    select location_id, max(region) as region from staging.stg_locations
    where known_from_at < $cut_off and known_to_at >= $cut_off
    group by location_id
    order by location_id
"""


def item_location_groups(warehouse: Warehouse, item_locations: pd.DataFrame, cut_off_date: dt.date) -> pd.DataFrame:
    """Family and region of each item-location, as known at the cut-off: `item_id, location_id, family, region`."""
    regions = warehouse.read(_REGIONS, {"cut_off": cut_off_date})
    return item_locations[["item_id", "location_id", "family"]].merge(regions, on="location_id", how="left")
