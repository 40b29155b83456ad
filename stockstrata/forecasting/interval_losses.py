"""Loss of every way to the distribution of demand over the protection interval, at the origins of many series."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata import shaped
from stockstrata.forecasting.metrics import pinball_loss
from stockstrata.forecasting.predictive import demand_method, quantiles
from stockstrata.forecasting.windows import WINDOW_LEVELS

ERRORS, WINDOWS, CONFORMAL, EMPIRICAL = "error_moments", "window_moments", "conformal", "empirical"
LEARNED, LEARNED_HALF = "learned", "learned_half"
LEARNED_WAYS = (LEARNED, LEARNED_HALF)
COVERED = {"coverage_p90_rate": 0.90, "coverage_p95_rate": 0.95, "coverage_p98_rate": 0.98}
_LEVELS = {f"p{level:.0%}": level for level in WINDOW_LEVELS}


@dataclass(frozen=True)
class IntervalBacktest:
    """Demand over the judged horizon at the origins of n series, newest first; NaN where nothing was judged.

    Attributes:
        demand_qty: what came, (n, K).
        forecast_qty: what the champion expected, (n, K).
        scale_qty: spread of the errors as it was known at each origin, (n, K).
        sd_qty: standard deviation that a distribution by moments would have had, (n, K).
        window_mean_qty: mean of the runs before each of the J newest origins, (n, J).
        window_sd_qty: their standard deviation, (n, J).
        window_quantile_qty: their quantiles at `WINDOW_LEVELS`, (n, J, L).
        is_whole: whether the history is whole numbers, (n,).
        spread_qty: mean absolute change from one bucket to the next, which losses are scaled by, (n,).
        segment_code: segment, (n,).
        pool_code: forecast pool, (n,).
        learned_qty: learned quantiles at the J newest origins at `WINDOW_LEVELS`, NaN where nothing could be learnt,
            (n, J, L); None where these ways are not judged.
    """

    demand_qty: np.ndarray
    forecast_qty: np.ndarray
    scale_qty: np.ndarray
    sd_qty: np.ndarray
    window_mean_qty: np.ndarray
    window_sd_qty: np.ndarray
    window_quantile_qty: np.ndarray
    is_whole: np.ndarray
    spread_qty: np.ndarray
    segment_code: np.ndarray
    pool_code: np.ndarray
    learned_qty: np.ndarray | None = None

    @property
    def is_judged(self) -> np.ndarray:
        """The newer half of each series' origins, (n, K), within those whose runs are known."""
        found = np.isfinite(self.error_ratio)
        place = np.cumsum(found, axis=1)
        newest = np.arange(found.shape[1]) < self.window_mean_qty.shape[1]
        return (place <= np.ceil(place[:, -1:] / 2)) & newest & found

    @property
    def error_ratio(self) -> np.ndarray:
        """Actual minus forecast over the spread, (n, K)."""
        error = self.demand_qty - self.forecast_qty
        usable = np.isfinite(error) & (self.scale_qty > 0)
        return np.where(usable, error / np.where(usable, self.scale_qty, 1.0), np.nan)


def halfway(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Mean of two figures; the first alone where the second is unknown."""
    return np.where(np.isfinite(other), (own + other) / 2, own)


def interval_losses(
    backtest: IntervalBacktest, rows: np.ndarray, is_judged: np.ndarray, shapes: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    """Loss and coverage of every way at each judged origin of some series.

    Args:
        backtest: the origins of n series.
        rows: the series.
        is_judged: whether an origin is judged, (n, K).
        shapes: quantiles of pooled errors of each segment that has any.

    Example: `interval_losses(backtest, np.arange(100), backtest.is_judged, {})` has a row for each way and origin.
    """
    segment, pool = backtest.segment_code[rows], backtest.pool_code[rows]
    has_runs = np.isfinite(backtest.window_mean_qty[rows])
    place, origin = np.nonzero(
        is_judged[rows, : has_runs.shape[1]] & has_runs & (backtest.spread_qty[rows] > 0)[:, None]
    )
    row = rows[place]
    actual, whole = backtest.demand_qty[row, origin], backtest.is_whole[row]
    mean, sd = backtest.forecast_qty[row, origin], backtest.sd_qty[row, origin]
    # Without errors enough for a shape the pooled way has nothing to be judged by.
    no_shape = np.full(len(shaped.PROBABILITIES), np.nan)
    shape = np.array([shapes.get(code, no_shape) for code in segment[place]]).reshape(len(row), len(no_shape))
    run_mean, run_sd = backtest.window_mean_qty[row, origin], backtest.window_sd_qty[row, origin]
    runs = backtest.window_quantile_qty[row, origin]
    scale = backtest.scale_qty[row, origin]
    ways = {
        ERRORS: _by_moments(mean, sd, whole),
        WINDOWS: _by_moments(halfway(mean, run_mean), halfway(sd, run_sd), whole),
        CONFORMAL: {
            name: _counted(shaped.quantile(np.full(len(row), level), mean, scale, shape), whole)
            for name, level in _LEVELS.items()
        },
        EMPIRICAL: {name: _counted(runs[:, position], whole) for position, name in enumerate(_LEVELS)},
    }
    if backtest.learned_qty is not None:
        ways |= _learned_ways(ways, backtest.learned_qty[row, origin], whole)
    key = {"segment_code": segment[place], "pool_code": pool[place], "row": row}
    return pd.concat(
        [
            pd.DataFrame({**key, "interval_method_code": code, **_judged(found, actual, backtest.spread_qty[row])})
            for code, found in ways.items()
        ],
        ignore_index=True,
    )


def half_with(base: str) -> str:
    """Name of the half that is made with a way, before it is known which one a segment takes otherwise."""
    return f"{LEARNED_HALF} {base}"


def _learned_ways(
    ways: Mapping[str, Mapping[str, np.ndarray]], learned_qty: np.ndarray, is_whole: np.ndarray
) -> dict[str, dict[str, np.ndarray]]:
    """Learned quantiles alone and halfway to those of every other way; the other way's where there are none."""
    own = dict(zip(_LEVELS, learned_qty.T, strict=True))

    def mixed(base: Mapping[str, np.ndarray], share: float) -> dict[str, np.ndarray]:
        # Learned quantiles lie between whole numbers; the nearest one serves best (docs/decisions/0098).
        both = {name: share * own[name] + (1 - share) * base[name] for name in _LEVELS}
        return {
            name: np.where(np.isfinite(qty), np.where(is_whole, np.floor(qty + 0.5), qty), base[name])
            for name, qty in both.items()
        }

    return {LEARNED: mixed(ways[ERRORS], 1.0)} | {half_with(code): mixed(base, 0.5) for code, base in ways.items()}


def _judged(found: Mapping[str, np.ndarray], actual: np.ndarray, spread: np.ndarray) -> dict[str, np.ndarray]:
    loss = np.mean([pinball_loss(actual, found[name], level) for name, level in _LEVELS.items()], axis=0)
    told = {name: found[f"p{level:.0%}"] for name, level in COVERED.items()}
    covered = {
        name: np.where(np.isfinite(qty), (actual <= qty + 1e-9).astype(float), np.nan) for name, qty in told.items()
    }
    return {"loss": loss / spread, **covered}


def _by_moments(mean: np.ndarray, sd: np.ndarray, is_whole: np.ndarray) -> dict[str, np.ndarray]:
    method, used = demand_method(mean, sd, is_whole=is_whole)
    return quantiles(mean, used, method, _LEVELS)


def _counted(qty: np.ndarray, is_whole: np.ndarray) -> np.ndarray:
    return np.where(is_whole, np.floor(np.round(qty, 9)), qty)
