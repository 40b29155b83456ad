"""Benchmark `policies`: stock policies and order proposals of 100,000 item-locations in one cycle.

The frames are those that a cycle hands over, made up with the shares that public data show: segments of all kinds, half
of the distributions by moments and half with a shape of their own, minima, multiples and criticality on some. Beside it
DuckDB writes the result into a table.
"""

import datetime as dt
import time
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from benchmarks.past_cycles import blank_item_locations
from benchmarks.processes import own_peak_mib
from benchmarks.report import Report
from benchmarks.workbench import Workbench
from orchestration.resources.parameters import ParameterStore
from stockstrata.distributions import choose_method
from stockstrata.policy import stock_policies
from stockstrata.proposals import order_proposals
from stockstrata.shaped import PROBABILITIES

_COUNT = 100_000
_CUT_OFF = dt.date(2025, 1, 1)
_SHAPED_SHARE = 0.5
_SHAPES = 500


def measure_policies(bench: Workbench) -> Report:
    """Seconds, memory and rows a second, and how many times the writing they take."""
    count = bench.most_series or _COUNT
    report = Report("policies", f"{count:,} item-locations in one cycle, one core")
    parameters = ParameterStore().in_force(_CUT_OFF)
    frames = cycle_frames(count, [row.segment_code for row in parameters.segment_strategies])
    small = [frame.head(1000) for frame in frames]
    stock_policies(*small[:4], parameters=parameters, period_start_date=_CUT_OFF, cut_off_date=_CUT_OFF)
    before = own_peak_mib()
    started = time.perf_counter(), time.process_time()
    policies = stock_policies(*frames[:4], parameters=parameters, period_start_date=_CUT_OFF, cut_off_date=_CUT_OFF)
    wall, processor = time.perf_counter() - started[0], time.process_time() - started[1]
    note = f"{count / processor:,.0f} rows a second of processor time ({processor:.1f} s)"
    report.add("stock_policies", wall, "s", note, parts={"processor_s": processor})
    report.add("memory on top", own_peak_mib() - before, "MiB", "peak, above the frames that are handed over")
    started = time.perf_counter(), time.process_time()
    proposals = order_proposals(policies, frames[4], frames[0], frames[3], parameters=parameters, cut_off_date=_CUT_OFF)
    proposing, proposing_processor = time.perf_counter() - started[0], time.process_time() - started[1]
    report.add("order_proposals", proposing, "s", f"{len(proposals):,} orders; processor {proposing_processor:.1f} s")
    writing = _writing(bench.folder / "policies.duckdb", {"policy": policies, "proposal": proposals})
    report.add("DuckDB writes both", writing, "s", f"{len(policies.columns)} and {len(proposals.columns)} columns")
    report.add_ratio("ours over the writing", wall + proposing, writing)
    return report


def cycle_frames(count: int, segments: list[str]) -> list[pd.DataFrame]:
    """Item-locations, assignment, lead times, lead-time demand and positions of a made-up cycle."""
    rng = np.random.default_rng(7)
    keys = pd.DataFrame({"item_id": [f"I{number:07d}" for number in range(count)], "location_id": "L1"})
    planned = blank_item_locations(
        keys.assign(
            unit_cost_amount=np.exp(rng.normal(2, 1.5, count)),
            moq_qty=np.where(rng.random(count) < 0.3, rng.integers(2, 50, count), np.nan),
            order_multiple_qty=np.where(rng.random(count) < 0.3, rng.integers(2, 12, count), np.nan),
            criticality_code=np.where(rng.random(count) < 0.05, "vital", None),
            supplier_id=np.char.add("S", rng.integers(0, 200, count).astype(str)),
        )
    )
    assignment = keys.assign(segment_code=rng.choice(segments, count), pattern_code="smooth")
    lead_days = rng.integers(5, 90, count).astype(float)
    lead_times = keys.assign(
        lead_time_days=lead_days,
        lead_time_sd_days=lead_days * rng.random(count) * 0.3,
        lead_time_source_code="item_receipts",
        evidence_grade="full",
    )
    review = {"A": 7.0, "B": 14.0}
    days = lead_days + np.array([review.get(code[0], 28.0) for code in assignment["segment_code"]])
    daily = np.exp(rng.normal(-1.5, 1.5, count))
    mean = daily * days
    demand_sd = np.sqrt(mean) * (1 + 2 * rng.random(count)) * (1 + np.sqrt(daily))
    lead_sd = daily * lead_times["lead_time_sd_days"].to_numpy()
    sd = np.hypot(demand_sd, lead_sd)
    is_shaped = rng.random(count) < _SHAPED_SHARE
    shapes = np.quantile(np.sort(rng.gamma(2.0, 1.0, (_SHAPES, 400)), axis=1), PROBABILITIES, axis=1).T
    shapes = (shapes - shapes.mean(axis=1)[:, None]) / shapes.std(axis=1)[:, None]
    chosen = rng.integers(0, _SHAPES, count)
    demand = keys.assign(
        protection_interval_days=days,
        method_code=np.where(is_shaped, "learned_count", choose_method(mean, sd, is_whole=np.full(count, True))),
        mean_qty=mean,
        sd_qty=sd,
        demand_sd_qty=demand_sd,
        lead_time_sd_qty=lead_sd,
        daily_mean_qty=daily,
        fallback_reason="",
        evidence_grade="full",
        standard_quantiles=pd.Series(
            [shapes[row].tolist() if held else None for row, held in zip(chosen, is_shaped, strict=True)], dtype=object
        ),
    )
    positions = keys.assign(
        has_stock_feed=True,
        stock_date=pd.Timestamp(_CUT_OFF) - pd.Timedelta(days=1),
        on_hand_qty=np.floor(mean * rng.random(count) * 1.5),
        on_order_qty=0.0,
        in_transit_qty=0.0,
        allocated_qty=0.0,
    )
    return [planned, assignment, lead_times, demand, positions]


def _writing(file: Path, tables: dict[str, pd.DataFrame]) -> float:
    connection = duckdb.connect(str(file))
    try:
        started = time.perf_counter()
        for name, frame in tables.items():
            connection.register("result", frame)
            connection.execute(f"create table {name} as select * from result")
            connection.unregister("result")
        connection.execute("checkpoint")
        return time.perf_counter() - started
    finally:
        connection.close()
