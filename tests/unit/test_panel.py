import numpy as np
import pandas as pd
import pytest

from stockstrata.errors import PlanningError
from stockstrata.panel import demand_panel

FIRST, LAST = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-02-05")  # Mondays, six weeks


def sums(*rows):
    frame = pd.DataFrame(rows, columns=["item_id", "location_id", "bucket_start_date", "demand_qty"])
    return frame.assign(bucket_start_date=pd.to_datetime(frame.bucket_start_date))


def series(*rows):
    frame = pd.DataFrame(rows, columns=["item_id", "location_id", "start_date"])
    return frame.assign(start_date=pd.to_datetime(frame.start_date))


def build(bucket_sums, item_locations, **changes):
    given = {"first_bucket_date": FIRST, "last_bucket_date": LAST, "bucket_days": "W-MON"} | changes
    return demand_panel(bucket_sums, item_locations=item_locations, **given)


def test_absent_buckets_are_zero_and_buckets_before_the_start_are_unknown():
    panel = build(
        sums(("a", "L1", "2024-01-15", 4.0), ("a", "L1", "2024-02-05", 2.0)), series(("a", "L1", "2024-01-17"))
    )
    assert np.isnan(panel.demand_qty[0, :2]).all()
    assert panel.demand_qty[0, 2:].tolist() == [4, 0, 0, 2]
    assert panel.length_buckets.tolist() == [4]


def test_keys_are_sorted_and_other_item_locations_left_out():
    panel = build(
        sums(("b", "L1", "2024-01-01", 1.0), ("a", "L2", "2024-01-01", 2.0), ("x", "L1", "2024-01-01", 9.0)),
        series(("b", "L1", FIRST), ("a", "L2", FIRST), ("a", "L1", FIRST)),
    )
    assert panel.keys.to_numpy().tolist() == [["a", "L1"], ["a", "L2"], ["b", "L1"]]
    assert panel.demand_qty[:, 0].tolist() == [0, 2, 1]
    assert panel.demand_qty.sum() == 3


def test_a_series_that_never_sold_starts_with_the_panel():
    panel = build(sums(), series(("a", "L1", None)))
    assert panel.demand_qty.tolist() == [[0] * 6]


def test_a_start_after_the_last_bucket_leaves_one_bucket():
    panel = build(sums(), series(("a", "L1", "2025-01-01")))
    assert panel.length_buckets.tolist() == [1]


def test_more_returns_than_sales_count_as_no_demand():
    panel = build(sums(("a", "L1", "2024-01-08", -3.0)), series(("a", "L1", FIRST)))
    assert panel.demand_qty.min() == 0


def test_several_rows_of_a_bucket_add_up():
    panel = build(sums(("a", "L1", "2024-01-08", 3.0), ("a", "L1", "2024-01-08", 4.0)), series(("a", "L1", FIRST)))
    assert panel.demand_qty[0, 1] == 7


def test_demand_outside_the_panel_is_left_out():
    panel = build(
        sums(("a", "L1", "2023-12-25", 5.0), ("a", "L1", "2024-02-12", 6.0)), series(("a", "L1", "2023-12-25"))
    )
    assert panel.demand_qty.tolist() == [[0] * 6]


def test_doubled_keys_and_odd_buckets_are_named():
    with pytest.raises(PlanningError, match="a at L1 stands twice"):
        build(sums(), series(("a", "L1", FIRST), ("a", "L1", FIRST)))
    with pytest.raises(PlanningError, match="2024-01-09 does not start"):
        build(sums(("a", "L1", "2024-01-09", 1.0)), series(("a", "L1", FIRST)))


def test_months():
    panel = build(
        sums(("a", "L1", "2024-03-01", 8.0)), series(("a", "L1", "2024-02-29")),
        first_bucket_date=pd.Timestamp("2024-01-01"), last_bucket_date=pd.Timestamp("2024-03-01"), bucket_days="MS",
    )  # fmt: skip
    assert np.isnan(panel.demand_qty[0, 0])
    assert panel.demand_qty[0, 1:].tolist() == [0, 8]
    assert panel.season_length == 12
    assert panel.mean_bucket_days == pytest.approx(30.4375)


def test_cutting_and_choosing(make_panel):
    panel = make_panel(np.arange(12.0).reshape(3, 4))
    assert panel.last(2).demand_qty.tolist() == [[2, 3], [6, 7], [10, 11]]
    assert panel.last(2).bucket_start_dates[0] == panel.bucket_start_dates[2]
    assert panel.last(99).demand_qty.shape == (3, 4)
    chosen = panel.select(np.array([True, False, True]))
    assert chosen.keys.item_id.tolist() == ["i000", "i002"]
    assert chosen.demand_qty[1].tolist() == [8, 9, 10, 11]
    assert panel.season_length == 52
