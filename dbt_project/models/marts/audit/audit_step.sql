-- Grain: one row per (run_id, step_name, asset_name)

-- A view: the figures of a cycle are brought after its marts were built, so that those of the marts are among them.
{{ config(materialized="view") }}

with steps as (
    select * from {{ ref("stg_quality__run_step") }}
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
    from steps
)

select * from final
