"""The champion register of a cycle, and the back-tests that later cycles carry along.

Columns as in `stockstrata.tables`. The register says of every series who is champion, since when and why; back-tests
are written for the series that had a tournament, once.
"""

import numpy as np
import pandas as pd

from stockstrata.forecasting.metrics import safe_ratio
from stockstrata.forecasting.outcome import SeriesOutcome
from stockstrata.forecasting.report import CycleFacts, CycleUncertainty, with_keys
from stockstrata.forecasting.selection import NO_TRIGGER, SelectionPlan, history_demand
from stockstrata.parameters import PoolSettings
from stockstrata.tables import CHAMPION_BACKTEST, CHAMPION_BACKTEST_LAG, CHAMPION_REGISTER

REFIT_FAILED = "refit_failed"
"""Trigger of a tournament that was held because the champion could not forecast the series any more."""

_TOLD = {
    "never_selected": "first cycle of the series",
    "no_champion": "no champion stood before",
    "pool_changed": "other forecast pool",
    "method_changed": "models or settings of the pool, planning bucket or loss changed",
    "cadence": "tournament due",
    "horizon_changed": "protection interval changed",
    "history_changed": "history was corrected",
    "drift": "drift",
    REFIT_FAILED: "the champion could not be fitted any more",
    NO_TRIGGER: "no tournament due",
}


def register_table(facts: CycleFacts, series: SeriesOutcome, plan: SelectionPlan) -> pd.DataFrame:
    """CHAMPION_REGISTER: who is champion of each series, against which challenger, since when and why."""
    is_selected, has_champion = series.is_selected, np.isfinite(series.champion_score_qty)
    trigger = np.where(is_selected & ~plan.is_due, REFIT_FAILED, plan.trigger_code)
    is_same = series.champion_code == plan.held_code
    is_first = np.isin(trigger, ["never_selected", "no_champion"])
    decision = np.select(
        [~has_champion, ~is_selected, is_first, is_same],
        ["fallback", "refitted", "first_selection", "kept"],
        "replaced",
    )
    today = np.datetime64(plan.as_of, "D")
    better = 1.0 - safe_ratio(series.challenger_score_qty, series.champion_score_qty)
    table = pd.DataFrame(
        {
            "segment_code": facts.segment_code,
            "pool_code": facts.pool_code,
            "champion_model_code": series.champion_code,
            "champion_since_date": _date(np.where(is_same & ~np.isnat(plan.since), plan.since, today)),
            "challenger_model_code": [code or None for code in series.challenger_code],
            "decision_code": decision,
            "trigger_code": trigger,
            "tournament_date": _date(np.where(is_selected, today, plan.tournament)),
            "loss_code": facts.loss.code,
            "champion_score_qty": series.champion_score_qty,
            "challenger_score_qty": series.challenger_score_qty,
            "margin_rate": better,
            "tracking_signal_ratio": plan.signals.tracking,
            "error_signal_ratio": plan.signals.error,
        }
    )
    table["reason"] = _reasons(table, plan, series.reason_code)
    return with_keys(facts, table, np.arange(len(table)), CHAMPION_REGISTER)


def backtest_table(
    facts: CycleFacts,
    series: SeriesOutcome,
    uncertainty: CycleUncertainty,
    plan: SelectionPlan,
    settings: dict[str, PoolSettings],
) -> pd.DataFrame:
    """CHAMPION_BACKTEST: what the tournaments of this cycle found of their champions."""
    row = _tested(series)
    newest = np.datetime64(facts.panel.bucket_start_dates[-1], "D")
    own = [settings[code] for code in facts.pool_code]
    learnt = history_demand(facts.panel, np.full(len(own), newest), own)
    table = pd.DataFrame(
        {
            "model_code": series.champion_code,
            "reason_code": series.reason_code,
            "method_hash": plan.method_hash,
            "tournament_date": _date(np.full(len(own), np.datetime64(plan.as_of, "D"))),
            "newest_bucket_date": _date(np.full(len(own), newest)),
            "horizon_buckets": series.horizon,
            "wanted_horizon_buckets": series.wanted_horizon,
            "interval_buckets": facts.buckets,
            "fold_count": series.fold_count,
            "independent_fold_ratio": series.independent_folds,
            "history_buckets": series.length,
            "learnt_buckets": series.learnt,
            "history_demand_qty": learnt,
            "span_demand_qty": series.span_demand_qty,
            "naive_score_qty": series.naive_score_qty,
            "cumulative_rmse_qty": series.rmse_qty,
            "naive_rmse_qty": series.naive_rmse_qty,
            "held_out_rmse_qty": series.held_out_rmse_qty,
            "interval_rmse_qty": np.sqrt(series.interval_variance),
            "interval_sd_qty": np.sqrt(uncertainty.interval.variance),
            "step_sd_qty": np.sqrt(uncertainty.step_variance),
        }
    )
    return with_keys(facts, table.iloc[row], row, CHAMPION_BACKTEST)


def backtest_lag_table(facts: CycleFacts, series: SeriesOutcome) -> pd.DataFrame:
    """CHAMPION_BACKTEST_LAG: their errors by lag, and the forecast that they gave at the tournament."""
    tested = _tested(series)
    # A series is forecast at least as far as it was judged.
    place, lag = np.nonzero(np.isfinite(series.forecast_qty[tested]))
    row, judged = tested[place], lag < series.lag_square_count.shape[1]
    at = np.minimum(lag, series.lag_square_count.shape[1] - 1)
    count = np.where(judged, series.lag_square_count[row, at], 0)
    table = pd.DataFrame(
        {
            "horizon_bucket": lag + 1,
            "mean_qty": series.forecast_qty[row, lag],
            "rmse_qty": np.sqrt(safe_ratio(series.lag_square_sum[row, at], count)),
            "error_count": count,
        }
    )
    return with_keys(facts, table, row, CHAMPION_BACKTEST_LAG)


def _tested(series: SeriesOutcome) -> np.ndarray:
    return np.flatnonzero(series.is_selected & np.isfinite(series.champion_score_qty))


def _date(values: np.ndarray) -> np.ndarray:
    return values.astype("datetime64[s]")


def _reasons(table: pd.DataFrame, plan: SelectionPlan, reason_code: np.ndarray) -> list[str]:
    """Each decision in one sentence with its figures."""
    rows = zip(
        table["decision_code"], table["trigger_code"], table["champion_model_code"], table["challenger_model_code"],
        table["margin_rate"], plan.held_code, plan.signals.tracking, plan.signals.error, reason_code,
        strict=True,
    )  # fmt: skip
    return [_sentence(*row) for row in rows]


def _sentence(
    decision: str, trigger: str, champion: str, challenger: str | None, margin: float, held: str, tracking: float,
    error: float, reason: str,
) -> str:  # fmt: skip
    why = _TOLD[trigger]
    if trigger == "drift":
        why += f" (tracking signal {tracking:.1f}, error signal {error:.1f})"
    if decision == "fallback":
        return f"{champion} stands in ({reason}): {why}."
    if decision == "refitted":
        return f"{champion} refitted: {why}."
    took = {"first_selection": "chosen", "kept": "kept", "replaced": f"replaces {held}"}[decision]
    other = "no other model was scored"
    if challenger is not None:
        other = f"{challenger} has no comparable error"
        if np.isfinite(margin):
            other = f"the error of {challenger} is {abs(margin):.1%} {'lower' if margin > 0 else 'higher'}"
    return f"{champion} {took} ({reason}): {why}; {other}."
