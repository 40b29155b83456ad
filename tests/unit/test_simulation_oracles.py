"""Simulated service and cost against closed forms, published values and exact distributions."""

import numpy as np
import pytest
from scipy import stats

from stockstrata.distributions import loss
from stockstrata.simulation.demand import DemandOutcomes, moments
from stockstrata.simulation.outcomes import weighted
from stockstrata.simulation.policies import kanban, policies
from stockstrata.simulation.run import Horizon, simulate
from stockstrata.simulation.terms import Costs, Opening, terms

ERRORS = 4.5  # standard errors that a right figure may lie from the truth; a million tests would see one beyond


def run(where, demand, chosen, *, periods=1_000, paths=400, warm_up=200, seed=7):
    return simulate(where, demand, chosen, Horizon(periods + warm_up, paths, seed, warm_up)).iloc[0]


def agrees(found, name, truth, bias=0.0):
    assert abs(found[name] - truth) <= ERRORS * found[f"{name}_se"] + bias, (name, found[name], truth)


def test_newsvendor_snyder_shen_example_4_1():
    """Normal(50, 8), h = 0.18, p = 0.70: S = 56.604 costs 1.9976."""
    where = terms(1, lead_time=0, is_whole=False, lost_share_rate=1.0, costs=Costs(0.18, 0.0, 0.70),
                  opening=Opening(0.0))  # fmt: skip
    chosen = policies("newsvendor", item_count=1, order_up_to_qty=56.604)
    found = run(where, moments("normal", 50.0, 8.0, item_count=1), chosen, periods=1, paths=400_000, warm_up=0)
    agrees(found, "total_cost_amount", 1.9976)
    agrees(found, "cycle_service_level", 0.70 / 0.88, bias=1e-5)
    assert found.order_count == 1
    assert found.ordered_qty == pytest.approx(56.604, rel=1e-12)


def test_base_stock_with_lead_time_snyder_shen_example_4_4():
    """Lead time 4: S = 264.767; the order of a period serves five, so the cost is that of Normal(250, 8 sqrt 5)."""
    where = terms(1, lead_time=4, is_whole=False, costs=Costs(0.18, 0.70))
    found = run(
        where, moments("normal", 50.0, 8.0, item_count=1), policies("R_S", item_count=1, order_up_to_qty=264.767)
    )
    agrees(found, "total_cost_amount", 1_000 * 1.9976 * 5**0.5, bias=0.02)


def test_s_S_snyder_shen_example_4_7():  # noqa: N802
    """Poisson(6), h = 1, p = 4, K = 5, (4, 10) costs 8.034111561 a period (Zheng and Federgruen 1991)."""
    chosen = policies("s_S", item_count=1, reorder_point_qty=4, order_up_to_qty=10)
    found = run(terms(1, lead_time=0, costs=Costs(1, 4, 0, 5)), moments("poisson", 6.0, 6**0.5, item_count=1), chosen)
    agrees(found, "total_cost_amount", 1_000 * 8.034111561471642)


def test_r_Q_poisson_snyder_shen_example_5_8():  # noqa: N802
    """Continuous review: Poisson 1.5 a year, L = 2, h = 20, p = 150, K = 100, (3, 5) costs 107.92358 a year.

    In steps of a hundredth of a year, each of which reviews once, the difference is within one step's demand held.
    """
    step = 0.01
    where = terms(1, lead_time=round(2 / step), costs=Costs(20 * step, 150 * step, 0, 100))
    chosen = policies("s_Q", item_count=1, reorder_point_qty=3, order_qty=5)
    demand = moments("poisson", 1.5 * step, (1.5 * step) ** 0.5, item_count=1)
    found = run(where, demand, chosen, periods=20_000, paths=100, warm_up=2_000)
    agrees(found, "total_cost_amount", 107.92358063314975 * 20_000 * step, bias=0.01 * 107.9 * 200)


@pytest.mark.parametrize(("s", "Q", "lead"), [(3, 5, 2), (10, 1, 3), (-2, 8, 1), (18, 25, 4)])
def test_s_Q_backorders_exactly(s, Q, lead):  # noqa: N802, N803
    """The position after review is uniform on s+1..s+Q (Hadley and Whitin), net stock it less demand over L + 1."""
    mean, x = 3.0, np.arange(400)
    where = terms(1, lead_time=lead)
    chosen = policies("s_Q", item_count=1, reorder_point_qty=s, order_qty=Q)
    found = run(where, moments("poisson", mean, mean**0.5, item_count=1), chosen)
    position = np.arange(s + 1, s + Q + 1)[:, None]
    by_closing, by_opening = (stats.poisson.pmf(x, mean * periods) for periods in (lead + 1, lead))
    agrees(found, "mean_on_hand_qty", (np.maximum(position - x, 0) * by_closing).sum() / Q)
    agrees(found, "mean_backlog_qty", (np.maximum(x - position, 0) * by_closing).sum() / Q)
    agrees(found, "ready_rate", ((position > x) * by_closing).sum() / Q)
    agrees(found, "mean_on_order_qty", mean * lead)  # Little's law: pipeline before the order of the period
    short = (np.maximum(x - position, 0) * by_closing).sum() - (np.maximum(x - position, 0) * by_opening).sum()
    agrees(found, "fill_rate", 1 - short / Q / mean)


@pytest.mark.parametrize(("method", "mean", "sd"), [("negative_binomial", 4.0, 4.0), ("gamma", 4.0, 3.0)])
def test_fill_rate_by_loss_functions_of_other_demand(method, mean, sd):
    """(R, S), R = 4, L = 2: fill = 1 - [E(D6 - S)+ - E(D2 - S)+] / (4 m); cycle service = P(D6 <= S)."""
    level = 34.0
    chosen = policies("R_S", item_count=1, order_up_to_qty=level, review_periods=4)
    where = terms(1, lead_time=2, is_whole=method != "gamma")
    found = run(where, moments(method, mean, sd, item_count=1), chosen, paths=800)
    short = loss(method, level, 6 * mean, 6**0.5 * sd) - loss(method, level, 2 * mean, 2**0.5 * sd)
    agrees(found, "fill_rate", 1 - float(short) / (4 * mean))
    frozen = stats.gamma((mean / sd) ** 2 * 6, scale=sd**2 / mean)
    if method == "negative_binomial":
        frozen = stats.nbinom(6 * mean**2 / (sd**2 - mean), mean / sd**2)
    agrees(found, "cycle_service_level", frozen.cdf(level))


def test_s_Q_chopra_meindl_fill_rate():  # noqa: N802
    """m = 2500 a week, sd 500, L = 2, Q = 10,000, s = 6000: fill .9975, cycle service .9214 with demand in small steps.

    In hundredths of a week an order is placed at most a step's demand below s.
    """
    step = 0.01
    where = terms(1, lead_time=round(2 / step), is_whole=False)
    demand = moments("gamma", 2500 * step, 500 * step**0.5, item_count=1)
    chosen = policies("s_Q", item_count=1, reorder_point_qty=6_000, order_qty=10_000)
    found = run(where, demand, chosen, periods=60_000, paths=60, warm_up=2_000)
    agrees(found, "fill_rate", 0.9975, bias=0.0006)
    agrees(found, "cycle_service_level", 0.9214, bias=0.012)


@pytest.mark.parametrize("lead", ["certain", "geometric"])
def test_lost_sales_base_stock_is_erlang_b(lead):
    """(S-1, S) with lost sales, Poisson demand: loss is Erlang B of S and m L for any lead times (Karush 1957).

    Periods are short against the lead time; the unit sold in a period is away for L + 1 of them at most and L at least.
    """
    mean, length, level = 0.01, 200, 3
    where = terms(1, lead_time=length, lost_share_rate=1.0)
    if lead == "geometric":
        at = np.arange(length * 12)
        chance = stats.geom.pmf(at + 1, 1 / (length + 1))
        where = terms(1, lead_time=weighted(at, chance / chance.sum()), lost_share_rate=1.0)
    found = run(
        where, moments("poisson", mean, mean**0.5, item_count=1), policies("R_S", item_count=1, order_up_to_qty=level),
        periods=20_000, paths=150, warm_up=2_400,
    )  # fmt: skip

    def erlang_b(load):
        terms_ = load ** np.arange(level + 1) / np.array([1, 1, 2, 6])
        return terms_[-1] / terms_.sum()

    low, high = erlang_b(mean * length), erlang_b(mean * (length + 1))
    assert 1 - high - ERRORS * found.fill_rate_se <= found.fill_rate <= 1 - low + ERRORS * found.fill_rate_se


def test_random_lead_times_with_crossover_exactly():
    """(R, S), back-orders: the order of k periods ago is still under way with P(L >= k), whatever overtakes it.

    So net stock is S less a sum of independent parts, each Poisson with that chance, else nothing.
    """
    at, chance = np.array([0, 2, 9]), np.array([0.3, 0.5, 0.2])
    chosen = policies("R_S", item_count=1, order_up_to_qty=12)
    demand = moments("poisson", 3.0, 3**0.5, item_count=1)
    found = run(terms(1, lead_time=weighted(at, chance)), demand, chosen, paths=800)
    x = np.arange(300)
    one, none = stats.poisson.pmf(x, 3.0), (x == 0).astype(float)
    under_way = one  # what was asked for in the period itself is ordered at its end
    for k in range(1, 10):
        still = chance[at >= k].sum()
        under_way = np.convolve(under_way, still * one + (1 - still) * none)[: len(x)]
    agrees(found, "mean_on_hand_qty", (np.maximum(12 - x, 0) * under_way).sum())
    agrees(found, "mean_backlog_qty", (np.maximum(x - 12, 0) * under_way).sum())
    agrees(found, "ready_rate", under_way[:12].sum())
    agrees(found, "mean_on_order_qty", 3.0 * 2.8)
    orderly = run(terms(1, lead_time=weighted(at, chance), may_cross=False), demand, chosen, paths=800)
    assert orderly.mean_on_order_qty > found.mean_on_order_qty + 1  # waiting for earlier orders makes lead times longer


def test_undershoot_must_be_covered_by_a_reorder_point_of_periodic_review():
    """(R, s, S), one review a period: s for L alone misses 0.98; with the undershoot it meets it."""
    mean, sd, lead, target = 100.0, 30.0, 2, 0.98
    under = (sd**2 + mean**2) / (2 * mean)
    third = mean**3 * (1 + 3 * (sd / mean) ** 2 + 2 * (sd / mean) ** 4)  # E X^3 of a gamma distribution
    under_variance = third / (3 * mean) - under**2
    demand, where = moments("gamma", mean, sd, item_count=1), terms(1, lead_time=lead, is_whole=False)

    def served(extra_mean, extra_variance):
        m, v = lead * mean + extra_mean, lead * sd**2 + extra_variance
        s = float(stats.gamma.ppf(target, m**2 / v, scale=v / m))
        chosen = policies("R_s_S", item_count=1, reorder_point_qty=s, order_up_to_qty=s + 1_000)
        return run(where, demand, chosen, paths=300)

    without, with_it = served(0.0, 0.0), served(under, under_variance)
    assert without.cycle_service_level < 0.93
    assert with_it.cycle_service_level == pytest.approx(target, abs=0.005)
    assert served(mean, sd**2).cycle_service_level > 0.99


def test_trap_a_receipt_counted_one_period_earlier_is_a_period_of_lead_time():
    demand = moments("poisson", 10.0, 10**0.5, item_count=1)
    chosen = policies("R_S", item_count=1, order_up_to_qty=36)
    late, early = (run(terms(1, lead_time=lead), demand, chosen) for lead in (2, 1))
    assert early.fill_rate - late.fill_rate > 0.03
    shifted = run(terms(1, lead_time=1), demand, policies("R_S", item_count=1, order_up_to_qty=26))
    assert abs(shifted.fill_rate - late.fill_rate) < 0.03


def test_trap_reorder_point_with_the_root_of_the_lead_time():
    """L = 4, m = 100, sd = 30: 499 serves 95 % of the cycles, 299 (mean times root of L) 4.6 %."""
    demand, where = moments("normal", 100.0, 30.0, item_count=1), terms(1, lead_time=3, is_whole=False)
    for level, truth in ((499, 0.95053), (299, 0.04616)):
        found = run(where, demand, policies("R_S", item_count=1, order_up_to_qty=level))
        agrees(found, "cycle_service_level", truth, bias=2e-4)


def test_trap_normal_quantile_on_lumpy_demand():
    """CV 4, target 0.98: the normal level reaches 95 % of cycles and fills far less.

    The demand's own quantile reaches 98 %, and still fills less than that: the two services are not one.
    """
    size = stats.lognorm(1.0, scale=30).ppf((np.arange(60) + 0.5) / 60).round()
    values, chance = np.append(0.0, size), np.append(0.86, np.full(60, 0.14 / 60))
    mean = (values * chance).sum()
    sd = ((values**2 * chance).sum() - mean**2) ** 0.5
    assert 3.5 < sd / mean < 4.5
    demand = DemandOutcomes(weighted(values, chance))
    order = np.argsort(values)
    quantile = values[order][np.searchsorted(np.cumsum(chance[order]), 0.98 - 1e-12)]

    def at(level):
        return run(terms(1, lead_time=0), demand, policies("R_S", item_count=1, order_up_to_qty=np.floor(level)))

    normal, own = at(mean + stats.norm.ppf(0.98) * sd), at(quantile)
    assert 0.93 < normal.cycle_service_level < 0.972
    assert normal.fill_rate < normal.cycle_service_level - 0.05
    assert own.cycle_service_level >= 0.98 - ERRORS * own.cycle_service_level_se
    assert own.fill_rate < 0.97


def test_kanban_cards_that_cover_the_lead_time_never_run_out():
    """N = m (L + 1) (1 + a) / C cards: 12 a day, 3 days and the day of the order, 25 % more, in tens: 6."""
    demand = moments("degenerate", 12.0, 0.0, item_count=1)
    where = terms(1, lead_time=3)
    assert run(where, demand, kanban(6, 10.0, item_count=1), paths=2).stock_out_period_count == 0
    assert run(where, demand, kanban(4, 10.0, item_count=1), paths=2).stock_out_period_count > 0


def test_a_supplier_who_delivers_four_fifths_needs_a_larger_level():
    """Yield 0.8: 25 % more is ordered, and the level must rise, as the order book counts whole orders."""
    demand = moments("poisson", 20.0, 20**0.5, item_count=1)
    chosen = policies("R_S", item_count=1, order_up_to_qty=75)
    perfect = run(terms(1, lead_time=2), demand, chosen)
    poor = run(terms(1, lead_time=2, received_share=0.8), demand, chosen)
    assert poor.ordered_qty / poor.received_qty == pytest.approx(1.25, abs=0.01)
    assert poor.fill_rate < perfect.fill_rate - 0.05
    raised = policies("R_S", item_count=1, order_up_to_qty=75 + 20 * 2 * 0.25 + 5)
    assert run(terms(1, lead_time=2, received_share=0.8), demand, raised).fill_rate > perfect.fill_rate - 0.01


def test_projecting_stock_through_lost_sales_holds_less_than_the_position():
    """With lost sales the position counts demand that nobody serves: no more stock for the same service."""
    demand = moments("poisson", 10.0, 10**0.5, item_count=1)
    where = terms(1, lead_time=8, lost_share_rate=1.0)
    projected = run(
        where, demand,
        policies("projected", item_count=1, order_up_to_qty=16, expected_demand_qty=10, expected_lead_periods=8),
    )  # fmt: skip
    levels = [run(where, demand, policies("R_S", item_count=1, order_up_to_qty=level)) for level in range(86, 102)]
    same = next(found for found in levels if found.fill_rate >= projected.fill_rate - 0.002)
    assert 0.7 < projected.fill_rate < 0.99
    assert projected.mean_on_hand_qty < same.mean_on_hand_qty + 0.2
