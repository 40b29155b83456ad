"""Running policies: equal bytes on any number of threads, honest errors, laws that stop a run, refused inputs."""

import numpy as np
import pandas as pd
import pytest

from stockstrata.errors import PlanningError
from stockstrata.replenishment import feasible_order_up
from stockstrata.simulation.demand import DemandMoments, DemandTraces, moments
from stockstrata.simulation.engine import Chunk, ConservationError, Run, draw
from stockstrata.simulation.outcomes import observed, weighted
from stockstrata.simulation.policies import policies, review_calendars
from stockstrata.simulation.run import Horizon, compare, simulate
from stockstrata.simulation.terms import Costs, Opening, terms, weekday_calendar

N = 12
LEAD = weighted(np.arange(1, 5), np.full(4, 0.25))
COSTS = Costs(holding_amount=0.1, backlog_amount=1.0, lost_amount=4.0, order_amount=2.0)
MEAN = np.linspace(0.5, 8.0, N)
DEMAND = DemandMoments(np.array(["negative_binomial", "gamma", "poisson"] * 4), MEAN, np.sqrt(2.5 * MEAN))


def company(**changed):
    settings = {
        "lead_time": LEAD,
        "lost_share_rate": 0.5,
        "costs": COSTS,
        "received_share": weighted([0.8, 1.0], [0.5, 0.5]),
    }
    return terms(N, **(settings | changed))


def planned(extra=0.0):
    return policies("s_S", item_count=N, reorder_point_qty=5 * MEAN + extra, order_up_to_qty=9 * MEAN + extra)


def test_threads_and_chunks_do_not_change_a_byte():
    horizon = Horizon(40, 70, seed=3, warm_up_period_count=10)
    both = {"today": planned(), "more": planned(3.0)}
    first = compare(company(), DEMAND, both, horizon)
    for settings in ({"workers": 2}, {"workers": 3, "memory_mib": 3}, {"memory_mib": 0}):
        again = compare(company(), DEMAND, both, horizon, **settings)
        for name in both:
            pd.testing.assert_frame_equal(first.results[name], again.results[name], check_exact=True)
        pd.testing.assert_frame_equal(first.differences["more"], again.differences["more"], check_exact=True)


def test_policies_are_compared_on_the_same_draws():
    found = compare(company(), DEMAND, {"today": planned(), "more": planned(2.0)}, Horizon(100, 60, seed=1))
    today, more, gap = found.results["today"], found.results["more"], found.differences["more"]
    assert (today["demand_qty"] == more["demand_qty"]).all()
    for name in ("fill_rate", "mean_on_hand_qty", "lost_qty", "total_cost_amount"):
        assert gap[name].to_numpy() == pytest.approx((more[name] - today[name]).to_numpy(), abs=1e-9)
    apart = np.hypot(today["mean_on_hand_qty_se"], more["mean_on_hand_qty_se"])
    assert (gap["mean_on_hand_qty_se"] < apart / 2).mean() > 0.8
    same = compare(company(), DEMAND, {"today": planned(), "same": planned()}, Horizon(50, 9, seed=1)).differences[
        "same"
    ]
    assert (same.drop(columns="item_id").to_numpy() == 0).all()


def test_standard_errors_are_as_wide_as_the_estimates_scatter():
    n = 400
    where = terms(n, lead_time=2, lost_share_rate=1.0, costs=COSTS)
    chosen = policies("s_Q", item_count=n, reorder_point_qty=9, order_qty=6)
    found = simulate(
        where, moments("poisson", 3.0, 3**0.5, item_count=n), chosen, Horizon(60, 40, seed=8, warm_up_period_count=10)
    )
    for name in ("fill_rate", "cycle_service_level", "mean_on_hand_qty", "total_cost_amount", "ready_rate"):
        assert found[name].std() == pytest.approx(found[f"{name}_se"].mean(), rel=0.15), name
    alone = simulate(where, moments("poisson", 3.0, 3**0.5, item_count=n), chosen, Horizon(60, 1, seed=8))
    assert alone["fill_rate_se"].isna().all()


def test_costs_are_rates_times_what_was_counted():
    found = simulate(company(), DEMAND, planned(), Horizon(50, 20, seed=2))
    assert found["holding_cost_amount"].to_numpy() == pytest.approx(0.1 * 50 * found["mean_on_hand_qty"].to_numpy())
    shortage = 50 * found["mean_backlog_qty"] + 4 * found["lost_qty"]
    assert found["shortage_cost_amount"].to_numpy() == pytest.approx(shortage.to_numpy())
    assert found["order_cost_amount"].to_numpy() == pytest.approx(2 * found["order_count"].to_numpy())
    parts = found[["holding_cost_amount", "shortage_cost_amount", "order_cost_amount"]].sum(axis=1)
    assert found["total_cost_amount"].to_numpy() == pytest.approx(parts.to_numpy())


def test_a_custom_policy_that_says_the_same_does_the_same():
    level = np.ceil(9 * MEAN)

    def up_to_level(state):
        position = state.on_hand_qty + state.on_order_qty - state.backlog_qty
        return np.maximum(level[state.items, None] - position, 0.0)

    horizon = Horizon(40, 15, seed=4)
    told = policies("custom", item_count=N, order_up_to_qty=level)
    built_in = policies("R_S", item_count=N, order_up_to_qty=level)
    one = simulate(company(), DEMAND, told, horizon, order_function=up_to_level, workers=2)
    other = simulate(company(), DEMAND, built_in, horizon)
    columns = [name for name in one if not name.startswith("cycle")]  # custom reviews without an order end no cycle
    pd.testing.assert_frame_equal(one[columns], other[columns], check_exact=True)
    with pytest.raises(PlanningError, match="item 0 has a custom policy"):
        simulate(company(), DEMAND, told, horizon)
    with pytest.raises(PlanningError, match="shape"):
        simulate(company(), DEMAND, told, horizon, order_function=lambda state: np.zeros(2))
    with pytest.raises(ConservationError, match="item 0, path 0, period 0: opening orders"):
        simulate(company(), DEMAND, told, horizon, order_function=lambda state: state.on_hand_qty * np.nan)


def started(where=None):
    where = where or terms(3, lead_time=2, lost_share_rate=0.0, opening=Opening(6.0))
    chosen = policies("R_S", item_count=3, order_up_to_qty=12)
    draws = draw(
        where, moments("poisson", 3.0, 3**0.5, item_count=3), Chunk(slice(0, 3), 5, 4), period_count=20, seed=1
    )
    run = Run(where, Chunk(slice(0, 3), 5, 4), draws, chosen)
    calendars = review_calendars(where, chosen, 20)
    run.advance(0, 8, chosen, calendars)
    return run, draws, lambda: run.advance(8, 20, chosen, calendars)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda run, draws: np.add.at(run.state.on_hand, (1, 2), 1.0), "period 8: opening stock"),
        (lambda run, draws: np.add.at(run.state.backlog, (1, 2), 1.0), "period 8: opening"),
        (lambda run, draws: np.add.at(run.state.on_order, (1, 2), 1.0), "period 8: the open orders"),
        (lambda run, draws: np.add.at(run.state.due, (1, 3, 2), 1.0), "period 8: the open orders"),
        (lambda run, draws: np.add.at(run.state.good, (1, 0, 2), -99.0), "period 8: opening stock"),
        (lambda run, draws: draws.demand.__setitem__((1, 13, 2), -1.0), "period 13: demand"),
        (lambda run, draws: draws.demand.__setitem__((1, 13, 2), np.nan), "period 13: demand"),
        (lambda run, draws: draws.lead.__setitem__((1, 0, 0), 40), "lead times"),
        (lambda run, draws: draws.lead.__setitem__((1, 0, 0), -1), "lead times"),
    ],
)  # fmt: skip
def test_trap_a_broken_law_ends_the_run_and_names_item_path_and_period(spoil, told):
    run, draws, go_on = started()
    spoil(run, draws)
    with pytest.raises(ConservationError, match=f"item 1, path .*{told}") as failure:
        go_on()
    if "lead" not in told:
        assert "path 7" in str(failure.value)  # the third of a chunk that begins with path 5


def test_nothing_spoilt_goes_on():
    started()[2]()


def test_an_order_at_exactly_the_reorder_point():
    where = terms(2, lead_time=0, opening=Opening(np.array([5.0, 6.0])))
    quiet = DemandTraces(np.zeros((2, 3)))
    found = simulate(
        where, quiet, policies("s_Q", item_count=2, reorder_point_qty=5, order_qty=4), Horizon(3, 1, seed=0)
    )
    assert found["order_count"].tolist() == [1, 0]


def test_at_or_below_is_not_decided_by_rounding_of_broken_units():
    where = terms(1, lead_time=0, is_whole=False, opening=Opening(0.7))
    demand = DemandTraces(np.array([[0.1, 0.1, 0.1, 0.1]]))  # 0.7 - 0.1 - 0.1 - 0.1 is a little above 0.4
    found = simulate(
        where, demand, policies("s_Q", item_count=1, reorder_point_qty=0.4, order_qty=5.0), Horizon(4, 1, seed=0)
    )
    assert found["order_count"].tolist() == [1]


@pytest.mark.parametrize(("gap", "moq", "multiple"), [(7.0, 0, 0), (7.0, 9, 4), (3.2, 0, 1), (0.0, 9, 4), (8.0, 0, 4)])
def test_order_sizes_are_those_of_the_planning_formula(gap, moq, multiple):
    where = terms(1, lead_time=0, is_whole=False, moq_qty=moq, order_multiple_qty=multiple, opening=Opening(10.0 - gap))
    chosen = policies("R_S", item_count=1, order_up_to_qty=10.0)
    found = simulate(where, DemandTraces(np.zeros((1, 1))), chosen, Horizon(1, 1, seed=0))
    assert found["ordered_qty"][0] == pytest.approx(float(feasible_order_up(gap, moq, multiple)), abs=1e-12)


def test_the_newsvendor_buys_once_whatever_comes():
    where = terms(1, lead_time=3, lost_share_rate=1.0, opening=Opening(2.0), order_multiple_qty=5)
    found = simulate(
        where,
        DemandTraces(np.full((1, 6), 4.0)),
        policies("newsvendor", item_count=1, order_up_to_qty=14),
        Horizon(6, 2, seed=0),
    )
    assert found[["order_count", "ordered_qty", "received_qty", "lost_qty"]].iloc[0].tolist() == [1, 15, 15, 7]


def test_what_is_not_stocked_runs_down_and_what_is_made_to_order_waits():
    where = terms(2, lead_time=1, lost_share_rate=np.array([0.0, 1.0]), opening=Opening(np.array([5.0, 0.0])))
    chosen = policies(np.array(["do_not_stock", "make_to_order"]), item_count=2)
    found = simulate(where, DemandTraces(np.full((2, 10), 2.0)), chosen, Horizon(10, 1, seed=0))
    assert found["order_count"].tolist() == [0, 10]
    assert found["lost_qty"].tolist() == [15, 0]
    assert found["mean_backlog_qty"].tolist() == [0, (2 + 8 * 4 + 4) / 10]


def test_reviews_on_closed_days_are_held_on_the_next_open_one():
    where = terms(1, lead_time=0, is_open=weekday_calendar(0, (0, 2), 14))
    chosen = policies("R_S", item_count=1, order_up_to_qty=9, review_periods=4, review_phase=1)
    calendars, rows = review_calendars(where, chosen, 14)
    # Due in 1, 5, 9 and 13; Mondays are 0 and 7, Wednesdays 2 and 9.
    assert np.flatnonzero(calendars[rows[0]]).tolist() == [2, 7, 9]


def test_memory_stays_within_its_bound():
    import tracemalloc

    where, demand = terms(200, lead_time=LEAD), moments("poisson", 5.0, 5**0.5, item_count=200)
    chosen = policies("R_S", item_count=200, order_up_to_qty=25)
    simulate(where, demand, chosen, Horizon(100, 2, seed=1))
    tracemalloc.start()
    simulate(where, demand, chosen, Horizon(100, 500, seed=1), memory_mib=8)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12 * 2**20  # all of it at once: 98 MiB


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        (lambda: terms(2, lead_time=np.array([1.0, 2.5])), "item 1 has a lead time"),
        (lambda: terms(2, lead_time=1, lost_share_rate=1.5), "item 0 has a lost share"),
        (lambda: terms(2, lead_time=1, order_multiple_qty=np.array([1.0, 2.5])), "item 1 has an order multiple"),
        (lambda: terms(1, lead_time=1, moq_qty=-1.0), "smallest order"),
        (lambda: terms(1, lead_time=1, received_share=-0.1), "share received"),
        (lambda: weighted([1, 2], [0.5, 0.6]), "add up to 1"),
        (lambda: observed([np.array([])]), "item 0 has values"),
        (lambda: policies("s_T", item_count=1), "unknown family"),
        (lambda: policies("s_Q", item_count=1, reorder_point_qty=3), "no order quantity"),
        (lambda: policies("s_S", item_count=1, reorder_point_qty=3, order_up_to_qty=2), "below its reorder point"),
        (lambda: policies("R_S", item_count=1, order_up_to_qty=2, review_periods=0), "review period"),
        (lambda: policies("R_S", item_count=1, order_up_to_qty=np.nan), "no number"),
    ],
)
def test_terms_and_policies_that_make_no_sense_are_refused(inputs, told):
    with pytest.raises(PlanningError, match=told):
        inputs()


@pytest.mark.parametrize(
    ("demand", "told"),
    [
        (moments("poisson", -1.0, 1.0, item_count=1), "mean below zero"),
        (moments("poisson", 1.0, np.inf, item_count=1), "deviation below zero or no number"),
        (DemandTraces(np.array([[1.0, 2.5, 3.0]])), "broken demand"),
        (DemandTraces(np.array([[1.0, 2.0]])), "2 periods; expected 3"),
        (DemandTraces(np.ones((2, 3))), "2 items; expected 1"),
    ],
)
def test_demand_that_is_none_is_refused(demand, told):
    with pytest.raises(PlanningError, match=told):
        simulate(terms(1, lead_time=1), demand, policies("R_S", item_count=1, order_up_to_qty=3), Horizon(3, 1, seed=0))
