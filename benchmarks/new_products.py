"""Benchmark `new_products`: demand over the protection interval of young series, with the launch model and without it.

From four origins every series of a public set is planned twice with what was known then: by the pool for short
histories alone, and with the launch model on top, hand-over included. Judged are the series that began up to
`hand_over_days` before the origin, after a history long enough to see that they had not sold before. First sales
stand in for launch dates, which no set has; a set whose series all begin with its data says little here.
"""

import datetime as dt
import os

import numpy as np
import pandas as pd

from benchmarks.accuracy import SETS
from benchmarks.calibration import LEVELS
from benchmarks.real_panels import RealPanel, real_panel
from benchmarks.report import Report
from benchmarks.workbench import Workbench
from orchestration.resources.parameters import ParameterStore
from stockstrata.forecasting.metrics import pinball_loss
from stockstrata.forecasting.run import forecast_segments
from stockstrata.panel import KEY, DemandPanel
from stockstrata.parameters import PlanningParameters

_ORIGIN_SHARES = (0.55, 0.65, 0.75, 0.85)
_INTERVAL_BUCKETS = {"MS": 3, "W-MON": 5}
_AGES = ((1, 4), (5, 12))
_SEGMENT = "NEW"
_LEAST_ROWS = 20


def measure_new_products(bench: Workbench) -> Report:
    """Accuracy of young series on every set, by age."""
    report = Report("new_products", f"series of age 1 to {_AGES[-1][1]} buckets, {len(_ORIGIN_SHARES)} origins")
    parameters = ParameterStore().in_force(dt.date(2025, 1, 1))
    for name in SETS:
        real = real_panel(name, bench.real_data, bench.folder / "unpacked", most_series=bench.most_series)
        ends = [int(share * real.panel.demand_qty.shape[1]) for share in _ORIGIN_SHARES]
        rows = pd.concat([_young(real, end, parameters) for end in ends], ignore_index=True)
        for low, high in _AGES:
            _add(report, f"{name}, age {low} to {high}", rows[rows["age"].between(low, high)])
    return report


def _young(real: RealPanel, end: int, parameters: PlanningParameters) -> pd.DataFrame:
    """Young series at one origin: age, demand that came, and both ways' mean and quantiles."""
    whole = real.panel
    begun = np.isfinite(whole.demand_qty[:, :end]).any(axis=1)
    panel = DemandPanel(whole.keys, whole.bucket_start_dates[:end], whole.demand_qty[:, :end], whole.bucket_days)
    panel = panel.select(np.flatnonzero(begun))
    buckets = _INTERVAL_BUCKETS[whole.bucket_days]
    review = next(row.review_period_days for row in parameters.segment_strategies if row.segment_code == _SEGMENT)
    lead = buckets * whole.mean_bucket_days - review
    supply = panel.keys.assign(lead_time_days=lead, lead_time_sd_days=0.0, evidence_grade="full")
    assignment = panel.keys.assign(segment_code=_SEGMENT)
    workers = os.cpu_count() or 1
    plain = forecast_segments(panel, assignment, supply, parameters=parameters, workers=workers)
    launched = forecast_segments(
        panel, assignment, supply, parameters=parameters, workers=workers, earlier=plain.states,
        item_locations=real.attributes.loc[begun],
    )  # fmt: skip
    future = whole.demand_qty[:, end : end + buckets]
    told = whole.keys.assign(actual=future.sum(axis=1), scale=np.nanmean(whole.demand_qty, axis=1) * buckets)
    found = launched.new_products[[*KEY, "age_buckets", "status_code"]].rename(columns={"age_buckets": "age"})
    found = found.merge(told, on=KEY)
    columns = [*KEY, "mean_qty", *LEVELS]
    found = found.merge(plain.lead_time_demand[columns], on=KEY)
    return found.merge(launched.lead_time_demand[columns], on=KEY, suffixes=("_plain", "_launched"))


def _add(report: Report, name: str, rows: pd.DataFrame) -> None:
    if len(rows) < _LEAST_ROWS:
        report.add(f"{name}: series-origins", len(rows), "", "too few to judge")
        return
    shares = rows["status_code"].value_counts(normalize=True)
    told = ", ".join(f"{code} {share:.0%}" for code, share in shares.sort_index().items())
    report.add(f"{name}: series-origins", len(rows), "", told)
    sides = {side: _figures(rows, side) for side in ("plain", "launched")}
    for side, words in (("plain", "pool alone"), ("launched", "with the launch model")):
        found = sides[side]
        note = (
            f"WAPE {found['wape_rate']:.3f}, bias {found['bias_rate']:+.3f}, scaled by series "
            f"{found['scaled_pinball']:.3f}, coverage at 0.95 {found['coverage_p95_rate']:.3f}"
        )
        report.add(f"{name}: {words}", found["pinball_rate"], "pinball per unit", note, parts=found)
    ratio = sides["launched"]["wape_rate"] / sides["plain"]["wape_rate"]
    report.add_ratio(
        f"{name}: launch model over pool",
        sides["launched"]["pinball_rate"],
        sides["plain"]["pinball_rate"],
        f"WAPE {ratio:.2f} times",
    )


def _figures(rows: pd.DataFrame, side: str) -> dict[str, float]:
    actual, scale = rows["actual"].to_numpy(dtype=float), rows["scale"].to_numpy(dtype=float)
    error = rows[f"mean_qty_{side}"].to_numpy(dtype=float) - actual
    loss = np.mean(
        [pinball_loss(actual, rows[f"{name}_{side}"].to_numpy(dtype=float), level) for name, level in LEVELS.items()],
        axis=0,
    )
    return {
        "wape_rate": float(np.abs(error).sum() / actual.sum()),
        "bias_rate": float(error.sum() / actual.sum()),
        "pinball_rate": float(loss.sum() / actual.sum()),
        "scaled_pinball": float(np.mean(loss / scale)),
        "coverage_p95_rate": float((actual <= rows[f"p95_qty_{side}"].to_numpy(dtype=float) + 1e-9).mean()),
    }
