import numpy as np
import pandas as pd
import pytest

from stockstrata.buffer_plan import buffer_plan, interval_demand
from stockstrata.policy import stock_policies

WEEK = 7.0


@pytest.fixture
def season(make_parameters, make_item_locations):
    """Policies of one item, its lead-time demand and forecast; the mean of each week is given."""

    def build(weekly, *, lead=2, review=1, cv=0.6, family="R_S", target=0.9):
        weekly = np.asarray(weekly, dtype=float)
        rows = make_item_locations(1, unit_cost_amount=1.0)
        keys = rows[["item_id", "location_id"]]
        span = lead + review
        mean = weekly[:span].sum()
        sd = cv * mean / span**0.5
        demand = keys.assign(
            protection_interval_days=span * WEEK, method_code="gamma", mean_qty=mean, sd_qty=sd, demand_sd_qty=sd,
            lead_time_sd_qty=0.0, daily_mean_qty=mean / span / WEEK, fallback_reason="", evidence_grade="full",
            standard_quantiles=None,
        )  # fmt: skip
        leads = keys.assign(
            lead_time_days=lead * WEEK, lead_time_sd_days=0.0, lead_time_source_code="item_receipts",
            evidence_grade="full",
        )  # fmt: skip
        strategy = {
            "segment_code": "T", "segment_name": "T", "fulfilment_code": "make_to_stock", "forecast_pool": "smooth",
            "policy_family": family, "review_period_days": review * WEEK, "count_frequency_per_year": 1, "owner": "t",
            "bucket_type": "day",
        }  # fmt: skip
        goal = {"segment_code": "T", "item_id": "", "service_measure": "cycle_service_level", "service_target": target}
        parameters = make_parameters({"segment_strategies": [strategy], "service_targets": [goal]})
        policies = stock_policies(
            rows, keys.assign(segment_code="T", lifecycle_code="mature", demand_trend_ratio=1.0), leads, demand,
            parameters=parameters,
            period_start_date=pd.Timestamp("2025-01-01").date(),
        )  # fmt: skip
        forecasts = keys.loc[np.zeros(len(weekly), dtype=int)].assign(
            horizon_bucket=np.arange(1, len(weekly) + 1), mean_qty=weekly,
            bucket_start_date=pd.date_range("2025-02-03", periods=len(weekly), freq="W-MON"),
        )  # fmt: skip
        return policies, demand, forecasts

    return build


def test_interval_demand_is_the_sum_of_its_buckets():
    mean = np.array([[10.0, 20.0, 30.0, np.nan]])
    found = interval_demand(mean, np.array([1.5]), np.zeros(3, dtype=int), np.array([0, 1, 2]))
    assert found.tolist() == [20, 35, 45]


@pytest.mark.parametrize("family", ["R_S", "s_Q", "s_S"])
def test_a_flat_season_has_the_policy_s_own_levels_in_every_bucket(season, family):
    policies, demand, forecasts = season(np.full(20, 50.0), family=family)
    plan = buffer_plan(policies, demand, forecasts, bucket_days=WEEK, most_buckets=13)
    assert len(plan) == 13
    for name in ("safety_stock_qty", "reorder_point_qty", "order_up_to_qty"):
        assert plan[name].to_numpy() == pytest.approx(np.full(13, policies[name].iloc[0]))
    assert (plan.season_ratio == 1).all()


def test_only_buckets_whose_interval_is_forecast_are_planned_and_always_the_first(season):
    policies, demand, forecasts = season(np.full(6, 50.0))
    assert len(buffer_plan(policies, demand, forecasts, bucket_days=WEEK, most_buckets=13)) == 4
    few = buffer_plan(policies, demand, forecasts.head(2), bucket_days=WEEK, most_buckets=13)
    assert few.horizon_bucket.tolist() == [1]


def test_stock_outs_are_level_over_the_season_where_static_levels_fail_in_the_peak(season):
    weeks, lead, cv = 52, 2, 0.6
    weekly = 50 * (1 + 0.8 * np.sin(2 * np.pi * np.arange(weeks + 3) / 52))
    policies, demand, forecasts = season(weekly, lead=lead, cv=cv)
    plan = buffer_plan(policies, demand, forecasts, bucket_days=WEEK, most_buckets=weeks)
    assert len(plan) == weeks
    average = season(np.full(weeks, weekly[:52].mean()), lead=lead, cv=cv)[0]
    rng = np.random.default_rng(3)
    draws = rng.gamma(cv**-2, cv**2, (20_000, weeks + lead + 1)) * weekly[: weeks + lead + 1]
    # A level at the start of week t lasts until the order of the next review arrives: weeks t to t + lead.
    window = np.stack([draws[:, t : t + lead + 1].sum(axis=1) for t in range(weeks)], axis=1)
    timed = (window > plan.order_up_to_qty.to_numpy()).mean(axis=0)
    static = (window > average.order_up_to_qty.iloc[0]).mean(axis=0)
    assert timed == pytest.approx(np.full(weeks, 0.1), abs=0.025)
    assert static.max() > 0.35
    assert static.min() < 0.01


def test_levels_rise_a_lead_time_before_the_peak(season):
    weekly = np.full(20, 20.0)
    weekly[10:12] = 200.0
    policies, demand, forecasts = season(weekly, lead=2)
    plan = buffer_plan(policies, demand, forecasts, bucket_days=WEEK, most_buckets=18).set_index("horizon_bucket")
    assert plan.order_up_to_qty[8] == pytest.approx(plan.order_up_to_qty[1])
    assert plan.order_up_to_qty[9] > 3 * plan.order_up_to_qty[8]
    assert plan.order_up_to_qty[13] == pytest.approx(plan.order_up_to_qty[1])
