"""StatsForecast called as its documentation shows, for the series, models and folds of a planned cycle.

A series that had no tournament in the cycle needs the models of its champion alone, with their folds. Nothing is
scored, chosen or given a distribution. `stl_ets` is StatsForecast's MSTL; models that StatsForecast does not have
(the median of the others, those of a whole pool, new products by analogs) are left out of its side. Run as a program
it reads a home's newest cycle and prints seconds as JSON: `STOCKSTRATA_HOME=... python -m benchmarks.bare_forecasts
2025-12-01 2`.
"""

import datetime as dt
import json
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd

from stockstrata.forecasting import engine
from stockstrata.forecasting.members import ENSEMBLE
from stockstrata.forecasting.origins import ValidationPlan, validation_plan
from stockstrata.forecasting.outcome import whole_buckets
from stockstrata.panel import DemandPanel
from stockstrata.parameters import PlanningParameters

_SEASON = 52
_LEAST_AHEAD = 13
_CHAMPIONS = """
    select
        item_id, location_id, champion.pool_code, champion.model_code, champion_register.decision_code,
        lead_time_demand.protection_interval_days
    from forecast.champion
    inner join forecast.champion_register using (period_start_date, item_id, location_id)
    inner join forecast.lead_time_demand using (period_start_date, item_id, location_id)
    where period_start_date = $period order by item_id, location_id
"""


@dataclass(frozen=True)
class Call:
    """One call of StatsForecast: a frame of series, a model, and folds or none."""

    model_code: str
    season_length: int
    frame: pd.DataFrame
    ahead: int
    folds: dict[str, Any] | None
    history: int


def bare_models(season_length: int) -> dict[str, Callable[[], Any]]:
    """StatsForecast's own model for each of our models that it has."""
    from statsforecast import models as sf

    return {
        "window_average": lambda: sf.WindowAverage(window_size=13),
        "year_average": lambda: sf.WindowAverage(window_size=_SEASON, alias="YearAverage"),
        "historic_average": sf.HistoricAverage,
        "ses": lambda: sf.SimpleExponentialSmoothing(alpha=0.1),
        "ses_optimized": sf.SimpleExponentialSmoothingOptimized,
        "seasonal_naive": lambda: sf.SeasonalNaive(season_length=_SEASON),
        "ets_level": lambda: sf.AutoETS(season_length=1, model="ZNN"),
        "dynamic_optimized_theta": lambda: sf.DynamicOptimizedTheta(season_length=season_length),
        "stl_ets": lambda: sf.MSTL(season_length=_SEASON, trend_forecaster=sf.AutoETS(model="ZNN")),
        "croston_sba": sf.CrostonSBA,
        "tsb": lambda: sf.TSB(alpha_d=0.1, alpha_p=0.1),
        "adida": sf.ADIDA,
        "imapa": sf.IMAPA,
    }


def bare_model(code: str, season_length: int) -> Any:
    """StatsForecast's own model for a model of ours."""
    return bare_models(season_length)[code]()


def run_call(call: Call) -> float:
    """Seconds of a call; carried models are fitted once, as on our side."""
    from statsforecast import StatsForecast
    from statsforecast.models import Naive

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        started = time.perf_counter()
        models = [bare_model(call.model_code, call.season_length)]
        # Without something to fall back on, one series that a model cannot fit ends the call.
        tool = StatsForecast(models=models, freq="W-MON", n_jobs=1, fallback_model=Naive())
        if call.folds is None:
            tool.forecast(df=call.frame.groupby("unique_id").tail(call.history), h=call.ahead)
        else:
            refit = call.model_code not in engine.FIT_ONCE
            tool.cross_validation(df=call.frame, refit=refit, input_size=call.history, h=call.ahead, **call.folds)
        return time.perf_counter() - started


def long_frame(panel: DemandPanel) -> pd.DataFrame:
    """StatsForecast's form of a panel: one row a series and bucket, from its start."""
    row, bucket = np.nonzero(np.isfinite(panel.demand_qty))
    return pd.DataFrame(
        {
            "unique_id": (panel.keys["item_id"] + "/" + panel.keys["location_id"]).to_numpy()[row],
            "ds": panel.bucket_start_dates.to_numpy()[bucket],
            "y": panel.demand_qty[row, bucket],
        }
    )


def cycle_calls(panel: DemandPanel, champions: pd.DataFrame, parameters: PlanningParameters) -> list[Call]:
    """The calls that validate and forecast a cycle's series: series of the same folds go together.

    Args:
        panel: demand of the cycle.
        champions: `pool_code, model_code, decision_code, protection_interval_days` of its series, in their order.
        parameters: pools and settings in force.
    """
    calls: list[Call] = []
    days = champions["protection_interval_days"].to_numpy(dtype=float)
    horizon = whole_buckets(days / panel.mean_bucket_days)
    has_sold = np.nansum(panel.demand_qty, axis=1) > 0
    held = set(bare_models(1))
    for settings in parameters.forecast_settings:
        members = np.flatnonzero((champions["pool_code"] == settings.pool_code).to_numpy() & has_sold)
        if not len(members):
            continue
        plan = validation_plan(
            panel.length_buckets[members], horizon[members], settings=settings, season_length=panel.season_length
        )
        codes = [
            row.model_code
            for row in parameters.forecast_pools
            if row.pool_code == settings.pool_code and row.model_code in held
        ]
        learnt = np.minimum(plan.first_training, settings.max_history_buckets)
        is_refitted = (champions["decision_code"] == "refitted").to_numpy()[members]
        champion = champions["model_code"].to_numpy()[members]
        for (ahead, count, step, seasons), rows in _alike(plan, learnt).items():
            folds = {"n_windows": count, "step_size": step}
            for code in codes:
                needing = rows[~is_refitted[rows] | np.isin(champion[rows], [code, ENSEMBLE])]
                if seasons >= engine.needs_seasons(code) and len(needing):
                    frame = long_frame(panel.select(members[needing]))
                    season = _SEASON if seasons == 2 else 1
                    calls.append(Call(code, season, frame, ahead, folds, settings.max_history_buckets))
        calls += _final_calls(panel, members, champions["model_code"].to_numpy(), horizon, settings.max_history_buckets)
    return calls


def _alike(plan: ValidationPlan, learnt: np.ndarray) -> dict[tuple[int, int, int, int], np.ndarray]:
    """Series by what a call has in common: horizon, folds, step, whole seasons known at the earliest origin."""
    ends = plan.train_ends
    second = ends[:, 1] if ends.shape[1] > 1 else ends[:, 0]
    step = np.where(plan.fold_count > 1, ends[:, 0] - second, 1)
    keys = np.stack([plan.horizon, plan.fold_count, step, np.minimum(learnt // _SEASON, 2)], axis=1)
    found, place = np.unique(keys, axis=0, return_inverse=True)
    return {
        (int(key[0]), int(key[1]), int(key[2]), int(key[3])): np.flatnonzero(place == position)
        for position, key in enumerate(found)
        if key[1] > 0
    }


def _final_calls(
    panel: DemandPanel, members: np.ndarray, champion: np.ndarray, horizon: np.ndarray, history: int
) -> list[Call]:
    ahead = np.maximum(horizon, _LEAST_AHEAD)
    calls = []
    for code in sorted(set(champion[members]) & (set(bare_models(1)) - {"historic_average"})):
        own = members[champion[members] == code]
        for depth in np.unique(ahead[own]):
            frame = long_frame(panel.select(own[ahead[own] == depth]))
            calls.append(Call(code, 1, frame, int(depth), None, history))
    return calls


def run_calls(calls: Sequence[Call], workers: int) -> dict[str, float]:
    """Seconds by model, and `elapsed`: of the slowest of the processes that share out the series of every call.

    Imports and a first small call are not counted.
    """
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as executor:
        shares = list(
            executor.map(_run_share, [[_share(call, part, workers) for call in calls] for part in range(workers)])
        )
    total: dict[str, float] = {}
    for seconds in shares:
        for code, spent in seconds.items():
            total[code] = total.get(code, 0.0) + spent
    return {**total, "elapsed": max(sum(seconds.values()) for seconds in shares)}


def _share(call: Call, part: int, workers: int) -> Call:
    place = call.frame["unique_id"].factorize()[0]
    frame = call.frame[place % workers == part].reset_index(drop=True)
    return Call(call.model_code, call.season_length, frame, call.ahead, call.folds, call.history)


def _run_share(calls: Sequence[Call]) -> dict[str, float]:
    held = [call for call in calls if len(call.frame)]
    for code in {call.model_code for call in held}:
        first = next(call for call in held if call.model_code == code)
        one = first.frame[first.frame["unique_id"] == first.frame["unique_id"].iloc[0]]
        run_call(Call(code, first.season_length, one, first.ahead, first.folds, first.history))
    seconds: dict[str, float] = {}
    for call in held:
        seconds[call.model_code] = seconds.get(call.model_code, 0.0) + run_call(call)
    return seconds


def main(period: str, workers: int) -> None:
    """Measure the newest cycle of the home that the environment names."""
    from assets.history import demand_history
    from assets.planned import planned_item_locations
    from orchestration.partitions import SETTINGS, cut_off
    from orchestration.resources.parameters import ParameterStore
    from orchestration.resources.warehouse import Warehouse

    start = dt.date.fromisoformat(period)
    warehouse = Warehouse(path=str(SETTINGS.warehouse_file))
    panel = demand_history(warehouse, planned_item_locations(warehouse, start), cut_off(start))
    champions = warehouse.read(_CHAMPIONS, {"period": start})
    if len(champions) != len(panel.keys):
        raise SystemExit(f"{len(panel.keys)} series are planned but {len(champions)} have a champion.")
    calls = cycle_calls(panel, champions, ParameterStore().in_force(cut_off(start)))
    print(json.dumps({"calls": len(calls), "seconds": run_calls(calls, workers)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
