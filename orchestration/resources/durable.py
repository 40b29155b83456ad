"""Files that a power cut must not take back once others rely on them."""

import os
from pathlib import Path


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
