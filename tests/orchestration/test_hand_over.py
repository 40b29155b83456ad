"""Handing rows over: judged by the border suite, written only when they pass, reported either way."""

import datetime as dt

import dagster as dg
import pandas as pd
import pytest

from data_quality.verdict import SuiteError
from orchestration.resources.warehouse import Warehouse
from stockstrata.errors import PlanningError
from stockstrata.tables import LEAD_TIME, LEAD_TIME_DEMAND

PERIOD = dt.date(2024, 1, 1)
GOOD = pd.DataFrame(
    {
        "item_id": ["A", "B"], "location_id": ["L", "L"], "supplier_id": ["S", None], "lead_time_days": [3.0, 4.0],
        "lead_time_sd_days": [1.0, 0.0], "receipt_count": [3, 0], "lead_time_source_code": ["contract", "assumption"],
        "contract_lead_time_days": [3.0, None], "evidence_grade": ["degraded", "assumed"],
        "lead_time_p50_days": [3.0, 4.0], "lead_time_p90_days": [4.0, 4.0], "lead_time_p95_days": [5.0, 4.0],
        "open_order_count": [0, 0], "own_weight_rate": [0.5, 0.0], "contract_gap_days": [0.0, None],
        "change_status_code": ["none", "none"], "proposed_lead_time_days": [None, None], "yield_rate": [1.0, 1.0],
        "yield_sd_rate": [0.0, 0.0], "short_rate": [0.0, 0.0], "reject_rate": [0.0, 0.0], "yield_line_count": [3, 0],
    }
)  # fmt: skip


@pytest.fixture
def warehouse(tmp_path) -> Warehouse:
    made = Warehouse(path=str(tmp_path / "warehouse.duckdb"))
    made.create_tables()
    return made


def hand_over(*arguments):
    # The module reads the settings when it is imported.
    from assets.output import hand_over

    return hand_over(*arguments)


def rows(warehouse: Warehouse) -> int:
    return int(warehouse.read("select count(*) as n from policy.lead_time")["n"].iloc[0])


def test_a_good_frame_is_written_and_reported(warehouse):
    (result,) = hand_over(warehouse, LEAD_TIME, GOOD, PERIOD, {"sources": "two"})
    assert isinstance(result, dg.MaterializeResult)
    assert result.metadata["dagster/row_count"] == rows(warehouse) == 2
    assert result.metadata["sources"] == "two"
    assert [check.passed for check in result.check_results] == [True]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ({"lead_time_days": [3.0, -1.0]}, "column lead_time_days: found -1.0"),
        ({"lead_time_days": [3.0, float("inf")]}, "column lead_time_days: found inf"),
        ({"evidence_grade": ["full", "certain"]}, "column evidence_grade: found certain"),
    ],
    ids=["negative", "infinite", "unknown grade"],
)
def test_an_item_location_with_an_implausible_row_is_left_out_and_the_rest_is_written(warehouse, spoil, told):
    (result,) = hand_over(warehouse, LEAD_TIME, GOOD.assign(**spoil), PERIOD)
    (check,) = result.check_results
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert told in check.metadata["isolated"].text
    assert warehouse.read("select item_id from policy.lead_time")["item_id"].tolist() == ["A"]
    noted = warehouse.read("select item_id, location_id, table_name, reason from quality.isolated_result")
    assert noted[["item_id", "location_id", "table_name"]].values.tolist() == [["B", "L", "policy.lead_time"]]
    assert told in noted["reason"][0]


def test_an_item_location_left_out_of_one_table_is_left_out_of_all_handed_over_with_it(warehouse):
    from assets.output import Output, hand_over_all

    demand = pd.DataFrame(
        {column.name: [1.0, 1.0] for column in LEAD_TIME_DEMAND.columns[1:] if column.type == "DOUBLE"}
    )
    demand = demand.assign(
        item_id=["A", "B"],
        location_id="L",
        method_code="gamma",
        interval_method_code="error_moments",
        standard_quantiles=None,
        fallback_reason="",
        evidence_grade="full",
    )
    spoilt = GOOD.assign(lead_time_days=[3.0, float("nan")])
    list(hand_over_all(warehouse, [Output(LEAD_TIME_DEMAND, demand), Output(LEAD_TIME, spoilt)], PERIOD))
    for table in ("policy.lead_time", "forecast.lead_time_demand"):
        assert warehouse.read(f"select item_id from {table}")["item_id"].tolist() == ["A"]


@pytest.mark.parametrize(
    ("spoil", "clause"),
    [
        ({"item_id": ["A", "A"]}, "table_is_not_empty"),
        ({"item_id": ["A", None]}, "item_id_is_present"),
        ({"lead_time_days": [-1.0, -1.0]}, "table_is_not_empty"),
    ],
    ids=["key twice", "key missing", "nothing is left"],
)
def test_a_frame_that_nothing_is_left_of_is_not_written(warehouse, spoil, clause):
    list(hand_over(warehouse, LEAD_TIME, GOOD.head(1), PERIOD))
    events = hand_over(warehouse, LEAD_TIME, GOOD.assign(**spoil), PERIOD)
    check = next(events)
    assert isinstance(check, dg.AssetCheckResult)
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.ERROR
    with pytest.raises(PlanningError, match=clause) as failed:
        next(events)
    assert "nothing written" in str(failed.value)
    assert rows(warehouse) == 1


def test_no_rows_fail_where_rows_must_be(warehouse):
    events = hand_over(warehouse, LEAD_TIME, GOOD.head(0), PERIOD)
    assert not next(events).passed
    with pytest.raises(PlanningError, match="table_is_not_empty"):
        next(events)


def test_a_frame_without_a_column_is_an_error_and_no_verdict(warehouse):
    with pytest.raises(SuiteError, match="lead_time_sd_days"):
        next(hand_over(warehouse, LEAD_TIME, GOOD.drop(columns="lead_time_sd_days"), PERIOD))
    assert rows(warehouse) == 0
