"""Lead times from closed receipts, else from the contract, else assumed; graded accordingly.

Each receipt counts with the quantity received, so an order line that came in several parts counts each part for what it
brought. Mean: `sum(w L) / sum(w)`. Variance: `sum(w (L - mean)^2) / (sum(w) - sum(w^2) / sum(w))`, which is the usual
sample variance (n - 1) when all weights are equal. Open orders are not used yet, so the mean leans low when a supplier
falls behind.
"""

import datetime as dt

import numpy as np
import pandas as pd

from stockstrata.columns import days, numbers, rows_by_scope, texts
from stockstrata.parameters import PlanningParameters, PlanningSettings
from stockstrata.tables import LEAD_TIME

KEY = ["item_id", "location_id"]
_COLUMNS = [column.name for column in LEAD_TIME.columns if column.name != "period_start_date"]
_GRADES = {"item_receipts": "full", "supplier_receipts": "degraded", "contract": "degraded", "assumption": "assumed"}


def lead_times(
    item_locations: pd.DataFrame, receipts: pd.DataFrame, *, parameters: PlanningParameters, cut_off_date: dt.date
) -> pd.DataFrame:
    """Lead time of each item-location: the first of these that has enough receipts, else contract, else assumption.

    1. receipts of the item from its supplier at the location, 2. of the item from its supplier anywhere (both
    `item_receipts`, full), 3. of the supplier (`supplier_receipts`, degraded), 4. contract lead time (degraded; where
    the contract gives no deviation, the default assumption's ratio of deviation to mean is used), 5. the assumption for
    the supplier, else the category, else the default (assumed).

    Args:
        item_locations: frame of `int_item_locations__planned`.
        receipts: frame of `int_receipts__lead_times`; rows not known at the cut-off are left out here.
        parameters: look-back, least number of receipts, longest lead time, assumptions.
        cut_off_date: nothing received or learnt on or after this day is used.

    Returns:
        The columns of `policy.lead_time` without period and stamp, sorted by item and location.
    """
    settings = parameters.settings
    planned = item_locations.sort_values(KEY, ignore_index=True)
    supplier = texts(planned, "supplier_id")
    keys = pd.DataFrame({name: texts(planned, name) for name in KEY}).assign(supplier_id=supplier)
    usable = usable_receipts(receipts, settings=settings, cut_off_date=cut_off_date)
    contract = numbers(planned, "contract_lead_time_days")
    assumed_days, assumed_sd, ratio = _assumptions(planned, supplier, parameters)
    contract_sd = numbers(planned, "contract_lead_time_sd_days")
    has_contract = contract >= 0
    mean = np.where(has_contract, contract, assumed_days)
    sd = np.where(has_contract, np.where(contract_sd >= 0, contract_sd, ratio * contract), assumed_sd)
    source = np.where(has_contract, "contract", "assumption").astype(object)
    count = np.zeros(len(planned), dtype=np.int64)
    for code, level in _LEVELS:  # from the weakest to the strongest, each overwriting the one before
        found = keys[level].merge(_measured(usable, level), on=level, how="left")
        enough = (found["receipt_count"] >= settings.lead_time_min_receipt_count).to_numpy()
        if code == "supplier_receipts":
            enough &= (supplier != "").to_numpy()
        measured_sd = found["sd"].fillna(ratio * found["mean"]).to_numpy()
        mean, sd = np.where(enough, found["mean"], mean), np.where(enough, measured_sd, sd)
        count = np.where(enough, found["receipt_count"].fillna(0), count).astype(np.int64)
        source[enough] = code
    return pd.DataFrame(
        {
            **{name: planned[name] for name in KEY},
            "supplier_id": supplier.replace("", None),
            "lead_time_days": mean,
            "lead_time_sd_days": sd,
            "receipt_count": count,
            "lead_time_source_code": source,
            "contract_lead_time_days": contract,
            "evidence_grade": [_GRADES[code] for code in source],
        }
    ).loc[:, _COLUMNS]


_LEVELS = (
    ("supplier_receipts", ["supplier_id"]),
    ("item_receipts", ["item_id", "supplier_id"]),
    ("item_receipts", ["item_id", "supplier_id", "location_id"]),
)


def usable_receipts(receipts: pd.DataFrame, *, settings: PlanningSettings, cut_off_date: dt.date) -> pd.DataFrame:
    """Receipts that a lead time may be measured from.

    Known at the cut-off, received before it and inside the look-back, with a quantity above zero and a lead time above
    zero and no longer than the longest that is taken for real. A receipt without a quantity weighs as much as the mean
    receipt of its item and supplier.

    Returns:
        `item_id, location_id, supplier_id, lead_time_days, weight_qty`.
    """
    cut_off = np.datetime64(cut_off_date, "D")
    first = cut_off - np.timedelta64(round(settings.lead_time_lookback_days), "D")
    received, length, quantity = (
        days(receipts, "receipt_date"),
        numbers(receipts, "lead_time_days"),
        numbers(receipts, "received_qty"),
    )
    known_from, known_to = (
        receipts[name].astype("datetime64[s]").to_numpy() for name in ("known_from_at", "known_to_at")
    )
    keep = (received < cut_off) & (received >= first) & (known_from < cut_off) & (known_to >= cut_off)
    keep &= (length > 0) & (length <= settings.lead_time_max_days) & ~(quantity <= 0)
    out = pd.DataFrame({name: texts(receipts, name) for name in ("item_id", "location_id", "supplier_id")})
    out = out.assign(lead_time_days=length, weight_qty=quantity)[keep].reset_index(drop=True)
    usual = pd.Series(out.groupby(["item_id", "supplier_id"])["weight_qty"].transform("mean"))
    return out.assign(weight_qty=pd.Series(out["weight_qty"]).fillna(usual).fillna(1.0))


def _measured(receipts: pd.DataFrame, level: list[str]) -> pd.DataFrame:
    """Weighted mean, deviation (NaN for a single receipt) and count for each value of the level's columns."""
    values = receipts.loc[:, level].drop_duplicates(ignore_index=True)
    group = pd.MultiIndex.from_frame(values).get_indexer(pd.MultiIndex.from_frame(receipts.loc[:, level]))
    weight, length = receipts["weight_qty"].to_numpy(), receipts["lead_time_days"].to_numpy()

    def total(figure: np.ndarray) -> np.ndarray:
        return np.bincount(group, weights=figure, minlength=len(values))

    mean = total(weight * length) / total(weight)
    count = np.bincount(group, minlength=len(values))
    freedom = np.where(count > 1, total(weight) - total(weight**2) / total(weight), np.nan)
    sd = np.sqrt(total(weight * (length - mean[group]) ** 2) / freedom)
    return values.assign(mean=mean, sd=sd, receipt_count=count)


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
