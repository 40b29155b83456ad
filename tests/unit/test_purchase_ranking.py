import itertools

import numpy as np
import pytest

from stockstrata.purchase_ranking import purchase_ranking


@pytest.fixture
def ranked(make_parameters, make_item_locations):
    """Ranking of orders of 10 units for items with the given expected demand and price."""

    def run(mean, price, *, budget="", order=10.0, cost=4.0, **columns):
        n = len(mean)
        rows = make_item_locations(n, unit_price_amount=price, **columns)
        keys = rows[["item_id", "location_id"]]
        proposals = keys.assign(order_qty=order, inventory_position_qty=2.0, supplier_id="s", evidence_grade="full")
        policies = keys.assign(
            segment_code="AX", unit_cost_amount=cost, shortage_cost_per_unit_amount=np.nan, review_period_days=7.0,
            holding_cost_per_unit_week_amount=0.02, lead_time_demand_qty=mean, method_code="poisson",
            lead_time_demand_sd_qty=np.sqrt(mean),
        )  # fmt: skip
        demand = keys.assign(standard_quantiles=None)
        mix = {"segment_code": "*", "objective_code": "fill_target", "purchase_budget_amount": budget}
        parameters = make_parameters({"service_mix": [mix]})
        return purchase_ranking(proposals, policies, demand, rows, parameters=parameters)

    return run


def test_lots_add_up_to_the_order_and_those_of_an_item_come_in_turn(ranked):
    out = ranked([6.0, 20.0, 1.0], [9.0, 6.0, 30.0], order_multiple_qty=2.0, moq_qty=4.0)
    assert out.groupby("item_id")["lot_qty"].sum().tolist() == [10.0] * 3
    assert (out.lot_qty % 2 == 0).all()
    assert (out[out.lot_number == 1].lot_qty >= 4).all()
    for _, own in out.groupby("item_id"):
        assert own["lot_number"].is_monotonic_increasing
    assert out.return_rate.is_monotonic_decreasing
    assert out.rank_number.tolist() == list(range(1, len(out) + 1))
    assert out.is_within_budget.all()


def test_cutting_the_list_is_the_best_choice_of_all(ranked):
    out = ranked([6.0, 20.0, 3.0], [9.0, 6.0, 12.0], budget=48.0)
    bought = out[out.is_within_budget]
    assert bought.lot_value_amount.sum() == 48
    value = {key: own.sort_values("lot_number").marginal_value_amount.to_numpy() for key, own in out.groupby("item_id")}
    best = max(
        sum(value[key][:count].sum() for key, count in zip(value, counts, strict=True))
        for counts in itertools.product(range(6), repeat=3)
        if 8 * sum(counts) <= 48
    )
    assert bought.marginal_value_amount.sum() == pytest.approx(best)


def test_the_cut_list_earns_more_than_pro_rata_orders(ranked):
    means, prices = np.array([6.0, 20.0, 1.0, 8.0]), np.array([9.0, 6.0, 30.0, 4.5])
    out = ranked(means, prices, budget=64.0)
    bought = out[out.is_within_budget].groupby("item_id")["lot_qty"].sum()
    chosen = bought.reindex([f"i{k:03d}" for k in range(4)]).fillna(0.0).to_numpy()
    demand = np.random.default_rng(0).poisson(means, (50_000, 4))

    def profit(extra):
        served = np.minimum(demand, 2 + extra) - np.minimum(demand, 2)
        return ((prices - 4) * served - 0.02 * (extra - served)).sum(axis=1).mean()

    assert profit(chosen) > profit(np.full(4, 4.0))


def test_lots_of_unknown_worth_come_last_and_nothing_gives_nothing(ranked):
    # Sold below its cost a unit earns nothing and costs its holding; without a price nothing tells what it earns.
    out = ranked([6.0, 6.0, 6.0], [np.nan, 9.0, 3.0])
    assert out.groupby("item_id", sort=False).ngroup().is_monotonic_increasing
    assert out.item_id.unique().tolist() == ["i001", "i002", "i000"]
    own = out.set_index("item_id")
    assert own.return_rate["i000"].isna().all()
    assert own.marginal_value_amount["i000"].isna().all()
    assert (own.marginal_value_amount["i002"] < 0).all()
