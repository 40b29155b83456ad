"""Distributions whose shape comes from data, held against samples and the normal distribution."""

import numpy as np
import pytest
from scipy import stats

from stockstrata import distributions, shaped

NORMAL = stats.norm.ppf(np.clip(shaped.PROBABILITIES, 1e-4, 1 - 1e-4))


def _rows(x: float | np.ndarray, mean: float, sd: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    x = np.atleast_1d(np.asarray(x, dtype=float))
    return x, np.full(len(x), mean), np.full(len(x), sd), np.tile(NORMAL, (len(x), 1))


def test_a_normal_shape_gives_the_normal_distribution():
    levels = np.array([0.2, 0.5, 0.9, 0.95, 0.98])
    assert shaped.quantile(*_rows(levels, 100.0, 20.0)) == pytest.approx(stats.norm.ppf(levels, 100, 20), abs=0.05)
    at = np.array([70.0, 100.0, 130.0, 150.0])
    assert shaped.cdf(*_rows(at, 100.0, 20.0)) == pytest.approx(stats.norm.cdf(at, 100, 20), abs=2e-3)
    expected = 20 * distributions.unit_normal_loss((at - 100) / 20)
    assert shaped.loss(*_rows(at, 100.0, 20.0)) == pytest.approx(expected, abs=0.02)


def test_demand_is_never_below_zero():
    assert shaped.quantile(*_rows(0.1, 1.0, 5.0)) == 0
    assert shaped.cdf(*_rows(0.0, 1.0, 5.0)) == pytest.approx(stats.norm.cdf(-0.2), abs=5e-3)
    # Stock that is owed is short in full, besides what demand takes.
    owed, empty = shaped.loss(*_rows(-3.0, 4.0, 0.5)), shaped.loss(*_rows(0.0, 4.0, 0.5))
    assert owed - empty == pytest.approx(3.0)


def test_the_shape_of_a_sample_holds_the_next_value_as_often_as_it_says():
    rng = np.random.default_rng(5)
    held = [rng.gamma(2.0, 1.0) <= shaped.shape_of(rng.gamma(2.0, 1.0, 99))[_place(0.9)] for _ in range(4000)]
    # Rank 90 of 99: exactly 0.9 (four standard errors of 4,000 draws are 0.019).
    assert np.mean(held) == pytest.approx(0.9, abs=0.019)


def _place(probability: float) -> int:
    return int(np.argmin(np.abs(shaped.PROBABILITIES - probability)))


def test_quantiles_rise_with_the_level_and_answer_the_distribution_function():
    rng = np.random.default_rng(1)
    shape = np.sort(rng.exponential(1.0, (200, len(shaped.PROBABILITIES))), axis=1) - 1.0
    mean, sd = rng.uniform(5, 50, 200), rng.uniform(0.5, 5, 200)
    below = np.zeros(200)
    for level in (0.5, 0.8, 0.9, 0.95, 0.98, 0.99):
        found = shaped.quantile(np.full(200, level), mean, sd, shape)
        assert (found >= below).all()
        assert shaped.cdf(found, mean, sd, shape) == pytest.approx(np.full(200, level), abs=1e-9)
        below = found


def test_whole_units_are_rounded_down():
    assert distributions.quantile("conformal_count", 0.9, 10.0, 3.0, NORMAL) == np.floor(10 + 3 * stats.norm.ppf(0.9))
    at = distributions.cdf("conformal_count", 13.0, 10.0, 3.0, NORMAL)
    assert at == pytest.approx(stats.norm.cdf(4 / 3), abs=2e-3)


def test_a_shape_that_is_missing_is_told():
    with pytest.raises(ValueError, match="asked for without one"):
        distributions.quantile("conformal", 0.9, 10.0, 3.0)


def test_lists_become_rows_and_gaps_stay_gaps():
    found = shaped.shapes_of([None, NORMAL.tolist(), np.nan, NORMAL])
    assert np.isnan(found[[0, 2]]).all()
    assert (found[[1, 3]] == NORMAL).all()
