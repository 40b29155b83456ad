"""Rolling origins: what is judged from where."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockstrata.forecasting.origins import LEAST_TRAINING_BUCKETS, validation_plan
from stockstrata.parameters import PoolSettings


def _settings(folds: int = 10, step: int = 4) -> PoolSettings:
    return PoolSettings(
        pool_code="p", fold_count=folds, fold_step_buckets=step, max_history_buckets=156,
        tie_tolerance_rate=0.02, champion_margin_rate=0.3, selection_loss="rmse", replacement_margin_rate=0.1,
        tournament_cadence_days=84.0, drift_signal_limit=5.0, material_change_rate=0.25,
        valid_from_date=dt.date(1900, 1, 1), approved_by="test", reason="test",
    )  # fmt: skip


def test_three_years_of_weeks_keep_two_seasons_before_every_origin():
    plan = validation_plan(np.array([156]), np.array([5]), settings=_settings(), season_length=52)
    assert plan.train_ends[0].tolist() == [151, 147, 143, 139, 135, 131, 127, 123, 119, 115]
    assert plan.first_training[0] == 115
    assert plan.independent_folds[0] == pytest.approx(1 + 36 / 5)


def test_origins_move_closer_before_a_season_is_given_up():
    plan = validation_plan(np.array([36]), np.array([2]), settings=_settings(), season_length=12)
    assert plan.fold_count[0] == 10
    assert plan.first_training[0] >= 24


def test_a_season_is_given_up_when_too_few_origins_would_be_left():
    plan = validation_plan(np.array([110]), np.array([5]), settings=_settings(), season_length=52)
    assert plan.fold_count[0] == 10
    assert 52 <= plan.first_training[0] < 104


def test_a_horizon_longer_than_history_is_judged_shorter():
    plan = validation_plan(np.array([12]), np.array([30]), settings=_settings(), season_length=52)
    assert plan.horizon[0] == 4
    assert plan.fold_count[0] >= 1


def test_a_handful_of_points_is_not_validated():
    plan = validation_plan(np.array([0, 1, 4]), np.array([3, 3, 3]), settings=_settings(), season_length=52)
    assert plan.fold_count.tolist() == [0, 0, 0]
    assert plan.independent_folds.tolist() == [0, 0, 0]


@given(length=st.integers(0, 300), horizon=st.integers(1, 110), folds=st.integers(1, 20), step=st.integers(1, 6))
def test_every_origin_leaves_its_horizon_to_judge_and_enough_to_learn(length, horizon, folds, step):
    plan = validation_plan(np.array([length]), np.array([horizon]), settings=_settings(folds, step), season_length=52)
    ends = plan.train_ends[0][plan.train_ends[0] > 0]
    assert len(ends) == plan.fold_count[0] <= folds
    assert 1 <= plan.horizon[0] <= horizon
    if len(ends):
        assert ends.max() + plan.horizon[0] == length
        assert ends.min() >= LEAST_TRAINING_BUCKETS
        assert (np.diff(ends) < 0).all()
