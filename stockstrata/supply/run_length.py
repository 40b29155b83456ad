"""Average run lengths of a CUSUM chart, and the decision limit that gives a wanted one."""

from functools import cache

import numpy as np
import scipy  # loads its parts when they are first used: the code location does without

_STATES = 200
_LEAST_LIMIT, _LARGEST_LIMIT = 0.1, 20.0


def run_length(limit: float, *, allowance: float, shift: float = 0.0) -> float:
    """Average number of observations until a two-sided CUSUM signals.

    Markov chain over the values of `C = max(0, C + x - k)` in equal steps (Brook & Evans, 1972, Biometrika 59, 539);
    the two sides join by `1 / ARL = 1 / ARL+ + 1 / ARL-` (Montgomery, Statistical Quality Control, equation 9.6).

    Args:
        limit: decision limit `h`, standard deviations.
        allowance: allowance `k`, half of the shift to be found soonest, standard deviations.
        shift: mean of the observations, standard deviations from where it should be.

    Example: `run_length(5, allowance=0.5)` is 465 and `run_length(5, allowance=0.5, shift=1)` 10.4.
    """
    upper, lower = (_one_sided(limit, allowance - side * shift) for side in (1, -1))
    return 1 / (1 / upper + 1 / lower)


@cache
def decision_limit(wanted_run_length: float, *, allowance: float) -> float:
    """Limit `h` at which a chart of unchanged observations signals falsely once in so many observations.

    Example: `decision_limit(465.4, allowance=0.5)` is 5.0.
    """

    def excess(limit: float) -> float:
        return np.log(run_length(limit, allowance=allowance) / wanted_run_length)

    if excess(_LEAST_LIMIT) >= 0:
        return _LEAST_LIMIT
    if excess(_LARGEST_LIMIT) <= 0:
        return _LARGEST_LIMIT
    return scipy.optimize.brentq(excess, _LEAST_LIMIT, _LARGEST_LIMIT, xtol=1e-6)  # pyright: ignore[reportReturnType]


def _one_sided(limit: float, drift: float) -> float:
    width = 2 * limit / (2 * _STATES - 1)
    state = np.arange(_STATES)
    step = (state[None, :] - state[:, None]) * width + drift
    move = scipy.special.ndtr(step + width / 2) - scipy.special.ndtr(step - width / 2)
    move[:, 0] = scipy.special.ndtr(step[:, 0] + width / 2)
    return float(np.linalg.solve(np.eye(_STATES) - move, np.ones(_STATES))[0])
