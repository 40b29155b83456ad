"""All parameters of a cycle."""

from stockstrata.errors import ParameterError
from stockstrata.parameters.base import Frozen
from stockstrata.parameters.forecast import (
    ExceptionCapacity,
    ExceptionRule,
    ForecastRule,
    HierarchySetting,
    IntervalMethod,
    PoolModel,
    PoolSettings,
    ShortTermSetting,
)
from stockstrata.parameters.gate import GateLimit, GateOverride
from stockstrata.parameters.policy import (
    BufferLimit,
    BufferProfile,
    CostRate,
    CriticalityFloor,
    DisruptionScenario,
    LeadTimeAssumption,
    OrderExceptionRule,
    ServiceMix,
    ServiceTarget,
    SupplierTierRule,
)
from stockstrata.parameters.segments import DemandSignal, KpiTarget, PolicyRule, SegmentRule, SegmentStrategy
from stockstrata.parameters.settings import NewProductSettings, PlanningSettings


class PlanningParameters(Frozen):
    """The parameters in force on one day."""

    version: str
    settings: PlanningSettings
    new_products: NewProductSettings
    segment_rules: tuple[SegmentRule, ...]
    segment_strategies: tuple[SegmentStrategy, ...]
    policy_rules: tuple[PolicyRule, ...]
    buffer_profiles: tuple[BufferProfile, ...]
    service_targets: tuple[ServiceTarget, ...]
    criticality_floors: tuple[CriticalityFloor, ...]
    forecast_pools: tuple[PoolModel, ...]
    forecast_settings: tuple[PoolSettings, ...]
    interval_methods: tuple[IntervalMethod, ...]
    cost_rates: tuple[CostRate, ...]
    lead_time_assumptions: tuple[LeadTimeAssumption, ...]
    kpi_targets: tuple[KpiTarget, ...]
    demand_signals: tuple[DemandSignal, ...]
    forecast_rules: tuple[ForecastRule, ...]
    exception_rules: tuple[ExceptionRule, ...]
    order_exception_rules: tuple[OrderExceptionRule, ...]
    exception_capacity: tuple[ExceptionCapacity, ...]
    hierarchy_settings: tuple[HierarchySetting, ...]
    short_term_settings: tuple[ShortTermSetting, ...]
    disruption_scenarios: tuple[DisruptionScenario, ...]
    supplier_tier_rules: tuple[SupplierTierRule, ...]
    buffer_limits: tuple[BufferLimit, ...]
    service_mix: tuple[ServiceMix, ...]
    gate_limits: tuple[GateLimit, ...]
    gate_overrides: tuple[GateOverride, ...]

    def selection_loss(self, segment_code: str) -> tuple[str, float]:
        """Loss that champions of a segment are chosen by, and the level of a pinball loss (0 for the others).

        The loss is that of the segment's strategy, else of its pool. The level is the service target of the segment,
        whatever service it counts: the stock that a target asks for lies near that quantile of demand.

        Raises:
            ParameterError: the loss is `pinball` and the target of the segment has no figure.
        """
        strategy = next(row for row in self.segment_strategies if row.segment_code == segment_code)
        pool = next(row for row in self.forecast_settings if row.pool_code == strategy.forecast_pool)
        code = strategy.selection_loss or pool.selection_loss
        if code != "pinball":
            return code, 0.0
        general = {row.segment_code: row for row in self.service_targets if not row.item_id}
        target = general.get(segment_code, general.get("*"))
        if target is None or target.service_target is None:
            raise ParameterError(
                f"segment_strategies.csv, segment {segment_code}: champions are to be chosen by pinball, but "
                "service_targets.csv states no figure for the segment. State one, or choose rmse or mae as "
                "selection_loss."
            )
        return code, target.service_target
