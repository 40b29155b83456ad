"""Making forecasts of all levels agree: each method gives forecasts of the item-locations, the levels are their sums.

Forecasts of item-locations below zero are set to zero before they are summed, so what is published is coherent and
never negative; the price is a little of the method's optimality (Wickramasuriya, Turlach & Hyndman, Stat. Comput. 30
(2020) 1167). This is the only module that imports hierarchicalforecast.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from stockstrata.forecasting.hierarchy import Hierarchy
from stockstrata.forecasting.metrics import safe_ratio

BOTTOM_UP = "bottom_up"
SPLIT_LEVELS = {
    "middle_out_item": "item",
    "middle_out_family": "family",
    "middle_out_region": "region",
    "top_down": "total",
}
"""Methods that forecast one level and split it by frozen proportions."""

METHODS = (BOTTOM_UP, *SPLIT_LEVELS, "mint_struct", "mint_var", "mint_shrink")
"""All methods, simplest first: the order that ties are decided in."""

LEAST_VARIANCE_RATE = 1e-9
"""Error variance, as a share of the largest in the hierarchy, below which a node counts as certain."""

FLOOR_RATE = 1e-13
"""Added to every sum's variance, as a share of the largest, so that sums of certain parts can be solved for."""

LEAST_ERRORS = 4
"""Errors without which a covariance is not estimated at all."""


@dataclass(frozen=True)
class Base:
    """Forecasts before they agree, and what is known of how wrong such forecasts were.

    Attributes:
        bottom_qty: forecasts of the item-locations, (n, D), finite and not negative.
        sum_qty: own forecasts of the distinct sums, (m, D), finite and not negative.
        proportion: demand of the newest year of each item-location, as known then, (n,).
        bottom_error_qty: errors of earlier forecasts of the item-locations, (n, E); zero where none was made.
        sum_error_qty: errors of earlier forecasts of the distinct sums at the same times, (m, E).
    """

    bottom_qty: np.ndarray
    sum_qty: np.ndarray
    proportion: np.ndarray
    bottom_error_qty: np.ndarray
    sum_error_qty: np.ndarray


def reconciled(hierarchy: Hierarchy, base: Base, method_code: str, *, largest_block: int) -> np.ndarray:
    """Item-location forecasts that a method gives, (n, D), never negative.

    `bottom_up` keeps them. `top_down` and `middle_out_*` split the forecasts of one level by each item-location's share
    of its node's demand in the newest year (Gross & Sohl, J. Forecasting 9 (1990) 233, method F). `mint_*` adjust
    all levels at once,

        b + W_b S' (W_s + S W_b S')^-1 (s - S b)

    with the variances W of the item-locations and sums (Wickramasuriya, Athanasopoulos & Hyndman, JASA 114 (2019) 804):
    `mint_struct` takes the number of item-locations, `mint_var` the mean squared error of earlier forecasts,
    `mint_shrink` their shrunk covariance inside each family.

    Args:
        hierarchy: the levels.
        base: forecasts and errors.
        method_code: one of `METHODS`.
        largest_block: most item-locations of a family whose covariance is estimated; larger ones take `mint_var`.

    Example: item-locations 4 and 4, their sum 10, one sum: `mint_struct` gives 4.5 and 4.5.
    """
    if method_code == BOTTOM_UP:
        return base.bottom_qty
    if method_code in SPLIT_LEVELS:
        return split_level(hierarchy, base, SPLIT_LEVELS[method_code])
    count = hierarchy.series_count
    if method_code == "mint_struct":
        found = least_squares(hierarchy.sums, base, np.ones(count), hierarchy.leaf_counts)
    elif method_code == "mint_var":
        found = least_squares(hierarchy.sums, base, *_error_variances(base))
    else:
        found = _shrunk_by_family(hierarchy, base, largest_block)
    return np.maximum(found, 0.0)


def split_level(hierarchy: Hierarchy, base: Base, level: str) -> np.ndarray:
    """Forecasts of a level's nodes split over their item-locations by proportions, (n, D).

    A node without demand in the newest year is split evenly.
    """
    node = hierarchy.levels[level].node
    size = np.bincount(node).astype(float)
    total = np.bincount(node, weights=base.proportion)
    share = np.where(total[node] > 0, safe_ratio(base.proportion, total[node]), 1.0 / size[node])
    return share[:, None] * hierarchy.own(level, base.sum_qty, base.bottom_qty)[node]


def least_squares(
    sums: sparse.csr_matrix, base: Base, bottom_variance: np.ndarray, sum_variance: np.ndarray
) -> np.ndarray:
    """Generalised least squares with uncorrelated errors, solved exactly over the sums; may be negative.

    The system has as many unknowns as there are sums and is sparse, which takes 30,000 item-locations in a second;
    hierarchicalforecast's `MinTraceSparse` iterates over the item-locations bucket by bucket to five digits.
    """
    gap = base.sum_qty - sums @ base.bottom_qty
    if not len(gap):
        return base.bottom_qty
    weighted = sums.multiply(bottom_variance[None, :]).tocsr()
    system = (sparse.diags(sum_variance) + weighted @ sums.T).tocsc()
    # A sum and parts that are all certain leave nothing to share the gap by.
    scale = float(system.diagonal().max())
    if scale <= 0:
        return base.bottom_qty
    floor = sparse.diags(np.full(len(gap), FLOOR_RATE * scale)).tocsc()
    return base.bottom_qty + weighted.T @ splu(system + floor).solve(gap)


def _error_variances(base: Base) -> tuple[np.ndarray, np.ndarray]:
    """Mean squared errors; without any errors, variance grows with the forecast, as counts do."""
    if base.bottom_error_qty.shape[1] < LEAST_ERRORS:
        return base.bottom_qty.mean(axis=1), base.sum_qty.mean(axis=1)
    return (base.bottom_error_qty**2).mean(axis=1), (base.sum_error_qty**2).mean(axis=1)


def _shrunk_by_family(hierarchy: Hierarchy, base: Base, largest_block: int) -> np.ndarray:
    """Minimum trace with the shrunk covariance of each family's nodes; other families as in `mint_var`."""
    found = least_squares(hierarchy.sums, base, *_error_variances(base))
    if base.bottom_error_qty.shape[1] < LEAST_ERRORS:
        return found
    family = hierarchy.levels["family"]
    inside = _sums_inside(hierarchy, family.node)
    order = np.argsort(family.node, kind="stable")
    for place, leaves in enumerate(np.split(order, np.cumsum(np.bincount(family.node))[:-1])):
        rows = inside.get(place)
        if rows is None or len(leaves) > largest_block:
            continue
        block = _block(hierarchy.sums[rows][:, leaves], base, rows, leaves)
        if block is not None:
            found[leaves] = block
    return found


def _sums_inside(hierarchy: Hierarchy, family: np.ndarray) -> dict[int, np.ndarray]:
    """The distinct sums that lie inside one family, by family."""
    sums = hierarchy.sums
    if not hierarchy.sum_count:
        return {}
    held = family[sums.indices]
    low = np.minimum.reduceat(held, sums.indptr[:-1])
    inside = low == np.maximum.reduceat(held, sums.indptr[:-1])
    rows = np.flatnonzero(inside)
    return {int(place): rows[low[rows] == place] for place in np.unique(low[rows])}


def _block(sums: sparse.csr_matrix, base: Base, rows: np.ndarray, leaves: np.ndarray) -> np.ndarray | None:
    """Forecasts of one family's item-locations, (k, D); None where its covariance cannot be used."""
    from hierarchicalforecast.methods import MinTrace

    errors = np.concatenate([base.sum_error_qty[rows], base.bottom_error_qty[leaves]])
    forecasts = np.concatenate([base.sum_qty[rows], base.bottom_qty[leaves]])
    spread = errors.std(axis=1)
    scale = float(spread.max())
    # The library estimates correlations, which a node without errors has none of, and its ridge has a fixed size.
    if not (spread > LEAST_VARIANCE_RATE * scale).all() or scale <= 0:
        return None
    whole = np.concatenate([sums.toarray(), np.eye(len(leaves))])
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            told = MinTrace("mint_shrink").fit_predict(
                S=whole,
                y_hat=forecasts / scale,
                y_insample=np.zeros(errors.shape),
                y_hat_insample=errors / scale,
            )
    except Exception:  # noqa: BLE001 - the library raises bare exceptions; the family then goes without a covariance
        return None
    block = np.asarray(told["mean"], dtype=float)[len(rows) :] * scale
    return block if np.isfinite(block).all() else None
