-- Grain: one row per (period_start_date, segment_code, stream_code)

{{ config(materialized="incremental") }}

with weights as (
    select * from {{ ref("stg_engine__stream_weight") }}
    where {{ in_window("period_start_date") }}
),

final as (
    select
        period_start_date,
        segment_code,
        stream_code,
        observation_count,
        actual_qty,
        absolute_error_qty,
        statistical_error_qty,
        wape_rate,
        relative_error_ratio,
        weight_rate,
        1 - relative_error_ratio as value_added_rate,
        parameters_version,
        run_id,
        computed_at
    from weights
)

select * from final
