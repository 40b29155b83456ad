"""Orders where unmet demand is lost: against the newsvendor, an exact dynamic program, and their own logic."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from stockstrata.lost_sales import OrderTerms, lost_sale_orders
from stockstrata.stock_paths import ProjectionCase, order_needs

HOLDING, SHORTAGE = 0.2, 1.0


def case(
    count=1, *, mean=4.0, on_hand=0.0, arrival=2.0, end=3.0, due=(), due_qty=(), sd=None, total_sd=None, whole=True
):
    """Poisson demand of equal buckets unless a spread is given."""
    means = np.broadcast_to(np.asarray(mean, dtype=float), (count, 12)) if np.ndim(mean) < 2 else np.asarray(mean)
    sds = np.sqrt(means) if sd is None else np.full(means.shape, float(sd))
    interval = np.sqrt(means[:, 0] * end) if total_sd is None else np.full(count, float(total_sd))
    full = lambda value: np.broadcast_to(np.asarray(value, dtype=float), count).copy()  # noqa: E731
    return ProjectionCase(
        seed_key=np.array([f"item {row}" for row in range(count)], dtype=object),
        on_hand_qty=full(on_hand), arrival=full(arrival), end=full(end), bucket_mean_qty=means, bucket_sd_qty=sds,
        interval_sd_qty=interval, is_whole=np.full(count, whole),
        due=np.broadcast_to(np.asarray(due, dtype=float), (count, np.shape(due)[-1])).copy(),
        due_qty=np.broadcast_to(np.asarray(due_qty, dtype=float), (count, np.shape(due_qty)[-1])).copy(),
    )  # fmt: skip


def terms(
    count=1,
    *,
    holding=HOLDING,
    shortage=SHORTAGE,
    chance=0.9,
    cover=1.0,
    weekly=4.0,
    lot=0.0,
    minimum=0.0,
    multiple=0.0,
    inflation=1.0,
):
    values = (holding, shortage, chance, cover, weekly, lot, minimum, multiple, inflation)
    return OrderTerms(*(np.broadcast_to(np.asarray(value, dtype=float), count).copy() for value in values))


def orders(projection, terms, *, paths=4000, bucket_weeks=1.0, seed=3):
    return lost_sale_orders(projection, terms, bucket_weeks=bucket_weeks, path_count=paths, seed=seed)


@pytest.mark.parametrize("shortage", [0.5, 1.0, 5.0])
def test_without_stock_and_lead_time_it_is_the_newsvendor(shortage):
    """Snyder & Shen, Fundamentals of Supply Chain Theory, 4.3: least q with P(D <= q) >= p / (p + h)."""
    found = orders(case(arrival=0.0, end=1.0, mean=20.0), terms(shortage=shortage, weekly=20.0), paths=20_000)
    ratio = shortage / (shortage + HOLDING)
    assert found.order_qty[0] == pytest.approx(stats.poisson.ppf(ratio, 20), abs=1)
    assert found.window_demand_qty[0] == pytest.approx(20)


def test_holding_accrues_in_every_week_of_the_window():
    """Four weeks to the next order: holding is charged at the end of each, whatever is left then."""
    found = orders(case(arrival=0.0, end=4.0, mean=5.0), terms(cover=4.0, weekly=5.0), paths=20_000).order_qty[0]
    quantity = np.arange(60)[:, None]
    weeks = [np.maximum(quantity - np.arange(120), 0) @ stats.poisson.pmf(np.arange(120), 5 * k) for k in (1, 2, 3, 4)]
    lost = np.maximum(np.arange(120) - quantity, 0) @ stats.poisson.pmf(np.arange(120), 20)
    cost = HOLDING * sum(weeks) + SHORTAGE * lost
    assert cost[int(found)] <= cost.min() * 1.001


def test_certain_demand_orders_exactly_what_is_missing():
    sure = case(mean=4.0, sd=0.0, total_sd=0.0, on_hand=6.0, due=[0.0, 1.0], due_qty=[1.0, 2.0])
    # 6 + 1 - 4 = 3 are left after the first week, 3 + 2 - 4 = 1 after the second: the third needs three more.
    found = orders(sure, terms())
    assert found.arrival_stock_qty[0] == pytest.approx(1)
    assert found.order_qty[0] == 3


def test_sales_lost_before_the_arrival_do_not_wait_for_it():
    """By the inventory position the four units short in the second week would be ordered as well."""
    empty = orders(case(mean=4.0, sd=0.0, total_sd=0.0), terms())
    assert empty.arrival_stock_qty[0] == 0
    assert empty.order_qty[0] == 4


@pytest.mark.parametrize(("day", "left"), [(0.0, 2.0), (1.0, 6.0), (2.0, 10.0), (3.0, 0.0)])
def test_an_arrival_counts_from_its_date(day, left):
    """Ten units: used up in part when they come early, all there at the order's arrival, too late after the window."""
    found = orders(case(mean=4.0, sd=0.0, total_sd=0.0, due=[day], due_qty=[10.0]), terms())
    assert found.arrival_stock_qty[0] == pytest.approx(left)


def test_an_arrival_inside_the_window_spares_only_what_comes_after_it():
    late = case(mean=4.0, sd=0.0, total_sd=0.0, arrival=0.0, end=2.0, due=[1.0], due_qty=[3.0])
    assert orders(late, terms(cover=2.0, shortage=9.0)).order_qty[0] == 5


def test_a_released_order_is_not_ordered_again():
    first = orders(case(3, on_hand=[0.0, 3.0, 9.0]), terms(3))
    assert (first.order_qty > 0).any()
    again = case(3, on_hand=[0.0, 3.0, 9.0], due=np.full((3, 1), 2.0), due_qty=first.order_qty[:, None])
    assert orders(again, terms(3)).order_qty.tolist() == [0, 0, 0]


def test_orders_do_not_depend_on_the_other_rows_or_on_chunks(monkeypatch):
    many = case(7, on_hand=np.arange(7.0), mean=3.3, whole=False)
    found = orders(many, terms(7)).order_qty
    monkeypatch.setattr("stockstrata.lost_sales.CHUNK_CELLS", 1)
    assert orders(many, terms(7)).order_qty.tolist() == found.tolist()
    alone = orders(many.rows(slice(4, 5)), terms(1)).order_qty
    assert alone.tolist() == found[4:5].tolist()
    assert orders(many.rows(slice(0, 0)), terms(0)).order_qty.tolist() == []


def test_a_minimum_is_ordered_where_waiting_costs_more():
    base = orders(case(2, on_hand=[0.0, 7.0], mean=4.0), terms(2)).order_qty
    assert base[0] > base[1] > 0
    small = orders(case(2, on_hand=[0.0, 7.0], mean=4.0), terms(2, minimum=8.0)).order_qty
    assert small[0] == 8
    nearly = case(1, on_hand=12.0, mean=4.0)
    assert orders(nearly, terms(1)).order_qty[0] > 0
    assert orders(nearly, terms(1, minimum=30.0)).order_qty[0] == 0
    huge = orders(case(1, mean=4.0), terms(1, minimum=400.0)).order_qty
    assert huge.tolist() == [0]
    packs = orders(case(1, mean=40.0), terms(1, multiple=12.0, weekly=40.0)).order_qty
    assert packs[0] % 12 == 0
    assert packs[0] >= 36


def test_an_order_that_costs_money_is_a_lot():
    found = orders(case(2, on_hand=[0.0, 60.0]), terms(2, lot=30.0, cover=7.5))
    assert found.order_qty.tolist() == [30, 0]


def test_without_costs_the_chance_asked_for_decides():
    projection = case(arrival=0.0, end=1.0, mean=20.0)
    for chance in (0.6, 0.9, 0.98):
        found = orders(projection, terms(holding=0.0, chance=chance, weekly=20.0), paths=20_000).order_qty[0]
        assert found == pytest.approx(stats.poisson.ppf(chance, 20), abs=1)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    ("sd", "total_sd", "end"), [(3.0, 9.0, 5.0), (3.0, 6.0, 4.0), (2.5, 7.3, 4.6), (6.0, 9.0, 3.0)]
)
def test_paths_have_the_mean_and_spread_of_the_forecast(whole, sd, total_sd, end):
    needs = order_needs(
        case(200, mean=3.0, sd=sd, total_sd=total_sd, arrival=0.0, end=end, whole=whole), path_count=2000, seed=1
    )
    total = needs.needed_qty[:, :, -1]
    assert total.mean() == pytest.approx(3 * end, rel=0.02)
    assert total.std() == pytest.approx(total_sd, rel=0.03)


@settings(max_examples=30, deadline=None)
@given(
    mean=st.floats(0.05, 50), ratio=st.floats(1.0, 8.0), on_hand=st.floats(0, 100), more=st.floats(0.1, 20),
    arrival=st.floats(0, 6), window=st.floats(0.2, 5), whole=st.booleans(),
)  # fmt: skip
def test_more_stock_never_asks_for_more_and_nothing_is_negative(mean, ratio, on_hand, more, arrival, window, whole):
    spread = (mean * ratio) ** 0.5
    total = (mean * ratio * (arrival + window)) ** 0.5
    rows = case(
        2, mean=mean, sd=spread, total_sd=total, arrival=arrival, end=arrival + window, on_hand=on_hand, whole=whole
    )
    rows = replace(
        rows, seed_key=np.array(["one", "one"], dtype=object), on_hand_qty=np.array([on_hand, on_hand + more])
    )
    less, richer = orders(rows, terms(2, weekly=mean, cover=window), paths=300).order_qty
    assert less >= richer >= 0
    assert np.isfinite([less, richer]).all()
    if whole:
        assert less == round(less)


class LostSalesProgram:
    """All states of one item with Poisson demand and three weeks from order to use, as an average-cost program.

    State: left on hand, due next week, due the week after. Stock and orders are cut off where they never pay.
    """

    def __init__(self, mean, most=14, largest=7):
        self.most, self.largest = most, largest
        demand = np.arange(40)
        chance = stats.poisson.pmf(demand, mean)
        stock = np.arange(most + largest + 1)
        left = np.maximum(stock[:, None] - demand, 0)
        self.cost = (HOLDING * left + SHORTAGE * np.maximum(demand - stock[:, None], 0)) @ chance
        self.move = np.zeros((len(stock), most + 1))
        for row in stock:
            np.add.at(self.move[row], np.minimum(left[row], most), chance)
        x, c0, _ = np.indices((most + 1, largest + 1, largest + 1))
        self.start = x + c0

    def values(self, after, orders=None):
        """Expected cost of a week and of what follows, of each state; the best order where none is given."""
        ahead = np.tensordot(self.move, after, axes=(1, 0))  # stock at the start of the week, due, order
        due = np.indices(self.start.shape)[2]
        following = ahead[self.start, due].min(axis=-1) if orders is None else ahead[self.start, due, orders]
        return self.cost[self.start] + following

    def average_cost(self, orders=None):
        """Cost of a week in the long run, by relative value iteration."""
        after = np.zeros(self.start.shape)
        for _ in range(3000):
            new = self.values(after, orders)
            step = new - after
            if step.max() - step.min() < 1e-7:
                break
            after = new - new[0, 0, 0]
        return (step.max() + step.min()) / 2


@pytest.mark.parametrize("mean", [0.5, 1.5, 2.5])
def test_the_order_costs_hardly_more_than_the_exact_optimum(mean):
    """Zipkin (2008): myopic orders come within a few percent of the best ones for short lead times."""
    program = LostSalesProgram(mean)
    x, c0, c1 = (values.ravel() for values in np.indices(program.start.shape))
    states = replace(
        case(len(x), mean=mean, on_hand=x, due=np.tile([0.0, 1.0], (len(x), 1)), due_qty=np.column_stack([c0, c1])),
        seed_key=np.full(len(x), "item", dtype=object),
    )
    ours = orders(states, terms(len(x), weekly=mean), paths=2000).order_qty.astype(int)
    best = program.average_cost()
    position = np.maximum(stats.poisson.ppf(SHORTAGE / (SHORTAGE + HOLDING), 3 * mean) - x - c0 - c1, 0).astype(int)
    cost, by_position = (
        program.average_cost(np.minimum(found, program.largest).reshape(program.start.shape))
        for found in (ours, position)
    )
    assert best <= cost <= best * 1.03
    assert by_position > cost
