import numpy as np
import pytest

from stockstrata.distributions import loss
from stockstrata.second_order_loss import second_order_loss
from stockstrata.shaped import PROBABILITIES


@pytest.mark.parametrize("method", ["normal", "gamma"])
@pytest.mark.parametrize("stock", [-2.0, 0.0, 3.0, 12.0])
def test_continuous_demand_has_the_area_under_its_loss(method, stock):
    beyond = np.linspace(stock, stock + 400, 400_001)
    area = np.trapezoid(loss(method, beyond, 10.0, 7.0), beyond)
    assert second_order_loss(method, stock, 10.0, 7.0) == pytest.approx(area, rel=1e-5)


@pytest.mark.parametrize(("method", "sd"), [("poisson", 2.0), ("negative_binomial", 5.0)])
@pytest.mark.parametrize("stock", [-2.0, 0.0, 3.0, 12.0])
def test_whole_demand_has_the_sum_of_its_losses(method, sd, stock):
    total = loss(method, np.arange(stock + 1, stock + 400), 4.0, sd).sum()
    assert second_order_loss(method, stock, 4.0, sd) == pytest.approx(total, rel=1e-9)


def test_shapes_have_the_area_under_their_loss():
    shape = np.sort(np.random.default_rng(3).gamma(2.0, 1.0, len(PROBABILITIES))) - 2.0
    for stock in (-1.0, 0.0, 4.0, 11.0):
        beyond = np.linspace(stock, stock + 60, 20_001)
        rows = np.broadcast_to(shape, (len(beyond), len(shape)))
        area = np.trapezoid(loss("empirical", beyond, 6.0, 3.0, rows), beyond)
        found = second_order_loss("empirical", np.array([stock]), 6.0, 3.0, shape[None])
        assert found[0] == pytest.approx(area, rel=1e-4)


def test_certain_demand_and_a_missing_shape():
    assert second_order_loss("degenerate", 0.0, 3.0, 0.0) == 4.5
    assert second_order_loss("poisson", 0.0, 3.0, 0.0) == 3.0
    with pytest.raises(ValueError, match="shape"):
        second_order_loss("conformal", 1.0, 1.0, 1.0)
