"""Levels of the company: item-location, item, family, region and total, and sums over them.

Families hold items and regions hold locations, so the levels cross: the hierarchy is grouped, not a tree.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from stockstrata.columns import aligned, texts
from stockstrata.panel import KEY

BOTTOM = "item_location"
LEVELS = ("item", "family", "region", "total")
"""Levels above the item-locations, narrowest first."""

NO_NODE = "NONE"
"""Node of items without a family and locations without a region."""

EVERY_LOCATION = "*"


@dataclass(frozen=True)
class Level:
    """One level above the item-locations.

    Attributes:
        node_ids: names of its k nodes, sorted.
        node: node of each item-location, (n,).
        base_row: where each node's own forecast stands in `Hierarchy.base_rows`, (k,).
    """

    node_ids: np.ndarray
    node: np.ndarray
    base_row: np.ndarray


@dataclass(frozen=True)
class Hierarchy:
    """Item-locations and the nodes above them.

    A node with one item-location is that item-location, and nodes of several levels with the same item-locations are
    one: each is forecast once. What is left are the m distinct sums.

    Attributes:
        keys: `item_id, location_id`, n rows.
        levels: the levels of `LEVELS`.
        sums: which item-locations each distinct sum holds, (m, n), ones.
    """

    keys: pd.DataFrame
    levels: Mapping[str, Level]
    sums: sparse.csr_matrix

    @property
    def series_count(self) -> int:
        """Item-locations, n."""
        return len(self.keys)

    @property
    def sum_count(self) -> int:
        """Distinct sums, m."""
        return len(self.sums.indptr) - 1

    @property
    def leaf_counts(self) -> np.ndarray:
        """Item-locations in each distinct sum, (m,)."""
        return np.diff(self.sums.indptr).astype(float)

    def at_level(self, level: str, values: np.ndarray) -> np.ndarray:
        """Sums of item-location values (n, ...) over the nodes of a level, (k, ...), in the order of the rows."""
        held = self.levels[level]
        out = np.zeros((len(held.node_ids), *values.shape[1:]))
        np.add.at(out, held.node, values)
        return out

    def own(self, level: str, sums: np.ndarray, bottom: np.ndarray) -> np.ndarray:
        """Values of a level's nodes from those of the distinct sums (m, ...) and the item-locations (n, ...)."""
        return np.concatenate([sums, bottom])[self.levels[level].base_row]


def hierarchy_of(groups: pd.DataFrame, keys: pd.DataFrame) -> Hierarchy:
    """Lay out the hierarchy.

    Args:
        groups: `item_id, location_id, family, region`, a row for each of `keys`; what is empty becomes `NONE`.
        keys: item-locations wanted, in their order.

    Raises:
        PlanningError: an item-location has no row, or two.

    Example: two items of one family at one location each have the levels item (both are item-locations), family,
    region and total (all three the same sum): `sum_count` is 1.
    """
    held = aligned(groups, keys, table="groups of item-locations")
    codes = {
        "item": texts(held, "item_id"),
        "family": texts(held, "family").replace("", NO_NODE),
        "region": texts(held, "region").replace("", NO_NODE),
        "total": pd.Series("ALL", index=range(len(held))),
    }
    rows: dict[bytes, int] = {}
    members: list[np.ndarray] = []
    found: dict[str, tuple[np.ndarray, np.ndarray, list[int]]] = {}
    for name in LEVELS:
        ids, node = np.unique(codes[name].to_numpy(dtype=object).astype(str), return_inverse=True)
        order = np.argsort(node, kind="stable")
        base = []
        for leaves in np.split(order, np.cumsum(np.bincount(node))[:-1]):
            if len(leaves) == 1:
                # Item-locations stand behind the sums, whose number is known only at the end.
                base.append(-1 - int(leaves[0]))
                continue
            row = rows.setdefault(leaves.tobytes(), len(members))
            if row == len(members):
                members.append(leaves)
            base.append(row)
        found[name] = (ids.astype(object), node, base)
    count = len(members)
    levels = {
        name: Level(ids, node, np.array([row if row >= 0 else count - 1 - row for row in base], dtype=np.int64))
        for name, (ids, node, base) in found.items()
    }
    indices = np.concatenate(members) if members else np.zeros(0, dtype=np.int64)
    indptr = np.concatenate([[0], np.cumsum([len(leaves) for leaves in members])]).astype(np.int64)
    sums = sparse.csr_matrix((np.ones(len(indices)), indices, indptr), shape=(count, len(keys)))
    return Hierarchy(keys[KEY].reset_index(drop=True), levels, sums)


def summed_history(hierarchy: Hierarchy, demand_qty: np.ndarray) -> np.ndarray:
    """Demand of the distinct sums (m, T); a sum begins with the first of its item-locations, NaN before."""
    known = np.isfinite(demand_qty)
    total = hierarchy.sums @ np.where(known, demand_qty, 0.0)
    begun = np.maximum.accumulate(hierarchy.sums @ known.astype(float), axis=1) > 0
    return np.where(begun, total, np.nan)
