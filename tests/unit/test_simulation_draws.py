"""Draws: right distributions, and the same number for item, path and period whatever else is drawn."""

import numpy as np
import pytest
from scipy import stats

from stockstrata.simulation.demand import DemandMoments, DemandOutcomes, DemandQuantiles, moments
from stockstrata.simulation.engine import Chunk, draw
from stockstrata.simulation.outcomes import observed, weighted
from stockstrata.simulation.terms import stable_keys, terms


def drawn(demand, *, items=1, periods=200, paths=500, seed=11, where=None, chunk=None):
    where = where or terms(items, lead_time=1, is_whole=not isinstance(demand, DemandMoments) or True)
    return draw(where, demand, chunk or Chunk(slice(0, items), 0, paths), period_count=periods, seed=seed)


@pytest.mark.parametrize(
    ("method", "mean", "sd"),
    [
        ("poisson", 0.3, 0.3**0.5), ("poisson", 7.0, 7**0.5), ("poisson", 4e6, 2e3), ("poisson", 3e8, 3e8**0.5),
        ("negative_binomial", 0.2, 1.1), ("negative_binomial", 12.0, 8.0), ("negative_binomial", 900.0, 700.0),
        ("negative_binomial", 50.0, 2_000.0), ("negative_binomial", 10.0, 10**0.5),
    ],
)  # fmt: skip
def test_counts_have_their_distribution(method, mean, sd):
    values = drawn(moments(method, mean, sd, item_count=1)).demand.ravel()
    frozen = stats.poisson(mean)
    if method == "negative_binomial" and sd**2 > 1.05 * mean:
        frozen = stats.nbinom(mean**2 / (sd**2 - mean), mean / sd**2)
    at = np.unique(frozen.ppf([0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.9995]))
    share = (values[:, None] <= at).mean(axis=0)
    error = np.sqrt(frozen.cdf(at) * frozen.sf(at) / len(values))
    assert (np.abs(share - frozen.cdf(at)) <= 5 * error + 1e-9).all()
    assert (values == np.floor(values)).all()


@pytest.mark.parametrize(
    ("method", "mean", "sd", "frozen"),
    [
        ("gamma", 10.0, 5.0, stats.gamma(4, scale=2.5)),
        ("gamma", 10.0, 40.0, stats.gamma(1 / 16, scale=160)),
        ("normal", 100.0, 20.0, stats.norm(100, 20)),
    ],
)
def test_quantities_have_their_distribution(method, mean, sd, frozen):
    where = terms(1, lead_time=1, is_whole=False)
    values = drawn(moments(method, mean, sd, item_count=1), where=where).demand.ravel()
    assert stats.kstest(values, frozen.cdf).pvalue > 1e-4


def test_the_normal_quantile_is_that_of_scipy_far_into_the_tails():
    from stockstrata.simulation.chance import _normal

    for u in (1e-300, 1e-16, 1e-9, 0.0249, 0.074, 0.0751, 0.3, 0.5, 0.6, 0.95, 1 - 1e-9):
        assert _normal(u) == pytest.approx(stats.norm.ppf(u), rel=1e-13, abs=1e-15)


def test_paths_periods_and_items_are_not_correlated():
    values = drawn(moments("normal", 1000.0, 10.0, item_count=4), items=4, periods=400, paths=400).demand
    z = (values - 1000) / 10
    limit = 5 / np.sqrt(z[0].size)
    assert abs((z[:, 1:] * z[:, :-1]).mean()) < limit
    assert abs((z[:, :, 1:] * z[:, :, :-1]).mean()) < limit
    assert abs((z[1:] * z[:-1]).mean()) < limit
    assert abs((z[0] * z[3]).mean()) < limit
    assert abs((z[0, :-1, 1:] * z[0, 1:, :-1]).mean()) < limit


def test_certain_demand_of_broken_size_keeps_its_mean_in_whole_units():
    values = drawn(moments("degenerate", 2.3, 0.0, item_count=1)).demand
    assert set(np.unique(values)) == {2.0, 3.0}
    assert values.mean() == pytest.approx(2.3, abs=0.01)


def test_values_seen_are_drawn_as_often_as_each_other():
    values = drawn(DemandOutcomes(observed([np.array([0.0, 0.0, 5.0]), np.array([7.0])])), items=2).demand
    assert (values[0] == 5).mean() == pytest.approx(1 / 3, abs=0.01)
    assert (values[1] == 7).all()


def test_quantiles_are_met():
    levels, quantity = np.array([0.0, 0.5, 0.9, 1.0]), np.array([[0.0, 10.0, 40.0, 100.0]])
    where = terms(1, lead_time=1, is_whole=False)
    values = drawn(DemandQuantiles(levels, quantity), where=where).demand
    assert np.quantile(values, [0.25, 0.5, 0.9, 0.95]) == pytest.approx([5, 10, 40, 70], rel=0.03)
    by_period = np.repeat(quantity[:, None], 200, axis=1)
    by_period[:, 100:] *= 2
    twice = drawn(DemandQuantiles(levels, by_period), where=where).demand
    assert (twice[:, :100] == values[:, :100]).all()
    assert twice[:, 100:] == pytest.approx(2 * values[:, 100:])


def test_means_may_change_from_period_to_period():
    mean = np.where(np.arange(200) % 2, 3.0, 30.0)[None, :]
    values = drawn(DemandMoments(np.array(["poisson"]), mean, np.sqrt(mean))).demand
    assert values[0, 0::2].mean() == pytest.approx(30, rel=0.01)
    assert values[0, 1::2].mean() == pytest.approx(3, rel=0.02)
    assert (
        values[0, :, 0] == drawn(DemandMoments(np.array(["poisson"]), mean, np.sqrt(mean)), paths=1).demand[0, :, 0]
    ).all()


@pytest.mark.parametrize("method", ["negative_binomial", "gamma", "poisson"])
def test_a_draw_depends_on_seed_item_path_and_period_alone(method):
    """Any part, drawn alone, has the numbers it has in the whole: chunks and threads cannot change them."""
    lead = weighted(np.arange(1, 6), np.full(5, 0.2))
    where = terms(6, lead_time=lead, received_share=weighted(np.array([0.5, 1.0]), np.array([0.5, 0.5])),
                  lost_share_rate=0.4)  # fmt: skip
    demand = moments(method, np.linspace(1.0, 6.0, 6), 4.0, item_count=6)
    whole = draw(where, demand, Chunk(slice(0, 6), 0, 9), period_count=30, seed=5)
    part = draw(where, demand, Chunk(slice(2, 4), 3, 4), period_count=12, seed=5)
    for name in ("demand", "lead", "received_share", "rounding"):
        assert (getattr(part, name) == getattr(whole, name)[2:4, :12, 3:7]).all(), name
    other = draw(where, demand, Chunk(slice(2, 4), 3, 4), period_count=12, seed=6)
    assert (other.demand != part.demand).mean() > 0.3


def test_named_items_keep_their_draws_in_another_company():
    names, place = np.array(["A", "B", "C"]), np.array(["L1", "L1", "L2"])
    demand = moments("poisson", 5.0, 5**0.5, item_count=3)
    together = drawn(demand, items=3, where=terms(names, lead_time=1, keys=stable_keys(names, place)))
    alone = drawn(
        moments("poisson", 5.0, 5**0.5, item_count=1),
        where=terms(names[1:2], lead_time=1, keys=stable_keys(names[1:2], place[1:2])),
    )
    assert (together.demand[1] == alone.demand[0]).all()
    assert len(set(stable_keys(names, place))) == 3
