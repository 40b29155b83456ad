"""Business parameters: effective-dated tables read into frozen, validated models.

A row holds from `valid_from_date` until a later row with the same key replaces it.
"""

import datetime as dt
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

import pandas as pd
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from stockstrata.errors import ParameterError

PolicyFamily = Literal[
    "s_Q", "s_S", "R_S", "R_s_S", "min_max", "kanban", "ddmrp", "newsvendor", "make_to_order", "do_not_stock"
]
RateMeasure = Literal["cycle_service_level", "fill_rate", "ready_rate"]
ServiceMeasure = Literal["cycle_service_level", "fill_rate", "ready_rate", "economic"]
UnmetDemand = Literal["lost_sale", "back_order"]
ValueMetric = Literal["consumption_value", "revenue", "margin", "volume", "hits"]
OptionalRate = Annotated[float | None, BeforeValidator(lambda text: None if text == "" else text)]
BucketType = Literal["day", "week", "month", "quarter"]
HierarchyMethod = Literal[
    "bottom_up",
    "middle_out_item",
    "middle_out_family",
    "middle_out_region",
    "top_down",
    "mint_struct",
    "mint_var",
    "mint_shrink",
]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


_Settings = TypeVar("_Settings", bound=_Frozen)


class _Dated(_Frozen):
    valid_from_date: dt.date
    approved_by: str = Field(min_length=1)
    reason: str = Field(min_length=1)


class _Sparse(_Dated):
    """A row whose empty cells say nothing, like columns that its file leaves out."""

    @model_validator(mode="before")
    @classmethod
    def _without_empty_cells(cls, values: Any) -> Any:
        return {name: value for name, value in values.items() if value != ""} if isinstance(values, dict) else values


class PlanningSettings(_Frozen):
    """Single settings of the cycle; meanings and units stand in the seed `planning_settings.csv`."""

    value_metric: ValueMetric
    abc_scope: Literal["location", "global"]
    abc_lookback_days: float = Field(gt=0)
    abc_cut_a_rate: float = Field(gt=0, lt=1)
    abc_cut_b_rate: float = Field(gt=0, le=1)
    xyz_cut_x: float = Field(gt=0)
    xyz_cut_y: float = Field(gt=0)
    pattern_adi_cut: float = Field(ge=1)
    pattern_cv2_cut: float = Field(gt=0)
    pattern_lookback_days: float = Field(gt=0)
    pattern_min_nonzero_count: int = Field(ge=1)
    lifecycle_new_days: float = Field(ge=0)
    lifecycle_dormant_days: float = Field(gt=0)
    lifecycle_trend_days: float = Field(gt=0)
    lifecycle_growth_ratio: float = Field(gt=1)
    lifecycle_decline_ratio: float = Field(gt=0, lt=1)
    lifecycle_confidence_z: float = Field(ge=0)
    lead_time_min_receipt_count: int = Field(ge=1)
    lead_time_lookback_days: float = Field(gt=0)
    lead_time_max_days: float = Field(gt=0)
    lead_time_shrinkage_receipts: float = Field(gt=0)
    lead_time_change_arl_receipts: float = Field(ge=10)
    lead_time_change_shift_sd: float = Field(gt=0)
    supply_short_after_days: float = Field(gt=0)
    max_yield_inflation_rate: float = Field(ge=0)
    yield_shrinkage_lines: float = Field(gt=0)
    otif_late_days: float = Field(ge=0)
    otif_early_days: float = Field(ge=0)
    otif_short_rate: float = Field(ge=0, lt=1)
    second_source_cost_amount: float = Field(ge=0)
    second_source_premium_rate: float = Field(ge=0)
    second_source_share_rate: float = Field(ge=0, le=1)
    supplier_risk_high_rate: float = Field(ge=0, le=1)
    supplier_risk_medium_rate: float = Field(ge=0, le=1)
    supplier_score_days: float = Field(gt=0)
    cost_of_capital_rate: float = Field(ge=0)
    variance_shrinkage_origins: float = Field(ge=0)
    abnormal_row_drop_rate: float = Field(ge=0, le=1)
    least_stocked_annual_demand_qty: float = Field(ge=0)
    max_order_cover_days: float = Field(gt=0)
    cost_uncertainty_rate: float = Field(ge=0)
    order_qty_band_rate: float = Field(ge=0)
    max_refused_row_rate: float = Field(ge=0, le=1)
    max_jump_ratio: float = Field(gt=1)
    max_stock_age_days: float = Field(ge=0)
    publish_keep_count: int = Field(ge=2)
    tracking_window_buckets: int = Field(ge=1)
    tracking_min_buckets: int = Field(ge=2)
    bias_confidence_z: float = Field(gt=0)
    least_bias_rate: float = Field(ge=0)
    consensus_shrinkage_observations: float = Field(ge=0)
    outlier_z: float = Field(gt=0)
    outlier_min_ratio: float = Field(ge=1)
    outlier_min_nonzero_count: int = Field(ge=1)
    project_order_share_rate: float = Field(gt=0, le=1)
    project_order_ratio: float = Field(ge=1)
    project_min_order_count: int = Field(ge=1)
    lost_sales_span_days: float = Field(gt=0)
    lost_sales_min_buckets: float = Field(ge=1)
    lost_sales_max_gap_days: float = Field(ge=0)
    lost_sales_max_flagged_gap_days: float = Field(ge=0)
    lost_sales_max_demand_ratio: float = Field(gt=0)
    promotion_dip_days: float = Field(ge=0)
    buffer_plan_buckets: int = Field(ge=1, le=104)
    order_path_count: int = Field(ge=100, le=20_000)
    order_path_seed: int = Field(ge=0)
    learned_most_windows: int = Field(ge=1_000)
    learned_least_windows: int = Field(ge=1_000)
    learned_least_series: int = Field(ge=1)
    replay_months: int = Field(ge=1, le=60)
    replay_history_days: float = Field(ge=28)
    baseline_safety_factor: float = Field(ge=0)
    baseline_review_days: float = Field(gt=0)


class NewProductSettings(_Frozen):
    """How new item-locations are forecast; meanings and units stand in the seed `new_product_settings.csv`."""

    hand_over_days: float = Field(ge=0)
    least_judged_origins: int = Field(ge=1)
    hand_over_margin_rate: float = Field(ge=0, le=1)
    curve_days: float = Field(gt=0)
    unseen_launch_days: float = Field(ge=0)
    least_analog_days: float = Field(gt=0)
    analog_count: int = Field(ge=1)
    least_similarity_rate: float = Field(gt=0, le=1)
    similarity_power: float = Field(ge=0)
    price_halving_ratio: float = Field(gt=1)
    weight_predecessor: float = Field(ge=0)
    weight_item: float = Field(ge=0)
    weight_family: float = Field(ge=0)
    weight_category: float = Field(ge=0)
    weight_location: float = Field(ge=0)
    weight_uom: float = Field(ge=0)
    weight_price: float = Field(ge=0)
    weight_launch: float = Field(gt=0)
    curve_shrinkage_launches: float = Field(gt=0)
    least_level_cv: float = Field(gt=0)
    most_level_cv: float = Field(gt=0)
    level_half_life_days: float = Field(gt=0)
    dispersion_prior_days: float = Field(gt=0)

    def weight_of(self, attribute: str) -> float:
        """Weight of an attribute in the similarity. Example: `weight_of("price")` is `weight_price`."""
        return float(getattr(self, f"weight_{attribute}"))

    def hand_over_buckets(self, bucket_days: float) -> int:
        """Age in begun buckets from which the statistical model alone forecasts. Example: 84 days are 12 weeks."""
        return math.ceil(self.hand_over_days / bucket_days - 1e-9)

    def level_discount_rate(self, bucket_days: float) -> float:
        """Share of what is known of a level that still counts a bucket later. Example: half after its half-life."""
        return 0.5 ** (bucket_days / self.level_half_life_days)

    def dispersion_prior_buckets(self, bucket_days: float) -> float:
        """Weight of the analogs in the variation of single buckets, in buckets."""
        return self.dispersion_prior_days / bucket_days


class SettingRow(_Dated):
    """One row of `planning_settings.csv` or `new_product_settings.csv`."""

    setting_code: str
    setting_value: str
    unit: str
    description: str


class SegmentRule(_Dated):
    """One rule: the first whose codes all match (`*` matches any) names the segment."""

    rule_code: str
    priority: int
    abc_code: Literal["A", "B", "C", "*"]
    xyz_code: Literal["X", "Y", "Z", "*"]
    pattern_code: Literal["smooth", "erratic", "intermittent", "lumpy", "insufficient", "*"]
    lifecycle_code: Literal["npi", "growth", "mature", "decline", "eol", "dormant", "*"]
    segment_code: str


class SegmentStrategy(_Dated):
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


class PolicyRule(_Sparse):
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


class BufferProfile(_Sparse):
    """Factors of demand-driven buffers up to a lead time and a variation of demand; an empty limit holds for all."""

    profile_code: str
    priority: int
    max_lead_time_days: float | None = Field(default=None, ge=0)
    max_demand_cv: float | None = Field(default=None, ge=0)
    lead_time_factor_rate: float = Field(ge=0, le=1)
    variability_factor_rate: float = Field(ge=0, le=1)


class ServiceTarget(_Sparse):
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


class CriticalityFloor(_Dated):
    """Least service of items of a criticality, whatever their segment's target asks for."""

    criticality_code: str = Field(min_length=1)
    service_measure: RateMeasure
    service_target: float = Field(gt=0, lt=1)


class PoolModel(_Dated):
    """One model of a forecast pool; a lower complexity rank wins a tie.

    The last two columns may be missing: a model of single series asks for no others, and stands in the ensemble.
    """

    pool_code: str
    model_code: str
    complexity_rank: int
    min_history_seasons: float = Field(ge=0)
    min_series_count: int = Field(default=0, ge=0)
    is_ensemble_member: bool = True


class PoolSettings(_Dated):
    """How a forecast pool is validated, and when its champions are put to the test again."""

    pool_code: str
    fold_count: int = Field(ge=1)
    fold_step_buckets: int = Field(ge=1)
    max_history_buckets: int = Field(ge=4)
    tie_tolerance_rate: float = Field(ge=0)
    champion_margin_rate: float = Field(ge=0, le=1)
    selection_loss: Literal["rmse", "mae", "pinball"]
    replacement_margin_rate: float = Field(ge=0, le=1)
    tournament_cadence_days: float = Field(ge=0)
    drift_signal_limit: float = Field(gt=0)
    material_change_rate: float = Field(ge=0)


class IntervalMethod(_Dated):
    """A way to the distribution of demand over the protection interval that a pool may take besides error moments."""

    pool_code: str
    interval_method_code: Literal["window_moments", "conformal", "empirical", "learned", "learned_half"]
    least_gain_rate: float = Field(gt=-1, lt=1)


class CostRate(_Sparse):
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


class LeadTimeAssumption(_Dated):
    """Lead time where nothing is measured or agreed, by scope: default, category or supplier."""

    scope: Literal["default", "category", "supplier"]
    code: str
    lead_time_days: float = Field(ge=0)
    lead_time_sd_days: float = Field(ge=0)


class KpiTarget(_Dated):
    """Target and warning value of a KPI for a segment or all (`*`)."""

    kpi_code: str
    segment_code: str
    target_value: float
    warning_value: float


class DemandSignal(_Sparse):
    """Which series of its history the forecast of a segment (`*`: of all without an own row) learns from.

    `validated` takes `unconstrained` unless `clean` is better by the margin.
    """

    segment_code: str
    demand_signal: Literal["raw", "clean", "unconstrained", "validated"]
    replacement_margin_rate: float = Field(default=0.0, ge=0, le=1)
    exclude_outliers: bool
    exclude_projects: bool
    separate_promotions: bool


class ForecastRule(_Dated):
    """Limits on changes of forecasts, for a segment or all (`*`); an empty limit of the plan means none."""

    segment_code: str
    approval_change_rate: float = Field(ge=0)
    approval_change_amount: float = Field(ge=0)
    plan_change_limit_rate: OptionalRate = Field(default=None, gt=0)


class ExceptionRule(_Dated):
    """Value of a measure from which a forecast is an exception, for a segment or all (`*`)."""

    rule_code: Literal[
        "biased",
        "demand_deviation",
        "plan_change",
        "fallback_model",
        "worse_than_naive",
        "override_awaiting_approval",
        "stream_disagreement",
    ]
    segment_code: str
    threshold_value: float = Field(ge=0)
    unit: str


class OrderExceptionRule(_Dated):
    """Limit from which an order is an exception, for a segment or all (`*`)."""

    rule_code: Literal[
        "emergency_wait", "emergency_price", "early", "oversized", "undersized", "late_release", "expedite", "defer",
        "cancel", "approval",
    ]  # fmt: skip
    segment_code: str
    threshold_value: float = Field(ge=0)
    unit: str


class ExceptionCapacity(_Dated):
    """Exceptions that an owner (or any, `*`) can work through in a period, for one segment or all others (`*`)."""

    owner: str
    segment_code: str
    capacity_count: int = Field(ge=0)


class HierarchySetting(_Sparse):
    """How forecasts of a segment (or all, `*`) are made coherent."""

    segment_code: str
    method_code: Literal["validated"] | HierarchyMethod
    margin_rate: float = Field(ge=0, le=1)
    replacement_margin_rate: float = Field(default=0.0, ge=0, le=1)
    is_applied: bool
    forecast_pool: str
    origin_count: int = Field(ge=0, le=12)
    largest_block_series: int = Field(ge=2)


class ShortTermSetting(_Dated):
    """How open orders consume the forecast of a segment (or all, `*`), and how its first buckets are sensed."""

    segment_code: str
    backward_buckets: int = Field(ge=0)
    forward_buckets: int = Field(ge=0)
    sensed_buckets: int = Field(ge=0)
    largest_weight_rate: float = Field(ge=0, le=1)
    margin_rate: float = Field(ge=0, le=1)


class DisruptionScenario(_Dated):
    """A way in which a supplier fails: how often in a year, and for how long."""

    scenario_code: str
    rate_per_year: float = Field(gt=0)
    duration_days: float = Field(gt=0)


class SupplierTierRule(_Dated):
    """The first rule by priority whose codes match (`*` matches any) gives the tier."""

    rule_code: str
    priority: int
    criticality_code: str = Field(min_length=1)
    risk_code: Literal["high", "medium", "low", "*"]
    tier_code: str = Field(min_length=1)
    development_code: Literal["partner", "develop", "maintain", "replace"]


class BufferLimit(_Sparse):
    """Limits on the buffers of a segment (or all, `*`); an empty cell means no limit."""

    segment_code: str
    min_cover_days: float | None = Field(default=None, ge=0)
    max_cover_days: float | None = Field(default=None, gt=0)
    shelf_life_rate: float | None = Field(default=None, gt=0, le=1)
    max_step_rate: float | None = Field(default=None, gt=0)
    tolerance_rate: float | None = Field(default=None, ge=0)
    stocking_decision: Literal["recommend", "apply"] = "recommend"


class ServiceMix(_Sparse):
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


class GateLimit(_Sparse):
    """What the candidate policies of a segment (or of each without a row, `*`) must not break to be put in force."""

    segment_code: str
    mode_code: Literal["off", "report", "hold"]
    service_margin_rate: float = Field(ge=0, le=1)
    stock_margin_rate: float = Field(ge=0)
    churn_limit_rate: float = Field(gt=0)
    least_item_locations: int = Field(ge=1)
    least_cut_offs: int = Field(ge=1)
    twin_stock_gap_rate: float = Field(gt=0)
    twin_hidden_lost_rate: float = Field(gt=0, le=1)


class GateOverride(_Dated):
    """A segment (or all, `*`) whose candidate goes in force in spite of the gate, before the day that it expires."""

    segment_code: str = Field(min_length=1)
    expires_date: dt.date

    @model_validator(mode="after")
    def _expires_after_it_begins(self) -> "GateOverride":
        if self.expires_date <= self.valid_from_date:
            raise ValueError("expires_date must lie after valid_from_date")
        return self


PARAMETER_TABLES: dict[str, tuple[type[_Dated], tuple[str, ...]]] = {
    "planning_settings": (SettingRow, ("setting_code",)),
    "new_product_settings": (SettingRow, ("setting_code",)),
    "segment_rules": (SegmentRule, ("rule_code",)),
    "segment_strategies": (SegmentStrategy, ("segment_code",)),
    "policy_rules": (PolicyRule, ("rule_code",)),
    "buffer_profiles": (BufferProfile, ("profile_code",)),
    "service_targets": (ServiceTarget, ("segment_code", "item_id")),
    "criticality_floors": (CriticalityFloor, ("criticality_code",)),
    "forecast_pools": (PoolModel, ("pool_code", "model_code")),
    "forecast_settings": (PoolSettings, ("pool_code",)),
    "interval_methods": (IntervalMethod, ("pool_code", "interval_method_code")),
    "cost_rates": (CostRate, ("scope", "code")),
    "lead_time_assumptions": (LeadTimeAssumption, ("scope", "code")),
    "kpi_targets": (KpiTarget, ("kpi_code", "segment_code")),
    "demand_signals": (DemandSignal, ("segment_code",)),
    "forecast_rules": (ForecastRule, ("segment_code",)),
    "exception_rules": (ExceptionRule, ("rule_code", "segment_code")),
    "order_exception_rules": (OrderExceptionRule, ("rule_code", "segment_code")),
    "exception_capacity": (ExceptionCapacity, ("owner", "segment_code")),
    "hierarchy_settings": (HierarchySetting, ("segment_code",)),
    "short_term_settings": (ShortTermSetting, ("segment_code",)),
    "disruption_scenarios": (DisruptionScenario, ("scenario_code",)),
    "supplier_tier_rules": (SupplierTierRule, ("rule_code",)),
    "buffer_limits": (BufferLimit, ("segment_code",)),
    "service_mix": (ServiceMix, ("segment_code",)),
    "gate_limits": (GateLimit, ("segment_code",)),
    "gate_overrides": (GateOverride, ("segment_code",)),
}
# What nobody has decided yet has no row.
_MAY_BE_EMPTY = ("gate_overrides",)


_MOVED_TO = {("segment_strategies", column): "service_targets" for column in ("service_measure", "service_target")}


class PlanningParameters(_Frozen):
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


def planning_parameters(tables: Mapping[str, pd.DataFrame], *, as_of: dt.date, version: str) -> PlanningParameters:
    """Validate all parameter tables and keep the rows in force on `as_of`.

    Args:
        tables: one frame of strings for each name in `PARAMETER_TABLES`, as read from its CSV file.
        as_of: day for which the parameters are wanted.
        version: hash of the parameter files, carried along.

    Raises:
        ParameterError: names file, line (the header is line 1), column, what was found and expected.
    """
    rows = {name: _in_force(name, tables, as_of) for name in PARAMETER_TABLES}
    settings = _single_settings("planning_settings", PlanningSettings, rows)
    new_products = _single_settings("new_product_settings", NewProductSettings, rows)
    found = PlanningParameters(version=version, settings=settings, new_products=new_products, **rows)
    _check_links(found)
    return found


def _single_settings(name: str, model: type[_Settings], rows: dict[str, tuple]) -> _Settings:
    """Take the rows of a table of single settings out of `rows`, as its model."""
    pairs = {row.setting_code: row.setting_value for row in rows.pop(name)}
    try:
        return model.model_validate(pairs)
    except ValidationError as error:
        first = error.errors()[0]
        raise ParameterError(
            f"{name}.csv: setting {first['loc'][0]}: {first['msg']}; found {first.get('input')!r}. "
            "Mend the row with that setting_code."
        ) from None


def _in_force(name: str, tables: Mapping[str, pd.DataFrame], as_of: dt.date) -> tuple:
    model, key = PARAMETER_TABLES[name]
    if name not in tables:
        raise ParameterError(f"{name}.csv is missing from the parameters; copy the shipped one and adapt it.")
    newest: dict[tuple, _Dated] = {}
    for position, record in enumerate(tables[name].to_dict("records")):
        try:
            row = model.model_validate(record)
        except ValidationError as error:
            first = error.errors()[0]
            column = ".".join(str(part) for part in first["loc"])
            moved = _MOVED_TO.get((name, column))
            advice = f" It stands in {moved}.csv now: move it there." if moved else ""
            place = f"{name}.csv, line {position + 2}" + (f", column {column}" if column else "")
            raise ParameterError(f"{place}: {first['msg']}; found {first.get('input')!r}.{advice}") from None
        if row.valid_from_date > as_of:
            continue
        code = tuple(getattr(row, part) for part in key)
        held = newest.get(code)
        if held is not None and held.valid_from_date == row.valid_from_date:
            raise ParameterError(f"{name}.csv, line {position + 2}: {code} is there twice from {row.valid_from_date}.")
        if held is None or held.valid_from_date < row.valid_from_date:
            newest[code] = row
    if not newest and name not in _MAY_BE_EMPTY:
        raise ParameterError(f"{name}.csv has no row in force on {as_of}; give one an earlier valid_from_date.")
    return tuple(newest.values())


def _check_links(found: PlanningParameters) -> None:
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
