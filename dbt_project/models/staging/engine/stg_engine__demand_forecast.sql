-- Grain: one row per (period_start_date, item_id, location_id, bucket_start_date)

with source as (
    select * from {{ source('engine', 'demand_forecast') }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        bucket_start_date,
        horizon_bucket,
        model_code,
        mean_qty,
        baseline_qty,
        uplift_qty,
        sd_qty,
        p10_qty,
        p50_qty,
        p80_qty,
        p90_qty,
        p95_qty,
        p98_qty,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
