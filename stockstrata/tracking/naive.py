"""The naive forecast of each bucket ahead: what every other forecast has to add value to."""

import numpy as np

from stockstrata.panel import DemandPanel


def naive_forecast(panel: DemandPanel, row: np.ndarray, horizon_bucket: np.ndarray) -> np.ndarray:
    """Demand of the same bucket a year before, of series younger than a year that of the newest bucket, (m,).

    Args:
        panel: demand up to the cut-off.
        row: series of each forecast, (m,).
        horizon_bucket: buckets ahead of the cut-off, from 1, (m,).

    Example: with 52 weeks in a year and 60 weeks of history, the forecast 1 and 53 weeks ahead is the ninth week.
    """
    buckets, season = panel.demand_qty.shape[1], panel.season_length
    newest = np.full(len(row), buckets - 1)
    year_before = buckets - season + (horizon_bucket - 1) % season
    is_seasonal = panel.length_buckets[row] >= season
    return np.nan_to_num(panel.demand_qty[row, np.where(is_seasonal, year_before, newest)])
