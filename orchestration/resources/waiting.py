"""Rows that are landed and that no cycle has seen yet, because their date lies on or after the newest cut-off."""

import datetime as dt
from dataclasses import dataclass

from orchestration.resources.warehouse import OPEN_END, Warehouse

_EVENT_DATES = {"demand": "demand_date", "stock": "stock_date"}


@dataclass(frozen=True)
class WaitingRows:
    """Rows of one entity that a cycle could not know.

    Attributes:
        entity: `demand` or `stock`.
        row_count: rows in force.
        first_date: date of the oldest.
        last_date: date of the newest.
    """

    entity: str
    row_count: int
    first_date: dt.date
    last_date: dt.date


def waiting_rows(warehouse: Warehouse, cut_off: dt.date) -> list[WaitingRows]:
    """Rows in force dated on or after a cut-off, for the entities that have any.

    Args:
        warehouse: the warehouse.
        cut_off: first day that the cycle does not know.
    """
    counts = [
        f"select '{entity}' as entity, count(*) as row_count, min({day}) as first_date, max({day}) as last_date "
        f"from raw.{entity} where {day} >= $cut_off and known_to_at = timestamp '{OPEN_END}'"
        for entity, day in _EVENT_DATES.items()
    ]
    found = warehouse.read(
        f"from ({' union all '.join(counts)}) where row_count > 0 order by entity", {"cut_off": cut_off}
    )
    return [
        WaitingRows(str(entity), int(count), first.date(), last.date())
        for entity, count, first, last in found.itertuples(index=False, name=None)
    ]
