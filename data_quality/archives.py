"""Unpacking of archives that a source names: safely, and once for the same bytes."""

import hashlib
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from lzma import LZMAError
from pathlib import Path

from data_quality.problems import input_problem

_MAX_UNPACKED_BYTES = 50 * 1024**3
_FAULTS = (tarfile.TarError, zipfile.BadZipFile, LZMAError, zlib.error, EOFError, OSError, ValueError, RuntimeError)


def unpack_archives(archives: Sequence[Path], data_folder: Path, scratch: Path) -> Path | None:
    """Unpack tar and zip archives into one folder under `scratch` that is named by their content.

    Args:
        archives: the files, all inside `data_folder`.
        data_folder: folder that an archive may not lie outside of.
        scratch: folder for the result.

    Returns:
        The folder, or None where there are no archives.

    Raises:
        InputError: an archive is missing, broken, too large or would write outside its folder.
    """
    if not archives:
        return None
    digest = hashlib.sha256()
    for archive in archives:
        if not archive.is_file() or not archive.resolve().is_relative_to(data_folder.resolve()):
            raise input_problem(
                archive,
                found="no such file in the data folder",
                expected="the archive that source.yaml names under unpack",
                next_step="Put it there or mend source.yaml.",
            )
        digest.update(archive.name.encode() + b"\0" + file_hash(archive).encode())
    target = scratch.absolute() / digest.hexdigest()[:24]
    if target.is_dir():
        return target
    scratch.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=scratch))
    try:
        for archive in archives:
            _unpack(archive, beside)
        _put_in_place(beside, target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return target


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _put_in_place(beside: Path, target: Path) -> None:
    try:
        beside.rename(target)
    except OSError:
        # Another process may have unpacked the same bytes meanwhile; its result is as good.
        if not target.is_dir():
            raise


def _unpack(archive: Path, target: Path) -> None:
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                _check_size(archive, sum(member.file_size for member in opened.infolist()))
                opened.extractall(target)  # noqa: S202  # zipfile drops roots and `..` from names itself
            return
        with tarfile.open(archive) as opened:
            _check_size(archive, sum(member.size for member in opened))
            opened.extractall(target, filter="data")
    except _FAULTS as error:
        raise input_problem(
            archive,
            found=f"an archive that cannot be unpacked ({error})",
            expected="a sound tar, tar.gz, tar.xz or zip archive whose files stay inside it",
            next_step="Fetch it again.",
        ) from None


def _check_size(archive: Path, size: int) -> None:
    if size > _MAX_UNPACKED_BYTES:
        raise ValueError(f"{archive.name} would unpack to {size:,} bytes, above {_MAX_UNPACKED_BYTES:,}")
