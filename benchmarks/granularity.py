"""Benchmark `granularity`: does a coarser bucket or a coherent hierarchy forecast better what the policy plans with?

Origins, sets and measures are those of the benchmark `accuracy`. Beside the plan as shipped stand the same plan with
every segment in blocks (weeks by the month, months by the quarter), and with the hierarchy's choice applied to the
means. The hierarchy needs whole families and regions, so it takes all series of its set. A last part times
reconciliation.
"""

import datetime as dt
import resource
import time
from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmarks.accuracy import SETS, Judged, Origin, judged, origins_of, planned
from benchmarks.real_panels import RealPanel, real_panel
from benchmarks.report import Report
from benchmarks.workbench import Workbench
from orchestration.resources.parameters import ParameterStore
from stockstrata.forecasting.hierarchy import hierarchy_of
from stockstrata.forecasting.reconciliation import METHODS, Base, reconciled
from stockstrata.parameters import PlanningParameters

HIERARCHY_SETS = ("contraceptive", "carparts")
_COARSER = {"W-MON": "month", "MS": "quarter"}
_SIZES = (3_000, 30_000)


def measure_granularity(bench: Workbench) -> Report:
    """Coarser buckets, applied hierarchies, and the time of reconciliation."""
    report = Report("granularity", "mean pinball loss over the naive error; last fifth of time held out, 5 origins")
    parameters = ParameterStore().in_force(dt.date(2025, 1, 1))
    for name in SETS:
        real = real_panel(name, bench.real_data, bench.folder / "unpacked", most_series=bench.most_series)
        origins = origins_of(real, parameters)
        shipped = _figures(origins, parameters)
        coarse = _figures(origins, with_buckets(parameters, _COARSER[real.panel.bucket_days]))
        _add(report, f"{name}: cycle's buckets", shipped)
        _add(report, f"{name}: blocks", coarse, shipped)
    for name in HIERARCHY_SETS:
        real = real_panel(name, bench.real_data, bench.folder / "unpacked", most_series=None)
        origins = origins_of(real, parameters)
        shipped = _figures(origins, parameters)
        _add(report, f"{name}: bottom-up", shipped)
        for code in ("validated", "mint_var", "top_down"):
            applied = with_hierarchy(parameters, code)
            _add(report, f"{name}: {code} applied", _figures(origins, applied, real), shipped)
    for count in _SIZES:
        _time_reconciliation(report, count)
    return report


def with_buckets(parameters: PlanningParameters, bucket_type: str) -> PlanningParameters:
    """The same parameters with one bucket for every segment."""
    rows = tuple(row.model_copy(update={"bucket_type": bucket_type}) for row in parameters.segment_strategies)
    return parameters.model_copy(update={"segment_strategies": rows})


def with_hierarchy(parameters: PlanningParameters, method_code: str) -> PlanningParameters:
    """The same parameters with a method of the hierarchy applied to every segment."""
    change = {"method_code": method_code, "is_applied": True}
    rows = tuple(row.model_copy(update=change) for row in parameters.hierarchy_settings)
    return parameters.model_copy(update={"hierarchy_settings": rows})


def _figures(origins: Sequence[Origin], parameters: PlanningParameters, real: RealPanel | None = None) -> Judged:
    groups = None if real is None else real.groups
    return judged(origins, [planned(origin, parameters, groups) for origin in origins])


def _add(report: Report, name: str, found: Judged, shipped: Judged | None = None) -> None:
    ratio = "" if shipped is None else f"; {found.mean_pinball / shipped.mean_pinball:.3f} of the shipped plan"
    note = f"WAPE {found.wape_rate:.3f}, RMSSE {found.rmsse_ratio:.3f}, bias {found.bias_rate:+.3f}{ratio}"
    report.add(name, found.mean_pinball, "scaled pinball", note)


def _time_reconciliation(report: Report, count: int) -> None:
    rng = np.random.default_rng(1)
    index = np.arange(count)
    keys = pd.DataFrame({"item_id": index // 3, "location_id": index % 3}).astype(str)
    groups = keys.assign(family=(index // 60).astype(str), region=(index % 3 // 2).astype(str))
    started = time.perf_counter()
    hierarchy = hierarchy_of(groups, keys)
    bottom = rng.gamma(1.0, 5.0, (count, 13))
    errors = rng.normal(size=(count, 39))
    whole = hierarchy.sums @ bottom
    base = Base(
        bottom_qty=bottom,
        sum_qty=np.maximum(whole * rng.normal(1.0, 0.1, whole.shape), 0.0),
        proportion=bottom.mean(axis=1),
        bottom_error_qty=errors,
        sum_error_qty=hierarchy.sums @ errors * rng.uniform(0.8, 1.0, (hierarchy.sum_count, 1)),
    )
    report.add(f"{count:,} series: lay out levels", time.perf_counter() - started, "s")
    for code in METHODS:
        started = time.perf_counter()
        reconciled(hierarchy, base, code, largest_block=300)
        report.add(f"{count:,} series: {code}", time.perf_counter() - started, "s", f"{hierarchy.sum_count:,} sums")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report.add(f"{count:,} series: peak memory so far", peak, "MB")
