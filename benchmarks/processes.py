"""Running a command and watching it: wall time, processor time and the peak memory of all its processes together."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_PAUSE_SECONDS = 0.1
_SHOWN_LINES = 25


@dataclass(frozen=True)
class Watched:
    """What running a command took.

    Attributes:
        seconds: wall time.
        processor_seconds: user and system time of the command and all processes under it.
        peak_bytes: largest sum of resident memory over all its processes at one moment; where the system has no
            `/proc`, the largest single process.
        output: standard output and error.
    """

    seconds: float
    processor_seconds: float
    peak_bytes: int
    output: str


def own_peak_mib() -> float:
    """Largest resident memory of this process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


class CommandError(Exception):
    """A command that was to be measured has failed."""


def watch(command: Sequence[str], *, environment: Mapping[str, str], folder: Path) -> Watched:
    """Run a command to its end.

    Args:
        command: program and arguments.
        environment: variables set over those of this process.
        folder: working directory.

    Raises:
        CommandError: if it fails; holds the end of what it printed.
    """
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    # A session of its own holds every process under the command, also those that outlive their parent.
    process = subprocess.Popen(
        list(command),
        env={**os.environ, **environment},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    sampler = _Sampler(process.pid)
    sampler.start()
    try:
        output, _ = process.communicate()
    except BaseException:
        os.killpg(process.pid, signal.SIGTERM)
        raise
    finally:
        sampler.end()
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode != 0:
        told = "\n".join(output.splitlines()[-_SHOWN_LINES:])
        raise CommandError(f"`{' '.join(command)}` ended with code {process.returncode}:\n{told}")
    return Watched(
        seconds=seconds,
        processor_seconds=(after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime),
        peak_bytes=sampler.peak_bytes or after.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        output=output,
    )


class _Sampler(threading.Thread):
    """Sums the resident memory of a session's processes again and again."""

    def __init__(self, session: int) -> None:
        super().__init__(daemon=True)
        self._session, self._done = session, threading.Event()
        self.peak_bytes = 0

    def run(self) -> None:
        while _PROC.is_dir() and not self._done.wait(_PAUSE_SECONDS):
            self.peak_bytes = max(self.peak_bytes, _resident_bytes(self._session))

    def end(self) -> None:
        self._done.set()
        self.join()


def _resident_bytes(session: int) -> int:
    page, total = os.sysconf("SC_PAGE_SIZE"), 0
    for entry in _PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # After the command's name, which may hold anything: state, parent, group, session.
            fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == session:
                total += int((entry / "statm").read_text(encoding="utf-8").split()[1]) * page
        except (OSError, IndexError, ValueError):
            continue
    return total
