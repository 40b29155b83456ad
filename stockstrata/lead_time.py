"""Lead times from receipts and open orders, else from the contract, else assumed; graded accordingly.

Each receipt counts with the quantity received, so an order line that came in several parts counts each part for what it
brought, and what is open of it counts with what can be expected of it (`supply.censoring`). Without open orders the
mean of an item-location's receipts is `sum(w L) / sum(w)` and their variance
`sum(w (L - mean)^2) / (sum(w) - sum(w^2) / sum(w))`, the usual sample variance (n - 1) when all weights are equal.
Both are drawn to those of the item, its supplier, the supplier's lane (category and mode of transport) and the category
as far as they rest on few receipts (`supply.pooling`).
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy  # loads its parts when they are first used: the code location does without

from stockstrata.columns import numbers, rows_by_scope, texts
from stockstrata.parameters import PlanningParameters
from stockstrata.supply.censoring import expected_moments
from stockstrata.supply.observations import open_orders, usable_receipts
from stockstrata.supply.pooling import PooledLevel, pooled_levels

KEY = ["item_id", "location_id"]
SUPPLY = ["item_id", "supplier_id", "location_id"]
_GRADES = {
    "item_receipts": "full",
    "supplier_receipts": "degraded",
    "lane_receipts": "degraded",
    "contract": "degraded",
    "assumption": "assumed",
}
_QUANTILES = {"lead_time_p50_days": 0.5, "lead_time_p90_days": 0.9, "lead_time_p95_days": 0.95}


def lead_times(
    item_locations: pd.DataFrame,
    receipts: pd.DataFrame,
    *,
    parameters: PlanningParameters,
    cut_off_date: dt.date,
    order_lines: pd.DataFrame | None = None,
    changed: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Lead time of each item-location: measured where its supplier has receipts, else by contract, else assumed.

    `item_receipts` (full) where the item has enough receipts of its supplier, `supplier_receipts` (degraded) where the
    supplier has enough, `lane_receipts` (degraded) where the supplier has some and its lane enough, `contract`
    (degraded; where the contract gives no deviation, the default assumption's ratio of deviation to mean is used),
    `assumption` for the supplier, else the category, else the default (assumed).

    Args:
        item_locations: frame of `int_item_locations__planned`.
        receipts: frame of `int_receipts__lead_times`; rows not known at the cut-off are left out here.
        parameters: look-back, least number of receipts, longest lead time, shrinkage, assumptions.
        cut_off_date: nothing received or learnt on or after this day is used.
        order_lines: order lines as known at the cut-off (see `supply.observations.open_orders`); without them what is
            open is left out and the mean leans low when a supplier falls behind.
        changed: `supplier_id, location_id, changed_from_date` of lead times that are confirmed to have changed:
            receipts of the supplier there before that day are left out.

    Returns:
        The columns of `policy.lead_time` that lead times give, without period and stamp, sorted by item and location.
    """
    settings = parameters.settings
    planned = item_locations.sort_values(KEY, ignore_index=True)
    supplier = texts(planned, "supplier_id")
    contract = numbers(planned, "contract_lead_time_days")
    assumed_days, assumed_sd, ratio = _assumptions(planned, supplier, parameters)
    seen = _since_change(usable_receipts(receipts, settings=settings, cut_off_date=cut_off_date), changed)
    if order_lines is not None:
        seen = pd.concat(
            [seen, open_orders(order_lines, settings=settings, cut_off_date=cut_off_date)], ignore_index=True
        )
    found = _measured(seen, planned, parameters, ratio)
    contract_sd = numbers(planned, "contract_lead_time_sd_days")
    has_contract = contract >= 0
    stated_sd = np.where(has_contract, np.where(contract_sd >= 0, contract_sd, ratio * contract), assumed_sd)
    enough = settings.lead_time_min_receipt_count
    source = np.select(
        [
            found.item_count >= enough,
            found.supplier_count >= enough,
            (found.supplier_count > 0) & (found.lane_count >= enough),
            has_contract,
        ],
        ["item_receipts", "supplier_receipts", "lane_receipts", "contract"],
        "assumption",
    )
    measured = ~np.isin(source, ("contract", "assumption"))
    mean = np.where(measured, found.mean, np.where(has_contract, contract, assumed_days))
    sd = np.where(measured, found.sd, stated_sd)
    spread = np.where(measured, np.hypot(found.sd, found.mean * np.sqrt(found.variance)), stated_sd)
    by_source = [source == "item_receipts", source == "supplier_receipts", source == "lane_receipts"]
    return pd.DataFrame(
        {
            **{name: planned[name] for name in KEY},
            "supplier_id": supplier.replace("", None),
            "lead_time_days": mean,
            "lead_time_sd_days": sd,
            **{name: log_normal_quantile(p, mean, spread) for name, p in _QUANTILES.items()},
            "receipt_count": np.select(by_source, [found.item_count, found.supplier_count, found.lane_count], 0),
            "open_order_count": np.where(measured, found.open_count, 0),
            "own_weight_rate": np.where(measured, found.own_weight, 0.0),
            "lead_time_source_code": source,
            "contract_lead_time_days": contract,
            "contract_gap_days": mean - contract,
            "evidence_grade": [_GRADES[code] for code in source],
        }
    )


def log_normal_quantile(probability: float, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Quantile of a log-normal with a mean and standard deviation, in their unit; 0 where the mean is 0.

    `exp(ln m - s^2 / 2 + z s)` with `s^2 = ln(1 + (sd / m)^2)`.

    Example: `log_normal_quantile(0.5, np.array([10.0]), np.array([0.0]))` is 10.
    """
    known = mean > 0
    safe = np.where(known, mean, 1.0)
    s2 = np.log1p((np.where(known, sd, 0.0) / safe) ** 2)
    return np.where(known, safe * np.exp(-s2 / 2 + scipy.special.ndtri(probability) * np.sqrt(s2)), 0.0)


@dataclass(frozen=True)
class _Found:
    """What receipts say of each planned item-location; NaN and 0 where they say nothing."""

    mean: np.ndarray
    sd: np.ndarray
    variance: np.ndarray
    own_weight: np.ndarray
    item_count: np.ndarray
    supplier_count: np.ndarray
    lane_count: np.ndarray
    open_count: np.ndarray


def _since_change(seen: pd.DataFrame, changed: pd.DataFrame | None) -> pd.DataFrame:
    """The receipts without those from before a confirmed change of the supplier's lead time at the location."""
    if changed is None or changed.empty:
        return seen
    since = seen.merge(changed, on=["supplier_id", "location_id"], how="left")["changed_from_date"]
    return seen[~(seen["receipt_date"] < since).to_numpy()].reset_index(drop=True)


def _measured(seen: pd.DataFrame, planned: pd.DataFrame, parameters: PlanningParameters, ratio: float) -> _Found:
    # Receipts that name no supplier say something of their item and nothing of one another.
    seen = seen.assign(supplier_id=_own_supplier(seen))
    is_closed = ~seen["is_open"].to_numpy(dtype=bool)
    measured = seen["supplier_id"][is_closed].unique()
    seen = seen[seen["supplier_id"].isin(measured).to_numpy()].reset_index(drop=True)
    keys = planned.loc[:, KEY].astype(str).assign(supplier_id=_own_supplier(planned))
    if seen.empty:
        nothing, none = np.full(len(planned), np.nan), np.zeros(len(planned), dtype=np.int64)
        return _Found(nothing, nothing, nothing, nothing, none, none, none, none)
    tree = _Tree.of(seen, planned)
    k0, settings = parameters.settings.lead_time_shrinkage_receipts, parameters.settings
    leaf = _leaf_figures(seen, tree, prior_count=k0, prior_cv=ratio, longest_days=settings.lead_time_max_days)
    cv2 = _relative_variances(leaf, tree, prior_count=k0, prior_cv2=ratio**2)
    usual = max(cv2.everywhere, ratio**2) / k0
    # A leaf with open orders alone is where its supplier is: nothing is known of its own mean.
    own = np.where(leaf.count > 0, cv2.supplier[tree.supplier_of_leaf] / np.maximum(leaf.count, 1e-9), 1e9)
    levels = pooled_levels(leaf.mean, own, tree.parents, usual_scatter=usual)
    return _looked_up(keys, tree, leaf, cv2, levels)


def _own_supplier(frame: pd.DataFrame) -> pd.Series:
    supplier = texts(frame, "supplier_id")
    return supplier.mask(supplier == "", " " + texts(frame, "item_id"))


@dataclass(frozen=True)
class _Tree:
    """Groups of each level: leaves (item, supplier, location), items of suppliers, suppliers, lanes, categories."""

    leaves: pd.Index
    items: pd.Index
    suppliers: pd.Index
    leaf_of_row: np.ndarray
    item_of_leaf: np.ndarray
    supplier_of_leaf: np.ndarray
    parents: list[np.ndarray]

    @classmethod
    def of(cls, seen: pd.DataFrame, planned: pd.DataFrame) -> "_Tree":
        category = dict(zip(texts(planned, "item_id"), texts(planned, "category"), strict=True))
        leaf_of_row, leaves = pd.factorize(pd.MultiIndex.from_frame(seen[SUPPLY]), sort=True)
        item_of_leaf, items = pd.factorize(leaves.droplevel(2), sort=True)
        supplier_of_item, suppliers = pd.factorize(items.get_level_values(1), sort=True)
        supplier_of_row = supplier_of_item[item_of_leaf][leaf_of_row]
        kinds = seen["item_id"].map(category).fillna("")
        usual = pd.DataFrame(
            {
                "category": _most_frequent(kinds, supplier_of_row),
                "mode": _most_frequent(seen["transport_mode_code"], supplier_of_row),
            }
        )
        lane_of_supplier, lanes = pd.factorize(pd.MultiIndex.from_frame(usual), sort=True)
        category_of_lane, categories = pd.factorize(lanes.get_level_values(0), sort=True)
        return cls(
            leaves=leaves,
            items=items,
            suppliers=suppliers,
            leaf_of_row=leaf_of_row,
            item_of_leaf=item_of_leaf,
            supplier_of_leaf=supplier_of_item[item_of_leaf],
            parents=[
                item_of_leaf,
                supplier_of_item,
                lane_of_supplier,
                category_of_lane,
                np.zeros(len(categories), dtype=np.int64),
            ],
        )

    @property
    def lane_of_leaf(self) -> np.ndarray:
        return self.parents[2][self.supplier_of_leaf]


def _most_frequent(values: pd.Series, group: np.ndarray) -> np.ndarray:
    """The value that most rows of each group have, the first in the alphabet of several."""
    counts = pd.DataFrame({"group": group, "value": values.to_numpy(dtype=object)}).value_counts().reset_index()
    counts = counts.sort_values(["group", "count", "value"], ascending=[True, False, True])
    return counts.drop_duplicates("group")["value"].to_numpy(dtype=object)


@dataclass(frozen=True)
class _LeafFigures:
    """Mean and variance of each leaf, receipts as a number and as what they are worth, and its open orders."""

    mean: np.ndarray
    variance: np.ndarray
    count: np.ndarray
    receipts: np.ndarray
    open_orders: np.ndarray


def _leaf_figures(
    seen: pd.DataFrame, tree: _Tree, *, prior_count: float, prior_cv: float, longest_days: float
) -> _LeafFigures:
    """Weighted moments of each leaf; unequal weights are worth `sum(w)^2 / sum(w^2)` receipts (Kish, 1965)."""
    leaf, size = tree.leaf_of_row, len(tree.leaves)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(leaf, weights=values, minlength=size)

    is_open = seen["is_open"].to_numpy(dtype=bool)
    weight = seen["weight_qty"].to_numpy(dtype=float)
    rows = np.bincount(leaf, minlength=size)
    weight = weight * (rows / total(weight))[leaf]
    moments = expected_moments(
        seen["lead_time_days"].to_numpy(dtype=float),
        is_open,
        weight,
        leaf,
        tree.supplier_of_leaf[leaf],
        prior_count=prior_count,
        prior_cv=prior_cv,
        longest_days=longest_days,
    )
    mean = total(weight * moments.first) / total(weight)
    squares = total(weight * (moments.second - 2 * moments.first * mean[leaf] + mean[leaf] ** 2))
    freedom = total(weight) - total(weight**2) / total(weight)
    variance = np.where(freedom > 1e-9, np.maximum(squares, 0.0) / np.where(freedom > 1e-9, freedom, 1.0), 0.0)
    closed = np.where(is_open, 0.0, weight)
    worth = total(closed) ** 2 / np.maximum(total(closed**2), 1e-300)
    receipts = np.bincount(leaf[~is_open], minlength=size)
    return _LeafFigures(mean, variance, np.where(receipts > 0, worth, 0.0), receipts, rows - receipts)


@dataclass(frozen=True)
class _RelativeVariances:
    """Variance over squared mean inside the leaves: everywhere, by supplier and by leaf, each drawn to the wider."""

    everywhere: float
    supplier: np.ndarray
    leaf: np.ndarray


def _relative_variances(leaf: _LeafFigures, tree: _Tree, *, prior_count: float, prior_cv2: float) -> _RelativeVariances:
    freedom = np.maximum(leaf.count - 1, 0.0)
    squares = freedom * leaf.variance / leaf.mean**2
    everywhere = float(squares.sum() / freedom.sum()) if freedom.sum() > 0 else prior_cv2
    size = len(tree.suppliers)
    by_supplier, supplier_freedom = (
        np.bincount(tree.supplier_of_leaf, weights=values, minlength=size) for values in (squares, freedom)
    )
    supplier = (by_supplier + prior_count * everywhere) / (supplier_freedom + prior_count)
    drawn = (squares + prior_count * supplier[tree.supplier_of_leaf]) / (freedom + prior_count)
    # A mean is never known for certain, even where all receipts so far took the same time.
    return _RelativeVariances(max(everywhere, 1e-6), np.maximum(supplier, 1e-6), drawn)


def _looked_up(
    keys: pd.DataFrame, tree: _Tree, leaf: _LeafFigures, cv2: _RelativeVariances, levels: list[PooledLevel]
) -> _Found:
    """Figures of the narrowest group that each item-location has receipts in."""
    by_supplier, by_item, by_leaf = levels[3], levels[4], levels[5]
    at_leaf = tree.leaves.get_indexer(pd.MultiIndex.from_frame(keys[SUPPLY]))
    at_item = tree.items.get_indexer(pd.MultiIndex.from_frame(keys[["item_id", "supplier_id"]]))
    at_supplier = tree.suppliers.get_indexer(pd.Index(keys["supplier_id"]))

    def taken(supplier: np.ndarray, item: np.ndarray, own: np.ndarray) -> np.ndarray:
        found = np.where(at_supplier >= 0, supplier[at_supplier], np.nan)
        found = np.where(at_item >= 0, item[at_item], found)
        return np.where(at_leaf >= 0, own[at_leaf], found)

    def counted(group_of_leaf: np.ndarray, size: int, values: np.ndarray) -> np.ndarray:
        return np.bincount(group_of_leaf, weights=values, minlength=size).astype(np.int64)

    # What is not measured for itself scatters around what it is taken from.
    item_cv2 = cv2.supplier[tree.parents[1]] + by_leaf.scatter
    supplier_cv2 = cv2.supplier + by_leaf.scatter + by_item.scatter
    mean = taken(by_supplier.mean, by_item.mean, by_leaf.mean)
    items, suppliers = len(tree.items), len(tree.suppliers)
    item_count = counted(tree.item_of_leaf, items, leaf.receipts)
    supplier_count = counted(tree.supplier_of_leaf, suppliers, leaf.receipts)
    lane_count = counted(tree.lane_of_leaf, int(tree.parents[2].max()) + 1, leaf.receipts)
    return _Found(
        mean=mean,
        sd=mean * np.sqrt(taken(supplier_cv2, item_cv2, cv2.leaf)),
        variance=taken(by_supplier.variance, by_item.variance, by_leaf.variance),
        own_weight=taken(np.zeros(suppliers), np.zeros(items), by_leaf.weight),
        item_count=np.where(at_item >= 0, item_count[at_item], 0),
        supplier_count=np.where(at_supplier >= 0, supplier_count[at_supplier], 0),
        lane_count=np.where(at_supplier >= 0, lane_count[tree.parents[2][at_supplier]], 0),
        open_count=np.where(at_leaf >= 0, leaf.open_orders[at_leaf], 0),
    )


def _assumptions(
    planned: pd.DataFrame, supplier: pd.Series, parameters: PlanningParameters
) -> tuple[np.ndarray, np.ndarray, float]:
    """Assumed mean and deviation of each row, and the default's ratio of deviation to mean."""
    rows = parameters.lead_time_assumptions
    chosen = rows_by_scope(rows, {"category": texts(planned, "category"), "supplier": supplier}, len(planned))
    default = next(row for row in rows if row.scope == "default")
    ratio = default.lead_time_sd_days / default.lead_time_days if default.lead_time_days > 0 else 0.0
    mean = np.array([row.lead_time_days for row in rows])[chosen]
    sd = np.array([row.lead_time_sd_days for row in rows])[chosen]
    return mean, sd, ratio
