-- Grain: one row per (load_id, entity_name, clause_name, column_name)

with source as (
    select * from {{ source('quality', 'clause_result') }}
),

final as (
    select
        load_id,
        entity_name,
        clause_name,
        column_name,
        severity_code,
        checked_row_count,
        failed_row_count,
        is_passed,
        loaded_at
    from source
)

select * from final
