"""The code location: assets, checks, jobs, schedules, sensors and resources put together."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from assets import (
    adjustments,
    audit,
    buffers,
    forecasting,
    ingestion,
    order_exceptions,
    policy,
    policy_details,
    publication,
    segmentation,
    short_term,
    simulation,
    supply,
    supply_risk,
    tracking,
    transform,
)
from orchestration.checks import CHECKS
from orchestration.jobs import JOBS
from orchestration.partitions import SETTINGS
from orchestration.resources.dbt import dbt_resource
from orchestration.resources.landing import Landing
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.publisher import Publisher
from orchestration.resources.run_history import quicken_run_history
from orchestration.resources.series_store import SeriesStore
from orchestration.resources.warehouse import Warehouse
from orchestration.schedules import SCHEDULES
from orchestration.sensors import SENSORS

_STAGES = [
    ingestion, transform, adjustments, segmentation, forecasting, short_term, tracking, supply, policy, simulation,
    policy_details, buffers, order_exceptions, audit, supply_risk, publication,
]  # fmt: skip


def build_defs(
    resource_overrides: Mapping[str, Any] | None = None,
    parameters_folder: Path | None = SETTINGS.company.parameters_folder,
) -> dg.Definitions:
    """All definitions, with the resources of the settings in force unless they are overridden."""
    store = ParameterStore(folder=str(parameters_folder) if parameters_folder else None)
    warehouse_file = str(SETTINGS.warehouse_file)
    return dg.Definitions(
        assets=dg.load_assets_from_modules(_STAGES),
        asset_checks=CHECKS,
        jobs=JOBS,
        schedules=SCHEDULES,
        sensors=SENSORS,
        executor=dg.in_process_executor,
        resources={
            # One object for all runs of a process: each new one would start dbt once more to ask for its version.
            "dbt": dg.ResourceDefinition.hardcoded_resource(dbt_resource(SETTINGS)),
            "landing": Landing.from_settings(SETTINGS),
            "parameter_store": store,
            "series_store": SeriesStore(folder=str(SETTINGS.forecast_outcomes)),
            "publisher": Publisher(folder=str(SETTINGS.published), warehouse_path=warehouse_file),
            "warehouse": Warehouse(
                path=warehouse_file, parameters_version=store.version(), worker_count=SETTINGS.worker_count
            ),
            **(resource_overrides or {}),
        },
    )


# Dagster's own processes come in here.
quicken_run_history()
defs = build_defs()
