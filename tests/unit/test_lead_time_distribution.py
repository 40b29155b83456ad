"""Censored estimates, coverage and shrinkage of lead times, against simulated suppliers whose truth is known."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from stockstrata.lead_time import lead_times, log_normal_quantile
from stockstrata.supply.censoring import expected_moments
from stockstrata.supply.pooling import pooled_levels

CUT_OFF = dt.date(2025, 1, 1)
DAY = np.timedelta64(1, "D")


def draw(kind, mean, cv, size, rng):
    if kind == "gamma":
        return rng.gamma(1 / cv**2, mean * cv**2, size)
    s2 = np.log1p(cv**2)
    return rng.lognormal(np.log(mean) - s2 / 2, np.sqrt(s2), size)


def company(days, *, item="i000", supplier="s1", mode="", first="2024-07-01", every=None, qty=None):
    """Orders at a steady pace from `first` to the cut-off: receipts so far, and order lines with what is open."""
    n = len(days)
    start, end = np.datetime64(first), np.datetime64(CUT_OFF)
    ordered = start + (np.arange(n) * ((end - start) / DAY) / n).astype(int) * DAY
    received = ordered + np.maximum(np.rint(days), 1).astype(int) * DAY
    qty = np.ones(n) if qty is None else qty
    is_in = received < end
    base = {
        "order_id": [f"P{k}" for k in range(n)],
        "line": "1",
        "item_id": item,
        "location_id": "L1",
        "supplier_id": supplier,
        "transport_mode_code": mode,
    }
    lines = pd.DataFrame(
        base
        | {
            "order_date": ordered.astype("datetime64[s]"),
            "ordered_qty": qty,
            "received_qty": np.where(is_in, qty, 0.0),
            "rejected_qty": 0.0,
            "last_receipt_date": np.where(is_in, received, np.datetime64("NaT")).astype("datetime64[s]"),
        }
    )
    receipts = pd.DataFrame(
        base
        | {
            "receipt_date": received.astype("datetime64[s]"),
            "lead_time_days": (received - ordered) / DAY,
            "received_qty": qty,
            "known_from_at": received.astype("datetime64[s]"),
            "known_to_at": np.datetime64("9999-12-31", "s"),
        }
    )
    return receipts[is_in], lines


def joined(*companies):
    return tuple(pd.concat(frames, ignore_index=True) for frames in zip(*companies, strict=True))


@pytest.mark.parametrize(("kind", "tolerance"), [("lognormal", 0.04), ("gamma", 0.06)])
def test_open_orders_make_the_mean_unbiased_where_closed_ones_alone_are_not(
    make_parameters, make_item_locations, kind, tolerance
):
    rng = np.random.default_rng(7)
    parameters, planned = make_parameters(), make_item_locations(1, supplier_id="s1")
    naive, censored = [], []
    for _ in range(60):
        receipts, lines = company(draw(kind, 60, 0.5, 120, rng), first="2024-09-01")
        arguments = {"parameters": parameters, "cut_off_date": CUT_OFF}
        naive.append(lead_times(planned, receipts, **arguments).lead_time_days[0])
        censored.append(lead_times(planned, receipts, order_lines=lines, **arguments).lead_time_days[0])
    assert np.mean(naive) < 50, "closed orders alone lean low by far"
    assert np.mean(censored) == pytest.approx(60, rel=tolerance)


def test_open_orders_that_are_younger_than_any_receipt_change_next_to_nothing():
    days, weight = np.array([20.0, 22, 18, 21, 19, 0.5]), np.ones(6)
    is_open, group = np.array([False] * 5 + [True]), np.zeros(6, dtype=int)
    found = expected_moments(
        days, is_open, weight, group, group, prior_count=1, prior_cv=0.1, longest_days=730
    )  # fmt: skip
    assert found.first[:5].tolist() == days[:5].tolist()
    assert found.first[5] == pytest.approx(20, rel=0.03)


def test_no_open_order_is_expected_sooner_than_it_is_late():
    rng = np.random.default_rng(3)
    days = rng.lognormal(3, 0.4, 200)
    is_open = rng.random(200) < 0.4
    supplier = rng.integers(0, 4, 200)
    group = supplier * 5 + rng.integers(0, 5, 200)
    found = expected_moments(
        days, is_open, np.ones(200), group, supplier, prior_count=4, prior_cv=0.25, longest_days=90
    )
    assert (found.first >= days).all()
    assert (found.second >= found.first**2 * (1 - 1e-12)).all()
    assert found.first[is_open].max() <= max(90, days[is_open].max())


@pytest.mark.parametrize("kind", ["gamma", "lognormal"])
def test_p90_covers_ninety_percent_out_of_sample(make_parameters, make_item_locations, kind):
    rng = np.random.default_rng(11)
    count = 150
    means = rng.uniform(8, 60, count)
    parts = [
        company(draw(kind, mean, 0.35, 25, rng), item=f"i{k:03d}", supplier=f"s{k:03d}")
        for k, mean in enumerate(means)
    ]  # fmt: skip
    receipts, lines = joined(*parts)
    planned = make_item_locations(count, supplier_id=[f"s{k:03d}" for k in range(count)])
    found = lead_times(
        planned, receipts, parameters=make_parameters(), cut_off_date=CUT_OFF, order_lines=lines
    )  # fmt: skip
    fresh = np.maximum(np.rint(np.array([draw(kind, mean, 0.35, 400, rng) for mean in means])), 1)
    for name, wanted in (("lead_time_p50_days", 0.5), ("lead_time_p90_days", 0.9), ("lead_time_p95_days", 0.95)):
        covered = (fresh <= found[name].to_numpy()[:, None]).mean()
        assert covered == pytest.approx(wanted, abs=0.025), name


@pytest.mark.parametrize(("count", "low", "high"), [(2, 28, 45), (40, 24, 27)])
def test_a_supplier_of_two_receipts_is_drawn_to_its_lane_and_one_of_forty_is_not(
    make_parameters, make_item_locations, count, low, high
):
    rng = np.random.default_rng(5)
    parts = [
        company(draw("gamma", 40 + 2 * k, 0.2, 30, rng), item=f"i{k:03d}", supplier=f"s{k}", mode="sea")
        for k in range(6)
    ] + [
        company(draw("gamma", 8, 0.2, 30, rng), item="i006", supplier="s6", mode="air"),
        company(np.full(count, 25.0), item="i007", supplier="s7", mode="sea"),
    ]
    receipts, _ = joined(*parts)
    planned = make_item_locations(8, supplier_id=[f"s{k}" for k in range(8)])
    found = lead_times(planned, receipts, parameters=make_parameters(), cut_off_date=CUT_OFF)
    assert found.lead_time_source_code[7] == ("lane_receipts" if count == 2 else "item_receipts")
    assert low < found.lead_time_days[7] < high
    assert found.lead_time_days[6] == pytest.approx(8, abs=1)


def test_receipts_after_the_cut_off_change_nothing(make_parameters, make_item_locations):
    rng = np.random.default_rng(2)
    receipts, lines = company(draw("gamma", 20, 0.3, 40, rng))
    later = receipts.assign(lead_time_days=300.0, receipt_date=pd.Timestamp("2025-01-01"))
    planned, arguments = make_item_locations(1, supplier_id="s1"), {"cut_off_date": CUT_OFF, "order_lines": lines}
    parameters = make_parameters()
    with_later = pd.concat([receipts, later], ignore_index=True)
    first = lead_times(planned, receipts, parameters=parameters, **arguments)
    second = lead_times(planned, with_later, parameters=parameters, **arguments)
    pd.testing.assert_frame_equal(first, second)


def test_the_order_of_the_rows_changes_nothing(make_parameters, make_item_locations):
    rng = np.random.default_rng(4)
    receipts, lines = joined(
        company(draw("gamma", 20, 0.3, 40, rng)), company(draw("gamma", 30, 0.3, 9, rng), item="i001", supplier="s2")
    )
    planned, parameters = make_item_locations(2, supplier_id=["s1", "s2"]), make_parameters()
    arguments = {"parameters": parameters, "cut_off_date": CUT_OFF}
    first = lead_times(planned, receipts, order_lines=lines, **arguments)
    shuffled = (frame.sample(frac=1, random_state=1) for frame in (receipts, lines))
    second = lead_times(planned[::-1], next(shuffled), order_lines=next(shuffled), **arguments)
    pd.testing.assert_frame_equal(first, second, rtol=1e-9)


def test_pooling_finds_the_scatter_that_was_planted():
    rng = np.random.default_rng(1)
    true = 30 * (1 + 0.3 * rng.standard_normal(400))
    variance = np.full(400, 0.04)
    seen = true * (1 + 0.2 * rng.standard_normal(400))
    leaves = pooled_levels(seen, variance, [np.zeros(400, dtype=int)], usual_scatter=0.01)[-1]
    assert leaves.scatter == pytest.approx(0.09, rel=0.2)
    assert ((leaves.mean - true) ** 2).mean() < 0.8 * ((seen - true) ** 2).mean()


def test_without_scatter_all_stand_together():
    rng = np.random.default_rng(1)
    seen = 30 * (1 + 0.2 * rng.standard_normal(400))
    leaves = pooled_levels(seen, np.full(400, 0.04), [np.zeros(400, dtype=int)], usual_scatter=0.01)[-1]
    assert leaves.mean.std() < 0.3 * seen.std()


def test_quantiles_of_a_known_log_normal():
    s2 = np.log1p(0.25)
    median = 20 * np.exp(-s2 / 2)
    assert log_normal_quantile(0.5, np.array([20.0]), np.array([10.0]))[0] == pytest.approx(median)
    assert log_normal_quantile(0.9, np.array([0.0, 10.0]), np.array([0.0, 0.0])).tolist() == [0.0, 10.0]
