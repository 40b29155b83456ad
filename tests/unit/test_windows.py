"""Runs of buckets in a history, held against counting them one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockstrata.forecasting.windows import LEAST_RUNS, WINDOW_LEVELS, Windows

HISTORIES = st.lists(st.integers(0, 50), min_size=1, max_size=40)


def test_runs_are_summed():
    runs = Windows.of([np.array([1.0, 2, 3, 4, 5]), np.array([7.0])], np.array([2, 3]))
    assert runs.total_qty[0, :4].tolist() == [3, 5, 7, 9]
    assert np.isnan(runs.total_qty[0, 4:]).all()
    # A series shorter than its run is one run.
    assert (runs.run_buckets[1], runs.total_qty[1, 0]) == (1, 7)


@given(history=HISTORIES, run=st.integers(1, 12), end=st.integers(0, 40))
def test_moments_and_quantiles_are_those_of_the_runs_that_are_over(history, run, end):
    end = min(end, len(history))
    one = np.array(history, dtype=float)
    run = min(run, len(one))
    totals = [one[start : start + run].sum() for start in range(end - run + 1)]
    runs, ends = Windows.of([one], np.array([run])), np.array([[end]])
    mean, sd = runs.moments(ends)
    found = runs.quantiles(ends, WINDOW_LEVELS)[0, 0]
    if len(totals) < LEAST_RUNS:
        assert np.isnan([mean[0, 0], sd[0, 0], *found]).all()
        return
    assert mean[0, 0] == pytest.approx(np.mean(totals), abs=1e-9)
    assert sd[0, 0] == pytest.approx(np.std(totals), abs=1e-6)
    assert found == pytest.approx(np.quantile(totals, WINDOW_LEVELS, method="weibull"), abs=1e-9)


def test_small_differences_of_large_demand_are_not_drowned():
    one = 1e12 + np.tile([0.0, 2.0], 20)
    _, sd = Windows.of([one], np.array([1])).moments(np.array([[40]]))
    assert sd[0, 0] == pytest.approx(1.0, rel=1e-3)
