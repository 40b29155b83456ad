"""Benchmark `forecast`: planning 900 weekly series beside StatsForecast's own interface on the same series and models.

First a tournament: the bare side validates the same models from the same origins and forecasts once with each. Then the
cycle four weeks later, whose champions are refitted: the bare side validates and forecasts with the models of the
champions alone, those of the median where that is champion. It scores nothing, chooses nothing and gives no
distributions. `stl_ets` is StatsForecast's MSTL there; the ensemble, a median of the others, is left out.
"""

import datetime as dt
import time
from collections import Counter
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from benchmarks.bare_forecasts import Call, long_frame, run_call
from benchmarks.report import Report
from benchmarks.workbench import Workbench
from orchestration.resources.parameters import ParameterStore
from stockstrata.forecasting import engine
from stockstrata.forecasting.earlier import EarlierChampions
from stockstrata.forecasting.members import ENSEMBLE
from stockstrata.forecasting.origins import validation_plan
from stockstrata.forecasting.run import ForecastResult, forecast_segments
from stockstrata.panel import DemandPanel
from stockstrata.parameters import PlanningParameters

_SERIES = 900
_WEEKS = 208
_LATER_WEEKS = 4
_SEASON = 52
# Lead time plus a week of review make 13 weeks: what is forecast at least, so both sides look equally far.
_LEAD_TIME_DAYS = 84.0
_HORIZON = 13
_SEGMENTS = {"smooth": "AX", "intermittent": "A-INT"}


def measure_forecast(_: Workbench) -> Report:
    """Seconds for both sides, one process each."""
    parameters = ParameterStore().in_force(dt.date(2025, 1, 1))
    later, pool = _simulated()
    panel = DemandPanel(
        later.keys, later.bucket_start_dates[:-_LATER_WEEKS], later.demand_qty[:, :-_LATER_WEEKS], later.bucket_days
    )
    report = Report("forecast", f"{_SERIES} simulated series of {_WEEKS} weeks, half smooth, half intermittent")
    started = time.perf_counter()
    rows = np.array([0, 1, _SERIES - 2, _SERIES - 1])
    _ours(panel.select(rows), pool[rows], parameters)
    _bare(panel.select(rows), pool[rows], parameters, None)
    report.add("first call", time.perf_counter() - started, "s", "imports and compiling, once; not counted below")
    spent = _Engine()
    started = time.perf_counter()
    with mock.patch.object(engine, "forecast_paths", spent.run):
        first = _ours(panel, pool, parameters)
    ours = time.perf_counter() - started
    folds, final = _bare(panel, pool, parameters, None)
    bare = folds + final
    report.add("forecast_segments", ours, "s", "validation, choice, forecasts, quantiles, accuracy")
    report.add("of which models", spent.total, "s", f"{spent.total / ours:.1%}")
    for code, seconds in sorted(spent.seconds.items(), key=lambda found: -found[1]):
        if seconds >= 0.02 * ours:
            report.add(f"  {code}", seconds, "s", f"{seconds / ours:.1%}")
    whole = sum(bare.values())
    report.add("bare StatsForecast", whole, "s", "cross_validation and forecast, nothing else")
    for code, seconds in bare.items():
        if seconds >= 0.02 * whole:
            report.add(f"  bare {code}", seconds, "s", f"{seconds / whole:.1%}")
    report.add_ratio("ratio", ours, whole, "below 1: faster than the bare calls")
    rest = ours - spent.seconds["stl_ets"], whole - bare["stl_ets"]
    report.add_ratio("ratio without stl_ets", *rest, "the one model that is not the library's own on our side")
    report.add("forecast_segments, a series", ours / _SERIES * 1000, "ms")
    _add_refit(report, first, later, pool, parameters, ours)
    return report


def _add_refit(
    report: Report,
    first: ForecastResult,
    later: DemandPanel,
    pool: np.ndarray,
    parameters: PlanningParameters,
    tournament_seconds: float,
) -> None:
    """The cycle after the tournament: one fit a champion, against bare calls with and without its folds."""
    known = EarlierChampions(first.register, first.backtests, first.backtest_lags)
    started = time.perf_counter()
    found = _ours(later, pool, parameters, known)
    seconds = time.perf_counter() - started
    folds, final = _bare(later, pool, parameters, found.champions["model_code"].to_numpy(dtype=object))
    held = int((found.register["trigger_code"] != "none").sum())
    kept = (found.champions["model_code"] == ENSEMBLE).mean()
    report.add("four weeks later", seconds, "s", f"{held} tournaments; champion is the median for {kept:.0%}")
    report.add("bare calls for its champions", sum((folds + final).values()), "s", "with their folds")
    report.add("  of which forecasts", sum(final.values()), "s", "without folds")
    report.add_ratio("ratio between tournaments", seconds, sum((folds + final).values()), "goal: at most 1.3")
    report.add_ratio("  to bare forecasts without folds", seconds, sum(final.values()))
    report.add_ratio("  to our own tournament", seconds, tournament_seconds)


class _Engine:
    """Seconds inside the models, by model."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._run = engine.forecast_paths

    @property
    def total(self) -> float:
        """Seconds of all models."""
        return sum(self.seconds.values())

    def run(self, model_code: str, *arguments: Any, **named: Any) -> engine.ForecastPaths:
        """Stand in for `forecast_paths`."""
        started = time.perf_counter()
        try:
            return self._run(model_code, *arguments, **named)
        finally:
            self.seconds[model_code] = self.seconds.get(model_code, 0.0) + time.perf_counter() - started


def _simulated() -> tuple[DemandPanel, np.ndarray]:
    rng, half, week = np.random.default_rng(20250101), _SERIES // 2, np.arange(_WEEKS)
    level = rng.lognormal(3.5, 0.8, half)[:, None]
    season = 1.0 + rng.uniform(0.0, 0.5, half)[:, None] * np.sin(2 * np.pi * week / _SEASON + rng.uniform(0, 6))
    trend = 1.0 + rng.uniform(-0.3, 0.6, half)[:, None] * week / _WEEKS
    smooth = rng.poisson(level * season * trend)
    intermittent = (rng.random((half, _WEEKS)) < rng.uniform(0.1, 0.5, half)[:, None]) * (1 + rng.poisson(4, (half, 1)))
    demand = np.vstack([smooth, intermittent]).astype(float)
    demand[:, 0] = 1.0
    keys = pd.DataFrame({"item_id": [f"I{place:04d}" for place in range(_SERIES)], "location_id": "ALL"})
    pool = np.repeat(["smooth", "intermittent"], half)
    return DemandPanel(keys, pd.date_range("2021-01-04", periods=_WEEKS, freq="W-MON"), demand, "W-MON"), pool


def _ours(
    panel: DemandPanel, pool: np.ndarray, parameters: PlanningParameters, known: EarlierChampions | None = None
) -> ForecastResult:
    supply = panel.keys.assign(lead_time_days=_LEAD_TIME_DAYS, lead_time_sd_days=3.0, evidence_grade="full")
    assignment = panel.keys.assign(segment_code=[_SEGMENTS[code] for code in pool])
    return forecast_segments(panel, assignment, supply, parameters=parameters, workers=1, champions=known)


def _bare(
    panel: DemandPanel, pool: np.ndarray, parameters: PlanningParameters, champion: np.ndarray | None
) -> tuple[Counter[str], Counter[str]]:
    """Seconds of cross-validation and of forecasts, by model; carried models are fitted once as on our side.

    Args:
        panel: series.
        pool: pool of each.
        parameters: pools and settings.
        champion: model that each series needs, the ensemble all; None where every series needs every model.
    """
    spent: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    weeks = len(panel.bucket_start_dates)
    for settings in parameters.forecast_settings:
        plan = validation_plan(
            np.array([weeks]), np.array([_HORIZON]), settings=settings, season_length=panel.season_length
        )
        ends = plan.train_ends[0]
        folds = {"n_windows": int(plan.fold_count[0]), "step_size": int(ends[0] - ends[1])}
        for row in parameters.forecast_pools:
            needs = True if champion is None else np.isin(champion, [row.model_code, ENSEMBLE])
            members = np.flatnonzero((pool == settings.pool_code) & needs)
            if row.pool_code == settings.pool_code and row.model_code != ENSEMBLE and len(members):
                frame = long_frame(panel.select(members))
                for seconds, kind in zip(spent, (folds, None), strict=True):
                    call = Call(row.model_code, _SEASON, frame, _HORIZON, kind, settings.max_history_buckets)
                    seconds[row.model_code] += run_call(call)
    return spent
