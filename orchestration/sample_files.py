"""Writing the sample company: the extract as a source's data, the truth beside it."""

import shutil
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from stockstrata.sample.company import SampleCompany, generate_divisions
from stockstrata.sample.files import to_csv_bytes
from stockstrata.sample.sizes import SCALES, Size


def write_sample(folder: Path, size: str, seed: int, *, item_count: int | None = None) -> Path:
    """Write `extract/` (what the pipeline reads) and `truth/` (what only tests read), replacing what stood there.

    Args:
        folder: folder of the sample.
        size: tiny, demo or large; large is written as Parquet, one division after the other.
        seed: same seed, same bytes.
        item_count: items instead of those that belong to the size.

    Returns:
        The folder of the extract.
    """
    scale = SCALES[cast(Size, size)]
    divisions = generate_divisions(scale if item_count is None else scale.with_items(item_count), seed=seed)
    draft = folder.with_name(f".{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    for kind in ("extract", "truth"):
        (draft / kind).mkdir(parents=True)
    write = _write_parquet if size == "large" else _write_csv
    write(draft, divisions)
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)
    return folder / "extract"


def _write_csv(draft: Path, divisions: Iterable[SampleCompany]) -> None:
    (company,) = divisions
    for kind, frames in (("extract", company.extract), ("truth", company.truth)):
        for name, frame in frames.items():
            (draft / kind / f"{name}.csv").write_bytes(to_csv_bytes(frame))


def _write_parquet(draft: Path, divisions: Iterable[SampleCompany]) -> None:
    """One row group a division."""
    writers: dict[Path, pq.ParquetWriter] = {}
    with ExitStack() as stack:
        for company in divisions:
            for kind, frames in (("extract", company.extract), ("truth", company.truth)):
                for name, frame in frames.items():
                    file = draft / kind / f"{name}.parquet"
                    if file not in writers:
                        writers[file] = stack.enter_context(pq.ParquetWriter(file, _schema(frame)))
                    writers[file].write_table(
                        pa.Table.from_pandas(frame, schema=writers[file].schema, preserve_index=False)
                    )


def _schema(frame: pd.DataFrame) -> pa.Schema:
    # A text column that the first division leaves empty may be filled by the next.
    schema = pa.Schema.from_pandas(frame, preserve_index=False).remove_metadata()
    return pa.schema([field.with_type(pa.string()) if pa.types.is_null(field.type) else field for field in schema])
