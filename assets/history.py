"""Reading the demand history that a cycle may see: every bucket known before the cut-off, as one panel."""

import datetime as dt

import pandas as pd

from orchestration.partitions import SETTINGS
from orchestration.resources.warehouse import Warehouse
from stockstrata.errors import PlanningError
from stockstrata.panel import DemandPanel, demand_panel
from stockstrata.periods import BUCKET_FREQUENCY, fact_end, last_complete_bucket

_AS_OF = """
    select item_id, location_id, bucket_start_date, sum(demand_qty) as demand_qty
    from intermediate.int_demand__bucketed
    where known_from_at < $cut_off and known_to_at >= $cut_off and period_start_date < $cut_off
    group by item_id, location_id, bucket_start_date
    order by item_id, location_id, bucket_start_date
"""


_NEWEST_FACT = """
    select max(demand_date) as demand_date from staging.stg_demand
    where known_from_at < $cut_off and known_to_at >= $cut_off and demand_date < $cut_off
"""


def known_demand(warehouse: Warehouse, cut_off_date: dt.date) -> pd.DataFrame:
    """Demand by item, location and bucket, as it was known at the cut-off."""
    return warehouse.read(_AS_OF, {"cut_off": cut_off_date})


def demand_history(warehouse: Warehouse, item_locations: pd.DataFrame, cut_off_date: dt.date) -> DemandPanel:
    """The complete buckets of all planned item-locations, as known at the cut-off.

    A feed that ends before the cut-off says nothing of the days after: they are left out, not read as zero demand.

    Raises:
        PlanningError: if no complete bucket of demand lies before the cut-off.
    """
    bucket_type = SETTINGS.company.bucket_type
    demand = known_demand(warehouse, cut_off_date)
    newest = warehouse.read(_NEWEST_FACT, {"cut_off": cut_off_date})["demand_date"].iloc[0]
    covered = cut_off_date if pd.isna(newest) else min(cut_off_date, fact_end(newest.date(), SETTINGS.company.grain))
    last = last_complete_bucket(covered, bucket_type)
    demand = demand[demand["bucket_start_date"] <= last]
    if demand.empty:
        raise PlanningError(
            f"No complete {bucket_type} of demand is known before {cut_off_date}; plan a later period, or bring "
            "earlier demand."
        )
    return demand_panel(
        demand,
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
