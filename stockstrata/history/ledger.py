"""The adjustment ledger while it is written: rows by cell of the demand panel."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.panel import KEY, DemandPanel
from stockstrata.tables import DEMAND_ADJUSTMENT

_COLUMNS = [column.name for column in DEMAND_ADJUSTMENT.columns if column.name != "period_start_date"]


@dataclass(frozen=True)
class Cells:
    """Cells of a panel.

    Attributes:
        row: series of each, (m,).
        bucket: bucket of each, (m,).
        held: rows of the frame that they were looked up from which lie in the panel; all where there was none.
    """

    row: np.ndarray
    bucket: np.ndarray
    held: np.ndarray

    @classmethod
    def where(cls, mask: np.ndarray) -> "Cells":
        """The cells at which a mask (n, T) holds, by series and bucket."""
        row, bucket = np.nonzero(mask)
        return cls(row, bucket, np.ones(len(row), dtype=bool))

    def select(self, held: np.ndarray) -> "Cells":
        """Some of the cells."""
        return Cells(self.row[held], self.bucket[held], self.held[held])


class Ledger:
    """Collects adjustments of one panel."""

    def __init__(self, panel: DemandPanel) -> None:
        self._panel = panel
        self._index = pd.MultiIndex.from_frame(panel.keys[KEY])
        self._parts: list[pd.DataFrame] = []

    @property
    def shape(self) -> tuple[int, int]:
        """Series and buckets."""
        return len(self._panel.keys), len(self._panel.bucket_start_dates)

    def cells(self, frame: pd.DataFrame) -> Cells:
        """Cells of the rows of a frame with `item_id, location_id, bucket_start_date`; others are left out."""
        row = self._index.get_indexer(pd.MultiIndex.from_frame(frame[KEY]))
        bucket = self._panel.bucket_start_dates.get_indexer(pd.DatetimeIndex(frame["bucket_start_date"]))
        held = (row >= 0) & (bucket >= 0)
        return Cells(row[held], bucket[held], held)

    def keys_of(self, cells: Cells) -> pd.DataFrame:
        """`item_id, location_id, bucket_start_date` of cells, index from 0."""
        keys = self._panel.keys[KEY].iloc[cells.row].reset_index(drop=True)
        return keys.assign(bucket_start_date=self._panel.bucket_start_dates[cells.bucket])

    def add(
        self,
        reason_code: str,
        cells: Cells,
        adjustment_qty: np.ndarray,
        *,
        method: str | pd.Series,
        evidence: str | pd.Series,
        explanation: str | pd.Series,
        detail: str | pd.Series = "",
        in_stock_rate: pd.Series | None = None,
        at_close_qty: np.ndarray | None = None,
    ) -> None:
        """Write rows of one reason; texts are given once for all rows or one a row.

        What was to be told when a bucket closed is taken for the adjustment itself where it is not given.
        """
        if not len(cells.row):
            return
        texts = {"reason_detail": detail, "method_code": method, "evidence": evidence, "explanation": explanation}
        self._parts.append(
            self.keys_of(cells).assign(
                reason_code=reason_code,
                adjustment_qty=adjustment_qty,
                adjustment_at_close_qty=adjustment_qty if at_close_qty is None else at_close_qty,
                in_stock_rate=np.nan if in_stock_rate is None else in_stock_rate.to_numpy(),
                _row=cells.row,
                _bucket=cells.bucket,
                **{name: text.to_numpy() if isinstance(text, pd.Series) else text for name, text in texts.items()},
            )
        )

    def rows(self, raw_qty: np.ndarray) -> pd.DataFrame:
        """DEMAND_ADJUSTMENT without period and stamps, sorted by key, bucket and reason.

        Args:
            raw_qty: gross demand of each cell, units, (n, T).
        """
        if not self._parts:
            return pd.DataFrame({name: [] for name in _COLUMNS})
        found = pd.concat(self._parts, ignore_index=True)
        found["raw_qty"] = raw_qty[found["_row"].to_numpy(), found["_bucket"].to_numpy()]
        order = ["_row", "_bucket", "reason_code", "reason_detail"]
        return found.sort_values(order, ignore_index=True).loc[:, _COLUMNS]
