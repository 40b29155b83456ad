"""Segment of each item-location: value, variability, pattern and lifecycle classes, and the rule that combines them."""

import datetime as dt

import numpy as np
import pandas as pd

from stockstrata.columns import aligned
from stockstrata.costs import item_costs
from stockstrata.evidence import worst_grade
from stockstrata.panel import DemandPanel
from stockstrata.parameters import PlanningParameters
from stockstrata.segmentation.demand_pattern import demand_statistics
from stockstrata.segmentation.demand_trend import demand_trend
from stockstrata.segmentation.forecastability import classify_variability, forecastability
from stockstrata.segmentation.lifecycle import lifecycle_stage
from stockstrata.segmentation.rules import assign_segments
from stockstrata.segmentation.value_class import classify_value, item_value
from stockstrata.tables import SEGMENT_ASSIGNMENT

KEY = ["item_id", "location_id"]
_COLUMNS = [column.name for column in SEGMENT_ASSIGNMENT.columns if column.name != "period_start_date"]


def segment_item_locations(
    panel: DemandPanel, item_locations: pd.DataFrame, *, parameters: PlanningParameters, cut_off_date: dt.date
) -> pd.DataFrame:
    """Classes and segment of every item-location.

    The grade is that of the value metric (unit cost known, estimated or assumed), and at best degraded where demand is
    too thin for a pattern or for judging a forecast.

    Args:
        panel: demand history, one series for each row of `item_locations`.
        item_locations: frame of `int_item_locations__planned`.
        parameters: settings, cost rates and segment rules.
        cut_off_date: first day that is not known.

    Returns:
        The columns of `segmentation.segment_assignment` without period and stamp, sorted by item and location.

    Raises:
        PlanningError: if a series and the item-locations do not match.
        ParameterError: if no segment rule matches the codes of a row.
    """
    settings = parameters.settings
    planned = item_locations.sort_values(KEY, ignore_index=True)
    keys = pd.DataFrame({name: planned[name] for name in KEY})
    series = aligned(panel.keys.assign(_row=np.arange(len(panel.keys))), keys, table="demand panel")["_row"].to_numpy()
    panel = panel.select(series)
    value = item_value(planned, item_costs(planned, parameters=parameters), metric=settings.value_metric)
    statistics = demand_statistics(panel, settings=settings)
    forecast = forecastability(panel, settings=settings)
    trend = demand_trend(panel, settings=settings)
    out = pd.concat(
        [keys, statistics, forecast, classify_value(planned, value["abc_value"].to_numpy(), settings=settings)], axis=1
    )
    out = out.assign(
        abc_value=value["abc_value"],
        value_metric_code=settings.value_metric,
        xyz_code=classify_variability(out["forecastability_ratio"].to_numpy(), settings=settings),
        raw_xyz_code=classify_variability(out["demand_cv_ratio"].to_numpy(), settings=settings),
        lifecycle_code=lifecycle_stage(planned, trend, settings=settings, cut_off_date=cut_off_date),
        demand_trend_ratio=np.where(np.isfinite(trend.ratio), trend.ratio, np.nan),
    )
    out = pd.concat([out, assign_segments(out, parameters.segment_rules)], axis=1)
    thin = (out["pattern_code"] == "insufficient") | out["forecastability_ratio"].isna()
    support = pd.Series(np.where(thin, "degraded", "full"))
    return out.assign(evidence_grade=worst_grade(pd.Series(value["evidence_grade"]), support)).loc[:, _COLUMNS]
