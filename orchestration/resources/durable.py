"""Files that a power cut must not take back once others rely on them."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# The file system writes what waits for it together: many at a time take hardly longer than one.
_AT_A_TIME = 16


def to_disk(path: Path) -> None:
    """Have a file's content, or the names in a folder, on the disk before going on.

    Args:
        path: a file or a folder.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def all_to_disk(paths: Iterable[Path]) -> None:
    """Have many files or folders on the disk before going on."""
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        for _ in pool.map(to_disk, paths):
            pass
