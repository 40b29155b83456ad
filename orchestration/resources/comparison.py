"""How the accepted rows of an extract differ from the versions held so far, found in one join by row key.

The join runs in the connection that judged the rows; the versions come over from the warehouse as Arrow columns.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import duckdb

from data_quality.contracts import Contract
from data_quality.extract_kind import ExtractKind
from data_quality.typed_values import content_hash_sql
from data_quality.validation import EntityValidation
from orchestration.resources.load_record import RetractionCode
from orchestration.resources.warehouse import OPEN_END

ALWAYS_KNOWN = "1900-01-01"
"""What the first load of a master entity brings is known from here on."""


@dataclass(frozen=True)
class Comparison:
    """What an extract changes.

    Attributes:
        has_history: whether any version of the entity is held; the other attributes say nothing where none is.
        differences: table of `position, held_from_at, held_to_at, is_held, held_period` of the rows that are new or
            differ; `position` is the row's in the extract, `is_held` whether a version of its key is in force.
        missing: table of `row_key, event_date, landing_period_start_date, known_from_at` of the versions to retract.
        missing_row_count: rows in it.
        lost_row_count: those of them that nothing in the extract replaces.
        scope_row_count: rows in force that the extract should have had.
        high_waters: for each column of the event date the newest day landed so far that does not lie in the future. An
            order that was just placed says nothing of how far the receipts have come.
        retraction_code: as in `Reading`.
    """

    has_history: bool = False
    differences: str = ""
    missing: str = ""
    missing_row_count: int = 0
    lost_row_count: int = 0
    scope_row_count: int = 0
    high_waters: Mapping[str, dt.date | None] = field(default_factory=dict)
    retraction_code: RetractionCode = "not_asked"


def coalesced(columns: Collection[str], otherwise: str) -> str:
    """The first of some columns that is filled, as SQL."""
    return f"coalesce({', '.join(columns)})" if columns else otherwise


def is_news_sql(high_waters: Mapping[str, dt.date | None]) -> str:
    """SQL for whether a row's event lies behind all that was landed of its kind; null where it has none."""
    if not high_waters:
        return "false"
    kinds = [
        f"when {column} is not null then {column} > date '{newest or ALWAYS_KNOWN}'"
        for column, newest in high_waters.items()
    ]
    return f"case {' '.join(kinds)} end"


def compare(
    warehouse: duckdb.DuckDBPyConnection,
    found: EntityValidation,
    kind: ExtractKind,
    *,
    quarantined_before: Collection[str],
    today: dt.date,
) -> Comparison:
    """Compare a judged extract with what the warehouse holds of the entity.

    Args:
        warehouse: connection to the warehouse, read only.
        found: the judged extract.
        kind: what the absence of a row means.
        quarantined_before: `row_json` of the rows that were already set aside when rows were last retracted.
        today: event dates after it say nothing of how far the feed has come.
    """
    contract = found.rows.contract
    event = coalesced(contract.event_date, "null::date")
    is_open = f"known_to_at = timestamp '{OPEN_END}'"
    newest = "".join(f", max({column}) filter ({column} <= $today)" for column in contract.event_date)
    held, closed, *high_waters = warehouse.execute(
        f"select count(*), count(*) filter (not ({is_open})){newest} from raw.{contract.name}",
        {"today": today} if newest else {},
    ).fetchall()[0]
    if not held:
        return Comparison()
    # An extract without rows counts as not given, so it retracts nothing.
    retracts = kind != "delta" and found.landed_row_count > 0
    work, name = found.rows.connection, contract.name
    work.register("held", warehouse.execute(_held_sql(contract, event, closed)).to_arrow_table())
    work.execute(
        f"create or replace table {name}_differences as "
        "select accepted.position, held.row_key, held.known_from_at as held_from_at, held.known_to_at as held_to_at, "
        "held.is_held, held.held_period, held.event_date "
        f"from (select position, row_key, {content_hash_sql(contract)} as content from ({found.rows.accepted_sql()})) "
        "as accepted "
        f"{'full' if retracts else 'left'} join held using (row_key) "
        "where case when accepted.position is null then held.is_held "
        "else held.row_key is null or not held.is_held or accepted.content <> held.content end"
    )
    scope = _scope_sql(found, event, kind)
    (in_scope,) = work.execute(f"select count(*) from held where is_held and {scope}").fetchall()[0]
    work.unregister("held")
    missing, withheld = _missing(found, scope, quarantined_before) if retracts else (0, False)
    replaced = _replaced(found) if missing else 0
    return Comparison(
        has_history=True,
        differences=f"{name}_differences",
        missing=f"{name}_missing",
        missing_row_count=missing,
        lost_row_count=missing - replaced,
        scope_row_count=in_scope,
        high_waters=dict(zip(contract.event_date, high_waters, strict=True)),
        retraction_code="withheld" if withheld else "done" if retracts else "not_asked",
    )


def _held_sql(contract: Contract, event: str, closed: int) -> str:
    """The versions in force, and of keys without one, which were retracted, the newest version."""
    columns = (
        f"row_key, {content_hash_sql(contract)} as content, known_from_at, known_to_at, {event} as event_date, "
        "landing_period_start_date as held_period"
    )
    is_open = f"known_to_at = timestamp '{OPEN_END}'"
    in_force = f"select {columns}, true as is_held from raw.{contract.name} where {is_open}"
    if not closed:
        return in_force
    return (
        f"{in_force} union all select {columns}, false from raw.{contract.name} where not ({is_open}) "
        f"and row_key not in (select row_key from raw.{contract.name} where {is_open}) "
        "qualify row_number() over (partition by row_key order by known_to_at desc, load_id desc) = 1"
    )


def _scope_sql(found: EntityValidation, event: str, kind: ExtractKind) -> str:
    """Which versions in force the extract should have had, as a condition on `event_date`."""
    if kind != "window":
        return "true"
    first, last = found.rows.connection.execute(
        f"select min({event}), max({event}) from ({found.rows.accepted_sql()})"
    ).fetchall()[0]
    return f"event_date between date '{first}' and date '{last}'" if first else "false"


def _missing(found: EntityValidation, scope: str, quarantined_before: Collection[str]) -> tuple[int, bool]:
    """Make the table of versions to retract; how many there are, and whether they are held back.

    A refused row is not missing. One whose key cannot be read may be any of those that are: unless the extract had it
    before, nothing is retracted until it is mended.
    """
    work, name = found.rows.connection, found.entity_name
    work.execute(
        f"create or replace table {name}_missing as "
        "select row_key, event_date, held_period as landing_period_start_date, held_from_at as known_from_at "
        f"from {name}_differences where position is null and {scope} "
        f"and row_key not in (select row_key from ({found.rows.refused_keys_sql()}) where row_key is not null)"
    )
    (count,) = work.execute(f"select count(*) from {name}_missing").fetchall()[0]
    is_withheld = count > 0 and not _without_key(found) <= set(quarantined_before)
    if is_withheld:
        work.execute(f"delete from {name}_missing")
    return (0 if is_withheld else count), is_withheld


def _replaced(found: EntityValidation) -> int:
    """Missing rows whose empty last key column has been filled since: an open order line that was received."""
    contract = found.rows.contract
    place, last = len(contract.keys), contract.column(contract.keys[-1][-1])
    if last.required or last.type == "string" or last.name not in found.rows.columns:
        return 0
    filled = f"cast({last.name} as varchar)"
    (count,) = found.rows.connection.execute(
        f"select count(*) from {found.entity_name}_missing where starts_with(row_key, '{place}|') and row_key in ("
        f"select left(row_key, length(row_key) - length({filled})) from ({found.rows.accepted_sql()}) "
        f"where {last.name} is not null)"
    ).fetchall()[0]
    return count


def _without_key(found: EntityValidation) -> set[str]:
    """`row_json` of the quarantined rows whose key cannot be read."""
    lines = found.rows.connection.execute(
        f"select file_name, row_number from ({found.rows.refused_keys_sql()}) where row_key is null"
    ).fetchall()
    unreadable = set(lines)
    quarantine = found.quarantine
    is_line = quarantine["clause_name"] == "line_is_readable"
    return {
        row_json
        for file_name, row_number, row_json, is_broken in zip(
            quarantine["file_name"], quarantine["row_number"], quarantine["row_json"], is_line, strict=True
        )
        if is_broken or (file_name, row_number) in unreadable
    }
