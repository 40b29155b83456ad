"""Past cycles of public data, planned with what was known then by the product's own functions.

Each cycle segments, forecasts and plans the item-locations of a set from the demand known at its cut-off: a tournament
of the whole pool once a quarter, champions refitted in between, as a company's cycles do. Its policies are left open:
`Plan.policies` makes them for any parameters, so that many service targets cost one forecast.
"""

import datetime as dt
import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.real_panels import RealPanel
from stockstrata.forecasting.earlier import EarlierChampions
from stockstrata.forecasting.run import ForecastResult, forecast_segments
from stockstrata.panel import KEY, DemandPanel
from stockstrata.parameters import PlanningParameters
from stockstrata.policy import stock_policies
from stockstrata.segmentation.assignment import segment_item_locations

MONTH_DAYS = 365.25 / 12
LEAST_HISTORY = 8
"""Buckets since its first sale that a series must have at the first cut-off."""

_TEXTS = (
    "item_name", "category", "family", "uom", "successor_item_id", "abc_override_code", "supplier_id",
    "criticality_code", "price_breaks", "order_days",
)  # fmt: skip
_DATES = ("launch_date", "phase_out_date", "first_demand_date", "last_demand_date", "start_date")
_NUMBERS = (
    "unit_cost_amount", "unit_price_amount", "holding_cost_per_unit_year_amount", "moq_qty", "order_multiple_qty",
    "order_cost_amount", "supplier_min_order_amount", "shelf_life_days", "contract_lead_time_days",
    "contract_lead_time_sd_days", "location_holding_cost_rate", "abc_demand_qty", "abc_line_count",
    "abc_revenue_amount",
)  # fmt: skip


@dataclass(frozen=True)
class Span:
    """Which buckets of a set are replayed.

    Attributes:
        cycle_buckets: buckets from one cycle to the next.
        warm_up_buckets: replayed before the measuring, so that openings wear off.
        measured_buckets: measured.
        assumed_lead_buckets: lead time of a series of which none is known, buckets.
        longest_lead_buckets: series with longer ones are left out.
    """

    cycle_buckets: int
    warm_up_buckets: int
    measured_buckets: int
    assumed_lead_buckets: float
    longest_lead_buckets: float


@dataclass(frozen=True)
class Plan:
    """One cycle.

    Attributes:
        end: buckets known at its cut-off; the first one after it has this number.
        cut_off_date: first day that is not known.
        item_locations: as `int_item_locations__planned`.
        assignment: as `segmentation.segment_assignment`.
        lead_times: as `policy.lead_time`.
        lead_time_demand: as `forecast.lead_time_demand`.
    """

    end: int
    cut_off_date: dt.date
    item_locations: pd.DataFrame
    assignment: pd.DataFrame
    lead_times: pd.DataFrame
    lead_time_demand: pd.DataFrame


@dataclass(frozen=True)
class Past:
    """A set with its cycles, the oldest first.

    Attributes:
        panel: demand of the series that are planned, up to the end of the data.
        plans: the cycles.
        span: what was replayed.
        closing_stock_qty: stock that was there at the end of each bucket of the panel, as in `RealPanel`.
    """

    panel: DemandPanel
    plans: list[Plan]
    span: Span
    closing_stock_qty: np.ndarray | None = None

    @property
    def start(self) -> int:
        """First bucket after the first cut-off."""
        return self.plans[0].end

    @property
    def future_qty(self) -> np.ndarray:
        """Demand that came after the first cut-off, (n, T)."""
        return self.panel.demand_qty[:, self.start :]

    def policies(self, parameters: PlanningParameters) -> list[pd.DataFrame]:
        """`policy.stock_policy` of each cycle, all made in one call: what is planned knows nothing of other rows."""
        tables = [
            pd.concat(
                [_of_cycle(number, getattr(plan, name)) for number, plan in enumerate(self.plans)],
                ignore_index=True,
            )
            for name in ("item_locations", "assignment", "lead_times", "lead_time_demand")
        ]
        found = stock_policies(*tables, parameters=parameters, period_start_date=self.plans[0].cut_off_date)
        cycle = found["item_id"].str.partition(" ")
        found["item_id"] = cycle[2]
        return [found[cycle[0] == f"{number:03d}"].reset_index(drop=True) for number in range(len(self.plans))]


def past_cycles(real: RealPanel, span: Span, parameters: PlanningParameters, *, most_series: int) -> Past:
    """Plan the cycles of a set on a seeded sample of its series.

    Args:
        real: the set.
        span: what is replayed; it ends with the data.
        parameters: in force in all cycles.
        most_series: size of the sample.
    """
    total = real.panel.demand_qty.shape[1]
    first = total - span.warm_up_buckets - span.measured_buckets
    rows = _sample(real, first, span, most_series)
    panel, attributes = real.panel.select(rows), real.attributes.iloc[rows].reset_index(drop=True)
    lead_days = _lead_days(real, span)[rows]
    plans, earlier = [], None
    for end in range(first, total, span.cycle_buckets):
        known = DemandPanel(panel.keys, panel.bucket_start_dates[:end], panel.demand_qty[:, :end], panel.bucket_days)
        cut_off = panel.bucket_start_dates[end].date()
        planned = _item_locations(known, attributes, cut_off)
        assignment = segment_item_locations(known, planned, parameters=parameters, cut_off_date=cut_off)
        supply = panel.keys.assign(
            lead_time_days=lead_days,
            lead_time_sd_days=0.0,
            lead_time_source_code="contract",
            evidence_grade="full",
        )
        found = forecast_segments(
            known, assignment, supply, parameters=parameters, workers=os.cpu_count() or 1, champions=earlier,
            as_of=cut_off, item_locations=planned,
        )  # fmt: skip
        earlier = _champions(found, earlier)
        plans.append(Plan(end, cut_off, planned, assignment, supply, found.lead_time_demand))
    stock = real.closing_stock_qty
    return Past(panel, plans, span, None if stock is None else stock[rows])


def monthly_reviews(parameters: PlanningParameters) -> PlanningParameters:
    """The same parameters with a review a month in every segment: figures by the month are looked at by the month."""
    rows = tuple(row.model_copy(update={"review_period_days": MONTH_DAYS}) for row in parameters.segment_strategies)
    return parameters.model_copy(update={"segment_strategies": rows})


def _of_cycle(number: int, frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(item_id=f"{number:03d} " + frame["item_id"].astype(str))


def _lead_days(real: RealPanel, span: Span) -> np.ndarray:
    bucket = real.panel.mean_bucket_days
    return np.where(np.isfinite(real.lead_time_days), real.lead_time_days, span.assumed_lead_buckets * bucket)


def _sample(real: RealPanel, first: int, span: Span, most_series: int) -> np.ndarray:
    known = real.panel.demand_qty[:, :first]
    usable = (np.isfinite(known).sum(axis=1) >= LEAST_HISTORY) & (np.nansum(known, axis=1) > 0)
    usable &= _lead_days(real, span) <= (span.longest_lead_buckets + 0.01) * real.panel.mean_bucket_days
    rows = np.flatnonzero(usable)
    return np.sort(np.random.default_rng(1).permutation(rows)[:most_series])


def _item_locations(known: DemandPanel, attributes: pd.DataFrame, cut_off: dt.date) -> pd.DataFrame:
    """What a cycle knows of its item-locations: attributes, dates of demand, demand of the year before."""
    starts = known.bucket_start_dates
    sold = np.nan_to_num(known.demand_qty) > 0
    last = np.where(sold.any(axis=1), sold.shape[1] - 1 - sold[:, ::-1].argmax(axis=1), -1)
    first = np.where(sold.any(axis=1), sold.argmax(axis=1), -1)
    ends = np.append(starts[1:].to_numpy(), np.datetime64(cut_off)) - np.timedelta64(1, "D")
    year = known.demand_qty[:, -known.season_length :]
    out = attributes.assign(
        first_demand_date=np.where(first >= 0, starts.to_numpy()[first], np.datetime64("NaT")),
        last_demand_date=np.where(last >= 0, ends[last], np.datetime64("NaT")),
        abc_demand_qty=np.nansum(year, axis=1),
        abc_line_count=(np.nan_to_num(year) > 0).sum(axis=1),
    )
    return blank_item_locations(out)


def blank_item_locations(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of `int_item_locations__planned`: what is not given is unknown."""
    given = {name: None if name in _TEXTS else np.nan for name in (*_TEXTS, *_NUMBERS) if name not in rows}
    days = {name: pd.to_datetime(rows[name] if name in rows else pd.Series(pd.NaT, rows.index)) for name in _DATES}
    return rows.assign(**given, **days)


def _champions(found: ForecastResult, earlier: EarlierChampions | None) -> EarlierChampions:
    """What the next cycle knows of its champions: the newest rows of each series."""
    lags = found.backtest_lags
    if earlier is not None:
        again = pd.MultiIndex.from_frame(found.backtests[KEY])
        kept = ~pd.MultiIndex.from_frame(earlier.lags[KEY]).isin(again)
        lags = pd.concat([earlier.lags[kept], lags], ignore_index=True)
    return EarlierChampions(
        register=_newest(found.register, None if earlier is None else earlier.register),
        backtests=_newest(found.backtests, None if earlier is None else earlier.backtests),
        lags=lags,
        methods=found.interval_methods,
        sensing=found.sensing,
        launches=_newest(found.new_products, None if earlier is None else earlier.launches),
    )


def _newest(rows: pd.DataFrame, held: pd.DataFrame | None) -> pd.DataFrame:
    return rows if held is None else pd.concat([held, rows], ignore_index=True).drop_duplicates(KEY, keep="last")


def known_history(past: Past) -> Iterator[tuple[Plan, np.ndarray]]:
    """Each cycle with demand of the year before its cut-off, (n, up to a year)."""
    season = past.panel.season_length
    for plan in past.plans:
        yield plan, past.panel.demand_qty[:, max(plan.end - season, 0) : plan.end]
