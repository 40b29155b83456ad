"""Loss, margins and challengers: who takes whose place."""

import numpy as np
import pytest
import scipy.stats

from stockstrata.forecasting.choice import (
    ChoiceRule,
    challengers,
    choose_champions,
    losses,
    mean_losses,
    origin_losses,
    pinball_losses,
    reasons,
)

RULE = ChoiceRule(0.02, replacement_rate=0.1)


@pytest.mark.parametrize(
    ("scores", "sitting", "champion"),
    [
        ([1.0, 0.95], 0, 0),  # 5 % better with a margin of 10 %
        ([1.0, 0.89], 0, 1),
        ([1.0, 0.9], 0, 0),  # exactly the margin is not beyond it
        ([0.95, 1.0], 1, 1),
        ([1.0, 0.95], -1, 1),
        ([np.nan, 2.0], 0, 1),  # a champion that could not be scored has no claim
        ([1.0, np.nan], 1, 0),
        ([np.nan, np.nan], 0, -1),
        ([0.0, 0.0], 1, 1),
    ],
)
def test_a_sitting_champion_stays_unless_beaten_by_the_margin(scores, sitting, champion):
    found = choose_champions(np.array([scores]), RULE, equal=np.zeros(1), sitting=np.array([sitting]))
    assert found.tolist() == [champion]


def test_the_incumbent_of_the_pool_has_no_privilege_over_a_sitting_champion():
    rule = ChoiceRule(0.02, incumbent=1, margin_rate=1.0, replacement_rate=0.1)
    score = np.array([[1.0, 0.95], [1.0, 0.8]])
    assert choose_champions(score, rule, equal=np.zeros(2), sitting=np.array([0, 0])).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("scores", "sold", "champion"),
    [
        ([1.0, 0.01], True, 0),  # a margin of 1 asks for all of the error
        ([1.0, 0.0], True, 1),
        ([1.0, 1e-9], True, 1),  # rounding is no error
        ([1.0, 0.0], False, 0),  # nothing was sold, so expecting nothing shows nothing
        ([0.0, 0.0], True, 0),  # nobody is better than no error
        ([1e-9, 0.0], True, 0),
    ],
)
def test_a_margin_of_one_gives_way_to_a_model_without_error_alone(scores, sold, champion):
    equal, has_sold = np.full(1, 1e-8), np.array([sold])
    incumbent = ChoiceRule(0.02, incumbent=0, margin_rate=1.0)
    found = choose_champions(np.array([scores]), incumbent, equal=equal, has_sold=has_sold)
    assert found.tolist() == [champion]
    sitting = choose_champions(
        np.array([scores]), ChoiceRule(0.0, replacement_rate=1.0), equal=equal, sitting=np.zeros(1, int),
        has_sold=has_sold,
    )  # fmt: skip
    assert sitting.tolist() == [champion]


def test_losses_are_those_of_the_text_book():
    errors = np.array([[3.0, -4.0, np.nan], [3.0, np.nan, np.nan]])
    count = np.array([2, 2])
    assert losses(errors, count, "rmse")[0] == pytest.approx(np.sqrt(12.5))
    assert losses(errors, count, "mae")[0] == 3.5
    assert np.isnan(losses(errors, count, "mae")[1])


def test_the_loss_decides_between_seldom_large_and_always_middling_errors():
    errors = np.array([[[0.0, 0.0, 0.0, 10.0], [4.0, -4.0, 4.0, -4.0]]])
    by_loss = {code: losses(errors, np.array([[4]]), code) for code in ("rmse", "mae")}
    chosen = {code: int(choose_champions(score, RULE, equal=np.zeros(1))[0]) for code, score in by_loss.items()}
    assert chosen == {"rmse": 1, "mae": 0}


def test_the_challenger_is_the_best_of_the_others():
    score = np.array([[1.0, 0.9, 0.95], [1.0, 0.9, 0.95], [1.0, np.nan, np.nan], [1.0, 0.9, 0.8]])
    assert challengers(score, np.array([0, 1, 0, -1])).tolist() == [1, 2, -1, -1]


def test_reasons_say_what_held_on_to_a_champion_that_others_beat():
    rule = ChoiceRule(0.02, incumbent=2)
    found = reasons(np.array([0, 2, 1, 0]), np.array([False, True, True, True]), rule, sitting=np.array([-1, 2, 1, -1]))
    assert found.tolist() == ["validated", "incumbent_kept", "champion_kept", "tie_break"]


def test_pinball_losses_are_those_of_the_quantile_of_each_model():
    """Two origins: the spread at one is the error at the other. Gamma quantiles from scipy."""
    errors = np.array([[[2.0, -4.0]]])
    demand = np.array([[8.0, 14.0]])
    found = pinball_losses(errors, demand, 0.9, is_whole=np.array([False]))
    for origin, (spread, actual) in enumerate(((4.0, 8.0), (2.0, 14.0))):
        quantile = scipy.stats.gamma.ppf(0.9, (10.0 / spread) ** 2, scale=spread**2 / 10.0)
        assert found[0, 0, origin] == pytest.approx(max(0.9 * (actual - quantile), -0.1 * (actual - quantile)))
    alone = pinball_losses(np.array([[[2.0, np.nan]]]), np.array([[8.0, np.nan]]), 0.9, is_whole=np.array([False]))
    assert np.isfinite(alone[0, 0, 0])
    assert np.isnan(alone[0, 0, 1])
    certain = pinball_losses(np.zeros((1, 1, 3)), np.full((1, 3), 5.0), 0.9, is_whole=np.array([True]))
    assert certain.tolist() == [[[0.0, 0.0, 0.0]]]


def test_a_high_target_asks_for_another_model_of_lumpy_demand():
    """Lots of 40 now and then. A forecast of nothing errs least in the mean; at 0.97 it leaves nothing on the shelf."""
    demand = np.tile([0.0, 0.0, 0.0, 0.0, 40.0], (1, 4))
    forecasts = np.array([np.zeros(20), np.full(20, 14.0)])
    errors = forecasts[None] - demand[:, None, :]
    terms = {
        "mae": origin_losses(errors, "mae"),
        "pinball": pinball_losses(errors, demand, 0.97, is_whole=np.array([True])),
    }
    chosen = {
        code: int(choose_champions(mean_losses(held, np.array([[20]]), code), RULE, equal=np.zeros(1))[0])
        for code, held in terms.items()
    }
    assert chosen == {"mae": 0, "pinball": 1}
