"""Outcomes of forecast cycles by series, kept so that a run after a correction computes only what has changed.

One Parquet file a period, replaced by one rename. A file that is missing or cannot be read costs time and changes no
number: its series are computed (docs/decisions/0070).
"""

import datetime as dt
import json
import os
from dataclasses import fields
from pathlib import Path

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stockstrata.forecasting.outcome import SeriesOutcome
from stockstrata.forecasting.reuse import SeriesInputs, SeriesStates
from stockstrata.panel import KEY

KEPT_PERIODS = 3
"""Corrections reach the newest cycles; older ones are computed whole."""

_SHAPES = b"shapes"


class SeriesStore(dg.ConfigurableResource):
    """Folder of the outcomes kept."""

    folder: str

    def read(self, period: dt.date) -> SeriesStates | None:
        """The outcomes of a period's newest run; None where none can be read."""
        try:
            table = pq.read_table(self._file(period))
            shapes = json.loads((table.schema.metadata or {})[_SHAPES])
            keys = table.select(KEY).to_pandas()
            inputs = {field.name: _array(table, field.name, shapes) for field in fields(SeriesInputs)}
            outcome = {field.name: _array(table, field.name, shapes) for field in fields(SeriesOutcome)}
        except (OSError, KeyError, ValueError, pa.ArrowException):
            return None
        return SeriesStates(keys, SeriesInputs(**inputs), SeriesOutcome(**outcome))

    def write(self, period: dt.date, states: SeriesStates) -> None:
        """Keep the outcomes of a period, and drop those of all but the newest periods."""
        columns = {name: pa.array(states.keys[name], pa.string()) for name in KEY}
        shapes: dict[str, list[int]] = {}
        for part in (states.inputs, states.outcome):
            for field in fields(part):
                values = getattr(part, field.name)
                columns[field.name], shapes[field.name] = _column(values), list(values.shape[1:])
        table = pa.table(columns).replace_schema_metadata({_SHAPES: json.dumps(shapes).encode()})
        file = self._file(period)
        file.parent.mkdir(parents=True, exist_ok=True)
        for stray in file.parent.glob(".draft-*"):
            stray.unlink()
        draft = file.with_name(f".draft-{os.getpid()}")
        pq.write_table(table, draft, compression="zstd")
        draft.replace(file)
        for old in sorted(file.parent.glob("*.parquet"))[:-KEPT_PERIODS]:
            old.unlink()

    def _file(self, period: dt.date) -> Path:
        return Path(self.folder) / f"{period.isoformat()}.parquet"


def _column(values: np.ndarray) -> pa.Array:
    if values.ndim == 1:
        return pa.array(values, pa.string() if values.dtype == object else None)
    return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), int(np.prod(values.shape[1:])))


def _array(table: pa.Table, name: str, shapes: dict[str, list[int]]) -> np.ndarray:
    column = table.column(name).combine_chunks()
    if not shapes[name]:
        return column.to_numpy(zero_copy_only=False)
    return column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), *shapes[name])
