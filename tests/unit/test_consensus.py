"""Consensus: weights from past errors, sums to one, and no worse than the best stream."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockstrata.tracking.consensus import STATISTICAL, STREAM_COLUMNS, WEIGHT_COLUMNS, blend_streams, stream_weights

WEEKS = pd.date_range("2025-01-06", periods=3, freq="W-MON")


def judged(errors, actual=100.0, count=10, segment="AX"):
    """A constant error of each stream in every cell; the statistical forecast is one of them."""
    return pd.DataFrame(
        [
            {
                "segment_code": segment, "stream_code": code, "stream_qty": actual + error,
                "statistical_qty": actual + errors[STATISTICAL], "actual_qty": actual,
            }
            for code, error in errors.items()
            for _ in range(count)
        ]
    )  # fmt: skip


def wanted(*codes, segment="AX"):
    return pd.DataFrame({"segment_code": segment, "stream_code": [STATISTICAL, *codes]})


def weights(history, *codes, k=0.0):
    found = stream_weights(history, wanted(*codes), shrinkage_observations=k)
    assert list(found.columns) == WEIGHT_COLUMNS
    return found.set_index("stream_code")["weight_rate"]


def cells(baseline=100.0):
    return pd.DataFrame(
        {
            "item_id": "A",
            "location_id": "L1",
            "bucket_start_date": WEEKS,
            "segment_code": "AX",
            "baseline_qty": baseline,
        }
    )


def published(**quantities):
    return pd.DataFrame(
        [(code, "A", "L1", WEEKS[0], qty) for code, qty in quantities.items()],
        columns=["stream_code", "item_id", "location_id", "bucket_start_date", "stream_qty"],
    )


def test_weights_are_inverse_squared_errors():
    """Bates and Granger (1969), equation for independent errors; errors of 10 and 20 percent, a hundredth as floor."""
    found = weights(judged({STATISTICAL: 20.0, "sales": 10.0}), "sales")
    assert found["sales"] == pytest.approx((1 / 11**2) / (1 / 11**2 + 1 / 21**2))
    assert found.sum() == pytest.approx(1)


def test_without_history_all_weigh_the_same():
    empty = judged({STATISTICAL: 1.0}).head(0)
    assert weights(empty, "sales", "finance").to_numpy() == pytest.approx(np.full(3, 1 / 3))
    assert weights(empty, "sales", k=20.0).to_numpy() == pytest.approx(np.full(2, 1 / 2))


def test_little_evidence_is_shrunk_to_equal_weights():
    errors = {STATISTICAL: 20.0, "sales": 10.0}
    some, much = (weights(judged(errors, count=n), "sales", k=20.0)["sales"] for n in (5, 5_000))
    assert 0.5 < some < much < weights(judged(errors), "sales")["sales"] + 1e-12


def test_weights_follow_value_added():
    errors = {STATISTICAL: 20.0, "finance": 40.0, "marketing": 15.0, "sales": 5.0}
    found = weights(judged(errors), "finance", "marketing", "sales", k=20.0)
    assert found.sort_values().index.tolist() == ["finance", STATISTICAL, "marketing", "sales"]


def test_perfect_streams_and_no_demand_give_no_infinities():
    for actual in (0.0, 100.0):
        found = weights(judged({STATISTICAL: 5.0, "sales": 0.0}, actual=actual), "sales")
        assert np.isfinite(found).all()
        assert found["sales"] < 1
    assert weights(judged({STATISTICAL: 0.0, "sales": 0.0}, actual=0.0), "sales").to_numpy() == pytest.approx(
        [0.5, 0.5]
    )


@settings(max_examples=40, deadline=None)
@given(errors=st.lists(st.floats(-100, 1e6), min_size=2, max_size=5), k=st.floats(0, 100), count=st.integers(0, 30))
def test_weights_sum_to_one(errors, k, count):
    codes = [STATISTICAL, "a", "b", "c", "d"][: len(errors)]
    history = judged(dict(zip(codes, errors, strict=True)), count=max(count, 1)).head(count * len(errors))
    found = weights(history, *codes[1:], k=k)
    assert found.sum() == pytest.approx(1)
    assert (found >= 0).all()


def test_only_cells_that_a_stream_speaks_of_are_blended():
    found = blend_streams(
        cells(), published(sales=200.0), judged({STATISTICAL: 1.0}).head(0), shrinkage_observations=20
    )
    assert found.quantity[0] == pytest.approx(150)
    assert np.isnan(found.quantity[1:]).all()
    assert found.disagreement[0] == pytest.approx(50 / 150)
    assert found.mix.tolist() == ["sales 0.500, statistical 0.500", "", ""]
    assert list(found.streams.columns) == STREAM_COLUMNS
    assert found.streams["stream_qty"].tolist() == [200.0, 100.0]


def test_without_streams_there_is_no_consensus():
    found = blend_streams(cells(), published(), judged({STATISTICAL: 1.0}).head(0), shrinkage_observations=20)
    assert np.isnan(found.quantity).all()
    assert found.streams.empty
    assert found.weights.empty
    assert list(found.weights.columns) == WEIGHT_COLUMNS


def test_streams_that_agree_on_nothing_have_no_disagreement_rate():
    found = blend_streams(
        cells(0.0), published(sales=0.0), judged({STATISTICAL: 1.0}).head(0), shrinkage_observations=1
    )
    assert found.quantity[0] == 0
    assert np.isnan(found.disagreement[0])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "planted",
    [
        {STATISTICAL: (0.0, 0.25), "sales": (0.0, 0.10), "marketing": (0.35, 0.10)},
        {STATISTICAL: (0.0, 0.10), "sales": (0.3, 0.20), "finance": (-0.2, 0.30)},
        {STATISTICAL: (0.0, 0.20), "sales": (0.0, 0.20), "finance": (0.0, 0.20)},
    ],
)
def test_in_a_back_test_the_consensus_is_not_worse_than_the_best_stream(planted, seed):
    """Streams with planted bias and noise on 20 series; each cycle blends with the errors of those before it."""
    rng = np.random.default_rng(seed)
    history, mine, theirs = [], [], []
    for cycle in range(8):
        actual = rng.gamma(20, 5, 20)
        qty = {code: actual * (1 + bias + sd * rng.standard_normal(20)) for code, (bias, sd) in planted.items()}
        past = pd.concat(history) if history else judged({STATISTICAL: 0.0}).head(0)
        weight = stream_weights(past, wanted(*list(planted)[1:]), shrinkage_observations=20)
        weight = weight.set_index("stream_code")["weight_rate"]
        blend = sum(weight[code] * qty[code] for code in planted)
        if cycle >= 2:
            mine.append(np.abs(blend - actual).sum())
            theirs.append({code: np.abs(qty[code] - actual).sum() for code in planted})
        history.append(
            pd.concat(
                pd.DataFrame(
                    {
                        "segment_code": "AX", "stream_code": code, "stream_qty": qty[code],
                        "statistical_qty": qty[STATISTICAL], "actual_qty": actual,
                    }
                )
                for code in planted
            )
        )  # fmt: skip
    best = pd.DataFrame(theirs).sum().min()
    assert sum(mine) <= 1.05 * best
