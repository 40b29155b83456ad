-- Grain: one row per (period_start_date, segment_code, stream_code)

with source as (
    select * from {{ source('engine', 'stream_weight') }}
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
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
