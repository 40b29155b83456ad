"""Sensing and consumption: nothing counted twice, later buckets untouched, sensing only where it helps."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stockstrata.errors import PlanningError
from stockstrata.forecasting.consumption import consumed_forecast
from stockstrata.forecasting.earlier import EarlierChampions
from stockstrata.forecasting.run import forecast_segments
from stockstrata.forecasting.sensing import sensed_forecast
from stockstrata.forecasting.short_term import short_term_forecast
from stockstrata.history.signal import LearntHistory
from stockstrata.panel import DemandPanel
from stockstrata.tables import SHORT_TERM_FORECAST

QUANTITIES = st.floats(0, 1e6, allow_nan=False)
TABLES = st.integers(1, 6).flatmap(
    lambda width: st.tuples(
        arrays(float, (3, width), elements=QUANTITIES), arrays(float, (3, width), elements=QUANTITIES)
    )
)


def _consumed(forecast, orders, backward, forward):
    count = len(np.atleast_2d(forecast))
    return consumed_forecast(
        np.atleast_2d(np.asarray(forecast, dtype=float)),
        np.atleast_2d(np.asarray(orders, dtype=float)),
        backward=np.full(count, backward),
        forward=np.full(count, forward),
    )


@pytest.mark.parametrize(
    ("orders", "backward", "forward", "expected"),
    [
        ([4, 0, 0], 0, 0, [4, 0, 0]),
        ([0, 15, 0], 0, 0, [0, 10, 0]),
        ([0, 15, 0], 1, 1, [5, 10, 0]),  # what is too much looks back first
        ([0, 15, 0], 0, 1, [0, 10, 5]),
        ([0, 35, 0], 1, 1, [10, 10, 10]),  # and no further than there is forecast
        ([0, 0, 25], 2, 0, [5, 10, 10]),  # nearest first
        ([12, 12, 0], 1, 0, [10, 10, 0]),  # a bucket's own orders come before those of its neighbours
    ],
)
def test_orders_consume_inside_their_windows(orders, backward, forward, expected):
    assert _consumed([10, 10, 10], orders, backward, forward)[0].tolist() == expected


@settings(max_examples=200, deadline=None)
@given(TABLES)
def test_orders_and_net_forecast_are_the_gross_forecast_unless_orders_exceed_it(tables):
    forecast, orders = tables
    net = forecast - _consumed(forecast, orders, 0, 0)
    np.testing.assert_allclose(net, np.maximum(forecast - orders, 0), atol=1e-9)
    inside = orders <= forecast
    np.testing.assert_allclose((orders + net)[inside], forecast[inside], rtol=1e-12, atol=1e-9)
    assert (net[~inside] <= 1e-9).all()


@settings(max_examples=200, deadline=None)
@given(TABLES, st.integers(0, 7), st.integers(0, 7))
def test_no_order_counts_twice_whatever_the_windows(tables, backward, forward):
    forecast, orders = tables
    consumed = _consumed(forecast, orders, backward, forward)
    assert (consumed >= 0).all()
    assert (consumed <= forecast).all()
    limit = np.minimum(forecast.sum(axis=1), orders.sum(axis=1))
    assert (consumed.sum(axis=1) <= limit * (1 + 1e-9) + 1e-9).all()
    # Wider windows never consume less, and windows over everything consume all there is.
    assert (consumed.sum(axis=1) >= _consumed(forecast, orders, 0, 0).sum(axis=1) - 1e-6).all()
    if backward >= 6 and forward >= 6:
        np.testing.assert_allclose(consumed.sum(axis=1), limit, rtol=1e-9, atol=1e-6)


def test_windows_are_each_series_own():
    found = consumed_forecast(
        np.full((2, 2), 10.0), np.array([[0.0, 15.0], [0.0, 15.0]]), backward=np.array([1, 0]), forward=np.zeros(2, int)
    )
    assert found.tolist() == [[5.0, 10.0], [0.0, 10.0]]


def test_sensing_fades_and_leaves_later_buckets_byte_identical():
    gross = np.array([[10.0, 10.0, 10.0, 10.0 / 3], [5.0, 5.0, 5.0, 5.0], [1.0, 1.0, 1.0, 1.0]])
    found = sensed_forecast(gross, np.array([14.0, 9.0, 0.0]), np.array([0.5, 0.0, 1.0]), np.array([2, 2, 3]))
    np.testing.assert_allclose(found[0], [12.0, 11.0, 10.0, 10.0 / 3])
    assert found[0, 2:].tobytes() == gross[0, 2:].tobytes()
    assert found[1].tobytes() == gross[1].tobytes()
    assert found[2].tolist() == [0.0, 0.0, 0.0, 1.0]


# --- a whole cycle -----------------------------------------------------------------------------------------------


def _panel(phi, count=60, weeks=156, seed=1):
    """Demand whose deviations from a level follow an autoregression of order one."""
    rng = np.random.default_rng(seed)
    deviation = np.zeros((count, weeks))
    for week in range(1, weeks):
        deviation[:, week] = phi * deviation[:, week - 1] + rng.normal(0, 8, count)
    keys = pd.DataFrame({"item_id": [f"I{k:03d}" for k in range(count)], "location_id": "ALL"})
    demand = np.maximum(60 + deviation, 0)
    return DemandPanel(keys, pd.date_range("2022-01-03", periods=weeks, freq="W-MON"), demand, "W-MON")


def _cycle(panel, parameters, segment="SPARSE", champions=None):
    supply = panel.keys.assign(lead_time_days=21.0, lead_time_sd_days=0.0, evidence_grade="full")
    return forecast_segments(
        panel, panel.keys.assign(segment_code=segment), supply, parameters=parameters, workers=1, champions=champions
    )


def test_planted_persistence_turns_sensing_on_and_noise_leaves_it_off(make_parameters):
    (kept,) = _cycle(_panel(0.7), make_parameters()).sensing.to_dict("records")
    assert kept["is_sensing_on"]
    assert kept["reason_code"] == "improves"
    assert kept["sensed_wape_rate"] < kept["wape_rate"] * 0.99
    assert 0 < kept["weight_rate"] <= 0.5
    (noise,) = _cycle(_panel(0.0), make_parameters()).sensing.to_dict("records")
    assert not noise["is_sensing_on"]
    assert noise["reason_code"] == "does_not_improve"
    (few,) = _cycle(_panel(0.7, count=3), make_parameters()).sensing.to_dict("records")
    assert few["reason_code"] == "too_few_pairs"


def test_a_segment_keeps_its_weight_between_tournaments(make_parameters):
    """A cycle in which champions are only refitted has no back-test to fit a weight on."""
    parameters, whole = make_parameters(), _panel(0.7)
    early = DemandPanel(whole.keys, whole.bucket_start_dates[:152], whole.demand_qty[:, :152], "W-MON")
    first = _cycle(early, parameters)
    before = EarlierChampions(first.register, first.backtests, first.backtest_lags, sensing=first.sensing)
    found = _cycle(whole, parameters, champions=before)
    assert (found.register["decision_code"] == "refitted").mean() > 0.9
    assert first.sensing["is_sensing_on"].all()
    pd.testing.assert_frame_equal(found.sensing, first.sensing)
    # Without it there would be too little to judge by, and a setting that switches sensing off is obeyed at once.
    alone = _cycle(whole, parameters, champions=replace(before, sensing=None)).sensing
    assert not alone["is_sensing_on"].any()
    off = {
        "segment_code": "SPARSE", "backward_buckets": 0, "forward_buckets": 0, "sensed_buckets": 0,
        "largest_weight_rate": 0.5, "margin_rate": 0.0,
    }  # fmt: skip
    (row,) = _cycle(whole, make_parameters({"short_term_settings": [off]}), champions=before).sensing.to_dict("records")
    assert row["reason_code"] == "switched_off"


def test_sensing_can_be_switched_off(make_parameters):
    off = {
        "segment_code": "SPARSE", "backward_buckets": 0, "forward_buckets": 0, "sensed_buckets": 0,
        "largest_weight_rate": 0.5, "margin_rate": 0.0,
    }  # fmt: skip
    (row,) = _cycle(_panel(0.7), make_parameters({"short_term_settings": [off]})).sensing.to_dict("records")
    assert row["reason_code"] == "switched_off"
    assert not row["is_sensing_on"]


@pytest.fixture
def cycle(make_parameters):
    panel = _panel(0.7)
    parameters = make_parameters()
    return panel, _cycle(panel, parameters), parameters


def _short_term(panel, found, parameters, orders, sensing=None, newest=None):
    newest = panel.keys.assign(demand_qty=panel.demand_qty[:, -1]) if newest is None else newest
    return short_term_forecast(
        found.forecasts,
        orders,
        newest,
        panel.keys.assign(segment_code="SPARSE"),
        found.sensing if sensing is None else sensing,
        parameters=parameters,
        bucket_count=13,
    )


NO_ORDERS = pd.DataFrame(
    {name: [] for name in ("item_id", "location_id", "bucket_start_date", "order_qty", "open_order_qty")}
)


def test_the_table_revises_two_buckets_and_no_more(cycle):
    panel, found, parameters = cycle
    table = _short_term(panel, found, parameters, NO_ORDERS)
    assert list(table.columns) == [c.name for c in SHORT_TERM_FORECAST.columns if c.name != "period_start_date"]
    near = table[table["horizon_bucket"] <= 2]
    later = table[table["horizon_bucket"] > 2]
    assert near["is_sensing_on"].mean() > 0.9
    assert later["sensed_qty"].to_numpy().tobytes() == later["gross_qty"].to_numpy().tobytes()
    assert not later["is_sensing_on"].any()
    np.testing.assert_array_equal(table["net_qty"], table["sensed_qty"])
    np.testing.assert_array_equal(table["requirement_qty"], table["net_qty"])


def test_sales_of_an_empty_shelf_are_no_news(make_parameters):
    """The newest bucket of three series: sold out, sold out with an estimate, and the first one of a series."""
    panel, parameters = _panel(0.7), make_parameters()
    sold = panel.demand_qty.copy()
    sold[0, -1] = 0.0
    learnt, judged = sold.copy(), sold.copy()
    learnt[0, -1], judged[:2, -1] = 60.0, np.nan
    learnt[2, :-1] = judged[2, :-1] = np.nan
    history = LearntHistory(
        replace(panel, demand_qty=learnt), judged, judged, np.isfinite(judged), learnt, np.ones(sold.shape)
    )
    newest = history.newest_demand["demand_qty"].to_numpy()
    assert np.isnan(newest[:3]).all()
    assert newest[3:].tolist() == sold[3:, -1].tolist()
    found = _cycle(panel, parameters)
    assert found.sensing["is_sensing_on"].all()
    table = _short_term(panel, found, parameters, NO_ORDERS, newest=history.newest_demand)
    by_item = table.groupby("item_id")["is_sensing_on"].any()
    assert not by_item.iloc[:3].any()
    assert by_item.iloc[3:].all()


def test_promotions_ahead_are_no_deviation(make_parameters):
    """Where demand is as forecast but for a promotion to come, there is nothing to sense."""
    panel, parameters = _panel(0.7), make_parameters()
    found = _cycle(panel, parameters)
    lifted = found.forecasts.assign(mean_qty=found.forecasts["mean_qty"] * 1.5)
    first = found.forecasts[found.forecasts["horizon_bucket"] == 1]
    newest = panel.keys.merge(first, on=["item_id", "location_id"])[["item_id", "location_id", "baseline_qty"]]
    table = _short_term(
        panel, replace(found, forecasts=lifted), parameters, NO_ORDERS,
        newest=newest.rename(columns={"baseline_qty": "demand_qty"}),
    )  # fmt: skip
    np.testing.assert_allclose(table["sensed_qty"], table["gross_qty"], rtol=1e-12)


def test_orders_are_netted_in_the_bucket_they_are_due(cycle):
    panel, found, parameters = cycle
    first = found.forecasts["bucket_start_date"].min()
    orders = pd.DataFrame(
        {
            "item_id": ["I000", "I001", "I002", "elsewhere"],
            "location_id": "ALL",
            "bucket_start_date": [first, first, first - pd.Timedelta(days=7), first],
            "order_qty": [30.0, 1000.0, 50.0, 9.0],
            "open_order_qty": [10.0, 1000.0, 50.0, 9.0],
        }
    )
    off = found.sensing.assign(is_sensing_on=False)
    table = _short_term(panel, found, parameters, orders, off).set_index(["item_id", "horizon_bucket"])
    row = table.loc[("I000", 1)]
    assert row["order_qty"] + row["net_qty"] == pytest.approx(row["gross_qty"])
    assert row["requirement_qty"] == pytest.approx(10.0 + row["net_qty"])
    # A large order takes its bucket and, by the shipped window, the next one; it stays whole in the requirement.
    large = table.loc["I001"]
    assert large["net_qty"].tolist()[:2] == [0.0, 0.0]
    assert large["requirement_qty"].iloc[0] == 1000.0
    assert large["consumed_qty"].tolist()[2:] == [0.0] * 11
    # Orders due in the past, and of what is not planned, touch nothing.
    assert table.loc["I002"]["consumed_qty"].sum() == 0
    assert table["order_qty"].sum() == 1030.0


def test_a_forecast_that_lacks_a_bucket_is_named(cycle):
    panel, found, parameters = cycle
    with pytest.raises(PlanningError, match="expected 13 buckets of every item-location"):
        short_term_forecast(
            found.forecasts.iloc[1:],
            NO_ORDERS,
            panel.keys.assign(demand_qty=0.0),
            panel.keys.assign(segment_code="SPARSE"),
            found.sensing,
            parameters=parameters,
            bucket_count=13,
        )
