"""The files that a load writes of one entity: what is new or changed, when it became known, and what was retracted."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import duckdb

from data_quality.contracts import Contract
from data_quality.validation import EntityValidation, referenced_columns
from orchestration.resources.comparison import ALWAYS_KNOWN, Comparison, coalesced, is_news_sql
from orchestration.resources.load_record import PeriodRows
from orchestration.resources.warehouse import sql_text

RETRACTED_FOLDER = "retracted"
_PERIOD = "landing_period_start_date"


@dataclass(frozen=True)
class LoadStamp:
    """What all rows of a load carry.

    Attributes:
        load_id: the load.
        loaded_at: its time, UTC.
        source_name: its source.
        period_type: month or week.
        newest_event: newest event date of all facts; master rows are filed under its period.
    """

    load_id: str
    loaded_at: dt.datetime
    source_name: str
    period_type: str
    newest_event: dt.date


@dataclass(frozen=True)
class Differences:
    """What a load wrote of one entity, counted."""

    new_row_count: int
    changed_row_count: int
    late_row_count: int
    retracted_row_count: int
    first_event_date: dt.date | None
    last_event_date: dt.date | None
    period_rows: dict[dt.date, PeriodRows]


def write_differences(found: EntityValidation, comparison: Comparison, draft: Path, stamp: LoadStamp) -> Differences:
    """Write new and changed rows as one Parquet file a period, and the retracted keys as one file, into a draft.

    Args:
        found: the judged extract; its connection may write to the draft.
        comparison: how it differs from what is held.
        draft: folder of the load's draft.
        stamp: what all rows carry.
    """
    contract, work = found.rows.contract, found.rows.connection
    # Without history all rows are new: a table of them would be one more copy.
    kind = "temp table" if comparison.has_history else "temp view"
    work.execute(f"create or replace {kind} delta as {_delta_sql(found, comparison, stamp)}")
    counted = work.execute(
        f"select {_PERIOD}, count(*) filter (change_code = 'new'), count(*) filter (change_code = 'changed'), "
        "count(*) filter (is_late_row), min(event_date), max(event_date) from delta group by all order by all"
    ).fetchall()
    if counted:
        _write_periods(work, draft, contract.name, stamp.load_id)
    work.execute(f"drop {kind.removeprefix('temp ')} delta")
    left, retracted = _left_periods(work, comparison), _retracted_periods(work, comparison)
    if retracted:
        _write_retracted(work, comparison, draft / RETRACTED_FOLDER / contract.name, stamp)
    brought = {period: (new, changed, late) for period, new, changed, late, _, _ in counted}
    period_rows = {
        period: PeriodRows(
            new_row_count=brought.get(period, (0, 0, 0))[0],
            changed_row_count=brought.get(period, (0, 0, 0))[1],
            late_row_count=brought.get(period, (0, 0, 0))[2],
            retracted_row_count=retracted.get(period, 0),
        )
        for period in sorted({*brought, *left, *retracted})
    }
    return Differences(
        new_row_count=sum(rows.new_row_count for rows in period_rows.values()),
        changed_row_count=sum(rows.changed_row_count for rows in period_rows.values()),
        late_row_count=sum(rows.late_row_count for rows in period_rows.values()),
        retracted_row_count=comparison.missing_row_count,
        first_event_date=min((row[4] for row in counted if row[4]), default=None),
        last_event_date=max((row[5] for row in counted if row[5]), default=None),
        # Master rows belong to no period: what they change is found by when they became known.
        period_rows=period_rows if contract.event_date else {},
    )


def _delta_sql(found: EntityValidation, comparison: Comparison, stamp: LoadStamp) -> str:
    """Rows that are new or differ from the version held so far, with their place in time.

    What is the same for all rows of the load stands in its mark, and key and hash of a row follow from its columns.
    """
    contract = found.rows.contract
    # What the extract lacks is no column of the file: empty columns would cost as much as filled ones.
    columns = ", ".join(f'"{name}"' for name in (*found.rows.columns, *found.rows.line_columns))
    event = coalesced(contract.event_date, "null::date")
    rows = f"({found.rows.accepted_sql()}) as accepted"
    if comparison.has_history:
        rows += f" join (select * exclude (event_date) from {comparison.differences}) as differing using (position)"
    loaded_at = f"timestamp '{stamp.loaded_at}'"
    return f"""
        select {columns},
            date_trunc('{stamp.period_type}', coalesce({event}, date '{stamp.newest_event}'))::date as {_PERIOD},
            {_known_from_sql(contract, comparison, loaded_at)} as known_from_at,
            {_late_sql(comparison)} as is_late_row,
            {"case when is_held then 'changed' else 'new' end" if comparison.has_history else "'new'"} as change_code,
            {event} as event_date
        from {rows}
    """


def _known_from_sql(contract: Contract, comparison: Comparison, loaded_at: str) -> str:
    """When a row became known; decision 0001 gives the rules."""
    known, always = f"{coalesced(contract.known_date, 'null::date')}::timestamp", f"timestamp '{ALWAYS_KNOWN}'"
    # A ledger has no event date, but each of its entries says when it was made.
    is_ledger = bool(contract.known_date) and not contract.event_date
    stated = f"coalesce(known_at, {known})" if is_ledger else "known_at"
    if not comparison.has_history:
        return f"coalesce({stated}, {known if contract.event_date else always})"
    # Names and descriptions are no news; terms, prices and plans that come later were not known before.
    by_event, is_named = is_news_sql(comparison.high_waters), contract.name in referenced_columns()
    return f"""
            case
                when held_from_at is null and {stated} is not null then {stated}
                -- A correction that repeats the moment of the version it corrects would rewrite the past, and so would
                -- a row that comes back.
                when {stated} > held_from_at and (is_held or {stated} >= held_to_at) then {stated}
                when held_from_at is not null then {loaded_at}
                when {by_event} then {known}
                when {"true" if is_named else "false"} then {always}
                else {loaded_at}
            end"""


def _late_sql(comparison: Comparison) -> str:
    # Where nothing of a kind was landed yet, nothing of it can be late.
    known = {column: newest for column, newest in comparison.high_waters.items() if newest is not None}
    if not comparison.has_history or not known:
        return "false"
    return f"coalesce(not coalesce(is_held, false) and not {is_news_sql(comparison.high_waters)}, false)"


def _write_periods(work: duckdb.DuckDBPyConnection, draft: Path, entity: str, load_id: str) -> None:
    """One file a period, all in one pass over the rows."""
    parts = draft / ".parts"
    # With the limit at its default, more than a hundred periods would come as several files each.
    work.execute("set partitioned_write_max_open_files = 100000")
    work.execute(
        f"copy (select * exclude (change_code, event_date) from delta) to {sql_text(parts)} "
        f"(format parquet, compression zstd, partition_by ({_PERIOD}), write_partition_columns true)"
    )
    for folder in parts.iterdir():
        (file,) = folder.iterdir()
        file.rename(folder / f"{load_id}.parquet")
        folder.rename(parts / folder.name.partition("=")[2])
    parts.rename(draft / entity)


def _left_periods(work: duckdb.DuckDBPyConnection, comparison: Comparison) -> set[dt.date]:
    """Periods of versions that are replaced: they may differ from those of the versions that replace them."""
    if not comparison.has_history:
        return set()
    found = work.execute(
        f"select distinct held_period from {comparison.differences} where position is not null and is_held"
    ).fetchall()
    return {period for (period,) in found}


def _retracted_periods(work: duckdb.DuckDBPyConnection, comparison: Comparison) -> dict[dt.date, int]:
    if not comparison.missing_row_count:
        return {}
    return dict(work.execute(f"select {_PERIOD}, count(*) from {comparison.missing} group by all").fetchall())


def _write_retracted(work: duckdb.DuckDBPyConnection, comparison: Comparison, folder: Path, stamp: LoadStamp) -> None:
    folder.mkdir(parents=True)
    file = folder / f"{stamp.load_id}.parquet"
    # Closed no earlier than it was known, so that no version has an end before its start.
    work.execute(
        f"copy (select row_key, event_date, {_PERIOD}, "
        f"greatest(known_from_at, timestamp '{stamp.loaded_at}') as known_to_at, {sql_text(stamp.load_id)} as load_id, "
        f"timestamp '{stamp.loaded_at}' as loaded_at from {comparison.missing} order by row_key) "
        f"to {sql_text(file)} (format parquet, compression zstd)"
    )
