"""The only door to StatsForecast: forecasts of many series, one model, from many origins.

StatsForecast's model objects are called directly on arrays: its frame interface copies every series for each model,
which costs more than the cheap models themselves. Nothing here scores or chooses.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from stockstrata.errors import ParameterError, PlanningError

_QUARTER_BUCKETS = {52: 13, 13: 3, 12: 3, 4: 1, 7: 91}
_YEAR_BUCKETS = {7: 364}
"""Buckets of a year where the season is shorter: that of days is the week."""

FIT_ONCE = frozenset({"dynamic_optimized_theta", "ets_level", "ets_level_trend", "ets_seasonal", "stl_ets"})
"""Models whose parameters are fitted at the earliest origin and carried forward: one fit instead of one an origin."""

_DEAR_MILLISECONDS = {
    "dynamic_optimized_theta": 6.0,
    "ets_level_trend": 8.0,
    "ets_seasonal": 8.0,
    "stl_ets": 5.0,
}
_CHEAP_MILLISECONDS = 0.5
"""A series validated from ten origins and forecast (156 weeks, one core)."""

LARGEST_GROWTH = 10.0
"""A forecast above this multiple of the largest bucket in its history is an explosion, not a forecast."""

# Every third to ninth point of the loess is computed and the rest interpolated, as R's `stl` does by default.
_STL_JUMPS = {"seasonal_jump": 2, "trend_jump": 9, "low_pass_jump": 6}

_SEASONS = {"seasonal_naive": 1.0, "seasonal_growth": 1.075, "ets_seasonal": 2.0, "stl_ets": 2.0}
"""Full seasons of history without which a model cannot be used."""

LARGEST_YEARLY_GROWTH = 3.0
"""A quarter more than three times that of the year before, or less than a third, is another item, not a trend."""

_SEASON_KERNEL = {52: np.array([1.0, 2.0, 3.0, 2.0, 1.0])}
"""Weights of the buckets around one a year ago: a single week is noise, a month is not."""

_UNUSABLE = f"a number that is not finite, or above {LARGEST_GROWTH:g} times the largest bucket seen"


@dataclass(frozen=True)
class ForecastPaths:
    """Forecasts of n series from K origins.

    Attributes:
        qty: never negative; NaN where there is no origin, beyond a series' own depth, or where the model gave no
            usable number, (n, K, D).
        faults: what went wrong with the model, by series; a series without an entry had no trouble.
    """

    qty: np.ndarray
    faults: dict[int, str]


class _StlEts:
    """STL seasonality repeated from its last year, on an ETS level of the rest.

    StatsForecast's MSTL does the same through data frames, at five times the cost.
    """

    def __init__(self, season_length: int, level: Any) -> None:
        self._season_length, self._level = season_length, level

    def fit(self, y: np.ndarray) -> "_StlEts":
        self._level.fit(y=y - self._seasonal(y))
        return self

    def forecast(self, y: np.ndarray, h: int) -> dict[str, np.ndarray]:
        return self._answer(y, h, self._level.forecast)

    def forward(self, y: np.ndarray, h: int) -> dict[str, np.ndarray]:
        return self._answer(y, h, self._level.forward)

    def _answer(self, y: np.ndarray, h: int, level: Callable[..., dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        seasonal = self._seasonal(y)
        ahead = seasonal[len(y) - self._season_length + np.arange(h) % self._season_length]
        return {"mean": level(y=y - seasonal, h=h)["mean"] + ahead}

    def _seasonal(self, y: np.ndarray) -> np.ndarray:
        from statsmodels.tsa.seasonal import STL

        return STL(y, period=self._season_length, seasonal=11, seasonal_deg=0, **_STL_JUMPS).fit().seasonal


@cache
def _factories() -> dict[str, Callable[[int], Any]]:
    # Imported here because the import costs 1.5 seconds, which nothing but forecasting should pay.
    from statsforecast import models as sf

    return {
        "historic_average": lambda _: sf.HistoricAverage(),
        "naive": lambda _: sf.Naive(),
        "seasonal_naive": lambda season: sf.SeasonalNaive(season_length=season),
        "ses": lambda _: sf.SimpleExponentialSmoothing(alpha=0.1),
        "ses_optimized": lambda _: sf.SimpleExponentialSmoothingOptimized(),
        "ets_level": lambda _: sf.AutoETS(season_length=1, model="ZNN"),
        "ets_level_trend": lambda _: sf.AutoETS(season_length=1, model="ZZN"),
        "ets_seasonal": lambda season: sf.AutoETS(season_length=season, model="ANA"),
        "dynamic_optimized_theta": lambda season: sf.DynamicOptimizedTheta(season_length=season),
        "stl_ets": lambda season: _StlEts(season, sf.AutoETS(season_length=1, model="ZNN")),
        "croston_sba": lambda _: sf.CrostonSBA(),
        "tsb": lambda _: sf.TSB(alpha_d=0.1, alpha_p=0.1),
        "adida": lambda _: sf.ADIDA(),
        "imapa": lambda _: sf.IMAPA(),
    }


MODEL_CODES = frozenset(
    {
        "window_average", "year_average", "historic_average", "naive", "seasonal_naive", "seasonal_growth", "ses",
        "ses_optimized", "ets_level", "ets_level_trend", "ets_seasonal", "dynamic_optimized_theta", "stl_ets",
        "croston_sba", "tsb", "adida", "imapa",
    }
)  # fmt: skip

SEASONAL, GLOBAL = "pooled_seasonal", "global_gbm"

POOLED_CODES = frozenset({SEASONAL, GLOBAL})
"""Models that learn from all series of a pool (`stockstrata.forecasting.pooled`); a pool may list them beside these."""


def needs_seasons(model_code: str) -> float:
    """Full seasons of history without which a model cannot be used at all.

    Example: `needs_seasons("stl_ets")` is 2.0, `needs_seasons("ses")` is 0.0.
    """
    return _SEASONS.get(model_code, 0.0)


def milliseconds(model_codes: Sequence[str]) -> float:
    """Rough time to validate and forecast one series with these models on one core."""
    return sum(_DEAR_MILLISECONDS.get(code, _CHEAP_MILLISECONDS) for code in model_codes)


def forecast_paths(
    model_code: str,
    series: Sequence[np.ndarray],
    train_ends: np.ndarray,
    *,
    depth: np.ndarray,
    season_length: int,
    is_seasonal: np.ndarray,
    max_history: int,
) -> ForecastPaths:
    """Forecast each series from each of its origins, seeing only the buckets before the origin.

    Args:
        model_code: one of `MODEL_CODES`.
        series: n arrays of demand from the start of the series, oldest first, no NaN.
        train_ends: integer array (n, K), buckets known at each origin, newest origin first; -1 where there is none.
        depth: buckets to forecast from each origin, (n,). Every series has its own, so that none depends on the
            series it is forecast with.
        season_length: buckets of a year.
        is_seasonal: whether a series may be given a season: its earliest validation origin knows two of them, (n,).
        max_history: newest buckets that a model may learn from.

    Raises:
        ParameterError: the model is unknown.
        PlanningError: a series holds NaN.

    Example: `forecast_paths("naive", [np.array([1.0, 5.0])], np.array([[2, 1]]), depth=np.array([1]), ...).qty` is
    `[[[5], [1]]]`.
    """
    if model_code not in MODEL_CODES:
        raise ParameterError(
            f"forecast_pools.csv: model {model_code} is unknown; choose one of "
            f"{', '.join(sorted(MODEL_CODES | POOLED_CODES))}."
        )
    if any(np.isnan(one).any() for one in series):
        raise PlanningError(f"forecast engine: {model_code} was given a gap in a history; fill or mask it first.")
    if model_code in ("window_average", "year_average"):
        quarter = _QUARTER_BUCKETS.get(season_length, season_length)
        year = _YEAR_BUCKETS.get(season_length, season_length)
        window = quarter if model_code == "window_average" else year
        return ForecastPaths(_window_paths(series, train_ends, depth, window), {})
    if model_code == "seasonal_growth":
        grown = _growth_paths(series, train_ends, depth, season_length)
        return ForecastPaths(usable_paths(grown, series, train_ends, depth), {})
    paths = np.full((*train_ends.shape, int(depth.max())), np.nan)
    faults: dict[int, str] = {}
    factory = _factories()[model_code]
    models = {1: factory(1), season_length: factory(season_length)}
    for row, demand in enumerate(series):
        ends = [(slot, end) for slot, end in enumerate(train_ends[row]) if end > 0]
        if not ends:
            continue
        model = models[season_length if is_seasonal[row] or model_code == "seasonal_naive" else 1]
        histories = [(slot, demand[max(end - max_history, 0) : end]) for slot, end in reversed(ends)]
        fault = _one_series(model, model_code, histories, paths[row, :, : depth[row]])
        if fault is not None:
            faults[row] = fault
    usable = usable_paths(paths, series, train_ends, depth)
    for row in np.flatnonzero((np.isnan(usable[:, :, 0]) & (train_ends > 0)).any(axis=1)):
        faults.setdefault(int(row), _UNUSABLE)
    return ForecastPaths(usable, faults)


def _one_series(model: Any, model_code: str, histories: list[tuple[int, np.ndarray]], out: np.ndarray) -> str | None:
    """Fill `out` (K, depth); what the library raised first, if it did."""
    depth, fault = out.shape[1], None
    is_carried = model_code in FIT_ONCE and len(histories) > 1
    is_fitted = False
    for slot, history in histories:
        if not history.any():
            out[slot] = 0.0
            continue
        try:
            with np.errstate(all="ignore"):
                if is_carried and not is_fitted:
                    model.fit(y=history)
                    is_fitted = True
                answer = model.forward(y=history, h=depth) if is_fitted else model.forecast(y=history, h=depth)
        except Exception as error:  # noqa: BLE001 - the library raises bare exceptions; the model is then not usable
            fault = fault or f"{type(error).__name__}: {error}"
            continue
        out[slot] = answer["mean"]
    return fault


def _window_paths(series: Sequence[np.ndarray], train_ends: np.ndarray, depth: np.ndarray, window: int) -> np.ndarray:
    means = np.full(train_ends.shape, np.nan)
    for row, demand in enumerate(series):
        # Summed window by window, not as a difference of running sums: a window of zeros must give exactly zero.
        for slot, end in enumerate(train_ends[row]):
            if end > 0:
                means[row, slot] = demand[max(end - window, 0) : end].mean()
    inside = np.arange(int(depth.max()))[None, :] < depth[:, None]
    return np.where(inside[:, None, :], means[:, :, None], np.nan)


def _growth_paths(
    series: Sequence[np.ndarray], train_ends: np.ndarray, depth: np.ndarray, season_length: int
) -> np.ndarray:
    """The year before, times how the newest quarter compares with the same quarter a year ago; NaN without either.

    `f(t + h) = s(t + h - S) x sum of the newest q / sum of the q buckets a year before them`, s smoothed over
    neighbouring weeks: the seasonal naive method with a multiplicative drift (Hyndman & Athanasopoulos, Forecasting:
    Principles and Practice, 3rd ed., ch. 5.2, has the additive one). q is a quarter, or what a history of little more
    than a year has, down to a fourth of that: the least that shows a season and its growth.
    """
    year = _YEAR_BUCKETS.get(season_length, season_length)
    quarter = _QUARTER_BUCKETS.get(season_length, season_length)
    kernel = _SEASON_KERNEL.get(season_length, np.array([1.0]))
    out = np.full((*train_ends.shape, int(depth.max())), np.nan)
    for row, demand in enumerate(series):
        for slot, end in enumerate(train_ends[row]):
            span = min(quarter, int(end) - year)
            before = demand[end - year - span : end - year].sum() if 4 * span >= quarter else 0.0
            if before <= 0:
                continue
            growth = demand[end - span : end].sum() / before
            growth = min(max(growth, 1.0 / LARGEST_YEARLY_GROWTH), LARGEST_YEARLY_GROWTH)
            newest = demand[end - year : end]
            weight = np.convolve(np.ones(year), kernel, mode="same")
            season = np.convolve(newest, kernel, mode="same") / weight
            out[row, slot, : depth[row]] = growth * season[np.arange(depth[row]) % year]
    return out


def usable_paths(
    paths: np.ndarray, series: Sequence[np.ndarray], train_ends: np.ndarray, depth: np.ndarray
) -> np.ndarray:
    """Forecasts (n, K, D) without negative parts; NaN for every origin with a bucket that cannot be used.

    Example: a path of 1000 after buckets of 7 at most is an explosion, and NaN throughout.
    """
    largest = np.zeros(train_ends.shape)
    for row, demand in enumerate(series):
        for slot, end in enumerate(train_ends[row]):
            largest[row, slot] = demand[: max(end, 0)].max(initial=0.0)
    beyond = (np.arange(paths.shape[2])[None, :] >= depth[:, None])[:, None, :]
    with np.errstate(invalid="ignore"):
        sound = np.isfinite(paths) & (paths <= LARGEST_GROWTH * largest[:, :, None])
    return np.where(np.all(sound | beyond, axis=2, keepdims=True) & ~beyond, np.maximum(paths, 0.0), np.nan)
