"""Exchange curves of stock value against service, and the mix targets that follow: tables of a cycle's policies."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.buffers import protected_demand, service_level_stock
from stockstrata.columns import numbers, texts
from stockstrata.investment import Ladder, at_rung, level_for_fill, mix_for_fill
from stockstrata.mix import SegmentMixes, rows_of, segment_mixes
from stockstrata.parameters import PlanningParameters
from stockstrata.policy_case import case_of_policies, level_of
from stockstrata.tables import EXCHANGE_CURVE, MIX_TARGET

KEY = ["item_id", "location_id"]
ALL = "ALL"
FILL_TARGETS = np.array([0.8, 0.85, 0.9, 0.925, 0.95, 0.965, 0.98, 0.99, 0.995])
"""Fill rates that curves are drawn at."""


@dataclass(frozen=True)
class Exchange:
    """Rows of `policy.exchange_curve` and `policy.mix_target` without period and stamp."""

    curve: pd.DataFrame
    targets: pd.DataFrame


def exchange(policies: pd.DataFrame, lead_time_demand: pd.DataFrame, *, parameters: PlanningParameters) -> Exchange:
    """What service costs in each segment, and the mix of item targets that its objective asks for.

    Args:
        policies: frame of `policy.stock_policy`.
        lead_time_demand: frame of `forecast.lead_time_demand`.
        parameters: objectives of the mix and floors of criticality.
    """
    keep = (texts(policies, "policy_status_code") == "current").to_numpy()
    keep &= ~texts(policies, "policy_family").isin(("make_to_order", "do_not_stock")).to_numpy()
    keep &= (numbers(policies, "unit_cost_amount") > 0) & (numbers(policies, "annual_demand_qty") > 0)
    held = policies.loc[keep].sort_values(KEY, ignore_index=True)
    case = case_of_policies(held, lead_time_demand)
    cost, demand = numbers(held, "unit_cost_amount"), numbers(held, "annual_demand_qty")
    has_floor = (texts(held, "service_target_source_code") == "criticality_floor").to_numpy()
    floor = np.zeros(len(held))
    if has_floor.any():
        floor[has_floor] = service_level_stock(case.rows(has_floor))
    mixes = segment_mixes(
        case,
        texts(held, "segment_code").to_numpy(dtype=str),
        current_level=level_of(held),
        floor_level=floor,
        unit_cost=cost,
        annual_demand=demand,
        rules=parameters.service_mix,
    )
    return Exchange(_curves(held, mixes, demand), _targets(held, mixes, protected_demand(case), parameters))


def _targets(
    held: pd.DataFrame, mixes: SegmentMixes, protected: np.ndarray, parameters: PlanningParameters
) -> pd.DataFrame:
    rules = {row.segment_code: row.is_applied for row in parameters.service_mix}
    holding_rate = numbers(held, "holding_cost_per_unit_week_amount") * 365.25 / 7 / numbers(held, "unit_cost_amount")
    shortage = numbers(held, "shortage_cost_per_unit_amount")
    best = cost_optimal_rung(mixes.rungs, holding_rate, shortage)
    is_known = best >= 0
    rung = np.maximum(best, 0).astype(float)
    sensitivity = cost_sensitivity(
        mixes.rungs, holding_rate, shortage, best, uncertainty_rate=parameters.settings.cost_uncertainty_rate
    )
    budget = mixes.objective_code == "budget"
    out = held.loc[:, [*KEY, "segment_code"]].assign(
        objective_code=mixes.objective_code,
        is_applied=np.array([rules.get(code, rules["*"]) for code in held["segment_code"]], dtype=bool),
        current_fill_rate=mixes.current_fill_rate,
        current_stock_value_amount=mixes.current_stock_value,
        mix_fill_rate=mixes.fill_rate,
        mix_level_qty=mixes.level_qty,
        mix_safety_stock_qty=np.maximum(mixes.level_qty - protected, 0.0),
        mix_stock_value_amount=mixes.stock_value,
        mix_short_qty=mixes.short_qty,
        marginal_saved_qty=np.minimum(mixes.return_qty, 1e12),
        shadow_price_qty=np.minimum(mixes.shadow_price_qty, 1e12),
        is_feasible=mixes.shortfall <= 0,
        shortfall_rate=np.where(budget, 0.0, mixes.shortfall),
        shortfall_amount=np.where(budget, mixes.shortfall, 0.0),
        cost_optimal_fill_rate=np.where(is_known, at_rung(mixes.rungs.fill_rate, rung), np.nan),
        cost_optimal_level_qty=np.where(is_known, at_rung(mixes.rungs.level_qty, rung), np.nan),
        low_cost_optimal_fill_rate=sensitivity.low_fill_rate,
        high_cost_optimal_fill_rate=sensitivity.high_fill_rate,
        cost_regret_amount=sensitivity.regret_amount,
        evidence_grade=texts(held, "evidence_grade").to_numpy(),
    )
    return out.loc[:, [column.name for column in MIX_TARGET.columns if column.name != "period_start_date"]]


def cost_optimal_rung(rungs: Ladder, holding_rate: np.ndarray, shortage_cost: np.ndarray) -> np.ndarray:
    """Rung of least yearly cost of holding and falling short, -1 where a cost is not known, (n,).

    Args:
        rungs: ladders.
        holding_rate: yearly cost of holding as a share of stock value.
        shortage_cost: currency per unit short.
    """
    is_known = np.isfinite(holding_rate) & np.isfinite(shortage_cost)
    cost = rungs.stock_value * np.where(is_known, holding_rate, 0.0)[:, None]
    cost = cost + rungs.short_qty * np.where(is_known, shortage_cost, 0.0)[:, None]
    return np.where(is_known, np.argmin(cost, axis=1), -1)


@dataclass(frozen=True)
class CostSensitivity:
    """What uncertain costs make of the cost-optimal level of n item-locations; NaN where a cost is not known, (n,).

    Attributes:
        low_fill_rate: optimum were falling short cheaper by the uncertainty.
        high_fill_rate: optimum were it dearer by it.
        regret_amount: the most that the optimum of the stated costs then costs more in a year than the right one.
    """

    low_fill_rate: np.ndarray
    high_fill_rate: np.ndarray
    regret_amount: np.ndarray


def cost_sensitivity(
    rungs: Ladder, holding_rate: np.ndarray, shortage_cost: np.ndarray, best: np.ndarray, *, uncertainty_rate: float
) -> CostSensitivity:
    """How far the cost-optimal service moves, and what it costs, when the cost of falling short is not sure.

    The cost of one short is divided and multiplied by `1 + uncertainty_rate`. Holding moves nothing else: only the
    ratio of the two decides.

    Args:
        rungs: ladders.
        holding_rate: yearly cost of holding as a share of stock value, (n,).
        shortage_cost: currency per unit short, (n,).
        best: rung of `cost_optimal_rung` at these costs, (n,).
        uncertainty_rate: for example 0.5: it may be half as much again, or a third less.

    Example: without uncertainty both ends are the optimum, and there is nothing to regret.
    """
    row, at = np.arange(len(best)), np.maximum(best, 0)
    fills, regrets = [], []
    for factor in (1 / (1 + uncertainty_rate), 1 + uncertainty_rate):
        moved = cost_optimal_rung(rungs, holding_rate, shortage_cost * factor)
        cost = rungs.stock_value * np.nan_to_num(holding_rate)[:, None]
        cost = cost + rungs.short_qty * np.nan_to_num(shortage_cost * factor)[:, None]
        fills.append(np.where(moved >= 0, at_rung(rungs.fill_rate, np.maximum(moved, 0).astype(float)), np.nan))
        regrets.append(np.where(moved >= 0, cost[row, at] - cost[row, np.maximum(moved, 0)], np.nan))
    return CostSensitivity(fills[0], fills[1], np.maximum(*regrets))


def _curves(held: pd.DataFrame, mixes: SegmentMixes, demand: np.ndarray) -> pd.DataFrame:
    segment = texts(held, "segment_code").to_numpy(dtype=str)
    groups = [(code, np.flatnonzero(segment == code)) for code in np.unique(segment)]
    groups.append((ALL, np.arange(len(held))))
    rows: list[tuple[object, ...]] = []
    for code, row in groups:
        if not len(row):
            continue
        rungs, asked = rows_of(mixes.rungs, row), float(demand[row].sum())

        for curve, number, target, value, short in _points(rungs, demand[row]):
            rows.append((code, curve, number, target, _fill(short, asked), value, short, len(row), False))
        value = float(mixes.current_stock_value[row].sum())
        short = float(((1 - mixes.current_fill_rate[row]) * demand[row]).sum())
        rows.append((code, "current", 1, np.nan, _fill(short, asked), value, short, len(row), True))
    names = [column.name for column in EXCHANGE_CURVE.columns if column.name != "period_start_date"]
    return pd.DataFrame(rows, columns=pd.Index(names)).sort_values(
        ["segment_code", "curve_code", "point_number"], ignore_index=True
    )


def _fill(short_qty: float, asked_qty: float) -> float:
    return min(max(1 - short_qty / asked_qty, 0.0), 1.0)


def _points(rungs: Ladder, demand: np.ndarray) -> Iterator[tuple[str, int, float, float, float]]:
    """Curve, number, target, stock value and units short of each point."""
    for number, target in enumerate(FILL_TARGETS.tolist(), start=1):
        at = level_for_fill(rungs, target)
        value, short = at_rung(rungs.stock_value, at).sum(), at_rung(rungs.short_qty, at).sum()
        yield "uniform", number, target, float(value), float(short)
        mix = mix_for_fill(rungs, demand, target)
        yield "mix", number, target, float(mix.stock_value.sum()), float(mix.short_qty.sum())
