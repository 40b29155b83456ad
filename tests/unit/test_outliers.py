"""Spikes are found and ordinary demand is left alone, whatever its pattern."""

import numpy as np
import pandas as pd
import pytest

from stockstrata.history.outliers import find_outliers
from stockstrata.history.projects import find_projects

WEEKS = 156


def found_in(qty, make_parameters, is_judged=None, season_length=52, **settings):
    qty = np.atleast_2d(np.asarray(qty, dtype=float))
    judged = np.ones(qty.shape, dtype=bool) if is_judged is None else is_judged
    return find_outliers(qty, judged, season_length=season_length, settings=make_parameters(**settings).settings)


def ordinary(kind: str, rng: np.random.Generator, count: int = 200) -> np.ndarray:
    week = np.arange(WEEKS)
    level = rng.uniform(8, 80, (count, 1))
    if kind == "smooth":
        return rng.poisson(level * np.ones(WEEKS)).astype(float)
    if kind == "noisy":
        return rng.negative_binomial(6, 6 / (6 + level), (count, WEEKS)).astype(float)
    if kind == "seasonal":
        return rng.poisson(level * (1 + 0.5 * np.cos(2 * np.pi * week / 52))).astype(float)
    if kind == "trend":
        return rng.poisson(level * np.linspace(0.5, 2.0, WEEKS)).astype(float)
    if kind == "fractional":
        return rng.gamma(8, level / 8000, (count, WEEKS))
    sells = rng.random((count, WEEKS)) < 0.3
    return sells * np.maximum(np.rint(rng.gamma(6, level / 6, (count, WEEKS))), 1.0)


@pytest.mark.parametrize("kind", ["smooth", "noisy", "seasonal", "trend", "fractional", "intermittent"])
def test_planted_spikes_are_found_with_recall_and_precision_above_90_percent(kind, make_parameters):
    rng = np.random.default_rng(11)
    qty = ordinary(kind, rng)
    planted = (rng.random(qty.shape) < 0.01) & (qty > 0)
    typical = np.median(np.where(qty > 0, qty, np.nan), axis=1, keepdims=True) if kind != "intermittent" else None
    usual = np.nanmean(np.where(qty > 0, qty, np.nan), axis=1, keepdims=True) if typical is None else typical
    spiked = np.where(planted, usual * rng.uniform(6, 15, qty.shape), qty)
    spiked = spiked if kind == "fractional" else np.rint(spiked)
    found = found_in(spiked, make_parameters)
    hits = (found.is_outlier & planted).sum()
    assert hits / planted.sum() > 0.9
    assert hits / found.is_outlier.sum() > 0.9


@pytest.mark.parametrize("kind", ["smooth", "noisy", "seasonal", "trend", "fractional", "intermittent"])
def test_ordinary_demand_is_hardly_ever_tagged(kind, make_parameters):
    found = found_in(ordinary(kind, np.random.default_rng(12)), make_parameters)
    assert found.is_outlier.mean() < 0.001


def test_a_peak_of_every_year_is_season_and_a_peak_of_one_year_is_not(make_parameters):
    qty = np.full((2, WEEKS), 20.0) + np.arange(WEEKS) % 3
    qty[0, [45, 97, 149]] = 120
    qty[1, 97] = 120
    found = found_in(qty, make_parameters)
    assert not found.is_outlier[0].any()
    assert np.flatnonzero(found.is_outlier[1]).tolist() == [97]
    assert found.expected_qty[1, 97] == pytest.approx(21, abs=1.5)


def test_buckets_that_may_not_be_judged_are_never_tagged(make_parameters):
    qty = np.full((1, 60), 10.0)
    qty[0, 30] = 200
    judged = np.ones(qty.shape, dtype=bool)
    judged[0, 30] = False
    assert not found_in(qty, make_parameters, judged).is_outlier.any()


@pytest.mark.parametrize(
    "qty",
    [np.zeros(40), np.full(40, 7.0), [5.0], [np.nan] * 39 + [5.0], [0.0] * 39 + [1e9], np.full(40, 1e-9)],
    ids=["all_zero", "constant", "one_point", "one_known_point", "one_sale", "tiny"],
)
def test_odd_histories_have_no_outliers(qty, make_parameters):
    found = found_in(qty, make_parameters)
    assert not found.is_outlier.any()
    assert np.isfinite(found.expected_qty).all()


def order(qty, *, other, count=40, bucket=95.0):
    frame = pd.DataFrame({"order_qty": [qty], "next_largest_qty": [other], "order_count": [count]})
    return frame, np.array([bucket])


@pytest.mark.parametrize(
    ("case", "is_project"),
    [
        (order(80.0, other=12.0), True),
        (order(40.0, other=12.0), False),
        (order(80.0, other=60.0), False),
        (order(80.0, other=12.0, count=3), False),
        (order(80.0, other=np.nan), True),
        (order(0.0, other=np.nan), False),
    ],
    ids=["one_big_order", "less_than_most", "not_the_only_one", "few_orders", "no_other_bucket", "no_order_known"],
)
def test_only_strong_evidence_makes_a_project(case, is_project, make_parameters):
    assert find_projects(*case, settings=make_parameters().settings).tolist() == [is_project]
