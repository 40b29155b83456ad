"""What is put in force: candidate policies, and earlier ones where the cycle left out or the gate holds."""

import pandas as pd

from stockstrata.columns import texts
from stockstrata.evidence import worst_grade
from stockstrata.tables import STOCK_POLICY

KEY = ["item_id", "location_id"]
_COLUMNS = [column.name for column in STOCK_POLICY.columns if column.name != "period_start_date"]
_TOLD = "policy of an earlier cycle kept"


def kept_policies(earlier: pd.DataFrame, reasons: pd.DataFrame, *, status_code: str) -> pd.DataFrame:
    """Policies of earlier cycles that stay in force, labelled as such.

    Args:
        earlier: rows of `policy.stock_policy` of earlier periods, one for each item-location.
        reasons: `item_id, location_id, reason`: why each is kept.
        status_code: `stale` (left out by the cycle) or `held` (by the gate).

    Returns:
        The rows of `earlier` with status and reason, and a grade no better than degraded.
    """
    by_key = reasons.groupby(KEY)["reason"].min()
    reason = by_key.reindex(pd.MultiIndex.from_frame(earlier[KEY])).to_numpy()
    before = texts(earlier, "grade_reason")
    return earlier.assign(
        policy_status_code=status_code,
        isolation_reason=reason,
        evidence_grade=worst_grade(texts(earlier, "evidence_grade"), pd.Series("degraded", index=before.index)),
        grade_reason=before.mask(before == "", _TOLD).where(
            (before == "") | before.str.startswith(_TOLD), _TOLD + "; " + before
        ),
    ).loc[:, _COLUMNS]


def with_held_policies(candidate: pd.DataFrame, earlier: pd.DataFrame, held: pd.Series) -> pd.DataFrame:
    """Candidate policies, but for held segments the policy before of each item-location that has one.

    The kept policies stand under the segment that holds them. One without a policy before takes the candidate: without
    any policy it would never be ordered, and its reason tells so.

    Args:
        candidate: frame of `policy.candidate_policy`.
        earlier: newest earlier policies, one for each item-location; others than those held may be among them.
        held: reason by segment.

    Returns:
        The columns of `policy.stock_policy` without period and stamp.

    Example: with an empty `held`, the candidate as it is.
    """
    if held.empty:
        return candidate.loc[:, _COLUMNS]
    segment = texts(candidate, "segment_code")
    is_held = segment.isin(held.index).to_numpy()
    keys = pd.MultiIndex.from_frame(candidate[KEY])
    place = pd.MultiIndex.from_frame(earlier[KEY]).get_indexer(keys)
    is_kept = is_held & (place >= 0)
    why = candidate.loc[is_kept, KEY].assign(
        reason=("the gate holds segment " + segment + ": " + segment.map(held.to_dict())).to_numpy()[is_kept]
    )
    kept = kept_policies(earlier.iloc[place[is_kept]].reset_index(drop=True), why, status_code="held")
    kept["segment_code"] = segment.to_numpy()[is_kept]
    new = is_held & ~is_kept
    told = texts(candidate, "grade_reason")
    note = "new in a segment that the gate holds, so without an earlier policy to keep"
    rows = candidate.assign(
        grade_reason=told.mask(new & (told == ""), note).mask(new & (told != ""), told + "; " + note)
    )
    return pd.concat([rows.loc[~is_kept], kept], ignore_index=True).loc[:, _COLUMNS].sort_values(KEY, ignore_index=True)
