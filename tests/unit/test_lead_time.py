import datetime as dt

import numpy as np
import pandas as pd
import pytest

from stockstrata.lead_time import lead_times
from stockstrata.tables import LEAD_TIME

CUT_OFF = dt.date(2025, 1, 1)
BEFORE = pd.Timestamp("2024-11-01")


def receipts(rows):
    frame = pd.DataFrame(
        rows, columns=["item_id", "location_id", "supplier_id", "lead_time_days", "received_qty", "receipt_date"]
    )
    return frame.assign(
        transport_mode_code="",
        receipt_date=pd.to_datetime(frame.receipt_date).astype("datetime64[s]"),
        known_from_at=pd.to_datetime(frame.receipt_date).astype("datetime64[s]"),
        known_to_at=np.datetime64("9999-12-31", "s"),
    )


def several(item, location, supplier, days, qty=None):
    return [
        (item, location, supplier, d, 1.0 if qty is None else q, BEFORE) for d, q in zip(days, qty or days, strict=True)
    ]


@pytest.fixture
def measure(make_parameters, make_item_locations):
    def run(rows, extra_rows=None, count=1, **columns):
        planned = make_item_locations(count, **({"supplier_id": "s1"} | columns))
        frame = rows if isinstance(rows, pd.DataFrame) else receipts(rows)
        return lead_times(planned, frame, parameters=make_parameters(extra_rows), cut_off_date=CUT_OFF)

    return run


def test_receipts_are_weighted_by_quantity(measure):
    out = measure(several("i000", "L1", "s1", [10, 10, 20, 20, 30.0], [1, 1, 1, 1, 4.0]))
    mean = (10 + 10 + 20 + 20 + 4 * 30) / 8
    weights, days = np.array([1, 1, 1, 1, 4]), np.array([10, 10, 20, 20, 30])
    variance = (weights * (days - mean) ** 2).sum() / (8 - (weights**2).sum() / 8)
    assert out.lead_time_days[0] == pytest.approx(mean)
    assert out.lead_time_sd_days[0] == pytest.approx(variance**0.5)
    assert set(out.columns) <= {column.name for column in LEAD_TIME.columns}


def test_equal_weights_give_the_sample_deviation(measure):
    days = [7, 9, 12, 8, 30.0]
    out = measure(several("i000", "L1", "s1", days))
    assert out.lead_time_sd_days[0] == pytest.approx(np.std(days, ddof=1))
    assert out.loc[0, ["lead_time_source_code", "evidence_grade"]].tolist() == ["item_receipts", "full"]
    assert out.receipt_count[0] == 5


def test_levels_from_the_item_to_the_assumption(measure):
    rows = (
        several("i000", "L1", "s1", [5] * 5)
        + several("i001", "L1", "s1", [6] * 2)
        + several("i001", "L2", "s1", [8] * 3)
        + several("i002", "L1", "s1", [9] * 4)
        + several("i002", "L1", "s9", [40] * 9)
    )
    out = measure(
        rows, count=5, supplier_id=["s1", "s1", "s1", "s2", None],
        contract_lead_time_days=[1.0, 1, 1, 21, np.nan],
    )  # fmt: skip
    assert out.lead_time_source_code.tolist() == [
        "item_receipts", "item_receipts", "supplier_receipts", "contract", "assumption",
    ]  # fmt: skip
    assert out.evidence_grade.tolist() == ["full", "full", "degraded", "degraded", "assumed"]
    assert out.receipt_count.tolist() == [5, 5, 14, 0, 0]
    assert out.lead_time_days.tolist()[3:] == [21, 28]
    first, second, third = out.lead_time_days[:3]
    assert 5 < first < 5.1, "five equal receipts are worth nearly all"
    assert 6 < second < 7.2, "two receipts at the location against those of the item elsewhere"
    assert third == pytest.approx(9, abs=0.1), "four of its own receipts, too few to be told as the item's"
    assert out.lead_time_sd_days[3:].tolist() == [21 * 7 / 28, 7]
    assert out.supplier_id.tolist() == ["s1", "s1", "s1", "s2", None]
    assert out.contract_lead_time_days.tolist()[:4] == [1, 1, 1, 21]


def test_receipts_without_any_supplier_are_not_pooled_into_one_supplier(measure):
    out = measure(several("i009", "L1", None, [5] * 9), supplier_id=None)
    assert out.lead_time_source_code[0] == "assumption"
    out = measure(several("i000", "L1", None, [5] * 9), supplier_id=None)
    assert out.lead_time_source_code[0] == "item_receipts"


def test_a_contract_deviation_beats_the_ratio(measure):
    out = measure([], contract_lead_time_days=10.0, contract_lead_time_sd_days=[1.5])
    assert out.lead_time_sd_days[0] == 1.5


def test_assumptions_go_from_supplier_over_category_to_default(measure):
    extra = {
        "lead_time_assumptions": [
            {"scope": "supplier", "code": "s1", "lead_time_days": 3, "lead_time_sd_days": 1},
            {"scope": "category", "code": "pumps", "lead_time_days": 9, "lead_time_sd_days": 2},
        ]
    }
    out = measure([], extra, count=3, supplier_id=["s1", "s2", "s2"], category=["pumps", "pumps", "belts"])
    assert out.lead_time_days.tolist() == [3, 9, 28]


def test_the_future_and_the_impossible_are_left_out(measure):
    good = several("i000", "L1", "s1", [10] * 5)
    odd = [
        ("i000", "L1", "s1", 99.0, 1.0, pd.Timestamp("2025-01-01")),
        ("i000", "L1", "s1", 99.0, 1.0, pd.Timestamp("2022-01-01")),
        ("i000", "L1", "s1", -3.0, 1.0, BEFORE),
        ("i000", "L1", "s1", 0.0, 1.0, BEFORE),
        ("i000", "L1", "s1", 731.0, 1.0, BEFORE),
        ("i000", "L1", "s1", 99.0, 0.0, BEFORE),
        ("i000", "L1", "s1", None, 1.0, BEFORE),
    ]
    out = measure(good + odd)
    assert out.receipt_count[0] == 5
    assert out.lead_time_days[0] == 10


def test_rows_learnt_later_or_replaced_before_are_left_out(measure):
    frame = receipts(several("i000", "L1", "s1", [10] * 5 + [90, 90]))
    frame.loc[5, "known_from_at"] = pd.Timestamp("2025-01-01")
    frame.loc[6, "known_to_at"] = pd.Timestamp("2024-12-01")
    out = measure(frame)
    assert out.receipt_count[0] == 5
    assert out.lead_time_days[0] == 10


def test_a_receipt_without_quantity_weighs_like_the_usual_one(measure):
    out = measure(several("i000", "L1", "s1", [10, 10, 10, 10, 20], [4, 4, 4, 4, np.nan]))
    assert out.lead_time_days[0] == pytest.approx(12)


def test_splitting_a_receipt_does_not_move_the_mean(measure):
    whole = measure(several("i000", "L1", "s1", [10, 20, 30, 40, 50], [6, 5, 4, 3, 2]))
    split = measure(several("i000", "L1", "s1", [10, 10, 20, 30, 40, 50], [2, 4, 5, 4, 3, 2]))
    assert split.lead_time_days[0] == pytest.approx(whole.lead_time_days[0])


def test_no_receipts_at_all(measure):
    out = measure(receipts([]), count=3)
    assert out.lead_time_source_code.tolist() == ["assumption"] * 3
    assert out.notna().all()[["lead_time_days", "lead_time_sd_days"]].all()
