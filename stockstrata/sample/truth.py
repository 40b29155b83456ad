"""The truth behind the extract: for tests and audits, never read by the pipeline."""

import numpy as np
import pandas as pd

from stockstrata.sample.plan import Plan
from stockstrata.sample.suppliers import JUMPER

_LEDGER = ("opening_qty", "received_qty", "moved_in_qty", "returned_qty", "sold_qty", "moved_out_qty", "closing_qty")
_NAT = np.datetime64("NaT", "ns")


def truth_tables(plan: Plan) -> dict[str, pd.DataFrame]:
    """Tables of truth by name.

    Args:
        plan: the company.

    Returns:
        `true_demand`, `item_locations`, `events`, where the grain is the day `stock_ledger`, and with the first
        division what all share: `lead_times`.
    """
    tables = {
        "true_demand": true_demand(plan),
        "item_locations": item_location_truth(plan),
        "events": events(plan),
    }
    if plan.scale.division == 0:
        tables["lead_times"] = lead_time_truth(plan)
    if plan.scale.step_days == 1:
        tables["stock_ledger"] = stock_ledger(plan)
    return tables


def _weekly(plan: Plan, steps: np.ndarray) -> np.ndarray:
    """Sums over the steps of each Monday week."""
    week = plan.scale.week_of_step
    starts = np.flatnonzero(np.append(True, week[1:] != week[:-1]))
    return np.add.reduceat(steps, starts, axis=1)


def _week_keys(plan: Plan) -> dict[str, np.ndarray]:
    weeks = plan.scale.week_count
    series = np.repeat(np.arange(plan.scale.series_count), weeks)
    starts = np.tile(plan.scale.week_starts, plan.scale.series_count).astype("datetime64[ns]")
    return {**plan.ids(series), "bucket_start_date": starts}


def true_demand(plan: Plan) -> pd.DataFrame:
    """Asked for and sold, one row an item-location and Monday week; the weeks at both ends may be cut short."""
    asked = plan.demand.qty if plan.lines is None else _weekly(plan, plan.lines.per_day(plan.scale))
    sold = _weekly(plan, plan.history.sold_qty)
    return pd.DataFrame(
        {
            **_week_keys(plan),
            "true_demand_qty": asked.ravel().astype(np.int64),
            "sold_qty": sold.ravel().astype(np.int64),
            "is_censored": (sold < asked).ravel(),
        }
    )


def stock_ledger(plan: Plan) -> pd.DataFrame:
    """Unsold stock, one row an item-location and Monday week: opening + ins - outs = closing."""
    history = plan.history
    flows = {name: _weekly(plan, getattr(history, name)) for name in _LEDGER[1:-1]}
    week = plan.scale.week_of_step
    ends = np.flatnonzero(np.append(week[1:] != week[:-1], True))
    closing = history.closing_qty[:, ends]
    opening = np.concatenate([history.opening_qty[:, None], closing[:, :-1]], axis=1)
    columns = {"opening_qty": opening, **flows, "closing_qty": closing}
    return pd.DataFrame({**_week_keys(plan), **{name: columns[name].ravel().astype(np.int64) for name in _LEDGER}})


def item_location_truth(plan: Plan) -> pd.DataFrame:
    """Parameters that demand was drawn with, one row an item-location."""
    item = plan.series["item"].to_numpy()
    items = plan.items
    size = np.where(items["pattern"].eq("insufficient").to_numpy()[item], 0.0, plan.series["size_mean"])
    adi = items["adi"].to_numpy()[item]
    return pd.DataFrame(
        {
            "item_id": plan.series["item_id"],
            "location_id": plan.series["location_id"],
            "role_code": items["role"].to_numpy(dtype=object)[item],
            "pattern_code": items["pattern"].to_numpy(dtype=object)[item],
            "mean_qty": np.round(np.where(size > 0, size / np.where(np.isnan(adi), 1.0, adi), 0.0), 4),
            "size_mean_qty": size,
            "adi_buckets": adi,
            "cv2_ratio": items["cv2"].to_numpy()[item],
            "trend_rate_per_year": items["trend"].to_numpy()[item],
            "season_amplitude_rate": items["season_amplitude"].to_numpy()[item],
            "season_peak_day": items["season_peak_day"].to_numpy()[item].astype(np.int64),
            "start_date": items["start_date"].to_numpy()[item],
            "end_date": items["end_date"].to_numpy()[item],
            "launch_date": items["launch_date"].to_numpy()[item],
            "phase_out_date": items["phase_out_date"].to_numpy()[item],
        }
    )


def lead_time_truth(plan: Plan) -> pd.DataFrame:
    """Lead-time parameters of each supplier, before and after its jump (NaT: never jumps)."""
    suppliers = plan.suppliers
    jump = np.full(len(suppliers), _NAT)
    jump[JUMPER] = plan.scale.jump_date
    return pd.DataFrame(
        {
            "supplier_id": suppliers["supplier_id"],
            "distribution_code": suppliers["distribution"],
            "contract_days": suppliers["contract_days"],
            "mean_before_days": suppliers["mean_before"],
            "sd_before_days": suppliers["sd_before"],
            "mean_after_days": suppliers["mean_after"],
            "sd_after_days": suppliers["sd_after"],
            "jump_date": jump,
            "partial_rate": suppliers["partial_rate"],
            "reject_rate": suppliers["reject_rate"],
        }
    )


def events(plan: Plan) -> pd.DataFrame:
    """Planted events, one row an event and item (or supplier).

    `event_code` is promotion, launch, phase_out, supersession, dormancy or lead_time_jump; `is_stated` tells whether
    the extract says so.
    """
    parts = [_promotion_events(plan), *_life_events(plan)]
    if plan.scale.division == 0:
        parts.append(_jump_event(plan))
    columns = ["event_code", "item_id", "location_id", "supplier_id", "related_id", "start_date", "end_date"]
    columns += ["uplift_rate", "dip_rate", "is_stated"]
    rows = [part.reindex(columns=columns).astype(object) for part in parts]
    types = {"start_date": "datetime64[ns]", "end_date": "datetime64[ns]", "uplift_rate": float, "dip_rate": float}
    return pd.concat(rows, ignore_index=True).astype({**types, "is_stated": bool})


def _promotion_events(plan: Plan) -> pd.DataFrame:
    promotions = plan.promotions
    locations = np.append(plan.locations["location_id"].to_numpy(dtype=object), np.array([None], dtype=object))
    return pd.DataFrame(
        {
            "event_code": "promotion",
            "item_id": plan.items["item_id"].to_numpy(dtype=object)[promotions["item"]],
            "location_id": locations[promotions["location"]],
            "related_id": promotions["promotion_id"],
            "start_date": promotions["start_date"],
            "end_date": promotions["end_date"],
            "uplift_rate": promotions["uplift"],
            "dip_rate": promotions["dip"],
            "is_stated": True,
        }
    )


def _life_events(plan: Plan) -> list[pd.DataFrame]:
    items = plan.items
    ids = np.append(items["item_id"].to_numpy(dtype=object), np.array([None], dtype=object))
    base = items.assign(related_id=ids[items["successor"]])
    dormant, replaced = base["role"] == "dormant", base["successor"] >= 0
    launches = base.loc[base["start_date"].notna()]
    launches = launches.assign(
        event_code="launch", related_id=None, end_date=_NAT, is_stated=launches["launch_date"].notna()
    )
    ends = base.loc[base["end_date"].notna() & ~dormant & ~replaced]
    ends = ends.assign(event_code="phase_out", is_stated=ends["phase_out_date"].notna())
    stops = base.loc[dormant].assign(event_code="dormancy", is_stated=False)
    changes = base.loc[replaced].assign(event_code="supersession", is_stated=True)
    return [launches, *(part.assign(start_date=part["end_date"]) for part in (ends, stops, changes))]


def _jump_event(plan: Plan) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "event_code": ["lead_time_jump"],
            "supplier_id": [plan.suppliers["supplier_id"].iloc[JUMPER]],
            "start_date": [pd.Timestamp(plan.scale.jump_date)],
            "is_stated": [False],
        }
    )
