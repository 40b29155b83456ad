"""The failure of a run, apart from what runs it: importing that fixes the home of the process."""

from pathlib import Path


class RunFailedError(Exception):
    """A run ended in failure: which step, why in the words of the step's own error, and where its output stands."""

    def __init__(self, job: str, period: str, step: str, reason: str, run_id: str, log_file: Path) -> None:
        super().__init__(f"{job} of {period} failed in step {step}: {reason}")
        self.step, self.reason, self.run_id, self.log_file = step, reason, run_id, log_file
