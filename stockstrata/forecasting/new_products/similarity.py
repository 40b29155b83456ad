"""Which item-locations a new one is like: the nearest by what the master data says of both, with weights and reasons.

Similarity is Gower's (Biometrics 27 (1971) 857): the weighted share of the attributes known of both in which they
agree; prices agree by their ratio. Candidates are the neighbours in price inside ever wider groups, so the work grows
with the new item-locations, not with their product with all others.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.columns import numbers, texts
from stockstrata.parameters import NewProductSettings

_GROUPS = (("predecessor",), ("item",), ("family", "location"), ("category", "location"), ("family",), ("category",),
           ("location",), ())  # fmt: skip
_CHUNK_ROWS = 2_048


@dataclass(frozen=True)
class Attributes:
    """What n item-locations are compared by; -1 or NaN where unknown or where all are the same.

    Attributes:
        codes: attribute -> integer code of each, (n,).
        predecessor: item code of the predecessor of each, (n,).
        log_price: logarithm of the price, or of the cost where no price is known, (n,).
    """

    codes: dict[str, np.ndarray]
    predecessor: np.ndarray
    log_price: np.ndarray


@dataclass(frozen=True)
class Analogs:
    """Analogs of m new item-locations, best first.

    Attributes:
        place: row of each analog in the panel, -1 beyond the last, (m, K).
        similarity_rate: 0 to 1, (m, K).
        weight_rate: sums to 1 where there is any, (m, K).
    """

    place: np.ndarray
    similarity_rate: np.ndarray
    weight_rate: np.ndarray


def comparable_attributes(item_locations: pd.DataFrame) -> Attributes:
    """Encode what item-locations are compared by.

    Args:
        item_locations: `item_id, location_id, category, family, uom, unit_price_amount, unit_cost_amount,
            successor_item_id`, unknown values missing.

    An attribute that is the same for all tells nothing and counts as unknown.
    """
    item = texts(item_locations, "item_id")
    names = {"item": item, "location": texts(item_locations, "location_id")}
    names |= {name: texts(item_locations, name) for name in ("category", "family", "uom")}
    codes = {name: _codes(column) for name, column in names.items()}
    successor = texts(item_locations, "successor_item_id").to_numpy()
    item_code = pd.Series(codes["item"], index=item.to_numpy())
    item_code = item_code[~item_code.index.duplicated()]
    replaced = pd.DataFrame({"new": successor, "old": item.to_numpy()})
    replaced = replaced[(replaced["new"] != "") & (replaced["new"] != replaced["old"])]
    old = replaced.sort_values(["new", "old"]).drop_duplicates("new").set_index("new")["old"]
    predecessor = item.map(old).map(item_code).fillna(-1).to_numpy(dtype=np.int64)
    price, cost = numbers(item_locations, "unit_price_amount"), numbers(item_locations, "unit_cost_amount")
    value = np.where(price > 0, price, np.where(cost > 0, cost, np.nan))
    return Attributes(codes, predecessor, np.log(value))


def nearest(
    attributes: Attributes, new: np.ndarray, candidates: np.ndarray, is_launch: np.ndarray, age: np.ndarray,
    settings: NewProductSettings,
) -> Analogs:  # fmt: skip
    """The item-locations that each new one is most like.

    Args:
        attributes: of all n.
        new: rows of the new ones, (m,).
        candidates: rows of those with enough history, (c,).
        is_launch: whether the launch of each is known, (n,).
        age: buckets since each began; of equals the youngest comes first, (n,).
        settings: weights of the attributes and how many analogs.
    """
    chunks = [
        _nearest(attributes, new[start : start + _CHUNK_ROWS], candidates, is_launch, age, settings)
        for start in range(0, len(new), _CHUNK_ROWS)
    ]
    place, rate = (np.concatenate(parts) for parts in zip(*chunks, strict=True))
    share = np.where(place >= 0, rate**settings.similarity_power, 0.0)
    total = share.sum(axis=1, keepdims=True)
    return Analogs(place, rate, np.divide(share, total, out=np.zeros_like(share), where=total > 0))


def _nearest(
    attributes: Attributes,
    new: np.ndarray,
    candidates: np.ndarray,
    is_launch: np.ndarray,
    age: np.ndarray,
    settings: NewProductSettings,
) -> tuple[np.ndarray, np.ndarray]:
    """Places of the analogs, -1 beyond the last, and their similarity."""
    count = settings.analog_count
    places = [_neighbours(attributes, group, new, candidates, age, count) for group in _GROUPS]
    found = np.sort(np.concatenate(places, axis=1), axis=1)
    found[:, 1:][found[:, 1:] == found[:, :-1]] = -1
    found[found == new[:, None]] = -1
    near = _similarity(attributes, new, found, is_launch, settings)
    near = np.where((found >= 0) & (near >= settings.least_similarity_rate), near, 0.0)
    order = np.lexsort((found, age[found], -near), axis=1)[:, :count]
    place, rate = np.take_along_axis(found, order, axis=1), np.take_along_axis(near, order, axis=1)
    return np.where(rate > 0, place, -1), rate


def _codes(column: pd.Series) -> np.ndarray:
    codes, values = pd.factorize(column.where(column != ""), sort=True)
    return codes.astype(np.int64) if len(values) > 1 else np.full(len(codes), -1, dtype=np.int64)


def _neighbours(
    attributes: Attributes, group: tuple[str, ...], new: np.ndarray, candidates: np.ndarray, age: np.ndarray, count: int
) -> np.ndarray:
    """Up to 2 x count candidates of the same group around the price of each new one, -1 where there are fewer."""
    theirs, ours = _group_codes(attributes, group, candidates, new)
    prices = np.nan_to_num(attributes.log_price, nan=np.inf)
    ladder = np.unique(prices[candidates])
    size = len(ladder) + 1
    held = np.where(theirs >= 0, theirs * size + np.searchsorted(ladder, prices[candidates]), -1)
    wanted = ours * size + np.searchsorted(ladder, prices[new])
    order = np.lexsort((candidates, age[candidates], held))
    first = np.searchsorted(held[order], wanted)
    spots = first[:, None] + np.arange(-count, count)[None, :]
    inside = (spots >= 0) & (spots < len(order)) & (ours >= 0)[:, None]
    place = order[np.where(inside, spots, 0)] if len(order) else np.zeros(spots.shape, dtype=np.int64)
    inside &= (theirs[place] == ours[:, None]) if len(order) else False
    return np.where(inside, candidates[place] if len(order) else -1, -1)


def _group_codes(
    attributes: Attributes, group: tuple[str, ...], candidates: np.ndarray, new: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Group of the candidates and of the new ones; -1 where an attribute is unknown."""
    if group == ("predecessor",):
        return attributes.codes["item"][candidates], attributes.predecessor[new]
    theirs, ours = np.zeros(len(candidates), dtype=np.int64), np.zeros(len(new), dtype=np.int64)
    for name in group:
        code = attributes.codes[name]
        width = int(code.max(initial=0)) + 1
        theirs = np.where((theirs >= 0) & (code[candidates] >= 0), theirs * width + code[candidates], -1)
        ours = np.where((ours >= 0) & (code[new] >= 0), ours * width + code[new], -1)
    return theirs, ours


def _similarity(
    attributes: Attributes, new: np.ndarray, found: np.ndarray, is_launch: np.ndarray, settings: NewProductSettings
) -> np.ndarray:
    agreed, asked = np.zeros(found.shape), np.zeros(found.shape)
    for name, code in attributes.codes.items():
        weight = settings.weight_of(name)
        both = (code[new] >= 0)[:, None] & (code[found] >= 0)
        agreed += weight * (both & (code[found] == code[new][:, None]))
        asked += weight * both
    old = attributes.predecessor[new]
    is_old = (old >= 0)[:, None] & (attributes.codes["item"][found] == old[:, None])
    agreed += settings.weight_of("predecessor") * is_old
    asked += settings.weight_of("predecessor") * (old >= 0)[:, None]
    gap = np.abs(attributes.log_price[found] - attributes.log_price[new][:, None])
    near = np.exp2(-gap / np.log(settings.price_halving_ratio))
    known = np.isfinite(gap)
    agreed += settings.weight_of("price") * np.where(known, near, 0.0)
    asked += settings.weight_of("price") * known
    agreed += settings.weight_of("launch") * is_launch[found]
    asked += settings.weight_of("launch")
    return agreed / asked
