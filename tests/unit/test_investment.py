import itertools

import numpy as np
import pytest
from scipy import stats

from stockstrata.buffers import ServiceCase, service_level_stock
from stockstrata.exchange import cost_optimal_rung, cost_sensitivity
from stockstrata.investment import Ladder, at_rung, ladder, level_for_fill, lower_hull, mix_for_budget, mix_for_fill
from stockstrata.mix import segment_mixes
from stockstrata.parameters import ServiceMix

DATED = {"valid_from_date": "1900-01-01", "approved_by": "t", "reason": "t"}


def made_case(n=40, seed=2, method="gamma", is_periodic=False):
    rng = np.random.default_rng(seed)
    mean = rng.lognormal(3, 1, n)
    sd = mean * rng.uniform(0.3, 1.5, n)
    return ServiceCase(
        method=np.full(n, method), measure=np.full(n, "fill_rate"), target=np.full(n, 0.95),
        is_periodic=np.full(n, is_periodic), is_order_up=np.zeros(n, dtype=bool), mean=mean, demand_sd=sd,
        supply_sd=np.zeros(n), total_sd=sd, lead_time_share=np.full(n, 0.75), order_qty=mean * rng.uniform(0.3, 1, n),
        shape=np.full((n, 72), np.nan),
    )  # fmt: skip


@pytest.fixture
def company():
    case = made_case()
    rng = np.random.default_rng(8)
    cost, demand = rng.lognormal(2, 1.5, 40), case.mean * 12
    rungs = ladder(
        case, current_level=service_level_stock(case), floor_level=np.zeros(40), unit_cost=cost, annual_demand=demand
    )
    return rungs, demand


def test_ladders_rise_in_value_and_service(company):
    rungs, _ = company
    assert (np.diff(rungs.stock_value, axis=1) >= 0).all()
    assert (np.diff(rungs.fill_rate, axis=1) >= 0).all()


def test_the_mix_never_costs_more_than_uniform_targets_at_equal_service(company):
    rungs, demand = company
    values = []
    for target in (0.85, 0.9, 0.95, 0.98, 0.99):
        at = level_for_fill(rungs, target)
        reached = 1 - at_rung(rungs.short_qty, at).sum() / demand.sum()
        mix = mix_for_fill(rungs, demand, reached)
        assert mix.short_qty.sum() / demand.sum() == pytest.approx(1 - reached, abs=1e-9)
        assert mix.stock_value.sum() <= at_rung(rungs.stock_value, at).sum() + 1e-6
        assert mix.shortfall == 0
        values.append(mix.stock_value.sum())
    assert (np.diff(values) > 0).all()


def test_marginal_returns_meet_at_the_shadow_price(company):
    """No item not at its top has a better step left than the last one taken, and none was raised for less."""
    rungs, demand = company
    mix = mix_for_fill(rungs, demand, 0.96)
    hull = lower_hull(rungs.stock_value, rungs.short_qty)
    assert (mix.return_rate <= mix.shadow_price * (1 + 1e-9)).all()
    for k in range(len(demand)):
        points = np.flatnonzero(hull[k])
        taken = points[rungs.stock_value[k, points] <= mix.stock_value[k] + 1e-9]
        if len(taken) > 1:
            saved = rungs.short_qty[k, taken[-2]] - rungs.short_qty[k, taken[-1]]
            spent = rungs.stock_value[k, taken[-1]] - rungs.stock_value[k, taken[-2]]
            assert saved / spent >= mix.shadow_price * (1 - 1e-9)


def test_returns_equal_the_price_on_every_item_as_rungs_grow_dense():
    demand = np.array([100.0, 50.0, 200.0])
    cost, scale = np.array([1.0, 5.0, 2.0]), np.array([10.0, 4.0, 25.0])
    stock = np.linspace(0, 200, 4001)
    short = demand[:, None] * np.exp(-stock / scale[:, None])
    value = cost[:, None] * stock
    mix = mix_for_fill(Ladder(np.tile(stock, (3, 1)), 1 - short / demand[:, None], value, short), demand, 0.95)
    assert mix.return_rate == pytest.approx(np.full(3, mix.shadow_price), rel=0.02)
    assert mix.short_qty / (cost * scale) == pytest.approx(np.full(3, mix.shadow_price), rel=0.02)


def test_greedy_steps_equal_the_best_of_all_choices():
    rng = np.random.default_rng(4)
    for _ in range(20):
        steps = -np.sort(-rng.uniform(1, 10, (3, 3)), axis=1)
        short = 40 - np.column_stack([np.zeros(3), steps.cumsum(axis=1)])
        value = np.tile(np.arange(4.0), (3, 1))
        rungs = Ladder(value, 1 - short / 40, value, short)
        for budget in (1.0, 4.0, 7.0):
            best = min(
                sum(short[i, k] for i, k in enumerate(chosen))
                for chosen in itertools.product(range(4), repeat=3)
                if sum(chosen) <= budget
            )
            assert mix_for_budget(rungs, budget).short_qty.sum() == pytest.approx(best)


def test_a_budget_below_the_floors_and_a_target_above_the_tops_tell_what_lacks(company):
    rungs, demand = company
    least = rungs.stock_value[:, 0].sum()
    assert mix_for_budget(rungs, least - 10).shortfall == pytest.approx(10)
    spent = mix_for_budget(rungs, least + 500)
    assert spent.shortfall == 0
    assert spent.stock_value.sum() == pytest.approx(least + 500)
    assert mix_for_fill(rungs, demand, 1 - 1e-12).shortfall > 0


def test_no_item_of_a_mix_falls_below_its_floor():
    case, rng = made_case(), np.random.default_rng(1)
    floor = service_level_stock(case.measured_by("cycle_service_level", 0.98))
    rules = (
        ServiceMix.model_validate(DATED | {"segment_code": "*", "objective_code": "fill_target", "fill_target": 0.8}),
    )
    mixes = segment_mixes(
        case, np.full(40, "AX"), current_level=floor, floor_level=floor, unit_cost=rng.lognormal(2, 1, 40),
        annual_demand=case.mean * 12, rules=rules,
    )  # fmt: skip
    assert (mixes.level_qty >= floor - 1e-6).all()


@pytest.mark.parametrize("ratio", [0.6, 0.9, 0.97])
def test_the_cost_optimum_is_that_of_the_newsvendor(ratio):
    """Stock left over costs h, stock short p: the best level is the critical quantile."""
    levels = np.linspace(0, 60, 6001)
    demand = stats.norm(30, 8)
    short = stats.norm(0, 1).pdf((levels - 30) / 8) * 8 - (levels - 30) * demand.sf(levels)
    left = levels - 30 + short
    rungs = Ladder(levels[None], (1 - short / 30)[None], left[None], short[None])
    best = cost_optimal_rung(rungs, np.array([1 - ratio]), np.array([ratio]))[0]
    assert levels[best] == pytest.approx(demand.ppf(ratio), abs=0.02)
    assert cost_optimal_rung(rungs, np.array([0.1]), np.array([np.nan]))[0] == -1


def test_uncertain_costs_move_the_optimum_between_two_newsvendors_and_the_regret_is_that_of_the_dearer_mistake():
    levels = np.linspace(0, 60, 6001)
    demand = stats.norm(30, 8)
    short = stats.norm(0, 1).pdf((levels - 30) / 8) * 8 - (levels - 30) * demand.sf(levels)
    rungs = Ladder(levels[None], (1 - short / 30)[None], (levels - 30 + short)[None], short[None])
    holding, shortage = np.array([1.0]), np.array([9.0])
    best = cost_optimal_rung(rungs, holding, shortage)
    found = cost_sensitivity(rungs, holding, shortage, best, uncertainty_rate=0.5)

    def level(p):
        return demand.ppf(p / (p + 1))

    def fill(p):
        return float(np.interp(level(p), levels, 1 - short / 30))

    def cost(p, at):
        return float(np.interp(at, levels, levels - 30 + short) + p * np.interp(at, levels, short))

    assert found.low_fill_rate[0] == pytest.approx(fill(6.0), abs=1e-4)
    assert found.high_fill_rate[0] == pytest.approx(fill(13.5), abs=1e-4)
    regret = max(cost(p, level(9.0)) - cost(p, level(p)) for p in (6.0, 13.5))
    assert found.regret_amount[0] == pytest.approx(regret, rel=0.01)
    none = cost_sensitivity(rungs, holding, shortage, best, uncertainty_rate=0.0)
    assert (none.low_fill_rate[0], none.regret_amount[0]) == (none.high_fill_rate[0], 0.0)
    unknown = cost_sensitivity(rungs, holding, np.array([np.nan]), np.array([-1]), uncertainty_rate=0.5)
    assert np.isnan([unknown.low_fill_rate[0], unknown.high_fill_rate[0], unknown.regret_amount[0]]).all()


def test_moving_the_target_costs_what_a_simulation_says():
    """From 95 to 98 percent fill under (R, S): the rise of stock on the shelf, buffer and half a review's demand."""
    n, mean, sd, lead = 200_000, 40.0, 16.0, 3
    one = made_case(n=1, is_periodic=True)
    moments = {"mean": np.array([mean * (lead + 1)]), "total_sd": np.array([sd * (lead + 1) ** 0.5])}
    case = ServiceCase(**(vars(one) | moments | {"demand_sd": moments["total_sd"], "order_qty": np.array([mean])}))
    levels = [service_level_stock(case.measured_by("fill_rate", goal))[0] for goal in (0.95, 0.98)]
    rng = np.random.default_rng(6)
    demand = rng.gamma((mean / sd) ** 2, sd**2 / mean, n)
    held, shares = [], []
    for level in levels:
        total = np.convolve(demand, np.ones(lead), "valid")[:-1]
        before, asked = level - total, demand[lead : lead + len(total)]
        after = before - asked
        held.append(((np.maximum(before, 0) + np.maximum(after, 0)) / 2).mean())
        shares.append(1 - (np.maximum(-after, 0) - np.maximum(-before, 0)).mean() / mean)
    assert shares == pytest.approx([0.95, 0.98], abs=0.003)
    rungs = ladder(
        case, current_level=np.array([levels[0]]), floor_level=np.zeros(1), unit_cost=np.ones(1),
        annual_demand=np.array([mean * 52]),
    )  # fmt: skip
    at = [level_for_fill(rungs, goal) for goal in (0.95, 0.98)]
    rise = at_rung(rungs.stock_value, at[1])[0] - at_rung(rungs.stock_value, at[0])[0]
    assert rise == pytest.approx(held[1] - held[0], rel=0.12)
