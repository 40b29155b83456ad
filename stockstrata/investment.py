"""What service costs: stock value against units short, item by item, and the mix of items that costs least.

An item-location can hold any of a ladder of levels. Each rung costs the value of the stock on the shelf on average,
`(buffer + Q / 2) x unit cost`, and leaves `(1 - fill rate) x annual demand` units short a year. The lower convex hull
of these points is a staircase whose steps return ever less: units saved for each unit of money. Taking steps of all
items from the highest return down is the exact optimum of the separable problem (Everett's multipliers; Fox, Management
Science 13 (1966) 210; Sherbrooke, Optimal Inventory Modeling of Systems, ch. 2), and the return of the last step is the
shadow price: units saved by the next unit of money.
"""

from dataclasses import dataclass

import numpy as np

from stockstrata.buffers import ServiceCase, achieved_service, protected_demand

_SPREADS = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 1.75, 2.0, 2.35, 2.7, 3.1, 3.6, 4.3, 5.2])


@dataclass(frozen=True)
class Ladder:
    """Levels that item-locations can hold, (n, K), rising along the second axis.

    Attributes:
        level_qty: reorder points, or levels of `R_S`, units.
        fill_rate: share of demand served from the shelf at each.
        stock_value: stock on the shelf on average, currency.
        short_qty: units short a year.
    """

    level_qty: np.ndarray
    fill_rate: np.ndarray
    stock_value: np.ndarray
    short_qty: np.ndarray


def ladder(
    case: ServiceCase,
    *,
    current_level: np.ndarray,
    floor_level: np.ndarray,
    unit_cost: np.ndarray,
    annual_demand: np.ndarray,
) -> Ladder:
    """Levels from expected demand to five deviations above, the current level and the floor among them.

    Args:
        case: demand of the rows.
        current_level: level in force, units.
        floor_level: least level that criticality allows, units; no rung lies below it.
        unit_cost: currency per unit.
        annual_demand: units per year.
    """
    protected = protected_demand(case)
    _, lead_sd = case.lead_time_moments()
    sd = np.where(case.is_periodic, case.total_sd, np.hypot(lead_sd, case.demand_sd * (1 - case.lead_time_share)))
    levels = protected[:, None] + sd[:, None] * _SPREADS
    levels = np.where(case.is_whole[:, None], np.ceil(np.round(levels, 9)), levels)
    levels = np.column_stack([levels, current_level])
    levels = np.sort(np.maximum(levels, np.maximum(floor_level, 0.0)[:, None]), axis=1)
    by_fill = case.measured_by("fill_rate", 0.5)
    fill = np.column_stack([achieved_service(by_fill, levels[:, k]) for k in range(levels.shape[1])])
    fill = np.maximum.accumulate(fill, axis=1)
    stock = np.maximum(levels - protected[:, None], 0.0) + case.order_qty[:, None] / 2
    return Ladder(levels, fill, stock * unit_cost[:, None], (1 - fill) * annual_demand[:, None])


@dataclass(frozen=True)
class Mix:
    """A choice of levels and what it comes to.

    Attributes:
        rung: fractional position on each item's ladder, (n,).
        level_qty: level chosen, between two rungs for the last item that was raised, (n,), units.
        fill_rate: share of demand served from the shelf at it, (n,).
        stock_value: stock on the shelf on average, (n,), currency.
        short_qty: units short a year, (n,).
        return_rate: units saved a year by the next unit of money on each item, (n,); 0 at the top of the ladder.
        shadow_price: units saved a year by the last unit of money spent.
        shortfall: fill rate (target) or money (budget) that cannot be had: above the ladders' tops, or below the least
            that floors allow; 0 where the mix is feasible.
    """

    rung: np.ndarray
    level_qty: np.ndarray
    fill_rate: np.ndarray
    stock_value: np.ndarray
    short_qty: np.ndarray
    return_rate: np.ndarray
    shadow_price: float
    shortfall: float


def mix_for_fill(rungs: Ladder, annual_demand: np.ndarray, fill_target: float) -> Mix:
    """Least stock value with which the items together reach a fill rate.

    Example: of a cheap and a dear item of equal demand the cheap one is raised above the target, the dear one less.
    """
    most_short = (1 - fill_target) * annual_demand.sum()
    steps = _Staircase(rungs)
    spare = steps.start_short - most_short
    mix = steps.taken(saved=spare)
    lacking = max(float(mix.short_qty.sum()) - most_short, 0.0)
    demand = float(annual_demand.sum())
    shortfall = lacking / demand if demand > 0 and lacking > 1e-9 * demand else 0.0
    return _with_shortfall(mix, shortfall)


def mix_for_budget(rungs: Ladder, budget: float) -> Mix:
    """Fewest units short a year with no more stock value than a budget.

    Example: a budget below what floors and orders tie up is infeasible: `shortfall` is the money that lacks.
    """
    steps = _Staircase(rungs)
    mix = steps.taken(spent=max(budget - steps.start_value, 0.0))
    return _with_shortfall(mix, max(steps.start_value - budget, 0.0))


def _with_shortfall(mix: Mix, shortfall: float) -> Mix:
    return Mix(**{**{name: getattr(mix, name) for name in mix.__dataclass_fields__}, "shortfall": shortfall})


class _Staircase:
    """Steps of all items' lower hulls in the order of their return."""

    def __init__(self, rungs: Ladder) -> None:
        self._rungs = rungs
        self._on_hull = lower_hull(rungs.stock_value, rungs.short_qty)
        self.start_value = float(rungs.stock_value[:, 0].sum())
        self.start_short = float(rungs.short_qty[:, 0].sum())
        item, at = np.nonzero(self._on_hull)
        follows = np.flatnonzero(item[1:] == item[:-1]) + 1
        self._item, self._from, self._to = item[follows], at[follows - 1], at[follows]
        value, short = rungs.stock_value, rungs.short_qty
        self._cost = value[self._item, self._to] - value[self._item, self._from]
        self._saved = short[self._item, self._from] - short[self._item, self._to]
        self._return = np.divide(self._saved, self._cost, out=np.full(len(self._cost), np.inf), where=self._cost > 0)
        # Of equal returns the first item first; the steps of one item keep their order.
        self._order = np.lexsort((self._to, self._item, -self._return))

    def taken(self, *, saved: float = np.inf, spent: float = np.inf) -> Mix:
        """The choice after steps that save so much or cost so much, whichever is reached first; the last in part."""
        order, rungs = self._order, self._rungs
        cost, gain = self._cost[order], self._saved[order]
        left = np.minimum(
            np.divide(saved - (np.cumsum(gain) - gain), gain, out=np.full(len(gain), np.inf), where=gain > 0),
            np.divide(spent - (np.cumsum(cost) - cost), cost, out=np.full(len(cost), np.inf), where=cost > 0),
        )
        share = np.clip(left, 0.0, 1.0)
        if saved <= 0:
            share = np.zeros_like(share)
        item, low, high = self._item[order], self._from[order], self._to[order]
        chosen = {}
        for name in ("level_qty", "fill_rate", "stock_value", "short_qty"):
            held = getattr(rungs, name)
            out = held[:, 0].copy()
            np.add.at(out, item, share * (held[item, high] - held[item, low]))
            chosen[name] = out
        rung = np.zeros(len(rungs.level_qty))
        np.add.at(rung, item, share * (high - low))
        next_return = np.zeros(len(rung))
        np.maximum.at(next_return, item, np.where(share < 1, self._return[order], 0.0))
        done = np.flatnonzero(share > 0)
        price = float(self._return[order][done[-1]]) if len(done) else 0.0
        return Mix(rung=rung, **chosen, return_rate=next_return, shadow_price=price, shortfall=0.0)


def lower_hull(value: np.ndarray, short: np.ndarray) -> np.ndarray:
    """Which points of each row lie on the lower convex hull of shortage over value, (n, K); the first always does.

    Args:
        value: rising along the second axis, (n, K).
        short: falling along it, (n, K).
    """
    on = np.zeros(value.shape, dtype=bool)
    on[:, 0] = True
    at = np.zeros(len(value), dtype=np.int64)
    rows, count = np.arange(len(value)), value.shape[1]
    for _ in range(count):
        cost = value - value[rows, at][:, None]
        saved = short[rows, at][:, None] - short
        ahead = (np.arange(count) > at[:, None]) & (saved > 1e-12 * np.maximum(short[:, :1], 1e-12)) & (cost >= 0)
        rate = np.where(ahead, np.divide(saved, cost, out=np.full(cost.shape, np.inf), where=cost > 0), -1.0)
        best = rate.max(axis=1)
        moves = best > 0
        if not moves.any():
            break
        # The farthest of equal returns, so that a straight piece is one step.
        last = count - 1 - np.argmax((rate >= best[:, None])[:, ::-1], axis=1)
        at = np.where(moves, last, at)
        on[rows[moves], at[moves]] = True
    return on


def level_for_fill(rungs: Ladder, fill_target: float) -> np.ndarray:
    """Fractional rung at which each item reaches a fill rate: between two rungs by straight lines, (n,)."""
    fill = rungs.fill_rate
    above = (fill >= fill_target).argmax(axis=1)
    above = np.where(fill[:, -1] < fill_target, fill.shape[1] - 1, above)
    below = np.maximum(above - 1, 0)
    rows = np.arange(len(fill))
    step = fill[rows, above] - fill[rows, below]
    share = np.clip(np.divide(fill_target - fill[rows, below], step, out=np.ones(len(fill)), where=step > 0), 0.0, 1.0)
    return np.where(above == 0, 0.0, below + share)


def at_rung(figure: np.ndarray, rung: np.ndarray) -> np.ndarray:
    """A figure of the ladder at fractional rungs, (n,)."""
    low = np.minimum(np.floor(rung).astype(np.int64), figure.shape[1] - 1)
    high = np.minimum(low + 1, figure.shape[1] - 1)
    rows, share = np.arange(len(figure)), rung - low
    return figure[rows, low] + share * (figure[rows, high] - figure[rows, low])
