-- Grain: one row per (load_id, entity_name, file_name, row_number, clause_name, column_name)

with source as (
    select * from {{ source('quality', 'quarantine') }}
),

final as (
    select
        load_id,
        entity_name,
        file_name,
        row_number,
        column_name,
        clause_name,
        severity_code,
        found_value,
        expected_text,
        reason,
        row_json,
        loaded_at
    from source
)

select * from final
