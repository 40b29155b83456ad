-- Grain: one row per (period_start_date, object_type_code, object_name)

{{ config(materialized="incremental") }}

with objects as (
    select * from {{ ref("stg_engine__cycle_object") }}
    where {{ in_window("period_start_date") }}
),

final as (
    select
        period_start_date,
        object_type_code,
        object_name,
        row_count,
        content_hash,
        parameters_version,
        run_id,
        computed_at
    from objects
)

select * from final
