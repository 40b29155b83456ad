import numpy as np
import pytest
from scipy import special

from stockstrata.review_positions import positions_below_top
from stockstrata.reviewed import reviewed_demand
from stockstrata.safety_stock import order_up_to_fill_rate


def row(value):
    return np.array([value], dtype=float)


def weekly(method, *, lot, is_order_up=False, weeks=10, mean=100.0, sd=30.0):
    def over(count):
        return row(mean * count), row(sd * count**0.5)

    return reviewed_demand(
        method, order_qty=row(lot), is_order_up=np.array([is_order_up]), lead_time=over(weeks), review=over(1),
        protection=over(weeks + 1),
    )  # fmt: skip


def simulate_large_lots(reorder_point, *, weeks, mean, sd, orders=200_000):
    """Share of orders that arrive before stock runs out, and the mean undershoot; lots so large that none overlap."""
    rng = np.random.default_rng(11)
    # Far above the reorder point the position forgets where it came from: 12 reviews are enough.
    above = rng.uniform(10 * mean, 11 * mean, orders)
    undershoot = np.full(orders, np.nan)
    while np.isnan(undershoot).any():
        still = np.isnan(undershoot)
        above[still] -= np.maximum(rng.normal(mean, sd, still.sum()), 0.0)
        undershoot = np.where(still & (above <= 0), -above, undershoot)
    demand = rng.normal(mean * weeks, sd * weeks**0.5, orders)
    return (undershoot + demand <= reorder_point).mean(), undershoot.mean()


def test_target_of_98_percent_is_met_with_the_undershoot_missed_without_and_exceeded_with_a_whole_review():
    case = weekly("normal", lot=5000.0)
    z = float(special.ndtri(0.98))
    ignoring, whole = 1000 + z * 30 * 10**0.5, 1100 + z * 30 * 11**0.5
    exact = case.reorder_point("cycle_service_level", row(0.98))[0]
    shares = [simulate_large_lots(level, weeks=10, mean=100, sd=30)[0] for level in (ignoring, exact, whole)]
    assert shares[0] == pytest.approx(0.9189, abs=0.005)
    assert shares[1] == pytest.approx(0.98, abs=0.002)
    assert shares[2] == pytest.approx(0.9940, abs=0.002)


def test_expected_undershoot_is_that_of_renewal_theory():
    case = weekly("normal", lot=5000.0)
    expected = (100**2 + 30**2) / (2 * 100)
    assert case.undershoot_mean[0] == pytest.approx(expected, rel=1e-3)
    assert simulate_large_lots(0.0, weeks=10, mean=100, sd=30)[1] == pytest.approx(expected, abs=0.5)
    assert weekly("gamma", lot=5000.0, is_order_up=True).undershoot_mean[0] == pytest.approx(expected, rel=1e-3)


def test_certain_demand_is_found_half_a_review_too_low():
    case = weekly("degenerate", lot=5000.0, sd=0.0)
    assert case.undershoot_mean[0] == pytest.approx(50)
    assert case.reorder_point("cycle_service_level", row(0.95))[0] == pytest.approx(1000 + 95)


@pytest.mark.parametrize("is_order_up", [False, True])
def test_lots_that_vanish_are_order_up_to_at_every_review(is_order_up):
    case = weekly("gamma", lot=0.01, is_order_up=is_order_up)
    mean, sd, lead = 1100.0, 30 * 11**0.5, (1000.0, 30 * 10**0.5)
    level = row(1180.0)
    assert case.fill_rate(level)[0] == pytest.approx(
        order_up_to_fill_rate(1180.0, 100.0, mean, sd, *lead, method="gamma"), abs=1e-4
    )
    assert case.cycle_service_level(level)[0] == pytest.approx(
        special.gammainc((mean / sd) ** 2, 1180 * mean / sd**2), abs=1e-4
    )


@pytest.mark.parametrize("measure", ["fill_rate", "ready_rate", "cycle_service_level"])
@pytest.mark.parametrize("is_order_up", [False, True])
@pytest.mark.parametrize("lot", [30.0, 260.0, 5000.0])
def test_the_solution_has_the_target_and_service_rises_with_the_reorder_point(measure, is_order_up, lot):
    for method in ("gamma", "negative_binomial", "normal"):
        case = weekly(method, lot=lot, is_order_up=is_order_up)
        points = case.reorder_point(measure, row(0.96))
        assert getattr(case, measure)(points)[0] == pytest.approx(0.96, abs=1e-6)
        service = [getattr(case, measure)(row(level))[0] for level in np.linspace(1000, 1500, 60)]
        assert (np.diff(service) >= -1e-9).all()


def test_certain_demand_visits_each_depth_once():
    held = positions_below_top("poisson", row(25.0), row(10.0), row(1e-6))
    certain = positions_below_top("degenerate", row(25.0), row(10.0), row(0.0))
    assert certain.reviews[0] == pytest.approx(3)
    assert held.reviews[0] == pytest.approx(3, abs=0.3)


def test_reviews_between_orders_follow_the_renewal_function():
    rng = np.random.default_rng(5)
    for lot in (20.0, 90.0, 400.0):
        held = positions_below_top("gamma", row(lot), row(60.0), row(30.0))
        falls = rng.gamma(4.0, 15.0, (100_000, 40)).cumsum(axis=1)
        assert held.reviews[0] == pytest.approx(1 + (falls < lot).sum(axis=1).mean(), rel=0.01)
