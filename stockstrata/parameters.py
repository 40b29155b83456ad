"""Business parameters: effective-dated tables read into frozen, validated models.

A row holds from `valid_from_date` until a later row with the same key replaces it.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stockstrata.errors import ParameterError

PolicyFamily = Literal["s_Q", "s_S", "R_S", "R_s_S", "make_to_order", "do_not_stock"]
ServiceMeasure = Literal["cycle_service_level", "fill_rate"]
ValueMetric = Literal["consumption_value", "revenue", "margin", "volume", "hits"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Dated(_Frozen):
    valid_from_date: dt.date
    approved_by: str = Field(min_length=1)
    reason: str = Field(min_length=1)


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
    variance_shrinkage_origins: float = Field(ge=0)
    abnormal_row_drop_rate: float = Field(ge=0, le=1)
    least_stocked_annual_demand_qty: float = Field(ge=0)
    max_order_cover_days: float = Field(gt=0)
    max_refused_row_rate: float = Field(ge=0, le=1)
    max_jump_ratio: float = Field(gt=1)
    max_stock_age_days: float = Field(ge=0)
    publish_keep_count: int = Field(ge=2)


class SettingRow(_Dated):
    """One row of `planning_settings.csv`."""

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
    service_measure: ServiceMeasure
    service_target: float = Field(gt=0, lt=1)
    forecast_pool: str
    policy_family: PolicyFamily
    review_period_days: float = Field(gt=0)
    count_frequency_per_year: float = Field(ge=0)
    owner: str = Field(min_length=1)


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
    """How a forecast pool is validated."""

    pool_code: str
    fold_count: int = Field(ge=1)
    fold_step_buckets: int = Field(ge=1)
    max_history_buckets: int = Field(ge=4)
    tie_tolerance_rate: float = Field(ge=0)
    champion_margin_rate: float = Field(ge=0, le=1)


class CostRate(_Dated):
    """Costs of ordering and holding, by scope: default, category, segment or item."""

    scope: Literal["default", "category", "segment", "item"]
    code: str
    order_cost_amount: float = Field(ge=0)
    holding_cost_rate: float = Field(gt=0)
    cost_to_price_rate: float = Field(gt=0)
    default_unit_cost_amount: float = Field(gt=0)


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


PARAMETER_TABLES: dict[str, tuple[type[_Dated], tuple[str, ...]]] = {
    "planning_settings": (SettingRow, ("setting_code",)),
    "segment_rules": (SegmentRule, ("rule_code",)),
    "segment_strategies": (SegmentStrategy, ("segment_code",)),
    "forecast_pools": (PoolModel, ("pool_code", "model_code")),
    "forecast_settings": (PoolSettings, ("pool_code",)),
    "cost_rates": (CostRate, ("scope", "code")),
    "lead_time_assumptions": (LeadTimeAssumption, ("scope", "code")),
    "kpi_targets": (KpiTarget, ("kpi_code", "segment_code")),
}


class PlanningParameters(_Frozen):
    """The parameters in force on one day."""

    version: str
    settings: PlanningSettings
    segment_rules: tuple[SegmentRule, ...]
    segment_strategies: tuple[SegmentStrategy, ...]
    forecast_pools: tuple[PoolModel, ...]
    forecast_settings: tuple[PoolSettings, ...]
    cost_rates: tuple[CostRate, ...]
    lead_time_assumptions: tuple[LeadTimeAssumption, ...]
    kpi_targets: tuple[KpiTarget, ...]


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
    pairs = {row.setting_code: row.setting_value for row in rows.pop("planning_settings")}
    try:
        settings = PlanningSettings.model_validate(pairs)
    except ValidationError as error:
        first = error.errors()[0]
        raise ParameterError(
            f"planning_settings.csv: setting {first['loc'][0]}: {first['msg']}; found {first.get('input')!r}. "
            "Mend the row with that setting_code."
        ) from None
    found = PlanningParameters(version=version, settings=settings, **rows)
    _check_links(found)
    return found


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
            raise ParameterError(
                f"{name}.csv, line {position + 2}, column {column}: {first['msg']}; found {first.get('input')!r}."
            ) from None
        if row.valid_from_date > as_of:
            continue
        code = tuple(getattr(row, part) for part in key)
        held = newest.get(code)
        if held is not None and held.valid_from_date == row.valid_from_date:
            raise ParameterError(f"{name}.csv, line {position + 2}: {code} is there twice from {row.valid_from_date}.")
        if held is None or held.valid_from_date < row.valid_from_date:
            newest[code] = row
    if not newest:
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
    for name in ("cost_rates", "lead_time_assumptions"):
        if not any(row.scope == "default" for row in getattr(found, name)):
            raise ParameterError(f"{name}.csv has no row with scope default; every item needs one to fall back on.")
    if found.settings.abc_cut_a_rate >= found.settings.abc_cut_b_rate:
        raise ParameterError("planning_settings.csv: abc_cut_a_rate must be below abc_cut_b_rate.")
