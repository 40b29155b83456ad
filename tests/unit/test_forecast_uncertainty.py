"""Variance of demand over an interval and the distributions made of it."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from stockstrata.forecasting import uncertainty
from stockstrata.forecasting.predictive import (
    BUCKET_LEVELS,
    INTERVAL_LEVELS,
    IntervalDemand,
    demand_method,
    interval_mean,
    interval_table,
    quantiles,
)
from stockstrata.forecasting.uncertainty import (
    ForecastErrors,
    bounded_by_lumps,
    error_sums,
    held_out_step_variance,
    interval_growth,
    lag_profile,
    largest_windows,
    step_variance,
)
from stockstrata.shaped import PROBABILITIES


def _errors(
    error: np.ndarray, *, horizon: int = 4, segment: list[str] | None = None, folds=None, buckets: float = 4.0
) -> ForecastErrors:
    n, k, _ = error.shape
    count = np.full(n, k) if folds is None else np.array(folds)
    groups = pd.DataFrame({"segment": segment or ["S"] * n, "pool": ["P"] * n})
    horizons, lengths = np.full(n, horizon), np.full(n, 150)
    sums = error_sums(error, buckets=np.full(n, buckets), horizon=horizons, length=lengths)
    return ForecastErrors(sums, count, count.astype(float), np.ones(n), horizons, lengths, np.full(n, 10.0), groups)


def interval_variance(errors: ForecastErrors, *, buckets: float = 4.0, shrinkage_origins: float) -> np.ndarray:
    return uncertainty.interval_variance(
        errors, np.full(len(errors.length), buckets), shrinkage_origins=shrinkage_origins
    )


def _noise(n: int = 40, k: int = 12, depth: int = 6, sd: float = 3.0) -> np.ndarray:
    return np.random.default_rng(3).normal(0, sd, (n, k, depth))


def _t_factor(freedom: float) -> float:
    return freedom / (freedom - 2)


def test_without_shrinkage_the_variance_is_the_mean_squared_cumulative_error():
    noise = _noise(n=1)
    expected = (noise[0, :, :4].sum(axis=1) ** 2).mean()
    found = interval_variance(_errors(noise), shrinkage_origins=0)
    assert found[0] == pytest.approx(expected * _t_factor(12))


def test_a_fractional_interval_lies_between_its_whole_neighbours():
    low, middle, high = (
        interval_variance(_errors(_noise(n=1), buckets=x), buckets=x, shrinkage_origins=0)[0] for x in (3.0, 3.25, 4.0)
    )
    assert middle == pytest.approx(low + 0.25 * (high - low))


def test_a_lasting_bias_is_part_of_the_variance():
    errors = _errors(np.full((1, 12, 6), 2.0))
    found = interval_variance(errors, shrinkage_origins=0)
    assert found[0] == pytest.approx(64 * _t_factor(12))


def test_level_errors_grow_faster_than_the_square_root_rule():
    # A wrong level is wrong in every bucket: formulas 1.4, cumulative against z s sqrt(L).
    level = np.random.default_rng(1).normal(0, 3, (60, 12, 1)) + _noise(60, 12, 6, 1.0)
    errors = _errors(level)
    cumulative = np.median(interval_variance(errors, shrinkage_origins=4))
    assert cumulative > 2.5 * 4 * np.median(step_variance(errors, shrinkage_origins=4))


def test_shrinkage_pulls_a_lucky_series_towards_its_segment():
    noise = _noise()
    noise[0] *= 0.2
    own = interval_variance(_errors(noise), shrinkage_origins=0)[0]
    shrunk = interval_variance(_errors(noise), shrinkage_origins=8)[0]
    assert shrunk > 1.5 * own


def test_a_series_without_origins_borrows_from_its_segment():
    noise = _noise()
    noise[0] = np.nan
    found = interval_variance(_errors(noise, folds=[0] + [12] * 39), shrinkage_origins=4)
    # Its own evidence is nil, so it is as uncertain as Student's t with the segment's weight alone: twice the estimate.
    assert found[0] == pytest.approx(np.mean(found[1:]) * 2 * 14 / 16, rel=0.1)


def test_one_series_without_scale_does_not_carry_its_segment_away():
    # Seen on real data: a series with next to no mean demand made the pooled squared variation 1e12.
    errors = _errors(_noise())
    mean = errors.mean_qty.copy()
    mean[0] = 1e-9
    odd = ForecastErrors(**{**errors.__dict__, "mean_qty": mean})
    plain, found = (interval_variance(e, shrinkage_origins=4)[1:] for e in (errors, odd))
    assert found == pytest.approx(plain, rel=0.5)


def test_small_segments_borrow_from_the_pool():
    noise = _noise()
    noise[0] = np.nan
    lonely = _errors(noise, segment=["LONELY"] + ["S"] * 39, folds=[0] + [12] * 39)
    together = _errors(noise, folds=[0] + [12] * 39)
    one, other = (interval_variance(e, shrinkage_origins=4)[0] for e in (lonely, together))
    assert one == pytest.approx(other)


def test_certain_demand_has_no_variance_whatever_the_segment_does():
    noise = _noise()
    noise[0] = 0.0
    assert interval_variance(_errors(noise), shrinkage_origins=4)[0] == 0


def test_a_short_horizon_is_stretched_by_growth():
    judged, found = (
        interval_variance(_errors(_noise(n=1), horizon=2, buckets=x), buckets=x, shrinkage_origins=0)[0]
        for x in (2.0, 20.0)
    )
    assert found == pytest.approx(judged * (20 + 400 / 150) / (2 + 4 / 150))
    assert interval_growth(np.array([4.0]), np.array([16]))[0] == pytest.approx(5.0)


def test_optimism_of_the_choice_is_taken_back():
    errors = _errors(_noise())
    flattered = ForecastErrors(**{**errors.__dict__, "optimism_ratio": np.full(40, 0.8)})
    plain, honest = (interval_variance(e, shrinkage_origins=4) for e in (errors, flattered))
    assert honest == pytest.approx(plain / 0.8)


def test_an_origin_is_judged_by_the_others():
    noise = _noise(n=1)
    noise[0, 0] = 1000.0
    held_out = held_out_step_variance(_errors(noise), shrinkage_origins=0)
    assert held_out[0, 0] == pytest.approx((noise[0, 1:] ** 2).mean())
    assert held_out[0, 1] > 1e4


def test_sums_do_not_depend_on_how_far_the_neighbours_were_judged():
    noise = _noise(n=3, depth=13)
    wide = np.concatenate([noise, np.full((3, 12, 24), np.nan)], axis=2)
    plain, padded = _errors(noise).sums, _errors(wide).sums
    for name in ("square_sum", "origin_square_sum", "interval_variance"):
        assert np.array_equal(getattr(plain, name), getattr(padded, name)), name
    assert np.array_equal(plain.lag_square_sum, padded.lag_square_sum[:, :13])


def test_variance_never_falls_with_the_lag():
    noise = _noise() * np.array([1.0, 2.0, 1.5, 3.0, 2.0, 2.5])
    profile = lag_profile(_errors(noise).sums, np.full(40, True), 10)
    assert len(profile) == 10
    assert (np.diff(profile) >= 0).all()
    assert profile[9] == profile[5]


def test_interval_mean_takes_a_part_of_the_next_bucket():
    forecast = np.array([[10.0, 20.0, 30.0], [4.0, 4.0, np.nan]])
    assert interval_mean(forecast, np.array([1.5, 2.0])) == pytest.approx(np.array([20.0, 8.0]))


def _of_moments(mean: float, sd: float, *, whole: bool = False) -> IntervalDemand:
    """Demand over the interval of one series, by mean and standard deviation alone."""
    return IntervalDemand(
        np.array([mean]),
        np.zeros(1),
        np.array([sd]),
        np.full((1, len(PROBABILITIES)), np.nan),
        np.array([""]),
        np.array([whole]),
    )


def _table(mean: float, variance: float, *, lead_time_sd_days: float = 0.0, whole: bool = False) -> pd.Series:
    return interval_table(
        _of_moments(4 * mean, np.sqrt(variance), whole=whole),
        days=np.array([28.0]),
        lead_time_sd_days=np.array([lead_time_sd_days]),
    ).iloc[0]


def test_quantiles_are_those_of_a_gamma_or_negative_binomial_distribution():
    gamma = _table(25.0, 900.0)
    assert gamma.method_code == "gamma"
    assert gamma.p95_qty == pytest.approx(stats.gamma.ppf(0.95, a=100**2 / 900, scale=9.0))
    counts = _table(2.5, 30.0, whole=True)
    assert counts.method_code == "negative_binomial"
    assert counts.p95_qty == stats.nbinom.ppf(0.95, 10**2 / 20, 10 / 30)


def test_lead_time_variance_adds_daily_mean_squared_times_its_own():
    # Chopra and Meindl, ch. 12, example 12-6 in days: m = 2,500, s = 500, L = 7, sL = 7 gives 17,549.9.
    demand = _of_moments(7 * 2500.0, np.sqrt(7) * 500.0)
    row = interval_table(demand, days=np.array([7.0]), lead_time_sd_days=np.array([7.0])).iloc[0]
    assert row.sd_qty == pytest.approx(17549.9, abs=0.1)
    assert row.sd_qty**2 == pytest.approx(row.demand_sd_qty**2 + row.lead_time_sd_qty**2)


def test_whole_units_vary_at_least_like_a_poisson_distribution():
    row = _table(2.0, 1.0, whole=True)
    assert row.method_code == "poisson"
    assert row.sd_qty == pytest.approx(np.sqrt(8.0))
    assert row.p95_qty == stats.poisson.ppf(0.95, 8.0)


def test_zero_variance_gives_zero_buffer_and_zero_demand_gives_zero():
    certain, nothing = _table(7.0, 0.0, whole=True), _table(0.0, 5.0)
    assert certain.method_code == nothing.method_code == "degenerate"
    assert certain.p99_qty == certain.mean_qty == 28
    assert nothing.p99_qty == nothing.sd_qty == 0


def test_quantiles_never_cross_and_stay_finite_at_extremes():
    rng = np.random.default_rng(0)
    mean = np.concatenate([10.0 ** rng.uniform(-40, 13, 600), np.zeros(20)])
    method, sd = demand_method(mean, 10.0 ** rng.uniform(-12, 12, 620), is_whole=rng.random(620) < 0.5)
    for levels in (BUCKET_LEVELS, INTERVAL_LEVELS):
        values = np.array(list(quantiles(mean, sd, method, levels).values()))
        assert np.isfinite(values).all()
        assert (values >= 0).all()
        assert (np.diff(values, axis=0) >= 0).all()


def test_a_forecast_of_almost_nothing_cannot_vary_like_the_past():
    bounded = bounded_by_lumps(np.array([900.0, 25.0]), np.array([0.001, 100.0]), np.array([300.0, 150.0]))
    assert bounded == pytest.approx([0.3, 25.0])


def test_largest_window_is_the_largest_run_of_the_interval():
    history = np.array([[np.nan, 1.0, 5.0, 2.0, 0.0], [3.0, 0.0, 0.0, 4.0, 4.0]])
    assert largest_windows(history, np.array([2.0, 1.5])).tolist() == [7.0, 8.0]
    assert largest_windows(history, np.array([9.0, 1.0])).tolist() == [8.0, 4.0]
