"""Which files of landing a cycle could see: those whose rows it may use, and those that it judges a feed by."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from data_quality.contracts import load_contracts
from orchestration.resources.entity_load import RETRACTED_FOLDER
from orchestration.resources.load_record import Load

# The newest load that judged a feed, of those that the cycle has seen: only its refused rows still stand.
JUDGED = "intermediate.int_feeds__judged"
_JUDGED_FEEDS = f"""
    select entity_name, load_id, count(quarantine.row_number) > 0 as has_refused_rows
    from {JUDGED} left join quality.quarantine using (load_id, entity_name)
    where period_start_date = ? group by all order by all
"""


@dataclass(frozen=True)
class SeenFiles:
    """What a cycle could see of landing.

    Attributes:
        load_of: load by name of the file, as the loads note it.
        extracts: load and entity of the extracts behind them, sorted.
    """

    load_of: Mapping[str, str]
    extracts: tuple[tuple[str, str], ...]


def seen_files(
    connection: duckdb.DuckDBPyConnection, loads: Mapping[str, Load], period: dt.date, cut_off: dt.date
) -> SeenFiles:
    """The files that the cycle of a period could see, whenever they were landed.

    Args:
        connection: to the warehouse.
        loads: the landed loads by id.
        period: first day of the period.
        cut_off: nothing learnt at or after this day was used.
    """
    selects = [
        f"select distinct '{name}' as entity_name, load_id, landing_period_start_date::varchar as landing_period "
        f"from raw.{name} where known_from_at < timestamp '{cut_off}'"
        for name in load_contracts()
    ]
    rows = connection.execute(" union all ".join(selects)).fetchall()
    judged = connection.execute(_JUDGED_FEEDS, [period]).fetchall()
    load_of = {f"{entity}/{landing_period}/{load_id}.parquet": load_id for entity, load_id, landing_period in rows}
    load_of |= {f"quarantine/{load_id}.parquet": load_id for _, load_id, has_refused_rows in judged if has_refused_rows}
    # A retraction counts from its load: what an extract lacks was still held the moment before.
    earlier = [load for load in loads.values() if load.loaded_at.date() < cut_off]
    load_of |= {
        name: load.load_id for load in earlier for name in load.files if name.startswith(f"{RETRACTED_FOLDER}/")
    }
    extracts = {(load_id, entity) for entity, load_id, _ in [*rows, *judged]}
    return SeenFiles(dict(sorted(load_of.items())), tuple(sorted(extracts)))
