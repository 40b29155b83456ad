"""Forecast value added and accuracy against targets, worked out by hand for three buckets."""

from typing import Any

import pytest

STAMPS = {"parameters_version": "p1", "run_id": "r1", "computed_at": "2024-03-01"}
WINDOW = {"start": "2024-02-01", "end": "2024-03-01"}


def bucket(item: str, day: str, actual: float, *steps: float, **more: Any) -> dict[str, Any]:
    naive, baseline, overridden, final = steps
    return {
        "period_start_date": "2024-02-01", "made_period_start_date": "2024-01-01", "item_id": item,
        "location_id": "L1", "bucket_start_date": day, "lag_buckets": 1, "segment_code": "AX", "actual_qty": actual,
        "naive_qty": naive, "baseline_qty": baseline, "smoothed_qty": baseline, "overridden_qty": overridden,
        "final_qty": final, "p10_qty": 1.0, "p50_qty": baseline, "p90_qty": 12.0, "p95_qty": 14.0,
        "naive_mae_qty": 2.0, "naive_rmse_qty": 4.0, **STAMPS, **more,
    }  # fmt: skip


@pytest.fixture(scope="module")
def judged(project: Any) -> Any:
    by_ann = {"override_id": "O1", "person": "ann", "reason_code": "promotion"}
    project.insert(
        "forecast.judged_forecast",
        [
            bucket("A", "2024-02-05", 10.0, 4.0, 8.0, 9.0, 9.0, **by_ann),
            bucket("A", "2024-02-12", 10.0, 4.0, 8.0, 13.0, 13.0, **by_ann),
            bucket("B", "2024-02-05", 20.0, 10.0, 16.0, 16.0, 18.0),
        ],
    )
    project.dbt("seed")
    project.dbt(
        "build", "--select", "fct_forecast_value_added", "kpi_forecast_accuracy",
        "--exclude-resource-type", "unit_test", **WINDOW,
    )  # fmt: skip
    return project


@pytest.mark.parametrize(
    ("step", "person", "before", "after"),
    [
        ("statistical", None, 6 + 6 + 10, 2 + 2 + 4),
        ("override", "ann", 2 + 2, 1 + 3),
        ("consensus", None, 4, 2),
        ("total", None, 22, 1 + 3 + 2),
    ],
)
def test_each_step_is_judged_by_the_error_before_and_after_it(judged, step, person, before, after):
    rows = judged.query(
        "select person, error_before_qty, error_after_qty, value_added_qty from marts.fct_forecast_value_added "
        f"where segment_code = 'AX' and step_code = '{step}'"
    )
    assert rows == [(person, before, after, before - after)]


def test_accuracy_is_held_against_the_target_of_the_segment(judged):
    rows = judged.query(
        "select owner, wape_rate, wape_target_rate, wape_status_code, bias_rate, bias_status_code, mase_ratio, "
        "rmsse_ratio, mape_rate, coverage_p90_rate, observation_count from marts.kpi_forecast_accuracy "
        "where segment_code = 'AX'"
    )
    (row,) = rows
    assert row[0] == "team:inventory-planning"
    assert row[1:] == pytest.approx(
        (6 / 40, 0.25, "on_target", 0.0, "on_target", (4 / 2 / 2 + 2 / 2) / 2, ((10 / 16 / 2) ** 0.5 + 0.5) / 2,
         (0.1 + 0.3 + 0.1) / 3, 2 / 3, 3)
    )  # fmt: skip


def test_all_segments_and_owners_stand_beside(judged):
    rows = judged.query("select segment_code, owner from marts.kpi_forecast_accuracy order by all")
    assert rows == [("ALL", "ALL"), ("ALL", "team:inventory-planning"), ("AX", "team:inventory-planning")]
