"""Where the history of a company starts: the calendar of periods begins there, whatever stray dates lie before it."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass

from data_quality.source import SUPPLY_ENTITY
from orchestration.resources.intake import Intake
from orchestration.resources.warehouse import Warehouse
from stockstrata.errors import InputError
from stockstrata.periods import history_start, period_start

_COUNTS = "select date_trunc('{period}', {date})::date, count(*) from {rows} group by all"


@dataclass(frozen=True)
class History:
    """The first day of history, and the demand that lies before it.

    Attributes:
        first_date: `history_from` of `source.yaml`, or else the first period of demand, strays left out.
        stray_row_count: demand rows dated before; they are landed, and no cycle plans with them.
        oldest_date: period of the oldest of them; None where there are none.
    """

    first_date: dt.date
    stray_row_count: int = 0
    oldest_date: dt.date | None = None


def history_of(intake: Intake, warehouse: Warehouse) -> History:
    """Where history starts by the demand held and the demand that an intake brings.

    A source of purchase orders alone starts with its first orders.

    Raises:
        InputError: if neither holds any demand.
    """
    counts: Counter[dt.date] = Counter()
    source = intake.validation.source
    entity, date = (SUPPLY_ENTITY, "order_date") if source.entities == "supply_only" else ("demand", "demand_date")
    if intake.base_load_id:
        with warehouse.connect(read_only=True) as connection:
            query = _COUNTS.format(period=source.period, date=date, rows=f"raw.{entity}")
            counts |= dict(connection.execute(query).fetchall())
    found = intake.entities[entity].found
    if found is not None:
        rows = f"({found.rows.accepted_sql()})"
        # Rows of a full extract are held already, so the larger count is the number of rows, not the sum.
        query = _COUNTS.format(period=source.period, date=date, rows=rows)
        counts |= dict(found.rows.connection.execute(query).fetchall())
    if not counts:
        raise InputError(f"The extract of {entity} holds no row; bring the {entity} of some periods.")
    first = source.history_from or history_start(counts)
    strays = {period: rows for period, rows in counts.items() if period < period_start(first, source.period)}
    return History(first, sum(strays.values()), min(strays, default=None))
