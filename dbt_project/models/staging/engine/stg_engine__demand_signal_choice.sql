-- Grain: one row per (period_start_date, segment_code, signal_code)

with source as (
    select * from {{ source('engine', 'demand_signal_choice') }}
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
