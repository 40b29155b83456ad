"""What is known of a window, held against counting it bucket by bucket."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockstrata.forecasting.learned_features import LEAST_SPREAD_RATE, RUN_LEVELS, DemandHistory

SEASON = 12


def _features(history: np.ndarray, end: int, length: int, panel: int = 60):
    """Features by the vectorised way of one history that stands at the end of a panel."""
    demand = np.full((1, panel), np.nan)
    demand[0, panel - len(history) :] = history
    rows, ends = np.zeros(1, dtype=np.int64), np.array([panel - len(history) + end])
    return DemandHistory(demand, SEASON).features(rows, ends, np.array([length]))


def _slow(known: np.ndarray, length: int) -> tuple[list[float], float, float]:
    """The same by loops over the known buckets."""
    runs = [known[i : i + length].sum() for i in range(len(known) - length + 1)]
    mean = known.mean()
    run_mean, run_sd = (np.mean(runs), np.std(runs)) if runs else (mean * length, 0.0)
    scale = run_mean + run_sd / 2
    unit = scale if scale > 0 else 1.0
    center = np.mean([mean, *(known[-span:].mean() for span in (3, 6, 12))]) * length
    spread = max(np.abs(np.diff(known)).mean(), LEAST_SPREAD_RATE * scale)
    spread = spread if spread > 0 else 1.0
    ranked = [sorted(runs)[max(int(np.ceil(level * len(runs) - 1e-12)), 1) - 1] if runs else np.nan
              for level in RUN_LEVELS]  # fmt: skip
    is_year = len(known) >= SEASON
    told = known[len(known) - SEASON :][:length] if is_year else np.array([np.nan])
    last_year = told.sum() * length / len(told)
    new, old = known[-3:].sum(), known[len(known) - 15 : len(known) - 12].sum()
    on_year = new / (new + old) if len(known) >= 15 and new + old > 0 else np.nan
    sold = np.flatnonzero(known)
    rate = len(sold) / len(known)
    gap = len(known) - 1 - sold[-1] if len(sold) else len(known)
    columns = [
        *(known[-span:].mean() * length / unit for span in (1, 3, 6, 12, 24)),
        mean * length / unit,
        known[-length:].mean() * length / unit,
        run_sd / unit,
        *(value / unit for value in ranked),
        last_year / unit,
        on_year,
        rate,
        (known[-6:] > 0).mean(),
        min(gap * rate, 20.0),
        known.std() / mean if mean > 0 else np.nan,
        mean / rate / unit if rate > 0 else np.nan,
        len(sold),
        len(known),
        length,
        length / len(known),
        center / spread,
        scale / spread,
        center / unit,
        np.log(unit),
    ]
    return columns, center, spread


@settings(max_examples=150, deadline=None)
@given(
    history=st.lists(st.integers(0, 9), min_size=10, max_size=50),
    end=st.integers(8, 50),
    length=st.integers(1, 14),
)
def test_features_are_those_of_a_loop_over_the_known_buckets(history, end, length):
    end = min(end, len(history))
    found = _features(np.array(history, dtype=float), end, length)
    columns, center, spread = _slow(np.array(history[:end], dtype=float), length)
    assert found.columns[0] == pytest.approx(columns, abs=1e-7, nan_ok=True)
    assert found.center_qty[0] == pytest.approx(center)
    assert found.spread_qty[0] == pytest.approx(spread)


@given(future=st.lists(st.floats(0, 1e6), min_size=10, max_size=10))
def test_what_comes_after_the_origin_changes_no_bit(future):
    demand = np.random.default_rng(1).gamma(2.0, 5.0, (3, 50))
    other = demand.copy()
    other[:, 40:] = future
    at = (np.arange(3), np.full(3, 40), np.array([1, 4, 7]))
    one, two = (DemandHistory(panel, SEASON).features(*at) for panel in (demand, other))
    assert one.columns.tobytes() == two.columns.tobytes()
    assert one.center_qty.tobytes() == two.center_qty.tobytes()
    assert one.spread_qty.tobytes() == two.spread_qty.tobytes()


def test_only_the_last_column_knows_the_unit_of_measure():
    demand = np.random.default_rng(2).gamma(2.0, 5.0, (4, 40))
    at = (np.arange(4), np.full(4, 40), np.full(4, 3))
    one, two = (DemandHistory(demand * factor, SEASON).features(*at).columns for factor in (1.0, 1000.0))
    assert one[:, :-1] == pytest.approx(two[:, :-1])
    assert two[:, -1] - one[:, -1] == pytest.approx(np.log(1000.0))


def test_windows_in_many_parts_are_as_those_in_one():
    demand = np.random.default_rng(3).poisson(2.0, (40, 60)).astype(float)
    rows, ends = (part.ravel() for part in np.meshgrid(np.tile(np.arange(40), 20), np.arange(20, 40)))
    lengths = 1 + rows % 5
    history = DemandHistory(demand, SEASON)
    whole = history.features(rows, ends, lengths).columns
    some = history.features(rows[-7:], ends[-7:], lengths[-7:]).columns
    assert len(rows) > 8_192
    assert whole[-7:] == pytest.approx(some, abs=1e-12)


def test_demand_of_a_window_and_what_is_known_of_a_series():
    demand = np.array([[np.nan] * 4 + [0.0] * 9 + [3.0, 4.0]])
    history, row = DemandHistory(demand, SEASON), np.zeros(1, dtype=np.int64)
    assert history.demand(row, np.array([12]), np.array([3])).tolist() == [7.0]
    # Long enough but never sold; sold but too short; both.
    assert not history.is_known(row, np.array([13]))[0]
    assert not DemandHistory(demand[:, -7:], SEASON).is_known(row, np.array([7]))[0]
    assert history.is_known(row, np.array([14]))[0]
