"""Parameter rows by segment: the row of the segment itself, else that of all (`*`)."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

ALL = "*"


class _BySegment(Protocol):
    @property
    def segment_code(self) -> str: ...


def values_by_segment(rows: Sequence[_BySegment], name: str, segment_code: np.ndarray) -> np.ndarray:
    """One figure of the parameter row that holds for each segment, NaN where there is no row or no figure, (n,).

    Args:
        rows: parameter rows, at most one a segment.
        name: column of the rows.
        segment_code: segment of each of n things, (n,).

    Example: rows `*: 0.5` and `AX: 0.2` give 0.2 for AX and 0.5 for CZ.
    """
    stated = {row.segment_code: getattr(row, name) for row in rows}
    codes, place = np.unique(segment_code.astype(str), return_inverse=True)
    found = [stated.get(code, stated.get(ALL)) for code in codes]
    return np.array([np.nan if value is None else float(value) for value in found])[place]
