-- Grain: one row per (load_id, entity_name, file_name)

-- A view, because a test that is all its own hangs on it.
{{ config(materialized="view") }}

with source as (
    select * from {{ source('quality', 'load') }}
),

final as (
    select
        load_id,
        entity_name,
        source_name,
        file_name,
        file_hash,
        loaded_at,
        landed_row_count,
        accepted_row_count,
        quarantined_row_count,
        new_row_count,
        changed_row_count,
        unchanged_row_count,
        late_row_count,
        first_event_date,
        last_event_date,
        read_code,
        read_reason,
        retracted_row_count
    from source
)

select * from final
