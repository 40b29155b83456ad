-- Grain: one row per (period_start_date, item_id, location_id, bucket_start_date)

{{ config(materialized="incremental") }}

with forecasts as (
    select * from {{ ref("stg_engine__demand_forecast") }}
    where {{ in_window("period_start_date") }}
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
    from forecasts
)

select * from final
