"""Item targets of each segment, mixed for the objective of `service_mix.csv`."""

from dataclasses import dataclass

import numpy as np

from stockstrata.buffers import ServiceCase
from stockstrata.investment import Ladder, Mix, at_rung, ladder, mix_for_budget, mix_for_fill
from stockstrata.parameters import ServiceMix


@dataclass(frozen=True)
class SegmentMixes:
    """The mix of every item-location, one element a row, beside where it stands now and its whole ladder.

    Attributes:
        rungs: levels that the item-locations can hold.
        fill_rate: share of demand served from the shelf in the mix, 0 to 1.
        level_qty: level of the mix before rounding, units.
        stock_value: stock on the shelf on average in the mix, currency.
        short_qty: units short a year in the mix.
        return_qty: units saved a year by the next unit of money on the item.
        shadow_price_qty: units saved a year by the last unit of money spent in the segment.
        shortfall: fill rate or money that the segment lacks, 0 where the mix is feasible.
        objective_code: fill_target or budget.
        current_fill_rate: share of demand served from the shelf at the current level.
        current_stock_value: stock on the shelf on average at the current level, currency.
    """

    rungs: Ladder
    fill_rate: np.ndarray
    level_qty: np.ndarray
    stock_value: np.ndarray
    short_qty: np.ndarray
    return_qty: np.ndarray
    shadow_price_qty: np.ndarray
    shortfall: np.ndarray
    objective_code: np.ndarray
    current_fill_rate: np.ndarray
    current_stock_value: np.ndarray


def segment_mixes(
    case: ServiceCase,
    segment_code: np.ndarray,
    *,
    current_level: np.ndarray,
    floor_level: np.ndarray,
    unit_cost: np.ndarray,
    annual_demand: np.ndarray,
    rules: tuple[ServiceMix, ...],
) -> SegmentMixes:
    """Mix the targets of each segment by its rule, else by that of all (`*`).

    Without a fill target the segment keeps the fill rate of its current levels, at least stock value.

    Args:
        case: demand of the item-locations; all keep stock and have demand and a cost.
        segment_code: segment of each.
        current_level: level in force, units.
        floor_level: least level that criticality allows, units.
        unit_cost: currency per unit.
        annual_demand: units per year.
        rules: objectives in force.
    """
    rungs = ladder(
        case, current_level=current_level, floor_level=floor_level, unit_cost=unit_cost, annual_demand=annual_demand
    )
    now = np.argmin(np.abs(rungs.level_qty - np.maximum(current_level, floor_level)[:, None]), axis=1).astype(float)
    held = {row.segment_code: row for row in rules}
    n = len(segment_code)
    figures = {name: np.zeros(n) for name in ("level_qty", "fill_rate", "stock_value", "short_qty", "return_rate")}
    price, lacking, objective = np.zeros(n), np.zeros(n), np.full(n, "fill_target", dtype=object)
    for code in np.unique(segment_code):
        row = np.flatnonzero(segment_code == code)
        rule = held.get(str(code), held["*"])
        own = rows_of(rungs, row)
        mix = _mix(own, annual_demand[row], rule, now[row])
        for name, out in figures.items():
            out[row] = getattr(mix, name)
        price[row], lacking[row], objective[row] = mix.shadow_price, mix.shortfall, rule.objective_code
    return SegmentMixes(
        rungs=rungs,
        fill_rate=figures["fill_rate"],
        level_qty=figures["level_qty"],
        stock_value=figures["stock_value"],
        short_qty=figures["short_qty"],
        return_qty=figures["return_rate"],
        shadow_price_qty=price,
        shortfall=lacking,
        objective_code=objective,
        current_fill_rate=at_rung(rungs.fill_rate, now),
        current_stock_value=at_rung(rungs.stock_value, now),
    )


def rows_of(rungs: Ladder, row: np.ndarray) -> Ladder:
    """The ladders of some item-locations."""
    return Ladder(*(getattr(rungs, name)[row] for name in rungs.__dataclass_fields__))


def _mix(rungs: Ladder, annual_demand: np.ndarray, rule: ServiceMix, now: np.ndarray) -> Mix:
    if rule.objective_code == "budget" and rule.stock_budget_amount is not None:
        return mix_for_budget(rungs, rule.stock_budget_amount)
    target = rule.fill_target
    if target is None:
        target = 1 - float(at_rung(rungs.short_qty, now).sum() / annual_demand.sum())
    return mix_for_fill(rungs, annual_demand, target)
