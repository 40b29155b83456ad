"""Supply of a cycle: a confirmed change counts at once, a proposed one is told to those who depend on it."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from stockstrata.supply.cycle import supply_figures
from stockstrata.tables import LEAD_TIME, LEAD_TIME_CHANGE

CUT_OFF = dt.date(2025, 1, 1)
DAY = np.timedelta64(1, "D")


def company(days, location):
    n = len(days)
    received = np.datetime64("2024-12-31") - np.arange(n)[::-1] * 5 * DAY
    ordered = received - np.asarray(days).astype(int) * DAY
    common = {
        "order_id": [f"{location}-{k:03d}" for k in range(n)], "line": "1", "item_id": "i000",
        "location_id": location, "supplier_id": "s1", "transport_mode_code": "sea",
    }  # fmt: skip
    receipts = pd.DataFrame(
        common
        | {
            "receipt_date": received.astype("datetime64[s]"), "lead_time_days": np.asarray(days, dtype=float),
            "received_qty": 10.0, "known_from_at": received.astype("datetime64[s]"),
            "known_to_at": np.datetime64("9999-12-31", "s"),
        }
    )  # fmt: skip
    lines = pd.DataFrame(
        common
        | {
            "order_date": ordered.astype("datetime64[s]"), "ordered_qty": 10.0, "received_qty": 10.0,
            "rejected_qty": 0.0, "last_receipt_date": received.astype("datetime64[s]"),
        }
    )  # fmt: skip
    return receipts, lines


@pytest.fixture
def figures(make_parameters, make_item_locations):
    def run(slow_count):
        rng = np.random.default_rng(18)
        calm, slow = np.rint(rng.normal(20, 2, 40)), np.rint(rng.normal(45, 3, slow_count))
        parts = [company(np.concatenate([calm, slow]), "L1"), company(np.rint(rng.normal(20, 2, 45)), "L2")]
        receipts, lines = (pd.concat(frames, ignore_index=True) for frames in zip(*parts, strict=True))
        planned = make_item_locations(
            3, item_id=["i000", "i000", "i001"], location_id=["L1", "L2", "L1"], supplier_id=["s1", "s1", "s2"]
        )
        return supply_figures(planned, receipts, lines, parameters=make_parameters(), cut_off_date=CUT_OFF)

    return run


def test_a_proposed_change_is_told_only_to_those_who_depend_on_the_lane_and_changes_no_lead_time(figures):
    found = figures(3).lead_time.set_index(["item_id", "location_id"])
    assert found["change_status_code"].tolist() == ["proposed", "none", "none"]
    assert found.loc[("i000", "L1"), "proposed_lead_time_days"] == pytest.approx(45, abs=4)
    assert found["proposed_lead_time_days"].isna().tolist() == [False, True, True]
    assert found.loc[("i000", "L1"), "lead_time_days"] < 27


def test_a_confirmed_change_leaves_older_receipts_of_the_lane_out(figures):
    made = figures(12)
    found = made.lead_time.set_index(["item_id", "location_id"])
    assert found["change_status_code"].tolist() == ["confirmed", "none", "none"]
    assert found.loc[("i000", "L1"), "lead_time_days"] == pytest.approx(45, abs=3)
    assert found.loc[("i000", "L2"), "lead_time_days"] == pytest.approx(20, abs=2)
    assert made.lead_time_change["item_location_count"].tolist() == [1]


def test_the_frames_have_the_columns_of_their_tables(figures):
    made = figures(12)
    for frame, table in ((made.lead_time, LEAD_TIME), (made.lead_time_change, LEAD_TIME_CHANGE)):
        assert frame.columns.tolist() == [c.name for c in table.columns if c.name != "period_start_date"]
    assert not made.lead_time[["lead_time_days", "lead_time_sd_days", "yield_rate"]].isna().any().any()
