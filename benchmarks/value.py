"""Benchmarks `value` and `promise`: planned policies replayed on real demand, beside what many companies do.

The last year or two of each set is held out and planned cycle by cycle with what was known then (`past_cycles`); every
policy's orders meet the demand that came and the lead times of the set. The product plans in two ways: by the service
targets of its segments, as shipped, and by money, with one cost of a unit short for all items (`economic` targets).
Beside it, on the same item-locations, demand, lead times, minima and openings:

(a) one rule for all: order up to `m (L + R) + z s sqrt(L)` once a month, m and s of the last twelve months' demand;
(b) the same with a z for each ABC class.

The targets of each way are raised and lowered together, which gives its exchange curve. Ways are compared at the fill
rate and at the stock value of the shipped targets. `promise` sets the service of each segment beside its target.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats

from benchmarks.exchange_curves import STOCK, TOTAL, Curve, curve, draw
from benchmarks.past_cycles import Past, Plan, Span, known_history, monthly_reviews, past_cycles
from benchmarks.real_panels import real_panel
from benchmarks.report import Report
from benchmarks.workbench import Workbench
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.settings import PROJECT_ROOT
from stockstrata.parameters import PlanningParameters
from stockstrata.simulation.baselines import class_policies, uniform_policies
from stockstrata.simulation.plan_replay import PlanReplay, replay_plans
from stockstrata.simulation.planned import PlannedCycle, ReplayCase, planned_cycle, replay_case
from stockstrata.simulation.policies import Policies

PICTURE = PROJECT_ROOT / "benchmarks" / "output" / "value.png"
SERIES = 300
"""Series of a set, unless `--series` asks for another number."""

_MONTH_WEEKS = 4
SPANS = {
    "mfg_man": Span(4, 20, 52, 4, 16),
    "online_retail": Span(4, 8, 52, 4, 16),
    "raf_spares": Span(1, 12, 24, 2, 12),
    "contraceptive": Span(1, 3, 12, 2, 12),
}
_UNITS = {"mfg_man": "EUR", "online_retail": "GBP", "raf_spares": "GBP", "contraceptive": "units"}
_ASSUMED = {
    "mfg_man": "costs, minima and lead times are the set's; weekly, cycles of 4 weeks",
    "online_retail": "unit cost 0.6 of the price, orders free, lead time 4 weeks: assumed; weekly, cycles of 4 weeks",
    "raf_spares": "unit cost and lead time (up to 12 months) are the set's, orders free: assumed; monthly reviews and "
    "cycles",
    "contraceptive": "unit cost 1, orders free, lead time 2 months: assumed; monthly reviews and cycles",
}
# No set but mfg_man tells what an order costs; the rules of thumb order as if it cost nothing.
_ORDERS_COST = ("mfg_man",)
OURS, MONEY, UNIFORM, CLASSES = "shipped targets", "by money", "(a) uniform", "(b) ABC classes"
_SHIFTS = (-1.2, -0.8, -0.4, 0.0, 0.4, 0.8)
_SHORTAGE_COSTS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Cost of a unit short, in median unit costs of the set."""

_BASE_SHORTAGE_COST = 0.3
_FACTORS = (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
_BASE_FACTOR = 2.0
_CLASS_SERVICE = {"A": 0.98, "B": 0.95, "C": 0.90}
_CLASS_SHIFTS = (-3.0, -2.5, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0)


@dataclass(frozen=True)
class PlannedSet:
    """A set with its cycles, the terms of the replay, and the parameters that they were planned with."""

    name: str
    past: Past
    case: ReplayCase
    parameters: PlanningParameters


@cache
def planned_set(name: str, real_data: Path, scratch: Path, most_series: int) -> PlannedSet:
    """The cycles of a set; kept, because they are what takes the time.

    Args:
        name: folder below `sources`.
        real_data: folder of the public sets.
        scratch: for what is unpacked.
        most_series: size of the sample.
    """
    real = real_panel(name, real_data, scratch)
    parameters = ParameterStore().in_force(dt.date(2025, 1, 1))
    if real.panel.bucket_days == "MS":
        parameters = monthly_reviews(parameters)
    if name not in _ORDERS_COST:
        parameters = with_cost_rates(parameters, order_cost_amount=0.0)
    past = past_cycles(real, SPANS[name], parameters, most_series=most_series)
    frames = past.policies(parameters)
    case = replay_case(
        past.panel.keys,
        past.future_qty,
        frames,
        past.plans[-1].item_locations,
        period_days=past.panel.mean_bucket_days,
    )
    return PlannedSet(name, past, case, parameters)


def measure_value(bench: Workbench) -> Report:
    """Stock value and units short on every set, against both rules of thumb, with the picture of all curves."""
    report = Report("value", "replay of monthly cycles on real demand; ways compared at equal service and equal stock")
    curves = {}
    for name in SPANS:
        held = planned_set(name, bench.real_data, bench.folder / "unpacked", bench.most_series or SERIES)
        curves[name] = exchange(held)
        _add_set(report, held, curves[name])
        if held.past.closing_stock_qty is not None:
            _add_books(report, held)
    draw(curves, _UNITS, PICTURE)
    report.add(
        "picture", str(PICTURE.relative_to(PROJECT_ROOT)), "", "dots: shipped targets; z = 2; A, B, C 98, 95, 90 %"
    )
    return report


def beside_books(held: PlannedSet, replay: PlanReplay) -> tuple[float, float, float, float]:
    """Share of months that end with stock and mean closing stock: ours, and as the stock books tell; units.

    Only measured months of item-locations with a book count.
    """
    if held.past.closing_stock_qty is None:
        raise ValueError(f"{held.name} has no stock books")
    first = held.past.start + held.past.span.warm_up_buckets
    books = held.past.closing_stock_qty[:, first:]
    ours = replay.replay.on_hand_qty[:, 1 + held.past.span.warm_up_buckets :]
    has_book = np.isfinite(books)
    ours, books = ours[has_book], books[has_book]
    return float((ours > 0).mean()), float(ours.mean()), float((books > 0).mean()), float(books.mean())


def exchange(held: PlannedSet) -> dict[str, Curve]:
    """The product's curves and those of the rules of thumb."""
    rules = _Rules(held)
    ways: dict[str, tuple[Callable[[float], PlanReplay], Sequence[float], float]] = {
        OURS: (lambda shift: product_replay(held, shifted_targets(held.parameters, shift)), _SHIFTS, 0.0),
        MONEY: (lambda cost: product_replay(held, by_money(held, cost)), _SHORTAGE_COSTS, _BASE_SHORTAGE_COST),
        UNIFORM: (rules.uniform, _FACTORS, _BASE_FACTOR),
        CLASSES: (rules.by_class, _CLASS_SHIFTS, 0.0),
    }
    return {way: curve(held.case, replay, targets, base) for way, (replay, targets, base) in ways.items()}


def product_cycles(held: PlannedSet, frames: list[pd.DataFrame]) -> list[PlannedCycle]:
    """Frames of `policy.stock_policy` as cycles of the replay."""
    past = held.past
    return [
        planned_cycle(
            frame, past.panel.keys, first_period=plan.end - past.start, period_days=past.panel.mean_bucket_days
        )
        for plan, frame in zip(past.plans, frames, strict=True)
    ]


def product_replay(held: PlannedSet, parameters: PlanningParameters) -> PlanReplay:
    """The product's policies under some parameters."""
    cycles = product_cycles(held, held.past.policies(parameters))
    return replay_plans(held.case, cycles, first_measured_period=held.past.span.warm_up_buckets)


def with_cost_rates(parameters: PlanningParameters, **rates: float) -> PlanningParameters:
    """The same parameters with other figures in every row of the cost rates."""
    rows = tuple(row.model_copy(update=rates) for row in parameters.cost_rates)
    return parameters.model_copy(update={"cost_rates": rows})


def by_money(held: PlannedSet, shortage_cost: float) -> PlanningParameters:
    """Economic targets for all, at one cost of a unit short, in median unit costs of the set."""
    told = {"service_measure": "economic", "service_target": None}
    rows = tuple(row.model_copy(update=told) for row in held.parameters.service_targets)
    amount = shortage_cost * float(np.nanmedian(held.case.unit_cost_amount))
    economic = held.parameters.model_copy(update={"service_targets": rows})
    return with_cost_rates(economic, shortage_cost_per_unit=amount)


def shifted_targets(parameters: PlanningParameters, shift: float) -> PlanningParameters:
    """Targets at `Phi(Phi^-1(target) + shift)`.

    Example: 0.5 lifts 0.95 to 0.984 and 0.90 to 0.963.
    """
    rows = tuple(
        row.model_copy(update={"service_target": _shifted(row.service_target, shift)})
        for row in parameters.service_targets
        if row.service_target is not None
    )
    return parameters.model_copy(update={"service_targets": rows})


def _shifted(target: float, shift: float) -> float:
    return float(np.clip(scipy.stats.norm.cdf(scipy.stats.norm.ppf(target) + shift), 1e-4, 1 - 1e-12))


class _Rules:
    """The rules of thumb on the cycles of a set, with its segments and openings of their own."""

    def __init__(self, held: PlannedSet) -> None:
        self._held = held
        self._cycles = product_cycles(held, held.past.policies(held.parameters))
        self._review = _MONTH_WEEKS if held.past.panel.bucket_days != "MS" else 1

    def uniform(self, z: float) -> PlanReplay:
        return self._replayed(lambda history, _: uniform_policies(history, z=z, **self._terms()))

    def by_class(self, shift: float) -> PlanReplay:
        service = {code: _shifted(target, shift) for code, target in _CLASS_SERVICE.items()}
        return self._replayed(
            lambda history, plan: class_policies(
                history,
                class_code=plan.assignment["abc_code"].to_numpy(dtype=object),
                service_by_class=service,
                **self._terms(),
            )
        )

    def _terms(self) -> dict[str, Any]:
        case = self._held.case
        return {
            "lead_time_periods": case.lead_time_periods[:, 0].astype(float),
            "review_periods": self._review,
            "is_whole": case.is_whole,
        }

    def _replayed(self, rule: Callable[[np.ndarray, Plan], Policies]) -> PlanReplay:
        cycles = []
        for cycle, (plan, history) in zip(self._cycles, known_history(self._held.past), strict=True):
            mean = np.nanmean(history, axis=1)
            cycles.append(replace(cycle.with_policies(rule(history, plan)), period_demand_qty=mean))
        return replay_plans(self._held.case, cycles, first_measured_period=self._held.past.span.warm_up_buckets)


def _add_set(report: Report, held: PlannedSet, ways: Mapping[str, Curve]) -> None:
    name, unit = held.name, _UNITS[held.name]
    years = held.past.span.measured_buckets / held.past.panel.season_length
    report.add(
        f"{name}: item-locations",
        len(held.case.keys),
        "",
        f"{len(held.past.plans)} cycles, {years * 12:.0f} months measured; {_ASSUMED[name]}",
    )
    ours = ways[OURS].point()
    fill, stock = float(ours["fill_rate"]), float(ours[STOCK])
    for way, told in ((OURS, "as shipped"), (UNIFORM, "z = 2"), (CLASSES, "A, B, C at 98, 95, 90 %")):
        _add_point(report, f"{name}: {way}", ways[way].point(), unit, years, told)
    for way in (OURS, MONEY):
        our_stock, our_short = _beside(ways[way], fill, stock)
        for rule in (UNIFORM, CLASSES):
            its_stock, its_short = _beside(ways[rule], fill, stock)
            report.add_ratio(
                f"{name}: {way} over {rule}, stock at equal fill rate",
                our_stock,
                its_stock,
                f"{our_stock:,.0f} and {its_stock:,.0f} {unit} at {fill:.1%}",
            )
            report.add_ratio(
                f"{name}: {way} over {rule}, units short at equal stock",
                our_short,
                its_short,
                f"{our_short:,.0f} and {its_short:,.0f} units at {stock:,.0f} {unit}",
            )
        worse = _worse_segments(ways[way], ways[CLASSES])
        report.add(f"{name}: segments, {way} worse than (b)", len(worse), "", ", ".join(worse))


def _beside(way: Curve, fill: float, stock: float, segment: str = TOTAL) -> tuple[float, float]:
    """Stock value at a fill rate and units short at a stock value."""
    return way.stock_at_fill(fill, segment), way.short_at_stock(stock, segment)


def _add_books(report: Report, held: PlannedSet) -> None:
    """Stock and empty shelves beside what really happened; demand is what the books gave out."""
    found = [beside_books(held, product_replay(held, shifted_targets(held.parameters, shift))) for shift in _SHIFTS]
    ready, stock, real_ready, real_stock = (np.array(column) for column in zip(*found, strict=True))
    base = _SHIFTS.index(0.0)
    name = held.name
    report.add(
        f"{name}: what really happened",
        float(real_stock[0]),
        "units",
        f"mean closing stock of an item-location; {real_ready[0]:.1%} of months ended with stock",
    )
    report.add(f"{name}: {OURS} beside it", float(stock[base]), "units", f"{ready[base]:.1%} ended with stock")
    equal_stock = float(np.interp(real_ready[0], ready, stock, left=np.nan, right=np.nan))
    equal_ready = float(np.interp(real_stock[0], stock, ready, left=np.nan, right=np.nan))
    report.add_ratio(
        f"{name}: ours over real stock, as often in stock", equal_stock, real_stock[0], f"{equal_stock:,.1f} units"
    )
    report.add_ratio(
        f"{name}: ours over real months without stock, at equal stock",
        1 - equal_ready,
        1 - real_ready[0],
        f"{1 - equal_ready:.1%} and {1 - real_ready[0]:.1%}",
    )


def _worse_segments(ours: Curve, other: Curve) -> list[str]:
    """Segments in which the other way serves more with the stock that we hold there, at our base."""
    worse = []
    for code in sorted((set(ours.figures) & set(other.figures)) - {TOTAL}):
        point = ours.point(code)
        stock, short = _beside(other, float(point["fill_rate"]), float(point[STOCK]), code)
        if short < point["short_qty"] or stock < point[STOCK]:
            ratio = point["short_qty"] / short if short > 0 else np.nan
            worse.append(
                f"{code} ({point['item_location_count']:.0f}: stock {point[STOCK] / stock:.2f}, short {ratio:.2f})"
            )
    return worse


def _add_point(report: Report, name: str, point: pd.Series, unit: str, years: float, told: str) -> None:
    report.add(
        name,
        float(point[STOCK]),
        unit,
        f"{told}: fill rate {point['fill_rate']:.2%}, {point['short_qty']:,.0f} units short, "
        f"{point['order_count'] / years:,.0f} orders a year",
        parts={key: float(point[key]) for key in ("fill_rate", "short_qty", STOCK, "order_count")},
    )
