"""Past cut-offs planned again and replayed: nothing leaks back, equal rules give equal figures, the twin is exact."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from stockstrata.gate.facts import Realised, UniformRule, WhatCame
from stockstrata.gate.grid import cut_offs_before_cycles, past_cut_offs, replay_grid
from stockstrata.gate.moments import lead_time_demand_of_moments, moments_of_sums
from stockstrata.gate.replanning import StoredCycle, replanned_cycle, replanned_from_moments, replayed_rows
from stockstrata.gate.replays import replayed_sides
from stockstrata.gate.twin import realised_figures
from stockstrata.policy import stock_policies

FIRST, SECOND, END = dt.date(2024, 11, 1), dt.date(2024, 12, 1), dt.date(2025, 1, 1)
KEY = ["item_id", "location_id"]


@pytest.fixture
def frames(make_item_locations):
    """What a cycle knows of three item-locations: master data, segments, lead times, lead-time demand."""
    planned = make_item_locations(3, unit_cost_amount=10.0, order_cost_amount=5.0, moq_qty=1.0)
    keys = planned[KEY]
    segments = keys.assign(segment_code=["AX", "AX", "C-INT"], lifecycle_code="mature", demand_trend_ratio=1.0)
    lead = keys.assign(
        lead_time_days=14.0, lead_time_sd_days=2.0, lead_time_source_code="item_receipts", evidence_grade="full",
        yield_rate=1.0, yield_sd_rate=0.0, yield_line_count=0,
    )  # fmt: skip
    known = keys.assign(mean_qty=[14.0, 7.0, 3.0], sd_qty=[4.0, 3.0, 4.0], is_whole=True)
    demand = lead_time_demand_of_moments(known, lead, np.array([7.0, 7.0, 28.0]), bucket_days=7.0)
    return planned, segments, lead, demand, known


def stored(frames, period=dt.date(2024, 10, 1)):
    planned, segments, lead, demand, _ = frames
    nothing = pd.DataFrame(columns=pd.Index([*KEY, "policy_family", "safety_stock_qty"]))
    return StoredCycle(planned, segments, lead, demand, nothing, period)


def daily_demand(frames, seed=1):
    """Poisson demand of each day of two months; the same whatever the policies."""
    rng = np.random.default_rng(seed)
    days = pd.date_range(FIRST, END, inclusive="left")
    rows = [
        pd.DataFrame({"item_id": key.item_id, "location_id": key.location_id, "demand_date": days,
                      "demand_qty": rng.poisson(key.mean_qty / 7, len(days)).astype(float)})
        for key in frames[4].itertuples()
    ]  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def sides(frames, parameters, candidate, in_force, demand=None):
    planned, segments, lead, lead_time_demand, known = frames
    policies = stock_policies(
        planned, segments, lead, lead_time_demand, parameters=parameters, period_start_date=SECOND
    )
    receipts = pd.DataFrame(columns=pd.Index([*KEY, "order_date", "lead_time_days"]))
    demand = daily_demand(frames) if demand is None else demand
    came = WhatCame(replay_grid(FIRST, END, "day"), demand, receipts)
    return replayed_sides(
        candidate, in_force, policies, planned, came, UniformRule({FIRST: known, SECOND: known}, 7.0, 1.645, 30.0)
    )


def both_cut_offs(frames, parameters):
    return pd.concat([replanned_cycle(stored(frames), day, parameters) for day in (FIRST, SECOND)], ignore_index=True)


def test_past_cut_offs_are_the_first_of_each_month():
    assert past_cut_offs(dt.date(2026, 1, 1), "month", 2) == [dt.date(2025, 11, 1), dt.date(2025, 12, 1)]
    assert past_cut_offs(dt.date(2026, 1, 5), "week", 2) == [dt.date(2025, 11, 3), dt.date(2025, 12, 1)]
    assert past_cut_offs(dt.date(2026, 1, 12), "week", 2) == [dt.date(2025, 12, 1), dt.date(2026, 1, 5)]


def test_cut_offs_before_the_first_cycle_stay_the_same_as_time_goes_on():
    first = dt.date(2026, 1, 1)
    before = [
        cut_offs_before_cycles(past_cut_offs(dt.date(2026, month, 1), "month", 6), first, 3) for month in (1, 3, 6)
    ]
    assert before == [
        [dt.date(2025, 7, 1), dt.date(2025, 10, 1)], [dt.date(2025, 10, 1)], []
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("grain", "first_edge", "last_edge", "count"),
    [("day", "2025-11-01", "2026-01-01", 61), ("week", "2025-11-03", "2025-12-29", 8),
     ("month", "2025-11-01", "2026-01-01", 2)],
)  # fmt: skip
def test_a_grid_is_as_fine_as_the_facts(grain, first_edge, last_edge, count):
    grid = replay_grid(dt.date(2025, 11, 1), dt.date(2026, 1, 1), grain)
    assert (str(grid.edges[0]), str(grid.edges[-1]), grid.period_count) == (first_edge, last_edge, count)
    days = np.array(["2025-10-01", first_edge, "2026-02-01"], dtype="datetime64[D]")
    assert grid.period_of(days).tolist() == [-1, 0, count]


@pytest.mark.parametrize("grain", ["day", "week", "month"])
def test_without_a_whole_period_nothing_is_replayed(grain):
    grid = replay_grid(dt.date(2026, 1, 1), dt.date(2026, 1, 1), grain)
    assert grid.period_count == 0
    assert np.isnan(realised_figures(ONE, realised([], [(DAYS[0], 5.0)]), grid)["actual_mean_stock_qty"]).all()


def test_moments_of_sums_are_those_of_the_values():
    values = np.array([[8.0, 12.0, 0.0], [5.0, 5.0, 5.0]])
    mean, sd = moments_of_sums(np.array([3, 3]), values.sum(axis=1), (values**2).sum(axis=1))
    assert mean == pytest.approx(values.mean(axis=1))
    assert sd == pytest.approx(values.std(axis=1, ddof=1))
    assert moments_of_sums(np.array([2]), np.array([20.0]), np.array([np.nan]))[1] == pytest.approx(10.0)


def test_with_the_parameters_of_then_a_cut_off_gives_what_was_published(frames, module_parameters):
    planned, segments, lead, demand, _ = frames
    published = stock_policies(
        planned, segments, lead, demand, parameters=module_parameters, period_start_date=SECOND, cut_off_date=FIRST
    )
    found = replanned_cycle(stored(frames), FIRST, module_parameters)
    pd.testing.assert_frame_equal(found, replayed_rows(published, FIRST, "frozen"))
    assert set(found["source_code"]) == {"frozen"}


def test_a_segment_that_the_rules_no_longer_know_is_left_out(frames, module_parameters):
    planned, segments, lead, demand, _ = frames
    gone = StoredCycle(
        planned, segments.assign(segment_code=["AX", "OLD", "OLD"]), lead, demand, stored(frames).last_policies, FIRST
    )
    assert replanned_cycle(gone, FIRST, module_parameters)["item_id"].tolist() == ["i000"]
    nobody = StoredCycle(planned, segments.assign(segment_code="OLD"), lead, demand, gone.last_policies, FIRST)
    assert replanned_cycle(nobody, FIRST, module_parameters).empty


def test_cut_offs_planned_together_are_planned_as_if_each_were_alone(frames, module_parameters):
    planned, segments, lead, _, known = frames
    more = known.assign(mean_qty=known["mean_qty"] * 2)
    days = {"parameters": module_parameters, "bucket_days": 7.0, "cycle_days": 30.0}
    together = replanned_from_moments({FIRST: known, SECOND: more.iloc[:2]}, planned, segments, lead, **days)
    alone = [
        replanned_from_moments({day: rows}, planned, segments, lead, **days)
        for day, rows in ((FIRST, known), (SECOND, more.iloc[:2]))
    ]
    expected = pd.concat(alone).sort_values([*KEY, "cut_off_date"], ignore_index=True)
    pd.testing.assert_frame_equal(together, expected)
    assert len(together) == 5
    assert set(together["location_id"]) == {"L1"}


def test_equal_rules_give_equal_figures(frames, module_parameters):
    rows = both_cut_offs(frames, module_parameters)
    found = sides(frames, module_parameters, rows, rows)
    assert found["is_compared"].all()
    for name in ("short_qty", "mean_stock_qty", "stock_value_amount", "order_count"):
        assert found[f"candidate_{name}"].tolist() == found[f"in_force_{name}"].tolist()
    assert (found["demand_qty"] > 0).all()
    assert (found["cut_off_count"] == 2).all()
    assert (found["candidate_mean_stock_qty"] > 0).all()


def test_demand_after_a_cut_off_changes_no_plan_and_nothing_before_it(frames, module_parameters):
    """A sentinel in the second month: orders of the first month, and what they met, stay as they were."""
    rows = both_cut_offs(frames, module_parameters)
    demand = daily_demand(frames)
    spoilt = demand.assign(demand_qty=demand["demand_qty"].where(demand["demand_date"] < pd.Timestamp(SECOND), 9_999.0))
    planned, segments, lead, lead_time_demand, known = frames
    policies = stock_policies(
        planned, segments, lead, lead_time_demand, parameters=module_parameters, period_start_date=SECOND
    )
    receipts = pd.DataFrame(columns=pd.Index([*KEY, "order_date", "lead_time_days"]))
    uniform = UniformRule({FIRST: known, SECOND: known}, 7.0, 1.645, 30.0)
    until = WhatCame(replay_grid(FIRST, SECOND, "day"), spoilt, receipts)
    clean = WhatCame(replay_grid(FIRST, SECOND, "day"), demand, receipts)
    first = rows.loc[rows["cut_off_date"] == pd.Timestamp(FIRST)]
    pd.testing.assert_frame_equal(
        replayed_sides(first, first, policies, planned, until, uniform),
        replayed_sides(first, first, policies, planned, clean, uniform),
    )
    whole = sides(frames, module_parameters, rows, rows, spoilt)
    assert (whole["candidate_short_qty"] > 1_000).all()


def test_what_has_no_rules_in_force_is_replayed_and_not_compared(frames, module_parameters):
    rows = both_cut_offs(frames, module_parameters)
    found = sides(frames, module_parameters, rows, rows.loc[rows["item_id"] != "i001"])
    assert found["is_compared"].tolist() == [True, False, True]
    assert np.isnan(found.loc[1, "in_force_short_qty"])
    assert found.loc[1, "candidate_mean_stock_qty"] > 0


def test_what_came_into_force_later_is_compared_from_then_on(frames, module_parameters):
    rows = both_cut_offs(frames, module_parameters)
    late = rows.loc[(rows["item_id"] != "i001") | (rows["cut_off_date"] == pd.Timestamp(SECOND))]
    found = sides(frames, module_parameters, rows, late).set_index("item_id")
    assert str(found.loc["i001", "replayed_from_date"])[:10] == str(SECOND)
    assert found.loc["i001", "cut_off_count"] == 1
    assert found.loc["i001", "candidate_short_qty"] == found.loc["i001", "in_force_short_qty"]
    whole = sides(frames, module_parameters, rows, rows).set_index("item_id")
    assert found.loc["i001", "demand_qty"] < whole.loc["i001", "demand_qty"]


def test_a_cut_off_without_plan_keeps_the_one_before(frames, module_parameters):
    rows = both_cut_offs(frames, module_parameters)
    once = rows.loc[(rows["item_id"] != "i001") | (rows["cut_off_date"] == pd.Timestamp(FIRST))]
    found = sides(frames, module_parameters, once, rows)
    # Both cut-offs gave the same plan, so it makes no difference which of them is in force.
    assert found["candidate_mean_stock_qty"].tolist() == found["in_force_mean_stock_qty"].tolist()


def test_nothing_to_replay_gives_no_rows(frames, module_parameters):
    rows = both_cut_offs(frames, module_parameters).iloc[:0]
    assert sides(frames, module_parameters, rows, rows).empty


def realised(flows, snapshots, *, served=(), lost=()):
    def frame(rows, columns):
        return pd.DataFrame(list(rows), columns=pd.Index([*KEY, *columns]))

    return Realised(
        frame([("a", "L", *row) for row in snapshots], ("stock_date", "free_qty")).astype(
            {"stock_date": "datetime64[s]"}
        ),
        frame([("a", "L", *row) for row in flows], ("flow_date", "in_qty", "out_qty")).astype(
            {"flow_date": "datetime64[s]"}
        ),
        frame([("a", "L", *row) for row in served], ("demand_qty", "short_qty", "is_service_known")),
        frame([("a", "L", row) for row in lost], ("hidden_lost_qty",)),
    )


DAYS = [str(day.date()) for day in pd.date_range("2025-11-01", periods=5)]
ONE = pd.DataFrame({"item_id": ["a"], "location_id": ["L"]})
GRID = replay_grid(dt.date(2025, 11, 1), dt.date(2025, 12, 1), "day")


def test_the_twin_by_hand():
    """10 counted on day 1; 4 in and 6 out on day 2 leave 8, 7 are counted; 2 out on day 4 leave 6, 6 are counted."""
    found = realised_figures(
        ONE,
        realised(
            [(DAYS[0], 50.0, 3.0), (DAYS[1], 4.0, 6.0), (DAYS[3], 0.0, 2.0)],
            [(DAYS[0], 10.0), (DAYS[1], 7.0), (DAYS[3], 6.0)],
            served=[(8.0, 1.0, 1.0)], lost=[2.0],
        ),
        GRID,
    ).iloc[0]  # fmt: skip
    assert found["twin_stock_gap_qty"] == pytest.approx(0.5)
    assert found["actual_mean_stock_qty"] == pytest.approx(23 / 3)
    assert found["actual_short_qty"] == 3.0
    assert (found["hidden_lost_qty"], found["recorded_qty"]) == (2.0, 8.0)


def test_what_nobody_counts_or_ships_is_unknown():
    found = realised_figures(ONE, realised([], []), GRID).iloc[0]
    assert np.isnan(found[["actual_short_qty", "actual_mean_stock_qty", "twin_stock_gap_qty"]].to_numpy(float)).all()


@pytest.mark.parametrize(("leak", "is_exact"), [(0.0, True), (0.5, False)])
def test_the_real_orders_replayed_give_the_real_stock_path(leak, is_exact):
    """A store with (s, Q) orders that arrive after four days, and lost sales; with a leak nobody records what goes."""
    rng = np.random.default_rng(7)
    stock, due, flows, counted = 30.0, {}, [], []
    for at, day in enumerate(pd.date_range("2025-11-01", "2025-11-30")):
        arrived, wanted = due.pop(at, 0.0), float(rng.poisson(4))
        sold = min(stock + arrived, wanted)
        stock = stock + arrived - sold
        gone = min(stock, leak)
        stock -= gone
        flows.append((str(day.date()), arrived, sold))
        if stock + sum(due.values()) <= 20:
            due[at + 4] = 25.0
        if at % 7 == 0:
            counted.append((str(day.date()), stock))
    gap = realised_figures(ONE, realised(flows, counted), GRID)["twin_stock_gap_qty"].iloc[0]
    assert (gap == 0.0) == is_exact
    assert np.isfinite(gap)
