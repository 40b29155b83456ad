"""What dbt's parser made of the project, kept for other homes: they run the same models and only name other places.

A home of its own for each company, and for each replay and rebuild, would parse the same files again for seconds. The
folder is `cache` of the home, where its replays and rebuilds find it, or the one that `STOCKSTRATA_CACHE` names, which
homes may share. It may be removed at any time, and need not be writable.
"""

import os
import shutil
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from orchestration.resources.settings import read_settings

# A few states of the project: of a release and the one before, or of what somebody works on.
_MOST_KEPT = 4


def fetch(names: Sequence[str], fingerprint: str, target: Path) -> bool:
    """Copy what was kept for a state of the project; tells whether it was.

    Args:
        names: of the files that must be there; what was added to them comes along.
        fingerprint: of the project and of who parsed it.
        target: folder to copy into.
    """
    kept = _folder() / fingerprint
    try:
        for name in {*names, *(file.name for file in kept.iterdir())}:
            shutil.copyfile(kept / name, target / name)
        os.utime(kept)
    except OSError:
        return False
    return True


def keep(names: Sequence[str], fingerprint: str, target: Path) -> None:
    """Keep files for other homes where that can be done; the states that nobody has fetched for longest go.

    Args:
        names: of the files.
        fingerprint: of the project and of who parsed it.
        target: folder that holds them.
    """
    draft = _folder() / f".draft-{uuid.uuid4()}"
    with suppress(OSError):
        draft.mkdir(parents=True)
        for name in names:
            shutil.copyfile(target / name, draft / name)
        # Another process that keeps the same has kept it as well.
        draft.rename(_folder() / fingerprint)
        states = sorted(_folder().glob("[!.]*"), key=lambda state: state.stat().st_mtime)
        for state in states[:-_MOST_KEPT]:
            shutil.rmtree(state)
    shutil.rmtree(draft, ignore_errors=True)


def add(file: Path, fingerprint: str) -> None:
    """Add a file to what is kept for a state of the project, where that can be done, unless a longer one is there."""
    kept, draft = _folder() / fingerprint, _folder() / f".draft-{uuid.uuid4()}"
    with suppress(OSError):
        held = (kept / file.name).stat().st_size if (kept / file.name).exists() else 0
        if kept.is_dir() and held < file.stat().st_size:
            shutil.copyfile(file, draft)
            draft.rename(kept / file.name)


def _folder() -> Path:
    return cache_folder(read_settings().home) / "dbt"


def cache_folder(home: Path) -> Path:
    """Where what can be made again is kept for other homes."""
    return Path(os.environ.get("STOCKSTRATA_CACHE") or home / "cache")
