"""Holidays of the sample company: fixed dates, Easter Monday and a sales day, by rule."""

import datetime as dt

import numpy as np
import pandas as pd

_FIXED = (("New Year", 1, 1), ("Labour Day", 5, 1), ("Christmas Day", 12, 25), ("Boxing Day", 12, 26))
_SALES_DAY = "Black Friday"


def easter_sunday(year: int) -> dt.date:
    """Easter Sunday of the Gregorian calendar (Meeus, Astronomical Algorithms, 2nd ed., chapter 8).

    Args:
        year: calendar year from 1583.

    Returns:
        The date; `easter_sunday(1991)` is 31 March.
    """
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (b - (b + 8) // 25 + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return dt.date(year, month, day + 1)


def _black_friday(year: int) -> dt.date:
    first = dt.date(year, 11, 1)
    fourth_thursday = 1 + (3 - first.weekday()) % 7 + 21
    return dt.date(year, 11, fourth_thursday) + dt.timedelta(days=1)


def calendar_frame(first_year: int, last_year: int) -> pd.DataFrame:
    """Days out of the ordinary of the years given, one row a day, for every location.

    Args:
        first_year: first year, included.
        last_year: last year, included.

    Returns:
        `calendar_date, location_id, is_working_day, event_name`, sorted by date.
    """
    rows: list[tuple[dt.date, bool, str]] = []
    for year in range(first_year, last_year + 1):
        rows += [(dt.date(year, month, day), False, name) for name, month, day in _FIXED]
        rows.append((easter_sunday(year) + dt.timedelta(days=1), False, "Easter Monday"))
        rows.append((_black_friday(year), True, _SALES_DAY))
    rows.sort()
    return pd.DataFrame(
        {
            "calendar_date": pd.to_datetime([row[0] for row in rows]),
            "location_id": pd.Series([None] * len(rows), dtype=object),
            "is_working_day": [row[1] for row in rows],
            "event_name": [row[2] for row in rows],
        }
    )


def closed_days(calendar: pd.DataFrame, days: np.ndarray) -> np.ndarray:
    """Which of the days the company is closed on.

    Args:
        calendar: frame of `calendar_frame`.
        days: `datetime64[D]` array.

    Returns:
        Boolean array, one value a day.
    """
    closed = calendar.loc[~calendar["is_working_day"], "calendar_date"].to_numpy().astype("datetime64[D]")
    return np.isin(days, closed)
