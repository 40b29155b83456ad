"""Benchmark `accuracy`: demand over the protection interval on public data, held out, against single models.

The last fifth of each set's time is held out. From five origins in it every series whose interval fits is planned with
what was known then, and the quantiles of demand over its interval are judged by what came. Beside it: one model for
everything, (a) seasonal naive, (b) the best single model of our pools, chosen in hindsight, (c) AutoETS. A single model
gets the textbook's distribution: normal, with the one-step error of its own back-test times the root of the interval,
never below zero; and, to tell the two apart, our distribution on its forecast. A picture of achieved against nominal
coverage goes to `benchmarks/output`.
"""

import datetime as dt
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import scipy.stats

from benchmarks import calibration
from benchmarks.bare_forecasts import bare_model, long_frame
from benchmarks.real_panels import RealPanel, real_panel
from benchmarks.report import Report
from benchmarks.workbench import Workbench
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.settings import PROJECT_ROOT
from stockstrata.forecasting.metrics import naive_mae, naive_mse, pinball_loss, safe_ratio
from stockstrata.forecasting.outcome import whole_buckets
from stockstrata.forecasting.run import forecast_segments
from stockstrata.panel import DemandPanel
from stockstrata.parameters import PlanningParameters
from stockstrata.segmentation.demand_pattern import demand_statistics

SETS = ("raf_spares", "carparts", "online_retail", "mfg_man", "contraceptive")
PICTURE = PROJECT_ROOT / "benchmarks" / "output" / "coverage.png"
_HELD_OUT_SHARE = 0.2
_ORIGINS = 5
_REVIEW_DAYS = {"MS": 365.25 / 12, "W-MON": 7.0}
_ASSUMED_BUCKETS = {"MS": 2.0, "W-MON": 4.0}
_LEAST_HISTORY = 8
# By demand pattern alone: value decides targets, not forecasts.
_SEGMENTS = {"smooth": "AX", "erratic": "AZ", "intermittent": "B-INT", "lumpy": "A-INT", "insufficient": "SPARSE"}
_SINGLE_MODELS = ("seasonal_naive", "window_average", "ses", "ses_optimized", "dynamic_optimized_theta", "imapa", "tsb")
_AUTO_ETS_SERIES = 120


@dataclass(frozen=True)
class Origin:
    """What is known at an origin, and what came.

    Attributes:
        panel: demand known.
        horizon: interval of each series, whole buckets, (n,).
        actual_qty: demand over it, (n,).
        scale_qty: in-sample error of the naive forecast, (n,).
        squared_scale: in-sample squared error of it, (n,).
        pattern: demand pattern as known then, (n,).
    """

    panel: DemandPanel
    horizon: np.ndarray
    actual_qty: np.ndarray
    scale_qty: np.ndarray
    squared_scale: np.ndarray
    pattern: np.ndarray


def measure_accuracy(bench: Workbench) -> Report:
    """Accuracy and calibration on every set, and by demand pattern."""
    report = Report("accuracy", f"last {_HELD_OUT_SHARE:.0%} of time held out, {_ORIGINS} origins, whole intervals")
    covered, flagged = {}, 0
    for name in SETS:
        real = real_panel(name, bench.real_data, bench.folder / "unpacked", most_series=bench.most_series)
        covered[name] = _measure_set(report, real)
        flagged += calibration.add_coverage(report, name, covered[name])
    calibration.draw(covered, PICTURE)
    report.add(
        "coverage: flagged",
        flagged,
        "levels",
        f"off by more than {calibration.LARGEST_GAP * 100:g} points on {calibration.LEAST_COUNT} series-origins or "
        f"more; picture in {PICTURE.relative_to(PROJECT_ROOT)}",
    )
    return report


def origins_of(real: RealPanel, settings: PlanningParameters) -> list[Origin]:
    """The origins of a set, oldest first."""
    panel = real.panel
    bucket_days = panel.mean_bucket_days
    lead = np.where(
        np.isfinite(real.lead_time_days), real.lead_time_days, _ASSUMED_BUCKETS[panel.bucket_days] * bucket_days
    )
    horizon = whole_buckets(lead / bucket_days) + round(_REVIEW_DAYS[panel.bucket_days] / bucket_days)
    total = panel.demand_qty.shape[1]
    held = int(np.ceil(_HELD_OUT_SHARE * total))
    found = []
    for end in sorted({total - held + round(step * held / _ORIGINS) for step in range(_ORIGINS)}):
        known = DemandPanel(panel.keys, panel.bucket_start_dates[:end], panel.demand_qty[:, :end], panel.bucket_days)
        rows = np.flatnonzero((end + horizon <= total) & (known.length_buckets >= _LEAST_HISTORY))
        if not len(rows):
            continue
        inside = np.arange(total)[None, :] < (end + horizon[rows])[:, None]
        future = np.where(inside, panel.demand_qty[rows], 0.0)[:, end:]
        past = known.select(rows)
        found.append(
            Origin(
                panel=past,
                horizon=horizon[rows],
                actual_qty=future.sum(axis=1),
                scale_qty=naive_mae(past.demand_qty),
                squared_scale=naive_mse(past.demand_qty),
                pattern=demand_statistics(past, settings=settings.settings)["pattern_code"].to_numpy(dtype=object),
            )
        )
    return found


def segments_of(origin: Origin) -> np.ndarray:
    """Segment of each series by its demand pattern, (n,)."""
    return np.array([_SEGMENTS[code] for code in origin.pattern], dtype=object)


def supply_of(origin: Origin, segment: np.ndarray, parameters: PlanningParameters) -> pd.DataFrame:
    """Lead times that make the protection interval of each series the one that it is judged over."""
    days = origin.horizon * origin.panel.mean_bucket_days
    review = {row.segment_code: row.review_period_days for row in parameters.segment_strategies}
    return origin.panel.keys.assign(
        lead_time_days=days - np.array([review[code] for code in segment]), lead_time_sd_days=0.0, evidence_grade="full"
    )


def planned(origin: Origin, parameters: PlanningParameters, groups: pd.DataFrame | None = None) -> pd.DataFrame:
    """Mean and quantiles of demand over the interval, as a cycle at the origin plans them; groups make levels agree."""
    segment = segments_of(origin)
    supply = supply_of(origin, segment, parameters)
    assignment = origin.panel.keys.assign(segment_code=segment)
    found = forecast_segments(
        origin.panel, assignment, supply, parameters=parameters, workers=os.cpu_count() or 1, groups=groups
    ).lead_time_demand
    return found.reset_index(drop=True)


def single_model(parameters: PlanningParameters, model_code: str) -> PlanningParameters:
    """The same parameters with one model in every pool."""
    pools = tuple(
        row.model_copy(update={"model_code": model_code, "min_history_seasons": 0})
        for row in {row.pool_code: row for row in parameters.forecast_pools}.values()
    )
    return parameters.model_copy(update={"forecast_pools": pools})


def textbook(origin: Origin, model_code: str) -> pd.DataFrame:
    """Normal quantiles of one model for everything: its one-step error times the root of the interval."""
    from statsforecast import StatsForecast
    from statsforecast.models import AutoETS, Naive

    panel, deepest = origin.panel, int(origin.horizon.max())
    season = panel.season_length
    model = AutoETS(season_length=season) if model_code == "auto_ets" else bare_model(model_code, season)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tool = StatsForecast(models=[model], freq=panel.bucket_days, n_jobs=1, fallback_model=Naive())
        frame = long_frame(panel)
        told = tool.forecast(df=frame, h=deepest, fitted=True)
        fitted = tool.forecast_fitted_values()
    ids = panel.keys["item_id"] + "/" + panel.keys["location_id"]
    name = next(column for column in told.columns if column not in {"unique_id", "ds"})
    paths = told.set_index("unique_id")[name].to_numpy(dtype=float).reshape(-1, deepest)
    order = pd.Index(told["unique_id"].to_numpy()[::deepest]).get_indexer(pd.Index(ids))
    inside = np.arange(deepest)[None, :] < origin.horizon[:, None]
    mean = np.where(inside, np.nan_to_num(paths[order]), 0.0).sum(axis=1)
    error = (fitted["y"] - fitted[name]) ** 2
    step = np.sqrt(error.groupby(fitted["unique_id"]).mean()).reindex(ids).to_numpy(dtype=float)
    sd = np.nan_to_num(step) * np.sqrt(origin.horizon)
    table = {
        column: np.maximum(mean + scipy.stats.norm.ppf(level) * sd, 0.0) for column, level in calibration.LEVELS.items()
    }
    return pd.DataFrame({"mean_qty": np.maximum(mean, 0.0), **table})


@dataclass(frozen=True)
class Judged:
    """Figures of one way over all origins of a set."""

    wape_rate: float
    rmsse_ratio: float
    bias_rate: float
    pinball: dict[str, float]

    @property
    def mean_pinball(self) -> float:
        """Mean over the levels."""
        return float(np.mean(list(self.pinball.values())))

    def parts(self) -> dict[str, float]:
        """All figures by name."""
        ratios = {"wape_rate": self.wape_rate, "rmsse_ratio": self.rmsse_ratio, "bias_rate": self.bias_rate}
        return ratios | {f"pinball_{column.removesuffix('_qty')}": value for column, value in self.pinball.items()}


def judged(origins: Sequence[Origin], found: Sequence[pd.DataFrame]) -> Judged:
    """Judge the same rows of every way: series whose naive error is not zero."""
    actual = np.concatenate([origin.actual_qty for origin in origins])
    scale = np.concatenate([origin.scale_qty for origin in origins])
    squared = np.concatenate([origin.squared_scale for origin in origins])
    horizon = np.concatenate([origin.horizon for origin in origins])
    table = pd.concat(found, ignore_index=True)
    usable = np.isfinite(scale) & (scale > 0)
    error = table["mean_qty"].to_numpy(dtype=float) - actual
    return Judged(
        wape_rate=float(np.abs(error).sum() / actual.sum()),
        rmsse_ratio=float(np.sqrt(np.nanmean(safe_ratio(error**2, squared * horizon)))),
        bias_rate=float(error.sum() / actual.sum()),
        pinball={
            column: float(np.mean((pinball_loss(actual, table[column].to_numpy(dtype=float), level) / scale)[usable]))
            for column, level in calibration.LEVELS.items()
        },
    )


def _measure_set(report: Report, real: RealPanel) -> pd.DataFrame:
    """Add a set's accuracy to the report; its coverage."""
    parameters = ParameterStore().in_force(dt.date(2025, 1, 1))
    origins = origins_of(real, parameters)
    count = sum(len(origin.horizon) for origin in origins)
    name = real.name
    report.add(f"{name}: series-origins", count, "", f"{len(real.panel.keys):,} series, {len(origins)} origins")
    ours = [planned(origin, parameters) for origin in origins]
    figures = judged(origins, ours)
    _add(report, f"{name}: Stockstrata", figures)
    others: dict[str, Judged] = {}
    for code in _SINGLE_MODELS:
        others[f"{code}, textbook"] = judged(origins, [textbook(origin, code) for origin in origins])
        own = single_model(parameters, code)
        others[f"{code}, our distribution"] = judged(origins, [planned(origin, own) for origin in origins])
    for way in ("textbook", "our distribution"):
        held = {code: found for code, found in others.items() if code.endswith(way)}
        best = min(held, key=lambda code: held[code].mean_pinball)
        _add(report, f"{name}: seasonal_naive, {way}", held[f"seasonal_naive, {way}"], figures)
        _add(report, f"{name}: best single model, {way}", held[best], figures, f"{best.split(',')[0]}: ")
    _add_auto_ets(report, name, origins, ours)
    pattern, actual = (
        np.concatenate([getattr(origin, field) for origin in origins]) for field in ("pattern", "actual_qty")
    )
    return calibration.coverage(pattern, actual, pd.concat(ours, ignore_index=True))


def _add_auto_ets(report: Report, name: str, origins: Sequence[Origin], ours: Sequence[pd.DataFrame]) -> None:
    """AutoETS takes up to half a second a series, so it is judged on a sample, and so are we beside it."""
    rng, parts, tables = np.random.default_rng(1), [], []
    for origin, table in zip(origins, ours, strict=True):
        rows = np.sort(rng.permutation(len(origin.horizon))[: _AUTO_ETS_SERIES // len(origins)])
        parts.append(_part(origin, rows))
        tables.append(table.iloc[rows])
    figures = judged(parts, tables)
    told = f"{sum(len(part.horizon) for part in parts)} series-origins: "
    _add(report, f"{name}: Stockstrata beside auto_ets", figures, None, told)
    theirs = judged(parts, [textbook(part, "auto_ets") for part in parts])
    _add(report, f"{name}: auto_ets, textbook", theirs, figures, told)


def _part(origin: Origin, rows: np.ndarray) -> Origin:
    fields = ("horizon", "actual_qty", "scale_qty", "squared_scale", "pattern")
    held = {field: getattr(origin, field)[rows] for field in fields}
    return replace(origin, panel=origin.panel.select(rows), **held)


def _add(report: Report, name: str, found: Judged, ours: Judged | None = None, told: str = "") -> None:
    """A side's figures, and beside another side how many times its errors ours are."""
    levels = ", ".join(f"{calibration.LEVELS[column]:.2f}: {value:.3f}" for column, value in found.pinball.items())
    note = f"{told}{levels}; WAPE {found.wape_rate:.3f}, RMSSE {found.rmsse_ratio:.3f}, bias {found.bias_rate:+.3f}"
    report.add(name, found.mean_pinball, "scaled pinball", note, parts=found.parts())
    if ours is not None:
        report.add_ratio(
            f"{name}: ours over it",
            ours.mean_pinball,
            found.mean_pinball,
            f"WAPE {ours.wape_rate / found.wape_rate:.2f}, RMSSE {ours.rmsse_ratio / found.rmsse_ratio:.2f} times",
        )
