"""Writing the sample company: the extract as a source's data, the truth beside it."""

import shutil
from pathlib import Path
from typing import Literal, cast

from stockstrata.sample.company import generate_company
from stockstrata.sample.files import to_csv_bytes

Size = Literal["tiny", "demo", "large"]


def write_sample(folder: Path, size: str, seed: int) -> Path:
    """Write `extract/` (what the pipeline reads) and `truth/` (what only tests read), replacing what stood there.

    Args:
        folder: folder of the sample.
        size: tiny, demo or large; large is written as Parquet.
        seed: same seed, same bytes.

    Returns:
        The folder of the extract.
    """
    company = generate_company(cast(Size, size), seed=seed)
    draft = folder.with_name(f".{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    for kind, frames in (("extract", company.extract), ("truth", company.truth)):
        (draft / kind).mkdir(parents=True)
        for name, frame in frames.items():
            if size == "large":
                frame.to_parquet(draft / kind / f"{name}.parquet", index=False)
            else:
                (draft / kind / f"{name}.csv").write_bytes(to_csv_bytes(frame))
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)
    return folder / "extract"
