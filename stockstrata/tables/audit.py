"""Tables of the schema `audit`."""

from stockstrata.tables.common import PERIOD, Column, Table

CYCLE_MANIFEST = Table(
    "audit.cycle_manifest",
    ("period_start_date",),
    (
        PERIOD,
        Column("cut_off_at", "TIMESTAMP", "Nothing learnt at or after this moment was used, UTC."),
        Column("source_name", "VARCHAR", "Source that was planned."),
        Column("code_version", "VARCHAR", "Version of Stockstrata."),
        Column("code_hash", "VARCHAR", "Hash of the project's code and models."),
        Column("lock_hash", "VARCHAR", "Hash of requirements.lock."),
        Column("contracts_hash", "VARCHAR", "Hash of the input contract."),
        Column("input_hash", "VARCHAR", "Hash over the known rows, parameters, company and earlier cycles."),
        Column("output_hash", "VARCHAR", "Hash over the tables that the cycle wrote."),
        Column("load_count", "BIGINT", "Landed loads that the cycle could see."),
        Column("newest_load_id", "VARCHAR", "Newest load in the warehouse when the cycle ran, seen by it or not."),
        Column("seed", "BIGINT", "Seed of every random draw that the cycle may make."),
    ),
)

CYCLE_OBJECT = Table(
    "audit.cycle_object",
    ("period_start_date", "object_type_code", "object_name"),
    (
        PERIOD,
        Column(
            "object_type_code",
            "VARCHAR",
            "Read: landing_file, extract_file, known_rows, parameter, company, cycle (another cycle), environment "
            "(interpreter, processor, libraries). Made on the way: feature. Written: table.",
        ),
        Column("object_name", "VARCHAR", "File, table, period of the other cycle, or library."),
        Column("row_count", "BIGINT", "Rows in it; null where it has none."),
        Column("content_hash", "VARCHAR", "Hash of its content, run columns left out; of a library its version."),
    ),
)

CYCLE_MART = Table(
    "audit.cycle_mart",
    ("period_start_date", "mart_name"),
    (
        PERIOD,
        Column("mart_name", "VARCHAR", "Published table."),
        Column("row_count", "BIGINT", "Rows of the period; of a mart that is built whole, all rows."),
        Column("content_hash", "VARCHAR", "Hash of those rows, run columns left out."),
    ),
)

CYCLE_REPLAY = Table(
    "audit.cycle_replay",
    ("period_start_date", "object_type_code", "object_name"),
    (
        PERIOD,
        Column(
            "object_type_code",
            "VARCHAR",
            "As in audit_cycle_object, and code, lock and contracts (what planned), mart (what was published).",
        ),
        Column("object_name", "VARCHAR", "File, table, period of the other cycle, or library."),
        Column("recorded_hash", "VARCHAR", "Hash in the manifest of the cycle; null where it names no such object."),
        Column("replayed_hash", "VARCHAR", "Hash in the replay; null where it has no such object."),
        Column("held_hash", "VARCHAR", "Hash of what the warehouse holds at the replay; null where nothing is held."),
        Column(
            "verdict_code",
            "VARCHAR",
            "same; different; missing or unexpected in the replay; altered: the replay gives what was recorded, but "
            "the warehouse holds something else.",
        ),
    ),
)
