"""The sample company: one call makes the extract that a company would bring and the truth behind it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from stockstrata.sample import master_extract, sales_extract, stock_extract
from stockstrata.sample.catalogue import plan_items, plan_series
from stockstrata.sample.erp_policy import erp_policy
from stockstrata.sample.holidays import calendar_frame, closed_days
from stockstrata.sample.order_lines import split_into_lines
from stockstrata.sample.partners import customer_frame, list_prices, location_frame
from stockstrata.sample.plan import Plan
from stockstrata.sample.planner_input import override_frame, override_truth, stream_frame
from stockstrata.sample.planted_errors import no_errors, plant_errors
from stockstrata.sample.promotions import plan_promotions, promotion_effects
from stockstrata.sample.replenishment import run_replenishment
from stockstrata.sample.sizes import SCALES, Scale, Size
from stockstrata.sample.suppliers import plan_suppliers
from stockstrata.sample.true_demand import draw_demand
from stockstrata.sample.truth import truth_tables

CURRENCY = "EUR"
_STREAMS = (
    "items", "series", "promotions", "suppliers", "customers", "prices", "demand", "lines", "policy", "stock", "sales",
    "master", "errors", "planner",
)  # fmt: skip


_SHARED = ("locations", "suppliers", "customers", "calendar", "lanes", "capacity")
"""Extract tables that all divisions share; the first one brings them."""


@dataclass(frozen=True)
class SampleCompany:
    """One made-up company, or one division of it.

    Attributes:
        extract: contract entity -> table with the contract's column names, as the company would bring it; entities
            without a row are left out.
        truth: `true_demand, item_locations, lead_times, events, forecast_overrides, planted_errors` and, for daily
            companies, `stock_ledger`; never read by the pipeline.
        grain: grain of the demand table.
        currency: ISO code of every amount.
    """

    extract: dict[str, pd.DataFrame]
    truth: dict[str, pd.DataFrame]
    grain: Literal["day", "week"]
    currency: str


def generate_company(size: Size, *, seed: int) -> SampleCompany:
    """Make a sample company; the same size and seed give the same tables, whatever the day.

    Args:
        size: `tiny` (24 items, 2 locations, 27 months), `demo` (300 items, 3 locations, 36 months) or `large`
            (30,000 item-locations, 130 weeks, weekly sums).
        seed: any whole number from 0.

    Returns:
        Extract and truth.

    Example:
        >>> generate_company("tiny", seed=1).grain
        'day'
    """
    parts = list(generate_divisions(SCALES[size], seed=seed))
    if len(parts) == 1:
        return parts[0]
    extract, truth = _put_together([part.extract for part in parts]), _put_together([part.truth for part in parts])
    return SampleCompany(extract, truth, parts[0].grain, CURRENCY)


def generate_divisions(scale: Scale, *, seed: int) -> Iterator[SampleCompany]:
    """Make a company division by division, so that no more than one stands in memory.

    A division depends on the seed, its place and its extent, not on the ones before it. What all share (locations,
    suppliers, customers, calendar, lanes, capacity) comes with the first.

    Args:
        scale: extent of the whole company, as in `SCALES` or with another number of items.
        seed: any whole number from 0.

    Yields:
        Extract and truth of one division after the other.
    """
    first = _streams(seed, 0)
    suppliers = plan_suppliers(scale, first["suppliers"])
    customers = customer_frame(scale, first["customers"])
    for part in scale.divisions():
        yield _division(part, suppliers, customers, _streams(seed, part.division))


def _streams(seed: int, division: int) -> dict[str, np.random.Generator]:
    root = np.random.SeedSequence([seed, division] if division else seed)
    return {name: np.random.default_rng(s) for name, s in zip(_STREAMS, root.spawn(len(_STREAMS)), strict=True)}


def _division(
    scale: Scale, suppliers: pd.DataFrame, customers: pd.DataFrame, rng: dict[str, np.random.Generator]
) -> SampleCompany:
    plan = _run_division(scale, suppliers, customers, rng)
    extract = _extract(plan, rng)
    truth = truth_tables(plan)
    truth["forecast_overrides"] = override_truth()
    truth["planted_errors"] = no_errors()
    if scale.error_copies:
        extract, truth["planted_errors"] = plant_errors(extract, copies=scale.error_copies, rng=rng["errors"])
    return SampleCompany(extract, truth, scale.grain, CURRENCY)


def _put_together(parts: list[dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    names = {name: None for part in parts for name in part}
    return {name: pd.concat([part[name] for part in parts if name in part], ignore_index=True) for name in names}


def _run_division(
    scale: Scale, suppliers: pd.DataFrame, customers: pd.DataFrame, rng: dict[str, np.random.Generator]
) -> Plan:
    items = plan_items(scale, rng["items"])
    series = plan_series(items, scale, rng["series"])
    promotions = plan_promotions(items, scale, rng["promotions"])
    calendar = calendar_frame(int(str(scale.first_date)[:4]), int(str(scale.last_date)[:4]) + 1)
    effects, running = promotion_effects(promotions, scale)
    demand = draw_demand(items, series, effects, scale, rng["demand"])
    policy = erp_policy(demand, items=items, series=series, suppliers=suppliers, scale=scale, rng=rng["policy"])
    lines, asked, first_line = None, demand.qty, np.zeros_like(demand.qty)
    if scale.step_days == 1:
        is_closed = closed_days(calendar, scale.days)
        lines = split_into_lines(
            demand.qty, items=items, series=series, is_closed=is_closed, scale=scale, rng=rng["lines"]
        )
        asked, first_line = lines.per_day(scale), lines.first_of_day(scale)
    history = run_replenishment(
        asked, first_line, policy=policy, items=items, series=series, suppliers=suppliers, scale=scale, rng=rng["stock"]
    )
    price_dates, prices = list_prices(items, scale, rng["prices"])
    locations = location_frame(scale)
    return Plan(
        scale, items, series, locations, suppliers, customers, promotions, running, calendar, prices, price_dates,
        demand, lines, policy, history,
    )  # fmt: skip


def _extract(plan: Plan, rng: dict[str, np.random.Generator]) -> dict[str, pd.DataFrame]:
    if plan.lines is None:
        demand, allocated = sales_extract.weekly_sales_frame(plan), None
    else:
        demand, allocated = sales_extract.order_line_frame(plan, plan.lines, rng["sales"])
    tables = {
        "items": master_extract.item_frame(plan, rng["master"]),
        "demand": demand,
        "locations": plan.locations,
        "stock": stock_extract.stock_frame(plan, allocated),
        "purchase_orders": stock_extract.purchase_order_frame(plan),
        "suppliers": master_extract.supplier_frame(plan),
        "item_suppliers": master_extract.item_supplier_frame(plan),
        "customers": plan.customers,
        "promotions": master_extract.promotion_frame(plan),
        "calendar": plan.calendar,
        "prices": master_extract.price_frame(plan),
        "lanes": master_extract.lane_frame(plan),
        "bom": master_extract.bom_frame(plan),
        "capacity": master_extract.capacity_frame(plan),
        "stock_movements": stock_extract.movement_frame(plan),
        "erp_parameters": master_extract.erp_frame(plan),
        "forecast_overrides": override_frame(plan),
        "forecast_streams": stream_frame(plan, rng["planner"]),
    }
    left_out = _SHARED if plan.scale.division else ()
    return {entity: table for entity, table in tables.items() if len(table) and entity not in left_out}
