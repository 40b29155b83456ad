"""Figures of a segment that the gate judges, summed up from item-locations; money weighs what differs in units."""

import numpy as np
import pandas as pd

from stockstrata.columns import numbers, texts
from stockstrata.gate.facts import SIDES
from stockstrata.gate.moments import KEY

ALL = "ALL"
_SUMMED = ("short_qty", "stock_value_amount")


def segment_figures(items: pd.DataFrame, policies: pd.DataFrame, last_policies: pd.DataFrame) -> pd.DataFrame:
    """One row for each segment of the candidate, and one for the whole company (`ALL`), sorted by `segment_code`.

    What is compared are the item-locations with rules in force; in a segment without any, all that were replayed.
    Units count by unit cost; where that is unknown, by the median of those known.

    Args:
        items: one row for each candidate policy: columns of `replays.replayed_sides` and `twin.realised_figures` (NaN
            or 0 where not replayed) and `unit_cost_amount`.
        policies: frame of `policy.candidate_policy`, in the order of `items`.
        last_policies: the newest earlier policy of each item-location: key, `segment_code, order_up_to_qty`.

    Returns:
        Figures of `simulation.replay_segment`, and `earlier_count` (item-locations with an earlier policy) and
        `stayed_count` (of these, in the same segment now).

    Example: fill rates of 8 of 10 units worth 1 each and 9 of 10 worth 3 each are 35 of 40, 0.875.
    """
    frame = _weighed(items, policies, last_policies)
    groups = [(code, rows) for code, rows in frame.groupby("segment_code", sort=True)]
    return pd.DataFrame([_row(str(code), rows) for code, rows in [*groups, (ALL, frame)]]).sort_values(
        "segment_code", ignore_index=True
    )


def _weighed(items: pd.DataFrame, policies: pd.DataFrame, last_policies: pd.DataFrame) -> pd.DataFrame:
    cost = numbers(policies, "unit_cost_amount")
    usual = float(np.median(cost[cost > 0])) if (cost > 0).any() else 1.0
    last = pd.MultiIndex.from_frame(last_policies[KEY]).get_indexer(pd.MultiIndex.from_frame(policies[KEY]))
    held = np.append(texts(last_policies, "segment_code").to_numpy(dtype=object), "")[last]
    level = np.append(numbers(last_policies, "order_up_to_qty"), np.nan)[last]
    segment = texts(policies, "segment_code")
    return items.assign(
        segment_code=segment.to_numpy(),
        weight=np.where(cost > 0, cost, usual),
        is_compared=items["is_compared"].to_numpy(dtype=bool),
        has_earlier=last >= 0,
        has_stayed=(last >= 0) & (segment.to_numpy(dtype=object) == held),
        level_qty=numbers(policies, "order_up_to_qty"),
        last_level_qty=np.nan_to_num(level),
    )


def _row(code: str, rows: pd.DataFrame) -> dict[str, object]:
    replayed = rows.loc[rows["replayed_from_date"].notna()]
    compared = replayed.loc[replayed["is_compared"]]
    judged = compared if len(compared) else replayed
    found: dict[str, object] = {
        "segment_code": code,
        "item_location_count": len(rows),
        "compared_count": len(compared),
        "earlier_count": int(rows["has_earlier"].sum()),
        "stayed_count": int(rows["has_stayed"].sum()),
        "replayed_from_date": judged["replayed_from_date"].min() if len(judged) else pd.NaT,
        "cut_off_count": int(judged["cut_off_count"].max()) if len(judged) else 0,
        "frozen_cut_off_count": int(judged["frozen_cut_off_count"].max()) if len(judged) else 0,
        "demand_qty": float(judged["demand_qty"].sum()),
    }
    wanted = _sum(judged, "demand_qty", is_weighed=True)
    for side in SIDES:
        is_known = len(judged) > 0 and (side != "in_force" or len(compared) > 0)
        for name in _SUMMED:
            found[f"{side}_{name}"] = _sum(judged, f"{side}_{name}") if is_known else np.nan
        short = _sum(judged, f"{side}_short_qty", is_weighed=True)
        found[f"{side}_fill_rate"] = min(max(1 - short / wanted, 0.0), 1.0) if is_known and wanted > 0 else np.nan
    found["fill_change_rate"] = _less(found["candidate_fill_rate"], found["in_force_fill_rate"])
    found["stock_change_rate"] = _growth(found["candidate_stock_value_amount"], found["in_force_stock_value_amount"])
    stayed = rows.loc[rows["has_stayed"]]
    moved = float((np.abs(stayed["level_qty"] - stayed["last_level_qty"]) * stayed["weight"]).sum())
    before = float((stayed["last_level_qty"] * stayed["weight"]).sum())
    found["churn_rate"] = moved / before if before > 0 else np.nan
    return found | _actual(rows)


def _actual(rows: pd.DataFrame) -> dict[str, object]:
    """What really happened, of the item-locations whose stock is counted, and how far the twin is off."""
    counted = rows.loc[rows["actual_mean_stock_qty"].notna()]
    served = rows.loc[rows["actual_short_qty"].notna()]
    asked = _sum(served, "recorded_qty", is_weighed=True) + _sum(served, "hidden_lost_qty", is_weighed=True)
    short = _sum(served, "actual_short_qty", is_weighed=True)
    twin = rows.loc[rows["twin_stock_gap_qty"].notna()]
    stock = _sum(twin, "actual_mean_stock_qty", is_weighed=True)
    wanted = _sum(rows, "recorded_qty", is_weighed=True) + _sum(rows, "hidden_lost_qty", is_weighed=True)
    planned = counted["in_force_stock_value_amount"].fillna(counted["candidate_stock_value_amount"])
    return {
        "actual_item_location_count": len(counted),
        "actual_fill_rate": min(max(1 - short / asked, 0.0), 1.0) if asked > 0 else np.nan,
        "actual_stock_value_amount": float(
            (counted["actual_mean_stock_qty"] * counted["unit_cost_amount"]).sum(min_count=1)
        ),
        "in_force_at_actual_stock_value_amount": float(planned.sum(min_count=1)),
        "twin_stock_gap_rate": _sum(twin, "twin_stock_gap_qty", is_weighed=True) / stock if stock > 0 else np.nan,
        "hidden_lost_rate": _sum(rows, "hidden_lost_qty", is_weighed=True) / wanted if wanted > 0 else np.nan,
    }


def _sum(rows: pd.DataFrame, name: str, *, is_weighed: bool = False) -> float:
    values = numbers(rows, name)
    return float(np.nansum(values * rows["weight"].to_numpy() if is_weighed else values))


def _less(over: object, under: object) -> float:
    return float(over) - float(under)  # type: ignore[arg-type]


def _growth(over: object, under: object) -> float:
    now, before = float(over), float(under)  # type: ignore[arg-type]
    return now / before - 1 if before > 0 else np.nan
