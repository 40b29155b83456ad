-- Grain: one row per (period_start_date, segment_code, signal_code)

{{ config(materialized="incremental") }}

with source as (
    select * from {{ ref("stg_engine__demand_signal_choice") }}
    where {{ in_window("period_start_date") }}
),

final as (
    select
        period_start_date,
        segment_code,
        signal_code,
        error_ratio,
        series_count,
        observation_count,
        is_chosen,
        reason_code,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
