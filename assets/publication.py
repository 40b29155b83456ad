"""Snapshot `published/marts`: what BI tools read. A cycle whose blocking checks failed never gets here."""

import dagster as dg

from orchestration.automation import PLATFORM_OWNERS, WRITER_POOL
from orchestration.partitions import PERIODS, cut_off, period_of
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.publisher import Publisher

# The snapshot holds every table of the schema; a test compares this list with the models.
_MARTS = (
    "audit_cycle", "audit_cycle_object", "dim_item", "dim_kpi", "dim_location", "dim_period", "dim_segment",
    "fct_demand", "fct_forecast", "fct_forecast_accuracy", "fct_lead_time_demand", "fct_order_proposal", "fct_policy",
    "fct_quality_result", "fct_quarantine", "fct_segment", "fct_stock", "kpi_segment_period", "rpt_readiness",
)  # fmt: skip


@dg.asset(
    key=["published", "marts"],
    group_name="published",
    deps=[dg.AssetKey(["marts", name]) for name in _MARTS],
    partitions_def=PERIODS,
    owners=PLATFORM_OWNERS,
    kinds={"duckdb"},
    code_version="1",
    pool=WRITER_POOL,
)
def published_marts(
    context: dg.AssetExecutionContext, publisher: Publisher, parameter_store: ParameterStore
) -> dg.MaterializeResult:
    """One snapshot per cycle: every mart as a plain DuckDB file, put in force by one rename."""
    period = period_of(context)
    keep = parameter_store.in_force(cut_off(period)).settings.publish_keep_count
    snapshot = publisher.publish(period.isoformat(), context.run_id, keep=keep)
    rows = {name: mart["row_count"] for name, mart in snapshot.marts.items()}
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": sum(int(count) for count in rows.values()),
            "period_start_date": period.isoformat(),
            "is_new": snapshot.is_new,
            "marts_file": dg.MetadataValue.path(str(snapshot.marts_file)),
            "rows_by_mart": dg.MetadataValue.json(rows),
        }
    )
