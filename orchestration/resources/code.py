"""The project's own code as an input of a cycle: its hash, and an archive that can be run again years later."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from orchestration.resources.settings import PROJECT_ROOT

LOCK_FILE = PROJECT_ROOT / "requirements.lock"
_FOLDERS = ("stockstrata", "data_quality", "assets", "orchestration", "dbt_project")
_SUFFIXES = {".py", ".sql", ".yml", ".yaml", ".csv"}
# Business parameters are an input of their own; dbt's working folders hold what it made of the rest.
_LEFT_OUT = tuple(f"dbt_project/{name}" for name in ("seeds/parameters/", "target/", "logs/", ".user.yml"))
# Zip files carry times; equal code must give equal bytes.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def code_hash(root: Path = PROJECT_ROOT) -> str:
    """Hash over every file that decides what a cycle computes, parameters left out.

    Args:
        root: folder of the project.
    """
    digest = hashlib.sha256()
    for file in _files(root):
        digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def packed_code(root: Path = PROJECT_ROOT) -> bytes:
    """The same files and the lock file as a zip archive.

    Args:
        root: folder of the project.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in [*_files(root), root / LOCK_FILE.name]:
            name = zipfile.ZipInfo(file.relative_to(root).as_posix(), _EPOCH)
            archive.writestr(name, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def unpack_code(packed: bytes, folder: Path) -> None:
    """Unpack an archive made by `packed_code` into a folder."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        archive.extractall(folder)


def _files(root: Path) -> Iterator[Path]:
    for folder in _FOLDERS:
        for file in sorted((root / folder).rglob("*")):
            if file.suffix in _SUFFIXES and not file.relative_to(root).as_posix().startswith(_LEFT_OUT):
                yield file


# What a process runs it read when it started: files that are edited meanwhile are not what made its numbers.
RUNNING_CODE_HASH = code_hash()
