"""Rows that say how much is stocked and ordered."""

from typing import Literal

from pydantic import Field, model_validator

from stockstrata.parameters.base import Dated, RateMeasure, ServiceMeasure, Sparse, UnmetDemand


class BufferProfile(Sparse):
    """Factors of demand-driven buffers up to a lead time and a variation of demand; an empty limit holds for all."""

    profile_code: str
    priority: int
    max_lead_time_days: float | None = Field(default=None, ge=0)
    max_demand_cv: float | None = Field(default=None, ge=0)
    lead_time_factor_rate: float = Field(ge=0, le=1)
    variability_factor_rate: float = Field(ge=0, le=1)


class ServiceTarget(Sparse):
    """Target of a segment, of all (`*`), or of one item; `economic` follows from costs and needs no figure."""

    segment_code: str = "*"
    item_id: str = ""
    service_measure: ServiceMeasure
    service_target: float | None = Field(default=None, gt=0, lt=1)

    @model_validator(mode="after")
    def _states_its_target(self) -> "ServiceTarget":
        if (self.service_target is None) != (self.service_measure == "economic"):
            raise ValueError("service_target stays empty for economic and is a share between 0 and 1 otherwise")
        return self


class CriticalityFloor(Dated):
    """Least service of items of a criticality, whatever their segment's target asks for."""

    criticality_code: str = Field(min_length=1)
    service_measure: RateMeasure
    service_target: float = Field(gt=0, lt=1)


class CostRate(Sparse):
    """Costs of ordering, holding and falling short, by scope: default, category, segment or item.

    What a row leaves empty is taken from the next wider scope; what none states is not known.
    """

    scope: Literal["default", "category", "segment", "item"]
    code: str
    order_cost_amount: float | None = Field(default=None, ge=0)
    holding_cost_rate: float | None = Field(default=None, gt=0)
    cost_to_price_rate: float | None = Field(default=None, gt=0)
    default_unit_cost_amount: float | None = Field(default=None, gt=0)
    holding_cost_per_unit_week: float | None = Field(default=None, gt=0)
    shortage_cost_per_unit: float | None = Field(default=None, gt=0)
    unmet_demand: UnmetDemand | None = None


class LeadTimeAssumption(Dated):
    """Lead time where nothing is measured or agreed, by scope: default, category or supplier."""

    scope: Literal["default", "category", "supplier"]
    code: str
    lead_time_days: float = Field(ge=0)
    lead_time_sd_days: float = Field(ge=0)


class OrderExceptionRule(Dated):
    """Limit from which an order is an exception, for a segment or all (`*`)."""

    rule_code: Literal[
        "emergency_wait", "emergency_price", "early", "oversized", "undersized", "late_release", "expedite", "defer",
        "cancel", "approval",
    ]  # fmt: skip
    segment_code: str
    threshold_value: float = Field(ge=0)
    unit: str


class DisruptionScenario(Dated):
    """A way in which a supplier fails: how often in a year, and for how long."""

    scenario_code: str
    rate_per_year: float = Field(gt=0)
    duration_days: float = Field(gt=0)


class SupplierTierRule(Dated):
    """The first rule by priority whose codes match (`*` matches any) gives the tier."""

    rule_code: str
    priority: int
    criticality_code: str = Field(min_length=1)
    risk_code: Literal["high", "medium", "low", "*"]
    tier_code: str = Field(min_length=1)
    development_code: Literal["partner", "develop", "maintain", "replace"]


class BufferLimit(Sparse):
    """Limits on the buffers of a segment (or all, `*`); an empty cell means no limit."""

    segment_code: str
    min_cover_days: float | None = Field(default=None, ge=0)
    max_cover_days: float | None = Field(default=None, gt=0)
    shelf_life_rate: float | None = Field(default=None, gt=0, le=1)
    max_step_rate: float | None = Field(default=None, gt=0)
    tolerance_rate: float | None = Field(default=None, ge=0)
    stocking_decision: Literal["recommend", "apply"] = "recommend"


class ServiceMix(Sparse):
    """What the item targets of a segment (or of each without a row, `*`) are mixed for.

    Without a figure the objective is the segment's fill rate under its own targets. The purchase budget holds for all.
    """

    segment_code: str
    objective_code: Literal["fill_target", "budget"]
    fill_target: float | None = Field(default=None, gt=0, lt=1)
    stock_budget_amount: float | None = Field(default=None, ge=0)
    purchase_budget_amount: float | None = Field(default=None, ge=0)
    is_applied: bool = False

    @model_validator(mode="after")
    def _states_its_budget(self) -> "ServiceMix":
        if self.objective_code == "budget" and self.stock_budget_amount is None:
            raise ValueError("stock_budget_amount is needed where the objective is a budget")
        return self
