-- Grain: one row per (run_id, step_name, asset_name)

with source as (
    select * from {{ source('quality', 'run_step') }}
),

final as (
    select
        run_id,
        job_name,
        period_start_date,
        run_status_code,
        step_name,
        asset_name,
        started_at,
        step_duration_seconds,
        asset_duration_seconds,
        row_count
    from source
)

select * from final
