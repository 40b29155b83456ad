-- Grain: one row per (period_start_date, object_type_code, object_name)

with source as (
    select * from {{ source('engine', 'cycle_object') }}
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
    from source
)

select * from final
