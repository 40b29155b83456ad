"""Invocations of dbt by a process that is kept ready: to load dbt and the project takes as long as many models.

The process that keeps it ends with the process that asks, and each invocation is a process of its own under it: it can
be killed, and can run out of memory, by itself.
"""

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

_PROGRAM = Path(__file__).with_name("dbt_worker.py")
_BLOCK_BYTES = 65536
_PATIENCE_SECONDS = 30.0


class DbtProcess:
    """One invocation under way, as far as dagster-dbt looks at a process.

    Attributes:
        args: dbt and its arguments.
        pid: of the invocation; 0 before it has begun.
        returncode: None while it runs, then its exit code; below zero the signal that killed it.
        stdout: itself; iterating gives its lines, and ends with it.
        closed: whether its lines have been read.
    """

    def __init__(self, worker: "_Worker", arguments: Sequence[str]) -> None:
        self.args = ["dbt", *arguments]
        self.pid = 0
        self.returncode: int | None = None
        self.stdout = self
        self.closed = False
        self._worker = worker
        self._unread = b""

    def __enter__(self) -> "DbtProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def __iter__(self) -> Iterator[bytes]:
        while (line := self._line(None)) is not None:
            yield line

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; lines that nobody has read are lost.

        Raises:
            subprocess.TimeoutExpired: if it still runs after so many seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while self._line(end) is not None:
            pass
        return self.returncode or 0

    def send_signal(self, number: int) -> None:
        """Send it a signal while it runs."""
        if self.pid and self.returncode is None:
            os.kill(self.pid, number)

    def _line(self, end: float | None) -> bytes | None:
        """The next line of dbt; None when there will be no more."""
        while self.returncode is None:
            line, is_whole, rest = self._unread.partition(b"\n")
            if not is_whole:
                self._read(end)
                continue
            self._unread = rest
            told = _of_worker(line)
            if "started" in told:
                self.pid = told["started"]
            elif "ended" in told:
                self.returncode = told["ended"]
            elif line.strip():
                return line
        return None

    def _read(self, end: float | None) -> None:
        pipe = self._worker.events
        if end is not None and not select.select([pipe], [], [], max(0.0, end - time.monotonic()))[0]:
            raise subprocess.TimeoutExpired(self.args, 0.0)
        block = os.read(pipe, _BLOCK_BYTES)
        self._unread += block
        if not block:
            # The worker is gone, and with it whoever could tell how the invocation ended.
            self.returncode = self._worker.process.wait() or 1


class _Worker:
    """A process that holds dbt and a parsed project."""

    def __init__(self, partial_parse: Path, environment: Mapping[str, str]) -> None:
        requests, self._requests = os.pipe()
        self.events, events = os.pipe()
        self.process = subprocess.Popen(  # noqa: S603
            # -P: the modules beside the program must not stand before those of the standard library.
            [sys.executable, "-P", str(_PROGRAM), str(partial_parse)],
            stdin=requests,
            stdout=events,
            stderr=subprocess.STDOUT,
            env=dict(environment),
        )
        os.close(requests)
        os.close(events)

    def ask(self, request: Mapping[str, object]) -> None:
        """Have it start an invocation."""
        with open(self._requests, "wb", closefd=False) as pipe:
            pipe.write(json.dumps(request).encode() + b"\n")

    def end(self) -> None:
        """Let it end: it does when nobody can ask it any more."""
        os.close(self._requests)
        try:
            self.process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.events)


class _Kept:
    """The worker that is kept, what it holds, and its newest invocation."""

    def __init__(self) -> None:
        self._worker: _Worker | None = None
        self._holds: tuple[object, ...] = ()
        self._newest: DbtProcess | None = None

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], partial_parse: Path) -> DbtProcess:
        holds = (partial_parse, partial_parse.stat().st_mtime_ns, environment["STOCKSTRATA_WAREHOUSE"])
        is_free = self._newest is None or self._newest.returncode is not None
        worker = self._worker
        if worker is None or worker.process.poll() is not None or holds != self._holds or not is_free:
            self.end()
            self._holds, worker = holds, _Worker(partial_parse, environment)
            self._worker = worker
        worker.ask({"arguments": list(arguments), "environment": dict(environment)})
        self._newest = DbtProcess(worker, arguments)
        return self._newest

    def end(self) -> None:
        """End the worker, and before it an invocation that somebody let go of."""
        worker, newest = self._worker, self._newest
        self._worker = self._newest = None
        if newest is not None:
            newest.send_signal(signal.SIGINT)
        if worker is not None:
            worker.end()


_KEPT = _Kept()
atexit.register(_KEPT.end)


def start_dbt(arguments: Sequence[str], environment: Mapping[str, str], partial_parse: Path) -> DbtProcess:
    """Start an invocation of dbt; one that is still under way is ended.

    Args:
        arguments: of dbt, from the command on.
        environment: all of its variables; `DBT_PROJECT_DIR` and `DBT_LOG_PATH` name the project and where its log goes.
        partial_parse: the parsed project, as dbt keeps it.
    """
    return _KEPT.start(arguments, environment, partial_parse)


def _of_worker(line: bytes) -> dict[str, Any]:
    """What the worker itself tells in a line: nothing in a line of dbt's."""
    return json.loads(line) if line.startswith((b'{"started"', b'{"ended"')) else {}
