"""Benchmark `pooled_models`: what the models that learn from a whole pool add on public data, and what they cost.

Origins, series and judgement are those of `accuracy`. Each way plans every origin: the shipped pools; the same with one
of the two models in the ensemble, with both, and with both outside it; each alone in every pool. Beside the global
model alone stands bare mlforecast: LightGBM on lags and rolling means of standardised series, one step after the other.
"""

import datetime as dt
import time
import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmarks.accuracy import SETS, Origin, judged, origins_of, planned, single_model
from benchmarks.bare_forecasts import long_frame
from benchmarks.calibration import LEVELS
from benchmarks.real_panels import RealPanel, real_panel
from benchmarks.report import Report
from benchmarks.workbench import Workbench
from orchestration.resources.parameters import ParameterStore
from stockstrata.forecasting.engine import GLOBAL, POOLED_CODES, SEASONAL
from stockstrata.parameters import PlanningParameters

_LEAST_SERIES = 20


def measure_pooled_models(bench: Workbench) -> Report:
    """Accuracy and time with and without the models that learn from a whole pool."""
    report = Report("pooled_models", "as accuracy: last fifth of time held out, whole intervals")
    for name in SETS:
        _measure_set(
            report, real_panel(name, bench.real_data, bench.folder / "unpacked", most_series=bench.most_series)
        )
    return report


def with_models(
    parameters: PlanningParameters, codes: Sequence[str], *, is_ensemble_member: bool
) -> PlanningParameters:
    """The same parameters with exactly these models of whole pools in every pool."""
    shipped = [row for row in parameters.forecast_pools if row.model_code not in POOLED_CODES]
    ranks = {row.pool_code: row for row in shipped}
    added = [
        row.model_copy(
            update={
                "model_code": code,
                "min_history_seasons": 0,
                "min_series_count": _LEAST_SERIES,
                "is_ensemble_member": is_ensemble_member,
            }
        )
        for row in ranks.values()
        for code in codes
    ]
    return parameters.model_copy(update={"forecast_pools": (*shipped, *added)})


def bare_mlforecast(origin: Origin) -> pd.DataFrame:
    """Mean of demand over the interval by mlforecast alone; the quantile columns repeat it."""
    from lightgbm import LGBMRegressor
    from mlforecast import MLForecast
    from mlforecast.lag_transforms import RollingMean
    from mlforecast.target_transforms import LocalStandardScaler

    season, deepest = origin.panel.season_length, int(origin.horizon.max())
    windows = sorted({3, season // 4, season // 2})
    tool = MLForecast(
        models=LGBMRegressor(n_estimators=150, learning_rate=0.05, num_threads=1, seed=1, verbosity=-1),
        freq=origin.panel.bucket_days,
        lags=[1, 2, 3],
        lag_transforms={1: [RollingMean(window, min_samples=1) for window in windows]},
        target_transforms=[LocalStandardScaler()],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tool.fit(long_frame(origin.panel), dropna=False, static_features=[])
        told = tool.predict(deepest)
    ids = origin.panel.keys["item_id"] + "/" + origin.panel.keys["location_id"]
    paths = told.set_index("unique_id")["LGBMRegressor"].to_numpy(dtype=float).reshape(-1, deepest)
    order = pd.Index(told["unique_id"].to_numpy()[::deepest]).get_indexer(pd.Index(ids))
    inside = np.arange(deepest)[None, :] < origin.horizon[:, None]
    mean = np.maximum(np.where(inside, np.nan_to_num(paths[order]), 0.0), 0.0).sum(axis=1)
    return pd.DataFrame({"mean_qty": mean, **dict.fromkeys(LEVELS, mean)})


def _measure_set(report: Report, real: RealPanel) -> None:
    parameters = ParameterStore().in_force(dt.date(2025, 1, 1))
    origins = origins_of(real, parameters)
    count = sum(len(origin.horizon) for origin in origins)
    report.add(f"{real.name}: series-origins", count, "", f"{len(real.panel.keys):,} series, {len(origins)} origins")
    ways = {
        "no such model": with_models(parameters, (), is_ensemble_member=True),
        SEASONAL: with_models(parameters, (SEASONAL,), is_ensemble_member=True),
        GLOBAL: with_models(parameters, (GLOBAL,), is_ensemble_member=True),
        "both": with_models(parameters, (SEASONAL, GLOBAL), is_ensemble_member=True),
        "both, outside the ensemble": with_models(parameters, (SEASONAL, GLOBAL), is_ensemble_member=False),
        f"{SEASONAL} alone": single_model(parameters, SEASONAL),
        f"{GLOBAL} alone": single_model(parameters, GLOBAL),
    }
    for way, own in ways.items():
        began = time.perf_counter()
        found = [planned(origin, own) for origin in origins]
        seconds = time.perf_counter() - began
        figures = judged(origins, found)
        note = f"WAPE {figures.wape_rate:.3f}, RMSSE {figures.rmsse_ratio:.4f}, bias {figures.bias_rate:+.3f}"
        report.add(f"{real.name}: {way}", figures.mean_pinball, "scaled pinball", f"{note}; {seconds:.0f} s")
    began = time.perf_counter()
    figures = judged(origins, [bare_mlforecast(origin) for origin in origins])
    report.add(
        f"{real.name}: bare mlforecast, one fit an origin",
        figures.rmsse_ratio,
        "RMSSE",
        f"WAPE {figures.wape_rate:.3f}, bias {figures.bias_rate:+.3f}; {time.perf_counter() - began:.0f} s",
    )
