-- Grain: one row per (period_start_date, item_id, location_id)

{{ config(materialized="incremental") }}

with trackings as (
    select * from {{ ref("stg_engine__forecast_tracking") }}
    where {{ in_window("period_start_date") }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        segment_code,
        owner,
        bucket_count,
        actual_qty,
        forecast_qty,
        error_qty,
        mad_qty,
        wape_rate,
        bias_rate,
        mape_rate,
        mase_ratio,
        rmsse_ratio,
        pinball_p50_ratio,
        pinball_p90_ratio,
        pinball_p95_ratio,
        coverage_p90_rate,
        tracking_signal_ratio,
        bias_z_ratio,
        is_biased,
        plan_bucket_count,
        previous_plan_qty,
        plan_qty,
        plan_change_qty,
        plan_change_qty / nullif(previous_plan_qty, 0) as plan_change_rate,
        parameters_version,
        run_id,
        computed_at
    from trackings
)

select * from final
