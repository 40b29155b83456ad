"""Spikes are found and ordinary demand is left alone, whatever its pattern."""

import numpy as np
import pytest

from stockstrata.history.outliers import find_outliers

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
    print(kind, "recall", hits / planted.sum(), "precision", hits / found.is_outlier.sum())
    assert hits / planted.sum() > 0.9
    assert hits / found.is_outlier.sum() > 0.9
