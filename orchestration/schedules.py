"""When cycles run: as soon as a period has closed."""

import dagster as dg

from orchestration.jobs import plan_cycle

# Facts of the last day still arrive in the first hours after midnight.
plan_closed_period = dg.build_schedule_from_partitioned_job(
    plan_cycle,
    name="plan_closed_period",
    description="Plans the period that closed last; 04:00 UTC on the first day after it.",
    hour_of_day=4,
)

SCHEDULES = [plan_closed_period]
