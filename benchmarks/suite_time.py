"""Time spent inside Great Expectations while rows are judged."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from data_quality import entity_rows


class SuiteTime:
    """Seconds inside suites; fetching the frames that they are shown is not counted.

    Attributes:
        seconds: so far.
        expectations: how many were run on all rows that can break them; all are run on their worst rows before.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.expectations = 0
        self._fetching = 0.0

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note the time of all suites that run meanwhile."""
        with (
            mock.patch.object(entity_rows, "run_suite", self._run_suite(entity_rows.run_suite)),
            mock.patch.object(entity_rows, "clauses_not_met", self._clauses_not_met(entity_rows.clauses_not_met)),
        ):
            yield

    def _run_suite(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def run(suite: Any, frame_of: Callable[[list[str]], Any]) -> Any:
            fetched_before, started = self._fetching, time.perf_counter()
            outcomes = original(suite, lambda columns: self._fetched(frame_of, columns))
            self.seconds += time.perf_counter() - started - (self._fetching - fetched_before)
            self.expectations += len(outcomes)
            return outcomes

        return run

    def _clauses_not_met(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def judge(suite: Any, frame: Any) -> Any:
            started = time.perf_counter()
            found = original(suite, frame)
            self.seconds += time.perf_counter() - started
            return found

        return judge

    def _fetched(self, frame_of: Callable[[list[str]], Any], columns: list[str]) -> Any:
        started = time.perf_counter()
        frame = frame_of(columns)
        self._fetching += time.perf_counter() - started
        return frame
