"""One tiny company from extract to marts: what planners, engineers and auditors find there."""

import csv

import pytest

MARTS = {
    "dim_item", "dim_location", "dim_segment", "dim_period", "fct_demand", "fct_stock", "fct_segment", "fct_forecast",
    "fct_forecast_accuracy", "fct_policy", "fct_order_proposal", "kpi_segment_period", "rpt_readiness",
    "fct_quality_result", "audit_cycle",
}  # fmt: skip
POLICY_COLUMNS = {
    "period_start_date", "item_id", "location_id", "segment_code", "policy_family", "service_measure", "service_target",
    "lead_time_days", "lead_time_sd_days", "protection_interval_days", "lead_time_demand_qty", "safety_stock_qty",
    "reorder_point_qty", "order_qty", "order_up_to_qty", "evidence_grade", "parameters_version", "run_id",
}  # fmt: skip


def test_all_marts_are_published(planned):
    found = {row[0] for row in planned.marts("select table_name from duckdb_tables() where schema_name = 'marts'")}
    assert found >= MARTS


def test_every_published_column_is_described(planned):
    bare = planned.marts(
        "select table_name, column_name from duckdb_columns() where schema_name = 'marts' and comment is null"
    )
    assert bare == []


def test_policy_mart_has_its_columns_and_one_row_per_item_location(planned):
    columns = {
        row[0] for row in planned.marts("select column_name from duckdb_columns() where table_name = 'fct_policy'")
    }
    assert columns >= POLICY_COLUMNS
    doubled = planned.marts(
        "select period_start_date, item_id, location_id from marts.fct_policy group by all having count(*) > 1"
    )
    assert doubled == []
    periods = planned.marts("select distinct period_start_date::varchar from marts.fct_policy order by all")
    assert [row[0] for row in periods] == ["2025-11-01", "2025-12-01"]


def test_every_item_location_with_demand_has_a_policy(planned):
    missing = planned.marts(
        "select distinct item_id, location_id from marts.fct_demand except "
        "select item_id, location_id from marts.fct_policy where period_start_date = '2025-12-01'"
    )
    assert missing == []


def test_no_policy_or_forecast_is_nan_or_negative(planned):
    wrong = planned.marts(
        "select count(*) from marts.fct_policy where isnan(reorder_point_qty) or reorder_point_qty < 0 "
        "or safety_stock_qty < 0 or order_qty < 0 or isnan(order_up_to_qty)"
    )
    assert wrong == [(0,)]
    wrong = planned.marts("select count(*) from marts.fct_forecast where isnan(mean_qty) or mean_qty < 0")
    assert wrong == [(0,)]


def test_quarantine_holds_exactly_the_planted_errors(planned):
    with (planned.truth / "planted_errors.csv").open(encoding="utf-8") as file:
        planted = {(row["entity"], int(row["row_number"])) for row in csv.DictReader(file)}
    found = set(planned.warehouse("select distinct entity_name, row_number from quality.quarantine"))
    assert found == planted


def test_accepted_and_quarantined_rows_add_up_to_landed_ones(planned):
    wrong = planned.warehouse(
        "select entity_name from quality.load where accepted_row_count + quarantined_row_count <> landed_row_count"
    )
    assert wrong == []
    held = planned.warehouse("select count(*) from raw.demand")
    told = planned.warehouse("select accepted_row_count from quality.load where entity_name = 'demand'")
    assert held == told


def test_published_demand_equals_the_accepted_rows(planned):
    mart = planned.marts("select sum(demand_qty) from marts.fct_demand")[0][0]
    landed = planned.warehouse("select sum(if(is_return, -abs(demand_qty), demand_qty)) from raw.demand")
    assert mart == pytest.approx(landed[0][0], rel=1e-12)


def test_each_item_location_has_one_class_on_every_day(planned):
    gaps = planned.marts(
        "select item_id, location_id from (select item_id, location_id, valid_to_date, lead(valid_from_date) over "
        "(partition by item_id, location_id order by valid_from_date) as next_from from marts.fct_segment) "
        "where next_from is not null and next_from <> valid_to_date"
    )
    assert gaps == []


def test_every_segment_has_a_complete_strategy(planned):
    without = planned.marts(
        "select distinct segment_code from marts.fct_segment except select segment_code from marts.dim_segment "
        "where policy_family is not null and service_target is not null and owner is not null "
        "and bucket_type in ('day', 'week', 'month', 'quarter')"
    )
    assert without == []


def test_a_policy_row_leads_to_its_source_rows_parameters_and_run(planned):
    item, location, parameters, run_id = planned.marts(
        "select item_id, location_id, parameters_version, run_id from marts.fct_policy "
        "where period_start_date = '2025-12-01' and lead_time_demand_qty > 0 order by all limit 1"
    )[0]
    rows = planned.warehouse(
        "select file_name, row_number, load_id from staging.stg_demand "
        f"where item_id = '{item}' and location_id = '{location}'"
    )
    assert rows
    assert all(file == "demand.csv" and number > 1 for file, number, _ in rows)
    manifest = planned.marts("select parameters_version, run_id from marts.audit_cycle order by period_start_date")
    assert manifest[-1] == (parameters, run_id)


def test_readiness_names_every_capability(planned):
    grades = dict(
        planned.marts(
            "select capability_code, grade_code from marts.rpt_readiness "
            "where segment_code = 'ALL' and period_start_date = '2025-12-01'"
        )
    )
    assert len(grades) >= 6
    assert set(grades.values()) <= {"full", "degraded", "assumed", "blocked"}


def test_proposals_come_only_where_the_position_will_be_at_or_below_the_reorder_point_or_to_fill_a_basket(planned):
    wrong = planned.marts(
        "select count(*) from marts.fct_order_proposal as proposal join marts.fct_policy as policy "
        "using (period_start_date, item_id, location_id) "
        "where proposal.order_qty <= 0 or (proposal.basket_qty = 0 and proposal.inventory_position_qty "
        "- proposal.order_wait_days * policy.annual_demand_qty / 365.25 > policy.reorder_point_qty + 1e-6)"
    )
    assert wrong == [(0,)]
    assert planned.marts("select count(*) from marts.fct_order_proposal")[0][0] > 0


def test_parts_of_every_buffer_add_up_in_the_mart(planned):
    names = [f"safety_stock_{part}_qty" for part in ("demand", "supply", "review", "service", "rounding", "cap")]
    off = planned.marts(f"select max(abs(safety_stock_qty - ({' + '.join(names)}))) from marts.fct_policy")
    assert off[0][0] < 1e-6
    assert planned.marts("select count(*) from marts.fct_policy where safety_stock_review_qty > 0")[0][0] > 0


def test_curves_rise_the_mix_costs_no_more_and_one_point_of_each_segment_is_current(planned):
    curve = "select fill_rate, stock_value_amount from marts.fct_exchange_curve where segment_code = 'ALL' "
    newest = "and period_start_date = (select max(period_start_date) from marts.fct_exchange_curve) "
    for code in ("uniform", "mix"):
        points = planned.marts(curve + newest + f"and curve_code = '{code}' order by point_number")
        assert points == sorted(points)
    (fill, value), *_ = planned.marts(curve + newest + "and is_current")
    cheaper = planned.marts(curve + newest + f"and curve_code = 'mix' and fill_rate >= {fill} order by 1 limit 1")
    assert not cheaper or cheaper[0][0] > fill + 0.005 or cheaper[0][1] <= value
    doubled = planned.marts(
        "select segment_code from marts.fct_exchange_curve where is_current group by segment_code, period_start_date "
        "having count(*) <> 1"
    )
    assert doubled == []


def test_buffers_ahead_lots_and_erp_gaps_are_published(planned):
    first = planned.marts(
        "select count(*) from marts.fct_buffer_plan as plan inner join marts.fct_policy as policy "
        "using (period_start_date, item_id, location_id) where plan.horizon_bucket = 1 "
        "and abs(plan.safety_stock_qty - policy.safety_stock_qty) > 1e-6"
    )
    assert first == [(0,)]
    lots = planned.marts(
        "select count(*) from (select period_start_date, item_id, location_id, sum(lot_qty) as qty "
        "from marts.rpt_purchase_ranking group by all) full join marts.fct_order_proposal "
        "using (period_start_date, item_id, location_id) where abs(qty - order_qty) > 1e-6 or qty is null"
    )
    assert lots == [(0,)]
    ranked = planned.marts("select gap_value_amount from marts.rpt_erp_gap order by period_start_date, gap_rank")
    assert len(ranked) > 0


def test_the_run_tells_where_to_look(planned):
    assert "marts.duckdb" in planned.outcome.output
    assert "KPIs by segment" in planned.outcome.output
