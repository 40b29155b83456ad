"""Single settings of the cycle."""

import math
from typing import Literal

from pydantic import Field

from stockstrata.parameters.base import Dated, Frozen, ValueMetric


class PlanningSettings(Frozen):
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


class NewProductSettings(Frozen):
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


class SettingRow(Dated):
    """One row of `planning_settings.csv` or `new_product_settings.csv`."""

    setting_code: str
    setting_value: str
    unit: str
    description: str
