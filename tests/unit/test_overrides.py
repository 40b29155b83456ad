"""Overrides: what they change, when they may, and that the forecast itself stays."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockstrata.parameters import ForecastRule
from stockstrata.tracking.overrides import EFFECT_COLUMNS, apply_overrides

WEEKS = pd.date_range("2025-01-06", periods=4, freq="W-MON")
CUT_OFF = np.datetime64("2025-01-06", "D")
DATED = {"valid_from_date": "1900-01-01", "approved_by": "t", "reason": "test"}


def rules(rate=0.2, amount=1e9, **segments):
    return [
        ForecastRule.model_validate(
            {"segment_code": code, "approval_change_rate": limit, "approval_change_amount": amount, **DATED}
        )
        for code, limit in {"*": rate, **segments}.items()
    ]


def cells(keys=(("A", "L1"),), baseline=100.0, cost=2.0, segment="AX"):
    frame = pd.DataFrame([(*key, week) for key in keys for week in WEEKS], columns=["item_id", "location_id", "b"])
    frame = frame.rename(columns={"b": "bucket_start_date"})
    return frame.assign(segment_code=segment, baseline_qty=baseline, unit_cost_amount=cost)


def override(kind="factor", value=1.1, **changes):
    row = {
        "override_id": "O1", "item_id": "A", "location_id": "L1", "from_date": WEEKS[0],
        "to_date": WEEKS[-1] + pd.Timedelta(days=6), "override_type_code": kind, "override_value": value, "person": "p",
        "reason_code": "r", "evidence": None, "entered_at": pd.Timestamp("2025-01-01"), "expires_date": pd.NaT,
        "approval_state_code": "proposed", "approved_by": None,
    }  # fmt: skip
    return row | changes


def applied(*entries, frame=None, limits=None, cut_off=CUT_OFF):
    frame = cells() if frame is None else frame
    ledger = pd.DataFrame(list(entries), columns=list(override()))
    return apply_overrides(frame, ledger, rules=limits or rules(), cut_off_date=cut_off, bucket_days="W-MON")


def status(found, name="O1"):
    return found.effects.set_index("override_id").loc[name, "status_code"]


APPROVED = {"approval_state_code": "approved", "approved_by": "boss"}


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [("factor", 1.1, 110.0), ("set_qty_per_bucket", 90.0, 90.0), ("add_qty", 40.0, 110.0), ("add_qty", -40.0, 90.0)],
)
def test_each_type_changes_the_forecast_as_it_says(kind, value, expected):
    found = applied(override(kind, value))
    assert found.quantity == pytest.approx(np.full(4, expected))
    effect = found.effects.iloc[0]
    assert list(found.effects.columns) == EFFECT_COLUMNS
    assert effect["change_qty"] == pytest.approx(4 * (expected - 100))
    assert effect["change_amount"] == pytest.approx(80)
    assert (effect["status_code"], effect["applied_bucket_count"]) == ("effective", 4)


def test_a_bucket_covered_in_part_is_changed_by_that_share_of_its_days():
    days = {"from_date": pd.Timestamp("2025-01-09"), "to_date": pd.Timestamp("2025-01-13")}
    factor, level, more = (
        applied(override(kind, value, **days, **APPROVED)).quantity[:2]
        for kind, value in (("factor", 2.0), ("set_qty_per_bucket", 30.0), ("add_qty", 10.0))
    )
    assert factor == pytest.approx([100 + 100 * 4 / 7, 100 + 100 / 7])
    assert level == pytest.approx([100 - 70 * 4 / 7, 100 - 70 / 7])
    assert more == pytest.approx([108, 102])


def test_months_are_as_long_as_they_are():
    months = cells().head(2).assign(bucket_start_date=pd.to_datetime(["2025-02-01", "2025-03-01"]))
    ledger = pd.DataFrame(
        [override("factor", 2.0, from_date=pd.Timestamp("2025-02-15"), to_date="2025-02-28", **APPROVED)]
    )
    found = apply_overrides(months, ledger, rules=rules(), cut_off_date=CUT_OFF, bucket_days="MS")
    assert found.quantity[0] == pytest.approx(150)
    assert np.isnan(found.quantity[1])


def test_a_large_override_waits_until_somebody_else_has_approved_it():
    large = override("factor", 1.21)
    assert status(applied(large)) == "awaiting_approval"
    assert np.isnan(applied(large).quantity).all()
    own = large | {"approval_state_code": "approved", "approved_by": "p"}
    unsigned = large | {"approval_state_code": "approved"}
    assert {status(applied(own)), status(applied(unsigned))} == {"awaiting_approval"}
    assert applied(large | APPROVED).quantity == pytest.approx(np.full(4, 121.0))


def test_limits_are_those_of_the_segment_and_of_money():
    assert status(applied(override("factor", 1.3), limits=rules(0.2, AX=0.4))) == "effective"
    assert status(applied(override("factor", 1.3), limits=rules(0.4, AX=0.2))) == "awaiting_approval"
    assert status(applied(override("factor", 1.05), limits=rules(0.2, amount=39.9))) == "awaiting_approval"
    # A forecast of zero has no rate: the amount decides.
    zero = cells(baseline=0.0)
    assert status(applied(override("set_qty_per_bucket", 1.0), frame=zero, limits=rules(0.2, 9.0))) == "effective"
    assert (
        status(applied(override("set_qty_per_bucket", 2.0), frame=zero, limits=rules(0.2, 9.0))) == "awaiting_approval"
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"approval_state_code": "rejected", "approved_by": "boss"}, "rejected"),
        ({"expires_date": pd.Timestamp("2025-01-06")}, "expired"),
        ({"expires_date": pd.Timestamp("2025-01-07")}, "effective"),
        ({"override_value": -0.1}, "invalid"),
        ({"item_id": "Z"}, "out_of_scope"),
        ({"location_id": "L9"}, "out_of_scope"),
        ({"from_date": pd.Timestamp("2026-01-01"), "to_date": pd.Timestamp("2026-02-01")}, "out_of_scope"),
    ],
)
def test_what_becomes_of_an_override(changes, expected):
    found = applied(override() | changes)
    assert status(found) == expected
    assert np.isfinite(found.quantity).all() == (expected == "effective")


def test_an_expired_override_gives_the_forecast_back():
    held = override(expires_date=pd.Timestamp("2025-02-01"))
    assert (applied(held).override == 0).all()
    assert (applied(held, cut_off=np.datetime64("2025-02-01", "D")).override == -1).all()


def test_the_newest_entry_decides_a_cell():
    older = override("factor", 1.1)
    newer = override("factor", 0.9, override_id="O2", entered_at=pd.Timestamp("2025-01-02"), to_date=WEEKS[1])
    for entries in ((older, newer), (newer, older)):
        found = applied(*entries)
        # The second week is covered by one day of seven.
        assert found.quantity == pytest.approx([90, 100 - 10 / 7, 110, 110])
        assert status(found) == status(found, "O2") == "effective"
    both = applied(older, newer | {"to_date": WEEKS[-1] + pd.Timedelta(days=6)})
    assert (status(both), status(both, "O2")) == ("superseded", "effective")


def test_an_override_for_all_locations_is_shared_out_as_the_forecast_is():
    frame = cells((("A", "L1"), ("A", "L2")), baseline=np.repeat([30.0, 10.0], 4))
    found = applied(override("add_qty", 16.0, location_id="ALL", **APPROVED), frame=frame)
    assert found.quantity == pytest.approx(np.repeat([33.0, 11.0], 4))
    none = frame.assign(baseline_qty=0.0)
    found = applied(override("add_qty", 16.0, location_id="ALL", **APPROVED), frame=none)
    assert found.quantity == pytest.approx(np.full(8, 2.0))
    # A company without locations plans at ALL itself.
    alone = applied(override("factor", 1.1, location_id="ALL"), frame=cells((("A", "ALL"),)))
    assert alone.quantity == pytest.approx(np.full(4, 110.0))


def test_no_overrides_change_nothing():
    found = applied()
    assert (found.override == -1).all()
    assert found.effects.empty
    assert list(found.effects.columns) == EFFECT_COLUMNS


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["factor", "set_qty_per_bucket", "add_qty"]),
    value=st.floats(-1e6, 1e6),
    baseline=st.floats(0, 1e6),
    start=st.integers(-40, 40),
    length=st.integers(0, 80),
)
def test_whatever_is_entered_no_forecast_is_negative_or_lost(kind, value, baseline, start, length):
    first = pd.Timestamp("2025-01-06") + pd.Timedelta(days=start)
    entry = override(kind, value, from_date=first, to_date=first + pd.Timedelta(days=length), **APPROVED)
    frame = cells(baseline=baseline)
    found = applied(entry, frame=frame)
    held = found.override >= 0
    assert (np.isfinite(found.quantity) == held).all()
    assert (found.quantity[held] >= 0).all()
    assert (frame["baseline_qty"] == baseline).all()
