import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from stockstrata.distributions import (
    METHODS,
    OVERDISPERSION_MAX,
    SHAPED,
    cdf,
    choose_method,
    loss,
    quantile,
    smooth_quantile,
    unit_normal_loss,
    widest_variation,
)

PARAMETRIC = [method for method in METHODS if method not in SHAPED]
MEANS = st.floats(0.01, 500)
RATIOS = st.floats(1.06, 40)


@pytest.mark.parametrize(("k", "expected"), [(0, 0.398942), (1, 0.083315), (1.645, 0.020886), (2.326, 0.003392)])
def test_unit_normal_loss_matches_the_published_table(k, expected):
    assert unit_normal_loss(k) == pytest.approx(expected, abs=5e-7)


def test_golden_losses():
    mean = 6 * 0.3 / 0.7
    assert loss("poisson", 18, 15, 15**0.5) == pytest.approx(0.517610, abs=5e-7)
    assert loss("negative_binomial", 14, mean, (mean / 0.7) ** 0.5) == pytest.approx(7.010e-5, abs=5e-9)
    assert loss("gamma", 9, 8, 32**0.5) == pytest.approx(1.791787, abs=5e-7)


@settings(max_examples=60, deadline=None)
@given(mean=MEANS, ratio=RATIOS, p=st.floats(0.01, 0.999))
def test_quantiles_agree_with_scipy(mean, ratio, p):
    variance = mean * ratio
    sd = variance**0.5
    r, q = mean**2 / (variance - mean), mean / variance
    assume(sd <= mean * widest_variation(p))
    assert quantile("gamma", p, mean, sd) == pytest.approx(
        stats.gamma.ppf(p, mean**2 / variance, scale=ratio), rel=1e-9
    )
    for method, frozen in (("negative_binomial", stats.nbinom(r, q)), ("poisson", stats.poisson(mean))):
        x = float(quantile(method, p, mean, sd))
        assert frozen.cdf(x) >= p - 1e-12
        assert x == 0 or frozen.cdf(x - 1) < p + 1e-12


@pytest.mark.parametrize("p", [0.9, 0.95, 0.98, 0.99])
def test_the_widest_variation_is_where_the_quantile_is_largest(p):
    variation = np.geomspace(0.5, 60, 5000)
    by_variation = stats.gamma.ppf(p, variation**-2.0, scale=variation**2)
    at_widest = stats.gamma.ppf(p, widest_variation(p) ** -2.0, scale=widest_variation(p) ** 2)
    assert at_widest == pytest.approx(by_variation.max(), rel=1e-4)
    assert quantile("gamma", p, 1.0, 500.0) == pytest.approx(by_variation.max(), rel=1e-4)


@settings(max_examples=100, deadline=None)
@given(
    method=st.sampled_from(["gamma", "negative_binomial"]),
    mean=MEANS,
    ratio=st.floats(1.1, 5000),
    wider=st.floats(1, 50),
    p=st.floats(0.9, 0.999),
)
def test_more_uncertainty_or_a_higher_target_never_needs_less_stock(method, mean, ratio, wider, p):
    sd = (mean * ratio) ** 0.5
    here = quantile(method, p, mean, sd)
    # The negative binomial is widest a little beside the gamma distribution: by less than a unit or one in fifty.
    slack = 1e-9 * here if method == "gamma" else 1.0 + here / 50
    assert quantile(method, p, mean, sd * wider) >= here - slack
    assert quantile(method, min(p + 0.0005, 0.9995), mean, sd) >= here - 1e-9 * here


@settings(max_examples=60, deadline=None)
@given(mean=st.floats(0.05, 60), ratio=RATIOS, x=st.integers(0, 150))
def test_discrete_losses_equal_the_sum_over_the_tail(mean, ratio, x):
    sd = (mean * ratio) ** 0.5
    y = np.arange(x, x + 20_000)
    for method, frozen in (
        ("negative_binomial", stats.nbinom(mean**2 / (sd**2 - mean), mean / sd**2)),
        ("poisson", stats.poisson(mean)),
    ):
        assert loss(method, x, mean, sd) == pytest.approx(frozen.sf(y).sum(), abs=1e-7)


@settings(max_examples=60, deadline=None)
@given(method=st.sampled_from(PARAMETRIC), mean=MEANS, ratio=RATIOS, x=st.floats(-10, 900), step=st.floats(0, 50))
def test_loss_falls_and_never_below_what_mean_demand_lacks(method, mean, ratio, x, step):
    sd = (mean * ratio) ** 0.5
    here, there = loss(method, x, mean, sd), loss(method, x + step, mean, sd)
    assert there <= here + 1e-9
    assert here >= max(mean - x, 0) - 1e-7


@settings(max_examples=60, deadline=None)
@given(method=st.sampled_from(PARAMETRIC), mean=MEANS, ratio=RATIOS, p=st.floats(0.05, 0.999))
def test_quantile_reaches_its_probability(method, mean, ratio, p):
    sd = (mean * ratio) ** 0.5
    x, smooth = quantile(method, p, mean, sd), smooth_quantile(method, p, mean, sd)
    # Below this, floating point has hardly a digit left, and a gamma of tiny shape has its quantile there or at zero.
    at = np.maximum(x, 1e-300) if method == "gamma" else x
    assert cdf(method, at, mean, sd) >= p - 1e-9
    assert x - 1 - 1e-9 <= smooth <= x + 1e-9


@pytest.mark.parametrize("method", PARAMETRIC)
def test_certain_demand_needs_its_mean_and_nothing_more(method):
    assert quantile(method, 0.99, 12.5, 0.0) == 12.5
    assert loss(method, 12.5, 12.5, 0.0) == 0
    assert loss(method, 10, 12.5, 0.0) == 2.5
    assert cdf(method, [12, 12.5], 12.5, 0.0).tolist() == [0, 1]


@pytest.mark.parametrize("method", [m for m in PARAMETRIC if m != "normal"])
def test_no_demand_needs_nothing(method):
    assert quantile(method, 0.99, 0.0, 3.0) == 0
    assert loss(method, 0.0, 0.0, 3.0) == 0
    assert cdf(method, 0.0, 0.0, 3.0) == 1


def test_method_follows_units_and_dispersion():
    mean, sd = np.array([10, 10, 10, 0, 10.0]), np.array([5, 3, 5, 1, 0.0])
    whole = np.array([True, True, False, True, True])
    expected = ["negative_binomial", "poisson", "gamma", "degenerate", "degenerate"]
    assert choose_method(mean, sd, is_whole=whole).tolist() == expected


@pytest.mark.parametrize("ratio", [1e9, 1e12, 1e16, 1e20])
@pytest.mark.parametrize("mean", [1e-9, 1.0, 1e4, 1e10, 1e17])
def test_extreme_dispersion_has_an_answer(mean, ratio):
    """Mean over variance vanishes beside 1 there, and the search for the quantile once never ended."""
    sd, levels = (mean * ratio) ** 0.5, np.array([0.5, 0.9, 0.99, 0.9999])
    x = quantile("negative_binomial", levels, mean, sd)
    assert (np.diff(x) >= 0).all()
    assert (x == np.floor(x)).all()
    assert (cdf("negative_binomial", x, mean, sd) >= levels).all()
    assert np.isfinite(loss("negative_binomial", x, mean, sd)).all()


@pytest.mark.parametrize("mean", [1.0, 1e4, 1e8])
def test_gamma_takes_over_from_the_negative_binomial_without_a_step(mean):
    below, above = ((mean * OVERDISPERSION_MAX * factor) ** 0.5 for factor in (1 - 1e-6, 1 + 1e-6))
    for p in (0.5, 0.9, 0.99, 0.99999):
        here, there = (float(quantile("negative_binomial", p, mean, sd)) for sd in (below, above))
        assert there == pytest.approx(here, rel=1e-5, abs=1)
    here, there = (loss("negative_binomial", mean, mean, sd) for sd in (below, above))
    assert there == pytest.approx(here, rel=1e-5)


@pytest.mark.parametrize("method", ["negative_binomial", "poisson"])
def test_quantile_beyond_whole_numbers_of_a_float_ends(method):
    x = quantile(method, 0.95, 1e17, 1e12)
    assert x == pytest.approx(1e17, rel=1e-4)
