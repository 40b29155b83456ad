"""Days on which a supplier takes orders."""

import datetime as dt
import re

import numpy as np
import pandas as pd

_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def order_weekdays(order_days: pd.Series) -> np.ndarray:
    """Weekdays on which orders are taken, (n, 7) from Monday; every day where none is named.

    Args:
        order_days: names of weekdays, whole or their first three letters, between commas or blanks; empty for any day.

    Example: "Mon, Thu" is open on the first and the fourth day.
    """
    codes, place = np.unique(order_days.to_numpy(dtype=str), return_inverse=True)
    named = [{word[:3].lower() for word in re.findall(r"[A-Za-z]+", code)} for code in codes]
    is_open = np.array([[day in words for day in _WEEK] for words in named], dtype=bool).reshape(-1, 7)
    is_open[~is_open.any(axis=1)] = True
    return is_open[place.reshape(-1)]


def days_until_open(is_open: np.ndarray, today: dt.date) -> np.ndarray:
    """Days until the next weekday with orders, 0 to 6; today counts, (n,).

    Args:
        is_open: from `order_weekdays`, (n, 7).
        today: the first day on which an order could be placed.

    Example: on a Saturday a supplier that takes orders on Mondays is two days away.
    """
    return np.argmax(np.roll(is_open, -today.weekday(), axis=1), axis=1).astype(float)


def effective_review_days(review_days: np.ndarray, is_open: np.ndarray) -> np.ndarray:
    """Longest time between two orders if a review on a closed day waits for the next open one, days, (n,).

    The rhythm of reviews stays, so a review period of whole weeks is kept; of others the longest gap counts, since the
    buffer must cover it. A review period in parts of days counts as the whole days above it.

    Args:
        review_days: review period, (n,).
        is_open: from `order_weekdays`, (n, 7).

    Example: a daily review of a supplier open on Mondays and Thursdays lasts up to 4 days, one of 10 days up to 11.
    """
    whole = np.maximum(np.ceil(review_days), 1.0).astype(np.int64)
    cases, place = np.unique(np.column_stack([whole, is_open]), axis=0, return_inverse=True)
    longest = np.array([_longest_gap(int(case[0]), case[1:].astype(bool)) for case in cases], dtype=float)
    found = longest[place.reshape(-1)] if len(longest) else np.zeros(0)
    return np.where(is_open.all(axis=1), review_days, np.maximum(found, review_days))


def _longest_gap(review: int, is_open: np.ndarray) -> int:
    # After seven reviews all weekdays have had their turn.
    days = review * np.arange(15)
    held = np.unique(days + np.argmax(is_open[(days[:, None] + np.arange(7)) % 7], axis=1))
    return int(np.diff(held).max())
