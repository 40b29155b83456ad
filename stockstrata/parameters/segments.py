"""Rows that say how item-locations are segmented, and what follows for each segment."""

from typing import Literal

from pydantic import Field

from stockstrata.parameters.base import BucketType, Dated, PolicyFamily, Sparse


class SegmentRule(Dated):
    """One rule: the first whose codes all match (`*` matches any) names the segment."""

    rule_code: str
    priority: int
    abc_code: Literal["A", "B", "C", "*"]
    xyz_code: Literal["X", "Y", "Z", "*"]
    pattern_code: Literal["smooth", "erratic", "intermittent", "lumpy", "insufficient", "*"]
    lifecycle_code: Literal["npi", "growth", "mature", "decline", "eol", "dormant", "*"]
    segment_code: str


class SegmentStrategy(Dated):
    """How a segment is planned."""

    segment_code: str
    segment_name: str
    fulfilment_code: Literal["make_to_stock", "make_to_order", "assemble_to_order", "engineer_to_order"]
    forecast_pool: str
    policy_family: PolicyFamily | Literal["by_rule"]
    review_period_days: float = Field(gt=0)
    count_frequency_per_year: float = Field(ge=0)
    owner: str = Field(min_length=1)
    bucket_type: BucketType = "week"
    selection_loss: Literal["", "rmse", "mae", "pinball"] = ""


class PolicyRule(Sparse):
    """A rule that chooses the policy family where a strategy says `by_rule`; an empty limit holds for all."""

    rule_code: str
    priority: int
    pattern_code: Literal["smooth", "erratic", "intermittent", "lumpy", "insufficient", "*"] = "*"
    criticality_code: str = "*"
    min_lead_time_days: float | None = Field(default=None, ge=0)
    min_lead_time_cv: float | None = Field(default=None, ge=0)
    max_economic_cover_reviews: float | None = Field(default=None, gt=0)
    max_review_period_days: float | None = Field(default=None, gt=0)
    policy_family: PolicyFamily
    told: str = Field(min_length=1)


class KpiTarget(Dated):
    """Target and warning value of a KPI for a segment or all (`*`)."""

    kpi_code: str
    segment_code: str
    target_value: float
    warning_value: float


class DemandSignal(Sparse):
    """Which series of its history the forecast of a segment (`*`: of all without an own row) learns from.

    `validated` takes `unconstrained` unless `clean` is better by the margin.
    """

    segment_code: str
    demand_signal: Literal["raw", "clean", "unconstrained", "validated"]
    replacement_margin_rate: float = Field(default=0.0, ge=0, le=1)
    exclude_outliers: bool
    exclude_projects: bool
    separate_promotions: bool
