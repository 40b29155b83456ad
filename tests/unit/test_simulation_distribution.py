"""Two echelons: equal to one echelon where they must be, exact closed forms, fair shares."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from stockstrata.errors import PlanningError
from stockstrata.simulation.demand import DemandTraces, moments
from stockstrata.simulation.distribution import allocate, simulate_distribution
from stockstrata.simulation.engine import Chunk, draw
from stockstrata.simulation.outcomes import weighted
from stockstrata.simulation.policies import policies
from stockstrata.simulation.run import Horizon, simulate
from stockstrata.simulation.terms import Opening, terms

HORIZON = Horizon(120, 40, seed=6, warm_up_period_count=30)
SUPPLIER = np.array([-1, 0, 0])


def demand_of(rows):
    return moments("poisson", 4.0, 2.0, item_count=rows)


@pytest.mark.parametrize("lost", [0.0, 1.0, 0.4])
def test_a_warehouse_that_never_runs_short_makes_stores_single_locations(lost):
    lead = weighted(np.array([1, 3]), np.array([0.5, 0.5]))
    where = terms(3, lead_time=lead, lost_share_rate=lost)
    chosen = policies("R_s_S", item_count=3, reorder_point_qty=np.array([9e5, 14, 16]),
                      order_up_to_qty=np.array([1e6, 22, 30]), review_periods=2)  # fmt: skip
    two, one = (
        simulate_distribution(where, demand_of(3), chosen, SUPPLIER, HORIZON),
        simulate(where, demand_of(3), chosen, HORIZON),
    )
    for name in two.columns[1:]:
        assert two[name].to_numpy()[1:] == pytest.approx(one[name].to_numpy()[1:], rel=1e-12), name
    assert two["fill_rate"][0] == 1


def test_a_warehouse_without_stock_adds_its_lead_time_and_a_period():
    leads = np.array([2.0, 1.0])
    chosen = policies("R_S", item_count=2, order_up_to_qty=np.array([0.0, 25.0]))
    two = simulate_distribution(terms(2, lead_time=leads), demand_of(2), chosen, np.array([-1, 0]), HORIZON)
    one = simulate(terms(2, lead_time=np.array([2.0, 2 + 1 + 1])), demand_of(2), chosen, HORIZON)
    for name in ("fill_rate", "mean_on_hand_qty", "mean_backlog_qty", "stock_out_period_count", "ordered_qty"):
        assert two[name][1] == pytest.approx(one[name][1], rel=1e-12), name
    assert two["fill_rate"][0] == 0


@pytest.mark.parametrize("level", [4, 10, 16])
def test_a_serial_system_exactly(level):
    """Base stocks S_w and S: the store has S - (D over L_w + 1, less S_w)+ - D over L + 1 (Clark, Scarf)."""
    chosen = policies("R_S", item_count=2, order_up_to_qty=np.array([float(level), 12.0]))
    found = simulate_distribution(
        terms(2, lead_time=np.array([2.0, 1.0])), demand_of(2), chosen, np.array([-1, 0]), Horizon(600, 400, 2, 50)
    )
    x = np.arange(150)
    upstream, own = stats.poisson.pmf(x, 4.0 * 3), stats.poisson.pmf(x, 4.0 * 2)
    owed = np.append(upstream[: level + 1].sum(), upstream[level + 1 :])
    gone = np.convolve(owed, own)
    y = np.arange(len(gone))
    for row, name, truth in (
        (1, "mean_on_hand_qty", (np.maximum(12 - y, 0) * gone).sum()),
        (1, "mean_backlog_qty", (np.maximum(y - 12, 0) * gone).sum()),
        (0, "mean_backlog_qty", (np.maximum(x - level, 0) * upstream).sum()),
    ):
        assert abs(found[name][row] - truth) <= 4.5 * found[f"{name}_se"][row], name


def test_shortage_by_hand():
    """The warehouse has 6; the stores ask for 6 and 3: in proportion 4 and 2, by priority 6 and none."""
    where = terms(3, lead_time=np.array([1.0, 0.0, 0.0]), opening=Opening(np.array([6.0, 10.0, 10.0])))
    chosen = policies("R_S", item_count=3, order_up_to_qty=np.array([6.0, 10.0, 10.0]))
    demand = DemandTraces(np.array([[0.0, 0.0], [6.0, 6.0], [3.0, 9.0]]))
    for rule, left in (("proportional", (2, 0)), ("priority", (4, 0))):
        found = simulate_distribution(where, demand, chosen, SUPPLIER, Horizon(2, 1, 0), rule=rule)
        assert (2 * found["mean_on_hand_qty"]).tolist()[1:] == [4 + left[0], 7 + left[1]]
        assert (2 * found["mean_backlog_qty"]).tolist()[1:] == [0, 0 if rule == "proportional" else 2]


@settings(max_examples=200, deadline=None)
@given(
    asked=st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=6), min_size=1, max_size=4),
    stock=st.lists(st.integers(0, 90), min_size=4, max_size=4),
    rule=st.sampled_from(["proportional", "priority"]),
)
def test_a_shortage_is_given_away_whole_and_fairly(asked, stock, rule):
    group = np.repeat(np.arange(len(asked)), [len(claims) for claims in asked])
    claims = np.concatenate([np.array(row, dtype=float) for row in asked])[:, None]
    available = np.array(stock[: len(asked)], dtype=float)[:, None]
    given_qty = allocate(claims, available, group, rule)
    assert (given_qty >= 0).all()
    assert (given_qty <= claims).all()
    assert (given_qty == np.floor(given_qty)).all()
    for g in range(len(asked)):
        rows = group == g
        total = claims[rows].sum()
        assert given_qty[rows].sum() == min(total, available[g, 0])
        if rule == "proportional" and total > 0:
            share = claims[rows] * min(total, available[g, 0]) / total
            assert (np.abs(given_qty[rows] - share) < 1 + 1e-9).all()
        if rule == "priority":
            met = given_qty[rows][:, 0] == claims[rows][:, 0]
            assert (given_qty[rows][:, 0][np.cumsum(~met) > 1] == 0).all()


def test_pooling_stock_at_the_warehouse_serves_uneven_stores():
    """Same units in the system: stock kept back serves the stores better than none when their lead time is short."""
    leads = np.array([6.0, 0.0, 0.0, 0.0, 0.0])
    supplier = np.array([-1, 0, 0, 0, 0])
    spread = policies("R_S", item_count=5, order_up_to_qty=np.array([0.0, 38, 38, 38, 38]))
    kept = policies("R_S", item_count=5, order_up_to_qty=np.array([112.0, 10, 10, 10, 10]))
    low, high = (
        simulate_distribution(terms(5, lead_time=leads), demand_of(5), chosen, supplier, Horizon(300, 60, 3, 60))
        for chosen in (spread, kept)
    )
    assert high["fill_rate"][1:].mean() > low["fill_rate"][1:].mean()


def test_demand_of_the_stores_is_that_of_the_shared_draws():
    where = terms(3, lead_time=1)
    chosen = policies("R_S", item_count=3, order_up_to_qty=np.array([60.0, 12, 12]))
    found = simulate_distribution(where, demand_of(3), chosen, SUPPLIER, Horizon(20, 5, 1))
    draws = draw(where, demand_of(3), Chunk(slice(0, 3), 0, 5), period_count=20, seed=1).demand
    assert found["demand_qty"].to_numpy()[1:] == pytest.approx(draws.sum(axis=1).mean(axis=1)[1:])


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"chosen": policies("s_Q", item_count=3, reorder_point_qty=2, order_qty=3)}, "policy other than"),
        ({"terms": terms(3, lead_time=1, is_whole=False)}, "broken units"),
        ({"terms": terms(3, lead_time=1, may_cross=False)}, "may not cross"),
        ({"terms": terms(3, lead_time=1, received_share=0.9)}, "received share"),
        ({"supplier": np.array([-1, 0, 1])}, "a store as its supplier"),
        ({"supplier": np.array([-1, -1, -1])}, "one row at least"),
    ],
)
def test_what_two_echelons_cannot_do_is_refused(changed, told):
    given_ = {
        "terms": terms(3, lead_time=1), "demand": demand_of(3), "horizon": HORIZON, "supplier": SUPPLIER,
        "chosen": policies("R_S", item_count=3, order_up_to_qty=9),
    }  # fmt: skip
    with pytest.raises(PlanningError, match=told):
        simulate_distribution(**(given_ | changed))
