-- Grain: one row per (period_start_date, item_id, location_id, bucket_start_date)

{{ config(materialized="incremental") }}

with forecasts as (
    select * from {{ ref("stg_engine__demand_forecast") }}
    where {{ in_window("period_start_date") }}
),

champions as (
    select * from {{ ref("stg_engine__champion") }}
    where {{ in_window("period_start_date") }}
),

final as (
    select
        forecasts.period_start_date,
        forecasts.item_id,
        forecasts.location_id,
        forecasts.bucket_start_date,
        forecasts.horizon_bucket,
        forecasts.model_code,
        champions.reason_code as model_reason_code,
        forecasts.mean_qty,
        forecasts.baseline_qty,
        forecasts.uplift_qty,
        forecasts.sd_qty,
        forecasts.p10_qty,
        forecasts.p50_qty,
        forecasts.p80_qty,
        forecasts.p90_qty,
        forecasts.p95_qty,
        forecasts.p98_qty,
        forecasts.parameters_version,
        forecasts.run_id,
        forecasts.computed_at
    from forecasts
    left join champions using (period_start_date, item_id, location_id)
)

select * from final
