"""Snapshot `published/marts`: what BI tools read. A cycle whose blocking checks failed never gets here."""

import datetime as dt
from collections.abc import Mapping

import dagster as dg

from assets.output import asset_key, held_figures
from orchestration.automation import PLATFORM_OWNERS, WRITER_POOL
from orchestration.partitions import PERIODS, cut_off, period_of
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.publisher import Publisher
from orchestration.resources.run_metrics import note_run_steps
from orchestration.resources.unfinished import unfinished_periods
from orchestration.resources.warehouse import Warehouse
from stockstrata.errors import PlanningError
from stockstrata.gate.seals import CERTIFIED_COLUMNS, broken_certificates
from stockstrata.tables import CYCLE_MART

_RUN_STEPS = dg.AssetKey(["quality", "run_step"])
# The snapshot holds every table of the schema; a test compares this list with the models.
_MARTS = (
    "audit_cycle", "audit_cycle_object", "audit_replay", "audit_step", "dim_item", "dim_kpi", "dim_location",
    "dim_period", "dim_segment", "fct_buffer_plan", "fct_certificate", "fct_champion_register",
    "fct_daily_forecast", "fct_demand", "fct_demand_adjustment", "fct_demand_history",
    "fct_demand_signal_choice", "fct_exchange_curve", "fct_final_forecast", "fct_forecast",
    "fct_forecast_accuracy", "fct_forecast_exception", "fct_forecast_override", "fct_forecast_stream",
    "fct_forecast_tracking", "fct_forecast_value_added", "fct_hierarchy_choice", "fct_hierarchy_forecast",
    "fct_interval_method", "fct_isolation", "fct_lead_time", "fct_lead_time_change", "fct_lead_time_demand",
    "fct_mix_target", "fct_model_score", "fct_new_product", "fct_new_product_analog", "fct_order_exception",
    "fct_order_proposal", "fct_policy", "fct_policy_detail", "fct_quality_result", "fct_quarantine",
    "fct_replay", "fct_segment", "fct_sensing_choice", "fct_short_term_forecast", "fct_stock",
    "fct_stream_weight", "fct_supplier_line", "fct_supplier_scorecard", "fct_supplier_tier",
    "kpi_forecast_accuracy", "kpi_forecast_stability", "kpi_segment_period", "rpt_contract_levers",
    "rpt_erp_gap", "rpt_purchase_ranking", "rpt_readiness", "rpt_single_source_risk",
)  # fmt: skip


@dg.asset(
    key=["published", "marts"],
    group_name="published",
    # What is published has its hashes in the manifest.
    deps=[asset_key(CYCLE_MART), *(dg.AssetKey(["marts", name]) for name in _MARTS)],
    partitions_def=PERIODS,
    owners=PLATFORM_OWNERS,
    kinds={"duckdb"},
    code_version="1",
    pool=WRITER_POOL,
)
def published_marts(
    context: dg.AssetExecutionContext, warehouse: Warehouse, publisher: Publisher, parameter_store: ParameterStore
) -> dg.MaterializeResult:
    """One snapshot per cycle: every mart as a plain DuckDB file, put in force by one rename."""
    period = period_of(context)
    _refuse_half_cycles(unfinished_periods(warehouse, context.instance, own_run_id=context.run_id))
    _refuse_broken_certificates(warehouse, period)
    note_run_steps(warehouse, context.instance, context.run_id)
    context.log_event(dg.AssetMaterialization(_RUN_STEPS, metadata=held_figures(warehouse, _RUN_STEPS)))
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


def _refuse_half_cycles(unfinished: Mapping[dt.date, str]) -> None:
    if unfinished:
        first, told = next(iter(unfinished.items()))
        raise PlanningError(
            f"Nothing is published while periods are half planned: {', '.join(map(str, unfinished))} (the first: "
            f"{told}). Plan them again with `stockstrata run SOURCE --from {first} --to {max(unfinished)}`, or run "
            "the job `plan_cycle` for each."
        )


def _refuse_broken_certificates(warehouse: Warehouse, period: dt.date) -> None:
    """What is about to be published must be what the gate has certified."""
    policies = warehouse.read(
        f"select {', '.join(CERTIFIED_COLUMNS)} from marts.fct_policy where period_start_date = ?", [period]
    )
    told = warehouse.read("select * from marts.fct_certificate where period_start_date = ? order by all", [period])
    version = "" if told.empty else str(told["parameters_version"].iloc[0])
    broken = broken_certificates(policies, told, told.loc[told["certificate_hash"].notna()], version)
    if broken:
        raise PlanningError(
            f"Nothing is published: the policies of period {period} are not those that the gate certified "
            f"({'; '.join(broken)}). A table of the warehouse was changed by hand, or a step was run alone. Plan the "
            f"period again with `stockstrata run SOURCE --from {period} --to {period}`."
        )
