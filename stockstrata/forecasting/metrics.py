"""Accuracy measures of forecasts; a ratio without a denominator is NaN, never infinite.

All take arrays whose last axis is time; NaN marks what is not judged. Definitions: Hyndman and Koehler (2006) for the
scaled errors, M5 competitors' guide (2020) for RMSSE and the scaled pinball loss.
"""

import numpy as np


def safe_ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Numerator over denominator; NaN where the denominator is zero or either is missing."""
    top, bottom = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(bottom > 0, top / np.where(bottom > 0, bottom, np.nan), np.nan)


def ordered_sum(values: np.ndarray) -> np.ndarray:
    """Sum over the last axis from its start to its end.

    `numpy.sum` groups by the length of the axis, so that padding with zeros would change the last digits of a series'
    sum with the series beside it.
    """
    if values.shape[-1] == 0:
        return np.zeros(values.shape[:-1])
    return np.cumsum(values, axis=-1)[..., -1]


def masked_sum(values: np.ndarray) -> np.ndarray:
    """Sum over the last axis of the values present, whatever is missing between them; zero where none is."""
    return ordered_sum(np.where(np.isfinite(values), values, 0.0))


def masked_mean(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis of the values present; NaN where none is."""
    return safe_ratio(masked_sum(values), np.isfinite(values).sum(axis=-1))


def wape(actual: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """Sum of absolute errors over sum of actuals. Example: actual [1, 3], forecast [2, 2] gives 0.5."""
    judged = np.isfinite(actual) & np.isfinite(forecast)
    error = np.where(judged, np.abs(forecast - actual), 0.0)
    return safe_ratio(error.sum(axis=-1), np.where(judged, actual, 0.0).sum(axis=-1))


def bias_rate(actual: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """Sum of forecast minus actual over sum of actuals; above zero the forecast is too high."""
    judged = np.isfinite(actual) & np.isfinite(forecast)
    error = np.where(judged, forecast - actual, 0.0)
    return safe_ratio(error.sum(axis=-1), np.where(judged, actual, 0.0).sum(axis=-1))


def naive_mae(history: np.ndarray, season_length: int = 1) -> np.ndarray:
    """Mean absolute error of the (seasonal) naive forecast inside the history: the scale of MASE and pinball."""
    return masked_mean(np.abs(history[..., season_length:] - history[..., :-season_length]))


def naive_mse(history: np.ndarray) -> np.ndarray:
    """Mean squared error of the naive forecast inside the history, from the first demand on: the scale of RMSSE."""
    started = np.maximum.accumulate(np.where(np.isfinite(history), history, 0.0), axis=-1) > 0
    change = (history[..., 1:] - history[..., :-1]) ** 2
    return masked_mean(np.where(started[..., :-1], change, np.nan))


def mase(actual: np.ndarray, forecast: np.ndarray, *, scale: np.ndarray) -> np.ndarray:
    """Mean absolute error over `scale`, the in-sample error of the naive forecast (`naive_mae`)."""
    return safe_ratio(masked_mean(np.abs(forecast - actual)), scale)


def rmsse(actual: np.ndarray, forecast: np.ndarray, *, scale: np.ndarray) -> np.ndarray:
    """Root of the mean squared error over `scale`, the in-sample squared error of the naive forecast (`naive_mse`)."""
    return np.sqrt(safe_ratio(masked_mean((forecast - actual) ** 2), scale))


def pinball_loss(actual: np.ndarray, quantile: np.ndarray, level: float) -> np.ndarray:
    """Pinball loss of each pair: `level` times the shortfall, `1 - level` times the excess of the quantile.

    Example: actual 10, quantile 8, level 0.9 gives 1.8; at level 0.5 the loss is half the absolute error.
    """
    gap = np.asarray(actual, dtype=float) - np.asarray(quantile, dtype=float)
    return np.maximum(level * gap, (level - 1.0) * gap)


def scaled_pinball(actual: np.ndarray, quantile: np.ndarray, level: float, *, scale: np.ndarray) -> np.ndarray:
    """Mean pinball loss over `scale` (`naive_mae`)."""
    return safe_ratio(masked_mean(pinball_loss(actual, quantile, level)), scale)


def weighted_mean(values: np.ndarray, weights: np.ndarray) -> float:
    """Mean of the finite values with the given weights: WRMSSE is this over RMSSE with money as the weight.

    Example: M5 guide: 0.8 and 0.7 with weights 10 and 12 give 0.745; averaged with a total of 0.77, 0.758.
    """
    present = np.isfinite(values)
    return float(safe_ratio((values[present] * weights[present]).sum(), weights[present].sum()))
