import numpy as np
import pandas as pd
import pytest

from data_quality.suites.engine import NULLABLE, SIGNED, WIDE_RATES, verify_frame
from data_quality.verdict import SuiteError
from stockstrata.tables import CHAMPION, LEAD_TIME, ORDER_PROPOSAL, STOCK_POLICY, TABLES

DAY = pd.Timestamp("2024-01-01")
VALUES = {"VARCHAR": "x", "DOUBLE": 0.5, "DOUBLE[]": [0.5], "BIGINT": 1, "BOOLEAN": True, "DATE": DAY, "TIMESTAMP": DAY}


def sound_frame(table, rows=3):
    frame = pd.DataFrame({column.name: [VALUES[column.type]] * rows for column in table.columns})
    frame[table.grain[-1]] = (
        pd.Series(range(rows)).astype(str)
        if table.grain[-1] != "period_start_date"
        else (pd.date_range("2024-01-01", periods=rows))
    )
    if "evidence_grade" in frame:
        frame["evidence_grade"] = "full"
    return frame


@pytest.mark.parametrize("name", list(TABLES))
def test_a_sound_frame_of_every_table_passes(name):
    verdict = verify_frame(sound_frame(TABLES[name]), TABLES[name])
    assert verdict.is_passed, verdict.violations["reason"].tolist()
    assert verdict.violations.empty
    assert len(verdict.results) > 2


@pytest.mark.parametrize(
    ("table", "column", "value", "clause"),
    [
        (STOCK_POLICY, "item_id", None, "item_id_is_present"),
        (STOCK_POLICY, "reorder_point_qty", -1.0, "reorder_point_qty_is_finite_and_not_negative"),
        (STOCK_POLICY, "reorder_point_qty", np.nan, "reorder_point_qty_is_present"),
        (STOCK_POLICY, "order_up_to_qty", np.inf, "order_up_to_qty_is_finite_and_not_negative"),
        (STOCK_POLICY, "safety_stock_qty", -np.inf, "safety_stock_qty_is_finite_and_not_negative"),
        (STOCK_POLICY, "expected_service_rate", 1.01, "expected_service_rate_is_within_bounds"),
        (STOCK_POLICY, "evidence_grade", "good", "evidence_grade_is_an_allowed_value"),
        (LEAD_TIME, "lead_time_days", -0.5, "lead_time_days_is_finite_and_not_negative"),
        (ORDER_PROPOSAL, "order_qty", -1.0, "order_qty_is_finite_and_not_negative"),
    ],
)
def test_one_bad_value_is_named_by_key_and_column(table, column, value, clause):
    frame = sound_frame(table)
    frame.loc[1, column] = value
    verdict = verify_frame(frame, table)
    assert not verdict.is_passed
    (violation,) = verdict.violations.to_dict("records")
    assert (violation["clause_name"], violation["column_name"], violation["row_number"]) == (clause, column, 2)
    assert violation["reason"].startswith(f"{table.name}, row ")
    assert "expected" in violation["reason"]


def test_a_doubled_key_is_refused():
    frame = sound_frame(CHAMPION)
    frame["location_id"] = ["L1", "L1", "L2"]
    verdict = verify_frame(frame, CHAMPION)
    assert verdict.violations["clause_name"].tolist() == ["period_start_date_item_id_location_id_is_unique"] * 2


def test_rows_that_are_blocked_may_lack_amounts():
    frame = sound_frame(STOCK_POLICY)
    frame.loc[1, ["reorder_point_qty", "lead_time_days"]] = np.nan
    frame.loc[1, "evidence_grade"] = "blocked"
    assert verify_frame(frame, STOCK_POLICY).is_passed


def test_the_period_may_be_left_out_and_other_columns_may_not():
    frame = sound_frame(LEAD_TIME)
    assert verify_frame(frame.drop(columns="period_start_date"), LEAD_TIME).is_passed
    with pytest.raises(SuiteError, match="lacks column lead_time_days"):
        verify_frame(frame.drop(columns="lead_time_days"), LEAD_TIME)


def test_an_empty_frame_passes_only_where_the_table_may_be_empty():
    assert not verify_frame(sound_frame(STOCK_POLICY).head(0), STOCK_POLICY).is_passed
    assert verify_frame(sound_frame(ORDER_PROPOSAL).head(0), ORDER_PROPOSAL).is_passed


def test_every_exemption_is_a_column_of_some_table():
    names = {column.name for table in TABLES.values() for column in table.columns}
    assert SIGNED.keys() | WIDE_RATES.keys() | NULLABLE <= names
