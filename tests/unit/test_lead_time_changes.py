"""CUSUM of lead times: run lengths of the textbook, the planted jump of the sample company, roll-back, who depends."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from stockstrata.sample.company import generate_company
from stockstrata.supply.changes import in_force, lead_time_changes
from stockstrata.supply.run_length import decision_limit, run_length

CUT_OFF = dt.date(2025, 1, 1)
DAY = np.timedelta64(1, "D")


@pytest.mark.parametrize(
    ("limit", "shift", "expected"),
    [
        (4, 0, 167.68), (4, 0.25, 74.2), (4, 0.5, 26.6), (4, 0.75, 13.3), (4, 1, 8.38), (4, 1.5, 4.75), (4, 2, 3.34),
        (4, 3, 2.19), (5, 0, 465.4), (5, 0.25, 139.5), (5, 0.5, 38.0), (5, 0.75, 17.1), (5, 1, 10.4), (5, 1.5, 5.75),
        (5, 2, 4.01), (5, 3, 2.57),
    ],
)  # fmt: skip
def test_run_lengths_of_montgomery_table_9_3(limit, shift, expected):
    assert run_length(limit, allowance=0.5, shift=shift) == pytest.approx(expected, rel=0.006)


def test_the_limit_gives_the_run_length_that_was_asked_for():
    assert decision_limit(465.4, allowance=0.5) == pytest.approx(5, abs=0.01)
    assert run_length(decision_limit(1000, allowance=0.5), allowance=0.5) == pytest.approx(1000, rel=1e-3)


def receipts_of(days, *, supplier="s1", location="L1", item="i000", last="2024-12-31"):
    n = len(days)
    received = np.datetime64(last) - np.arange(n)[::-1] * 3 * DAY
    return pd.DataFrame(
        {
            "order_id": [f"P{k:05d}" for k in range(n)], "line": "1", "item_id": item, "location_id": location,
            "supplier_id": supplier, "transport_mode_code": "", "receipt_date": received.astype("datetime64[s]"),
            "lead_time_days": np.asarray(days, dtype=float), "received_qty": 1.0,
            "known_from_at": received.astype("datetime64[s]"), "known_to_at": np.datetime64("9999-12-31", "s"),
        }
    )  # fmt: skip


def gamma(mean, sd, n, rng):
    return np.maximum(np.rint(rng.gamma((mean / sd) ** 2, sd**2 / mean, n)), 1)


@pytest.fixture
def changes(make_parameters, make_item_locations):
    def run(*frames, planned=None, **settings):
        given = planned if planned is not None else make_item_locations(1, supplier_id="s1")
        return lead_time_changes(
            given, pd.concat(frames, ignore_index=True), parameters=make_parameters(**settings), cut_off_date=CUT_OFF
        )

    return run


def test_a_step_of_ten_days_is_found_within_four_receipts(changes):
    delays = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        days = np.concatenate([gamma(20, 3, 40, rng), gamma(30, 3, 8, rng)])
        found = changes(receipts_of(days))
        late = found[found["detected_date"] >= np.datetime64("2024-12-31") - 7 * 3 * DAY]
        assert len(late) >= 1, seed
        first = late.iloc[0]
        assert first["direction_code"] == "longer"
        detected = int((pd.Timestamp(first["detected_date"]) - pd.Timestamp("2024-12-10")).days / 3) + 1
        delays.append(detected)
    assert np.mean(delays) < 3.5
    assert np.quantile(delays, 0.9) <= 4


def test_stable_lanes_signal_as_rarely_as_was_asked_for(changes):
    rng = np.random.default_rng(12)
    lanes = [receipts_of(rng.lognormal(3, 0.3, 200), supplier=f"s{k:03d}") for k in range(150)]
    found = changes(*lanes)
    # The first false alarm of a lane comes after 500 receipts on average, so 1 - exp(-200 / 500) of them have one.
    # What follows it is mostly the way back.
    assert found["change_number"].eq(1).sum() == pytest.approx(150 * (1 - np.exp(-0.4)), abs=18)
    assert (found["change_number"] <= 2).mean() > 0.75


def test_the_level_since_is_proposed_then_confirmed_then_rolled_back(changes):
    rng = np.random.default_rng(18)
    calm, slow = gamma(20, 2, 40, rng), gamma(40, 4, 20, rng)
    few = changes(receipts_of(np.concatenate([calm, slow[:3]])))
    assert few["status_code"].tolist() == ["proposed"]
    assert few["proposed_lead_time_days"][0] == pytest.approx(slow[:3].mean(), rel=1e-9)
    many = changes(receipts_of(np.concatenate([calm, slow])))
    assert many["status_code"].tolist() == ["confirmed"]
    assert many["effect_days"][0] == pytest.approx(20, abs=3)
    assert many["receipt_count"][0] == 20
    back = changes(receipts_of(np.concatenate([calm, slow, gamma(20, 2, 15, rng)])))
    assert back["status_code"].tolist() == ["rolled_back", "normal_again"]
    assert in_force(back, "confirmed").empty
    assert in_force(back, "proposed").empty
    on = changes(receipts_of(np.concatenate([calm, slow, gamma(80, 8, 15, rng)])))
    assert on["status_code"].tolist() == ["superseded", "confirmed"]


def test_only_the_lane_that_changed_has_a_proposal_and_only_its_item_locations_depend(changes, make_item_locations):
    rng = np.random.default_rng(9)
    calm, slow = gamma(20, 2, 40, rng), gamma(40, 4, 10, rng)
    planned = make_item_locations(
        5, supplier_id=["s1", "s1", "s1", "s2", None], location_id=["L1", "L1", "L2", "L1", "L1"]
    )
    found = changes(
        receipts_of(np.concatenate([calm, slow])),
        receipts_of(gamma(20, 2, 50, rng), location="L2"),
        receipts_of(gamma(20, 2, 50, rng), supplier="s2"),
        planned=planned,
    )
    assert found[["supplier_id", "location_id", "item_location_count"]].to_numpy().tolist() == [["s1", "L1", 2]]


def test_constant_and_short_histories_signal_nothing(changes):
    assert changes(receipts_of([14] * 50)).empty
    assert changes(receipts_of([14, 80])).empty
    assert changes(receipts_of([14])).empty
    assert changes(receipts_of([])).empty


def test_the_future_changes_nothing(changes):
    rng = np.random.default_rng(3)
    now = receipts_of(gamma(20, 2, 40, rng))
    later = receipts_of([90] * 10).assign(receipt_date=pd.Timestamp("2025-01-01"))
    assert changes(now, later).equals(changes(now))


@pytest.fixture(scope="module")
def sample():
    return generate_company("tiny", seed=20250101)


def test_the_planted_jump_is_found_within_four_receipts_of_its_first(sample, make_parameters, make_item_locations):
    truth = sample.truth["lead_times"].set_index("supplier_id")
    jump = sample.truth["events"].query("event_code == 'lead_time_jump'").iloc[0]
    rows = sample.extract["purchase_orders"]
    dates = {name: pd.to_datetime(rows[name], errors="coerce") for name in ("order_date", "receipt_date")}
    sound = rows.assign(**dates).dropna(subset=["order_date", "receipt_date"])
    received = sound["receipt_date"].astype("datetime64[s]")
    feed = sound.assign(
        receipt_date=received,
        lead_time_days=(sound["receipt_date"] - sound["order_date"]).dt.days.astype(float),
        transport_mode_code=sound["mode"],
        received_qty=pd.to_numeric(sound["received_qty"], errors="coerce"),
        known_from_at=received,
        known_to_at=np.datetime64("9999-12-31", "s"),
    )
    found = lead_time_changes(
        make_item_locations(1), feed, parameters=make_parameters(), cut_off_date=dt.date(2026, 1, 1)
    )
    assert set(found["supplier_id"]) >= {jump["supplier_id"]}
    first_parts = feed.sort_values("receipt_date").drop_duplicates(["order_id", "line"])
    locations = sorted(first_parts.loc[first_parts["supplier_id"] == jump["supplier_id"], "location_id"].unique())
    for location in locations:
        lane = first_parts[
            (first_parts["supplier_id"] == jump["supplier_id"]) & (first_parts["location_id"] == location)
        ]
        slow = lane[lane["order_date"] >= jump["start_date"]]
        mine = found[(found["supplier_id"] == jump["supplier_id"]) & (found["location_id"] == location)]
        longer = mine[mine["effect_days"] > 10]
        assert len(longer) == 1, location
        change = longer.iloc[0]
        needed = (slow["receipt_date"] <= pd.Timestamp(change["detected_date"])).sum()
        assert 1 <= needed <= 4, location
        assert change["status_code"] == "confirmed"
        assert change["proposed_lead_time_days"] == pytest.approx(
            truth.loc[jump["supplier_id"], "mean_after_days"], rel=0.1
        )
        assert change["before_days"] == pytest.approx(truth.loc[jump["supplier_id"], "mean_before_days"], rel=0.1)
    others = found[found["supplier_id"] != jump["supplier_id"]]
    assert len(others) <= 0.01 * len(first_parts), "next to nothing else is reported"
