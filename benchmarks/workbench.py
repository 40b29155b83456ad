"""What the benchmarks share: a temporary folder, the command line, and one planned sample company."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.processes import Watched, watch
from orchestration.resources.settings import PROJECT_ROOT, read_settings

PLANNED_CYCLES = 3


@dataclass(frozen=True)
class PlannedSample:
    """A home in which the sample company has been planned, and what that took."""

    home: Path
    generated: Watched
    planned: Watched


@dataclass
class Workbench:
    """Where benchmarks write.

    Attributes:
        folder: temporary folder; every benchmark makes its own below it.
        is_large: whether the large sample is measured too.
        item_locations: sizes that `scale` measures.
        most_series: series of each data set that `accuracy` takes; None takes all.
        kill_count: how many runs the chaos run kills; a tenth as many run out of disk, a twentieth find a lock.
    """

    folder: Path
    is_large: bool = False
    kill_count: int = 100
    item_locations: tuple[int, ...] = (3_000, 10_000, 30_000)
    most_series: int | None = None
    _sample: PlannedSample | None = field(default=None, init=False)

    @property
    def real_data(self) -> Path:
        """Folder of the public data sets."""
        return read_settings().real_data

    def stockstrata(self, home: Path, *arguments: str) -> Watched:
        """Run the command line on a home, in a process of its own as a user would."""
        environment = {"STOCKSTRATA_HOME": str(home), "DAGSTER_HOME": str(home / "dagster"), "NO_COLOR": "1"}
        return watch(
            [sys.executable, "-m", "orchestration.cli", *arguments], environment=environment, folder=PROJECT_ROOT
        )

    def planned_sample(self) -> PlannedSample:
        """The demo sample, generated and planned once an invocation."""
        if self._sample is None:
            home = self.folder / "demo"
            generated = self.stockstrata(home, "sample", "--size", "demo")
            planned = self.stockstrata(home, "run", "sample", "--last", str(PLANNED_CYCLES))
            self._sample = PlannedSample(home, generated, planned)
        return self._sample
