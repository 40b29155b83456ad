"""The bytes of a CSV file as UTF-8: unzipped, decoded, and never more than the limits allow."""

import codecs
import gzip
import io
import zlib
from pathlib import Path

from data_quality.csv_format import CsvFormat
from data_quality.problems import input_problem
from data_quality.source import ReadLimits
from stockstrata.errors import InputError

# First bytes of what is often exported under the name of a CSV file.
_OTHER_KINDS = {
    b"\x1f\x8b": ("gzip", "Name it .csv.gz, or unzip it."),
    b"PK\x03\x04": ("an Excel workbook or a zip archive", "Save the sheet as CSV UTF-8, or unzip it."),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", "Save the sheet as CSV UTF-8."),
    b"PAR1": ("Parquet", "Name it .parquet."),
}
# Places of quotes and line ends, the values as text, and the bytes themselves.
_MEMORY_A_CSV_BYTE = 8


def file_bytes(path: Path, limits: ReadLimits) -> bytes:
    """The bytes of a CSV file.

    Raises:
        InputError: there are more of them than the limits allow, or they are those of another kind of file.
    """
    with path.open("rb") as stream:
        data = stream.read(_most_bytes(limits) + 1)
    if len(data) > _most_bytes(limits):
        raise _too_large(path, limits)
    kind, next_step = next((told for mark, told in _OTHER_KINDS.items() if data.startswith(mark)), ("", ""))
    if kind and not (kind == "gzip" and _is_zipped(path)):
        raise input_problem(
            path, found=f"{kind} under the name of a CSV file", expected="lines of text", next_step=next_step
        )
    return data


def csv_text(data: bytes, path: Path, csv_format: CsvFormat, limits: ReadLimits) -> bytes:
    """What `file_bytes` gave, unzipped where the file is named .gz, in UTF-8.

    Raises:
        InputError: it cannot be unzipped or decoded, or grows above the limits.
    """
    return _utf8(_unzipped(data, path, limits), path, csv_format)


def _unzipped(data: bytes, path: Path, limits: ReadLimits) -> bytes:
    if not _is_zipped(path):
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            unzipped = stream.read(_most_bytes(limits) + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise input_problem(
            path,
            found=f"a broken gzip file ({error})",
            expected="a sound one",
            next_step="Compress or transfer it again; a file that is not zipped is named .csv.",
        ) from None
    if len(unzipped) > _most_bytes(limits):
        raise _too_large(path, limits)
    return unzipped


def _is_zipped(path: Path) -> bool:
    return path.name.lower().endswith(".gz")


def _most_bytes(limits: ReadLimits) -> int:
    return limits.memory_mb * 1024 * 1024 // _MEMORY_A_CSV_BYTE


def _too_large(path: Path, limits: ReadLimits) -> InputError:
    size = _most_bytes(limits) // 1024**2
    return input_problem(
        path,
        found=f"more than {size} MB{' unzipped' if _is_zipped(path) else ''}",
        expected=f"a CSV file that can be read in {limits.memory_mb} MB of memory",
        next_step="Bring it as Parquet, or allow more by `limits: {memory_mb: N}` in source.yaml.",
    )


def _utf8(data: bytes, path: Path, csv_format: CsvFormat) -> bytes:
    """The bytes in UTF-8; a byte-order mark of UTF-8 holds whatever the settings say."""
    if csv_format.encoding == "utf-8" or data.startswith(codecs.BOM_UTF8):
        return data
    try:
        return data.decode(csv_format.encoding).encode()
    except UnicodeError as error:
        start = getattr(error, "start", 0)
        line = data.count(b"\n", 0, start) + 1
        raise input_problem(
            f"{path}, line {line}",
            found=f"the bytes {data[start : start + 4].hex(' ')}, which mean nothing in {csv_format.encoding}",
            expected=f"text in {csv_format.encoding}, as source.yaml says",
            next_step="Name the file's true encoding in source.yaml, or export it in that one.",
        ) from None
