"""The archive of a home: what a cycle read besides landing, kept under its hash for as long as the home lives.

Parameter files and the project's code are edited in place and upgraded. Without copies of what they were, an old cycle
could be compared with its manifest but not computed again.
"""

import hashlib
from pathlib import Path

from stockstrata.errors import PlanningError


class Archive:
    """Content-addressed files below one folder; nothing is ever changed or deleted there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, content: bytes, suffix: str) -> str:
        """Keep some bytes, once.

        Args:
            content: what to keep.
            suffix: what kind it is, as the end of the file's name, such as `.csv`.

        Returns:
            SHA-256 of the content, under which it is found again.
        """
        digest = hashlib.sha256(content).hexdigest()
        self.keep_as(digest, content, suffix)
        return digest

    def keep_as(self, name: str, content: bytes, suffix: str) -> None:
        """Keep some bytes under a name that stands for their content, such as a hash over many files."""
        file = self._file(name, suffix)
        if file.exists():
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}")
        draft.write_bytes(content)
        draft.replace(file)

    def read(self, name: str, suffix: str) -> bytes | None:
        """What was kept under a name, or None where nothing was."""
        file = self._file(name, suffix)
        return file.read_bytes() if file.exists() else None

    def read_checked(self, digest: str, suffix: str) -> bytes:
        """What `keep` kept.

        Raises:
            PlanningError: if it is missing or is no longer what was kept.
        """
        content = self.read(digest, suffix)
        if content is None or hashlib.sha256(content).hexdigest() != digest:
            state = "is missing" if content is None else "is not what was kept under that hash"
            raise PlanningError(
                f"{self._file(digest, suffix)} {state}; the cycle that used it cannot be replayed. Restore the file "
                "from a backup of the home."
            )
        return content

    def _file(self, name: str, suffix: str) -> Path:
        return self._folder / f"{name}{suffix}"
