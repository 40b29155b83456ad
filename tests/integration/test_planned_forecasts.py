"""Forecasts of the tiny company after they were made: overrides, streams, judgement, tracking, exceptions."""

import csv

import pytest

OLDER, NEWER = "2025-11-01", "2025-12-01"


def test_overrides_meet_their_planted_fate(planned):
    with (planned.truth / "forecast_overrides.csv").open(encoding="utf-8") as file:
        planted = {row["override_id"]: row["status_code"] for row in csv.DictReader(file)}
    found = planned.marts(
        "select override_id, arg_min(status_code, period_start_date) from marts.fct_forecast_override group by all"
    )
    assert dict(found) == planted


def test_the_statistical_forecast_is_never_overwritten(planned):
    wrong = planned.marts(
        "select count(*) from marts.fct_final_forecast as final full join marts.fct_forecast as forecast "
        "using (period_start_date, item_id, location_id, bucket_start_date) "
        "where final.baseline_qty is distinct from forecast.mean_qty"
    )
    assert wrong == [(0,)]


def test_the_step_that_changed_a_forecast_is_named(planned):
    wrong = planned.marts(
        "select count(*) from marts.fct_final_forecast where final_qty is distinct from case step_code "
        "when 'override' then override_qty when 'consensus' then consensus_qty when 'smoothing' then smoothed_qty "
        "else baseline_qty end or (override_id is null) <> (step_code <> 'override')"
    )
    assert wrong == [(0,)]
    steps = {row[0] for row in planned.marts("select distinct step_code from marts.fct_final_forecast")}
    assert steps == {"statistical", "override", "consensus"}


def test_policies_follow_the_final_forecast(planned):
    """Expected lead-time demand lies between that of its whole buckets and one bucket more."""
    wrong = planned.marts(
        """
        with sums as (
            select item_id, location_id, mean_qty,
                sum(final_qty) filter (where horizon_bucket <= floor(protection_interval_days / 7)) as least_qty,
                sum(final_qty) filter (where horizon_bucket <= floor(protection_interval_days / 7) + 1) as most_qty
            from marts.fct_lead_time_demand join marts.fct_final_forecast
                using (period_start_date, item_id, location_id)
            where period_start_date = '2025-11-01'
            group by all
        )
        select count(*), count(*) filter (where mean_qty < coalesce(least_qty, 0) - 1e-6 or mean_qty > most_qty + 1e-6)
        from sums
        """
    )
    assert wrong == [(48, 0)]


def test_a_stream_with_less_planted_error_gets_more_weight(planned):
    rows = planned.marts(
        "select segment_code, stream_code, weight_rate, observation_count from marts.fct_stream_weight "
        f"where period_start_date = '{NEWER}' and observation_count > 0"
    )
    weights = {(segment, stream): weight for segment, stream, weight, _ in rows}
    segments = {segment for segment, _ in weights}
    assert segments
    assert all(weights[segment, "sales"] > weights[segment, "marketing"] for segment in segments)
    first = planned.marts(f"select weight_rate from marts.fct_stream_weight where period_start_date = '{OLDER}'")
    assert {round(row[0], 12) for row in first} == {round(1 / 3, 12)}


def test_judged_measures_can_be_computed_again_from_what_was_frozen(planned):
    """Errors of the newest period by segment, from the frozen forecasts of the first cycle and the demand."""
    expected = planned.warehouse(
        f"""
        with sold as (
            select item_id, location_id, bucket_start_date, sum(demand_qty) as qty
            from intermediate.int_demand__bucketed
            where known_from_at < '2026-01-01' and known_to_at >= '2026-01-01' and period_start_date < '2026-01-01'
            group by all
        )
        select sum(final_qty), sum(abs(final_qty - greatest(coalesce(qty, 0), 0)))
        from forecast.final_forecast left join sold using (item_id, location_id, bucket_start_date)
        where period_start_date = '{OLDER}'
            and bucket_start_date <= (select max(bucket_start_date) from forecast.judged_forecast)
            -- What nobody could buy judges nobody.
            and (item_id, location_id, bucket_start_date) not in (
                select (item_id, location_id, bucket_start_date) from history.demand_adjustment
                where period_start_date = '{NEWER}' and reason_code = 'stockout_lost_sales'
            )
        """
    )[0]
    found = planned.marts(
        "select sum(forecast_qty), sum(wape_rate * actual_qty) from marts.kpi_forecast_accuracy "
        f"where period_start_date = '{NEWER}' and segment_code = 'ALL' and owner = 'ALL'"
    )[0]
    assert found == pytest.approx(expected, rel=1e-9)
    assert found[1] > 0


def test_value_added_by_steps_adds_up_to_the_whole(planned):
    steps = dict(
        planned.marts(
            "select step_code, sum(value_added_qty) from marts.fct_forecast_value_added "
            f"where period_start_date = '{NEWER}' and segment_code = 'ALL' group by all"
        )
    )
    total = steps.pop("total")
    assert sum(steps.values()) == pytest.approx(total)
    assert steps.keys() >= {"statistical", "override", "consensus"}
    assert not planned.marts(f"select * from marts.fct_forecast_value_added where period_start_date = '{OLDER}'")


def test_an_informed_override_adds_value_and_a_hopeful_one_takes_it(planned):
    by_reason = dict(
        planned.marts(
            "select reason_code, value_added_qty from marts.fct_forecast_value_added "
            f"where period_start_date = '{NEWER}' and segment_code = 'ALL' and step_code = 'override'"
        )
    )
    assert by_reason["known_orders"] > 0 > by_reason["sales_push"]


def test_every_planned_item_location_is_tracked(planned):
    missing = planned.warehouse(
        "select period_start_date, item_id, location_id from segmentation.segment_assignment "
        "anti join forecast.forecast_tracking using (period_start_date, item_id, location_id)"
    )
    assert missing == []
    wrong = planned.marts("select count(*) from marts.fct_forecast_tracking where isinf(tracking_signal_ratio)")
    assert wrong == [(0,)]


def test_worklists_keep_to_their_capacity_and_hold_the_top_of_it(planned):
    wrong = planned.warehouse(
        "select count(*) from forecast.forecast_exception where is_listed <> (worklist_rank <= capacity_count)"
    )
    assert wrong == [(0,)]
    rows = planned.marts("select rule_code, reason, action, owner from marts.fct_forecast_exception")
    assert "override_awaiting_approval" in {row[0] for row in rows}
    assert all(value for row in rows for value in row)


def test_an_exception_that_stays_is_new_only_once(planned):
    wrong = planned.marts(
        "select count(*) filter (where later.is_new) , count(*) from marts.fct_forecast_exception as later "
        "join marts.fct_forecast_exception as earlier using (item_id, location_id, rule_code) "
        f"where later.period_start_date = '{NEWER}' and earlier.period_start_date = '{OLDER}'"
    )
    assert wrong[0][0] == 0
    assert wrong[0][1] > 0


def test_churn_is_that_of_the_two_plans(planned):
    ((expected,),) = planned.warehouse(
        "select sum(abs(later.final_qty - earlier.final_qty)) / sum(earlier.final_qty) from forecast.final_forecast "
        "as later join forecast.final_forecast as earlier using (item_id, location_id, bucket_start_date) "
        f"where later.period_start_date = '{NEWER}' and earlier.period_start_date = '{OLDER}'"
    )
    found = planned.marts(
        "select churn_rate from marts.kpi_forecast_stability where segment_code = 'ALL' order by period_start_date"
    )
    assert found[0] == (None,)
    assert found[1][0] == pytest.approx(expected)
