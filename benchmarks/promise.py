"""Benchmark `promise`: the service that each segment was promised, and what it got on demand that came.

Cycles, terms and replay are those of `value`, at the shipped targets. The promise of a segment is the target of its
own measure, held for every item-location; so each counts alike: units served and asked for are divided by the
item-location's mean demand before they are added up. Replenishment cycles are counted as they are. Beside it stands
what the policies themselves expected: rounding to whole units, minima and levels that never go below expected demand
give more than the target asks for.
"""

import numpy as np
import pandas as pd

from benchmarks.report import Report
from benchmarks.value import SERIES, SPANS, PlannedSet, planned_set, product_replay
from benchmarks.workbench import Workbench

LEAST_ITEM_LOCATIONS = 100
LARGEST_GAP = 0.02
_MEASURES = {
    "fill_rate": ("served_qty", "demand_qty"),
    "cycle_service_level": ("good_cycle_count", "cycle_count"),
    "ready_rate": ("ready_period_count", "planned_period_count"),
}


def measure_promise(bench: Workbench) -> Report:
    """Achieved service against target and expectation, for every segment of every set."""
    report = Report("promise", f"replay at shipped targets; judged from {LEAST_ITEM_LOCATIONS} item-locations on")
    judged = 0
    kept = 0
    for name in SPANS:
        held = planned_set(name, bench.real_data, bench.folder / "unpacked", bench.most_series or SERIES)
        for row in promises(held).itertuples():
            gap = row.achieved_rate - row.target_rate
            is_judged = row.item_location_count >= LEAST_ITEM_LOCATIONS
            judged += is_judged
            kept += is_judged and abs(gap) <= LARGEST_GAP
            side = "above" if gap > 0 else "below"
            told = "within 2 points" if abs(gap) <= LARGEST_GAP else f"{side} by {abs(gap) * 100:.1f} points"
            report.add(
                f"{name}: {row.segment_code}, {row.measure}",
                float(row.achieved_rate),
                "",
                f"target {row.target_rate:.3f}, expected {row.expected_rate:.3f}, standard error {row.error_rate:.3f}; "
                f"{row.item_location_count:.0f} item-locations; {told if is_judged else 'too few to judge'}",
                parts={key: float(getattr(row, key)) for key in ("target_rate", "expected_rate", "error_rate")},
            )
    report.add("segments within 2 points", kept, f"of {judged}", "segments with enough item-locations")
    return report


def promises(held: PlannedSet) -> pd.DataFrame:
    """One row for each segment and measure that is promised there.

    Returns:
        `segment_code, measure, item_location_count` (in the segment at some time), `target_rate, expected_rate` (means
        over item-locations and cycles), `achieved_rate, error_rate` (its standard error over item-locations).
    """
    frames = held.past.policies(held.parameters)
    found = product_replay(held, held.parameters)
    measure, target, expected = (
        np.stack([frame[name].to_numpy() for frame in frames], axis=1)
        for name in ("service_measure", "service_target", "expected_service_rate")
    )
    measure = measure.astype(str)
    is_stocked = np.isfinite(expected.astype(float)) & (found.sums["planned_period_count"] > 0)
    scale = np.nanmean(held.past.panel.demand_qty, axis=1)[:, None]
    rows = []
    for segment in np.unique(found.segment_code.astype(str)):
        for name, (good, all_of) in _MEASURES.items():
            mask = (found.segment_code == segment) & (measure == name) & is_stocked
            if not mask.any():
                continue
            weight = 1 / scale if name == "fill_rate" else 1.0
            served = np.where(mask, found.sums[good] * weight, 0.0).sum(axis=1)
            asked = np.where(mask, found.sums[all_of] * weight, 0.0).sum(axis=1)
            if asked.sum() <= 0:
                continue
            rate = served.sum() / asked.sum()
            rows.append(
                {
                    "segment_code": segment,
                    "measure": name,
                    "item_location_count": int(mask.any(axis=1).sum()),
                    "target_rate": float(target[mask].astype(float).mean()),
                    "expected_rate": float(expected[mask].astype(float).mean()),
                    "achieved_rate": float(rate),
                    "error_rate": float(np.sqrt(((served - rate * asked) ** 2).sum()) / asked.sum()),
                }
            )
    return pd.DataFrame(rows)
