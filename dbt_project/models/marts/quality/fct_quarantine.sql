-- Grain: one row per (load_id, entity_name, file_name, row_number, clause_name, column_name)

{{ config(materialized="table") }}

with quarantine as (
    select * from {{ ref("stg_quality__quarantine") }}
),

final as (
    select
        load_id,
        entity_name,
        file_name,
        row_number,
        clause_name,
        column_name,
        severity_code,
        found_value,
        expected_text,
        reason,
        row_json,
        loaded_at
    from quarantine
)

select * from final
