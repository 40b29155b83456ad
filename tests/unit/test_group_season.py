"""Seasonal indices of a pool: what all series show together is found, what none shows is not made up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stockstrata.forecasting.group_season import seasonal_indices

MONTHS = np.array([0.5, 0.5, 0.6, 0.8, 1.0, 1.2, 1.5, 1.8, 1.6, 1.2, 0.8, 0.5])
MONTHS = MONTHS / MONTHS.mean()


def _one_family(count: int) -> np.ndarray:
    return np.zeros(count, dtype=np.int64)


def test_a_season_without_noise_is_found_exactly():
    demand = np.outer([10.0, 400.0, 3.0], np.tile(MONTHS, 3))
    np.testing.assert_allclose(seasonal_indices(demand, _one_family(3), 12), np.tile(MONTHS, (3, 1)), rtol=1e-12)


def test_indices_belong_to_the_buckets_after_the_end_whatever_part_of_a_year_history_begins_with():
    demand = np.outer([10.0, 20.0], np.tile(MONTHS, 4)[7:41])
    expected = np.tile(np.roll(MONTHS, -(41 % 12)), (2, 1))
    np.testing.assert_allclose(seasonal_indices(demand, _one_family(2), 12), expected, rtol=1e-12)


def test_noisy_series_share_their_season_and_short_ones_get_it_too():
    rng = np.random.default_rng(1)
    demand = rng.poisson(2.0 * np.tile(MONTHS, (80, 4))).astype(float)
    demand[:20, :30] = np.nan
    found = seasonal_indices(demand, _one_family(80), 12)
    assert np.abs(found - MONTHS).mean() < 0.08
    own = demand[20:].reshape(60, 4, 12).mean(axis=1)
    own = own / own.mean(axis=1, keepdims=True)
    assert np.abs(found[20:] - MONTHS).mean() < 0.3 * np.abs(own - MONTHS).mean()
    np.testing.assert_allclose(found[:20], np.tile(found[0], (20, 1)))


def test_demand_without_a_season_gets_next_to_none():
    demand = np.random.default_rng(2).poisson(2.0, (80, 48)).astype(float)
    assert np.abs(seasonal_indices(demand, _one_family(80), 12) - 1.0).mean() < 0.05


def test_families_of_opposite_seasons_are_told_apart():
    rng = np.random.default_rng(3)
    season = np.where((np.arange(60) % 2 == 0)[:, None], np.tile(MONTHS, 4), np.tile(np.roll(MONTHS, 6), 4))
    demand = rng.poisson(3.0 * season).astype(float)
    found = seasonal_indices(demand, np.arange(60) % 2, 12)
    assert np.abs(found[::2] - MONTHS).mean() < 0.12
    assert np.abs(found[1::2] - np.roll(MONTHS, 6)).mean() < 0.12


def test_a_series_with_much_of_its_own_season_keeps_it():
    rng = np.random.default_rng(4)
    demand = rng.poisson(2.0, (60, 48)).astype(float)
    demand[:30] = 1000.0 * np.tile(np.roll(MONTHS, 6), 4) * rng.normal(1.0, 0.01, (30, 48))
    found = seasonal_indices(demand, np.repeat([0, 1], 30), 12)
    assert np.abs(found[:30] - np.roll(MONTHS, 6)).mean() < 0.03
    assert np.abs(found[30:] - 1.0).mean() < 0.12


def test_steady_growth_is_no_season():
    demand = 200.0 * np.tile(MONTHS, 4) * 1.03 ** np.arange(48) * np.ones((30, 1))
    assert np.abs(seasonal_indices(demand, _one_family(30), 12) - MONTHS).max() < 0.01


def test_fewer_than_two_whole_years_teach_nothing():
    assert np.isnan(seasonal_indices(np.ones((5, 23)), _one_family(5), 12)).all()
    demand = np.full((5, 36), np.nan)
    demand[:, -14:] = 1.0
    assert np.isnan(seasonal_indices(demand, _one_family(5), 12)).all()
    assert np.isnan(seasonal_indices(np.zeros((5, 36)), _one_family(5), 12)).all()


@settings(max_examples=60, deadline=None)
@given(
    demand=arrays(np.float64, (6, 24), elements=st.floats(0, 1e12) | st.just(0.0)),
    family=arrays(np.int64, 6, elements=st.integers(0, 3)),
    starts=arrays(np.int64, 6, elements=st.integers(0, 24)),
)
def test_indices_are_whole_positive_with_a_mean_of_one_or_absent(demand, family, starts):
    known = np.where(np.arange(24)[None, :] < starts[:, None], np.nan, demand)
    found = seasonal_indices(known, family, 4)
    if np.isnan(found).any():
        assert np.isnan(found).all()
        return
    assert (found > 0).all()
    assert found.mean(axis=1) == pytest.approx(np.ones(6))
