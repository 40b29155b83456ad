"""Benchmark `install`: a fresh virtual environment from the lock file."""

import sys

from benchmarks.processes import watch
from benchmarks.report import MEBIBYTE, Report
from benchmarks.workbench import Workbench
from orchestration.resources.settings import PROJECT_ROOT


def measure_install(bench: Workbench) -> Report:
    """What a first `make` spends on installing."""
    folder = bench.folder / "install"
    made = watch([sys.executable, "-m", "venv", str(folder)], environment={}, folder=PROJECT_ROOT)
    lock = str(PROJECT_ROOT / "requirements.lock")
    pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    installed = watch([*pip, "-r", lock], environment={}, folder=PROJECT_ROOT)
    size = sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file())
    report = Report("install", "virtual environment and packages of requirements.lock")
    report.add("make the environment", made.seconds, "s")
    report.add("install the packages", installed.seconds, "s", "pip's cache as it is: the first time adds the download")
    report.add("together", made.seconds + installed.seconds, "s")
    report.add("size on disk", size / MEBIBYTE, "MiB")
    return report
