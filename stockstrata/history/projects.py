"""One-off big orders: outliers that a single order explains, the like of which was never ordered in another bucket."""

import numpy as np
import pandas as pd

from stockstrata.parameters import PlanningSettings

ORDER_COLUMNS = (
    "item_id", "location_id", "bucket_start_date", "order_code", "customer_code", "order_qty", "next_largest_qty",
    "order_count",
)  # fmt: skip


def find_projects(orders: pd.DataFrame, bucket_qty: np.ndarray, *, settings: PlanningSettings) -> np.ndarray:
    """Which buckets hold a one-off big order, by strong evidence only, (rows,).

    The largest order is most of the bucket, it is far larger than any order of the item-location in another bucket,
    and enough orders are known to say so.

    Args:
        orders: the largest order of each bucket in question: `order_qty`; `next_largest_qty`, the largest order of
            the item-location in another bucket, and `order_count`, its orders in all.
        bucket_qty: demand of the bucket after returns, units, (rows,).
        settings: `project_order_share_rate, project_order_ratio, project_min_order_count`.

    Example: an order of 80 in a bucket of 95, of an item whose orders were never above 12: a project.
    """
    order = orders["order_qty"].to_numpy(dtype=float)
    other = np.nan_to_num(orders["next_largest_qty"].to_numpy(dtype=float))
    is_most = order >= settings.project_order_share_rate * bucket_qty
    is_alone = order >= settings.project_order_ratio * other
    is_known = orders["order_count"].to_numpy(dtype=float) >= settings.project_min_order_count
    return is_most & is_alone & is_known & (order > 0)
