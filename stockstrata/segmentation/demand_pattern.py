"""Demand statistics and the Syntetos-Boylan pattern of each series (Syntetos, Boylan & Croston, JORS 56 (2005) 495)."""

import numpy as np
import pandas as pd

from stockstrata.panel import DemandPanel
from stockstrata.parameters import PlanningSettings


def demand_statistics(panel: DemandPanel, *, settings: PlanningSettings) -> pd.DataFrame:
    """Statistics of each series, from its first demand on and inside the look-back.

    Args:
        panel: demand history.
        settings: look-back, cuts and least count of the pattern.

    Returns:
        One row a series:
        `nonzero_count`: buckets with demand. `history_buckets`: buckets since the series began.
        `adi_buckets`: buckets since the first demand over buckets with demand (p); NaN without demand.
        `cv2_ratio`: sample variance (n - 1) of the non-zero sizes over their squared mean (v); NaN below two sizes.
        `demand_cv_ratio`: sample standard deviation (n - 1) of bucket demand over its mean; NaN without demand.
        `pattern_code`: smooth, erratic (v at or above its cut), intermittent (p at or above its cut), lumpy (both), or
        insufficient below the least count of buckets with demand.
        `first_demand_date`, `last_demand_date`: buckets, over the whole panel.
    """
    window = lookback_panel(panel, settings)
    qty = np.nan_to_num(window.demand_qty)
    first, last = _demand_span(panel)
    since_first = np.where(first >= 0, panel.demand_qty.shape[1] - first, 0)
    buckets = np.minimum(since_first, qty.shape[1])
    nonzero = qty > 0
    count = nonzero.sum(axis=1)
    adi = _over(buckets.astype(float), count)
    size = _over(qty.sum(axis=1), count)
    squares = np.where(nonzero, (qty - np.nan_to_num(size)[:, None]) ** 2, 0.0).sum(axis=1)
    cv2 = _over(_over(squares, count - 1), size**2)
    mean = _over(qty.sum(axis=1), buckets)
    inside = np.arange(qty.shape[1])[None, :] >= (qty.shape[1] - buckets)[:, None]
    spread = np.where(inside, (qty - np.nan_to_num(mean)[:, None]) ** 2, 0.0).sum(axis=1)
    starts = panel.bucket_start_dates.to_numpy().astype("datetime64[s]")
    return pd.DataFrame(
        {
            "nonzero_count": count.astype(np.int64),
            "history_buckets": panel.length_buckets.astype(np.int64),
            "adi_buckets": adi,
            "cv2_ratio": cv2,
            "demand_cv_ratio": _over(np.sqrt(_over(spread, buckets - 1)), mean),
            "pattern_code": classify_pattern(adi, cv2, count, settings=settings),
            "first_demand_date": np.where(first >= 0, starts[first], np.datetime64("NaT", "s")),
            "last_demand_date": np.where(first >= 0, starts[last], np.datetime64("NaT", "s")),
        }
    )


def classify_pattern(
    adi_buckets: np.ndarray, cv2_ratio: np.ndarray, nonzero_count: np.ndarray, *, settings: PlanningSettings
) -> np.ndarray:
    """Pattern by average demand interval (buckets) and squared variation of sizes; an unknown variation counts as 0."""
    sparse = adi_buckets >= settings.pattern_adi_cut
    varied = np.nan_to_num(cv2_ratio) >= settings.pattern_cv2_cut
    pattern = np.select([sparse & varied, sparse, varied], ["lumpy", "intermittent", "erratic"], "smooth")
    return np.where(nonzero_count < settings.pattern_min_nonzero_count, "insufficient", pattern)


def lookback_panel(panel: DemandPanel, settings: PlanningSettings) -> DemandPanel:
    """The panel cut to the look-back of the demand pattern."""
    return panel.last(max(round(settings.pattern_lookback_days / panel.mean_bucket_days), 1))


def _demand_span(panel: DemandPanel) -> tuple[np.ndarray, np.ndarray]:
    """Column of the first and last bucket with demand; first is -1 without demand."""
    nonzero = np.nan_to_num(panel.demand_qty) > 0
    some = nonzero.any(axis=1)
    last = nonzero.shape[1] - 1 - nonzero[:, ::-1].argmax(axis=1)
    return np.where(some, nonzero.argmax(axis=1), -1), last


def _over(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    return np.divide(top, bottom, out=np.full(len(top), np.nan), where=np.asarray(bottom) > 0)
