-- Grain: one row per (period_start_date, made_period_start_date, item_id, location_id, bucket_start_date)

with source as (
    select * from {{ source('engine', 'judged_forecast') }}
),

final as (
    select
        period_start_date,
        made_period_start_date,
        item_id,
        location_id,
        bucket_start_date,
        lag_buckets,
        segment_code,
        actual_qty,
        naive_qty,
        baseline_qty,
        smoothed_qty,
        overridden_qty,
        final_qty,
        p10_qty,
        p50_qty,
        p90_qty,
        p95_qty,
        naive_mae_qty,
        naive_rmse_qty,
        override_id,
        person,
        reason_code,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
