"""What the outcome of a series depends on besides its data and parameters: code, libraries, processor."""

import hashlib
import platform
from functools import cache
from importlib.metadata import version

from orchestration.resources.settings import PROJECT_ROOT

_LIBRARIES = ("coreforecast", "lightgbm", "numpy", "pandas", "scipy", "statsforecast", "statsmodels")


@cache
def code_version() -> str:
    """Everything that the outcome of a series depends on besides its data and parameters."""
    digest = hashlib.sha256()
    for file in sorted((PROJECT_ROOT / "stockstrata").rglob("*.py")):
        digest.update(file.relative_to(PROJECT_ROOT).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    libraries = [f"{name} {version(name)}" for name in _LIBRARIES]
    return "\n".join([digest.hexdigest(), platform.python_version(), platform.machine(), *libraries])
