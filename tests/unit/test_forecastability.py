import numpy as np
import pytest

from stockstrata.segmentation.demand_pattern import demand_statistics
from stockstrata.segmentation.forecastability import classify_variability, forecastability


def seasonal(weeks, seed=0, noise=0.1):
    rng = np.random.default_rng(seed)
    peak = np.exp(2.5 * np.cos(2 * np.pi * np.arange(weeks) / 52))
    return 20 * peak * (1 + noise * rng.standard_normal(weeks)).clip(0)


@pytest.mark.parametrize("weeks", [110, 130, 156])
def test_a_seasonal_but_predictable_series_is_x_on_forecastability_and_z_on_raw_variation(
    make_parameters, make_panel, weeks
):
    settings = make_parameters().settings
    panel = make_panel(seasonal(weeks))
    found = forecastability(panel, settings=settings)
    raw = demand_statistics(panel, settings=settings)["demand_cv_ratio"].to_numpy()
    assert classify_variability(found["forecastability_ratio"].to_numpy(), settings=settings).tolist() == ["X"]
    assert classify_variability(raw, settings=settings).tolist() == ["Z"]
    assert found.simple_model_code[0].startswith("seasonal")


def test_the_ratio_of_white_noise_is_its_variation(make_parameters, make_panel):
    rng = np.random.default_rng(5)
    panel = make_panel(rng.gamma(4, 5, (300, 156)))  # coefficient of variation 0.5
    ratio = forecastability(panel, settings=make_parameters().settings)["forecastability_ratio"]
    assert ratio.mean() == pytest.approx(0.5, abs=0.03)


def test_the_error_of_a_constant_series_is_zero(make_parameters, make_panel):
    found = forecastability(make_panel(np.full(60, 7.0)), settings=make_parameters().settings)
    assert found.forecastability_ratio[0] == pytest.approx(0, abs=1e-12)
    assert found.simple_model_code[0] == "mean_13"


def test_a_level_shift_is_followed_by_fast_smoothing(make_parameters, make_panel):
    rng = np.random.default_rng(2)
    walk = 100 + np.cumsum(rng.normal(0, 5, 150))
    assert forecastability(make_panel(walk), settings=make_parameters().settings).simple_model_code[0] == "ses_0.6"


def test_nothing_ahead_of_a_bucket_is_used(make_parameters, make_panel):
    """Hand-computed: the mean of the last 13 weeks as one-step forecast, judged on the newer half."""
    rng = np.random.default_rng(8)
    series = rng.gamma(3, 4, 40)
    errors = {}
    for k in (13, 52):
        errors[k] = [series[t] - series[max(0, t - k) : t].mean() for t in range(20, 40)]
    for alpha in (0.05, 0.1, 0.3, 0.6):
        level, out = series[0], []
        for t in range(1, 40):
            if t >= 20:
                out.append(series[t] - level)
            level += alpha * (series[t] - level)
        errors[alpha] = out
    best = min(np.mean(np.square(e)) ** 0.5 for e in errors.values()) / series[20:].mean()
    found = forecastability(make_panel(series), settings=make_parameters().settings)
    assert found.forecastability_ratio[0] == pytest.approx(best, rel=1e-12)


def test_too_short_and_all_zero_series_are_z_without_a_ratio(make_parameters, make_panel):
    settings = make_parameters().settings
    short = np.concatenate([np.full(57, np.nan), [5.0, 6, 7]])
    found = forecastability(make_panel([np.zeros(60), short]), settings=settings)
    assert found.forecastability_ratio.isna().all()
    assert found.simple_model_code.isna().all()
    assert classify_variability(found.forecastability_ratio.to_numpy(), settings=settings).tolist() == ["Z", "Z"]


def test_months_work_like_weeks(make_parameters, make_panel):
    months = np.tile([1, 1, 1, 2, 4, 12, 30, 12, 4, 2, 1, 1.0], 3)
    found = forecastability(make_panel(months, freq="MS", first="2020-01-01"), settings=make_parameters().settings)
    assert found.forecastability_ratio[0] < 1e-9


def test_a_series_is_judged_alike_alone_and_among_others(make_parameters, make_panel):
    settings = make_parameters().settings
    rng = np.random.default_rng(4)
    qty = rng.gamma(2, 3, (20, 130))
    qty[7, :60] = np.nan
    together = forecastability(make_panel(qty), settings=settings)["forecastability_ratio"]
    alone = forecastability(make_panel(qty[7]), settings=settings)["forecastability_ratio"]
    assert together[7] == alone[0]
