"""Whose target holds, what an economic one follows from, and what becomes of costs that nobody states."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from stockstrata.costs import WEEKS_PER_YEAR, item_costs
from stockstrata.errors import ParameterError
from stockstrata.parameters import ServiceTarget, planning_parameters
from stockstrata.policy import stock_policies
from stockstrata.safety_stock import (
    back_order_fill_rate,
    lost_sales_fill_rate,
    order_up_to_for_ready_rate,
    order_up_to_ready_rate,
)
from stockstrata.service_targets import critical_ratio, review_periods, service_targets

DATED = {"valid_from_date": "1900-01-01", "approved_by": "t", "reason": "test"}


def table(*rows):
    return pd.DataFrame([row | DATED for row in rows]).astype(str)


ECONOMIC = table({"segment_code": "*", "service_measure": "economic", "service_target": ""})


def costs(**rates):
    return table({"scope": "default", "code": "*"} | rates)


@pytest.fixture
def read(parameter_tables):
    """Parameters with whole files replaced."""
    return lambda **files: planning_parameters(parameter_tables | files, as_of=dt.date(2025, 1, 1), version="test")


def targets(*rows):
    return tuple(ServiceTarget.model_validate(row | DATED) for row in rows)


def test_the_item_beats_its_segment_and_the_segment_beats_all():
    rows = targets(
        {"segment_code": "*", "service_measure": "ready_rate", "service_target": 0.9},
        {"segment_code": "AX", "service_measure": "fill_rate", "service_target": 0.95},
        {"item_id": "P7", "service_measure": "economic"},
        {"segment_code": "AX", "item_id": "P8", "service_measure": "fill_rate", "service_target": 0.99},
    )
    found = service_targets(
        pd.Series(["P1", "P2", "P7", "P8", "P8"]), pd.Series(["AX", "CZ", "AX", "AX", "CZ"]), rows=rows
    )
    assert found.service_measure.tolist() == ["fill_rate", "ready_rate", "economic", "fill_rate", "ready_rate"]
    assert found.service_target.fillna(0).tolist() == [0.95, 0.9, 0, 0.99, 0.9]
    assert found.service_target_source_code.tolist() == ["segment", "all", "item", "item", "all"]


def test_a_segment_without_target_is_named():
    with pytest.raises(ParameterError, match="no row in force for segment CZ"):
        service_targets(pd.Series(["P1"]), pd.Series(["CZ"]), rows=())


def test_a_newsvendor_has_its_critical_ratio():
    """Snyder & Shen, ex. 4.3: holding 0.18, stock-out 0.70 give 0.795; one period."""
    assert critical_ratio(0.70, 0.18, 1.0) == pytest.approx(0.7954, abs=1e-4)
    assert critical_ratio(1.0, 0.2, [1.0, 4.0]) == pytest.approx([1 / 1.2, 1 / 1.8])


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({"service_targets": ECONOMIC}, "no shortage_cost_per_unit"),
        ({"service_targets": ECONOMIC, "cost_rates": costs(shortage_cost_per_unit=1)}, "no holding cost"),
        ({"service_targets": ECONOMIC.assign(service_target="0.9")}, r"service_targets\.csv, line 2: .*stays empty"),
        ({"service_targets": ECONOMIC.assign(service_measure="fill_rate")}, "stays empty for economic"),
        ({"service_targets": ECONOMIC.assign(segment_code="AX")}, "no row for segment A-INT and none for all"),
        ({"cost_rates": costs(unmet_demand="gone")}, r"cost_rates\.csv, line 2, column unmet_demand.*'gone'"),
        ({"cost_rates": costs(shortage_cost_per_unit="-1")}, "column shortage_cost_per_unit"),
    ],
)
def test_targets_that_cannot_be_worked_out_are_refused(read, files, named):
    with pytest.raises(ParameterError, match=named):
        read(**files)


def test_targets_left_in_the_strategies_are_told_where_they_belong(parameter_tables, read):
    strategies = parameter_tables["segment_strategies"].assign(service_measure="fill_rate")
    with pytest.raises(ParameterError, match=r"service_measure.*service_targets\.csv now"):
        read(segment_strategies=strategies)


def test_costs_that_nobody_states_are_unknown_and_ordering_is_free(read, make_item_locations):
    parameters = read(
        cost_rates=costs(holding_cost_per_unit_week=0.2, shortage_cost_per_unit=1, unmet_demand="lost_sale")
    )
    found = item_costs(
        make_item_locations(3, unit_price_amount=[np.nan, 8.0, 8.0], unit_cost_amount=[np.nan, np.nan, 5]),
        parameters=parameters,
    )
    assert found.unit_cost_source_code.tolist() == ["unknown", "price", "known"]
    assert found.unit_cost_amount.fillna(-1).tolist() == [-1, 8, 5]
    assert found.order_cost_amount.tolist() == [0, 0, 0]
    assert found.holding_cost_per_unit_week_amount.to_numpy() == pytest.approx(0.2)
    assert found.holding_cost_rate.to_numpy() == pytest.approx(
        [np.nan, 0.2 * WEEKS_PER_YEAR / 8, 0.2 * WEEKS_PER_YEAR / 5], nan_ok=True
    )
    assert set(found.unmet_demand_code) == {"lost_sale"}
    assert found.evidence_grade.tolist() == ["assumed", "degraded", "full"]


def test_holding_a_week_follows_from_the_yearly_share_where_no_amount_is_given(read, make_item_locations):
    rows = make_item_locations(2, unit_cost_amount=10.0, holding_cost_per_unit_year_amount=[np.nan, 1.0])
    found = item_costs(rows, parameters=read())
    assert found.holding_cost_per_unit_week_amount.to_numpy() == pytest.approx([0.22 * 10 / 52.178571, 1 / 52.178571])
    assert set(found.unmet_demand_code) == {"back_order"}


def test_each_cost_comes_from_the_narrowest_scope_that_states_it(read, make_item_locations):
    names = [
        "scope",
        "code",
        "order_cost_amount",
        "holding_cost_per_unit_week",
        "unmet_demand",
        "shortage_cost_per_unit",
    ]
    stated = [
        ("default", "*", 25, 0.2, "lost_sale", ""), ("segment", "AX", "", "", "", 4),
        ("item", "i001", 7, "", "back_order", ""),
    ]  # fmt: skip
    rates = table(*(dict(zip(names, row, strict=True)) for row in stated))
    found = item_costs(
        make_item_locations(3), parameters=read(cost_rates=rates), segment_code=pd.Series(["AX", "AX", "B"])
    )
    assert found.order_cost_amount.tolist() == [25, 7, 25]
    assert found.shortage_cost_per_unit_amount.fillna(-1).tolist() == [4, 4, -1]
    assert found.unmet_demand_code.tolist() == ["lost_sale", "back_order", "lost_sale"]
    assert set(found.holding_cost_per_unit_week_amount) == {0.2}


def test_economic_targets_without_order_cost_order_every_cycle(read, make_item_locations):
    rows = make_item_locations(2, order_cost_amount=[np.nan, 30.0])
    assignment = rows[["item_id", "location_id"]].assign(segment_code="CX")
    free = costs(holding_cost_per_unit_week=0.2, shortage_cost_per_unit=1)
    found = review_periods(rows, assignment, parameters=read(service_targets=ECONOMIC, cost_rates=free), cycle_days=7.0)
    assert found.review_period_days.tolist() == [7, 28]
    found = review_periods(rows, assignment, parameters=read(), cycle_days=7.0)
    assert found.review_period_days.tolist() == [28, 28]


def policies(read, make_item_locations, *, mean, review=7.0, lead=14.0, segment="CX", files=None, **columns):
    rows = make_item_locations(len(mean), **columns)
    keys = rows[["item_id", "location_id"]]
    mean = np.asarray(mean, dtype=float)
    leads = keys.assign(
        lead_time_days=lead, lead_time_sd_days=0.0, lead_time_source_code="contract", evidence_grade="degraded"
    )
    demand = keys.assign(
        protection_interval_days=lead + review, method_code="poisson", mean_qty=mean, sd_qty=np.sqrt(mean),
        demand_sd_qty=np.sqrt(mean), lead_time_sd_qty=0.0, daily_mean_qty=mean / (lead + review), evidence_grade="full",
        standard_quantiles=None, fallback_reason="",
    )  # fmt: skip
    return stock_policies(
        rows, keys.assign(segment_code=segment, lifecycle_code="mature", demand_trend_ratio=1.0), leads, demand,
        parameters=read(**(files or {})), period_start_date=dt.date(2025, 1, 1),
    )  # fmt: skip


@pytest.mark.parametrize("shortage", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("review", [7.0, 28.0])
def test_the_economic_level_costs_least_with_back_orders(read, make_item_locations, shortage, review):
    """(R, S): holding for R weeks on what a cycle leaves, p on what it falls short; no other level costs less."""
    files = {
        "service_targets": ECONOMIC,
        "cost_rates": costs(holding_cost_per_unit_week=0.2, shortage_cost_per_unit=shortage, unmet_demand="back_order"),
    }
    found = policies(read, make_item_locations, mean=[4.0, 30.0], review=review, files=files)
    assert set(found.policy_family) == {"R_S"}
    assert set(found.review_period_days) == {review}
    demand = np.arange(200)
    for row in found.itertuples():
        level = np.arange(120)[:, None]
        chance = stats.poisson.pmf(demand, row.lead_time_demand_qty)
        left, short = np.maximum(level - demand, 0) @ chance, np.maximum(demand - level, 0) @ chance
        cost = 0.2 * review / 7 * left + shortage * short
        assert row.order_up_to_qty == cost.argmin()
        assert row.service_target == pytest.approx(shortage / (shortage + 0.2 * review / 7))
        assert row.expected_service_rate == row.expected_cycle_service_rate >= row.service_target


def test_larger_lots_ask_for_less_service(read, make_item_locations):
    """Silver, Pyke & Thomas, cost per unit short: F(s) = p D / (p D + h Q)."""
    files = {
        "service_targets": ECONOMIC,
        "cost_rates": costs(
            order_cost_amount=20, holding_cost_per_unit_week=0.2, shortage_cost_per_unit=5, default_unit_cost_amount=1
        ),
    }
    found = policies(read, make_item_locations, mean=[30.0], segment="AX", files=files).iloc[0]
    weekly = 10.0
    assert found.policy_family == "s_Q"
    # What a cycle falls short is a cost of its order: both are found in turn until neither moves.
    demand, lot = np.arange(200), np.sqrt(2 * 20 * weekly / 0.2)
    for _ in range(50):
        level = stats.poisson.ppf(5 * weekly / (5 * weekly + 0.2 * lot), found.lead_time_demand_qty)
        short = np.maximum(demand - level, 0) @ stats.poisson.pmf(demand, found.lead_time_demand_qty)
        lot = np.sqrt(2 * (20 + 5 * short) * weekly / 0.2)
    assert found.order_qty == pytest.approx(lot, abs=1)
    assert found.order_qty > np.sqrt(2 * 20 * weekly / 0.2) + 1
    assert found.service_target == pytest.approx(5 * weekly / (5 * weekly + 0.2 * found.order_qty))


def test_a_criticality_floor_holds_where_it_asks_for_more(read, make_item_locations):
    floor = table({"criticality_code": "vital", "service_measure": "cycle_service_level", "service_target": 0.97})
    kinds = ["vital", "essential", None]
    low = table({"segment_code": "*", "service_measure": "cycle_service_level", "service_target": 0.8})
    found = policies(
        read,
        make_item_locations,
        mean=[20.0] * 3,
        criticality_code=kinds,
        files={"service_targets": low, "criticality_floors": floor},
    )
    assert found.service_target.tolist() == [0.97, 0.8, 0.8]
    assert found.service_target_source_code.tolist() == ["criticality_floor", "all", "all"]
    assert found.order_up_to_qty[0] == stats.poisson.ppf(0.97, 20)
    high = low.assign(service_target="0.995")
    found = policies(
        read,
        make_item_locations,
        mean=[20.0] * 3,
        criticality_code=kinds,
        files={"service_targets": high, "criticality_floors": floor},
    )
    assert found.service_target.tolist() == [0.995] * 3


def test_every_measure_is_shown_beside_the_one_aimed_at(read, make_item_locations):
    for measure, column in (
        ("cycle_service_level", "expected_cycle_service_rate"), ("fill_rate", "expected_fill_rate"),
        ("ready_rate", "expected_ready_rate"),
    ):  # fmt: skip
        aim = table({"segment_code": "*", "service_measure": measure, "service_target": 0.9})
        found = policies(read, make_item_locations, mean=[30.0, 3.0], files={"service_targets": aim})
        assert (found[column] == found.expected_service_rate).all()
        assert (found[column] >= 0.9 - 1e-9).all()
        # A cycle counts as failed for one unit short: the strictest of the three.
        assert (found.expected_cycle_service_rate <= found.expected_ready_rate).all()
        assert (found.expected_cycle_service_rate <= found.expected_fill_rate).all()


def test_the_ready_rate_is_the_share_of_time_with_stock():
    """Poisson demand of 2 a day, lead time 3 days, reviewed every 4: averaged over the cycle, exactly."""
    days = np.linspace(3, 7, 40_001)
    exact = stats.poisson.cdf(13, 2 * days).mean()
    found = order_up_to_ready_rate(14.0, 14.0, 14**0.5, 6.0, 6**0.5, method="poisson")
    assert found == pytest.approx(exact, abs=1e-4)
    level = order_up_to_for_ready_rate([0.5, 0.9, 0.99], 14.0, 14**0.5, 6.0, 6**0.5, method="poisson")
    assert (np.diff(level) > 0).all()
    assert order_up_to_ready_rate(level, 14.0, 14**0.5, 6.0, 6**0.5, method="poisson") == pytest.approx(
        [0.5, 0.9, 0.99]
    )


def test_lost_sales_serve_a_larger_share_than_back_orders():
    """Silver, Pyke & Thomas: Q / (Q + ES) in place of 1 - ES / Q; here ES = 5, Q = 100."""
    assert lost_sales_fill_rate(0.95) == pytest.approx(100 / 105)
    assert back_order_fill_rate(lost_sales_fill_rate(0.8)) == pytest.approx(0.8)
