"""Compiled functions: machine code that is kept beside the package where that place can be written."""

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile at the first call, without the interpreter's lock, and keep the machine code for the next process.

    Where no folder for kept code can be written, the function is compiled anew in each process.

    Example: `@compiled` above a function of arrays and numbers.
    """
    try:
        return numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:  # numba finds no folder that it may write to
        return numba.njit(nogil=True, error_model="numpy")(function)


def part(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile as a part of `compiled` functions, which must stand in the same module.

    Kept machine code is renewed when the file of the outer function changes, not when another file does.

    Example: `@part` above a helper of a compiled function.
    """
    return numba.njit(nogil=True, error_model="numpy")(function)
