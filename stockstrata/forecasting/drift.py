"""Drift: whether demand since a tournament still is what the champion's back-test led to expect.

Judged is the forecast that the champion gave at its tournament, as it was frozen then, against every bucket since: the
next rolling origin, one that no choice has seen. Two signals, both in standard deviations, so that one limit serves
however many buckets there are:

- tracking signal: cumulative error over its standard deviation (Brown, Statistical Forecasting for Inventory Control,
  1959; the deviation is that of the back-test's cumulative errors and so knows that errors of one origin go together);
- error signal: how far the mean absolute error lies above the one expected of normal errors of the back-test's
  deviation, over the standard deviation of such a mean. It sees what cancels out in a sum, as a season that changed.
"""

from dataclasses import dataclass

import numpy as np

from stockstrata.forecasting.metrics import masked_mean, masked_sum
from stockstrata.forecasting.uncertainty import interval_growth

LARGEST_SIGNAL = 1_000.0
"""Signals are told up to this many standard deviations: where the back-test never erred, any error is without limit."""

_MEAN_ABSOLUTE = np.sqrt(2.0 / np.pi)
_SD_ABSOLUTE = np.sqrt(1.0 - 2.0 / np.pi)
_ROUNDING_RATE = 1e-9


@dataclass(frozen=True)
class Expected:
    """What the back-tests of n champions led to expect.

    Attributes:
        forecast_qty: forecast by bucket as frozen at the tournament, units, NaN beyond its end, (n, F).
        step_sd_qty: standard deviation of the error of one bucket, units, (n,).
        interval_sd_qty: standard deviation of the cumulative error over `interval_buckets`, units, (n,).
        interval_buckets: protection interval then, buckets, (n,).
        length: history then, buckets, (n,).
    """

    forecast_qty: np.ndarray
    step_sd_qty: np.ndarray
    interval_sd_qty: np.ndarray
    interval_buckets: np.ndarray
    length: np.ndarray


@dataclass(frozen=True)
class DriftSignals:
    """Signals of n series, in standard deviations; zero where no bucket has passed since the tournament.

    Attributes:
        tracking: above zero the forecast is too high, (n,).
        error: above zero the errors are larger than expected, (n,).
    """

    tracking: np.ndarray
    error: np.ndarray

    def is_beyond(self, limit: np.ndarray) -> np.ndarray:
        """Whether one of the signals is beyond its series' limit, (n,)."""
        return (np.abs(self.tracking) > limit) | (self.error > limit)


def drift_signals(expected: Expected, actual_qty: np.ndarray) -> DriftSignals:
    """Hold demand since the tournaments against the forecasts frozen there.

    Args:
        expected: of n champions.
        actual_qty: demand of the buckets that the forecasts are of, NaN where a bucket is not known yet, (n, F).

    Example: four buckets 2 below a forecast whose error has a deviation of 1 a bucket, 2.5 over four: tracking 3.2,
    error (2 - 0.80) / 0.60 x 2 = 4.0.
    """
    error = expected.forecast_qty - actual_qty
    passed = np.isfinite(error).sum(axis=1)
    count = np.maximum(passed, 1)
    growth = interval_growth(count, expected.length) / interval_growth(expected.interval_buckets, expected.length)
    total, mean = masked_sum(error), np.nan_to_num(masked_mean(np.abs(error)))
    # What is smaller than rounding is no error, and certain demand has no deviation to measure one with.
    floor = _ROUNDING_RATE * (np.nan_to_num(masked_mean(expected.forecast_qty)) + np.finfo(float).tiny)
    with np.errstate(over="ignore"):
        tracking = total / np.maximum(expected.interval_sd_qty * np.sqrt(growth), floor)
        above = mean / np.maximum(expected.step_sd_qty, floor) - _MEAN_ABSOLUTE
    is_quiet = (passed == 0) | (mean <= floor)
    return DriftSignals(
        np.where(is_quiet, 0.0, np.clip(tracking, -LARGEST_SIGNAL, LARGEST_SIGNAL)),
        np.where(is_quiet, 0.0, np.clip(above * np.sqrt(count) / _SD_ABSOLUTE, -LARGEST_SIGNAL, LARGEST_SIGNAL)),
    )
