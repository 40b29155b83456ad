-- Grain: one row per (period_start_date, segment_code, interval_method_code)

{{ config(materialized="incremental") }}

with interval_method as (
    select * from {{ ref("stg_engine__interval_method") }}
    where {{ in_window("period_start_date") }}
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
        parameters_version,
        run_id,
        computed_at
    from interval_method
)

select * from final
