"""From the statistical forecast to the one that the cycle plans with: each step stands beside the others."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.columns import numbers
from stockstrata.panel import KEY, DemandPanel
from stockstrata.parameters import ForecastRule, PlanningParameters
from stockstrata.tables import FINAL_FORECAST
from stockstrata.tracking.consensus import Consensus, blend_streams
from stockstrata.tracking.naive import naive_forecast
from stockstrata.tracking.overrides import Overridden, apply_overrides
from stockstrata.tracking.segment_rules import values_by_segment

FINAL_COLUMNS = [column.name for column in FINAL_FORECAST.columns if column.name != "period_start_date"]
_CELL = [*KEY, "bucket_start_date"]


@dataclass(frozen=True)
class PlannerInput:
    """What people and earlier cycles say about the forecasts of a cycle.

    Attributes:
        cut_off_date: cut-off of the cycle.
        overrides: what `apply_overrides` takes.
        published: what `blend_streams` takes.
        judged_streams: past cells of the streams as `stream_weights` takes.
        earlier_plan: `item_id, location_id, bucket_start_date, smoothed_qty` of the cycle before.
        unit_costs: `item_id, location_id, unit_cost_amount`.
    """

    cut_off_date: dt.date
    overrides: pd.DataFrame
    published: pd.DataFrame
    judged_streams: pd.DataFrame
    earlier_plan: pd.DataFrame
    unit_costs: pd.DataFrame


@dataclass(frozen=True)
class DecidedForecast:
    """The forecast that the cycle plans with, and what it is made of.

    Attributes:
        final: FINAL_FORECAST, rows in the order of the statistical forecast.
        effects: OVERRIDE_EFFECT.
        streams: FORECAST_STREAM.
        weights: STREAM_WEIGHT.
    """

    final: pd.DataFrame
    effects: pd.DataFrame
    streams: pd.DataFrame
    weights: pd.DataFrame

    def quantities(self, forecast_qty: np.ndarray) -> np.ndarray:
        """The final forecast in the shape of the statistical one, series by buckets ahead, NaN where that is.

        Args:
            forecast_qty: statistical forecast that the rows of `final` were made from, (n, F).
        """
        decided = forecast_qty.copy()
        decided[np.isfinite(forecast_qty)] = self.final["final_qty"].to_numpy(dtype=float)
        return decided


def decide_forecast(
    forecasts: pd.DataFrame,
    panel: DemandPanel,
    segment_code: np.ndarray,
    planner: PlannerInput,
    *,
    parameters: PlanningParameters,
) -> DecidedForecast:
    """Limit plan-to-plan change, apply overrides, blend streams: in this order, and each only where it has a say.

    An override in force is a decision, so the blend leaves its buckets alone. What the steps made of each bucket stands
    side by side, so that each can be judged by itself when demand has come.

    Args:
        forecasts: DEMAND_FORECAST rows, series by series in the order of `panel.keys`.
        panel: the demand panel.
        segment_code: segment of each series, (n,).
        planner: what people and earlier cycles say.
        parameters: limits by segment, and the weight of equal shares.

    Example: `decide_forecast(forecasts, panel, segment, planner, parameters=parameters).final["final_qty"]`.
    """
    row = pd.MultiIndex.from_frame(panel.keys[KEY]).get_indexer(pd.MultiIndex.from_frame(forecasts[KEY]))
    cells = forecasts[[*_CELL, "horizon_bucket"]].assign(
        segment_code=segment_code[row],
        naive_qty=naive_forecast(panel, row, forecasts["horizon_bucket"].to_numpy(dtype=np.int64)),
        baseline_qty=forecasts["mean_qty"].to_numpy(dtype=float),
        unit_cost_amount=_unit_costs(panel, planner.unit_costs)[row],
    )
    cells = cells.reset_index(drop=True)
    smoothed = _smoothed(cells, planner.earlier_plan, parameters.forecast_rules)
    ground = cells.assign(baseline_qty=smoothed)
    overridden = apply_overrides(
        ground,
        planner.overrides,
        rules=parameters.forecast_rules,
        cut_off_date=np.datetime64(planner.cut_off_date, "D"),
        bucket_days=panel.bucket_days,
    )
    consensus = blend_streams(
        ground,
        planner.published,
        planner.judged_streams,
        shrinkage_observations=parameters.settings.consensus_shrinkage_observations,
    )
    final = _final(cells, smoothed, overridden, consensus, planner.overrides)
    return DecidedForecast(final, overridden.effects, consensus.streams, consensus.weights)


def _final(
    cells: pd.DataFrame, smoothed: np.ndarray, overridden: Overridden, consensus: Consensus, overrides: pd.DataFrame
) -> pd.DataFrame:
    baseline = cells["baseline_qty"].to_numpy(dtype=float)
    is_overridden = overridden.override >= 0
    is_blended = np.isfinite(consensus.quantity) & ~is_overridden
    final = np.where(is_overridden, overridden.quantity, np.where(is_blended, consensus.quantity, smoothed))
    step = np.select(
        [is_overridden, is_blended, smoothed != baseline], ["override", "consensus", "smoothing"], "statistical"
    )
    # Position -1, no override, finds what stands last: nothing.
    said = {
        name: np.append(overrides[name].to_numpy(dtype=object), np.array([None], dtype=object))[overridden.override]
        for name in ("override_id", "person", "reason_code")
    }
    found = cells.assign(
        smoothed_qty=smoothed,
        override_qty=overridden.quantity,
        consensus_qty=np.where(is_blended, consensus.quantity, np.nan),
        final_qty=final,
        step_code=step.astype(object),
        stream_mix=np.where(is_blended, consensus.mix, ""),
        disagreement_rate=np.where(is_blended, consensus.disagreement, np.nan),
        **said,
    )
    return found.loc[:, FINAL_COLUMNS]


def _smoothed(cells: pd.DataFrame, earlier_plan: pd.DataFrame, rules: Sequence[ForecastRule]) -> np.ndarray:
    """The baseline within the limit around the plan of the cycle before; a plan of zero limits nothing."""
    baseline = cells["baseline_qty"].to_numpy(dtype=float)
    limit = values_by_segment(rules, "plan_change_limit_rate", cells["segment_code"].to_numpy(dtype=object))
    if not np.isfinite(limit).any() or earlier_plan.empty:
        return baseline
    bucket = {"bucket_start_date": pd.to_datetime(cells["bucket_start_date"]).astype("datetime64[ns]")}
    dated = pd.to_datetime(earlier_plan["bucket_start_date"]).astype("datetime64[ns]")
    earlier = cells[KEY].assign(**bucket).merge(earlier_plan.assign(bucket_start_date=dated), on=_CELL, how="left")
    before = earlier["smoothed_qty"].to_numpy(dtype=float)
    is_limited = np.isfinite(limit) & (before > 0)
    low = np.maximum(before * (1.0 - np.nan_to_num(limit)), 0.0)
    return np.where(is_limited, np.clip(baseline, low, before * (1.0 + np.nan_to_num(limit))), baseline)


def _unit_costs(panel: DemandPanel, unit_costs: pd.DataFrame) -> np.ndarray:
    """Cost of one unit of each series, zero where none is known, (n,)."""
    found = panel.keys[KEY].merge(unit_costs[[*KEY, "unit_cost_amount"]], on=KEY, how="left")
    return np.nan_to_num(numbers(found, "unit_cost_amount"))
