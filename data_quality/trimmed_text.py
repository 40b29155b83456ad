"""Columns of text without the blanks around their values."""

import numpy as np
import pyarrow as pa
from pyarrow import compute

# ASCII from the exclamation mark to the tilde.
_FIRST_VISIBLE, _VISIBLE_SIGNS = np.uint8(33), 94


def trimmed(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values without outer blanks; those of which nothing is left are missing."""
    if all(_has_no_outer_blanks(chunk) for chunk in texts.chunks):
        return texts
    bare = compute.call_function("utf8_trim_whitespace", [texts])
    empty = compute.call_function("equal", [bare, pa.scalar("", bare.type)])
    return compute.call_function("if_else", [empty, pa.scalar(None, bare.type), bare])


def _has_no_outer_blanks(texts: pa.Array) -> bool:
    """Whether each value that is there begins and ends with a visible ASCII sign, as nearly all codes do.

    To look at two bytes a value is much cheaper than to trim it.
    """
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    _, places, data = texts.buffers()
    offsets = np.frombuffer(places, dtype=width)[texts.offset : texts.offset + len(texts) + 1] if len(texts) else None
    if offsets is None or data is None:
        return offsets is None or texts.null_count == len(texts)
    filled = offsets[1:] > offsets[:-1]
    if not filled.all() and not np.array_equal(filled, texts.is_valid().to_numpy(zero_copy_only=False)):
        return False
    signs = np.frombuffer(data, dtype=np.uint8)
    edges = (signs[offsets[:-1][filled]], signs[offsets[1:][filled] - 1])
    # Unsigned: what lies below the first visible sign wraps round to a large number.
    return all(bool((edge - _FIRST_VISIBLE < _VISIBLE_SIGNS).all()) for edge in edges)
