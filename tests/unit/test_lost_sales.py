"""Lost sales: the bias that stock-outs leave in sales is taken back, and nothing is added where stock never ran out."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockstrata.history.expected import expected_demand, in_whole_units, season_factors
from stockstrata.history.lost_sales import Availability, is_recorded_while_out, lost_sales

WEEKS, DAYS = 156, 7


@dataclass
class Simulated:
    """What a shop knows after serving known demand from stock, by week."""

    demand_qty: np.ndarray
    sales_qty: np.ndarray
    in_stock_rate: np.ndarray
    run_outs: np.ndarray
    is_short: np.ndarray


def simulate(demand: np.ndarray, *, cover_steps: float, lead_steps: int, review_steps: int, steps: int) -> Simulated:
    """Order up to a level at each review, sell from stock, lose the rest; `steps` steps are a week."""
    count, length = demand.shape
    level = np.rint(demand.mean(axis=1) * cover_steps)
    stock, pipeline = level.copy(), np.zeros((count, length + lead_steps + 1))
    sales, opening, closing = (np.zeros(demand.shape) for _ in range(3))
    for step in range(length):
        stock = stock + pipeline[:, step]
        opening[:, step] = stock
        sales[:, step] = np.minimum(demand[:, step], stock)
        stock = stock - sales[:, step]
        closing[:, step] = stock
        if step % review_steps == 0:
            pipeline[:, step + lead_steps] += np.maximum(level - stock - pipeline[:, step + 1 :].sum(axis=1), 0)
    by_week = (count, length // steps, steps)
    rate = ((opening > 0).astype(float) + (closing > 0)) / 2
    ran_out = (opening > 0) & (closing <= 0)
    return Simulated(
        demand.reshape(by_week).sum(axis=2),
        sales.reshape(by_week).sum(axis=2),
        rate.reshape(by_week).mean(axis=2),
        ran_out.reshape(by_week).sum(axis=2),
        closing.reshape(by_week)[:, :, -1] <= 0,
    )


def estimate(sales, rate, is_dry, run_outs=0, *, factor=None, span=8.0, gap=13.0, source="flag"):
    sales = np.atleast_2d(np.asarray(sales, dtype=float))
    available = Availability(
        np.broadcast_to(np.asarray(rate, dtype=float), sales.shape),
        np.broadcast_to(np.asarray(is_dry, dtype=bool), sales.shape),
        np.broadcast_to(np.asarray(run_outs, dtype=float), sales.shape),
        np.full(sales.shape, source, dtype=object),
    )
    return lost_sales(
        sales, sales, np.ones(sales.shape), available,
        factor=np.ones(sales.shape) if factor is None else factor,
        span_buckets=span, least_buckets=4, most_gap_buckets=gap, most_flagged_gap_buckets=2 * gap,
    )  # fmt: skip


def demand_of(kind: str, rng: np.random.Generator) -> np.ndarray:
    shape = (60, WEEKS * DAYS)
    if kind == "poisson":
        return rng.poisson(rng.uniform(1, 8, (60, 1)), shape).astype(float)
    if kind == "erratic":
        return rng.negative_binomial(0.6, 0.6 / (0.6 + rng.uniform(1, 8, (60, 1))), shape).astype(float)
    if kind == "trend":
        return rng.poisson(np.linspace(2, 5, WEEKS * DAYS) * np.ones(shape)).astype(float)
    return (rng.random(shape) < 0.06) * rng.integers(1, 6, shape).astype(float)


COVERS = (12, 12.5, 13, 14, 15, 16, 17, 18, 20, 22, 24, 26, 28, 30, 34, 38, 46, 60)
KINDS = ("poisson", "erratic", "trend", "intermittent")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("knows", ["every_day", "end_of_week"])
def test_bias_falls_below_a_third_at_85_percent_availability(kind, knows):
    daily = demand_of(kind, np.random.default_rng(7))
    if knows == "every_day":
        runs = [simulate(daily, cover_steps=c, lead_steps=10, review_steps=7, steps=7) for c in COVERS]
        sold = min(runs, key=lambda run: abs(run.in_stock_rate.mean() - 0.85))
        share = sold.in_stock_rate.mean()
        found = estimate(sold.sales_qty, sold.in_stock_rate, False, sold.run_outs)
    else:
        # A weekly panel only says that the shelf was empty in the end.
        weekly = daily.reshape(60, WEEKS, DAYS).sum(axis=2)
        runs = [simulate(weekly, cover_steps=c / 7, lead_steps=2, review_steps=1, steps=1) for c in COVERS]
        sold = min(runs, key=lambda run: abs(1 - run.is_short.mean() - 0.85))
        share = 1 - sold.is_short.mean()
        rate = np.where(sold.is_short, np.where(sold.sales_qty > 0, 0.5, 0.0), 1.0)
        found = estimate(sold.sales_qty, rate, sold.is_short & (sold.sales_qty > 0))
    assert 0.8 < share < 0.9
    raw = sold.sales_qty.mean() - sold.demand_qty.mean()
    corrected = (sold.sales_qty + found.lost_qty).mean() - sold.demand_qty.mean()
    assert raw < 0
    assert abs(corrected) < abs(raw) / 3


@given(st.lists(st.integers(0, 50), min_size=1, max_size=80))
def test_full_availability_changes_nothing(sales):
    found = estimate(sales, 1.0, False)
    assert not found.lost_qty.any()
    assert set(found.method_code.ravel()) == {""}


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_estimates_are_whole_finite_and_never_negative(buckets):
    sales, rate, dry = zip(*buckets, strict=True)
    found = estimate(sales, rate, dry)
    assert np.isfinite(found.lost_qty).all()
    assert (found.lost_qty >= 0).all()
    assert (found.lost_qty == np.rint(found.lost_qty)).all()


@pytest.mark.parametrize("sales", [[0, 0, 0, 0, 0, 0], [3, 1, 0, 2, 5, 1]])
def test_a_series_that_was_never_in_stock_stays_as_it_is(sales):
    found = estimate(sales, 0.0, np.array(sales) > 0)
    assert not found.lost_qty.any()
    assert set(found.method_code.ravel()) == {"not_estimated"}


def test_an_empty_week_without_stock_gets_what_the_weeks_around_it_sell():
    rate = [1] * 6 + [0] + [1] * 6
    found = estimate([10] * 6 + [0] + [10] * 6, rate, False)
    assert found.lost_qty[0, 6] == 10
    assert found.lost_qty.sum() == 10
    assert found.method_code[0, 6] == "expected_demand"


def test_a_true_zero_in_stock_stays_zero():
    found = estimate([10, 10, 0, 10, 10], [1, 1, 1, 1, 1], False)
    assert not found.lost_qty.any()


def test_half_a_week_in_stock_counts_half():
    found = estimate([10] * 6 + [5] + [10] * 6, [1] * 6 + [0.5] + [1] * 6, False)
    assert found.lost_qty[0, 6] == 5
    assert found.method_code[0, 6] == "availability_weighted"


def test_the_season_of_a_gap_is_the_season_of_other_years():
    week = np.arange(156)
    level = 100 * (1 + 0.6 * np.cos(2 * np.pi * week / 52))
    rate = np.ones(156)
    rate[98:112] = 0
    sales = np.where(rate > 0, level, 0.0)
    season = season_factors(sales[None], rate[None], season_length=52)
    found = estimate(sales, rate, False, factor=season)
    assert np.abs(found.lost_qty[0, 98:112] / level[98:112] - 1).max() < 0.1


def test_white_noise_has_no_season():
    noise = np.random.default_rng(5).poisson(20, (50, 156)).astype(float)
    factors = season_factors(noise, np.ones(noise.shape), season_length=52)
    assert (factors == 1).all(axis=1).mean() > 0.95


def test_weeks_before_the_first_stock_are_left_out_and_a_long_gap_at_the_end_is_the_end():
    sales = [0] * 5 + [10] * 30 + [0] * 30
    rate = [0] * 5 + [1] * 30 + [0] * 30
    found = estimate(sales, rate, False)
    assert set(found.method_code[0, :5]) == {"not_yet_available"}
    assert set(found.method_code[0, 35:]) == {""}
    assert not found.lost_qty.any()
    shorter = estimate(sales[:-10], rate[:-10], False)
    assert (shorter.lost_qty[0, 35:] == 10).all()


def test_an_empty_ledger_is_a_stock_out_for_a_quarter_and_then_nobody_keeps_the_item():
    for weeks, lost in ((13, 130), (14, 0)):
        rate = [1] * 30 + [0] * weeks + [1] * 30
        sales = [10 * share for share in rate]
        assert estimate(sales, rate, False, source="stock").lost_qty.sum() == lost
        assert estimate(sales, rate, False, source="flag").lost_qty.sum() == 10 * weeks


def test_demand_that_goes_on_without_stock_is_what_was_ordered():
    out = np.array([[False, True, True, False]])
    expected = np.full((1, 4), 10.0)
    assert is_recorded_while_out(np.array([[9.0, 11.0, 8.0, 10.0]]), expected, out, 0.5)
    assert not is_recorded_while_out(np.array([[9.0, 0.0, 2.0, 10.0]]), expected, out, 0.5)
    assert not is_recorded_while_out(np.full((1, 4), 10.0), expected, np.zeros((1, 4), dtype=bool), 0.5)


def test_expected_demand_is_sales_over_time_in_stock():
    found = expected_demand(np.array([[10.0, 5.0, 10.0]]), np.array([[1.0, 0.5, 1.0]]), span_buckets=8)
    assert found == pytest.approx(np.full((1, 3), 10.0))


@given(st.lists(st.floats(0, 30), min_size=1, max_size=50), st.sampled_from([1.0, 4.0]))
def test_whole_units_keep_the_total_to_half_a_unit(amounts, unit):
    qty = np.array([amounts])
    whole = in_whole_units(qty, np.array([unit]))
    assert abs(whole.sum() - qty.sum()) <= unit / 2 + 1e-6
    assert (whole % unit == 0).all()
    assert (in_whole_units(qty, np.zeros(1)) == qty).all()
