"""Rows that say how demand is forecast and forecasts are watched."""

from typing import Literal

from pydantic import Field

from stockstrata.parameters.base import Dated, HierarchyMethod, OptionalRate, Sparse


class PoolModel(Dated):
    """One model of a forecast pool; a lower complexity rank wins a tie.

    The last two columns may be missing: a model of single series asks for no others, and stands in the ensemble.
    """

    pool_code: str
    model_code: str
    complexity_rank: int
    min_history_seasons: float = Field(ge=0)
    min_series_count: int = Field(default=0, ge=0)
    is_ensemble_member: bool = True


class PoolSettings(Dated):
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


class IntervalMethod(Dated):
    """A way to the distribution of demand over the protection interval that a pool may take besides error moments."""

    pool_code: str
    interval_method_code: Literal["window_moments", "conformal", "empirical", "learned", "learned_half"]
    least_gain_rate: float = Field(gt=-1, lt=1)


class ForecastRule(Dated):
    """Limits on changes of forecasts, for a segment or all (`*`); an empty limit of the plan means none."""

    segment_code: str
    approval_change_rate: float = Field(ge=0)
    approval_change_amount: float = Field(ge=0)
    plan_change_limit_rate: OptionalRate = Field(default=None, gt=0)


class ExceptionRule(Dated):
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


class ExceptionCapacity(Dated):
    """Exceptions that an owner (or any, `*`) can work through in a period, for one segment or all others (`*`)."""

    owner: str
    segment_code: str
    capacity_count: int = Field(ge=0)


class HierarchySetting(Sparse):
    """How forecasts of a segment (or all, `*`) are made coherent."""

    segment_code: str
    method_code: Literal["validated"] | HierarchyMethod
    margin_rate: float = Field(ge=0, le=1)
    replacement_margin_rate: float = Field(default=0.0, ge=0, le=1)
    is_applied: bool
    forecast_pool: str
    origin_count: int = Field(ge=0, le=12)
    largest_block_series: int = Field(ge=2)


class ShortTermSetting(Dated):
    """How open orders consume the forecast of a segment (or all, `*`), and how its first buckets are sensed."""

    segment_code: str
    backward_buckets: int = Field(ge=0)
    forward_buckets: int = Field(ge=0)
    sensed_buckets: int = Field(ge=0)
    largest_weight_rate: float = Field(ge=0, le=1)
    margin_rate: float = Field(ge=0, le=1)
