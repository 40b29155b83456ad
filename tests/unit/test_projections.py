"""What is under way, and when: certain demand shows to the unit what each arrival is worth to the order."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from stockstrata.projections import Supply
from stockstrata.proposals import order_proposals

CUT_OFF = dt.date(2025, 6, 2)  # a Monday
WEEKLY = 10.0


def day(days):
    return np.datetime64(CUT_OFF, "s") + np.timedelta64(days, "D")


@pytest.fixture
def propose(make_item_locations, make_parameters):
    """Proposals for one item that sells ten a week for certain, lead time two weeks, reviewed weekly."""

    def run(
        *,
        on_hand=0.0,
        lines=(),
        in_transit=0.0,
        status="current",
        unmet="lost_sale",
        first_bucket=0,
        weekly=WEEKLY,
        **changes,
    ):
        rows = make_item_locations(1, supplier_id="s1")
        keys = rows[["item_id", "location_id"]]
        figures = {
            "policy_family": "R_S", "method_code": "degenerate", "service_measure": "economic", "service_target": 0.8,
            "expected_cycle_service_rate": 1.0, "unmet_demand_code": unmet, "holding_cost_per_unit_week_amount": 0.2,
            "shortage_cost_per_unit_amount": 1.0, "lead_time_demand_qty": 30.0, "lead_time_demand_sd_qty": 0.0,
            "annual_demand_qty": WEEKLY * 365.25 / 7, "reorder_point_qty": 30.0, "order_qty": 10.0,
            "order_up_to_qty": 30.0,
            "order_inflation_ratio": 1.0, "safety_stock_qty": 0.0, "lead_time_days": 14.0, "review_period_days": 7.0,
            "protection_interval_days": 21.0, "unit_cost_amount": np.nan, "economic_order_qty": 0.0,
            "evidence_grade": "assumed", "policy_status_code": status, "residual_demand_qty": np.nan,
            "isolation_reason": "its cost jumped", "policy_period_start_date": np.datetime64("2025-05-01", "s"),
        }  # fmt: skip
        policies = keys.assign(**(figures | changes))
        positions = keys.assign(
            stock_date=day(-1), on_hand_qty=on_hand, on_order_qty=sum(line[2] for line in lines),
            in_transit_qty=in_transit, allocated_qty=0.0, has_stock_feed=True,
        )  # fmt: skip
        buckets = np.arange(12)
        forecasts = keys.merge(
            pd.DataFrame(
                {
                    "bucket_start_date": day(0) + (7 * (buckets + first_bucket)).astype("timedelta64[D]"),
                    "horizon_bucket": buckets + 1,
                    "mean_qty": np.broadcast_to(weekly, 12),
                    "sd_qty": 0.0,
                }
            ),
            how="cross",
        )
        columns = pd.Index(["order_date", "due_date", "open_qty"])
        open_lines = keys.merge(pd.DataFrame(list(lines), columns=columns), how="cross")
        for name in ("order_date", "due_date"):
            open_lines[name] = open_lines[name].astype("datetime64[s]")
        return order_proposals(
            policies, positions, rows, keys.assign(daily_mean_qty=WEEKLY / 7), parameters=make_parameters(),
            cut_off_date=CUT_OFF, supply=Supply(forecasts, open_lines, 7.0),
        )  # fmt: skip

    return run


def test_an_empty_shelf_orders_one_week_and_not_three(propose):
    found = propose().iloc[0]
    assert found.order_qty == 10
    assert found.expected_arrival_stock_qty == 0
    assert found.window_demand_qty == 10
    assert found.no_stock_out_rate == 0.8
    assert found.expected_receipt_date == day(14)
    assert np.isnan(found.order_value_amount)
    assert "Unmet demand is lost: of 0 on hand" in found.reason
    assert "0.2 per unit and week and 1 per unit lost" in found.reason


@pytest.mark.parametrize(
    ("line", "stock_at_arrival"),
    [
        ((day(-14), day(0), 25.0), 5), ((day(-7), day(7), 25.0), 15), ((day(-7), day(14), 25.0), 25),
        ((day(-40), day(-3), 25.0), 5), ((day(-7), np.datetime64("NaT"), 25.0), 15),
    ],
    ids=["due now", "due in a week", "due with the order", "overdue", "no date: a lead time after it was placed"],
)  # fmt: skip
def test_an_open_order_arrives_on_its_day(propose, line, stock_at_arrival):
    assert propose(lines=[line], shortage_cost_per_unit_amount=99.0, weekly=[10] * 2 + [40] * 10).iloc[
        0
    ].expected_arrival_stock_qty == pytest.approx(stock_at_arrival)


def test_stock_in_transit_is_spread_over_the_arrivals_of_the_last_lead_time(propose):
    """30 on the way, two orders of the last lead time: 15 now and 15 in a week, 5 left of each when the order comes."""
    found = propose(in_transit=30.0, weekly=[10] * 2 + [40] * 10).iloc[0]
    assert found.expected_arrival_stock_qty == pytest.approx(10)
    assert found.order_qty == 30


def test_a_supplier_who_delivers_four_of_five_is_asked_for_more_and_counted_for_less(propose):
    found = propose(order_inflation_ratio=1.25, lines=[(day(-7), day(14), 25.0)], weekly=[10] * 2 + [40] * 10).iloc[0]
    assert found.expected_arrival_stock_qty == pytest.approx(20)
    assert found.expected_shortfall_qty == 5
    assert found.order_qty == 25


def test_enough_under_way_orders_nothing_though_the_position_is_low(propose):
    assert propose(lines=[(day(-7), day(14), 10.0)]).empty
    assert len(propose(lines=[(day(-7), day(14), 10.0)], unmet="back_order")) == 1


def test_buckets_that_have_passed_are_left_out(propose):
    rising = np.arange(12) * 10.0
    assert propose(weekly=rising).iloc[0].window_demand_qty == 20
    assert propose(weekly=rising, first_bucket=-2).iloc[0].window_demand_qty == 40


@pytest.mark.parametrize("change", [{"status": "stale"}, {"unmet": "back_order"}])
def test_the_position_decides_where_sales_wait_or_the_cycle_has_no_forecast(propose, change):
    found = propose(on_hand=12.0, **change).iloc[0]
    assert found.order_qty == 18
    assert np.isnan(found.expected_arrival_stock_qty)
    assert "Inventory position 12" in found.reason


def test_a_service_target_takes_the_chance_that_its_level_gives(propose):
    found = propose(service_measure="fill_rate", service_target=0.95, expected_cycle_service_rate=0.9).iloc[0]
    assert found.no_stock_out_rate == 0.9
    assert found.order_qty == 10
    assert "for the service target of fill rate" in found.reason
