"""The rows of one entity that a load writes: what is new or changed, and when it became known."""

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from pydantic import BaseModel, ConfigDict

from data_quality.contracts import Contract, load_contracts
from data_quality.validation import EntityValidation, referenced_columns
from orchestration.resources.warehouse import OPEN_END, sql_text

ALWAYS_KNOWN = "1900-01-01"


class EntityLoad(BaseModel):
    """What one load brought of one entity."""

    model_config = ConfigDict(frozen=True)

    entity_name: str
    file_name: str
    file_hash: str
    landed_row_count: int
    accepted_row_count: int
    quarantined_row_count: int
    new_row_count: int
    changed_row_count: int
    unchanged_row_count: int
    late_row_count: int
    first_event_date: dt.date | None
    last_event_date: dt.date | None
    period_rows: dict[dt.date, int]
    clause_results: list[dict[str, Any]]


def write_entity(
    connection: duckdb.DuckDBPyConnection,
    entity: EntityValidation,
    draft: Path,
    load_id: str,
    loaded_at: dt.datetime,
    source_name: str,
    period_type: str,
    newest_event: dt.date,
) -> EntityLoad:
    """Write an entity's new and changed rows as one Parquet file a period, and its quarantine, into a draft.

    Args:
        connection: the warehouse, read only: what is known so far.
        entity: the judged extract.
        draft: folder of the load's draft.
        load_id: the load.
        loaded_at: its time, UTC.
        source_name: its source.
        period_type: month or week.
        newest_event: newest event date of all facts; master rows are filed under its period.
    """
    contract = load_contracts()[entity.entity_name]
    connection.register("accepted", entity.accepted)
    connection.execute(
        _delta_sql(contract),
        {
            "load_id": load_id,
            "loaded_at": loaded_at,
            "source_name": source_name,
            "period_type": period_type,
            "newest_event": newest_event,
        },
    )
    connection.unregister("accepted")
    rows = connection.execute(
        "select landing_period_start_date, count(*) from delta group by all order by all"
    ).fetchall()
    for period, _ in rows:
        target = draft / contract.name / period.isoformat() / f"{load_id}.parquet"
        target.parent.mkdir(parents=True)
        connection.execute(
            f"copy (select * exclude (change_code, event_date) from delta where landing_period_start_date = "
            f"date '{period}' order by row_number) to {sql_text(target)} (format parquet, compression zstd)"
        )
    # A version that is replaced may lie in another period than the one that replaces it.
    replaced = connection.execute(
        f"select distinct landing_period_start_date from raw.{contract.name} "
        f"where known_to_at = timestamp '{OPEN_END}' "
        "and row_key in (select row_key from delta where change_code = 'changed')"
    ).fetchall()
    period_rows = {period: 0 for (period,) in replaced} | dict(rows)
    counted = connection.execute(
        "select count(*) filter (change_code = 'new'), count(*) filter (change_code = 'changed'), "
        "count(*) filter (is_late_row), min(event_date), max(event_date) from delta"
    ).fetchone()
    new, changed, late, first, last = counted or (0, 0, 0, None, None)
    if len(entity.quarantine):
        _append_quarantine(connection, entity, draft / "quarantine" / f"{load_id}.parquet", load_id, loaded_at)
    connection.execute("drop table delta")
    return EntityLoad(
        entity_name=contract.name,
        file_name=entity.file_name,
        file_hash=entity.file_hash,
        landed_row_count=entity.landed_row_count,
        accepted_row_count=entity.accepted_row_count,
        quarantined_row_count=entity.quarantined_row_count,
        new_row_count=new,
        changed_row_count=changed,
        unchanged_row_count=entity.accepted_row_count - new - changed,
        late_row_count=late,
        first_event_date=first,
        last_event_date=last,
        period_rows=period_rows if contract.event_date else {},
        clause_results=[dict(vars(result)) for result in entity.clause_results],
    )


def _delta_sql(contract: Contract) -> str:
    """Rows that are new or differ from the version known so far, with their place in time."""
    columns = ", ".join(f"accepted.{column.name}" for column in contract.columns)
    # Names and descriptions are no news; terms, prices and plans that come later were not known before.
    is_named = "true" if contract.name in referenced_columns() else "false"
    event = _coalesced(contract.event_date, "null::date")
    known = _coalesced(contract.known_date, "null::date")
    return f"""
        create temp table delta as
        with known_rows as (
            select row_key, row_hash, known_from_at from raw.{contract.name} where known_to_at = timestamp '{OPEN_END}'
        ),
        before as (
            -- A date in the future (a typing error, an order for next year) says nothing of how far the feed has come.
            select max({event}) filter ({event} <= loaded_at::date) as high_water, count(*) = 0 as is_first_load
            from raw.{contract.name}
        ),
        placed as (
            select accepted.*, known_rows.row_key is null as is_new, {event} as event_date, {known} as known_date,
                before.high_water, before.is_first_load, known_rows.known_from_at as held_from_at,
                {"true" if contract.event_date else "false"} as is_fact
            from accepted
            cross join before
            left join known_rows on known_rows.row_key = accepted.row_key
            where known_rows.row_key is null or known_rows.row_hash <> accepted.row_hash
        )
        select {columns.replace("accepted.", "")}, $source_name as source_name, file_name, row_number, row_key,
            row_hash,
            $load_id as load_id, $loaded_at::timestamp as loaded_at,
            date_trunc($period_type, coalesce(event_date, $newest_event::date))::date as landing_period_start_date,
            case
                when is_new and known_at is not null then known_at
                -- A correction that repeats the moment of the version it corrects would rewrite the past.
                when known_at > held_from_at then known_at
                when not is_new then $loaded_at::timestamp
                when is_fact and (is_first_load or event_date > coalesce(high_water, date '{ALWAYS_KNOWN}'))
                    then known_date::timestamp
                when not is_fact and (is_first_load or {is_named}) then timestamp '{ALWAYS_KNOWN}'
                else $loaded_at::timestamp
            end as known_from_at,
            timestamp '{OPEN_END}' as known_to_at,
            coalesce(is_fact and is_new and event_date <= high_water, false) as is_late_row,
            case when is_new then 'new' else 'changed' end as change_code, event_date
        from placed
    """


def _coalesced(columns: tuple[str, ...], otherwise: str) -> str:
    return f"coalesce({', '.join(columns)})" if columns else otherwise


def _append_quarantine(
    connection: duckdb.DuckDBPyConnection, entity: EntityValidation, file: Path, load_id: str, loaded_at: dt.datetime
) -> None:
    rows = entity.quarantine.assign(load_id=load_id, loaded_at=loaded_at)
    if file.exists():
        rows = pd.concat([pd.read_parquet(file), rows], ignore_index=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    rows.to_parquet(file, index=False)
