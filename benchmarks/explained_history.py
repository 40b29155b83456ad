"""Benchmark `explained_history`: what hindsight is worth in a back-test, and which history forecasts should learn from.

`contraceptive` tells its closing stock of every month, and a third of these are empty. First part: the median of three
cheap models forecasts the demand of a quarter at every month of the newest year, from the history as it would have been
explained on that day, as it is explained at the end (hindsight), and as it was told when each bucket closed (what
back-tests learn). Second part: whole plans, as `accuracy` makes them, from history with lost sales, without them, and
as chosen by segment. Everything is judged on spans that were in stock throughout.
"""

import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from benchmarks import calibration
from benchmarks.accuracy import Origin, origins_of, segments_of, supply_of
from benchmarks.real_panels import RealPanel, real_panel
from benchmarks.report import Report
from benchmarks.workbench import Workbench
from orchestration.resources.parameters import ParameterStore
from stockstrata.forecasting.fixed_origins import OriginTask, origin_paths
from stockstrata.forecasting.members import ENSEMBLE
from stockstrata.forecasting.metrics import pinball_loss
from stockstrata.forecasting.run import forecast_segments
from stockstrata.forecasting.signal_choice import CANDIDATES, MODELS, chosen_signals, signal_choices
from stockstrata.history.explain import HistoryFacts, explain_history
from stockstrata.history.projects import ORDER_COLUMNS
from stockstrata.history.reasons import signals_of
from stockstrata.history.signal import LearntHistory, learnt_history, signal_table
from stockstrata.panel import KEY, DemandPanel
from stockstrata.parameters import PlanningParameters

_SET = "contraceptive"
_QUARTER, _YEAR = 3, 12
_NO_RETURNS = pd.DataFrame({name: [] for name in (*KEY, "bucket_start_date", "return_reason", "returned_qty")})
_NO_PROMOTIONS = pd.DataFrame(
    {
        name: pd.Series([], dtype="datetime64[ns]" if name.endswith("date") else object)
        for name in (*KEY, "promotion_id", "start_date", "end_date", "expected_uplift_rate")
    }
)
# Stock at both ends of a month tells of the month between, as `assets/history_reads.py` reads a ledger.
_AVAILABILITY = """
    with closings as (
        select
            product_code as item_id, site_code as location_id, make_date(year, month, 1) as month,
            stock_end > 0 as is_there
        from read_parquet($file) where year is not null and month is not null
    ),
    spans as (
        select *, lag(month) over by_month as month_before, lag(is_there) over by_month as is_there_before
        from closings window by_month as (partition by item_id, location_id order by month)
    ),
    short as (
        select *, case when month - month_before <= 32 then is_there_before else is_there end as was_there from spans
    )
    select
        item_id, location_id, month as bucket_start_date, (is_there::int + was_there::int) / 2.0 as in_stock_rate,
        was_there and not is_there as is_dry, (was_there and not is_there)::int as run_out_count, 'stock' as source_code
    from short where not (is_there and was_there) order by all
"""


@dataclass(frozen=True)
class _Explained:
    """A data set with what is known of its stock."""

    real: RealPanel
    availability: pd.DataFrame
    parameters: PlanningParameters

    def histories(self, panel: DemandPanel) -> dict[str, LearntHistory]:
        """With lost sales and without, as explained at the end of a panel."""
        known = self.availability[self.availability["bucket_start_date"] <= panel.bucket_start_dates[-1]]
        facts = HistoryFacts(
            panel=panel,
            families=pd.Series([""] * len(panel.keys)),
            returns=_NO_RETURNS,
            availability=known,
            promotions=_NO_PROMOTIONS,
            orders_of=lambda asked: asked.iloc[:0].reindex(columns=list(ORDER_COLUMNS)),
        )
        found = explain_history(facts, settings=self.parameters.settings).adjustments
        everyone = pd.Series("*", index=panel.keys.index)
        return {
            name: learnt_history(
                panel,
                found,
                signal_table(panel, found, everyone, parameters=self.parameters, chosen={"*": name}),
            )
            for name in CANDIDATES
        }


def measure_explained_history(bench: Workbench) -> Report:
    """Hindsight, and histories with and without lost sales."""
    report = Report("explained_history", f"{_SET}; spans in stock throughout")
    real = real_panel(_SET, bench.real_data, bench.folder / "unpacked", most_series=bench.most_series)
    held = _Explained(
        real,
        _availability(bench.real_data / _SET / "logistics.parquet"),
        ParameterStore().in_force(dt.date(2025, 1, 1)),
    )
    _measure_hindsight(report, held)
    _measure_signals(report, held)
    return report


def _availability(file: Path) -> pd.DataFrame:
    with duckdb.connect() as connection:
        found = connection.execute(_AVAILABILITY, {"file": str(file)}).df()
    return found.assign(bucket_start_date=pd.to_datetime(found["bucket_start_date"]).astype("datetime64[ns]"))


def _measure_hindsight(report: Report, held: _Explained) -> None:
    panel = held.real.panel
    final = held.histories(panel)["unconstrained"]
    total = panel.demand_qty.shape[1]
    sums: dict[str, np.ndarray] = {}
    for end in range(total - _QUARTER - _YEAR + 1, total - _QUARTER + 1):
        known = DemandPanel(panel.keys, panel.bucket_start_dates[:end], panel.demand_qty[:, :end], panel.bucket_days)
        demand = final.judged_qty[:, end : end + _QUARTER].sum(axis=1)
        told = {
            "as explained on the day": held.histories(known)["unconstrained"].panel.demand_qty,
            "with hindsight": final.panel.demand_qty[:, :end],
            "as told when each bucket closed": final.origin_qty[:, :end],
        }
        found = {name: _quarter_ahead(history, panel.season_length) for name, history in told.items()}
        usable = np.isfinite(np.stack([demand, *found.values()])).all(axis=0)
        for name, forecast in found.items():
            error = np.abs(forecast - demand)[usable].sum()
            sums[name] = sums.get(name, np.zeros(3)) + np.array([error, demand[usable].sum(), usable.sum()])
    for name, (error, demand, count) in sums.items():
        report.add(
            f"back-test {name}", error / demand, "WAPE", f"{error / demand:.4f}, {count:,.0f} spans of a quarter"
        )


def _quarter_ahead(demand_qty: np.ndarray, season_length: int) -> np.ndarray:
    history = 3 * season_length
    task = OriginTask(MODELS, (ENSEMBLE,), demand_qty, (0,), _QUARTER, season_length, history)
    return origin_paths(task)[:, 0, 0].sum(axis=1)


def _measure_signals(report: Report, held: _Explained) -> None:
    final = held.histories(held.real.panel)["unconstrained"].judged_qty
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in (*CANDIDATES, "chosen by segment")}
    earlier = None
    for origin in origins_of(held.real, held.parameters):
        segment = segments_of(origin)
        histories = held.histories(origin.panel)
        earlier = signal_choices(histories, segment, signals_of(segment.tolist(), held.parameters), earlier=earlier)
        chosen = chosen_signals(earlier)[0]
        told = histories | {"chosen by segment": _mixed(histories, np.array([chosen[code] for code in segment]))}
        is_judged = _in_stock(held.real.panel, final, origin) & (origin.scale_qty > 0)
        for name, history in told.items():
            table = _planned(origin, segment, held.parameters, history)
            told_of = table.assign(actual=origin.actual_qty, scale=origin.scale_qty)
            parts[name].append(told_of[is_judged])
    for name, tables in parts.items():
        _add_plan(report, name, pd.concat(tables))
    chosen = {} if earlier is None else chosen_signals(earlier)[0]
    told = ", ".join(f"{code} {name}" for code, name in chosen.items())
    report.add("segments judged at the newest origin", len(chosen), "segments", told)


def _mixed(histories: Mapping[str, LearntHistory], chosen: np.ndarray) -> LearntHistory:
    first, other = (histories[name] for name in CANDIDATES)
    takes = (chosen == CANDIDATES[0])[:, None]
    arrays = {
        name: np.where(takes, getattr(first, name), getattr(other, name))
        for name in ("judged_qty", "least_qty", "is_observed", "origin_qty")
    }
    demand = np.where(takes, first.panel.demand_qty, other.panel.demand_qty)
    return replace(first, panel=replace(first.panel, demand_qty=demand), **arrays)


def _in_stock(panel: DemandPanel, judged_qty: np.ndarray, origin: Origin) -> np.ndarray:
    """Whether the interval of each series of an origin was in stock throughout, (n,)."""
    place = pd.MultiIndex.from_frame(panel.keys[KEY]).get_indexer(pd.MultiIndex.from_frame(origin.panel.keys[KEY]))
    end = origin.panel.demand_qty.shape[1]
    inside = np.arange(judged_qty.shape[1] - end)[None, :] < origin.horizon[:, None]
    return (np.isfinite(judged_qty[place, end:]) | ~inside).all(axis=1)


def _planned(
    origin: Origin, segment: np.ndarray, parameters: PlanningParameters, history: LearntHistory
) -> pd.DataFrame:
    return forecast_segments(
        origin.panel,
        origin.panel.keys.assign(segment_code=segment),
        supply_of(origin, segment, parameters),
        parameters=parameters,
        workers=os.cpu_count() or 1,
        history=history,
    ).lead_time_demand.reset_index(drop=True)


def _add_plan(report: Report, name: str, table: pd.DataFrame) -> None:
    actual, scale = table["actual"].to_numpy(dtype=float), table["scale"].to_numpy(dtype=float)
    levels = calibration.LEVELS.items()
    quantile = {column: table[column].to_numpy(dtype=float) for column in calibration.LEVELS}
    pinball = [float((pinball_loss(actual, quantile[column], level) / scale).mean()) for column, level in levels]
    covered = ", ".join(f"{level:.2f}: {(actual <= quantile[column] + 1e-9).mean():.3f}" for column, level in levels)
    error = table["mean_qty"].to_numpy(dtype=float) - actual
    note = f"bias {error.sum() / actual.sum():+.3f}, pinball {np.mean(pinball):.3f}, coverage {covered}"
    report.add(f"plan from history {name}", np.abs(error).sum() / actual.sum(), "WAPE", note)
