"""Forecast consumption: customer orders already on the book stand for a part of the forecast, not beside it."""

import numpy as np


def consumed_forecast(
    forecast_qty: np.ndarray, order_qty: np.ndarray, *, backward: np.ndarray, forward: np.ndarray
) -> np.ndarray:
    """Part of each bucket's forecast that orders stand for, (n, T).

    The orders of a bucket consume the forecast of that bucket, then what is left of them that of earlier buckets,
    nearest first, then of later ones (Vollmann, Berry, Whybark & Jacobs, Manufacturing Planning and Control, 5th ed.,
    ch. 6: time fences aside). What exceeds the forecast inside the windows consumes nothing.

    Args:
        forecast_qty: forecast by bucket, not negative, (n, T).
        order_qty: orders due in each bucket, not negative, (n, T).
        backward: buckets that an order may reach back, (n,).
        forward: buckets that it may reach forward, (n,).

    Example: forecast [10, 10, 10], orders [0, 15, 0], windows 1 and 1: [5, 10, 0]; no windows: [0, 10, 0].
    """
    left, open_qty = forecast_qty.astype(float), order_qty.astype(float)
    count = forecast_qty.shape[1]
    deepest = {sign: min(int(window.max(initial=0)), count - 1) for sign, window in ((-1, backward), (1, forward))}
    steps = [0, *(-step for step in range(1, deepest[-1] + 1)), *range(1, deepest[1] + 1)]
    for step in steps:
        may = step == 0 or (backward >= -step if step < 0 else forward >= step)
        # Orders of bucket t meet the forecast of bucket t + step.
        orders = slice(max(-step, 0), count - max(step, 0))
        target = slice(max(step, 0), count + min(step, 0))
        taken = np.where(np.reshape(may, (-1, 1)), np.minimum(left[:, target], open_qty[:, orders]), 0.0)
        left[:, target] -= taken
        open_qty[:, orders] -= taken
    return np.clip(forecast_qty - left, 0.0, forecast_qty)
