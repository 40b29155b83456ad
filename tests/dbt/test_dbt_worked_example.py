"""Two cycles of a company of three items, every number worked out by hand."""

from typing import Any

import pytest

JANUARY = {"start": "2024-01-01", "end": "2024-02-01"}
FEBRUARY = {"start": "2024-02-01", "end": "2024-03-01"}
CYCLE = ("--select", "tag:facts", "tag:cycle", "--exclude-resource-type", "unit_test")
MARTS = ("--select", "tag:marts", "--exclude-resource-type", "unit_test")
STAMPS = {"parameters_version": "p1", "run_id": "r1", "computed_at": "2024-03-01"}


def demand(item: str, location: str | None, day: str, qty: float, **more: Any) -> dict[str, Any]:
    return {
        "item_id": item,
        "location_id": location,
        "demand_date": day,
        "demand_qty": qty,
        "known_from_at": day,
        **more,
    }


def stock(item: str, location: str | None, day: str, qty: float, status: str | None = None) -> dict[str, Any]:
    row = {"item_id": item, "location_id": location, "stock_date": day, "on_hand_qty": qty, "status": status}
    return {**row, "known_from_at": day}


def order(number: str, item: str, ordered_on: str, ordered: float, received_on: str | None, received: float | None):
    return {
        "order_id": number, "line": "1", "item_id": item, "location_id": "L1", "supplier_id": "S1",
        "order_date": ordered_on, "ordered_qty": ordered, "receipt_date": received_on, "received_qty": received,
        "known_from_at": ordered_on,
    }  # fmt: skip


def land_everything(project: Any) -> None:
    """A has two locations; B came without one; C has only stock, and neither cost nor price."""
    project.land(
        "items",
        [
            {"item_id": "A", "unit_cost": 2.0, "unit_price": 5.0, "launch_date": "2023-12-01"},
            {"item_id": "B", "unit_cost": 10.0, "unit_price": 20.0},
            {"item_id": " C ", "unit_cost": 0.0},
        ],
    )
    project.land("locations", [{"location_id": "L1", "holding_cost_rate": 0.3}, {"location_id": "L2"}])
    project.land(
        "demand",
        [
            demand("A", "L1", "2024-01-10", 10.0, unit_price=5.0, shipped_qty=8.0, known_to_at="2024-02-20"),
            demand("A", "L1", "2024-01-10", 14.0, unit_price=5.0, shipped_qty=8.0, known_from_at="2024-02-20"),
            demand("A", "L1", "2024-01-31", 4.0, unit_price=5.0, shipped_qty=4.0),
            demand("A", "L1", "2024-02-02", 6.0, unit_price=5.0, shipped_qty=3.0),
            demand("A", "L2", "2024-02-05", 20.0, unit_price=5.0, shipped_qty=20.0),
            demand("A", "L2", "2024-02-06", 2.0, unit_price=5.0, is_return=True),
            demand("B", None, "2024-02-10", 3.0),
            demand("B", "", "2024-01-15", 1.0, known_from_at="2024-02-25", is_late_row=True),
        ],
    )
    project.land(
        "stock",
        [
            stock("A", "L1", "2024-01-31", 50.0),
            stock("A", "L1", "2024-02-29", 0.0),
            stock("A", "L2", "2024-02-29", 30.0, "available"),
            stock("A", "L2", "2024-02-29", 5.0, "blocked"),
            stock("B", None, "2024-01-31", 7.0),
            stock("C", "L1", "2024-02-29", 12.0),
        ],
    )
    project.land(
        "purchase_orders",
        [
            order("P1", "A", "2024-01-05", 100.0, "2024-01-20", 40.0),
            order("P1", "A", "2024-01-05", 100.0, "2024-03-10", 60.0),
            order("P2", "A", "2024-02-20", 5.0, None, None),
            order("P3", "C", "2024-01-02", 12.0, "2024-02-11", 12.0),
        ],
    )
    project.land("suppliers", [{"supplier_id": "S1", "lead_time_days": 14.0, "lead_time_sd_days": 3.0}])
    terms = {"item_id": "A", "supplier_id": "S2", "share": 0.6}
    project.land(
        "item_suppliers",
        [
            {"item_id": "A", "supplier_id": "S1", "share": 0.4, "lead_time_days": 10.0, "unit_cost": 1.0},
            {**terms, "lead_time_days": 20.0, "unit_cost": 2.5, "moq": 12.0},
            {**terms, "lead_time_days": 25.0, "location_id": "L2"},
        ],
    )


def plan(project: Any, period: str, segments: dict[tuple[str, str], str]) -> None:
    """What the planning library would have written for a cycle."""
    daily, cost = {("A", "L1"): 0.2, ("A", "L2"): 0.6}, {("A", "L1"): 2.5, ("A", "L2"): 2.0, ("B", "ALL"): 10.0}
    source = {("A", "L1"): "item_receipts", ("B", "ALL"): "assumption"}
    for key, segment in segments.items():
        row = {"period_start_date": period, "item_id": key[0], "location_id": key[1], **STAMPS}
        project.insert("segmentation.segment_assignment", [{**row, "segment_code": segment, "abc_value": 100.0}])
        project.insert("policy.lead_time", [{**row, "lead_time_source_code": source.get(key, "contract")}])
        project.insert("forecast.champion", [{**row, "segment_code": segment, "model_code": "ses"}])
        project.insert("forecast.lead_time_demand", [{**row, "daily_mean_qty": daily.get(key, 0.0)}])
        family = "do_not_stock" if segment == "DORMANT" else "s_Q"
        policy = {"policy_family": family, "safety_stock_qty": 4.0, "unit_cost_amount": cost.get(key, 1.0)}
        policy |= {"policy_status_code": "current", "policy_period_start_date": period}
        project.insert(
            "policy.stock_policy", [{**row, **policy, "segment_code": segment, "evidence_grade": "degraded"}]
        )
    project.insert("audit.cycle_manifest", [{"period_start_date": period, "source_name": "hand", **STAMPS}])


def accuracy(project: Any, segment: str, actual: float, forecast: float, error: float) -> None:
    row = {"period_start_date": "2024-02-01", "segment_code": segment, "lag_buckets": 1, **STAMPS}
    figures = {"actual_qty": actual, "forecast_qty": forecast, "absolute_error_qty": error}
    project.insert("forecast.forecast_accuracy", [{**row, **figures, "evaluation_code": "frozen_snapshot"}])


@pytest.fixture(scope="module")
def planned(project: Any) -> Any:
    """January and February planned, one after the other; facts of both built at once."""
    land_everything(project)
    project.dbt(
        "build", "--select", "tag:facts", "--exclude-resource-type", "unit_test", start="2024-01-01", end="2024-03-01"
    )
    project.dbt("build", *CYCLE, **JANUARY)
    plan(project, "2024-01-01", {("A", "L1"): "AX", ("B", "ALL"): "CZ"})
    project.dbt("build", *MARTS, **JANUARY)
    project.dbt("build", *CYCLE, **FEBRUARY)
    plan(project, "2024-02-01", {("A", "L1"): "AY", ("A", "L2"): "AX", ("B", "ALL"): "CZ", ("C", "L1"): "DORMANT"})
    accuracy(project, "AX", 10.0, 12.0, 4.0)
    accuracy(project, "CZ", 30.0, 24.0, 8.0)
    key = {"period_start_date": "2024-02-01", "item_id": "A", "location_id": "L1", "evidence_grade": "full", **STAMPS}
    project.insert("policy.order_proposal", [{**key, "order_qty": 100.0, "order_value_amount": 250.0}])
    project.dbt("build", *MARTS, **FEBRUARY)
    return project


def as_of(project: Any, cut_off: str) -> dict[str, float]:
    rows = project.query(
        f"""
        select item_id || ' ' || location_id || ' ' || bucket_start_date, sum(demand_qty)
        from intermediate.int_demand__bucketed
        where known_from_at < '{cut_off}' and known_to_at >= '{cut_off}' and period_start_date < '{cut_off}'
        group by all
        """
    )
    return dict(rows)


def kpi(project: Any, code: str, segment: str = "ALL", period: str = "2024-02-01") -> tuple[float | None, str]:
    found = project.query(
        f"select kpi_value, status_code from marts.kpi_segment_period where period_start_date = '{period}' "
        f"and kpi_code = '{code}' and segment_code = '{segment}'"
    )
    assert len(found) == 1
    return found[0]


def test_a_cut_off_before_a_correction_sees_the_old_value(planned):
    assert as_of(planned, "2024-02-01") == {"A L1 2024-01-08": 10.0, "A L1 2024-01-29": 4.0}


def test_a_cut_off_after_a_correction_sees_the_new_value_and_the_late_row(planned):
    assert as_of(planned, "2024-03-01") == {
        "A L1 2024-01-08": 14.0, "A L1 2024-01-29": 10.0, "A L2 2024-02-05": 18.0, "B ALL 2024-01-15": 1.0,
        "B ALL 2024-02-05": 3.0,
    }  # fmt: skip


def test_fct_demand_holds_what_the_newest_cycle_knew(planned):
    assert planned.query("select sum(demand_qty), sum(returned_qty), sum(line_count) from marts.fct_demand") == [
        (46, 2, 7)
    ]


def test_a_fact_window_replaces_its_own_periods_only(planned):
    planned.dbt("run", "--select", "int_demand__bucketed", **FEBRUARY)
    assert sum(as_of(planned, "2024-03-01").values()) == 46


def test_item_locations_are_planned_from_demand_and_stock(planned):
    rows = planned.query(
        "select period_start_date::varchar, item_id, location_id, start_date::varchar, abc_demand_qty, abc_line_count "
        "from intermediate.int_item_locations__planned order by all"
    )
    assert rows == [
        ("2024-01-01", "A", "L1", "2023-12-01", 14, 2),
        ("2024-01-01", "B", "ALL", None, 0, 0),
        ("2024-02-01", "A", "L1", "2023-12-01", 24, 3),
        ("2024-02-01", "A", "L2", "2023-12-01", 18, 1),
        ("2024-02-01", "B", "ALL", "2024-01-15", 4, 2),
        ("2024-02-01", "C", "L1", None, 0, 0),
    ]


def test_the_primary_supplier_and_its_terms_are_taken(planned):
    rows = planned.query(
        "select item_id, location_id, supplier_id, contract_lead_time_days, contract_lead_time_sd_days, moq_qty, "
        "unit_cost_amount from intermediate.int_item_locations__planned "
        "where period_start_date = '2024-02-01' order by 1, 2"
    )
    assert rows == [
        ("A", "L1", "S2", 20, None, 12, 2.5),
        ("A", "L2", "S2", 25, None, None, 2.0),
        ("B", "ALL", None, None, None, None, 10.0),
        ("C", "L1", "S1", 14, 3, None, None),
    ]


def test_open_orders_look_only_at_receipts_before_the_cut_off(planned):
    rows = planned.query(
        "select period_start_date::varchar, item_id, location_id, stock_date::varchar, on_hand_qty, on_order_qty, "
        "has_stock_feed from intermediate.int_stock__positions order by 1, 2, 3"
    )
    assert rows == [
        ("2024-01-01", "A", "L1", "2024-01-31", 50, 60, True),
        ("2024-01-01", "B", "ALL", "2024-01-31", 7, 0, True),
        ("2024-01-01", "C", "L1", None, 0, 12, False),
        ("2024-02-01", "A", "L1", "2024-02-29", 0, 65, True),
        ("2024-02-01", "A", "L2", "2024-02-29", 30, 0, True),
        ("2024-02-01", "B", "ALL", "2024-01-31", 7, 0, True),
        ("2024-02-01", "C", "L1", "2024-02-29", 12, 0, True),
    ]


@pytest.mark.parametrize(
    ("code", "value", "status"),
    [
        ("demand_qty", 6 + 18 + 3, "no_target"),
        ("demand_value", 30 + 90 + 60, "no_target"),
        ("fill_rate", 23 / 26, "off_target"),
        ("return_rate", 2 / 29, "no_target"),
        ("stock_value", 30 * 2, "no_target"),
        ("stock_out_rate", 1 / 2, "off_target"),
        ("days_of_supply", 60 / (0.2 * 2.5 + 0.6 * 2), "on_target"),
        ("inventory_turnover", (6 * 2.5 + 18 * 2) * 365 / 29 / 60, "on_target"),
        ("item_location_count", 4, "no_target"),
        ("safety_stock_value", 4 * (2.5 + 2 + 10 + 1), "no_target"),
        ("proposal_value", 250, "no_target"),
        ("forecast_wape", 12 / 40, "on_target"),
        ("forecast_bias", -4 / 40, "warning"),
    ],
)
def test_a_kpi_equals_the_worked_answer(planned, code, value, status):
    found = kpi(planned, code)
    assert found[0] == pytest.approx(value)
    assert found[1] == status


@pytest.mark.parametrize(
    ("code", "segment"),
    [("line_on_time_in_full_rate", "ALL"), ("fill_rate", "CZ"), ("stock_value", "CZ"), ("stock_value", "DORMANT")],
)
def test_a_missing_input_is_no_data_and_never_zero(planned, code, segment):
    assert kpi(planned, code, segment) == (None, "no_data")


def test_a_ratio_is_one_of_sums_and_says_what_it_rests_on(planned):
    found = planned.query(
        "select numerator_value, denominator_value, coverage_rate from marts.kpi_segment_period "
        "where period_start_date = '2024-02-01' and kpi_code = 'fill_rate' and segment_code = 'AX'"
    )
    assert found == [(23, 26, 1)]


def test_kpis_count_an_item_location_where_it_was_then(planned):
    """A at L1 became AY at the end of February; during February it was AX."""
    assert kpi(planned, "demand_qty", "AX")[0] == 24
    assert not planned.query("select * from marts.kpi_segment_period where segment_code = 'AY'")


def test_every_kpi_of_the_dictionary_is_reported_for_every_segment(planned):
    assert planned.query(
        "select count(*) = (select count(*) from marts.dim_kpi) * count(distinct segment_code) "
        "from marts.kpi_segment_period where period_start_date = '2024-02-01'"
    ) == [(True,)]


def test_segment_history_ends_where_the_next_cycle_begins(planned):
    rows = planned.query(
        "select item_id, segment_code, previous_segment_code, is_changed, "
        "valid_from_date::varchar, valid_to_date::varchar "
        "from marts.fct_segment where location_id <> 'L2' order by item_id, valid_from_date"
    )
    assert rows == [
        ("A", "AX", None, False, "2024-02-01", "2024-03-01"),
        ("A", "AY", "AX", True, "2024-03-01", "9999-12-31"),
        ("B", "CZ", None, False, "2024-02-01", "2024-03-01"),
        ("B", "CZ", "CZ", False, "2024-03-01", "9999-12-31"),
        ("C", "DORMANT", None, False, "2024-03-01", "9999-12-31"),
    ]


def test_readiness_names_the_missing_feed(planned):
    rows = planned.query(
        "select capability_code, grade_code, covered_value_rate, missing_input from marts.rpt_readiness "
        "where period_start_date = '2024-02-01' and segment_code = 'CZ' and capability_code in "
        "('lead_time', 'order_proposals', 'seasonal_forecast') order by 1"
    )
    assert rows == [
        ("lead_time", "assumed", 0, "purchase_orders, item_suppliers or suppliers; purchase_orders: receipts"),
        ("order_proposals", "blocked", 0, "purchase_orders, item_suppliers or suppliers; stock"),
        ("seasonal_forecast", "blocked", 0, "demand: two years of history"),
    ]
    assert planned.query(
        "select grade_code, covered_value_rate, history_days, needed_history_days from marts.rpt_readiness "
        "where period_start_date = '2024-02-01' and segment_code = 'ALL' and capability_code = 'safety_stock'"
    ) == [("degraded", 0, 51, 91)]


def test_staging_leads_an_auditor_back_to_the_source_row(planned):
    rows = planned.query(
        "select file_name, row_number, load_id, row_key, demand_qty from staging.stg_demand "
        "where demand_date = '2024-02-06'"
    )
    assert rows == [("demand.csv", 7, "load-1", "demand-7", -2)]


def test_planning_a_period_again_changes_nothing_and_clears_what_is_gone(planned):
    before = planned.query("select * from marts.kpi_segment_period order by all")
    planned.dbt("build", *MARTS, **JANUARY)
    planned.dbt("build", *MARTS, **FEBRUARY)
    assert planned.query("select * from marts.kpi_segment_period order by all") == before
    assert planned.query("select count(*) from marts.fct_order_proposal") == [(1,)]
    planned.query("delete from policy.order_proposal")
    planned.dbt("build", *MARTS, **FEBRUARY)
    assert planned.query("select count(*) from marts.fct_order_proposal") == [(0,)]
    assert kpi(planned, "proposal_value") == (0, "no_target")


def test_a_table_with_other_columns_than_its_model_is_refused_before_a_row_is_touched(planned):
    rows = "select * from marts.fct_policy order by all"
    before = planned.query(rows)
    planned.query("alter table marts.fct_policy add column surplus integer")
    with pytest.raises(AssertionError, match="schemas on this incremental model are out of sync"):
        planned.dbt("run", "--select", "fct_policy", **FEBRUARY)
    planned.query("alter table marts.fct_policy drop column surplus")
    assert planned.query(rows) == before


def test_a_description_that_was_lost_or_changed_is_written_again(planned):
    comments = (
        "select column_name, comment from duckdb_columns() where schema_name = 'marts' and table_name = 'fct_policy' "
        "union all select '', comment from duckdb_tables() where schema_name = 'marts' and table_name = 'fct_policy' "
        "order by all"
    )
    before = planned.query(comments)
    assert all(comment for _, comment in before)
    planned.query("comment on table marts.fct_policy is null")
    planned.query("comment on column marts.fct_policy.item_id is 'something else'")
    planned.dbt("run", "--select", "fct_policy", **FEBRUARY)
    assert planned.query(comments) == before


def test_unit_tests_of_the_models_pass(planned):
    result = planned.dbt("test", "--select", "test_type:unit")
    assert len(result.results) >= 10
