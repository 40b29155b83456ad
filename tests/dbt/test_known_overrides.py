"""Which entry of an override, and which publication of a stream, a cycle knows."""

from typing import Any

import pytest

JANUARY, FEBRUARY = ({"start": f"2024-0{m}-01", "end": f"2024-0{m + 1}-01"} for m in (1, 2))
MODELS = (
    "--select", "stg_forecast_overrides", "int_forecast_overrides__known", "stg_forecast_streams",
    "int_forecast_streams__known", "--exclude-resource-type", "unit_test",
)  # fmt: skip


def entry(name: str, entered_at: str, state: str, **more: Any) -> dict[str, Any]:
    row = {"item_id": "A", "location_id": None, "from_date": "2024-02-01", "to_date": "2024-03-31", "value": 2.0}
    return {
        "override_id": name,
        "entered_at": entered_at,
        "approval_state": state,
        "known_from_at": entered_at,
        **row,
        **more,
    }


def published(day: str, qty: float, at: str) -> dict[str, Any]:
    row = {"stream_code": "sales", "item_id": "A", "location_id": "L1", "known_from_at": at, "published_at": at}
    return {**row, "bucket_start_date": day, "qty": qty}


@pytest.fixture(scope="module")
def known(project: Any) -> Any:
    project.land(
        "forecast_overrides",
        [
            entry("O1", "2024-01-10", "proposed"),
            entry("O1", "2024-02-10", "approved"),
            entry("O2", "2024-01-20", "approved", to_date="2024-02-20"),
            entry("O3", "2024-02-01", "proposed"),
        ],
    )
    project.land(
        "forecast_streams",
        [
            published("2024-02-05", 5.0, "2024-01-15"),
            published("2024-02-05", 7.0, "2024-01-31"),
            published("2024-02-08", 1.0, "2024-01-31"),
            published("2024-02-05", 9.0, "2024-02-01"),
            published("2024-01-08", 4.0, "2024-01-02"),
        ],
    )
    project.dbt("build", *MODELS, **JANUARY)
    project.dbt("build", *MODELS, **FEBRUARY)
    return project


def test_the_newest_entry_before_the_cut_off_counts_while_its_days_last(known):
    rows = known.query(
        "select period_start_date::varchar, override_id, approval_state_code, location_id "
        "from intermediate.int_forecast_overrides__known order by all"
    )
    assert rows == [
        ("2024-01-01", "O1", "proposed", "ALL"),
        ("2024-01-01", "O2", "approved", "ALL"),
        ("2024-02-01", "O1", "approved", "ALL"),
        ("2024-02-01", "O3", "proposed", "ALL"),
    ]


def test_the_newest_publication_before_the_cut_off_counts_by_bucket(known):
    rows = known.query(
        "select bucket_start_date::varchar, stream_qty from intermediate.int_forecast_streams__known "
        "where period_start_date = '2024-01-01'"
    )
    assert rows == [("2024-02-05", 8.0)]
