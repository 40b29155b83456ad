"""Consensus of several forecasts of the same demand: weights from past errors, the blend, and how far they disagree.

Weights are inverse squared errors (Bates and Granger, Operational Research Quarterly 20, 1969), which give the least
error when errors are independent, shrunk to equal weights where little was judged.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.forecasting.metrics import safe_ratio
from stockstrata.panel import KEY
from stockstrata.tables import FORECAST_STREAM, STREAM_WEIGHT
from stockstrata.tracking.cells import matched_cells

STATISTICAL = "statistical"
_LEAST_ERROR_RATE = 0.01
"""Share of demand that an error counts as at least: a lucky stream without any error must not take all the weight."""
WEIGHT_COLUMNS = [column.name for column in STREAM_WEIGHT.columns if column.name != "period_start_date"]
STREAM_COLUMNS = [column.name for column in FORECAST_STREAM.columns if column.name != "period_start_date"]


@dataclass(frozen=True)
class Consensus:
    """Outcome of the streams of a cycle.

    Attributes:
        quantity: blend of each cell, NaN where no stream speaks of it, (n,).
        disagreement: weighted mean distance of the streams from the blend over the blend, NaN likewise, (n,).
        mix: streams and their weights as text, empty likewise, (n,).
        streams: FORECAST_STREAM, one row a cell and stream, the statistical forecast among them.
        weights: STREAM_WEIGHT, one row a segment and stream.
    """

    quantity: np.ndarray
    disagreement: np.ndarray
    mix: np.ndarray
    streams: pd.DataFrame
    weights: pd.DataFrame


def stream_weights(judged: pd.DataFrame, wanted: pd.DataFrame, *, shrinkage_observations: float) -> pd.DataFrame:
    """Weight of each stream in each segment, from its error beside that of the statistical forecast of the same cells.

    `w = (n x w_inverse + k / S) / (n + k)`, where `w_inverse` is the inverse squared ratio of errors, scaled to sum to
    1 over the S streams of the segment, n the stream's judged cells and k the shrinkage; then scaled to sum to 1.

    Args:
        judged: `segment_code, stream_code, stream_qty, statistical_qty, actual_qty`, one row a judged cell and stream.
        wanted: `segment_code, stream_code` that need a weight, the statistical forecast among them.
        shrinkage_observations: k.

    Returns:
        STREAM_WEIGHT columns, sorted.

    Example: without judged cells two streams and the statistical forecast weigh a third each.
    """
    by = ["segment_code", "stream_code"]
    sums = pd.DataFrame(
        {
            "segment_code": judged["segment_code"],
            "stream_code": judged["stream_code"],
            "observation_count": 1,
            "actual_qty": judged["actual_qty"],
            "absolute_error_qty": (judged["stream_qty"] - judged["actual_qty"]).abs(),
            "statistical_error_qty": (judged["statistical_qty"] - judged["actual_qty"]).abs(),
        }
    )
    found = wanted[by].drop_duplicates().sort_values(by, ignore_index=True)
    found = found.merge(sums.groupby(by).sum().reset_index(), on=by, how="left").fillna(0.0)
    actual, error = found["actual_qty"].to_numpy(dtype=float), found["absolute_error_qty"].to_numpy(dtype=float)
    beside = found["statistical_error_qty"].to_numpy(dtype=float)
    least = _LEAST_ERROR_RATE * actual + np.where(actual > 0, 0.0, 1.0)
    ratio = (error + least) / (beside + least)
    count = found["observation_count"].to_numpy(dtype=float)
    inverse = _scaled_to_one(1.0 / ratio**2, found["segment_code"])
    streams = found.groupby("segment_code")["stream_code"].transform("size").to_numpy(dtype=float)
    blended = (count * inverse + shrinkage_observations / streams) / np.maximum(count + shrinkage_observations, 1e-9)
    # Without evidence and without shrinkage nothing speaks against equal weights.
    blended = np.where(count + shrinkage_observations > 0, blended, 1.0 / streams)
    return found.assign(
        observation_count=count.astype(np.int64),
        wape_rate=safe_ratio(error, actual),
        relative_error_ratio=np.where(count > 0, ratio, np.nan),
        weight_rate=_scaled_to_one(blended, found["segment_code"]),
    ).loc[:, WEIGHT_COLUMNS]


def blend_streams(
    cells: pd.DataFrame, published: pd.DataFrame, judged: pd.DataFrame, *, shrinkage_observations: float
) -> Consensus:
    """Blend what other parts of the company expect with the statistical forecast, cell by cell.

    A cell is blended from the streams that speak of it, their weights scaled to sum to 1.

    Args:
        cells: `item_id, location_id, bucket_start_date, segment_code, baseline_qty`, index from 0.
        published: `stream_code, item_id, location_id, bucket_start_date, stream_qty`.
        judged: what `stream_weights` takes.
        shrinkage_observations: weight of equal shares, observations.
    """
    stated = published.reset_index(drop=True)
    stated["bucket_start_date"] = pd.to_datetime(stated["bucket_start_date"]).astype("datetime64[ns]")
    pairs = matched_cells(cells, stated, ["item_id", "bucket_start_date"])
    entry, place = pairs["entry"].to_numpy(dtype=np.int64), pairs["cell"].to_numpy(dtype=np.int64)
    quantity = stated["stream_qty"].to_numpy(dtype=float)[entry] * pairs["location_rate"].to_numpy(dtype=float)
    code = stated["stream_code"].to_numpy(dtype=object)[entry]
    spoken = np.unique(place)
    mixed = pd.DataFrame(
        {
            "cell": np.concatenate([place, spoken]),
            "stream_code": np.concatenate([code, np.full(len(spoken), STATISTICAL, dtype=object)]),
            "stream_qty": np.concatenate([quantity, cells["baseline_qty"].to_numpy(dtype=float)[spoken]]),
        }
    )
    # A stream may state a cell for its location and for all locations: both belong to its demand.
    mixed = mixed.groupby(["cell", "stream_code"], sort=True)["stream_qty"].sum().reset_index()
    mixed["segment_code"] = cells["segment_code"].to_numpy(dtype=object)[mixed["cell"]]
    weights = stream_weights(judged, mixed, shrinkage_observations=shrinkage_observations)
    mixed = mixed.merge(weights[["segment_code", "stream_code", "weight_rate"]], on=["segment_code", "stream_code"])
    mixed = mixed.sort_values(["cell", "stream_code"], ignore_index=True)
    mixed["weight_rate"] = _scaled_to_one(mixed["weight_rate"].to_numpy(dtype=float), mixed["cell"])
    blend, apart = np.full(len(cells), np.nan), np.full(len(cells), np.nan)
    blend[spoken] = (mixed["weight_rate"] * mixed["stream_qty"]).groupby(mixed["cell"]).sum()
    distance = (mixed["stream_qty"] - blend[mixed["cell"]]).abs()
    spread = (mixed["weight_rate"] * distance).groupby(mixed["cell"]).sum().to_numpy(dtype=float)
    apart[spoken] = safe_ratio(spread, blend[spoken])
    keys = cells[[*KEY, "bucket_start_date"]].iloc[mixed["cell"].to_numpy()].reset_index(drop=True)
    streams = pd.concat([keys, mixed.drop(columns="cell")], axis=1).loc[:, STREAM_COLUMNS]
    return Consensus(blend, apart, _mix(mixed, len(cells)), streams, weights)


def _mix(mixed: pd.DataFrame, count: int) -> np.ndarray:
    text = np.full(count, "", dtype=object)
    parts = mixed["stream_code"] + mixed["weight_rate"].map(" {:.3f}".format)
    joined = parts.groupby(mixed["cell"]).agg(", ".join)
    text[joined.index.to_numpy(dtype=np.int64)] = joined.to_numpy(dtype=object)
    return text


def _scaled_to_one(values: np.ndarray, group: pd.Series) -> np.ndarray:
    total = pd.Series(values).groupby(group.to_numpy()).transform("sum").to_numpy(dtype=float)
    return values / total
