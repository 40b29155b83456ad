"""Benchmark `lost_sales`: ordering rules in a year of weekly competition where unmet demand is lost.

Each week: what is due arrives, demand is met as far as stock goes and lost beyond, stock left costs holding, each unit
lost costs its shortage; then every rule orders, and the order arrives when two more whole weeks have passed. All rules
see the same demand, past and present, and none the future; only the last one knows the true expected demand.

- ours: the order from projected stock (`stockstrata.lost_sales`).
- position: order up to the critical ratio of demand over the three weeks, by the inventory position, as if unmet demand
  waited. Same forecast.
- average: mean plus z deviations over the three weeks from a seasonal moving average, by the inventory position.
- constant base stock: the best constant number of weeks of true expected demand, and the best constant level, found by
  search on the very same paths: no rule of this kind can do better there.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.report import Report
from benchmarks.workbench import Workbench
from stockstrata.distributions import quantile
from stockstrata.lost_sales import OrderTerms, lost_sale_orders
from stockstrata.stock_paths import ProjectionCase

_ITEMS, _YEARS, _WEEKS = 300, 3, 52
_SEASON, _LEAD, _WARM_UP = 52, 2, 8
_HOLDING, _SHORTAGE = 0.2, 1.0
_RATIO = _SHORTAGE / (_SHORTAGE + _HOLDING)
_PATHS = 500
_GRID = np.round(np.arange(1.0, 5.01, 0.1), 1)

Rule = Callable[[int, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class _Market:
    """True expected demand and what was asked for, units, (items, weeks); variance over mean, (items,)."""

    expected: np.ndarray
    demand: np.ndarray
    dispersion: np.ndarray


def measure_lost_sales(_: Workbench) -> Report:
    """Total cost of each rule on the same demand, and its ratio to ours."""
    market = _market(seed=20250101)
    report = Report("lost_sales", f"{_ITEMS} items, {_WEEKS} weeks, lead time {_LEAD} weeks, lost sales")
    ours = _play(market, _ours(market))
    knowing = _play(market, _ours(market, knows=True))
    levels = np.array([_play(market, _constant_level(_grid_level(market, weeks))) for weeks in _GRID])
    seasonal = np.array([_play(market, _weeks_of_truth(market, weeks)) for weeks in _GRID])
    costs = {
        "ours": ours,
        "(a) position at the critical ratio": _play(market, _position(market)),
        "(b) average plus z deviations": _play(market, _average(market)),
        "(c) best constant base stock": levels.min(axis=0),
        "(c) best constant weeks of true demand": seasonal.min(axis=0),
        "ours, true expected demand known": knowing,
    }
    for name, cost in costs.items():
        report.add(name, float(cost.sum()), "currency", "holding and lost sales, after the first weeks")
    for name, cost in list(costs.items())[1:]:
        report.add_ratio(f"ours over {name}", float(ours.sum()), float(cost.sum()), "below 1: ours costs less")
    kinds = {"slow": market.expected.mean(axis=1) < 1.5}
    kinds["fast"] = ~kinds["slow"]
    for kind, rows in kinds.items():
        for name in list(costs)[1:4]:
            report.add_ratio(f"{kind}: ours over {name}", float(ours[rows].sum()), float(costs[name][rows].sum()))
    return report


def _market(seed: int) -> _Market:
    """Intermittent to smooth items, a third of them with a strong season, each with its own spread."""
    rng = np.random.default_rng(seed)
    weeks = np.arange(_YEARS * _SEASON + _WEEKS)
    mean = np.exp(rng.uniform(np.log(0.2), np.log(40), _ITEMS))
    swing = np.where(rng.random(_ITEMS) < 1 / 3, rng.uniform(0.4, 0.9, _ITEMS), 0.1)
    phase = rng.uniform(0, 2 * np.pi, _ITEMS)
    season = 1 + swing[:, None] * np.sin(2 * np.pi * weeks[None, :] / _SEASON + phase[:, None])
    drift = np.exp(np.cumsum(rng.normal(0, 0.01, (_ITEMS, len(weeks))), axis=1))
    dispersion = 1 + rng.gamma(1.0, 1.5, _ITEMS)
    expected = mean[:, None] * season * drift
    scale = (dispersion - 1)[:, None]
    return _Market(expected, rng.poisson(rng.gamma(expected / scale, scale)).astype(float), dispersion)


def _play(market: _Market, rule: Rule) -> np.ndarray:
    """Cost of each item over the weeks after the warm-up, currency, (items,)."""
    start = _YEARS * _SEASON
    stock = np.ceil(market.demand[:, start - _SEASON : start].mean(axis=1) * (_LEAD + 1))
    coming = np.zeros((_ITEMS, _LEAD))
    cost = np.zeros(_ITEMS)
    for week in range(start, start + _WEEKS):
        asked = market.demand[:, week]
        left, lost = np.maximum(stock - asked, 0.0), np.maximum(asked - stock, 0.0)
        if week >= start + _WARM_UP:
            cost += _HOLDING * left + _SHORTAGE * lost
        order = rule(week + 1, left, coming)
        stock = left + coming[:, 0]
        coming = np.column_stack([coming[:, 1:], order])
    return cost


def _forecast(history: np.ndarray, weeks: int) -> np.ndarray:
    """Level of the last quarter, deseasonalised, times the season of the same weeks, (items, weeks)."""
    seasons = history[:, -(history.shape[1] // _SEASON) * _SEASON :].reshape(len(history), -1, _SEASON)
    kernel = np.ones(9) / 9
    profile = seasons.mean(axis=1) + 1e-9
    padded = np.concatenate([profile[:, -4:], profile, profile[:, :4]], axis=1)
    smooth = np.apply_along_axis(np.convolve, 1, padded, kernel, mode="valid")
    # Slow items say little of their season: it counts as far as their demand carries it.
    weight = np.minimum(history[:, -_SEASON:].mean(axis=1) / 4, 1.0)[:, None]
    index = 1 + weight * (smooth / smooth.mean(axis=1, keepdims=True) - 1)
    recent = np.roll(index, 13, axis=1)[:, :13]
    level = history[:, -13:].mean(axis=1) / np.maximum(recent.mean(axis=1), 0.1)
    return np.maximum(level[:, None] * index[:, :weeks], 1e-3)


def _dispersion(history: np.ndarray) -> np.ndarray:
    """Variance over mean of a week about its quarter's mean, at least 1, (items,)."""
    quarters = history[:, -104:].reshape(len(history), 8, 13)
    return np.maximum(quarters.var(axis=2, ddof=1).mean(axis=1) / np.maximum(history[:, -104:].mean(axis=1), 0.01), 1.0)


def _ours(market: _Market, *, knows: bool = False) -> Rule:
    def order(week: int, left: np.ndarray, coming: np.ndarray) -> np.ndarray:
        known = market.demand[:, :week]
        mean, spread = _forecast(known, 3), _dispersion(known)
        total = mean.sum(axis=1)
        # The level rests on a quarter: an interval's error is that much wider than the noise of its weeks.
        variance = spread * total * (1 + 3 / 13)
        if knows:
            mean = market.expected[:, np.minimum(np.arange(week, week + 3), market.expected.shape[1] - 1)]
            total, spread = mean.sum(axis=1), market.dispersion
            variance = spread * total
        case = ProjectionCase(
            seed_key=np.array([f"item {row}" for row in range(_ITEMS)], dtype=object),
            on_hand_qty=left,
            arrival=np.full(_ITEMS, float(_LEAD)),
            end=np.full(_ITEMS, _LEAD + 1.0),
            bucket_mean_qty=mean,
            bucket_sd_qty=np.sqrt(spread[:, None] * mean),
            interval_sd_qty=np.sqrt(variance),
            is_whole=np.full(_ITEMS, True),
            due=np.tile([0.0, 1.0], (_ITEMS, 1)),
            due_qty=coming,
        )
        same = {name: np.full(_ITEMS, value) for name, value in _TERMS.items()}
        terms = OrderTerms(**same, weekly_demand_qty=total / 3)
        return lost_sale_orders(case, terms, bucket_weeks=1.0, path_count=_PATHS, seed=1).order_qty

    return order


_TERMS = {
    "holding_cost": _HOLDING,
    "shortage_cost": _SHORTAGE,
    "no_stock_out_rate": _RATIO,
    "cover_weeks": 1.0,
    "lot_qty": 0.0,
    "minimum": 0.0,
    "multiple": 0.0,
    "inflation": 1.0,
}


def _up_to(level: np.ndarray, left: np.ndarray, coming: np.ndarray) -> np.ndarray:
    return np.maximum(np.round(level) - left - coming.sum(axis=1), 0.0)


def _position(market: _Market) -> Rule:
    def order(week: int, left: np.ndarray, coming: np.ndarray) -> np.ndarray:
        known = market.demand[:, :week]
        total = _forecast(known, 3).sum(axis=1)
        sd = np.sqrt(_dispersion(known) * total * (1 + 3 / 13))
        return _up_to(quantile("negative_binomial", _RATIO, total, sd), left, coming)

    return order


def _average(market: _Market) -> Rule:
    def order(week: int, left: np.ndarray, coming: np.ndarray) -> np.ndarray:
        known = market.demand[:, :week]
        a_year_ago = known[:, week - _SEASON : week - _SEASON + 3].sum(axis=1)
        growth = known[:, -13:].sum(axis=1) / np.maximum(known[:, -13 - _SEASON : -_SEASON].sum(axis=1), 1.0)
        mean = (a_year_ago * growth + 3 * known[:, -8:].mean(axis=1)) / 2
        sd = known[:, -26:].std(axis=1, ddof=1) * np.sqrt(3)
        return _up_to(np.ceil(quantile("normal", _RATIO, mean, sd)), left, coming)

    return order


def _grid_level(market: _Market, weeks: float) -> np.ndarray:
    start = _YEARS * _SEASON
    return weeks * market.expected[:, start : start + _WEEKS].mean(axis=1)


def _constant_level(level: np.ndarray) -> Rule:
    return lambda _, left, coming: _up_to(level, left, coming)


def _weeks_of_truth(market: _Market, weeks: float) -> Rule:
    def order(week: int, left: np.ndarray, coming: np.ndarray) -> np.ndarray:
        ahead = market.expected[:, np.minimum(np.arange(week, week + 3), market.expected.shape[1] - 1)]
        return _up_to(weeks * ahead.mean(axis=1), left, coming)

    return order
