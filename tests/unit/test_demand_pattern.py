import numpy as np
import pytest

from stockstrata.segmentation.demand_pattern import classify_pattern, demand_statistics


def test_hand_case_of_the_interval_and_the_size_variation(make_parameters, make_panel):
    out = demand_statistics(make_panel([0, 0, 3, 0, 5, 4.0]), settings=make_parameters().settings)
    assert out.nonzero_count[0] == 3
    assert out.adi_buckets[0] == pytest.approx(4 / 3)  # buckets from the first demand on, leading zeros trimmed
    assert out.cv2_ratio[0] == pytest.approx(0.0625)  # sample variance 1 over 4^2
    assert out.pattern_code[0] == "insufficient"


def test_four_hand_built_series_land_in_the_four_quadrants(make_parameters, make_panel):
    smooth, erratic = [9, 10, 11, 10] * 6, [1, 30, 2, 1] * 6
    intermittent, lumpy = [9, 0, 11, 0] * 6, [1, 0, 30, 0] * 6
    out = demand_statistics(make_panel([smooth, erratic, intermittent, lumpy]), settings=make_parameters().settings)
    assert out.pattern_code.tolist() == ["smooth", "erratic", "intermittent", "lumpy"]


def test_three_observations_are_insufficient(make_parameters, make_panel):
    out = demand_statistics(make_panel([5, 0, 5, 0, 5, 0.0]), settings=make_parameters().settings)
    assert out.pattern_code.tolist() == ["insufficient"]


def test_cuts_belong_to_the_harder_class(make_parameters):
    found = classify_pattern(
        np.array([1.32, 1.31, 1.32]), np.array([0.48, 0.49, 0.49]), np.full(3, 20), settings=make_parameters().settings
    )
    assert found.tolist() == ["intermittent", "erratic", "lumpy"]


def test_bernoulli_lognormal_demand_is_recovered(make_parameters, make_panel):
    rng = np.random.default_rng(3)
    size = rng.lognormal(1, 0.5, (400, 150))
    qty = np.where(rng.random((400, 150)) < 0.4, size, 0)
    out = demand_statistics(make_panel(qty), settings=make_parameters().settings)
    assert out.adi_buckets.mean() == pytest.approx(2.5, rel=0.03)
    assert out.cv2_ratio.mean() == pytest.approx(np.exp(0.25) - 1, rel=0.06)


def test_an_all_zero_series_has_no_statistics(make_parameters, make_panel):
    out = demand_statistics(make_panel([np.zeros(30), [0] * 29 + [4.0]]), settings=make_parameters().settings)
    assert out.nonzero_count.tolist() == [0, 1]
    assert out.history_buckets.tolist() == [30, 30]
    assert out.loc[0, ["adi_buckets", "cv2_ratio", "demand_cv_ratio"]].isna().all()
    assert out.first_demand_date.isna().tolist() == [True, False]
    assert out.adi_buckets[1] == 1
    assert np.isnan(out.cv2_ratio[1])


def test_only_the_look_back_counts_and_the_start_is_trimmed(make_parameters, make_panel):
    qty = np.concatenate([np.full(8, np.nan), [100.0], np.zeros(11), [5, 0, 5, 0, 5, 0, 5, 0]])
    out = demand_statistics(make_panel(qty), settings=make_parameters(pattern_lookback_days=56).settings)
    assert out.nonzero_count[0] == 4
    assert out.adi_buckets[0] == 2
    assert out.history_buckets[0] == 20
    assert str(out.first_demand_date[0].date()) == "2020-03-02"
    assert str(out.last_demand_date[0].date()) == "2020-07-06" or out.last_demand_date[0] > out.first_demand_date[0]


def test_raw_variation_starts_at_the_first_demand(make_parameters, make_panel):
    out = demand_statistics(make_panel([0, 0, 2, 4, 6.0]), settings=make_parameters().settings)
    assert out.demand_cv_ratio[0] == pytest.approx(2 / 4)
