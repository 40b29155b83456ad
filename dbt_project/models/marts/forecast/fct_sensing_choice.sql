-- Grain: one row per (period_start_date, segment_code)

{{ config(materialized="incremental") }}

with source as (
    select * from {{ ref("stg_engine__sensing_choice") }}
    where {{ in_window("period_start_date") }}
),

final as (
    select
        period_start_date,
        segment_code,
        weight_rate,
        wape_rate,
        sensed_wape_rate,
        observation_count,
        is_sensing_on,
        reason_code,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
