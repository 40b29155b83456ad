"""Reasons for which demand is adjusted, and the series that each of them leads to."""

from collections.abc import Sequence

from stockstrata.errors import PlanningError
from stockstrata.parameters import DemandSignal, PlanningParameters

NETTED = ("return", "negative_clipped")
"""Returns, and what keeps a bucket with more returns than sales at zero."""

CLEANED = (*NETTED, "outlier", "project")
CENSORED = ("stockout_lost_sales",)
PROMOTED = ("promotion_uplift", "promotion_dip")
REASONS = (*CLEANED, *CENSORED, *PROMOTED)


def applied_reasons(signal: DemandSignal) -> tuple[str, ...]:
    """Reasons whose adjustments the forecast of a segment learns with, in the order of `REASONS`.

    Example: signal `clean` without outliers, with projects: `("return", "negative_clipped", "project")`.
    """
    left_out = set()
    if signal.demand_signal == "raw":
        left_out |= set(REASONS)
    if signal.demand_signal == "clean":
        left_out |= set(CENSORED)
    if not signal.exclude_outliers:
        left_out.add("outlier")
    if not signal.exclude_projects:
        left_out.add("project")
    if not signal.separate_promotions:
        left_out |= set(PROMOTED)
    return tuple(code for code in REASONS if code not in left_out)


def signal_of(segment_code: str, parameters: PlanningParameters) -> DemandSignal:
    """The row of `demand_signals.csv` that holds for a segment: its own, or else that of `*`.

    Raises:
        PlanningError: neither is there.
    """
    found = {row.segment_code: row for row in parameters.demand_signals}
    signal = found.get(segment_code, found.get("*"))
    if signal is None:
        raise PlanningError(f"demand_signals.csv has no row for segment {segment_code} and none for *; add one.")
    return signal


def signals_of(segments: Sequence[str], parameters: PlanningParameters) -> dict[str, DemandSignal]:
    """`signal_of` for each of the segments."""
    return {code: signal_of(code, parameters) for code in sorted(set(segments))}
