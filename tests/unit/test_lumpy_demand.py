"""Lumpy demand (variation 4, target of 98 percent without a stock-out): what normal formulas promise and miss."""

import numpy as np
import pytest
from scipy import special

from stockstrata.distributions import cdf, quantile
from stockstrata.shaped import shape_of


@pytest.fixture(scope="module")
def lumpy():
    """Demand of 400,000 weeks: one in ten has an order, of log-normal size."""
    rng = np.random.default_rng(17)
    has_order = rng.random(400_000) < 0.1
    return np.where(has_order, np.ceil(rng.lognormal(3.0, 0.75, 400_000)), 0.0)


def served(demand, level):
    """Share of weeks without a stock-out and share of demand served, with the level filled up every week."""
    return (demand <= level).mean(), np.minimum(demand, level).sum() / demand.sum()


def test_the_normal_quantile_misses_and_the_empirical_one_meets_the_target(lumpy):
    mean, sd = lumpy.mean(), lumpy.std()
    assert sd / mean == pytest.approx(4, abs=0.3)
    normal = mean + float(special.ndtri(0.98)) * sd
    history = lumpy[:5000]
    shape = shape_of((history - history.mean()) / history.std())[None]
    moments = np.array([history.mean()]), np.array([history.std()])
    empirical = quantile("empirical_count", 0.98, *moments, shape)[0]
    later = lumpy[5000:]
    by_normal, by_shape = served(later, normal), served(later, empirical)
    assert by_normal[0] < 0.97
    assert by_shape[0] == pytest.approx(0.98, abs=0.01)
    # The same 98 percent is far less of the demand: the measure has to be named.
    assert by_normal[1] < by_shape[1] < 0.9
    told = cdf("empirical_count", np.array([empirical]), *moments, shape)[0]
    assert told == pytest.approx(by_shape[0], abs=0.01)
