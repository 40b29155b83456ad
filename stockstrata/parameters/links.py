"""Whether the rows of different files fit together."""

from stockstrata.errors import ParameterError
from stockstrata.parameters.planning import PlanningParameters


def check_links(found: PlanningParameters) -> None:
    """Whether every name that a row uses is there, and every fallback.

    Raises:
        ParameterError: naming file, row and what to add.
    """
    strategies = {row.segment_code for row in found.segment_strategies}
    for rule in found.segment_rules:
        if rule.segment_code not in strategies:
            raise ParameterError(
                f"segment_rules.csv, rule {rule.rule_code}: segment {rule.segment_code} has no row in "
                "segment_strategies.csv; add one."
            )
    pools = {row.pool_code for row in found.forecast_pools} & {row.pool_code for row in found.forecast_settings}
    for strategy in found.segment_strategies:
        if strategy.forecast_pool not in pools:
            raise ParameterError(
                f"segment_strategies.csv, segment {strategy.segment_code}: pool {strategy.forecast_pool} is not in "
                "both forecast_pools.csv and forecast_settings.csv; add it or name another."
            )
    _check_targets(found, strategies)
    _check_signals(found, strategies)
    _check_segment_settings(found, pools)
    for name in ("cost_rates", "lead_time_assumptions"):
        if not any(row.scope == "default" for row in getattr(found, name)):
            raise ParameterError(f"{name}.csv has no row with scope default; every item needs one to fall back on.")
    if not any(row.segment_code == "*" for row in found.forecast_rules):
        raise ParameterError("forecast_rules.csv has no row with segment *; every segment needs one to fall back on.")
    if not any(row.owner == row.segment_code == "*" for row in found.exception_capacity):
        raise ParameterError(
            "exception_capacity.csv has no row with owner * and segment *; every owner needs one to fall back on."
        )
    if found.settings.abc_cut_a_rate >= found.settings.abc_cut_b_rate:
        raise ParameterError("planning_settings.csv: abc_cut_a_rate must be below abc_cut_b_rate.")


def _check_signals(found: PlanningParameters, segments: set[str]) -> None:
    signals = {row.segment_code for row in found.demand_signals}
    if "*" not in signals:
        raise ParameterError("demand_signals.csv has no row for segment *; every segment needs one to fall back on.")
    for code in sorted(signals - segments - {"*"}):
        raise ParameterError(
            f"demand_signals.csv: segment {code} has no row in segment_strategies.csv; mend its name or take it out."
        )


def _check_targets(found: PlanningParameters, segments: set[str]) -> None:
    """Every segment has a target, with a figure where a loss needs it, and economic targets have their costs."""
    for code in sorted(segments):
        found.selection_loss(code)
    general = {row.segment_code for row in found.service_targets if not row.item_id}
    lacking = sorted(segments - general) if "*" not in general else []
    if lacking:
        raise ParameterError(
            f"service_targets.csv has no row for segment {lacking[0]} and none for all (*); add one of them."
        )
    if not any(row.service_measure == "economic" for row in found.service_targets):
        return
    default = [row for row in found.cost_rates if row.scope == "default"]
    if not any(row.shortage_cost_per_unit for row in default):
        raise ParameterError(
            "service_targets.csv asks for economic targets, but cost_rates.csv has no shortage_cost_per_unit in its "
            "row of scope default; state what one unit short costs."
        )
    if not any(
        row.holding_cost_per_unit_week or (row.holding_cost_rate and row.default_unit_cost_amount) for row in default
    ):
        raise ParameterError(
            "service_targets.csv asks for economic targets, but the row of scope default in cost_rates.csv gives no "
            "holding cost; state holding_cost_per_unit_week, or holding_cost_rate and default_unit_cost_amount."
        )


def _check_segment_settings(found: PlanningParameters, pools: set[str]) -> None:
    for row in found.hierarchy_settings:
        if row.forecast_pool not in pools:
            raise ParameterError(
                f"hierarchy_settings.csv, segment {row.segment_code}: pool {row.forecast_pool} is not in both "
                "forecast_pools.csv and forecast_settings.csv; add it or name another."
            )
    for name in ("hierarchy_settings", "short_term_settings", "buffer_limits", "service_mix", "gate_limits"):
        if not any(row.segment_code == "*" for row in getattr(found, name)):
            raise ParameterError(f"{name}.csv has no row with segment_code *; segments without a row fall back on it.")
