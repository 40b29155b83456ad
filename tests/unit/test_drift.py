"""Drift signals: closed forms, their distribution where nothing drifts, and what they must not depend on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockstrata.forecasting.drift import LARGEST_SIGNAL, Expected, drift_signals


def _expected(forecast: np.ndarray, *, step: float = 1.0, interval: float = 2.5, buckets: float = 4.0) -> Expected:
    n = len(forecast)
    return Expected(
        forecast, np.full(n, step), np.full(n, interval), np.full(n, buckets), np.full(n, 150, dtype=np.int64)
    )


def test_four_buckets_below_the_forecast():
    found = drift_signals(_expected(np.full((1, 4), 10.0)), np.full((1, 4), 8.0))
    assert found.tracking[0] == pytest.approx(8 / 2.5)
    assert found.error[0] == pytest.approx((2 - 0.797885) / 0.602810 * 2, rel=1e-5)


def test_errors_that_cancel_out_are_seen_by_the_error_signal_alone():
    actual = 10.0 + 4.0 * np.array([[1.0, -1, 1, -1, 1, -1, 1, -1]])
    found = drift_signals(_expected(np.full((1, 8), 10.0)), actual)
    assert found.tracking[0] == 0
    assert found.error[0] > 10
    assert found.is_beyond(np.array([5.0])).tolist() == [True]
    assert found.is_beyond(np.array([20.0])).tolist() == [False]


def test_nothing_is_told_before_a_bucket_has_passed():
    found = drift_signals(_expected(np.full((2, 4), 10.0)), np.full((2, 4), np.nan))
    assert found.tracking.tolist() == found.error.tolist() == [0, 0]


def test_certain_demand_that_changes_is_drift_and_one_that_does_not_is_none():
    actual = np.array([[7.0, 7.0, 8.0], [7.0, 7.0, 7.0 + 1e-12]])
    found = drift_signals(_expected(np.full((2, 3), 7.0), step=0.0, interval=0.0), actual)
    assert found.tracking.tolist() == [-LARGEST_SIGNAL, 0]
    assert found.error.tolist() == [LARGEST_SIGNAL, 0]


@pytest.mark.parametrize("passed", [1, 4, 9, 13])
def test_signals_of_independent_errors_are_standardised_whatever_number_of_buckets_passed(passed):
    """4,000 series whose back-test told their variance: cumulative over 4 of 150 buckets with an estimated mean."""
    rng, n, length = np.random.default_rng(1), 4000, 150
    level = rng.normal(0, 1 / np.sqrt(length), (n, 1))
    actual = np.full((n, 13), np.nan)
    actual[:, :passed] = 50 + level + rng.normal(0, 1, (n, passed))
    expected = _expected(np.full((n, 13), 50.0), step=1.0, interval=np.sqrt(4 + 16 / length))
    found = drift_signals(expected, actual)
    for signal in (found.tracking, found.error):
        assert signal.mean() == pytest.approx(0, abs=0.06)
        assert signal.std() == pytest.approx(1, abs=0.06)


@given(
    # A quantity that vanishes when it is told in another unit is no quantity.
    st.lists(st.just(0.0) | st.floats(1e-6, 1e6), min_size=4, max_size=4),
    st.lists(st.just(0.0) | st.floats(1e-6, 1e6), min_size=4, max_size=4),
    st.sampled_from([1e-6, 0.5, 1.0, 1e6]),
)
def test_units_of_measure_change_no_signal(forecast, actual, unit):
    one = drift_signals(_expected(np.array([forecast]), step=3.0, interval=7.0), np.array([actual]))
    scaled = _expected(np.array([forecast]) * unit, step=3.0 * unit, interval=7.0 * unit)
    other = drift_signals(scaled, np.array([actual]) * unit)
    assert other.tracking == pytest.approx(one.tracking, rel=1e-6, abs=1e-6)
    assert other.error == pytest.approx(one.error, rel=1e-6, abs=1e-6)
    assert np.isfinite(one.tracking).all()
    assert np.isfinite(one.error).all()
