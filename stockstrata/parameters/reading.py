"""From tables to the rows in force at a day."""

import datetime as dt
from collections.abc import Mapping
from typing import TypeVar

import pandas as pd
from pydantic import ValidationError

from stockstrata.errors import ParameterError
from stockstrata.parameters.base import Dated, Frozen
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
from stockstrata.parameters.links import check_links
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
from stockstrata.parameters.segments import DemandSignal, KpiTarget, PolicyRule, SegmentRule, SegmentStrategy
from stockstrata.parameters.settings import NewProductSettings, PlanningSettings, SettingRow

_Settings = TypeVar("_Settings", bound=Frozen)

PARAMETER_TABLES: dict[str, tuple[type[Dated], tuple[str, ...]]] = {
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
    check_links(found)
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
    newest: dict[tuple, Dated] = {}
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
