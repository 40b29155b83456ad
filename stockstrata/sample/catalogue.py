"""What the sample company sells: items with known demand parameters, roles and life cycles."""

import numpy as np
import pandas as pd

from stockstrata.sample.sizes import Scale, codes

PATTERNS = ("smooth", "erratic", "intermittent", "lumpy")
_PATTERN_SHARES = np.array([0.42, 0.18, 0.24, 0.16])
# Share of the items in each special role; at least one item each, so that every size holds every role.
_ROLE_SHARES = {
    "launch": 0.04,
    "launch_undated": 0.015,
    "phase_out": 0.03,
    "phase_out_undated": 0.015,
    "superseded": 0.02,
    "dormant": 0.03,
    "single_sale": 0.005,
    "no_demand": 0.005,
    "zero_price": 0.003,
    "no_cost": 0.005,
}
_ENDING_ROLES = ("phase_out", "phase_out_undated", "superseded", "dormant")
_CATEGORIES = {
    "Fasteners": ("Bolts", "Rivets"),
    "Bearings": ("Ball bearings", "Roller bearings"),
    "Hydraulics": ("Hoses", "Valves"),
    "Electrical": ("Relays", "Cables"),
    "Seals": ("O-rings", "Gaskets"),
    "Lubricants": ("Oils", "Greases"),
}


def plan_items(scale: Scale, rng: np.random.Generator) -> pd.DataFrame:
    """Draw the items: one row an item, with the parameters that its demand will be drawn from.

    Args:
        scale: extent of the company.
        rng: source of randomness.

    Returns:
        `item_id, role, pattern, size_mean` (units a demand week), `adi` (weeks), `cv2`, `trend` (log growth a year),
        `season_amplitude, season_peak_day, start_date, end_date` (true life; NaT where open), `launch_date,
        phase_out_date` (what the company wrote down), `successor` (row of the next item, -1 for none), and the
        commercial columns `category, family, uom, cost, price, supplier, second_supplier, share, moq, multiple`.
    """
    roles = _roles(scale.item_count, rng)
    numbers = scale.first_item_number + np.arange(len(roles))
    items = pd.DataFrame({"item_id": codes("ITM-", numbers, 5), "role": roles})
    items["pattern"] = _patterns(roles, rng)
    items = pd.concat([items, _sizes(items, rng)], axis=1)
    items = pd.concat([items, _commercial(items, scale, rng)], axis=1)
    items = pd.concat([items, _growth(items, rng)], axis=1)
    items = _lives(items, scale, rng)
    return _pair_successors(items)


def plan_series(items: pd.DataFrame, scale: Scale, rng: np.random.Generator) -> pd.DataFrame:
    """Cross items with locations: row `item * location_count + location`.

    Args:
        items: frame of `plan_items`.
        scale: extent of the company.
        rng: source of randomness.

    Returns:
        `item, location` (positions), `item_id, location_id, size_mean` of the item-location.
    """
    item = np.repeat(np.arange(scale.item_count), scale.location_count)
    location = np.tile(np.arange(scale.location_count), scale.item_count)
    share = np.array([1.0, 0.7, 0.5])[location] * rng.uniform(0.8, 1.25, len(item))
    location_ids = np.array([f"LOC-{k:02d}" for k in range(1, scale.location_count + 1)], dtype=object)
    sizes = items["size_mean"].to_numpy()[item] * share
    return pd.DataFrame(
        {
            "item": item,
            "location": location,
            "item_id": items["item_id"].to_numpy(dtype=object)[item],
            "location_id": location_ids[location],
            "size_mean": np.round(np.maximum(sizes, 3.0), 3),
        }
    )


def _roles(count: int, rng: np.random.Generator) -> np.ndarray:
    wanted = {role: max(1, round(share * count)) for role, share in _ROLE_SHARES.items()}
    wanted["successor"] = wanted["superseded"]
    special = np.repeat(np.array(list(wanted), dtype=object), list(wanted.values()))
    steady = np.full(count - len(special), "steady", dtype=object)
    return rng.permutation(np.concatenate([special, steady]))


def _patterns(roles: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    patterns = rng.choice(np.array(PATTERNS[:3], dtype=object), len(roles))
    steady = np.flatnonzero(roles == "steady")
    exact = np.round(np.cumsum(_PATTERN_SHARES) * len(steady)).astype(int)
    patterns[steady] = rng.permutation(np.repeat(np.array(PATTERNS, dtype=object), np.diff(exact, prepend=0)))
    patterns[np.isin(roles, ["zero_price", "superseded"])] = "smooth"
    patterns[np.isin(roles, ["single_sale", "no_demand"])] = "insufficient"
    return patterns


def _sizes(items: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Planted interval, variation and size; kept away from the cuts 1.32 and 0.49 so that samples stay inside."""
    pattern = items["pattern"]
    n = len(pattern)
    is_sparse = pattern.isin(["intermittent", "lumpy"]).to_numpy()
    is_wild = pattern.isin(["erratic", "lumpy"]).to_numpy()
    adi = np.where(is_sparse, rng.uniform(1.8, 4.5, n), 1.0)
    cv2 = np.where(is_wild, rng.uniform(1.0, 1.8, n), rng.uniform(0.03, 0.12, n))
    cv2 = np.where(pattern == "intermittent", rng.uniform(0.06, 0.25, n), cv2)
    size = np.where(is_sparse, rng.lognormal(np.log(10), 0.5, n), rng.lognormal(np.log(45), 0.6, n))
    size = np.clip(np.where(pattern == "lumpy", 2.5 * size, size), 6, 250)
    none = (pattern == "insufficient").to_numpy()
    return pd.DataFrame(
        {
            "size_mean": np.round(np.where(none, 0.0, size), 3),
            "adi": np.round(np.where(none, np.nan, adi), 4),
            "cv2": np.round(np.where(none, np.nan, cv2), 4),
        }
    )


def _growth(items: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Trend and season go to the steady items with demand every week, in turn: up, season, plain, down with season."""
    n = len(items)
    grows = ((items["role"] == "steady") & items["pattern"].isin(["smooth", "erratic"])).to_numpy()
    turn = np.where(grows, (np.cumsum(grows) - 1) % 4, 2)
    trend = np.array([0.25, 0.0, 0.0, -0.2])[turn] * rng.uniform(0.7, 1.3, n)
    amplitude = np.array([0.0, 0.35, 0.0, 0.25])[turn] * rng.uniform(0.8, 1.2, n)
    peaks = dict(zip(_CATEGORIES, (105, 140, 190, 340, 285, 20), strict=True))
    return pd.DataFrame(
        {
            "trend": np.round(trend, 4),
            "season_amplitude": np.round(amplitude, 4),
            "season_peak_day": np.where(amplitude > 0, items["category"].map(peaks.__getitem__), 0),
        }
    )


def _commercial(items: pd.DataFrame, scale: Scale, rng: np.random.Generator) -> pd.DataFrame:
    n = len(items)
    category = rng.choice(np.array(list(_CATEGORIES), dtype=object), n)
    family_turn = rng.integers(0, 2, n)
    cost = np.round(np.clip(rng.lognormal(np.log(12), 0.9, n), 0.4, 400), 2)
    price = np.round(cost * rng.uniform(1.35, 2.3, n), 2)
    supplier = rng.permutation(np.arange(n) % scale.supplier_count)
    is_dual = rng.random(n) < 0.15
    multiple = np.where(items["size_mean"] > 60, 10, np.where(items["size_mean"] > 25, 5, 1))
    moq = np.maximum(multiple, np.ceil(rng.uniform(0.3, 1.2, n) * items["size_mean"] / multiple) * multiple)
    return pd.DataFrame(
        {
            "category": category,
            "family": [_CATEGORIES[c][t] for c, t in zip(category, family_turn, strict=True)],
            "uom": np.where(category == "Lubricants", "CAN", "EA"),
            "cost": cost,
            "price": np.where(items["role"] == "zero_price", 0.0, price),
            "supplier": supplier,
            "second_supplier": np.where(is_dual, (supplier + 2) % scale.supplier_count, -1),
            "share": np.where(is_dual, 0.7, 1.0),
            "moq": moq.astype(int),
            "multiple": multiple.astype(int),
        }
    )


def _lives(items: pd.DataFrame, scale: Scale, rng: np.random.Generator) -> pd.DataFrame:
    """True first and last day of each item (Monday, Sunday) and what the master data says about them."""
    days = scale.day_count
    role = items["role"]
    rank = items.groupby("role").cumcount().to_numpy()
    start = np.full(len(items), -1)
    end = np.full(len(items), -1)
    late = days - rng.integers(70, 150, len(items))
    middle = np.round(rng.uniform(0.35, 0.7, len(items)) * days).astype(int)
    launched = (role == "launch").to_numpy()
    start = np.where(launched, np.where(rank % 2 == 0, late, middle), start)
    start = np.where(role == "launch_undated", middle, start)
    past = np.round(rng.uniform(0.6, 0.85, len(items)) * days).astype(int)
    end = np.where(role.isin(_ENDING_ROLES), past, end)
    future = days + rng.integers(45, 150, len(items))
    end = np.where((role == "phase_out") & (rank % 2 == 1), future, end)
    end = np.where(role == "dormant", np.round(rng.uniform(0.35, 0.58, len(items)) * days).astype(int), end)
    monday = scale.first_monday
    start_date = np.where(start >= 0, monday + (start // 7) * 7, np.datetime64("NaT"))
    end_date = np.where(end >= 0, monday + (end // 7) * 7 + 6, np.datetime64("NaT"))
    nat = np.datetime64("NaT", "D")
    return items.assign(
        start_date=start_date,
        end_date=end_date,
        launch_date=np.where(launched, start_date, nat),
        phase_out_date=np.where(role.isin(["phase_out", "superseded"]), end_date, nat),
        successor=-1,
    )


def _pair_successors(items: pd.DataFrame) -> pd.DataFrame:
    """A successor takes over demand and family of its predecessor on the day after its last."""
    old = np.flatnonzero(items["role"] == "superseded")
    new = np.flatnonzero(items["role"] == "successor")
    paired = items.copy()
    inherited = ["pattern", "size_mean", "adi", "cv2", "category", "family", "uom", "moq", "multiple"]
    for name in inherited:
        values = paired[name].to_numpy(copy=True)
        values[new] = values[old]
        paired[name] = values
    successor = paired["successor"].to_numpy(copy=True)
    successor[old] = new
    begin = paired["start_date"].to_numpy(copy=True)
    begin[new] = paired["end_date"].to_numpy()[old] + np.timedelta64(1, "D")
    launch = paired["launch_date"].to_numpy(copy=True)
    launch[new] = begin[new]
    return paired.assign(successor=successor, start_date=begin, launch_date=launch)
