-- Grain: one row per (period_start_date, level_code, segment_code, method_code)

with source as (
    select * from {{ source('engine', 'hierarchy_choice') }}
),

final as (
    select
        period_start_date,
        level_code,
        segment_code,
        method_code,
        error_ratio,
        series_count,
        origin_count,
        is_chosen,
        is_flagged,
        is_applied,
        reason_code,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
