"""Whether the candidate policies of a segment are put in force: figures held against limits, told in words.

A segment is judged by its own figures, or by those of the whole company where too few of its item-locations could be
compared: what two of them did says little, and a rule that harms everybody still shows.

- `service`: the fill rate may fall below that in force by the service margin.
- `stock`: the mean stock value may rise above that in force by the stock margin.
- `churn`: order-up-to levels of what stays in the segment may change by the limit, as a share of their value.
- `twin`: the replay must be one that can be believed.

A segment whose own replay is the same under both rules has nothing to prove: there only churn can hold it.
"""

import datetime as dt
from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from stockstrata.gate.segments import ALL
from stockstrata.parameters import GateLimit, GateOverride, PlanningParameters
from stockstrata.tables import REPLAY_SEGMENT

COLUMNS = [column.name for column in REPLAY_SEGMENT.columns if column.name != "period_start_date"]
HELD = "held"
_SAME = 1e-9


def judged_segments(
    figures: pd.DataFrame, *, parameters: PlanningParameters, cut_off_date: dt.date, rules_hash: str
) -> pd.DataFrame:
    """Figures of segments with limits and verdicts.

    Args:
        figures: frame of `segments.segment_figures`.
        parameters: `gate_limits` and `gate_overrides`.
        cut_off_date: of the cycle; overrides hold before the day that they expire.
        rules_hash: of the candidate's rules, carried along.

    Returns:
        The columns of `simulation.replay_segment` without period and stamp. The verdict of `ALL` tells whether any
        segment is held.

    Example: a fill rate of 0.93 against 0.97 in force, with a margin of 0.02, gives `held`.
    """
    whole = figures.loc[figures["segment_code"] == ALL].iloc[0]
    rows = [
        _judged(row, whole, _limit(row["segment_code"], parameters.gate_limits), parameters, cut_off_date)
        for _, row in figures.iterrows()
    ]
    out = pd.DataFrame(rows).assign(rules_hash=rules_hash)
    is_all = (out["segment_code"] == ALL).to_numpy()
    held = out.loc[~is_all & (out["verdict_code"] == HELD), "segment_code"]
    told = f"{len(held)} of {int((~is_all).sum())} segments held" + (f": {', '.join(held)}" if len(held) else "")
    out.loc[is_all, "verdict_code"] = HELD if len(held) else "passed"
    out.loc[is_all, "verdict_reason"] = told + "; " + out.loc[is_all, "verdict_reason"]
    for name in ("replayed_from_date", "override_expires_date"):
        out[name] = pd.to_datetime(out[name]).astype("datetime64[s]")
    out["is_twin_credible"] = out["is_twin_credible"].astype("boolean")
    return out.loc[:, COLUMNS]


def held_segments(verdicts: pd.DataFrame) -> pd.Series:
    """Reason by code of the segments whose candidate is held."""
    held = verdicts.loc[(verdicts["verdict_code"] == HELD) & (verdicts["segment_code"] != ALL)]
    return held.set_index("segment_code")["verdict_reason"]


def _limit(segment_code: str, rows: Sequence[GateLimit]) -> GateLimit:
    by_code = {row.segment_code: row for row in rows}
    return by_code.get(segment_code, by_code["*"])


def _judged(
    own: pd.Series, whole: pd.Series, limit: GateLimit, parameters: PlanningParameters, cut_off_date: dt.date
) -> dict[Hashable, object]:
    is_enough = own["compared_count"] >= limit.least_item_locations
    judged = own if is_enough else whole
    credible, twin_reason = _twin(judged, limit)
    # What replays alike under both rules needs no proof, whatever others do.
    failures = _replay_failures(judged, limit) if _differs(own) else []
    failures += _churn_failures(own if own["stayed_count"] >= limit.least_item_locations else whole, limit)
    if credible is False and _differs(own):
        failures.append(f"the twin is not credible, for {twin_reason}")
    code, reason = _verdict(own, judged, failures, limit)
    override = _override(str(own["segment_code"]), parameters.gate_overrides, cut_off_date)
    if code == HELD and override is not None:
        code, reason = "override", f"put in force by {override.approved_by} ({override.reason}) though {reason}"
    if judged is whole and own["segment_code"] != ALL and (_differs(own) or code == HELD):
        reason += f"; {int(own['compared_count'])} compared item-locations are too few, so the whole company is judged"
    used = override if code == "override" else None
    return {
        **own.to_dict(),
        "mode_code": limit.mode_code,
        "verdict_code": code,
        "verdict_reason": reason,
        "override_approved_by": used.approved_by if used else "",
        "override_expires_date": used.expires_date if used else None,
        "judged_segment_code": judged["segment_code"],
        "evidence_grade": _grade(judged),
        "least_item_locations": limit.least_item_locations,
        "least_cut_offs": limit.least_cut_offs,
        "service_margin_rate": limit.service_margin_rate,
        "stock_margin_rate": limit.stock_margin_rate,
        "churn_limit_rate": limit.churn_limit_rate,
        "twin_stock_limit_rate": limit.twin_stock_gap_rate,
        "hidden_lost_limit_rate": limit.twin_hidden_lost_rate,
        "is_twin_credible": _twin(own, limit)[0],
        "twin_reason": _twin(own, limit)[1],
    }


def _replay_failures(judged: pd.Series, limit: GateLimit) -> list[str]:
    if judged["cut_off_count"] < limit.least_cut_offs or judged["compared_count"] < limit.least_item_locations:
        return []
    found = []
    if judged["fill_change_rate"] < -limit.service_margin_rate - _SAME:
        found.append(
            f"the fill rate falls from {judged['in_force_fill_rate']:.1%} to {judged['candidate_fill_rate']:.1%}, "
            f"by more than {100 * limit.service_margin_rate:g} points"
        )
    if judged["stock_change_rate"] > limit.stock_margin_rate + _SAME:
        found.append(
            f"the mean stock rises by {judged['stock_change_rate']:.1%}, more than {limit.stock_margin_rate:.0%}"
        )
    if judged["in_force_stock_value_amount"] == 0 and judged["candidate_stock_value_amount"] > 0:
        found.append(f"the mean stock rises from nothing to {judged['candidate_stock_value_amount']:,.0f}")
    return found


def _churn_failures(stayed: pd.Series, limit: GateLimit) -> list[str]:
    if stayed["stayed_count"] < limit.least_item_locations or not stayed["churn_rate"] > limit.churn_limit_rate + _SAME:
        return []
    return [
        f"order-up-to levels change by {stayed['churn_rate']:.1%} of their value, more than "
        f"{limit.churn_limit_rate:.0%}"
    ]


def _differs(judged: pd.Series) -> bool:
    before, now = judged["in_force_stock_value_amount"], judged["candidate_stock_value_amount"]
    return abs(judged["fill_change_rate"]) > _SAME or abs(now - before) > _SAME * max(before, 1.0)


def _verdict(own: pd.Series, judged: pd.Series, failures: list[str], limit: GateLimit) -> tuple[str, str]:
    if own["earlier_count"] == 0:
        return "first", "nothing is in force yet that the candidate could be compared with" + _against_baseline(own)
    if limit.mode_code == "off":
        return "passed", "the gate is switched off"
    if failures:
        told = "; ".join(failures)
        return (HELD, told) if limit.mode_code == "hold" else ("reported", told)
    if own["compared_count"] and not _differs(own):
        return "passed", "its rules serve and hold what those in force do" + _told_fill(own)
    if judged["cut_off_count"] < limit.least_cut_offs or judged["compared_count"] < limit.least_item_locations:
        return "passed", "too little could be replayed to judge by"
    return "passed", _told_change(judged)


def _told_fill(own: pd.Series) -> str:
    fill = own["candidate_fill_rate"]
    return f": fill rate {fill:.1%}" if np.isfinite(fill) else ", for no demand came"


def _told_change(judged: pd.Series) -> str:
    if not np.isfinite(judged["fill_change_rate"]):
        return "no demand came that could tell the rules apart"
    told = f"fill rate {judged['candidate_fill_rate']:.1%} against {judged['in_force_fill_rate']:.1%} in force"
    change = judged["stock_change_rate"]
    return told + (f", stock {change:+.1%}" if np.isfinite(change) else "")


def _against_baseline(own: pd.Series) -> str:
    if not np.isfinite(own["baseline_fill_rate"]):
        return ""
    return (
        f"; replayed, it serves {own['candidate_fill_rate']:.1%} with a mean stock of "
        f"{own['candidate_stock_value_amount']:,.0f}, a uniform policy {own['baseline_fill_rate']:.1%} with "
        f"{own['baseline_stock_value_amount']:,.0f}"
    )


def _twin(judged: pd.Series, limit: GateLimit) -> tuple[bool | None, str]:
    """Whether the twin keeps to its limits, None where nothing tells it, and why."""
    gap, hidden = judged["twin_stock_gap_rate"], judged["hidden_lost_rate"]
    found = []
    if gap > limit.twin_stock_gap_rate:
        found.append(f"its stock is off by {gap:.1%} of the counted one, more than {limit.twin_stock_gap_rate:.0%}")
    if hidden > limit.twin_hidden_lost_rate:
        found.append(
            f"{hidden:.1%} of demand was lost unseen by the estimate, more than {limit.twin_hidden_lost_rate:.0%}"
        )
    if found:
        return False, " and ".join(found)
    if not judged["actual_item_location_count"] and not hidden > 0:
        return None, "no stock history tells whether the twin is right"
    return True, "stock and recorded demand agree within their limits"


def _override(segment_code: str, rows: Sequence[GateOverride], cut_off_date: dt.date) -> GateOverride | None:
    by_code = {row.segment_code: row for row in rows if row.expires_date > cut_off_date}
    return by_code.get(segment_code, by_code.get("*"))


def _grade(judged: pd.Series) -> str:
    if not judged["cut_off_count"] or not judged["compared_count"]:
        return "blocked" if not judged["cut_off_count"] else "degraded"
    return "full" if judged["frozen_cut_off_count"] >= judged["cut_off_count"] else "degraded"
