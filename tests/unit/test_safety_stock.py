import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from stockstrata.safety_stock import (
    cycle_service_level,
    cycle_service_of_fill_rate,
    expected_shortage,
    fill_rate,
    fill_rate_of_cycle_service,
    lead_time_demand_sd,
    order_up_to_fill_rate,
    order_up_to_for_fill_rate,
    reorder_point,
    reorder_point_for_cycle_service,
    reorder_point_for_fill_rate,
    safety_stock_cycle_service,
)

SD = 500 * 2**0.5  # Chopra & Meindl ch. 12: 2500 a week, sd 500, two weeks of lead time
METHOD = st.sampled_from(["normal", "gamma", "negative_binomial", "poisson"])
MEAN, RATIO, ORDER = st.floats(0.1, 400), st.floats(1.06, 30), st.floats(1, 800)
TARGET = st.floats(0.5, 0.995)


def test_chopra_meindl_cycle_service():
    assert safety_stock_cycle_service(0.90, SD) == pytest.approx(stats.norm.ppf(0.9) * SD, abs=1e-9)
    assert round(float(safety_stock_cycle_service(0.90, SD)), 1) == 906.2
    assert round(float(cycle_service_level(1000, SD)), 4) == 0.9214


def test_chopra_meindl_expected_shortage_and_fill_rate():
    by_integral, _ = integrate.quad(lambda x: (x - 6000) * stats.norm.pdf(x, 5000, SD), 6000, 12_000)
    assert expected_shortage(1000, SD) == pytest.approx(by_integral, abs=1e-6)
    assert round(float(expected_shortage(1000, SD)), 2) == 25.13
    assert round(float(fill_rate(6000, 10_000, 5000, SD)), 4) == 0.9975


def test_chopra_meindl_safety_stock_for_a_fill_rate():
    found = reorder_point_for_fill_rate(np.array([0.975, 0.98, 0.985, 0.99, 0.995]), 10_000, 5000, SD) - 5000
    assert found.round(1).tolist() == [66.7, 183.0, 321.5, 499.3, 767.1]


def test_chopra_meindl_lead_time_uncertainty():
    sd = lead_time_demand_sd(7, 500, 2500, np.array([7, 5, 3, 1, 0]))
    assert sd == pytest.approx(np.sqrt(7 * 500**2 + 2500**2 * np.array([7, 5, 3, 1, 0]) ** 2), abs=1e-9)
    assert round(float(sd[0]), 1) == 17_549.9
    assert safety_stock_cycle_service(0.90, sd).round(0).tolist() == [22_491, 16_109, 9_760, 3_625, 1_695]


def test_trap_reorder_point_takes_mean_times_lead_time_not_its_root():
    assert reorder_point(4, 100, 1.65 * lead_time_demand_sd(4, 30)) == pytest.approx(499, abs=1e-9)


def test_trap_forecast_error_and_not_demand_variation_sets_the_buffer_of_a_seasonal_item():
    season = 100 + 60 * np.sin(2 * np.pi * np.arange(104) / 52)
    demand = season + np.random.default_rng(7).normal(0, 10, 104)
    by_error = safety_stock_cycle_service(0.95, (demand - season).std(ddof=1))
    by_demand = safety_stock_cycle_service(0.95, demand.std(ddof=1))
    assert by_demand > 4 * by_error


def test_trap_cycle_service_is_not_fill_rate():
    assert fill_rate_of_cycle_service(0.95, 10_000, SD) == pytest.approx(
        1 - float(expected_shortage(stats.norm.ppf(0.95) * SD, SD)) / 10_000, abs=1e-9
    )
    assert fill_rate_of_cycle_service(0.5, 10_000, SD) > 0.97
    assert cycle_service_of_fill_rate(0.98, 10_000, SD) < 0.61


@settings(max_examples=40, deadline=None)
@given(target=TARGET, order=ORDER, sd=st.floats(1, 300))
def test_conversion_between_the_measures_goes_there_and_back(target, order, sd):
    fill = fill_rate_of_cycle_service(target, order, sd)
    if 1e-6 < fill < 1 - 1e-9:
        assert cycle_service_of_fill_rate(fill, order, sd) == pytest.approx(target, abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(method=METHOD, mean=MEAN, ratio=RATIO, order=ORDER, target=TARGET)
def test_fill_rate_of_the_solution_is_the_target(method, mean, ratio, order, target):
    sd = (mean * ratio) ** 0.5
    s = reorder_point_for_fill_rate(target, order, mean, sd, method=method)
    assert fill_rate(s, order, mean, sd, method=method) == pytest.approx(target, abs=1e-7)
    up_to = order_up_to_for_fill_rate(target, mean / 3, mean, sd, mean * 2 / 3, sd * 0.8, method=method)
    served = order_up_to_fill_rate(up_to, mean / 3, mean, sd, mean * 2 / 3, sd * 0.8, method=method)
    assert served == pytest.approx(target, abs=1e-7)


@settings(max_examples=60, deadline=None)
@given(method=METHOD, mean=MEAN, ratio=RATIO, order=ORDER, target=st.floats(0.5, 0.98), more=st.floats(0.001, 0.015))
def test_more_service_needs_more_stock_and_larger_orders_less(method, mean, ratio, order, target, more):
    sd = (mean * ratio) ** 0.5
    s = reorder_point_for_fill_rate(target, order, mean, sd, method=method)
    assert reorder_point_for_fill_rate(target + more, order, mean, sd, method=method) >= s - 1e-7
    assert reorder_point_for_fill_rate(target, order * 1.5, mean, sd, method=method) <= s + 1e-7
    by_cycle = [reorder_point_for_cycle_service(t, mean, sd, method=method) for t in (target, target + more)]
    assert by_cycle[1] >= by_cycle[0]


@settings(max_examples=40, deadline=None)
@given(target=TARGET, lead=st.floats(0.1, 30), longer=st.floats(0, 20), sd=st.floats(0, 50), mean=st.floats(0, 100))
def test_longer_or_less_certain_lead_times_need_no_less_stock(target, lead, longer, sd, mean):
    def level(weeks, spread):
        buffer = safety_stock_cycle_service(target, lead_time_demand_sd(weeks, sd, mean, spread))
        return reorder_point(weeks, mean, buffer)

    assert level(lead + longer, 1.0) >= level(lead, 1.0) - 1e-9
    assert level(lead, 1.0 + longer) >= level(lead, 1.0) - 1e-9


def test_no_variation_needs_no_buffer():
    assert safety_stock_cycle_service(0.99, lead_time_demand_sd(4, 0, 100, 0)) == 0
    assert reorder_point_for_fill_rate(0.9, 10, 50, 0.0).tolist() == [49]


def test_poisson_continuous_review_simulation_meets_both_measures():
    """Order one unit at a time in continuous time: orders trigger exactly at s, so the formulas are exact."""
    rng, rate, lead, s, q, orders = np.random.default_rng(11), 3.0, 2.0, 8, 5, 60_000
    arrivals = np.cumsum(rng.exponential(1 / rate, orders * q))
    placed = arrivals[q - 1 :: q]  # the position falls from s + Q to s at every Q-th demand
    ready = placed + lead
    # Unit k (from 0) is stock at the start if k < s + Q, else it comes with order number (k - s - Q) // Q.
    number = np.arange(orders * q)
    source = (number - s - q) // q
    served = np.where(source < 0, True, ready[np.maximum(source, 0)] <= arrivals)
    fill = served[200:].mean()
    during = np.searchsorted(arrivals, ready[:-20], side="right") - np.searchsorted(
        arrivals, placed[:-20], side="right"
    )
    mean, sd = rate * lead, (rate * lead) ** 0.5
    assert fill == pytest.approx(float(fill_rate(s, q, mean, sd, method="poisson")), abs=0.004)
    assert (during <= s).mean() == pytest.approx(float(stats.poisson.cdf(s, mean)), abs=0.006)
