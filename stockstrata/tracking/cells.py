"""Cells of a forecast (item, location, bucket), and which of them an entry of a person or a stream speaks of."""

import numpy as np
import pandas as pd

from stockstrata.panel import KEY

ALL_LOCATIONS = "ALL"


def bucket_ends(starts: np.ndarray, bucket_days: str) -> np.ndarray:
    """First day after each bucket, `datetime64[D]`.

    Args:
        starts: first days of buckets, `datetime64[D]`.
        bucket_days: `W-MON` (weeks) or `MS` (calendar months).
    """
    if bucket_days == "MS":
        return (starts.astype("datetime64[M]") + 1).astype("datetime64[D]")
    return starts + np.timedelta64(7, "D")


def matched_cells(cells: pd.DataFrame, entries: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Pairs of an entry and a cell that it speaks of.

    An entry without a location (`ALL`) speaks of every location of its item; a quantity is shared out among them as the
    forecast is, evenly where that is zero.

    Args:
        cells: `item_id, location_id, bucket_start_date, baseline_qty`; the index names the cell.
        entries: `item_id, location_id` and, where it stands in `by`, `bucket_start_date`; the index names the entry.
        by: `["item_id"]`, or also `bucket_start_date`: what entry and cell have in common beside the location.

    Returns:
        `entry, cell` (index values) and `location_rate` (share of the entry's quantity), sorted by both.
    """
    wide, narrow = cells.rename_axis("cell").reset_index(), entries.rename_axis("entry").reset_index()
    columns = ["entry", *KEY, *(name for name in by if name not in KEY)]
    wide = wide[["cell", *KEY, "bucket_start_date", "baseline_qty"]]
    wide = wide[wide["item_id"].isin(narrow["item_id"])]
    own = narrow[columns].merge(wide, on=[*by, "location_id"])
    everywhere = narrow.loc[narrow["location_id"] == ALL_LOCATIONS, columns].drop(columns="location_id")
    shared = everywhere.merge(wide[wide["location_id"] != ALL_LOCATIONS], on=by)
    pairs = pd.concat([own.assign(is_shared=False), shared.assign(is_shared=True)], ignore_index=True)
    groups = pairs.groupby(["entry", "bucket_start_date"])["baseline_qty"]
    total, count = groups.transform("sum").to_numpy(dtype=float), groups.transform("size").to_numpy(dtype=float)
    share = np.where(total > 0, pairs["baseline_qty"] / np.where(total > 0, total, 1.0), 1.0 / count)
    pairs["location_rate"] = np.where(pairs["is_shared"], share, 1.0)
    return pairs[["entry", "cell", "location_rate"]].sort_values(["entry", "cell"], ignore_index=True)
