-- Grain: one row per (period_start_date, evaluation_code, segment_code, lag_buckets)

with source as (
    select * from {{ source('engine', 'forecast_accuracy') }}
),

final as (
    select
        period_start_date,
        evaluation_code,
        segment_code,
        lag_buckets,
        series_count,
        observation_count,
        actual_qty,
        forecast_qty,
        absolute_error_qty,
        wape_rate,
        bias_rate,
        mase_ratio,
        pinball_p50_ratio,
        pinball_p90_ratio,
        pinball_p95_ratio,
        coverage_p90_rate,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
