"""Business parameters: effective-dated tables read into frozen, validated models.

A row holds from `valid_from_date` until a later row with the same key replaces it.
"""

from stockstrata.parameters.base import (
    BucketType,
    HierarchyMethod,
    OptionalRate,
    PolicyFamily,
    RateMeasure,
    ServiceMeasure,
    UnmetDemand,
    ValueMetric,
)
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
from stockstrata.parameters.planning import PlanningParameters
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
from stockstrata.parameters.reading import PARAMETER_TABLES, planning_parameters
from stockstrata.parameters.segments import DemandSignal, KpiTarget, PolicyRule, SegmentRule, SegmentStrategy
from stockstrata.parameters.settings import NewProductSettings, PlanningSettings, SettingRow

__all__ = [
    "PARAMETER_TABLES",
    "BucketType",
    "BufferLimit",
    "BufferProfile",
    "CostRate",
    "CriticalityFloor",
    "DemandSignal",
    "DisruptionScenario",
    "ExceptionCapacity",
    "ExceptionRule",
    "ForecastRule",
    "GateLimit",
    "GateOverride",
    "HierarchyMethod",
    "HierarchySetting",
    "IntervalMethod",
    "KpiTarget",
    "LeadTimeAssumption",
    "NewProductSettings",
    "OptionalRate",
    "OrderExceptionRule",
    "PlanningParameters",
    "PlanningSettings",
    "PolicyFamily",
    "PolicyRule",
    "PoolModel",
    "PoolSettings",
    "RateMeasure",
    "SegmentRule",
    "SegmentStrategy",
    "ServiceMeasure",
    "ServiceMix",
    "ServiceTarget",
    "SettingRow",
    "ShortTermSetting",
    "SupplierTierRule",
    "UnmetDemand",
    "ValueMetric",
    "planning_parameters",
]
