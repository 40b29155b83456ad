"""What people of the sample company say about its forecasts: overrides in every state, and two forecast streams."""

import numpy as np
import pandas as pd

from stockstrata.sample.plan import Plan

STREAM_ERRORS = {"sales": (0.0, 0.10), "marketing": (0.35, 0.10)}
"""Planted bias and noise of each stream, shares of the demand that comes."""
STREAM_SERIES = 4
STREAM_WEEKS = 8
_PUBLISHED = (("2025-11-24 09:00:00", "2025-12-01"), ("2025-12-22 09:00:00", "2025-12-29"))
_ENTRY_COLUMNS = (
    "override_id", "from_date", "to_date", "override_type", "value", "person", "reason_code", "evidence", "entered_at",
    "expires_date", "approval_state", "approved_by",
)  # fmt: skip
_HEAD = "head.of.planning"
# One override of each fate. The value of the first is the demand that will come, filled in from the truth.
_ENTRIES = (
    ("OVR-0001", "2025-12-01", "2025-12-31", "set_qty_per_bucket", None, "demand.planner", "known_orders",
     "framework order", "2025-11-20 10:00:00", None, "approved", _HEAD),
    ("OVR-0002", "2025-12-01", "2025-12-31", "factor", 1.4, "sales.manager", "sales_push",
     "target of the year", "2025-11-21 16:30:00", None, "approved", _HEAD),
    ("OVR-0003", "2025-12-01", "2026-02-28", "factor", 3.0, "sales.manager", "new_customer",
     "first talks", "2025-11-24 11:00:00", None, "proposed", None),
    ("OVR-0004", "2025-12-01", "2026-01-31", "add_qty", 50.0, "demand.planner", "trade_fair",
     "fair was called off", "2025-10-20 08:00:00", "2025-11-15", "approved", _HEAD),
    ("OVR-0005", "2025-12-01", "2026-01-31", "factor", 1.1, "sales.manager", "sales_push",
     "none", "2025-11-10 09:00:00", None, "proposed", None),
    ("OVR-0005", "2025-12-01", "2026-01-31", "factor", 1.1, "sales.manager", "sales_push",
     "none", "2025-11-25 09:00:00", None, "rejected", _HEAD),
    ("OVR-0006", "2026-01-05", "2026-02-01", "factor", 1.05, "demand.planner", "price_change",
     "price list 2026", "2025-12-15 14:00:00", None, "proposed", None),
)  # fmt: skip
_FATES = {
    "OVR-0001": "effective",
    "OVR-0002": "effective",
    "OVR-0003": "awaiting_approval",
    "OVR-0004": "expired",
    "OVR-0005": "rejected",
    "OVR-0006": "effective",
}


def override_frame(plan: Plan) -> pd.DataFrame:
    """Extract table `forecast_overrides`, each override on an item-location of its own; weekly companies have none."""
    entries = pd.DataFrame(list(_ENTRIES), columns=pd.Index(_ENTRY_COLUMNS))
    if plan.scale.step_days != 1:
        return entries.head(0)
    series = _steady_series(plan)
    place = entries["override_id"].str[-4:].astype(int).to_numpy() - 1
    told = plan.ids(series[place % len(series)])
    is_december = plan.scale.week_starts >= np.datetime64("2025-12-01", "D")
    coming = np.round(plan.demand.qty[series[0], is_december].mean())
    typed = {name: pd.to_datetime(entries[name]) for name in ("from_date", "to_date", "expires_date")}
    return entries.assign(**told, **typed, value=entries["value"].fillna(coming))


def stream_frame(plan: Plan, rng: np.random.Generator) -> pd.DataFrame:
    """Extract table `forecast_streams`: what sales and marketing expect of a few items; weekly companies have none.

    Each says what will come, with a planted bias and noise; beyond the end of history the mean of the last weeks comes.
    """
    parts = []
    series = _steady_series(plan)[-STREAM_SERIES:] if plan.scale.step_days == 1 else np.array([], dtype=np.int64)
    weeks = plan.scale.week_starts
    for published_at, first in _PUBLISHED:
        starts = np.datetime64(first, "D") + 7 * np.arange(STREAM_WEEKS)
        place = np.searchsorted(weeks, starts)
        # The last week of history is cut short by its end.
        is_known = place < len(weeks) - 1
        for code, (bias, noise) in STREAM_ERRORS.items():
            usual = plan.demand.qty[series][:, -9:-1].mean(axis=1, keepdims=True)
            coming = np.where(is_known, plan.demand.qty[series][:, np.minimum(place, len(weeks) - 2)], usual)
            told = coming * (1.0 + bias) * rng.lognormal(0.0, noise, coming.shape)
            parts.append(
                pd.DataFrame(
                    {
                        "stream_code": code,
                        **plan.ids(np.repeat(series, STREAM_WEEKS)),
                        "bucket_start_date": np.tile(starts, len(series)).astype("datetime64[ns]"),
                        "qty": np.round(told).ravel(),
                        "published_at": published_at,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def override_truth() -> pd.DataFrame:
    """What becomes of each override in the first cycle that plans its days."""
    return pd.DataFrame({"override_id": list(_FATES), "status_code": list(_FATES.values())})


def _steady_series(plan: Plan) -> np.ndarray:
    """Item-locations that sell every week of the history, those of most demand first."""
    item = plan.series["item"].to_numpy()
    is_steady = (plan.items["role"] == "steady") & (plan.items["pattern"] == "smooth")
    mean = np.where(is_steady.to_numpy()[item], plan.demand.qty.mean(axis=1), -1.0)
    order = np.argsort(-mean, kind="stable")
    return order[: int((mean > 0).sum())]
