"""What is written down of a load: of its files, of each entity, and of what each entity was judged from."""

import datetime as dt
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

RetractionCode = Literal["not_asked", "done", "withheld"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class LandedFile(_Record):
    """What a Parquet file of a load must be for ever."""

    row_count: int
    sha256: str


class InputFile(_Record):
    """A file as it was read; one of the same size and time is taken to be the same."""

    size_bytes: int
    modified_at_ns: int
    sha256: str


class Reading(_Record):
    """What an entity was judged from: as long as all of it stays as it is, judging it again gives the same.

    Attributes:
        rules_hash: contracts and code that read and judge.
        settings_hash: what `source.yaml` says about reading the entity.
        inputs: the files, by their path.
        reference_keys: by entity that its rows point at, a hash over the keys known there; empty where none were.
        refused_references: entities that some row points at with a key unknown there.
        retraction_code: whether rows that the extract lacks were retracted: `not_asked` where the extract does not
            tell, `withheld` where rows without a readable key may be the ones that are missing.
    """

    rules_hash: str
    settings_hash: str
    inputs: dict[str, InputFile]
    reference_keys: dict[str, str]
    refused_references: tuple[str, ...]
    retraction_code: RetractionCode


class PeriodRows(_Record):
    """Rows of one period that a load brought or retracted."""

    new_row_count: int = 0
    changed_row_count: int = 0
    late_row_count: int = 0
    retracted_row_count: int = 0


class EntityLoad(_Record):
    """What one load brought of one entity.

    Attributes:
        read_code: `reused` where the entity was not read, because nothing it rests on had changed.
        read_reason: why it was read or not.
        landed_row_count: rows of the file; accepted plus quarantined ones.
        first_event_date: oldest event date of new and changed rows; `last_event_date` the newest.
        newest_event_date: newest event date of all accepted rows.
        period_rows: by period, what came and went; a period that a corrected row left stands here with zeros.
    """

    entity_name: str
    file_name: str
    file_hash: str
    read_code: Literal["read", "reused"]
    read_reason: str
    landed_row_count: int
    accepted_row_count: int
    quarantined_row_count: int
    new_row_count: int
    changed_row_count: int
    unchanged_row_count: int
    late_row_count: int
    retracted_row_count: int
    first_event_date: dt.date | None
    last_event_date: dt.date | None
    newest_event_date: dt.date | None
    period_rows: dict[dt.date, PeriodRows]
    clause_results: list[dict[str, Any]]
    reading: Reading

    def figures(self) -> dict[str, Any]:
        """The row of `quality.load`, without the load's own columns."""
        return self.model_dump(exclude={"newest_event_date", "period_rows", "clause_results", "reading"})


class Load(_Record):
    """One whole load of a source; `is_new` is false when nothing had changed since the load before.

    `files` names every Parquet file that the load wrote, by its path below the landing folder.
    """

    load_id: str
    source_name: str
    loaded_at: dt.datetime
    entities: dict[str, EntityLoad]
    files: dict[str, LandedFile]
    is_new: bool = True

    def touched_periods(self) -> list[dt.date]:
        """Periods of facts in which rows came, changed or went, oldest first."""
        return sorted({period for entity in self.entities.values() for period in entity.period_rows})
