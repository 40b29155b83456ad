"""Running a Great Expectations suite and saying what came of it, row by row."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from data_quality.contracts import Severity
from stockstrata.errors import StockstrataError

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

VIOLATION_COLUMNS = (
    "file_name",
    "row_number",
    "column_name",
    "clause_name",
    "severity_code",
    "found_value",
    "expected_text",
    "reason",
)


class SuiteError(StockstrataError):
    """A check could not be carried out; that is neither a pass nor a failure."""


@dataclass(frozen=True)
class Outcome:
    """What one expectation found: index labels of the rows that fail it."""

    clause_name: str
    checked_row_count: int
    failed_labels: np.ndarray
    is_met: bool


@dataclass(frozen=True)
class ClauseResult:
    """One clause's result, a row of `quality.clause_result`."""

    entity_name: str
    clause_name: str
    column_name: str | None
    severity_code: Severity
    checked_row_count: int
    failed_row_count: int
    is_passed: bool


@dataclass(frozen=True)
class Verdict:
    """Every clause's result and every violation of one table.

    Attributes:
        entity_name: entity or table judged.
        results: one a clause.
        violations: one row a violated clause of a row, columns `VIOLATION_COLUMNS`.
    """

    entity_name: str
    results: tuple[ClauseResult, ...]
    violations: pd.DataFrame

    @property
    def is_passed(self) -> bool:
        """Whether every clause holds; without any clause checked nothing passes."""
        return bool(self.results) and all(result.is_passed for result in self.results)

    def results_frame(self) -> pd.DataFrame:
        """The results as a frame with the columns of `quality.clause_result` that are known here."""
        return results_frame(self.results)


def results_frame(results: Sequence[ClauseResult]) -> pd.DataFrame:
    """Clause results as a frame, one row each."""
    names = list(ClauseResult.__dataclass_fields__)
    return pd.DataFrame([[getattr(result, name) for name in names] for result in results], columns=pd.Index(names))


def expectation_meta(clause_name: str, columns: Sequence[str]) -> dict[str, Any]:
    """What a suite notes on an expectation: the clause it proves and the columns it needs."""
    return {"clause": clause_name, "columns": list(columns)}


def run_suite(suite: "ExpectationSuite", frame_of: Callable[[list[str]], pd.DataFrame]) -> list[Outcome]:
    """Run every expectation of a suite, each on a frame of the columns it needs.

    Great Expectations copies the whole frame for each expectation, so narrow frames save time and memory.

    Args:
        suite: expectations that carry `expectation_meta`.
        frame_of: gives the frame of some columns; its index labels name the rows, without a name of its own.

    Raises:
        SuiteError: an expectation raised inside Great Expectations.
    """
    if not suite.expectations:
        return []
    definition = _batch_definition()
    outcomes = []
    for expectation in suite.expectations:
        meta = expectation.meta or {}
        batch = definition.get_batch({"dataframe": frame_of(meta["columns"])})
        found = batch.validate(
            expectation,
            result_format={
                "result_format": "COMPLETE",
                "partial_unexpected_count": 0,
                "return_unexpected_index_query": False,
            },
        )
        outcomes.append(_outcome(meta["clause"], found))
    return outcomes


def clauses_not_met(suite: "ExpectationSuite", frame: pd.DataFrame) -> set[str]:
    """The clauses that a frame breaks, without naming rows: for small frames that have all columns of the suite.

    Raises:
        SuiteError: an expectation raised inside Great Expectations.
    """
    if not suite.expectations:
        return set()
    batch = _batch_definition().get_batch({"dataframe": frame})
    found = batch.validate(suite, result_format={"result_format": "BOOLEAN_ONLY"})
    not_met = set()
    for result in found.results:
        clause = result.expectation_config.meta["clause"]
        fault = _fault(result.exception_info)
        if fault is not None:
            raise SuiteError(f"check {clause} could not be carried out: {fault}.")
        if not result.success:
            not_met.add(clause)
    return not_met


@cache
def _batch_definition() -> Any:
    """A place of Great Expectations' own to put frames into, made once: to make it takes as long as several checks."""
    import great_expectations as gx
    from great_expectations.data_context.types import base

    # No docs site, no progress bars, nothing reported to anybody.
    stores = base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    bars = base.ProgressBarsConfig(globally=False)
    config = base.DataContextConfig(store_backend_defaults=stores, progress_bars=bars, analytics_enabled=False)
    context = gx.get_context(mode="ephemeral", project_config=config)
    asset = context.data_sources.add_pandas("frame").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("frame")


def _outcome(clause_name: str, found: Any) -> Outcome:
    fault = _fault(found.exception_info)
    if fault is not None or "element_count" not in found.result:
        raise SuiteError(f"check {clause_name} could not be carried out: {fault or 'no result'}.")
    labels = found.result.get("unexpected_index_list") or []
    failed = np.asarray(labels)
    if len(failed) != found.result["unexpected_count"] or found.success != (len(failed) == 0):
        raise SuiteError(
            f"check {clause_name}: {found.result['unexpected_count']} failures but {len(failed)} rows named."
        )
    return Outcome(clause_name, found.result["element_count"], failed, bool(found.success))


def _fault(info: Any) -> str | None:
    """The message of an exception; Great Expectations nests it by metric when there are several."""
    if not isinstance(info, dict):
        return None
    if info.get("raised_exception"):
        return str(info.get("exception_message"))
    nested = (_fault(value) for value in info.values() if isinstance(value, dict))
    return next((message for message in nested if message), None)
