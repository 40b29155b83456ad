"""Accuracy measures against published values, an independent implementation and their own invariants."""

import numpy as np
import pandas as pd
import pytest
from utilsforecast import losses

from stockstrata.forecasting import metrics

ACTUAL = np.array([[3.0, 0.0, 5.0, 4.0], [10.0, 12.0, 9.0, 11.0]])
FORECAST = np.array([[2.0, 1.0, 4.5, 6.0], [11.0, 11.0, 11.0, 11.0]])
HISTORY = np.array([[0.0, 0.0, 3.0, 0.0, 5.0, 4.0], [9.0, 12.0, 10.0, 8.0, 13.0, 11.0]])


def _long(values: np.ndarray) -> np.ndarray:
    return values.ravel()


@pytest.fixture
def frames() -> tuple[pd.DataFrame, pd.DataFrame]:
    test = pd.DataFrame(
        {
            "unique_id": np.repeat(["a", "b"], 4),
            "ds": np.tile(np.arange(4), 2),
            "y": _long(ACTUAL),
            "m": _long(FORECAST),
        }
    )
    train = pd.DataFrame({"unique_id": np.repeat(["a", "b"], 6), "ds": np.tile(np.arange(6), 2), "y": _long(HISTORY)})
    return test, train


def test_m5_guide_worked_example_of_wrmsse_is_0_758():
    # M5 competitors' guide, weighting example: products at 0.8 ($10) and 0.7 ($12), their total at 0.77; two levels.
    products = metrics.weighted_mean(np.array([0.8, 0.7]), np.array([10.0, 12.0]))
    assert metrics.weighted_mean(np.array([products, 0.77]), np.ones(2)) == pytest.approx(0.758, abs=5e-4)


def test_mase_and_rmsse_agree_with_utilsforecast(frames):
    test, train = frames
    mase = metrics.mase(ACTUAL, FORECAST, scale=metrics.naive_mae(HISTORY))
    assert mase == pytest.approx(losses.mase(test, ["m"], 1, train)["m"].to_numpy(), rel=1e-6)
    # utilsforecast scales by the whole history; M5 from the first demand on, which differs for series a only.
    rmsse = metrics.rmsse(ACTUAL, FORECAST, scale=metrics.naive_mse(HISTORY))
    assert rmsse[1] == pytest.approx(losses.rmsse(test, ["m"], 1, train)["m"].to_numpy()[1], rel=1e-6)


def test_rmsse_scale_starts_at_the_first_demand():
    assert metrics.naive_mse(HISTORY)[0] == pytest.approx((9 + 25 + 1) / 3)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_pinball_agrees_with_utilsforecast(frames, level):
    test, _ = frames
    ours = metrics.masked_mean(metrics.pinball_loss(ACTUAL, FORECAST, level))
    assert ours == pytest.approx(losses.quantile_loss(test, {"m": "m"}, q=level)["m"].to_numpy(), rel=1e-6)


def test_pinball_at_the_median_is_half_the_absolute_error():
    assert metrics.pinball_loss(ACTUAL, FORECAST, 0.5) == pytest.approx(np.abs(FORECAST - ACTUAL) / 2)


def test_a_perfect_forecast_scores_zero():
    scale = metrics.naive_mae(HISTORY)
    for value in (
        metrics.wape(ACTUAL, ACTUAL),
        metrics.bias_rate(ACTUAL, ACTUAL),
        metrics.mase(ACTUAL, ACTUAL, scale=scale),
        metrics.rmsse(ACTUAL, ACTUAL, scale=metrics.naive_mse(HISTORY)),
        metrics.scaled_pinball(ACTUAL, ACTUAL, 0.9, scale=scale),
    ):
        assert value == pytest.approx(np.zeros(2))


def test_the_naive_forecast_on_its_own_training_has_mase_one():
    assert metrics.mase(HISTORY[:, 1:], HISTORY[:, :-1], scale=metrics.naive_mae(HISTORY)) == pytest.approx(np.ones(2))


def test_scaled_measures_do_not_depend_on_the_unit():
    def scores(k: float) -> list[np.ndarray]:
        scale = metrics.naive_mae(HISTORY * k)
        return [
            metrics.wape(ACTUAL * k, FORECAST * k),
            metrics.bias_rate(ACTUAL * k, FORECAST * k),
            metrics.mase(ACTUAL * k, FORECAST * k, scale=scale),
            metrics.rmsse(ACTUAL * k, FORECAST * k, scale=metrics.naive_mse(HISTORY * k)),
            metrics.scaled_pinball(ACTUAL * k, FORECAST * k, 0.95, scale=scale),
        ]

    assert np.array(scores(1000.0)) == pytest.approx(np.array(scores(1.0)), rel=1e-12)


def test_ratios_without_a_denominator_are_missing_and_never_infinite():
    zero, one = np.zeros((1, 3)), np.ones((1, 3))
    for value in (
        metrics.wape(zero, one),
        metrics.bias_rate(zero, one),
        metrics.mase(zero, one, scale=metrics.naive_mae(one)),
        metrics.rmsse(zero, one, scale=metrics.naive_mse(zero)),
    ):
        assert np.isnan(value).all()


def test_masked_pairs_do_not_count():
    masked = np.where(np.arange(4) == 1, np.nan, ACTUAL)
    kept = [0, 2, 3]
    assert metrics.wape(masked, FORECAST) == pytest.approx(metrics.wape(ACTUAL[:, kept], FORECAST[:, kept]))


def test_bias_is_above_zero_when_the_forecast_is_too_high():
    assert metrics.bias_rate(ACTUAL, ACTUAL * 1.1) == pytest.approx(np.array([0.1, 0.1]))
