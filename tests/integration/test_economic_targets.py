"""A weekly company that states two things: economic targets for all, and what holding and losing a unit costs."""

import datetime as dt
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import stats

WEEKS = 110
FIRST = dt.date(2023, 9, 4)
CUT_OFF = FIRST + dt.timedelta(weeks=WEEKS)
HOLDING, SHORTAGE = 0.2, 1.0
RATIO = SHORTAGE / (SHORTAGE + HOLDING)
MEANS = np.array([0.3, 0.8, 2, 4, 6, 8, 10, 12, 15, 20, 0.5, 1, 3, 5, 7, 9, 11, 14, 18, 30])
# One more of each kind: items that hold far more than they can sell before the order after this one.
FULL = 3


@pytest.fixture(scope="module")
def weekly(cli, tmp_path_factory) -> Path:
    """Marts of the newest cycle of a source without costs, prices or receipts, planned with two parameter files."""
    folder = tmp_path_factory.mktemp("weekly")
    source, parameters = folder / "source", folder / "parameters"
    source.mkdir()
    parameters.mkdir()
    (source / "source.yaml").write_text("name: weekly\ngrain: week\nperiod: week\ncurrency: EUR\ndata: .\n")
    rng = np.random.default_rng(7)
    items = [f"P{number:02d}" for number in range(len(MEANS))]
    weeks = [FIRST + dt.timedelta(weeks=week) for week in range(WEEKS)]
    demand = pd.DataFrame(rng.poisson(MEANS, (WEEKS, len(items))), index=weeks, columns=items)
    long = (
        demand.rename_axis("demand_date").reset_index().melt("demand_date", var_name="item_id", value_name="demand_qty")
    )
    long.to_csv(source / "demand.csv", index=False)
    pd.DataFrame({"item_id": items, "name": items}).to_csv(source / "items.csv", index=False)
    on_hand = np.where(np.arange(len(items)) < FULL, 500, np.floor(0.5 * MEANS))
    pd.DataFrame({"item_id": items, "stock_date": weeks[-1], "on_hand_qty": on_hand}).to_csv(
        source / "stock.csv", index=False
    )
    pd.DataFrame({"supplier_id": ["S"], "lead_time_days": [14], "lead_time_sd_days": [0]}).to_csv(
        source / "suppliers.csv", index=False
    )
    pd.DataFrame({"item_id": items, "supplier_id": "S"}).to_csv(source / "item_suppliers.csv", index=False)
    coming = [
        {
            "order_id": f"{item}-{wait}", "line": 1, "item_id": item, "supplier_id": "S",
            "order_date": CUT_OFF - dt.timedelta(days=14 - wait), "ordered_qty": np.ceil(mean),
            "promised_date": CUT_OFF + dt.timedelta(days=wait),
        }
        for item, mean in zip(items, MEANS, strict=True)
        for wait in (0, 7)
    ]  # fmt: skip
    orders = pd.DataFrame(coming)
    orders = orders[orders["order_date"] < CUT_OFF]
    orders.to_csv(source / "purchase_orders.csv", index=False)
    (parameters / "service_targets.csv").write_text(
        "segment_code,service_measure,service_target,valid_from_date,approved_by,reason\n"
        "*,economic,,1900-01-01,planning,costs decide\n"
    )
    (parameters / "cost_rates.csv").write_text(
        "scope,code,holding_cost_per_unit_week,shortage_cost_per_unit,unmet_demand,valid_from_date,approved_by,reason\n"
        f"default,*,{HOLDING},{SHORTAGE},lost_sale,1900-01-01,planning,agreed\n"
    )
    home = folder / "home"
    outcome = cli(home, "run", str(source), "--parameters", str(parameters), "--last", "1")
    assert outcome.code == 0, outcome.output
    return home / "published" / "current" / "marts.duckdb"


def rows(marts: Path, query: str) -> pd.DataFrame:
    with duckdb.connect(str(marts), read_only=True) as connection:
        return connection.execute(query).df()


def test_every_item_is_planned_by_the_critical_ratio(weekly):
    found = rows(weekly, "select * from fct_policy order by item_id")
    assert len(found) == len(MEANS)
    stocked = found[found.policy_family != "do_not_stock"]
    assert len(stocked) >= len(MEANS) - 2
    assert set(stocked.policy_family) == {"R_S"}
    assert set(found.service_measure) == {"economic"}
    assert found.service_target.to_numpy() == pytest.approx(RATIO)
    assert set(found.service_target_source_code) == {"all"}
    assert set(found.unmet_demand_code) == {"lost_sale"}
    assert found.review_period_days.to_numpy() == pytest.approx(7)
    assert found.protection_interval_days.to_numpy() == pytest.approx(21)
    assert (stocked.expected_cycle_service_rate >= RATIO - 1e-9).all()


def test_missing_costs_are_told_and_stop_nothing(weekly):
    found = rows(weekly, "select * from fct_policy")
    assert found.unit_cost_amount.isna().all()
    assert (found.order_cost_amount == 0).all()
    assert set(found.evidence_grade) == {"assumed"}
    assert found.grade_reason.str.contains("unit cost unknown").all()


def test_orders_cover_the_week_after_their_arrival_and_no_more(weekly):
    found = rows(weekly, "select * from fct_order_proposal order by item_id").set_index("item_id")
    assert not set(found.index) & {f"P{number:02d}" for number in range(FULL)}
    assert len(found) >= len(MEANS) - FULL - 3
    assert found.expected_receipt_date.eq(pd.Timestamp(CUT_OFF + dt.timedelta(days=14))).all()
    assert found.no_stock_out_rate.to_numpy() == pytest.approx(RATIO)
    assert found.reason.str.startswith("Unmet demand is lost").all()
    assert found.reason.str.contains("0.2 per unit and week and 1 per unit lost").all()
    means = pd.Series(MEANS, index=[f"P{number:02d}" for number in range(len(MEANS))]).loc[found.index]
    assert found.window_demand_qty.sum() == pytest.approx(means.sum(), rel=0.1)
    # Stock at arrival and order together: near the newsvendor's level for a week, with some room for both spreads.
    level = found.expected_arrival_stock_qty + found.order_qty
    one_week = stats.poisson.ppf(RATIO, found.window_demand_qty)
    three_weeks = stats.poisson.ppf(RATIO, 3 * found.window_demand_qty) - 2 * found.window_demand_qty
    assert (level >= one_week - 1.5).all()
    assert (level <= three_weeks + np.maximum(3, 0.5 * means)).all()


def test_segments_show_the_target_of_all(weekly):
    found = rows(weekly, "select * from dim_segment where segment_code <> 'ALL'")
    assert set(found.service_measure) == {"economic"}
    assert found.service_target.isna().all()
