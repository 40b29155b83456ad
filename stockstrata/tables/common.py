"""What tables are made of, and the columns that many of them share."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    type: str
    description: str


@dataclass(frozen=True)
class Table:
    """One table: its grain is the key of the rows inside a period."""

    name: str
    grain: tuple[str, ...]
    columns: tuple[Column, ...]
    may_be_empty: bool = False


STAMP = (
    Column("parameters_version", "VARCHAR", "Hash of the business parameters that the row was computed with."),
    Column("run_id", "VARCHAR", "Dagster run that wrote the row."),
    Column("computed_at", "TIMESTAMP", "When the row was written, UTC."),
)

PERIOD = Column("period_start_date", "DATE", "First day of the planning period.")

ITEM = Column("item_id", "VARCHAR", "Item.")

LOCATION = Column("location_id", "VARCHAR", "Location; ALL where the company plans without locations.")

SEGMENT = Column("segment_code", "VARCHAR", "Segment of the item-location in this cycle.")

GRADE = Column("evidence_grade", "VARCHAR", "full, degraded, assumed or blocked: how well the inputs support the row.")

POOL = Column("pool_code", "VARCHAR", "Forecast pool of the segment.")

MODEL = Column("model_code", "VARCHAR", "Forecast model.")

KEY = (PERIOD, ITEM, LOCATION)

GRAIN = ("period_start_date", "item_id", "location_id")


def quantiles(what: str, codes: tuple[str, ...]) -> tuple[Column, ...]:
    """Columns of quantiles, by their percent: `quantiles("demand", ("50", "95"))`."""
    return tuple(Column(f"p{c}_qty", "DOUBLE", f"{c} percent quantile of {what}, units.") for c in codes)
