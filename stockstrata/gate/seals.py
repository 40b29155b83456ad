"""Certificates: a hash over what a segment puts in force and over what that rests on, checked before publication."""

import hashlib

import numpy as np
import pandas as pd

from stockstrata.gate.segments import ALL
from stockstrata.tables import REPLAY_SEGMENT, Column

KEY = ["item_id", "location_id"]
_TEXTS = ("policy_family", "service_measure", "unmet_demand_code", "policy_status_code", "isolation_reason")
_NUMBERS = (
    "service_target", "lead_time_days", "review_period_days", "safety_stock_qty", "reorder_point_qty", "order_qty",
    "order_inflation_ratio", "order_up_to_qty", "unit_cost_amount",
)  # fmt: skip
CERTIFIED_COLUMNS = (*KEY, "segment_code", *_TEXTS, *_NUMBERS, "policy_period_start_date")
"""Columns of `policy.stock_policy`, and of `marts.fct_policy`, that a certificate covers."""


def certificates(policies: pd.DataFrame, verdicts: pd.DataFrame, parameters_version: str) -> pd.DataFrame:
    """One row for each segment with policies in force: their hash, and that of all that they rest on.

    Stale policies are left out: the certificate of the cycle that made them covers them.

    Args:
        policies: `CERTIFIED_COLUMNS` of the policies in force.
        verdicts: frame of `simulation.replay_segment`.
        parameters_version: hash of the parameter files.

    Returns:
        The columns of `simulation.certificate` without period and stamp, sorted by segment.

    Example: one unit more in any reorder point of a segment changes its two hashes and no other.
    """
    certified = policies.loc[policies["policy_status_code"] != "stale"].sort_values(KEY)
    by_segment = {str(code): rows for code, rows in certified.groupby("segment_code", sort=True)}
    found = []
    for _, verdict in verdicts.loc[verdicts["segment_code"] != ALL].sort_values("segment_code").iterrows():
        code = str(verdict["segment_code"])
        rows = by_segment.pop(code, certified.iloc[:0])
        held = _policies_hash(rows)
        text = "\x1f".join([held, parameters_version, *(_text(verdict[c.name], c) for c in _verdict_columns())])
        found.append((code, len(rows), held, hashlib.sha256(text.encode()).hexdigest()))
    names = ["segment_code", "certified_count", "policies_hash", "certificate_hash"]
    return pd.DataFrame(found, columns=pd.Index(names))


def broken_certificates(
    policies: pd.DataFrame, verdicts: pd.DataFrame, held: pd.DataFrame, parameters_version: str
) -> list[str]:
    """Segments whose certificate does not cover what is there, and why, one sentence each; none where all is well.

    Args:
        policies: as in `certificates`.
        verdicts: as in `certificates`.
        held: the certificates.
        parameters_version: as in `certificates`.

    Example: a reorder point changed by hand gives "AX: its policies are not those certified".
    """
    expected = certificates(policies, verdicts, parameters_version).set_index("segment_code")
    found = held.set_index("segment_code")
    told = [f"{code}: it has no certificate" for code in sorted(set(expected.index) - set(found.index))]
    strangers = set(policies.loc[policies["policy_status_code"] != "stale", "segment_code"]) - set(expected.index)
    told += [f"{code}: its policies were never judged" for code in sorted(strangers)]
    for code in sorted(set(expected.index) & set(found.index)):
        if expected.loc[code, "policies_hash"] != found.loc[code, "policies_hash"]:
            told.append(f"{code}: its policies are not those certified")
        elif expected.loc[code, "certificate_hash"] != found.loc[code, "certificate_hash"]:
            told.append(f"{code}: its figures, limits, verdict or parameters are not those certified")
    return told


def _verdict_columns() -> list[Column]:
    return [column for column in REPLAY_SEGMENT.columns if column.name != "period_start_date"]


def _policies_hash(rows: pd.DataFrame) -> str:
    """SHA-256 over the certified columns of rows sorted by key, column by column."""
    digest = hashlib.sha256()
    for name in CERTIFIED_COLUMNS:
        digest.update(name.encode() + b"\0")
        if name in _NUMBERS:
            values = pd.to_numeric(rows[name]).to_numpy(dtype=float, na_value=np.nan)
            # One pattern of bits for all that is unknown, and for zero.
            digest.update(np.where(np.isnan(values), np.nan, values + 0.0).astype("<f8").tobytes())
        elif name.endswith("_date"):
            digest.update(rows[name].astype("datetime64[s]").astype("int64").to_numpy().tobytes())
        else:
            values = rows[name].to_numpy(dtype=object)
            digest.update("\x1f".join(np.where(pd.isna(values), "", values).astype(str).tolist()).encode())
    return digest.hexdigest()


def _text(value: object, column: Column) -> str:
    """A value as text, the same from a frame and from a database."""
    if value is None or pd.isna(value):  # type: ignore[call-overload]
        return "~"
    if column.type == "DOUBLE":
        return (float(value) + 0.0).hex()  # type: ignore[arg-type]
    if column.type == "BIGINT":
        return str(int(value))  # type: ignore[call-overload]
    if column.type == "BOOLEAN":
        return str(bool(value)).lower()
    if column.type == "DATE":
        return str(pd.Timestamp(value))[:10]  # type: ignore[arg-type]
    return str(value)
