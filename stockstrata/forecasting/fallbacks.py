"""What a forecast had to make do with, in words, and histories with buckets that hold no number."""

from dataclasses import dataclass

import numpy as np

from stockstrata.forecasting.metrics import masked_mean

_WORDS = {
    "all_zero": "nothing was sold in the history used, so nothing is expected",
    "too_short": "history too short to validate a model: its mean is carried on",
    "no_finite_model": "no model gave a usable number: the mean of the history is carried on",
    "no_analog": "new, and neither its own history nor a similar item-location says enough: its mean is carried on",
    "analog_prior": "new, nothing sold yet: forecast by similar item-locations",
    "analog_posterior": "new: forecast by similar item-locations, corrected by its own sales",
}


@dataclass(frozen=True)
class FilledHistory:
    """Demand without gaps.

    Attributes:
        demand_qty: NaN before the start of a series and nowhere else, never negative, (n, T).
        gap_buckets: buckets of each series that held no number, (n,).
    """

    demand_qty: np.ndarray
    gap_buckets: np.ndarray


def filled_history(demand_qty: np.ndarray) -> FilledHistory:
    """Give buckets without a number the mean of the series' others; what is below zero counts as zero.

    Args:
        demand_qty: units by bucket, (n, T); what lies before the first number is not yet history.

    Example: `[nan, 2, nan, 4]` becomes `[nan, 2, 3, 4]` with one gap.
    """
    known = np.isfinite(demand_qty)
    begun = np.maximum.accumulate(known, axis=1)
    gap = begun & ~known
    if not gap.any() and not (demand_qty < 0).any() and not np.isinf(demand_qty).any():
        return FilledHistory(demand_qty, np.zeros(len(demand_qty), dtype=np.int64))
    held = np.where(known, np.maximum(demand_qty, 0.0), np.nan)
    return FilledHistory(np.where(gap, masked_mean(held)[:, None], held), gap.sum(axis=1))


def fallback_reasons(reason_code: np.ndarray, gap_buckets: np.ndarray) -> np.ndarray:
    """Why a forecast is not that of a validated model on a whole history, in words; empty where it is, (n,).

    Args:
        reason_code: as in CHAMPION, (n,).
        gap_buckets: as in `FilledHistory`, (n,).
    """
    words = np.array([_WORDS.get(code, "") for code in reason_code], dtype=object)
    for row in np.flatnonzero(gap_buckets > 0):
        told = f"{gap_buckets[row]} buckets without a number were given the mean of the others"
        words[row] = f"{words[row]}; {told}" if words[row] else told
    return words
