"""What starts a run besides the calendar: files of the source that are new or have changed."""

import dagster as dg

from data_quality.source import open_source
from orchestration.jobs import land
from orchestration.partitions import PERIODS, SETTINGS
from orchestration.resources.landing import files_state
from stockstrata.errors import InputError

# Dagster's documented tags of a run that covers a range of partitions.
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"


@dg.sensor(
    job=land,
    name="new_files",
    minimum_interval_seconds=60,
    description="Lands the source when one of its files is new or has changed.",
)
def new_files(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One run of `land` over all closed periods for each new state of the source's files."""
    try:
        source = open_source(
            SETTINGS.company.source_folder, variables=SETTINGS.source_variables, scratch=SETTINGS.home / "unpacked"
        )
    except InputError as error:
        return dg.SkipReason(str(error))
    state = files_state(source)
    if state == context.cursor:
        return dg.SkipReason("No file of the source has changed.")
    periods = PERIODS.get_partition_keys()
    if not periods:
        return dg.SkipReason(f"No period has closed since {SETTINGS.company.first_period_date}.")
    # Files put back as they were once make a state seen before, which is new all the same after the one between.
    request = dg.RunRequest(
        run_key=f"{state} after {context.cursor}", tags={RANGE_START_TAG: periods[0], RANGE_END_TAG: periods[-1]}
    )
    return dg.SensorResult(run_requests=[request], cursor=state)


SENSORS = [new_files]
