"""Suite of the tables that Python writes, built from their column contracts, run before they are written."""

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from data_quality.suites import vocabulary
from data_quality.suites.worst_values import clauses_to_judge
from data_quality.verdict import (
    VIOLATION_COLUMNS,
    ClauseResult,
    Outcome,
    SuiteError,
    Verdict,
    run_suite,
)
from stockstrata.evidence import GRADES
from stockstrata.tables import Table

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

_BLOCKED = ("evidence_grade", "blocked")
_LARGEST = 1e15

# Quantities that are rightly below zero at times.
SIGNED = {
    "cumulative_bias_qty": "a forecast can be too low",
    "adjustment_qty": "most adjustments take demand away",
    "adjustment_at_close_qty": "most adjustments take demand away",
    "uplift_qty": "after a promotion less is wanted",
    "inventory_position_qty": "more can be allocated than there is",
    "change_qty": "an override can take away",
    "error_qty": "a forecast can be too low",
    "net_flow_qty": "more can be owed than there is",
    "contract_gap_days": "a supplier can be faster than its contract",
    "effect_days": "a lead time can become shorter",
    "safety_stock_cap_qty": "a limit can take away",
}
# Rates that may lie outside 0 to 1, with their own bounds.
WIDE_RATES: dict[str, tuple[float | None, float | None, str]] = {
    "bias_rate": (None, None, "over-forecasting can exceed demand"),
    "margin_rate": (None, 1.0, "a challenger can be worse without limit"),
    "wape_rate": (0.0, None, "errors can exceed demand"),
    "uplift_rate": (0.0, 20.0, "a promotion can multiply demand"),
    "own_uplift_rate": (-1.0, None, "a promotion can multiply demand, or fail"),
    "pooled_uplift_rate": (0.0, 20.0, "a promotion can multiply demand"),
    "mape_rate": (0.0, None, "errors can exceed demand"),
    "change_rate": (0.0, None, "an override can multiply the forecast"),
    "disagreement_rate": (0.0, None, "streams can lie further apart than their blend is large"),
    "return_rate": (None, None, "a lot can lose money, or earn many times what it costs"),
    "fill_change_rate": (-1.0, 1.0, "service can fall"),
    "stock_change_rate": (-1.0, None, "stock can fall, or multiply"),
    "stock_margin_rate": (0.0, None, "a parameter may allow any growth"),
    "churn_rate": (0.0, None, "levels can multiply"),
    "churn_limit_rate": (0.0, None, "a parameter may allow any change"),
    "twin_stock_gap_rate": (0.0, None, "a gap can exceed the stock"),
    "twin_stock_limit_rate": (0.0, None, "a parameter may allow any gap"),
    "sensed_wape_rate": (0.0, None, "errors can exceed demand"),
    "holding_cost_rate": (0.0, 5000.0, "holding can cost many times a cheap item in a year"),
}
# Quantities that are null where their description says so.
NULLABLE = frozenset(
    {
        "card_qty",
        "shelf_life_days",
        "red_zone_qty",
        "yellow_zone_qty",
        "green_zone_qty",
        "net_flow_qty",
        "contract_lead_time_days",
        "contract_gap_days",
        "proposed_lead_time_days",
        "alternative_lead_time_days",
        "cumulative_rmse_qty",
        "cumulative_bias_qty",
        "champion_score_qty",
        "challenger_score_qty",
        "naive_score_qty",
        "naive_rmse_qty",
        "held_out_rmse_qty",
        "interval_rmse_qty",
        "rmse_qty",
        "expected_arrival_stock_qty",
        "window_demand_qty",
        "prior_level_qty",
        "prior_level_sd_qty",
        "expected_sales_qty",
        "posterior_level_qty",
        "posterior_level_sd_qty",
        "launch_rmse_qty",
        "pool_rmse_qty",
        "override_qty",
        "consensus_qty",
        "naive_mae_qty",
        "mad_qty",
        "residual_demand_qty",
        "cost_optimal_level_qty",
        "candidate_short_qty",
        "in_force_short_qty",
        "baseline_short_qty",
        "candidate_mean_stock_qty",
        "in_force_mean_stock_qty",
        "baseline_mean_stock_qty",
        "actual_short_qty",
        "actual_mean_stock_qty",
        "twin_stock_gap_qty",
    }
)


def engine_suite(table: Table) -> "ExpectationSuite":
    """Expectations of a table: keys present and unique, amounts finite and not negative, rates in bounds, grades known.

    Rows of grade `blocked` may lack amounts; their keys and grades are judged all the same.
    """
    return _suite(table, _expectations(table))


def verify_frame(frame: pd.DataFrame, table: Table) -> Verdict:
    """Judge a frame that is about to be written to a table.

    Args:
        frame: the table's columns without stamps; `period_start_date` may be left out, since assets add it.
        table: its column contract.

    Returns:
        A verdict whose violations name the row by its key and, from 1, its place in the frame. An empty frame passes
        only where the table may be empty.

    Raises:
        SuiteError: the frame lacks a column of the table, or a check could not be carried out.
    """
    ready = frame.reset_index(drop=True)
    if "period_start_date" not in ready.columns:
        ready = ready.assign(period_start_date=pd.Timestamp(0))
    lacking = [column.name for column in table.columns if column.name not in ready.columns]
    if lacking:
        raise SuiteError(f"{table.name}: the frame lacks column {', '.join(lacking)}; add it where the rows are made.")
    is_filled = table.may_be_empty or not ready.empty
    results = [ClauseResult(table.name, "table_is_not_empty", None, "block", len(ready), 0, is_filled)]
    if ready.empty:
        return Verdict(table.name, tuple(results), pd.DataFrame(columns=pd.Index(VIOLATION_COLUMNS)))
    expectations = _expectations(table)
    outcomes = _outcomes(ready, table, expectations)
    violations = [pd.DataFrame(columns=pd.Index(VIOLATION_COLUMNS))]
    for outcome in outcomes:
        name, failed = outcome.clause_name, len(outcome.failed_labels)
        column = _column_of(name, table)
        results.append(
            ClauseResult(table.name, name, column, "block", outcome.checked_row_count, failed, outcome.is_met)
        )
        if failed:
            violations.append(_violations(ready, table, outcome, column, expectations[name][1]))
    return Verdict(table.name, tuple(results), pd.concat(violations, ignore_index=True))


def _outcomes(frame: pd.DataFrame, table: Table, expectations: dict[str, tuple[Any, str]]) -> list[Outcome]:
    """What each expectation finds; those that the worst values break are judged on all rows, to name each that does."""
    suspected = clauses_to_judge(frame, {clause: found for clause, (found, _) in expectations.items()}, _BLOCKED)
    named = {clause: found for clause, found in expectations.items() if clause in suspected}
    broken = run_suite(_suite(table, named), lambda columns: frame.loc[:, columns])
    outcome_of = {outcome.clause_name: outcome for outcome in broken}
    nobody = np.array([], dtype=np.int64)
    return [
        outcome_of.get(clause) or Outcome(clause, _judged_row_count(frame, found), nobody, is_met=True)
        for clause, (found, _) in expectations.items()
    ]


def _judged_row_count(frame: pd.DataFrame, expectation: Any) -> int:
    """Rows that an expectation looks at: those of grade `blocked` are left out where it says so."""
    return len(frame) if expectation.row_condition is None else int((frame[_BLOCKED[0]] != _BLOCKED[1]).sum())


def _suite(table: Table, expectations: dict[str, tuple[Any, str]]) -> "ExpectationSuite":
    return vocabulary.suite(table.name.replace(".", "_"), [found for found, _ in expectations.values()])


def _expectations(table: Table) -> dict[str, tuple[Any, str]]:
    """Expectation and expected text of every clause, by clause name."""
    names = [column.name for column in table.columns]
    blocked = _BLOCKED if "evidence_grade" in names else None
    made: dict[str, tuple[Any, str]] = {}
    for name in table.grain:
        clause = f"{name}_is_present"
        made[clause] = (vocabulary.is_filled(clause, name), "a value")
    clause = f"{'_'.join(table.grain)}_is_unique"
    made[clause] = (vocabulary.is_unique(clause, table.grain), "one row for each key")
    for column in table.columns:
        if column.type == "DOUBLE":
            made |= _number_expectations(column.name, blocked)
    if "evidence_grade" in names:
        made["evidence_grade_is_present"] = (
            vocabulary.is_filled("evidence_grade_is_present", "evidence_grade"),
            "a grade",
        )
        clause = "evidence_grade_is_an_allowed_value"
        made[clause] = (vocabulary.is_one_of(clause, "evidence_grade", GRADES), f"one of {', '.join(GRADES)}")
    return made


def _number_expectations(name: str, blocked: tuple[str, str] | None) -> dict[str, tuple[Any, str]]:
    made: dict[str, tuple[Any, str]] = {}
    if name.endswith(("_qty", "_days")):
        if name not in NULLABLE:
            clause = f"{name}_is_present"
            made[clause] = (vocabulary.is_filled(clause, name, where=blocked), "a number")
        low = -_LARGEST if name in SIGNED else 0.0
        clause = f"{name}_is_finite" if name in SIGNED else f"{name}_is_finite_and_not_negative"
        expected = "a finite number" if name in SIGNED else "a finite number, at least 0"
        made[clause] = (vocabulary.is_between(clause, name, low, _LARGEST), expected)
    elif name.endswith("_rate"):
        low, high, _ = WIDE_RATES.get(name, (0.0, 1.0, ""))
        bounds = (-_LARGEST if low is None else low, _LARGEST if high is None else high)
        clause = f"{name}_is_within_bounds"
        made[clause] = (vocabulary.is_between(clause, name, *bounds), f"from {bounds[0]:g} to {bounds[1]:g}")
    return made


def _column_of(clause: str, table: Table) -> str | None:
    stem = re.sub(r"_is_(present|finite|finite_and_not_negative|within_bounds|an_allowed_value|unique)$", "", clause)
    return stem if any(column.name == stem for column in table.columns) else None


def _violations(frame: pd.DataFrame, table: Table, outcome: Outcome, column: str | None, expected: str) -> pd.DataFrame:
    """One row a failed row, in the form of the raw verdicts; the table stands where a file would."""
    labels = np.asarray(outcome.failed_labels, dtype=np.int64)
    names = [name for name in table.grain if name != "period_start_date" or len(table.grain) == 1]
    keys = frame.loc[labels, names].astype(str).agg(", ".join, axis=1)
    found = keys if column is None else frame.loc[labels, column].astype(str)
    reason = table.name + ", row " + keys
    reason += "" if column is None else f", column {column}"
    made = pd.DataFrame(
        {
            "file_name": table.name,
            "row_number": labels + 1,
            "column_name": column,
            "clause_name": outcome.clause_name,
            "severity_code": "block",
            "found_value": found.to_numpy(),
            "expected_text": expected,
            "reason": (reason + ": found " + found + f", expected {expected}").to_numpy(),
        }
    )
    return made.reindex(columns=list(VIOLATION_COLUMNS))
