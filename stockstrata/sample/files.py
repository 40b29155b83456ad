"""Frames as CSV bytes: the same frame always gives the same bytes."""

import numpy as np
import pandas as pd


def to_csv_bytes(frame: pd.DataFrame) -> bytes:
    r"""Write a frame as UTF-8 CSV: header in line 1, ISO dates, `true`/`false`, empty for null, line feeds.

    Args:
        frame: any frame; row k (from 0) stands in line k + 2 of the result, as no value holds a line break.

    Returns:
        The bytes of the file.

    Example:
        >>> to_csv_bytes(pd.DataFrame({"a": [1], "is_b": [True]}))
        b'a,is_b\n1,true\n'
    """
    text = pd.DataFrame({str(name): _as_text(column) for name, column in frame.items()}, columns=frame.columns)
    return text.to_csv(index=False, lineterminator="\n").encode("utf-8")


def _as_text(column: pd.Series) -> pd.Series:
    if pd.api.types.is_bool_dtype(column.dtype):
        return column.map({True: "true", False: "false"})
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        codes, dates = pd.factorize(column)  # few days, many rows: format each day once
        names = np.append(
            np.asarray(pd.DatetimeIndex(dates).strftime("%Y-%m-%d"), dtype=object), np.array([None], dtype=object)
        )
        return pd.Series(names[codes], index=column.index)
    return column
