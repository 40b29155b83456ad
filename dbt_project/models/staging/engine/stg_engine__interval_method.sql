-- Grain: one row per (period_start_date, segment_code, interval_method_code)

with source as (
    select * from {{ source('engine', 'interval_method') }}
),

final as (
    select
        period_start_date,
        segment_code,
        interval_method_code,
        pool_code,
        judged_on_code,
        series_count,
        observation_count,
        pinball_ratio,
        coverage_p90_rate,
        coverage_p95_rate,
        coverage_p98_rate,
        is_chosen,
        base_method_code,
        standard_quantiles,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
