-- No row of a load is lost between landing, acceptance and quarantine.
select load_id, entity_name, file_name, landed_row_count, accepted_row_count, quarantined_row_count
from {{ ref("stg_quality__load") }}
where landed_row_count <> accepted_row_count + quarantined_row_count
